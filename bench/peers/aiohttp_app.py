"""The bare handler and the bare proxy as most people write them: on `web.Application`.

    python -m bench.peers.aiohttp_app PORT [UPSTREAM]

With an upstream it is the proxy behind a catch-all route, else the handler behind one route.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web

from bench.peers.aiohttp_handler import handle
from bench.peers.aiohttp_proxy import CONNECTIONS, Proxy


async def main(port: int, upstream: str) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        app = web.Application()
        if upstream:
            app.router.add_route("*", "/{path:.*}", Proxy(session, upstream).__call__)
        else:
            app.router.add_get("/stored", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), "".join(sys.argv[2:])))
