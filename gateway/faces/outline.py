"""What there is to show of a plugin's schemas, the most useful first. Pure.

An object's members are worth their tokens the more, the nearer it stands to a call: arguments
before answers, the top before what is below. The outline lists the objects in that order, each
once, so that showing its first so many describes every operation about equally deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.faces.components import Shared
from gateway.faces.schemas import World, is_level, parts
from gateway.plugin import Plugin
from gateway.request.schemas import resolve
from gateway.values import Schema

# What every call needs: of arguments three levels, of answers two, which shows the rows of a list.
NEEDED = 2
_MEMBER = 16  # characters that a property costs beside its name; words go before levels do


@dataclass(frozen=True, slots=True)
class Level:
    """One object. `size` estimates the characters of its own members, `rank` says how far it
    stands from a call: 0 is nearest, and below 0 is what the operator has formed."""

    identity: int
    rank: int
    size: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The levels in order; `whole` says whether there are no more."""

    levels: tuple[Level, ...]
    whole: bool


def outline(
    plugin: Plugin, shared: Shared, most: int, *, arguments: bool = True, answers: bool = True
) -> Outline:
    """List the levels of either side, until they have so many characters together."""
    waiting: dict[int, list[tuple[Schema, World, int]]] = {}
    seen: set[int] = set()

    def await_(schema: Any, world: World, rank: int, step: int) -> None:
        for level in _levels(schema, world, seen):
            waiting.setdefault(rank, []).append((level, world, step))

    for operation in plugin.operations.values():
        written = plugin.config.spec is None or any(
            key.count(".") > 1 for key in operation.parameters
        )
        for argument in operation.arguments if arguments else ():
            await_(argument.schema, shared.inputs, *((-1, 0) if written else (0, 1)))
        rank, step = (-1, 0) if operation.formed else (1, 1)
        if answers:
            await_(operation.shrinker.schema, shared.answers[operation.name], rank, step)
    found: list[Level] = []
    size = 0
    while waiting:
        rank = min(waiting)
        # What the operator has formed stays at its rank, and so may add to it while it is read.
        for level, world, step in waiting[rank]:
            one = Level(id(level), rank, _size(level))
            found.append(one)
            size += one.size
            if size > most and rank >= 0:
                return Outline(tuple(found), whole=False)
            for part in parts(level):
                await_(part, world, rank + step, step)
        del waiting[rank]
    return Outline(tuple(found), whole=True)


def _levels(schema: Any, world: World, seen: set[int]) -> Iterator[Schema]:
    """The nearest objects with members in a schema, each that was not seen yet."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        if is_level(node):
            yield node
        else:
            waiting += reversed(list(parts(node)))
        if "$ref" in node:
            waiting.append(resolve({"$ref": node["$ref"]}, world.components))


def _size(level: Schema) -> int:
    members = level.get("properties") or {}
    return _MEMBER + sum(len(name) + _MEMBER for name in members)
