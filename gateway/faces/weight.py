"""What the parts of a served spec cost, and what would help. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.faces.schemas import Memo, reached
from gateway.plugin import Plugin
from gateway.shrinking import count
from gateway.shrinking.suggest import suggest

_MOST = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one operation: its arguments or its answer; what both share counts for each."""

    operation: str
    what: str
    tokens: int


def heaviest(document: Mapping[str, Any]) -> list[Part]:
    """The heaviest parts of a served document, the heaviest first."""
    components = document.get("components", {}).get("schemas", {})
    parts = []
    direct: Memo = {}
    for item in document["paths"].values():
        for operation in item.values():
            arguments = [operation.get("parameters"), operation.get("requestBody")]
            for what, node in (("arguments", arguments), ("answer", operation.get("responses"))):
                shared = reached(_schemas(node), components, direct)
                text = json.dumps([node, shared], separators=(",", ":"), ensure_ascii=False)
                parts.append(Part(operation["operationId"], what, count(text.encode())))
    return sorted(parts, key=lambda part: -part.tokens)[:_MOST]


def _schemas(node: Any) -> list[Any]:
    """The schemas in what is no schema itself."""
    if isinstance(node, list):
        return [one for each in node for one in _schemas(each)]
    if not isinstance(node, dict):
        return []
    return [
        one
        for key, value in node.items()
        for one in ([value] if key == "schema" else _schemas(value))
    ]


def advice(plugin: Plugin) -> str:
    """The line of `fields` that would help most; empty where every answer has its form.

    The operation with the largest reply by its schema is the one that is named.
    """
    found = []
    direct: Memo = {}
    for operation in plugin.operations.values():
        schema = operation.spec.reply.schema
        if operation.formed or schema is None:
            continue
        path = suggest(schema, plugin.components)
        if path is not None:
            size = (
                len(reached([schema], plugin.components, direct)),
                len(json.dumps(schema, default=str)),
            )
            found.append((size, operation.name, path))
    if not found:
        return ""
    _, name, path = max(found, key=lambda one: one[0])
    # A text of JSON is one of YAML, whatever is in it.
    return f"for example, under {name}, fields: [{json.dumps(path, ensure_ascii=False)}]"
