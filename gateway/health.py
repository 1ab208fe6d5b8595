"""`python -m gateway.health`: is the gateway of this container alive? 0 yes, 1 no.

For the image's HEALTHCHECK. It is run every few seconds for as long as the container lives, so it
imports nothing but the standard library: as a command beside the others it would load the whole
gateway each time, at ten times the processor time. It finds the gateway by the environment that
`serve` reads, and goes by no proxy of it.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection

SECONDS = 2.0
_EVERY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def ill(env: Mapping[str, str]) -> str:
    """What is wrong with the gateway of this environment; nothing if it is alive."""
    host, port = env.get("GATEWAY_HOST", ""), env.get("GATEWAY_PORT") or "8080"
    path = env.get("GATEWAY_UNIX", "")
    where = path or f"{_EVERY.get(host, host)} port {port}"
    try:
        is_tls = bool(env.get("GATEWAY_TLS_CERT"))
        asked = _connection(path, _EVERY.get(host, host), port, is_tls=is_tls)
        with closing(asked) as connection:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        return f"{where}: {error or type(error).__name__}"
    return "" if status == 200 else f"{where}: /healthz answers {status}"


def _connection(path: str, host: str, port: str, *, is_tls: bool) -> HTTPConnection:
    if path:
        return _UnixConnection(path)
    if not is_tls:
        return HTTPConnection(host, int(port), timeout=SECONDS)
    # It is asked at its own address, which no certificate names; nothing secret is said.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, int(port), timeout=SECONDS, context=context)


if __name__ == "__main__":
    sys.exit(ill(os.environ) or 0)
