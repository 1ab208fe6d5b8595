"""A bare aiohttp reverse proxy: one client session, hop-by-hop fields dropped, body passed.

    python -m bench.peers.aiohttp_proxy PORT UPSTREAM [log]

On the low-level server, without routes, middlewares or log. Bodies are read whole, which for
small ones is cheaper than streaming them; content codings are passed as they come. With `log` it
writes aiohttp's access log, a line per call.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bench.peers.aiohttp_handler import access_log

CONNECTIONS = 256  # more than the client has, so that no call waits for one
HOP_BY_HOP = (  # RFC 9110 section 7.6.1
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)


def end_to_end(fields: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The fields that are not for one connection only."""
    kept = CIMultiDict(fields)
    for named in fields.getall("Connection", ()):
        for name in named.split(","):
            kept.popall(name.strip(), None)
    for name in HOP_BY_HOP:
        kept.popall(name, None)
    return kept


class Proxy:
    """The handler of every request."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str) -> None:
        self._session = session
        self._upstream = upstream

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = end_to_end(request.headers)
        headers.popall("Host", None)
        body = await request.read() if request.can_read_body else None
        async with self._session.request(
            request.method,
            URL(self._upstream + request.raw_path, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
        ) as response:
            return web.Response(
                status=response.status,
                headers=end_to_end(response.headers),
                body=await response.read(),
            )


async def main(port: int, upstream: str, log: str) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        server = web.Server(Proxy(session, upstream), access_log=access_log(log))
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], "".join(sys.argv[3:])))
