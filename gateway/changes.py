"""What a plugin's callers will notice of a new version of it: operation by operation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.plugin import Operation, Plugin
from gateway.values import Argument, Schema

MOST = 50  # lines; more is told by its number
_MOST_HOPS = 100  # of a schema that only refers to another


def changes(old: Plugin, new: Plugin) -> list[str]:
    """One line for each thing that is another one, in the order of the operations."""
    lines: list[str] = []
    for name, operation in new.operations.items():
        before = old.operations.get(name)
        if before is None:
            lines.append(f"{name}: added ({operation.method} {operation.address})")
        else:
            differs = _operation(before, operation, old.components, new.components)
            lines += [f"{name}: {one}" for one in differs]
    lines += [f"{name}: removed" for name in old.operations if name not in new.operations]
    if old.base != new.base:
        lines.append(f"upstream: {new.base}, before {old.base}")
    if old.description != new.description:
        lines.append("description: another text")
    if len(lines) > MOST:
        lines[MOST:] = [f"and {len(lines) - MOST:,} more"]
    return lines


def _operation(
    old: Operation, new: Operation, were: Mapping[str, Schema], are: Mapping[str, Schema]
) -> Iterator[str]:
    if (old.method, old.address) != (new.method, new.address):
        yield f"served at {new.method} {new.address}, before {old.method} {old.address}"
    if (old.spec.method, old.spec.path) != (new.spec.method, new.spec.path):
        yield f"asks for {new.spec.method} {new.spec.path}, before {old.spec.path}"
    for name, argument in new.by_name.items():
        before = old.by_name.get(name)
        if before is None:
            yield f"argument {name} added{', required' if argument.required else ''}"
        else:
            for one in _argument(before, argument, were, are):
                yield f"argument {name} {one}"
    for name in old.by_name:
        if name not in new.by_name:
            yield f"argument {name} removed"
    if (old.summary, old.description) != (new.summary, new.description):
        yield "another description"
    if not _same(
        old.shrinker.schema, new.shrinker.schema, old.shrinker.components, new.shrinker.components
    ):
        yield "another answer schema"
    elif old.shrinker.fingerprint != new.shrinker.fingerprint:
        yield "other rules for its answers"


def _argument(
    old: Argument, new: Argument, were: Mapping[str, Schema], are: Mapping[str, Schema]
) -> Iterator[str]:
    if old.required != new.required:
        yield "is required now" if new.required else "is optional now"
    kind, now = _kind(old.schema, were), _kind(new.schema, are)
    if kind != now:
        yield f"is {now} now, before {kind}"
    elif not _same(old.schema, new.schema, were, are):
        yield "takes other values"
    if old.description != new.description:
        yield "has another description"


def _kind(schema: Schema, components: Mapping[str, Schema]) -> str:
    """The type that a schema names, for people."""
    hops = 0
    while (name := next(_named(schema), None)) in components and hops < _MOST_HOPS:
        schema, hops = components[str(name)], hops + 1
    kind = schema.get("type", "of any type") if isinstance(schema, dict) else "of any type"
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)


def _same(old: Any, new: Any, were: Mapping[str, Schema], are: Mapping[str, Schema]) -> bool:
    """Whether two schemas are the same, with all that they refer to."""
    if old != new:
        return False
    names = list(_names(new))
    seen = set(names)
    while names:
        name = names.pop()
        if were.get(name) != are.get(name):
            return False
        more = set(_names(are.get(name))) - seen
        seen |= more
        names += more
    return True


def _names(value: Any) -> Iterator[str]:
    """The components that a schema refers to."""
    left = [value]
    while left:
        one = left.pop()
        yield from _named(one)
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one


def _named(value: Any) -> Iterator[str]:
    """The component that a schema refers to itself, if it does."""
    ref = value.get("$ref") if isinstance(value, dict) else None
    if isinstance(ref, str):
        yield ref.rpartition("/")[2]
