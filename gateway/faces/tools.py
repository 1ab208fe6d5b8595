"""The tools face: a plugin's operations as the function-calling APIs of models take them.

`/tools.json?for=openai` is what a request to that API has as its `tools`, and so for `anthropic`
and `gemini`; a program sends it along, and each call of the model to `POST /call/<name>`, with the
model's arguments as the body.

Sources: OpenAI's Responses API, "Function calling" (the flat form; that of Chat Completions holds
the same below `function`); Anthropic's Messages API, "Tool use"; Gemini API, FunctionDeclaration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadArguments
from gateway.faces.documents import Document, Maker, document, fixed
from gateway.faces.portable import HEADER
from gateway.faces.strict import NotStrictError, strict
from gateway.faces.tool import Tool, tools_of
from gateway.plugin import Plugin
from gateway.shrinking import count
from gateway.values import Degraded, Schema

PATH = "/tools.json"
LONG_NAME = 40  # of clients, some put the names of server and plugin before it: 64 together
# Of the properties at the top of a tool's schema, seen in the API's own refusal.
ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_GEMINI_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Written:
    """One tool as an API takes it; `notes` say what of it is worth knowing.

    `strict` is None where the API has no such mode, or it is not asked for.
    """

    tool: Tool
    form: Mapping[str, Any]
    strict: bool | None
    notes: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """What it costs in every conversation."""
        return count(_json(self.form).encode())


@dataclass(frozen=True, slots=True)
class Listing:
    """All tools of a plugin as an API takes them; `document` is that API's `tools`."""

    tools: tuple[Written, ...]
    document: list[Any]

    @property
    def text(self) -> str:
        """The document as JSON."""
        return _json(self.document)


def listing(plugin: Plugin, target: str) -> Listing:
    """Write the tools that a plugin shows for one of `TARGETS`."""
    write, whole = TARGETS[target]
    written = tuple(write(tool) for tool in tools_of(plugin.shown))
    return Listing(written, whole([dict(one.form) for one in written]))


def documents(plugin: Plugin) -> Mapping[str, Maker]:
    """Make `/tools.json`."""
    makers = {
        target: fixed(document(listing(plugin, target).text.encode(), "application/json"))
        for target in TARGETS
    }

    def make(base_url: str, target: str) -> Document:
        if target not in makers:
            said = f"for {target[:20]!r} is not served" if target else "say for which API"
            raise BadArguments(
                f"{said}; ask for {PATH}?for=openai, {PATH}?for=anthropic or {PATH}?for=gemini"
            )
        return makers[target](base_url, "")

    return {PATH: make}


def not_strict(plugin: Plugin) -> list[Degraded]:
    """The tools that OpenAI's strict mode cannot take, and why, as lines of a ledger."""
    found = []
    for one in listing(plugin, "openai").tools:
        if not one.strict:
            spec = one.tool.operation.spec
            found.append(Degraded(f"{spec.method} {spec.key}", f"as a tool {one.notes[-1]}"))
    return found


# --- one tool -----------------------------------------------------------------------------------


def _openai(tool: Tool) -> Written:
    plain = _parameters(tool)
    # Outside a JSON body nothing can be null, so there it means that nothing is given.
    absent = [one.name for one in tool.operation.arguments if one.place != "body"]
    notes = _notes(tool)
    try:
        parameters, is_strict = strict(plain, absent), True
    except NotStrictError as error:
        parameters, is_strict = plain, False
        notes = (*notes, f"not strict: {error}")
    form = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": is_strict,  # left out, the API would try to make it so by itself
    }
    return Written(tool, form, is_strict, notes)


def _anthropic(tool: Tool) -> Written:
    schema = _parameters(tool)
    form = {"name": tool.name, "description": tool.description, "input_schema": schema}
    odd = [one for one in schema["properties"] if not ANTHROPIC_NAME.fullmatch(one)]
    told = (
        "Anthropic refuses a whole request for a name of an argument with anything but letters, "
        f"digits, _, . and - in it, or more than 64 of them: {', '.join(map(repr, odd))}"
    )
    return Written(tool, form, None, (*_notes(tool), *([told] if odd else [])))


def _gemini(tool: Tool) -> Written:
    form = {
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": _parameters(tool),
    }
    odd = [one for one in tool.portable.get("properties", {}) if not _GEMINI_NAME.fullmatch(one)]
    told = (
        f"Gemini takes letters, digits and _ in names of arguments, not {', '.join(map(repr, odd))}"
    )
    return Written(tool, form, None, (*_notes(tool), *([told] if odd else [])))


# What each API's `tools` are made of: how one is written, and what holds them all.
TARGETS: Mapping[str, tuple[Callable[[Tool], Written], Callable[[list[Any]], list[Any]]]] = {
    "openai": (_openai, list),
    "anthropic": (_anthropic, list),
    "gemini": (_gemini, lambda tools: [{"functionDeclarations": tools}]),
}


def _parameters(tool: Tool) -> Schema:
    """The schema of the arguments. Some want `properties` even where there are none."""
    without: Schema = _without_headers(tool.portable)
    return without if "properties" in without else {**without, "properties": {}}


def _without_headers(node: Any) -> Any:
    """A copy without the keyword that is for MCP alone, which only valid places have."""
    if not isinstance(node, dict) or "properties" not in node:
        return node
    properties = {
        name: {key: value for key, value in _without_headers(one).items() if key != HEADER}
        for name, one in node["properties"].items()
    }
    return {**node, "properties": properties}


def _notes(tool: Tool) -> tuple[str, ...]:
    notes = tuple(line.what for line in tool.notes)
    if len(tool.name) > LONG_NAME:
        long = f"its name has {len(tool.name)} characters; some clients cut above {LONG_NAME}"
        notes = (long, *notes)
    return notes


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
