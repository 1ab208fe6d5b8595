"""Names and values with characters in them that nobody sees, for `gateway check`. Pure.

The spec's texts are served without such characters. But a name or a value is what is sent, so it is
served as it is, and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.plugin import Plugin
from gateway.request.schemas import resolve
from gateway.unseen import has_unseen
from gateway.values import Degraded

_LONGEST = 80  # characters of a name that are told
_MOST = 20  # names that are told of one operation
_VALUES = ("enum", "const", "default")


def unseen_names(plugin: Plugin) -> list[Degraded]:
    """The names and values in arguments and answers, each once, as lines of a ledger."""
    found: list[Degraded] = []
    seen: dict[int, Any] = {}
    told: set[str] = set()
    for operation in plugin.chosen:
        shrinker, given = operation.shrinker, [one.schema for one in operation.arguments]
        where = f"{operation.spec.method} {operation.spec.key}"
        arguments = [one.name for one in operation.arguments if has_unseen(one.name)]
        found += [
            Degraded(
                where,
                f"the argument {one[:_LONGEST]!a} is served with characters that nobody sees; give "
                "it another name with `from`, or hide it",
            )
            for one in arguments[:_MOST]
        ]
        told.update(arguments)
        inside = dict.fromkeys(
            [
                *_names(given, plugin.components, seen),
                *_names([shrinker.schema], shrinker.components, seen),
            ]
        )
        found += [
            Degraded(
                where,
                f"the name or value {one[:_LONGEST]!a} is served with characters that nobody sees",
            )
            for one in [one for one in inside if one not in told][:_MOST]
        ]
        told.update(inside)
    return found


def _names(
    schemas: list[Any], components: Mapping[str, Any], seen: dict[int, Any]
) -> Iterator[str]:
    """Such names of properties and values in schemas, and in what they refer to, once."""
    waiting = list(schemas)
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, (dict, list)):
            continue
        seen[id(node)] = node
        if isinstance(node, list):
            waiting += node
            continue
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from (str(one) for one in properties if has_unseen(str(one)))
        for key in _VALUES:
            values = node.get(key)
            every = values if isinstance(values, list) else [values]
            yield from (one for one in every if isinstance(one, str) and has_unseen(one))
        waiting += node.values()
        if isinstance(node.get("$ref"), str):
            waiting.append(resolve({"$ref": node["$ref"]}, components))
