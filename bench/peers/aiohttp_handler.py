"""A bare aiohttp handler: the fixed body from memory, on the low-level server.

    python -m bench.peers.aiohttp_handler PORT [log]

No routes, no middlewares, no log: the least that aiohttp can do for an answer. With `log` it writes
aiohttp's access log, a line per call.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import uvloop
from aiohttp import web

from bench.payload import BODY

HEADERS = {"Content-Type": "application/json"}


async def handle(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=BODY, headers=HEADERS)


def access_log(wanted: str) -> logging.Logger | None:
    """aiohttp's, on standard error, where it is wanted."""
    if not wanted:
        return None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return logging.getLogger("aiohttp.access")


async def main(port: int, log: str) -> None:
    runner = web.ServerRunner(web.Server(handle, access_log=access_log(log)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), "".join(sys.argv[2:])))
