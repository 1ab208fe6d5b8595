"""A plugin whose upstream hangs holds some of the calls that one caller may have, never all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tests.conftest import Client, Serve, Upstream

PLUGIN = """
plugin: {name}
contact: a@example.com
cache: no
upstream: {{url: "{url}"}}
operations: {{getThing: {{call: GET /{name}, description: A thing., budget: no}}}}
"""
MOST = 8
Call = Callable[[Client, str], Awaitable[tuple[int, str]]]


async def by_path(client: Client, name: str) -> tuple[int, str]:
    got = await client.get(f"/{name}/{name}")
    return got.status, got.json().get("detail", "")


async def by_mcp(client: Client, name: str) -> tuple[int, str]:
    """At the address that plugins share: which one is meant stands in the body."""
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": f"{name}_getThing", "arguments": {}},
    }
    headers = {"Accept": "application/json", "MCP-Protocol-Version": "2025-06-18"}
    got = await client.post("/mcp", json=message, headers=headers)
    result = got.json().get("result", got.json())
    return 503 if result.get("isError") else got.status, json.dumps(result)


@pytest.mark.parametrize("call", [by_path, by_mcp])
async def test_a_plugin_that_hangs_leaves_calls_for_another(
    serve: Serve, upstream: Upstream, call: Call
) -> None:
    go_on, hanging = asyncio.Event(), []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/hangs":
            hanging.append(request)
            await go_on.wait()
        return web.json_response({"a": 1})

    upstream.answer = answer
    configs = [PLUGIN.format(name=name, url=upstream.url) for name in ("hangs", "well")]
    client = await serve(*configs, max_calls=MOST)
    held = [asyncio.create_task(call(client, "hangs")) for _ in range(2 * MOST)]
    refused = asyncio.as_completed(held)
    for _ in range(MOST):
        assert (await next(refused))[0] == 503
    for _ in range(3):
        status, said = await call(client, "well")
        assert status == 200, said
    status, said = await call(client, "hangs")
    assert status == 503
    assert "the plugin hangs" in said
    go_on.set()
    statuses = [status for status, _ in await asyncio.gather(*held)]
    assert statuses.count(200) == len(hanging) <= MOST // 2
    assert (await call(client, "hangs"))[0] == 200
