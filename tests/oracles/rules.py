"""What a tool's schema must keep to, so that every client digests it: our own checker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYWORDS = frozenset(
    {
        "type", "format", "title", "description", "default", "enum", "properties", "required",
        "additionalProperties", "items", "anyOf", "minimum", "maximum", "minLength", "maxLength",
        "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
        "$ref", "$defs", "x-mcp-header",
    }
)  # fmt: skip
# Of those, what OpenAI's strict mode knows.
STRICT = frozenset(
    {
        "type", "format", "title", "description", "enum", "properties", "required", "items",
        "additionalProperties", "anyOf", "minimum", "maximum", "pattern", "minItems", "maxItems",
        "$ref", "$defs",
    }
)  # fmt: skip
DEFS = "#/$defs/"


def faults(schema: Any, *, answer: bool = False) -> list[str]:
    """What is wrong with a schema of arguments, or of an answer."""
    found = list(_faults(schema, "", answer))
    if not answer and (schema.get("type"), schema.get("additionalProperties")) != ("object", False):
        found.append("it is no closed object")
    names = schema.get("$defs", {})
    used = {one for node in nodes(schema) if (one := node.get("$ref")) is not None}
    found += [f"{one} leads nowhere" for one in used if one.removeprefix(DEFS) not in names]
    found += [
        f"$defs holds {name}, which nothing uses" for name in names if DEFS + name not in used
    ]
    found += [
        f"$defs holds {name}, which is not recursive" for name in names if not _loops(name, names)
    ]
    return found


def _faults(node: Any, path: str, answer: bool) -> Iterator[str]:
    at = path or "the top"
    if not isinstance(node, dict):
        yield f"{at} is {node!r}, no schema"
        return
    if unknown := node.keys() - KEYWORDS:
        yield f"{at} has {sorted(unknown)}"
    kind = node.get("type")
    if kind is not None and not isinstance(kind, str):
        yield f"{at} has the types {kind!r}"
    if kind == "array" and "items" not in node:
        yield f"{at} has no items"
    if not answer and not node.keys() & {"type", "anyOf", "enum", "$ref"}:
        yield f"{at} says nothing of its type"
    if "$ref" in node and len(node) > 1:
        yield f"{at} has a $ref beside something else"
    if path and "$defs" in node:
        yield f"{at} has $defs"
    if not answer:
        yield from (
            f"{at} requires {name}, which it does not have"
            for name in node.get("required", ())
            if name not in node.get("properties", {})
        )
    rest = node.get("additionalProperties")
    for name, one in _inside(node):
        if name == "additionalProperties" and rest is False:
            continue
        yield from _faults(one, f"{path}.{name}", answer)


def _inside(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("properties", "$defs"):
        yield from node.get(key, {}).items()
    for key in ("items", "additionalProperties"):
        if key in node:
            yield key, node[key]
    yield from ((f"anyOf[{index}]", one) for index, one in enumerate(node.get("anyOf", ())))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in one, itself included."""
    if isinstance(node, dict):
        yield node
        for _, one in _inside(node):
            yield from nodes(one)


def _loops(name: str, definitions: dict[str, Any]) -> bool:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for node in nodes(definitions[waiting.pop()]):
            target = str(node.get("$ref", "")).removeprefix(DEFS)
            if target == name:
                return True
            if target in definitions and target not in seen:
                seen.add(target)
                waiting.append(target)
    return False
