"""A `fields` path to begin with, from what a reply's schema says. Pure.

People who narrow an answer begin from what is worth keeping: what the thing is called, how it
stands, when and how much. The few members whose names say so are taken, of the rows where the
answer is a list in an envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.shrinking.paths import shown
from gateway.shrinking.shapes import Shapes
from gateway.values import Schema

_MOST = 8
_CONTAINERS = frozenset({"object", "array"})
# The words of names worth having, the best first; `key` and `code` are names in many APIs.
_TELLING = (
    "id", "name", "title", "status", "state", "type", "symbol", "code", "key", "date", "time",
    "created", "updated", "amount", "total", "price", "currency", "value", "count", "description",
    "summary", "email", "url", "firstname", "lastname", "surname", "username", "login", "author",
)  # fmt: skip
UNTOLD = len(_TELLING)  # the worth of a name that has none of those words
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def suggest(schema: Schema | None, components: Mapping[str, Schema]) -> str | None:
    """A path that takes the telling members of an answer; None where the schema tells none."""
    if schema is None:
        return None
    shapes = Shapes(components)
    prefix, row = _row(schema, shapes)
    scalars = [
        name
        for name in dict.fromkeys(shapes.names(row))
        if (below := shapes.below(row, name)) and all(_is_scalar(one, shapes) for one in below)
    ]
    best = sorted(scalars, key=worth)[:_MOST]  # stable: the spec's order among equals
    if not best:
        return None
    # In the spec's order, which is how people read it.
    names = ",".join(shown(name) for name in scalars if name in best)
    return f"{prefix}{{{names}}}"


def _row(schema: Schema, shapes: Shapes) -> tuple[str, Any]:
    """Where the rows stand, and the schema of one; the answer itself where it is no envelope."""
    kinds = shapes.kinds(schema)
    if kinds is not None and "array" in kinds:
        return "", schema
    lists = [
        (name, one)
        for name, several in shapes.members(schema).items()
        for one in several
        if (shapes.kinds(one) or frozenset()) >= {"array"} and shapes.names(one)
    ]
    # An object that has lists among many other members is a thing, not an envelope.
    if len(lists) == 1 and len(shapes.members(schema)) <= _MOST:
        name, one = lists[0]
        return shown(name) + ".", one
    return "", schema


def _is_scalar(schema: Schema, shapes: Shapes) -> bool:
    kinds = shapes.kinds(schema)
    return kinds is not None and not kinds & _CONTAINERS


def worth(name: str) -> tuple[bool, int]:
    """How telling a name is: by its best word, and by how little else it says; least is best."""
    words = [word.lower() for word in _WORD.findall(name)]
    best = min((_TELLING.index(word) for word in words if word in _TELLING), default=UNTOLD)
    return len(words) > 1, best
