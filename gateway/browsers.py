"""Pages of other sites: they may call only where they are let in (the Fetch standard, 3.2)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import istr

from gateway.errors import OriginRefused
from gateway.forwarded import Network, origin_of, trusts
from gateway.response import SERVER, varies_by

MAX_HOSTS = 64  # values of Host that are remembered as ours
# What says so is for the site itself: no other page may read it, the chat front ends neither.
_CLOSED = "Cross-Origin-Resource-Policy"
_FETCH_SITE = istr("Sec-Fetch-Site")
_PREFLIGHT_METHODS = "GET, POST, PUT, PATCH, DELETE"
_PREFLIGHT_AGE = "600"
_FOREIGN = (
    "Pages of {} may not call. If they should, start the gateway with --origin for that address."
)
_EXPOSED = (
    "ETag, Retry-After, Location, Age, Cache-Status, WWW-Authenticate, Answer-Tokens, "
    "Server-Timing, RateLimit-Policy, RateLimit, Call-Id"
)


@dataclass(slots=True)
class Browsers:
    """Judges what pages ask, and says what they may read.

    Args:
        origins: Of the pages that are let in.
        trusted: The proxies whose word counts for how we were reached.
    """

    origins: frozenset[str]
    trusted: tuple[Network, ...]
    _named: Collection[str] = ()
    _own: set[str] = field(default_factory=set)

    def place(self, public_url: str, named: Collection[str]) -> None:
        """From now on plugins name these hosts."""
        self._named = named
        self._own = {urlsplit(public_url).netloc.lower()} - {""}

    def preflight(self, request: web.BaseRequest, *, closed: bool) -> web.StreamResponse:
        """The answer to OPTIONS; `closed` is what only the site itself may read."""
        response = web.Response(status=204, headers={"Server": SERVER})
        if closed:
            response.headers[_CLOSED] = "same-origin"
        elif request.headers.get("Origin") in self.origins:
            asked = request.headers.get("Access-Control-Request-Headers", "")
            response.headers["Access-Control-Allow-Methods"] = _PREFLIGHT_METHODS
            response.headers["Access-Control-Allow-Headers"] = asked or "Content-Type"
            response.headers["Access-Control-Max-Age"] = _PREFLIGHT_AGE
            if request.headers.get("Access-Control-Request-Private-Network") == "true":
                response.headers["Access-Control-Allow-Private-Network"] = "true"
        return response

    def allow(self, origin: str | None, response: web.StreamResponse) -> None:
        """Let the known front ends read the response; nobody else, and never with cookies.

        Vary says so to those who ask without an origin, too: a cache gives to both.
        """
        headers = response.headers
        varies_by(headers, hdrs.ORIGIN)
        if origin is not None and origin in self.origins and _CLOSED not in headers:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED

    def refuse_foreign(self, request: web.BaseRequest) -> None:
        """A page that is not let in may not call: it would use the gateway's credential from
        inside the user's network, and for a write it need not even read the answer.

        Browsers send Origin with all but simple reads, and Sec-Fetch-Site to what they hold for
        safe (Fetch Metadata, section 2.3). A page whose own name was made to point here (DNS
        rebinding) shows only in Host, so that is judged where calls come over the loopback.
        """
        headers = request.headers
        origin = headers.get(hdrs.ORIGIN)
        if origin is not None and origin in self.origins:
            return
        if headers.get(_FETCH_SITE) in ("cross-site", "same-site"):
            raise OriginRefused(_FOREIGN.format(repr((origin or "another site")[:200])))
        reached = None
        if origin is not None:
            reached = origin_of(request.remote or "", request.secure, headers, self.trusted)
            if reached is None or origin.lower() != f"{reached[0]}://{reached[1]}":
                raise OriginRefused(_FOREIGN.format(repr(origin[:200])))
        host = (headers.get(hdrs.HOST) or "").lower()
        if host in self._own or (self.trusted and trusts(self.trusted, request.remote or "")):
            return
        if (origin is not None or _is_loopback(request)) and not self.is_ours(host):
            raise OriginRefused(
                f"The host {host[:200]!r} is not known to be this gateway. "
                "If it is, name it in a plugin's `hosts` or start the gateway with --public-url."
            )

    def is_ours(self, host: str) -> bool:
        """Whether Host can only mean us: an address, a loopback name, or one we were told."""
        name = host if host in self._named else re.sub(r":\d+$", "", host)
        known = (
            name in self._named
            or bare(host) in self._named
            or name == "localhost"
            or name.endswith(".localhost")
        )
        if not known:
            try:
                ipaddress.ip_address(name.strip("[]"))
            except ValueError:
                return False
        if len(self._own) < MAX_HOSTS:  # the next call with it need not be judged again
            self._own.add(host)
        return True


def _is_loopback(request: web.BaseRequest) -> bool:
    """Whether a request came in over the loopback interface."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return name is not None and is_loopback_name(name)


def is_loopback_name(name: tuple[object, ...]) -> bool:
    """Whether the name of a socket is an address of the loopback interface."""
    try:
        address = ipaddress.ip_address(str(name[0]))
    except ValueError:  # no address of the internet: a socket of the machine
        return True
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def bare(host: str) -> str:
    """A host without its port, and without the dot that a full name may end with."""
    return re.sub(r"\.?(:\d+)?$", "", host)
