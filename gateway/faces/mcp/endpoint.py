"""What one MCP address serves, written when its plugins load: a call only looks up. Pure.

One plugin's address serves its tools under their own names. The address that several plugins share
puts the plugin's name before each (`weather_getForecast`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from gateway import __version__
from gateway.choose import shared_name, short_name
from gateway.config import types
from gateway.faces.mcp.headers import Mirrored, mirrored
from gateway.faces.mcp.results import members
from gateway.faces.mcp.wire import META, SERVED
from gateway.faces.tool import Tool, tools_of
from gateway.plugin import Plugin

# How long a client may rely on a list: as long as readers of the documents may.
LIST_SECONDS = 60
_CAPABILITIES: Mapping[str, Any] = {"tools": {}}


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A tool at one address: under which name, and what its result holds."""

    name: str
    plugin: str
    tool: Tool
    mirrored: tuple[Mirrored, ...]
    structured: bool


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One address. The bytes are JSON: `meta` members without braces, the others objects."""

    tools: Mapping[str, Served]
    info: Mapping[str, Any]
    instructions: str
    meta: bytes
    discovered: bytes
    listed: bytes
    listed_before: bytes  # as the revisions before `MODERN` have it


def of_plugin(plugin: Plugin, tools: Iterable[Tool], longest: int | None = None) -> Endpoint:
    """The address of one plugin; `longest` is what its client takes of a tool's name."""
    names = partial(short_name, longest=longest) if longest else str
    served = [_served(plugin, tool, names(tool.name)) for tool in tools]
    info = {
        "name": plugin.name,
        "title": plugin.title,
        "version": plugin.version,
        "description": plugin.summary,
    }
    # Who brings another token, or none, sees another list or nothing.
    private = isinstance(plugin.config.auth, types.Auth)
    return _endpoint(served, info, plugin.description, private=private)


def of_several(
    plugins: Sequence[tuple[Plugin, Iterable[Tool]]], *, private: bool, longest: int | None = None
) -> Endpoint:
    """The address that plugins share.

    Args:
        plugins: Those that a caller may use, with their tools.
        private: Whether another caller may see others.
        longest: What the client takes of a tool's name.
    """
    served = [
        _served(plugin, tool, shared_name(plugin.name, tool.name, longest))
        for plugin, tools in plugins
        for tool in tools
    ]
    about = [f"{plugin.name}_…: {plugin.description}" for plugin, _ in plugins]
    info = {"name": "plugin-gateway", "title": "Plugin Gateway", "version": __version__}
    return _endpoint(served, info, "\n\n".join(about), private=private)


def _served(plugin: Plugin, tool: Tool, name: str) -> Served:
    structured = _is_structured(plugin, tool)
    return Served(name, plugin.name, tool, tuple(mirrored(tool.parameters)), structured)


def _is_structured(plugin: Plugin, tool: Tool) -> bool:
    # Before 2026-07-28 only objects; and one form for all revisions is simpler to rely on.
    return bool(plugin.config.structured) and (tool.returns or {}).get("type") == "object"


def sent_twice(plugin: Plugin) -> frozenset[str]:
    """The operations whose answers are sent in both forms, as the tools of `plugin`."""
    return frozenset(one.name for one in tools_of(plugin) if _is_structured(plugin, one))


def _endpoint(
    served: Sequence[Served], info: Mapping[str, Any], instructions: str, *, private: bool
) -> Endpoint:
    meta = {META + "serverInfo": {"name": info["name"], "version": info["version"]}}
    hints = {"ttlMs": LIST_SECONDS * 1000, "cacheScope": "private" if private else "public"}
    tools = [_listed(one) for one in served]
    complete = {"resultType": "complete", **hints, "_meta": meta}
    about = {
        "supportedVersions": SERVED,
        "capabilities": _CAPABILITIES,
        "instructions": instructions,
    }
    encode = msgspec.json.encode
    return Endpoint(
        tools={one.name: one for one in served},
        info=info,
        instructions=instructions,
        meta=members(meta),
        discovered=encode({**about, **complete}),
        listed=encode({"tools": tools, **complete}),
        listed_before=encode({"tools": tools}),
    )


def greeting(endpoint: Endpoint, version: str) -> bytes:
    """The result of `initialize` in a revision before `MODERN`."""
    return msgspec.json.encode(
        {
            "protocolVersion": version,
            "capabilities": _CAPABILITIES,
            "serverInfo": endpoint.info,
            "instructions": endpoint.instructions,
        }
    )


def _listed(served: Served) -> dict[str, Any]:
    """A Tool of the protocol."""
    tool = served.tool
    return {
        "name": served.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.parameters,
        **({"outputSchema": tool.returns} if served.structured else {}),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.read_only,
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": tool.open_world,
        },
    }
