"""`fields`: which parts of an answer are taken, compiled once.

The paths become a `Level`: what is taken of an object, in the order written. `project` takes
it of any tree; `typed` does the same faster, of answers that have the expected shape.

Taken is only what a path names: a value that the path cannot go into is left out, and so is
what is absent; null is kept. An array is looked into wherever a path meets one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from gateway.shrinking.exact import Tree
from gateway.shrinking.paths import Leaf, Step, join, shown

_ABSENT: Any = UNSET


@dataclass(slots=True)
class Level:
    """What is taken of an object: picks by the name they get, or the same of every key.

    `every` is None where there is no `*`; its own `tree` says what is taken of each value.
    """

    picks: dict[str, Pick] = field(default_factory=dict)
    every: Pick | None = None


@dataclass(slots=True)
class Pick:
    """One thing taken: where it stands, as keys from the object (None: every key), and how much.

    `source` has one key unless `as` lifted the leaf; `tree` None takes the whole value.
    """

    source: tuple[str | None, ...]
    tree: Level | None = None


class Clash(ValueError):
    """Two paths that want the same place."""


def add(root: Level, leaf: Leaf) -> None:
    """Add one path. Raises: Clash."""
    way = leaf.base if leaf.alias else leaf.steps[:-1]
    level = root
    for number, step in enumerate(way):
        level = _down(level, step, leaf.steps[: number + 1], leaf.steps)
    source = leaf.rest if leaf.alias else leaf.steps[-1:]
    name = leaf.alias or source[0].key
    pick = Pick(tuple(step.key for step in source))
    if name is None:
        _free_for_every(level, leaf.steps)
        level.every = pick
        return
    if level.every:
        raise Clash(f"{join(leaf.steps)!r}: `*` already takes every key there")
    if name in level.picks:
        raise Clash(f"{join(leaf.steps)!r}: two paths give the name {name!r}; use `as`")
    level.picks[name] = pick


def _down(level: Level, step: Step, way: Sequence[Step], path: Sequence[Step]) -> Level:
    """Go into the level below a step, the last of `way`, making it where it is new."""
    if step.key is None:
        if level.every is None:
            _free_for_every(level, path)
            level.every = Pick((None,), Level())
        pick = level.every
    else:
        if level.every:
            raise Clash(f"{join(path)!r}: `*` already takes every key there")
        pick = level.picks.setdefault(step.key, Pick((step.key,), Level()))
        if pick.source != (step.key,):
            raise Clash(f"{join(path)!r}: two paths give the name {step.key!r}; use `as`")
    if pick.tree is None:
        raise Clash(f"{join(path)!r}: {join(way)!r} is already taken whole")
    return pick.tree


def _free_for_every(level: Level, path: Sequence[Step]) -> None:
    if level.every or level.picks:
        taken = ", ".join(shown(name) for name in level.picks) or "*"
        raise Clash(f"{join(path)!r}: `*` takes every key, but {taken} is taken there already")


def compile_fields(paths: Sequence[Sequence[Leaf]]) -> tuple[Level, Mapping[int, str]]:
    """Bring paths together.

    Returns:
        What they take, and for those that clash, by their number, why.
    """
    level, clashes = Level(), {}
    for number, leaves in enumerate(paths):
        try:
            for leaf in leaves:
                if not leaf.steps:
                    raise Clash("'$' takes the whole answer: leave `fields` out for that")
                add(level, leaf)
        except Clash as clash:
            clashes[number] = str(clash)
    return level, clashes


# --- any answer: the whole tree, walked -------------------------------------------------------


def project(level: Level, value: Tree) -> Tree:
    """Take a level's parts of a value; UNSET where there is nothing to take from."""
    if isinstance(value, dict):
        if level.every:
            return _of_every(value, (), level.every.tree)
        found = {}
        for name, pick in level.picks.items():
            part = _dig(value, pick.source, pick.tree)
            if part is not _ABSENT:
                found[name] = part
        return found
    if isinstance(value, list):
        return _present(project(level, item) for item in value)
    return None if value is None else _ABSENT


def taken(level: Level, value: Tree) -> Tree:
    """What a level takes of a whole answer: an empty object where that holds nothing of it."""
    found = project(level, value)
    return {} if found is _ABSENT else found


def _dig(value: Tree, source: tuple[str | None, ...], tree: Level | None) -> Tree:
    if not source:
        return value if tree is None else project(tree, value)
    if isinstance(value, list):
        return _present(_dig(item, source, tree) for item in value)
    if not isinstance(value, dict):
        return _ABSENT
    key = source[0]
    if key is None:
        return _of_every(value, source[1:], tree)
    return _dig(value[key], source[1:], tree) if key in value else _ABSENT


def _of_every(value: Tree, source: tuple[str | None, ...], tree: Level | None) -> Tree:
    found = {key: _dig(item, source, tree) for key, item in value.items()}
    return {key: item for key, item in found.items() if item is not _ABSENT}


def _present(values: Iterator[Tree]) -> list[Tree]:
    return [value for value in values if value is not _ABSENT]
