"""LangChain's MCP adapters: tools for its agents, listed and called without a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from langchain_mcp_adapters.client import MultiServerMCPClient
from over_mcp import WRONG, address, cannot, must_refuse, run
from reading import arguments, main, must_know


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The tools' names, and each call."""
    return run(_read(plugin))


async def _read(plugin: SimpleNamespace) -> tuple[list[str], dict[str, Any]]:
    connection = {
        "transport": "streamable_http",
        "url": address(plugin),
        "headers": plugin.headers,
    }
    client = MultiServerMCPClient({"plugin": connection})
    tools = {tool.name: tool for tool in await client.get_tools()}
    answers = {}
    for call in plugin.calls:
        tool = tools[call.operationId]
        must_know(call, tool.args)
        (part,) = await tool.ainvoke(arguments(call))
        answers[call.operationId] = part["text"]
        asked = {"type": "tool_call", "id": "1", "name": tool.name, "args": WRONG}
        wrong = await tool.ainvoke(asked)
        must_refuse("a wrong argument", refused=wrong.status == "error")
    return list(tools), answers


if __name__ == "__main__":
    main(
        read,
        versions=("legacy",),
        cannot=lambda plugin, _version: cannot(plugin, "Session terminated"),
    )
