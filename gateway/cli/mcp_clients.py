"""How each client wants to be told of a server that it starts. Pure, but for `this_program`.

Secrets are no part of it: a variable stands there by name, in the form that the client fills in.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """A program to start; `variables` of the environment are what it needs."""

    name: str
    command: str
    args: tuple[str, ...]
    variables: tuple[str, ...] = ()


# The text, and what to do with it.
Printed = tuple[str, str]


def this_program() -> list[str]:
    """How to start this very program from anywhere."""
    given = Path(sys.argv[0])
    found = shutil.which(given) if given.stem == "gateway" else None
    # What the links lead to is left as it is: a virtual environment is known by its own.
    return [str(Path(found).absolute())] if found else [sys.executable, "-m", "gateway"]


def _claude(server: Server) -> Printed:
    text = _json({"mcpServers": {server.name: _started(server, "${%s}")}})
    return text, (
        "Claude Desktop: into claude_desktop_config.json (Settings, Developer, Edit Config), with "
        "the values written in place of ${…}. Claude Code: into .mcp.json; it fills ${…} in from "
        "its environment."
    )


def _cursor(server: Server) -> Printed:
    started = {"type": "stdio", **_started(server, "${env:%s}")}
    return _json({"mcpServers": {server.name: started}}), (
        "Cursor: into ~/.cursor/mcp.json, or .cursor/mcp.json of a project; ${env:…} is filled in "
        "from its environment."
    )


def _vscode(server: Server) -> Printed:
    started = {"type": "stdio", **_started(server, "${input:%s}")}
    inputs = [
        {"type": "promptString", "id": one, "description": one, "password": True}
        for one in server.variables
    ]
    asked = {"inputs": inputs} if inputs else {}
    return _json({**asked, "servers": {server.name: started}}), (
        "VS Code: into .vscode/mcp.json, or what `MCP: Open User Configuration` opens; it asks for "
        "each ${input:…} once, and keeps it."
    )


def _codex(server: Server) -> Printed:
    lines = [
        f"[mcp_servers.{server.name}]",
        f"command = {_toml(server.command)}",
        f"args = [{', '.join(map(_toml, server.args))}]",
    ]
    if server.variables:
        lines.append(f"env_vars = [{', '.join(map(_toml, server.variables))}]")
    return "\n".join(lines), (
        "Codex: into ~/.codex/config.toml; the variables of env_vars are passed on from its "
        "environment."
    )


CLIENTS: Mapping[str, Callable[[Server], Printed]] = {
    "claude": _claude,
    "cursor": _cursor,
    "vscode": _vscode,
    "codex": _codex,
}


def _started(server: Server, placeholder: str) -> dict[str, Any]:
    env = {one: placeholder % one for one in server.variables}
    return {
        "command": server.command,
        "args": list(server.args),
        **({"env": env} if env else {}),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _toml(text: str) -> str:
    """A basic string of TOML 1.0: JSON's, but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
