"""An object inside a JSON body, taken apart: each of its properties an argument of its own.

`from: body.message.subject` asks for it, and `flatten: true` for all objects at once. Then
`message` is no argument any more, and all that it declares stands beside the body's other
properties, each known by its last name or by its whole path; `put_together` makes the object
again. Pure, compiled once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.request.entries import ABSENT
from gateway.request.schemas import Components, components_of, properties
from gateway.request.targets import Ambiguous, Target, find, of_property
from gateway.values import SpecBody

_MOST = 200  # arguments: a model is lost long before

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
            parts = _parts(owner, body, components)
            if not parts:
                break
            at = next(index for index, one in enumerate(found) if one is owner)
            found = (*found[:at], *parts, *found[at + 1 :])
    return found


def _parts(owner: Target, body: SpecBody, components: Components) -> tuple[Target, ...]:
    """The properties of an object; none where it stays whole."""
    members = properties(owner.schema, components) if owner.source else None
    if members is None:
        return ()
    return tuple(
        of_property(name, schema, owner, name in members[1], body, components)
        for name, schema in members[0].items()
    )


class NotFlatError(ValueError):
    """The body cannot be made flat; the text says why."""


def flatten(
    targets: Sequence[Target], body: SpecBody | None, components: Components
) -> tuple[Target, ...]:
    """Replace every object inside a JSON body by its properties, however deep.

    Lists and open objects stay whole, and so does an object inside of one of its own kind.

    Raises: NotFlatError: there is no JSON body, or too much in it.
    """
    if body is None or body.kind != "json":
        what = "no body" if body is None else f"a body of {body.content_type}"
        raise NotFlatError(f"only a JSON body can be made flat; this operation takes {what}")
    found: list[Target] = []
    # The next target is the last one; with each, the components that it is inside of.
    outer = components_of(body.schema, components)
    waiting = [(one, outer) for one in reversed(targets)]
    while waiting:
        if len(found) + len(waiting) > _MOST:
            raise NotFlatError(
                f"the body has more than {_MOST} properties: leave `flatten` out, and lift those "
                "that are needed with `from: body.a.b`"
            )
        target, inside = waiting.pop()
        kinds = components_of(target.schema, components) if target.place == "body" else inside
        parts = () if kinds & inside else _parts(target, body, components)
        if target.place != "body" or not parts:
            found.append(target)
        else:
            waiting += [(one, inside | kinds) for one in reversed(parts)]
    return tuple(found)


def clashes(shown: Iterable[tuple[Target, str | None]]) -> list[str]:
    """What to write where two properties of a body that was made flat have one name.

    `shown` are the targets that callers see, each with the name that the config gives it.
    """
    by_name: dict[str, list[Target]] = {}
    for target, given in shown:
        if target.place == "body" and given is None:
            by_name.setdefault(target.name, []).append(target)
    found = []
    for name, same in by_name.items():
        for other in same[1:]:
            paths = f"{same[0].full_name} and {other.full_name}"
            # The deeper one has an object to be named after.
            lifted = max(same[0], other, key=lambda one: len(one.source))
            new = "_".join(lifted.source[-2:])
            found.append(
                f"{paths} would both be called {name!r}; "
                f"write parameters: {{{new}: {{from: {lifted.full_name}}}}}"
            )
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
