"""A bare aiohttp handler: the fixed body from memory, on the low-level server.

    python -m bench.peers.aiohttp_handler PORT

No routes, no middlewares, no log: the least that aiohttp can do for an answer.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

from bench.payload import BODY

HEADERS = {"Content-Type": "application/json"}


async def handle(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=BODY, headers=HEADERS)


async def main(port: int) -> None:
    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
