"""FastMCP's client, by negotiation and with the handshake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp import MCPError
from over_mcp import NO_TOOL, WRONG, address, cannot, must_refuse, run
from reading import arguments, main, must_know


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    return run(_read(plugin, version))


async def _read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    answers = {}
    transport = StreamableHttpTransport(address(plugin), headers=plugin.headers)
    async with Client(transport, mode=version) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        for call in plugin.calls:
            must_know(call, tools[call.operationId].input_schema.get("properties", ()))
            result = await client.call_tool(call.operationId, arguments(call))
            answers[call.operationId] = result.content[0].text
            must_refuse("a wrong argument", refused=await _refused(client, call.operationId, WRONG))
        must_refuse("an unknown tool", refused=await _refused(client, NO_TOOL, {}))
    return list(tools), answers


async def _refused(client: Client[Any], name: str, given: dict[str, Any]) -> bool:
    try:
        await client.call_tool(name, given)
    except (ToolError, MCPError):
        return True
    return False


if __name__ == "__main__":
    main(
        read,
        versions=("auto", "legacy"),
        cannot=lambda plugin, _version: cannot(plugin, "Not Found"),
    )
