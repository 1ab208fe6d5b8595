"""FastMCP: a server made of the spec, its tools listed and called over MCP."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx2
import yaml
from fastmcp import Client, FastMCP
from reading import arguments, main, must_know


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    return asyncio.run(_read(plugin, version))


async def _read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    async with httpx2.AsyncClient() as plain:
        spec = yaml.safe_load((await plain.get(plugin.specs[version])).text)
    server = spec["servers"][0]["url"]
    async with httpx2.AsyncClient(base_url=server, headers=plugin.headers) as upstream:
        made = FastMCP.from_openapi(openapi_spec=spec, client=upstream)
        async with Client(made) as client:
            tools = {tool.name: tool for tool in await client.list_tools()}
            answers = {}
            for call in plugin.calls:
                must_know(call, tools[call.operationId].input_schema["properties"])
                result = await client.call_tool(call.operationId, arguments(call))
                answers[call.operationId] = result.structured_content
    return list(tools), answers


if __name__ == "__main__":
    main(read)
