"""An object inside a JSON body, taken apart: each of its properties an argument of its own.

`from: body.message.subject` asks for it. Then `message` is no argument any more, and all that it
declares stands beside the body's other properties, each known by its last name or by its whole
path; `put_together` makes the object again. Pure, compiled once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.request.entries import ABSENT
from gateway.request.schemas import Components, properties
from gateway.request.targets import Ambiguous, Target, find, of_property
from gateway.values import SpecBody

# A leaf is the index of its value. An object is its members, each with whether it is needed
# wherever its object is.
_Members = tuple[tuple[str, "int | _Members", bool], ...]


def take_apart(
    targets: Sequence[Target], names: Iterable[str], body: SpecBody | None, components: Components
) -> tuple[Target, ...]:
    """Replace every object that holds what a name means by its properties.

    An object that does not declare all its properties stays whole: what a caller may put into it
    is not known.
    """
    found = tuple(targets)
    if body is None or body.kind != "json":
        return found
    for name in names:
        while (owner := _owner(name, found, components)) is not None:
            members = properties(owner.schema, components)
            if members is None or not owner.source:
                break
            at = next(index for index, one in enumerate(found) if one is owner)
            parts = tuple(
                of_property(one, schema, owner, one in members[1], body, components)
                for one, schema in members[0].items()
            )
            found = (*found[:at], *parts, *found[at + 1 :])
    return found


def _owner(name: str, targets: Sequence[Target], components: Components) -> Target | None:
    """The target that holds what is meant, if it is inside of one."""
    try:
        hit = find(name, targets, components)
    except Ambiguous:
        return None
    return hit[0] if hit is not None and hit[1] else None


def nest(targets: Sequence[Target], start: int) -> _Members:
    """The body's objects, with its properties' indices from `start` on as leaves."""
    return _nest([(one, index) for index, one in enumerate(targets, start)], 0)


def _nest(leaves: Sequence[tuple[Target, int]], depth: int) -> _Members:
    by_name: dict[str, list[tuple[Target, int]]] = {}
    for leaf in leaves:
        by_name.setdefault(leaf[0].source[depth], []).append(leaf)
    return tuple(
        (
            name,
            one[0][1] if len(one[0][0].source) == depth + 1 else _nest(one, depth + 1),
            one[0][0].needed[depth],
        )
        for name, one in by_name.items()
    )


def put_together(members: _Members, out: list[Any]) -> tuple[dict[str, Any], bool]:
    """The object of what was given, and whether anything was.

    An object that is needed is there even if it is empty, one that is not only if it holds
    something that was given.
    """
    made: dict[str, Any] = {}
    given = False
    for name, member, needed in members:
        if isinstance(member, int):
            if out[member] is not ABSENT:
                made[name] = out[member]
                given = True
            continue
        below, holds = put_together(member, out)
        if holds or needed:
            made[name] = below
            given = given or holds
    return made, given
