"""Schemas that are part of themselves, cut. Pure.

`A: {allOf: [{$ref: A}]}` describes nothing and sends whoever follows it round for ever. A
schema may hold itself as a property or an item, for there the value gets smaller; it may not
be among its own `allOf`, `anyOf`, `oneOf`, `not`, `if` … (JSON Schema 2020-12 §9.4.1). Chains
of such references are cut as well where they are longer than any reader could want.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.spec.schema import REFS, Note
from gateway.values import Schema

CHAIN = 50  # the longest in 3,669 public documents is far below 10
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def break_loops(components: Mapping[str, Schema], note: Note) -> dict[str, Schema]:
    """The components, with every reference in place that leads on for ever left out."""
    out = dict(components)
    heights: dict[str, int] = {}  # how long a chain a component begins; 0 while it is walked
    for root in components:
        if root in heights:
            continue
        heights[root] = 0
        stack = [(root, iter(tuple(_in_place(components[root]))))]
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                stack.pop()
                heights[name] = _settle(name, out, heights, note)
            elif target not in heights and target in components:
                heights[target] = 0
                stack.append((target, iter(tuple(_in_place(components[target])))))
    return out


def _settle(name: str, out: dict[str, Schema], heights: Mapping[str, int], note: Note) -> int:
    """Cut what a walked component must not refer to; returns the length of its chain."""
    targets = set(_in_place(out[name]))
    # 0 is a component that is still being walked: this very one, or one that leads here.
    bad = {one for one in targets if not 0 < heights.get(one, CHAIN) < CHAIN}
    if bad:
        note(f"components.schemas.{name}: a reference that leads on for ever is left out")
        out[name] = _without(out[name], bad)
    return 1 + max((heights[one] for one in targets - bad), default=0)


def _in_place(schema: Any) -> Iterator[str]:
    """The components that a schema refers to for the very same value."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield schema["$ref"].removeprefix(REFS)
    for key in _IN_PLACE:
        if key in schema:
            for one in _several(schema[key], key):
                yield from _in_place(one)


def _several(value: Any, key: str) -> list[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if key == "dependentSchemas" else [value]


def _without(schema: Schema, bad: set[str]) -> Schema:
    """The schema without those references."""
    out: Schema = {}
    for key, value in schema.items():
        if key == "$ref" and value.removeprefix(REFS) in bad:
            continue
        if key not in _IN_PLACE:
            out[key] = value
        elif isinstance(value, list):
            out[key] = [_without(one, bad) for one in value]
        elif key == "dependentSchemas":
            out[key] = {name: _without(one, bad) for name, one in value.items()}
        else:
            out[key] = _without(value, bad)
    return out
