"""`python -m gateway.health`: is the gateway of this container alive? 0 yes, 1 no.

For the image's HEALTHCHECK. It is run every few seconds for as long as the container lives, so it
imports nothing but the standard library: as a command beside the others it would load the whole
gateway each time, at ten times the processor time. It finds the gateway by the environment that
`serve` reads, and goes by no proxy of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException

SECONDS = 2.0
_EVERY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def ill(env: Mapping[str, str]) -> str:
    """What is wrong with the gateway of this environment; nothing if it is alive."""
    host, port = env.get("GATEWAY_HOST", ""), env.get("GATEWAY_PORT") or "8080"
    where = f"{_EVERY.get(host, host)} port {port}"
    try:
        asked = HTTPConnection(_EVERY.get(host, host), int(port), timeout=SECONDS)
        with closing(asked) as connection:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        return f"{where}: {error or type(error).__name__}"
    return "" if status == 200 else f"{where}: /healthz answers {status}"


if __name__ == "__main__":
    sys.exit(ill(os.environ) or 0)
