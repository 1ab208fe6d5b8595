"""The ids that operations need of each other, and the rules that take them away. Pure.

A list whose rows have lost their ids leads nowhere. Which member is whose id is told by names
and addresses alone, so only the plain cases are seen:

- `GET /players` gives rows and `/players/{id}` is exposed, or anything below it: the rows' `id`,
  or their member of the argument's name;
- an argument `player_ids`, `gameId` … anywhere: a member of that name, the `id` of a member
  `player`, or of the rows of an address that ends in `players`.

An id that an operation itself asks for is known to whoever called it. Of the second kind it is
enough that one operation gives the id; of the first, the list itself has to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.authoring.words import split, stem
from gateway.plugin import Operation, Plugin
from gateway.shrinking import Shapes
from gateway.shrinking.exact import decode, encode
from gateway.shrinking.paths import Step, join
from gateway.values import Argument, Schema

Steps: TypeAlias = tuple[Step, ...]
Name: TypeAlias = tuple[str, ...]
Taker: TypeAlias = tuple[str, str]  # an operation, and its argument

_SURELY = frozenset({"id", "uuid", "guid"})
_IDS = _SURELY | {"key", "slug", "sha", "number", "code"}
_DEEPEST = 4  # levels of an answer that are looked through
_MOST = 400  # members of it
_NAMED = 3  # takers that a message names
_MARK = 7_310_274_651_839_205  # a number that no rule knows


@dataclass(frozen=True, slots=True)
class Link:
    """An id in the giver's answer that the taker needs, and where it may stand.

    `own`: it is that of the giver's rows, and the taker's address stands below the giver's.
    """

    giver: str
    taker: Taker
    paths: tuple[Steps, ...]
    own: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """An id that a rule (its YAML key) of an operation takes away, and who needs it."""

    operation: str
    path: str
    rule: str
    takers: tuple[Taker, ...]

    def __str__(self) -> str:
        named = ", ".join(f"{name} ({argument})" for name, argument in self.takers[:_NAMED])
        more = len(self.takers) - _NAMED
        named += f" and {more} more" if more > 0 else ""
        need = "needs" if len(self.takers) == 1 else "need"
        return (
            f"{self.path!r} is taken away, which {named} {need}: keep it, so that calls can go on"
        )


def links(plugin: Plugin) -> list[Link]:
    """Which ids of whose answers other operations take."""
    shapes = Shapes(plugin.components)
    below: dict[tuple[str, ...], list[tuple[Taker, Name]]] = defaultdict(list)
    named: dict[Name, list[Taker]] = defaultdict(list)
    for taker in plugin.operations.values():
        for argument in taker.arguments:
            if not argument.source:
                continue
            name = _name(argument.source[-1])
            if argument.place == "path":
                below[_before(taker, argument)].append(((taker.name, argument.name), name))
            # `phone_number` and `lookup_key` are ids only where an address is made of them.
            ids = _IDS if argument.place == "path" else _SURELY
            if len(name) > 1 and name[-1] in ids:
                named[name].append((taker.name, argument.name))
    found: list[Link] = []
    for giver in plugin.operations.values():
        found += _links(giver, below.get(_segments(giver), []), named, shapes)
    return found


def needed(plugin: Plugin, operation: str) -> set[Steps]:
    """Where ids may stand in an operation's reply that other operations take."""
    return {path for link in links(plugin) if link.giver == operation for path in link.paths}


def lost(plugin: Plugin) -> list[Lost]:
    """The ids that rules take away though other operations take them."""
    rules: dict[Link, str] = {}
    for link in links(plugin):
        found = [_rule(plugin.operations[link.giver], path) for path in link.paths]
        rules[link] = found[0] if all(found) else ""
    given = {link.taker for link, rule in rules.items() if not rule}
    gone: dict[tuple[str, str, str], list[Taker]] = defaultdict(list)
    for link, rule in rules.items():
        if rule and (link.own or link.taker not in given):
            gone[link.giver, join(link.paths[0]), rule].append(link.taker)
    return [Lost(*where, tuple(dict.fromkeys(takers))) for where, takers in gone.items()]


# --- who takes what ---------------------------------------------------------------------------


def _links(
    giver: Operation,
    below: Sequence[tuple[Taker, Name]],
    named: dict[Name, list[Taker]],
    shapes: Shapes,
) -> list[Link]:
    known = {_name(one.source[-1]) for one in giver.arguments if one.required and one.source}
    found: dict[tuple[Taker, bool], list[Steps]] = defaultdict(list)
    for path, of_rows in _places(giver, shapes).items():
        key = _name(path[-1].key or "")
        if of_rows and giver.spec.method == "GET":
            for taker, name in below:
                if key in (name, name[-1:]) and (key == name or key[-1] in _IDS):
                    found[taker, True].append(path)
        parent = _name(path[-2].key or "") if len(path) > 1 else ()
        for name in {key, parent + key, *([_noun(giver) + key] if of_rows else [])} - known:
            for taker in named.get(name, ()):
                found[taker, False].append(path)
    return [
        Link(giver.name, taker, tuple(paths), own)
        for (taker, own), paths in found.items()
        if taker[0] != giver.name
    ]


def _name(name: str) -> Name:
    """A name without its form: `playerIds`, `player_ids[]` and `player-id` are one."""
    return tuple("id" if word == "ids" else stem(word) for word in split(name))


def _segments(operation: Operation) -> tuple[str, ...]:
    return tuple(one for one in operation.spec.path.split("/") if one)


def _before(operation: Operation, argument: Argument) -> tuple[str, ...]:
    """The part of an address that stands before an argument's place in it."""
    segments = _segments(operation)
    hole = f"{{{argument.source[-1]}}}"
    return segments[: segments.index(hole)] if hole in segments else ("",)


def _noun(operation: Operation) -> Name:
    """What an address lists: of `/v1/box-scores` box scores; nothing where it ends in a hole."""
    last = _segments(operation)[-1:]
    return () if not last or "{" in last[0] else _name(last[0])


# --- where ids stand --------------------------------------------------------------------------


def _places(operation: Operation, shapes: Shapes) -> dict[Steps, bool]:
    """The places of texts and numbers in a reply, by its schema; whether they are its rows'."""
    schema = operation.spec.reply.schema
    if schema is None:
        return {}
    found: dict[Steps, bool] = {}
    waiting: list[tuple[Steps, Schema, bool]] = [((), schema, True)]
    seen = 0
    while waiting and seen < _MOST:
        way, place, of_rows = waiting.pop(0)
        for key in dict.fromkeys(shapes.names(place)):
            seen += 1
            steps = (*way, Step(key))
            for below in shapes.below(place, key):
                kinds = shapes.kinds(below) or frozenset()
                if shapes.names(below):
                    rows = not way and "array" in kinds
                    waiting += [(steps, below, rows)] if len(steps) < _DEEPEST else []
                elif kinds & {"string", "integer", "number"}:
                    found[steps] = of_rows
    return found


# --- what the rules do to them ----------------------------------------------------------------


def _rule(operation: Operation, path: Steps) -> str:
    """The key of the rule that takes a member away, found by trying; "" where none does."""
    shrinker = operation.shrinker
    value: Any = _MARK
    for step in reversed(path):
        value = {step.key: value}
    text, mark = encode(value), encode(_MARK)
    try:
        if shrinker.take:
            text = shrinker.take(text)
            if mark not in text:
                said = next(one for one in shrinker.words if one.startswith(("fields", "jmespath")))
                rule = said.partition(" ")[0]
                # An expression may look for what the trial does not have.
                key = re.escape(path[-1].key or "")
                asks = rule == "jmespath" and re.search(rf"\b{key}\b", said)
                return "" if asks else rule
        if shrinker.clean:
            text = encode(shrinker.clean(decode(text))[0])
    except ValueError:
        return ""  # nobody can tell
    return "" if mark in text else "drop"
