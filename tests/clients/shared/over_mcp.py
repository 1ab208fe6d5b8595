"""What the scripts share that read a plugin over MCP: where it is, and what they must see of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

from reading import DifferentError

NO_TOOL = "noSuchTool"
# No operation has an argument of this name, and every one refuses what it does not know.
WRONG = {"no such argument": 1}


def address(plugin: SimpleNamespace) -> str:
    """Where the plugin's tools are."""
    base: str = plugin.manifest.removesuffix("/.well-known/ai-plugin.json")
    return f"{base}/mcp"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Its result, or the very error: clients hide it in groups."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def cannot(plugin: SimpleNamespace, sign: str) -> tuple[str, str] | None:
    """Why no MCP client reads a plugin; `sign` is how the client says so."""
    if plugin.auth in ("user", "oauth"):
        return "MCP passes nobody's own token on: `user` and `oauth`", sign
    return None


def must_refuse(what: str, *, refused: bool) -> None:
    """What is wrong has to be said. Raises: DifferentError."""
    if not refused:
        raise DifferentError(f"{what} was taken")
