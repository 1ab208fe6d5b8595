"""`fields`: which parts of an answer are taken, compiled once.

The paths become a `Level`: what is taken of an object, in the order written. An answer is
read by types generated from it, whose leaves are pieces of the text itself, so what is not
wanted is never built and what is wanted keeps its text. An answer of another shape than the
paths expect (text where they want an object, arrays in arrays) is read whole and walked
instead; both give the same.

Taken is only what a path names: a value that the path cannot go into is left out, and so is
what is absent; null is kept. An array is looked into wherever a path meets one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.shrinking.exact import Tree, decode, encode, tidy
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
        level = _down(level, step, leaf.steps[: number + 1])
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


def _down(level: Level, step: Step, way: Sequence[Step]) -> Level:
    """Go into the level below a step, making it where it is new."""
    if step.key is None:
        if level.every is None:
            _free_for_every(level, way)
            level.every = Pick((None,), Level())
        pick = level.every
    else:
        if level.every:
            raise Clash(f"{join(way)!r}: `*` already takes every key there")
        pick = level.picks.setdefault(step.key, Pick((step.key,), Level()))
        if pick.source != (step.key,):
            raise Clash(f"{join(way)!r}: two paths give the name {step.key!r}; use `as`")
    if pick.tree is None:
        raise Clash(f"{join(way)!r} is already taken whole")
    return pick.tree


def _free_for_every(level: Level, way: Sequence[Step]) -> None:
    if level.every or level.picks:
        taken = ", ".join(shown(name) for name in level.picks) or "*"
        raise Clash(f"{join(way)!r}: `*` takes every key, but {taken} is taken there already")


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


# --- answers of the expected shape: generated types -------------------------------------------


class _Source:
    """What is read of an object, whatever it is called afterwards. None: a whole value."""

    __slots__ = ("every", "keys")

    def __init__(self) -> None:
        self.keys: dict[str, _Source | None] = {}
        self.every: _Source | None | UnsetType = UNSET


class _Untypable(Exception):
    """The same text is wanted whole and in part; only a walk can do that."""


def _read(source: _Source, level: Level) -> None:
    """Note what a level reads."""
    for pick in [level.every] if level.every else level.picks.values():
        place: _Source | None = source
        for key in pick.source[:-1]:
            place = _enter(place, key, _Source())
        place = _enter(place, pick.source[-1], _Source() if pick.tree else None)
        if pick.tree and place:
            _read(place, pick.tree)


def _enter(place: _Source | None, key: str | None, new: _Source | None) -> _Source | None:
    if (
        place is None
        or (key is None and place.keys)
        or (key is not None and place.every is not UNSET)
    ):
        raise _Untypable
    if key is None:
        there = place.every = new if place.every is UNSET else place.every
    else:
        there = place.keys.setdefault(key, new)
    if (there is None) is not (new is None):
        raise _Untypable
    return None if isinstance(there, UnsetType) else there


def _attribute(source: _Source, key: str) -> str:
    return f"f{list(source.keys).index(key)}"


def _type(source: _Source | None) -> Any:
    """The type that reads a value: itself, a list of such, or null."""
    if source is None:
        return Raw
    if not isinstance(source.every, UnsetType):
        one: Any = dict[str, _type(source.every)]  # type: ignore[misc] # a type made at run time
    else:
        fields = [
            (
                _attribute(source, key),
                _type(below) | UnsetType,
                msgspec.field(default=UNSET, name=key),
            )
            for key, below in source.keys.items()
        ]
        one = msgspec.defstruct("Part", fields, gc=False)
    return one | list[one | None] | None


Build: TypeAlias = Callable[[Any], Any]


def _builder(level: Level, source: _Source) -> Build | None:
    """What makes the answer's form of what was read; None where they are the same."""
    picks = [level.every] if level.every else list(level.picks.values())
    makers = [_maker(pick.source, pick.tree, source) for pick in picks]
    if not any(makers) and all(len(pick.source) == 1 for pick in picks):
        return None
    if level.every:
        make = makers[0]
        return _through(
            lambda value: {key: make(one) for key, one in value.items()} if make else value
        )
    plan = [
        (name, _attribute(source, str(pick.source[0])), _maker(pick.source, pick.tree, source))
        for name, pick in level.picks.items()
    ]

    def build(value: Any) -> Any:
        found = {}
        for name, attribute, make in plan:
            part = getattr(value, attribute)
            if part is not UNSET and make is not None:
                part = make(part)
            if part is not UNSET:
                found[name] = part
        return found

    return _through(build)


def _through(build: Build) -> Build:
    """Look through arrays; null stays null."""

    def look(value: Any) -> Any:
        if type(value) is list:
            return [None if one is None else build(one) for one in value]
        return None if value is None else build(value)

    return look


def _maker(keys: tuple[str | None, ...], tree: Level | None, source: _Source) -> Build | None:
    """What makes of the value at `keys[0]` what the rest of a pick takes of it."""
    below = source.every if keys[0] is None else source.keys[keys[0]]
    if isinstance(below, UnsetType) or below is None:
        return None
    if len(keys) == 1:
        return _builder(tree, below) if tree else None
    return _lift(keys[1:], tree, below)


def _lift(keys: tuple[str | None, ...], tree: Level | None, source: _Source) -> Build:
    """What takes a value out of the object that holds it; nothing of null is nothing."""
    make = _maker(keys, tree, source)

    def of_one(value: Any) -> Any:
        if value is None:
            return UNSET
        if keys[0] is None:
            parts = {key: make(one) if make else one for key, one in value.items()}
            return {key: one for key, one in parts.items() if one is not UNSET}
        part = getattr(value, attribute)
        return part if part is UNSET or make is None else make(part)

    attribute = "" if keys[0] is None else _attribute(source, keys[0])

    def look(value: Any) -> Any:
        if type(value) is list:
            return [part for part in map(of_one, value) if part is not UNSET]
        return of_one(value)

    return look


# --- both -------------------------------------------------------------------------------------


class Projection:
    """Paths, compiled."""

    __slots__ = ("_build", "_decoder", "level")

    def __init__(self, level: Level) -> None:
        self.level = level
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._build: Build | None = None
        source = _Source()
        try:
            _read(source, level)
            self._decoder = msgspec.json.Decoder(_type(source))
        except (_Untypable, ValueError):  # ValueError: msgspec takes no quote in a key
            return
        self._build = _builder(level, source)

    def __call__(self, body: bytes) -> bytes:
        """Take the parts of an answer, tidy.

        Raises:
            ValueError: if the body is not JSON.
        """
        if self._decoder is not None:
            try:
                value = self._decoder.decode(body)
                return tidy(encode(self._build(value) if self._build else value))
            except msgspec.DecodeError:
                pass  # another shape, or text that needs mending
        return encode(self.walk(decode(tidy(body))))

    def walk(self, value: Tree) -> Tree:
        """Take the parts of a tree. A value that holds none gives an empty object."""
        found = project(self.level, value)
        return {} if found is _ABSENT else found


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
