"""The operator's own address: numbers, reports, readiness with reasons. No plugin is served here.

Nothing here asks who calls, so by default it is at the loopback address. There a page in a browser
could reach it under a name of its own that it makes point here (DNS rebinding): only names that
mean this machine are answered, and no other page may read an answer (no CORS).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from gateway.listening import port_of, tcp
from gateway.telemetry.snapshots import Snapshot

log = logging.getLogger("gateway")

DEFAULT = "127.0.0.1:9090"
# An admin's connections are few; whoever has many asks for all of them to be closed.
_IDLE_SECONDS = 30.0
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Server": "plugin-gateway",
}

# Gives a body and its content type for the numbers and an Accept header; runs in a thread.
Page = Callable[[Snapshot, str], tuple[bytes, str]]
# Whether the gateway is ready, and all that is to be said of it.
Ready = Callable[[], tuple[bool, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the admin server listens."""

    host: str
    port: int

    @property
    def shown(self) -> str:
        """As it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str) -> Address | None:
    """`HOST:PORT`, `[::1]:PORT` or `no`, which is None. Raises: ValueError."""
    if text == "no":
        return None
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise ValueError(f"{text!r} is no HOST:PORT, such as {DEFAULT} or 0.0.0.0:9090, nor `no`")
    return Address(match[1] or match[2], int(match[3]))


class Admin:
    """The server. `pages` are its documents by path, beside `/healthz` and `/readyz`."""

    def __init__(
        self, ready: Ready, snapshot: Callable[[], Snapshot], pages: Mapping[str, Page]
    ) -> None:
        self._ready, self._snapshot, self._pages = ready, snapshot, pages
        self._runner: web.ServerRunner | None = None
        self._host = ""
        self._is_local = True
        self.url = ""

    async def start(self, address: Address) -> None:
        """Listen. Raises: OSError."""
        sockets = tcp(address.host, address.port)
        self._host = address.host.lower()
        self._is_local = all(_is_loopback(one) for one in sockets)
        server = web.Server(
            self._answer, access_log=None, keepalive_timeout=_IDLE_SECONDS, auto_decompress=False
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        port = port_of(sockets)
        for one in sockets:
            await web.SockSite(self._runner, one).start()
        self.url = f"http://{Address(address.host, port).shown}"

    async def close(self) -> None:
        """Stop."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.path
        if self._is_local and not self._is_ours(request.headers.get("Host", "")):
            return _json({"error": "This host is not known to be this machine."}, 403)
        if path not in ("/", "/healthz", "/readyz", *self._pages):
            return _json({"error": "There is nothing here.", "here": self._index()}, 404)
        if request.method not in ("GET", "HEAD"):
            response = _json({"error": "This can only be read: GET."}, 405)
            response.headers["Allow"] = "GET, HEAD"
            return response
        match path:
            case "/":
                return _json({"here": self._index()})
            case "/healthz":
                return _json({"alive": True})
            case "/readyz":
                is_ready, said = self._ready()
                return _json(said, 200 if is_ready else 503)
        # Of thousands of operations it takes long to write: callers are not to wait for it.
        accept = request.headers.get("Accept", "")
        try:
            body, content_type = await asyncio.to_thread(
                self._pages[path], self._snapshot(), accept
            )
        except Exception:
            log.exception("%s failed", path)
            return _json({"error": "This is the gateway's fault; its log has the reason."}, 500)
        headers = {**_HEADERS, "Content-Type": content_type, "Vary": "Accept"}
        return web.Response(body=body, headers=headers)

    def _index(self) -> Sequence[str]:
        return ["/healthz", "/readyz", *self._pages]

    def _is_ours(self, host: str) -> bool:
        """Whether a Host can only mean this machine."""
        name = re.sub(r":\d*$", "", host.lower()).removesuffix(".")
        if name in (self._host, "localhost") or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def _is_loopback(bound: socket.socket) -> bool:
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value, enc_hook=str)
    headers = {**_HEADERS, "Content-Type": "application/json"}
    return web.Response(status=status, body=body, headers=headers)
