"""A reverse proxy as most people write it today: FastAPI, httpx, one uvicorn worker.

    python bench/peers/fastapi_proxy.py PORT UPSTREAM

Runs in an environment of its own (`fastapi.txt`), so it imports nothing of the bench. On uvloop
and httptools, without a log; one client for all calls, bodies read whole.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

PORT, UPSTREAM = int(sys.argv[1]), sys.argv[2]
CONNECTIONS = 256  # more than the client has, so that no call waits for one
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=UPSTREAM, limits=limits, trust_env=False) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def proxy(request: Request) -> Response:
    sent = [
        (name, value)
        for name, value in request.headers.items()
        if name not in HOP_BY_HOP and name != "host"
    ]
    url = httpx.URL(path=request.url.path, query=request.url.query.encode())
    reply = await app.state.client.request(
        request.method, url, headers=sent, content=await request.body()
    )
    kept = {name: value for name, value in reply.headers.items() if name not in HOP_BY_HOP}
    return Response(reply.content, reply.status_code, kept)


if __name__ == "__main__":
    uvicorn.run(
        app, port=PORT, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )
