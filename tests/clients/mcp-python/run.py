"""The Python SDK's client: by negotiation, pinned to today's revision, and with the handshake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from over_mcp import NO_TOOL, WRONG, address, cannot, must_refuse, run
from reading import arguments, main, must_know

UNKNOWN = -32602


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    return run(_read(plugin, version))


async def _read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    answers = {}
    async with httpx2.AsyncClient(headers=plugin.headers) as http:
        transport = streamable_http_client(address(plugin), http_client=http)
        async with Client(transport, mode=version) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            for call in plugin.calls:
                must_know(call, tools[call.operationId].input_schema.get("properties", ()))
                result = await client.call_tool(call.operationId, arguments(call))
                answers[call.operationId] = result.content[0].text
                wrong = await client.call_tool(call.operationId, WRONG)
                must_refuse("a wrong argument", refused=bool(wrong.is_error))
            try:
                await client.call_tool(NO_TOOL, {})
            except MCPError as error:
                must_refuse("an unknown tool", refused=error.code == UNKNOWN)
            else:
                must_refuse("an unknown tool", refused=False)
    return list(tools), answers


if __name__ == "__main__":
    main(
        read,
        versions=("auto", "2026-07-28", "legacy"),
        cannot=lambda plugin, _version: cannot(plugin, "Not Found"),
    )
