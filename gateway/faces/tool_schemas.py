"""The schemas of one tool: its arguments as one object, its answer; each holds all it refers to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.definitions import reaches_out
from gateway.faces.portable import DEFS, HEADER, Portable
from gateway.plugin import Operation, Plugin
from gateway.request.files import of_file
from gateway.values import Schema

_FILE = "A file: a data URL, or {data, type, name} with base64 in data."
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2
_MIRRORED = ("string", "integer", "boolean")


def object_of(
    operation: Operation, arguments: Mapping[str, Schema], portable: Portable
) -> tuple[Schema, list[str]]:
    """The schema of all arguments of an operation, and what was left out of it.

    Args:
        operation: Whose arguments they are.
        arguments: Their schemas as they are served, by name.
        portable: Makes them portable.
    """
    portable.begin()
    made = {name: portable.made(one) for name, one in arguments.items()}
    properties = {name: one.schema for name, one in made.items()}
    # Where all together are too long, the longest are only named.
    size = sum(one.size for one in made.values())
    longest = sorted(made, key=lambda name: -made[name].size)
    while longest and size > portable.most:
        name = longest.pop(0)
        properties[name] = portable.bare(made[name].schema)
        portable.named += 1
        size -= made[name].size
    definitions, more = portable.definitions(properties.values())
    if size + more > portable.most:
        properties = {name: portable.bare(one) for name, one in properties.items()}
        portable.named += len(properties)
        definitions = {}
    for each in operation.arguments:
        if of_file(each.schema) is not None:
            properties[each.name] = _as_file(properties[each.name])
    required = [one.name for one in operation.arguments if one.required or one.served == "path"]
    schema: Schema = {
        "type": "object",
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }
    notes = portable.notes()
    if portable.header:
        schema, dropped = with_headers(schema)
        notes += dropped
    return schema, notes


def whole_body(plugin: Plugin, operation: Operation) -> Schema | None:
    """The schema of a body that was written in place and names its dialect, as it stands there.

    None where there is none, or where it is not what callers send: they send its properties,
    under their own names, and nothing else.
    """
    settings = plugin.config.operations
    config = settings.get(operation.name) if isinstance(settings, dict) else None
    body = None if config is None else config.body
    if plugin.config.spec is not None or body is None or "$schema" not in body:
        return None
    sent = {one.name: one.source for one in operation.arguments}
    known = body.get("properties")
    if not isinstance(known, dict) or body.get("type") != "object" or operation.parameters:
        return None
    if sent != {name: (name,) for name in known} or reaches_out(body):
        return None
    return with_headers(body)[0]


def whole_of(portable: Portable, schema: Schema) -> Schema:
    """The schema of an answer, with all that it refers to."""
    made = portable.made(schema)
    definitions, size = portable.definitions([made.schema])
    if size + made.size > portable.most:
        return portable.bare(made.schema)
    whole = made.schema
    while "$ref" in whole:  # its own top is what readers look at
        whole = definitions[whole["$ref"].removeprefix(DEFS)]
    return {**whole, **({"$defs": definitions} if definitions else {})}


def _as_file(schema: Schema) -> Schema:
    """A file, as `POST /call/<operation>` takes it."""
    words = " ".join(filter(None, (schema.get("description"), _FILE)))
    if schema.get("type") == "array":
        return {**schema, "items": {"type": "string"}, "description": words}
    return {"type": "string", "description": words}


# --- the headers that repeat an argument --------------------------------------------------------


def with_headers(schema: Schema) -> tuple[Schema, list[str]]:
    """A copy in which `x-mcp-header` stands only where it may; clients drop a tool otherwise.

    That is on a string, an integer or a boolean that is reached through properties alone, as a
    name that a header can have and no other argument of the tool has (MCP 2026-07-28).

    Returns:
        The copy, and why each that was left out could not stay.
    """
    notes: list[str] = []
    taken: set[str] = set()

    def kept(node: Any, path: str, *, reached: bool) -> Any:
        if isinstance(node, list):
            return [kept(one, path, reached=False) for one in node]
        if not isinstance(node, dict):
            return node
        out = {}
        for key, value in node.items():
            if key == HEADER:
                if fault := _fault(node, taken, reached=reached):
                    notes.append(f"{HEADER} of {path!r} is left out: {fault}")
                    continue
                taken.add(value.lower())
                out[key] = value
            elif key in ("enum", "default"):
                out[key] = value
            elif key in ("properties", "$defs") and isinstance(value, dict):
                below = reached and key == "properties"
                out[key] = {
                    name: kept(one, f"{path}.{name}" if path else name, reached=below)
                    for name, one in value.items()
                }
            else:
                out[key] = kept(value, path, reached=False)
        return out

    return kept(schema, "", reached=True), notes


def _fault(node: Schema, taken: set[str], *, reached: bool) -> str:
    name = node[HEADER]
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "it is no name of a header"
    if node.get("type") not in _MIRRORED:
        return "only a string, an integer or a boolean can be repeated"
    if not reached:
        return "it is not reached through properties alone"
    return "another argument has the same" if name.lower() in taken else ""
