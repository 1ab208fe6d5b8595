"""What FastMCP makes of an OpenAPI document: `FastMCP.from_openapi` over Streamable HTTP.

    python bench/peers/fastmcp_app.py serve PORT UPSTREAM
    python bench/peers/fastmcp_app.py tools SPEC [all|search|METHOD:/path,…]

Runs in an environment of its own (`fastmcp.txt`), so it imports nothing of the bench. Stateless,
JSON answers, one uvicorn worker on uvloop and httptools, no log; one client for all calls. Answers
are not held against a schema.

`tools` prints what `tools/list` gives of a spec: of all operations, of some, or with its search.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.providers.openapi import MCPType, RouteMap
from fastmcp.server.transforms.search import BM25SearchTransform

CONNECTIONS = 256  # more than the bench's client has, so that no call waits for one
SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "players", "version": "1"},
    "paths": {
        "/carried": {
            "get": {
                "operationId": "carried",
                "description": "One page of the players, asked of the upstream every time.",
                "parameters": [
                    {
                        "name": "page",
                        "in": "query",
                        "description": "The page to read",
                        "schema": {"type": "integer", "minimum": 0},
                    }
                ],
                "responses": {"200": {"description": "The page"}},
            }
        }
    },
}


def serve(port: int, upstream: str) -> None:
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    client = httpx2.AsyncClient(base_url=upstream, limits=limits, trust_env=False)
    server: FastMCP[Any] = FastMCP.from_openapi(SPEC, client, validate_output=False)
    app = server.http_app(json_response=True, stateless_http=True)
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error"
    )


async def tools(spec: dict[str, Any], chosen: str) -> None:
    """Print the list as a client of the protocol gets it."""
    named = [] if chosen in ("all", "search") else [one.split(":", 1) for one in chosen.split(",")]

    def kind(route: Any, _: MCPType) -> MCPType:
        wanted = not named or [route.method, route.path] in named
        return MCPType.TOOL if wanted else MCPType.EXCLUDE

    server: FastMCP[Any] = FastMCP.from_openapi(
        spec,
        httpx2.AsyncClient(base_url="https://api.example.com"),
        route_maps=[RouteMap(mcp_type=MCPType.TOOL)],
        route_map_fn=kind,
    )
    if chosen == "search":
        server.add_transform(BM25SearchTransform())
    listed = [one.to_mcp_tool() for one in await server.list_tools()]
    dumped = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in listed]
    sys.stdout.write(json.dumps(dumped))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), sys.argv[3])
    else:
        asyncio.run(tools(json.loads(Path(sys.argv[2]).read_bytes()), sys.argv[3]))
