"""A change of each value by itself, made of a long text batch by batch: never all of it is a tree.

Trees take ten times the memory of their text. Where most of a text is one array, some of its rows
at a time are read, changed and written again; all else of the text is read once, together with
the first rows that something is left of, so that an array does not look empty that is not. The
members of an object of very many are such rows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from gateway.shrinking.exact import Tree, decode, encode, tidy
from gateway.shrinking.fields import Level
from gateway.shrinking.members import spans
from gateway.shrinking.typed import Projection

# Gives what is left of a tree, and what is told of it: numbers, by path and word.
Change: TypeAlias = Callable[[Tree], tuple[Tree, Mapping[str, Any]]]

_OBJECT, _ARRAY = b"{["
LONG = 1024 * 1024  # bytes; what is shorter may be a tree
_BATCH = 64 * 1024
_FEW = 300_000  # values
_MEMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Raw])
_BRACKETS = {_OBJECT: (b"{", b"}"), _ARRAY: (b"[", b"]")}


def changed(text: bytes, change: Change) -> tuple[bytes, Mapping[str, Any]]:
    """Change a tidy text.

    Args:
        text: Of any value.
        change: Looks at one row of an array at a time, and at whether any is left.

    Returns:
        What is left, tidy, and what is told of it.
    """
    most = _Most(text) if len(text) > LONG else None
    if most is None or not most.has_rows:
        tree, told = change(decode(text))
        return encode(tree), told
    rows: list[bytes] = []
    main = b""
    found: dict[str, dict[str, int]] = {}
    for batch in most.batches():
        left, told = _rows(change, most.way, most.bracketed(batch))
        if left:
            rows.append(left)
        if left and not main:
            main = batch  # read once more, with all else
        else:
            _add(found, told)
    tree, told = change(decode(most.around(main)))
    _add(found, told)
    way = most.way
    all_rows = most.joined(rows) if rows else None
    del text, most, main, rows  # each as long as the answer may be
    return encode(tree if all_rows is None else _with(tree, way, all_rows)), found


def taken(take: Callable[[bytes], bytes], body: bytes | memoryview) -> bytes:
    """What `fields` or another reshaping takes of an answer, tidy; of a long one batch by batch,
    where what is taken of its rows stays in rows.

    Raises: ValueError, if the body is not JSON.
    """
    body = bytes(body)
    if len(body) <= LONG or not isinstance(take, Projection) or _are_few(body, take.level):
        return take(body)
    text = tidy(body)
    most = _Most(text)
    place = _place(take.level, most.way) if most.kind == _ARRAY and most.has_rows else None
    if place is None:
        return take(text)
    level, way = place
    of_rows = Projection(level)
    rows = [of_rows(most.bracketed(batch))[1:-1] for batch in most.batches()]
    tree = decode(take(most.around(b"")))
    all_rows = most.joined([row for row in rows if row])
    del text, most, rows
    return encode(_with(tree, way, all_rows))


def _are_few(body: bytes, level: Level) -> bool:
    """Whether so little is taken of a text that all of it may be there at once, some hundred
    bytes for each value: that is three times as fast as batch by batch. Judged by three looks."""
    keys = [encode(key) for key in _keys(level)]
    if not keys:  # of maps every value
        return False
    most = 0
    for at in (0, len(body) // 2, len(body) - _BATCH):
        look = body[at : at + _BATCH]
        most = max(most, look.count(b"{") + sum(map(look.count, keys)))
    return most * len(body) <= _FEW * _BATCH


def _keys(level: Level) -> set[str]:
    """The keys that are asked for; none where every key is, somewhere."""
    found: set[str] = set()
    if level.every is not None:
        return found
    for pick in level.picks.values():
        below = _keys(pick.tree) if pick.tree is not None else set()
        if None in pick.source or (pick.tree is not None and not below):
            return set()
        found |= below | {key for key in pick.source if key is not None}
    return found


def parts(body: bytes) -> Iterator[bytes]:
    """A JSON text; a long one as several, each with some of its rows, the last with none of them
    and all that stands beside. Raises: ValueError, if it is not JSON."""
    if len(body) <= LONG:
        yield body
        return
    most = _Most(tidy(body))
    if not most.has_rows:
        yield body
        return
    for batch in most.batches():
        yield _inside(most.way, most.bracketed(batch))
    yield most.around(b"")


def _place(level: Level, way: list[str]) -> tuple[Level, list[str]] | None:
    """What a level takes of the rows at a way, and where it puts them; None where they are taken
    whole, not at all, or only parts of them, which then stand elsewhere."""
    names = []
    for key in way:
        picks = {name: pick for name, pick in level.picks.items() if pick.source[0] == key}
        if level.every:
            picks = {key: level.every}
        if len(picks) != 1:
            return None
        ((name, pick),) = picks.items()
        if len(pick.source) > 1 or pick.tree is None:
            return None
        names.append(name)
        level = pick.tree
    return level, names


def _add(found: dict[str, dict[str, int]], told: Mapping[str, Any]) -> None:
    for path, numbers in told.items():
        there = found.setdefault(path, {})
        for word, number in numbers.items():
            there[word] = there.get(word, 0) + number


class _Most:
    """The value, inside of objects, that is most of a tidy text."""

    __slots__ = ("_objects", "kind", "part", "way")

    def __init__(self, text: bytes) -> None:
        self._objects: list[dict[str, Raw]] = []  # what holds it
        self.way: list[str] = []  # to it
        self.part = memoryview(text)
        while self.part[0] == _OBJECT and 2 * _longest(self.part) >= len(text):
            members = _MEMBERS.decode(self.part)
            key = max(members, key=lambda one: memoryview(members[one]).nbytes)
            self._objects.append(members)
            self.way.append(key)
            self.part = memoryview(members[key])
        self.kind = self.part[0]

    @property
    def has_rows(self) -> bool:
        """Whether it has more of them than one batch."""
        if self.kind not in _BRACKETS:
            return False
        first = next(spans(self.part, _BATCH, _BATCH), None)
        return first is not None and first.end < len(self.part) - 1

    def batches(self) -> Iterator[bytes]:
        """Its rows, some at a time, as they stand between its brackets."""
        for span in spans(self.part, _BATCH, _BATCH):
            yield bytes(self.part[span.start : span.end])

    def bracketed(self, rows: bytes) -> bytes:
        """Such rows as a container of its own kind."""
        opening, closing = _BRACKETS[self.kind]
        return b"".join((opening, rows, closing))

    def joined(self, rows: list[bytes]) -> Raw:
        """Rows of several batches, likewise."""
        opening, closing = _BRACKETS[self.kind]
        rows = rows or [b""]
        rows[0] = opening + rows[0]
        rows[-1] += closing
        return Raw(b",".join(rows))

    def around(self, rows: bytes) -> bytes:
        """All of the text, with these rows alone."""
        text = self.bracketed(rows)
        for members, key in zip(reversed(self._objects), reversed(self.way), strict=True):
            text = encode({**members, key: Raw(text)})
        return text


def _longest(container: memoryview) -> int:
    """The bytes of the member that is longer than a batch, or 0."""
    return max(
        (span.end - span.start for span in spans(container, _BATCH, _BATCH) if span.one), default=0
    )


def _inside(way: list[str], text: bytes) -> bytes:
    for key in reversed(way):
        text = b"".join((b"{", encode(key), b":", text, b"}"))
    return text


def _rows(change: Change, way: list[str], text: bytes) -> tuple[bytes, Mapping[str, Any]]:
    """What is left of some rows, and what is told of them."""
    tree, told = change(decode(_inside(way, text)))
    for key in way:
        tree = tree.get(key, {})
    return (encode(tree)[1:-1] if isinstance(tree, list | dict) else b""), told


def _with(tree: Tree, way: list[str], rows: Raw) -> Tree:
    """The tree with other rows at the end of the way."""
    if not way:
        return rows
    place = tree
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = rows
    return tree
