"""What an SDK's client does besides reading: it starts the server itself, and asks its person.

Told on standard input: `{"url", "command": […], "env"}` of the fixture's plugin. Said: one line of
JSON per thing tried.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client, MCPError, StdioServerParameters
from mcp_types import ElicitResult

MODES = ("auto", "2026-07-28", "legacy")
TEXT = "This is a simple text response for testing."
UNKNOWN = -32602


async def over_pipes(job: dict[str, Any], mode: str) -> None:
    """Start the server, list, call, and be refused what is wrong."""
    program, *arguments = job["command"]
    started = StdioServerParameters(command=program, args=arguments, env=job["env"])
    async with Client(started, mode=mode) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert "test_simple_text" in names, names
        result = await client.call_tool("test_simple_text", {})
        assert TEXT in result.content[0].text, result
        wrong = await client.call_tool("test_simple_text", {"no such argument": 1})
        assert wrong.is_error, wrong
        code = None
        try:
            await client.call_tool("noSuchTool", {})
        except MCPError as error:
            code = error.code
        assert code == UNKNOWN, f"an unknown tool: {code}"


async def asks(job: dict[str, Any], mode: str, action: str) -> None:
    """Call what is consequential, and give the person's answer."""
    asked = []

    async def person(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    async with Client(job["url"], mode=mode, elicitation_callback=person) as client:
        result = await client.call_tool("remove", {"id": 7})
    assert len(asked) == 1, f"asked {asked}"
    done = '"removed":7' in result.content[0].text
    assert done is (action == "accept"), result


async def main() -> None:
    """Try everything, and say what came of it."""
    job = json.load(sys.stdin)
    tries: dict[str, Callable[[], Awaitable[None]]] = {}
    for mode in MODES:
        tries[f"over pipes, {mode}"] = lambda mode=mode: over_pipes(job, mode)
    for mode in MODES[:2]:  # without a session the handshake's clients cannot be asked
        for action in ("accept", "decline", "cancel"):
            tries[f"{action}, {mode}"] = lambda mode=mode, action=action: asks(job, mode, action)
    for what, tried in tries.items():
        detail = ""
        try:
            await asyncio.wait_for(tried(), 30)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            detail = f"{type(error).__name__}: {error}"
        line = {"what": what, "ok": not detail, "detail": detail[:600]}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
