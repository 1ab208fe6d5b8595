"""`fields` by generated types: what is not wanted of an answer is never built.

Of the paths' levels, types are made that msgspec reads an answer into: structs with a field
for each key that is wanted, whose leaves are pieces of the text itself, so numbers keep their
text and a whole value costs no more than a look. Where the answer's form is the upstream's,
what was read is written again as it is; where `as` lifts a leaf, functions compiled from the
levels bring it into place.

An answer of another shape (text where an object is wanted, arrays in arrays) is read whole
and walked instead (`fields.project`); both give the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.shrinking.exact import Tree, decode, encode, tidy
from gateway.shrinking.fields import Level, taken

Keys: TypeAlias = tuple[str | None, ...]
Build: TypeAlias = Callable[[Any], Any]


class Projection:
    """What a level takes, compiled."""

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

    def __reduce__(self) -> tuple[Any, ...]:
        return Projection, (self.level,)  # types and functions that are made at run time stay

    def __call__(self, body: bytes) -> bytes:
        """Take the parts of an answer, tidy.

        Raises:
            ValueError: if the body is not JSON.
        """
        if self._decoder is not None:
            try:
                value = self._decoder.decode(body)
                return tidy(encode(self._build(value) if self._build else value))
            except (msgspec.DecodeError, UnicodeDecodeError):
                pass  # another shape, or text that needs mending
        return encode(self.walk(decode(tidy(body))))

    def walk(self, value: Tree) -> Tree:
        """Take the parts of a tree. A value that holds none gives an empty object."""
        return taken(self.level, value)


# --- what is read -----------------------------------------------------------------------------


class _Source:
    """What is read of an object, whatever it is called afterwards. None: a whole value."""

    __slots__ = ("every", "keys")

    def __init__(self) -> None:
        self.keys: dict[str, _Source | None] = {}
        self.every: _Source | UnsetType | None = UNSET


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
    """Go to what is read at a key, noting `new` where nothing is yet. Raises: _Untypable."""
    if place is None or (place.keys if key is None else place.every is not UNSET):
        raise _Untypable
    if key is not None:
        there = place.keys.setdefault(key, new)
    elif isinstance(place.every, UnsetType):
        there = place.every = new
    else:
        there = place.every
    if (there is None) is not (new is None):
        raise _Untypable
    return there


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


# --- what is made of it -----------------------------------------------------------------------


def _builder(level: Level, source: _Source) -> Build | None:
    """What makes the answer's form of what was read; None where they are the same."""
    if level.every:
        make = _maker(level.every.source, level.every.tree, source)
        if make is None:
            return None
        return _through(lambda value: {key: make(one) for key, one in value.items()})
    plan = [
        (name, _attribute(source, str(pick.source[0])), _maker(pick.source, pick.tree, source))
        for name, pick in level.picks.items()
    ]
    # The second: other paths may read more of the same object.
    if not any(make for _, _, make in plan) and list(source.keys) == list(level.picks):
        return None

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


def _maker(keys: Keys, tree: Level | None, source: _Source) -> Build | None:
    """What makes of the value at `keys[0]` what the rest of a pick takes of it."""
    below = source.every if keys[0] is None else source.keys[keys[0]]
    if isinstance(below, UnsetType) or below is None:
        return None
    if len(keys) == 1:
        return _builder(tree, below) if tree else None
    return _lift(keys[1:], tree, below)


def _lift(keys: Keys, tree: Level | None, source: _Source) -> Build:
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
