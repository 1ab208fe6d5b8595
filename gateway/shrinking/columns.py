"""Objects that are alike, as columns: what `encode: table` writes down.

Knows when objects are alike enough, in which order all of their keys stand, which objects inside
of them become columns of their own, and which strings can be made of other cells. Values are
text, never looked into further than that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain, pairwise
from operator import itemgetter, methodcaller
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Raw

OBJECT, ARRAY, STRING = b'{["'
_FLATTENED = 8  # objects inside each other that become columns
_WIDEST = 256  # columns; GitHub's repository has 95 when it is flat
_SPARSEST = 8  # times as many cells as members: what is made stays linear in what is read
_UNREADABLE = 3  # times as many cells as members, of the objects that are there
_TRIED = 32  # sets of keys that are tried for an order, where there is none for all
_PREFIX = 8  # bytes of a beginning that is worth telling once
_NUMBER = frozenset(b"-0123456789")
_FILLED = re.compile(rb"\{([^{}]*)\}")
# Addresses are cut where they have a seam, so that a cell is a name or a path still.
_BEGINNING = re.compile(rb"[^ ]*[/=#?@]")
_ENDING = re.compile(rb"[/#?&@.][^ ]*")
_first = itemgetter(0)
_values = methodcaller("values")

Row: TypeAlias = dict[str, Raw]
Cells: TypeAlias = list[bytes | None]  # None: absent
OBJECTS: msgspec.json.Decoder[list[Row]] = msgspec.json.Decoder(list[dict[str, Raw]])


class Column:
    """What stands at one path of every row. `kinds` are the first bytes of what is there."""

    __slots__ = ("cells", "constant", "kinds", "path")

    def __init__(self, path: tuple[str, ...], cells: Cells) -> None:
        self.path = path
        self.cells = cells
        first = cells[0]
        self.constant = first is not None and cells.count(first) == len(cells)
        self.kinds: frozenset[int] = frozenset(map(_first, filter(None, cells)))

    @property
    def cost(self) -> int:
        """About as many bytes as it will take."""
        name = sum(map(len, self.path)) + len(self.path) + 2
        if self.constant:
            return name + len(self.cells[0] or b"")
        return name + 5 * len(self.cells) + sum(map(_more, filter(None, self.cells)))


def _more(cell: bytes) -> int:
    return len(cell) - 4  # than an absent one


# --- alike ------------------------------------------------------------------------------------


class Alike(NamedTuple):
    """Columns of those rows that are alike; and for every row, whether it is one of them."""

    columns: list[Column]
    fits: list[bool]


def alike(rows: Sequence[Row]) -> Alike | None:
    """The columns of rows, in an order that their members have; None where they are too unlike."""
    if len(rows) < 2:
        return None
    shapes = list(map(tuple, rows))
    shape = _shape(shapes)
    if shape is None:
        return None
    fits = [True] * len(rows)
    if shape.odd:
        fits = [one not in shape.odd for one in shapes]
        rows = [row for row, own in zip(rows, fits, strict=True) if own]
    columns = _columns(rows, shape.keys, ())
    return Alike(columns, fits) if columns else None


class _Shape(NamedTuple):
    """The keys of objects, in an order that holds for all but the odd ones."""

    keys: tuple[str, ...]
    odd: Container[tuple[str, ...]] = ()


def _shape(objects: list[tuple[str, ...]]) -> _Shape | None:
    """The shape of many objects, by the keys of each; None where it fits less than a quarter."""
    times = Counter(objects)
    if len(times) == 1:
        return _Shape(objects[0]) if len(objects[0]) <= _WIDEST else None
    keys = _merged(times)
    if keys is not None:
        return _Shape(keys)
    chosen: list[tuple[str, ...]] = []
    keys = ()
    for one, _ in times.most_common(_TRIED):
        merged = _merged([*chosen, one])
        if merged is not None:
            keys = merged
            chosen.append(one)
    places = {key: place for place, key in enumerate(keys)}
    odd = {one for one in times if not _rises([places.get(key, -1) for key in one])}
    fits = len(objects) - sum(times[one] for one in odd)
    return _Shape(keys, odd) if 4 * fits >= len(objects) else None


def _merged(shapes: Iterable[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The keys of all, so that each has its own in order; None where there is no such order."""
    before: dict[str, dict[str, None]] = {}
    for shape in shapes:
        if len(shape) > _WIDEST:
            return None
        last = None
        for key in shape:
            known = before.setdefault(key, {})
            if last is not None:
                known[last] = None
            last = key
        if len(before) > _WIDEST:
            return None
    try:
        return tuple(TopologicalSorter(before).static_order())
    except CycleError:
        return None


def _rises(places: list[int]) -> bool:
    return all(one < other for one, other in pairwise([-1, *places]))


def _columns(
    objects: Sequence[Row | None], keys: tuple[str, ...], path: tuple[str, ...]
) -> list[Column] | None:
    """The members of objects as columns; None where most cells would be absent."""
    found: list[Column] = []
    members = sum(map(len, filter(None, objects)))
    by_key: Iterable[Cells]
    if members == len(keys) * len(objects):
        values = chain.from_iterable(map(_values, filter(None, objects)))
        every: Cells = list(map(bytes, values))
        by_key = (every[place :: len(keys)] for place in range(len(keys)))
    else:
        there = len(objects) - objects.count(None)
        if members * _UNREADABLE < len(keys) * there:
            return None
        if members * _SPARSEST < len(keys) * len(objects):
            return None
        by_key = (
            [bytes(one[key]) if one and key in one else None for one in objects] for key in keys
        )
    for key, cells in zip(keys, by_key, strict=True):
        found += _flat(Column((*path, key), cells))
        if len(found) > _WIDEST:
            return None
    return found


def _flat(column: Column) -> list[Column]:
    """The column, or one for each member of its objects where that is shorter."""
    path, cells = column.path, column.cells
    if OBJECT not in column.kinds or column.constant or len(path) > _FLATTENED:
        return [column]
    inner = [cell is not None and cell[0] == OBJECT and len(cell) > 2 for cell in cells]
    texts = [cell for cell, own in zip(cells, inner, strict=True) if cell and own]
    decoded = OBJECTS.decode(b"[" + b",".join(texts) + b"]")
    shapes = list(map(tuple, decoded))
    shape = _shape(shapes) if shapes else None
    if shape is None:
        return [column]
    objects: list[Row | None] = []
    there = iter(zip(decoded, shapes, strict=True))
    for own in inner:
        one, its = next(there) if own else (None, ())
        objects.append(None if its in shape.odd else one)
    columns = _columns(objects, shape.keys, path)
    if columns is None:
        return [column]
    if None in objects:
        others = [cell if one is None else None for one, cell in zip(objects, cells, strict=True)]
        if any(others):
            columns.insert(0, Column(path, others))
    return columns if sum([one.cost for one in columns]) < column.cost else [column]


# --- templates --------------------------------------------------------------------------------


class Templates(NamedTuple):
    """Strings that are told once, by the names of columns; `{name}` is for the cell there.

    `derived` are columns that are no longer needed. Of the columns in `own` the template stands
    around the cells, and `cells` are what is left of these.
    """

    derived: dict[bytes, bytes]
    own: dict[bytes, bytes]
    cells: dict[bytes, Cells]


def filled(text: bytes, names: Container[bytes]) -> list[re.Match[bytes]]:
    """Where a string would be filled in, if these are the names of columns."""
    if text[:1] != b'"' or b"{" not in text:
        return []
    return [match for match in _FILLED.finditer(text) if match[1] in names]


class _Seamed(NamedTuple):
    """A column of strings or numbers, and how many bytes are the same at both ends of all."""

    name: bytes
    texts: list[bytes]
    is_text: bool
    start: int
    end: int

    @property
    def prefix(self) -> bytes:
        return self.texts[0][: self.start]

    @property
    def suffix(self) -> bytes:
        return self.texts[0][len(self.texts[0]) - self.end :]


def templates(columns: dict[bytes, Column], names: Container[bytes]) -> Templates:
    """Find columns that are made of another one, or begin with the same address."""
    found = Templates({}, {}, {})
    groups: dict[tuple[bytes, bytes], list[_Seamed]] = {}
    for name, column in columns.items():
        # Of `{id}` as a name nobody could tell what is filled in.
        texts = _texts(column) if b"{" not in name and b"}" not in name else []
        if texts:
            start, end = _seams(texts)
            first, last = texts[0], texts[-1]
            seamed = _Seamed(name, texts, column.kinds == {STRING}, start, end)
            inner = first[start : len(first) - end], last[start : len(last) - end]
            groups.setdefault(inner, []).append(seamed)
    for alike in groups.values():
        for group in _same(alike):
            # A number before a string: it cannot be made of one.
            source = min(group, key=lambda one: (one.start + one.end, one.is_text))
            if source.is_text:
                source = _trimmed(source, names, found)
            for one in group:
                if one.name != source.name and one.is_text:
                    text = _made_of(source, one, names)
                    if text:
                        found.derived[one.name] = text
    return found


def _same(columns: list[_Seamed]) -> Iterable[list[_Seamed]]:
    """The columns by what they have between beginning and end, row for row."""
    if len(columns) == 1:
        return [columns]
    groups: dict[tuple[bytes, ...], list[_Seamed]] = {}
    for one in columns:
        inner = tuple([text[one.start : len(text) - one.end] for text in one.texts])
        groups.setdefault(inner, []).append(one)
    return groups.values()


def _texts(column: Column) -> list[bytes]:
    """What stands in the strings or numbers of a column; nothing where there is anything else."""
    text = column.kinds == {STRING}
    if not (text or column.kinds <= _NUMBER) or None in column.cells:
        return []
    cells = [cell[1:-1] if text else cell for cell in column.cells if cell]
    return [] if text and b"\\" in b"".join(cells) else cells


def _seams(texts: list[bytes]) -> tuple[int, int]:
    """How many bytes are the same at the beginnings, and at the ends."""
    low, high = min(texts), max(texts)
    start = _common(low, high)
    left = min(map(len, texts)) - start
    if texts[0][-1:] != texts[-1][-1:]:
        return start, 0
    turned = [text[::-1] for text in texts]
    return start, min(_common(min(turned), max(turned)), left)


def _common(low: bytes, high: bytes) -> int:
    for number, (one, other) in enumerate(zip(low, high, strict=False)):
        if one != other:
            return number
    return min(len(low), len(high))


def _made_of(source: _Seamed, one: _Seamed, names: Container[bytes]) -> bytes | None:
    """The template that makes a column of the cells of another; None if there is none."""
    if not (one.prefix.endswith(source.prefix) and one.suffix.startswith(source.suffix)):
        return None
    before = one.prefix[: len(one.prefix) - len(source.prefix)]
    text = b'"%s{%s}%s"' % (before, source.name, one.suffix[len(source.suffix) :])
    told = sum(map(len, one.texts)) + 3 * len(one.texts)
    return text if told > len(text) + 1 and len(filled(text, names)) == 1 else None


def _trimmed(one: _Seamed, names: Container[bytes], found: Templates) -> _Seamed:
    """Take an address that they have in common from the cells of a column, if it is worth it."""
    beginning = _BEGINNING.match(one.prefix)
    if not beginning or len(beginning[0]) < _PREFIX:
        return one
    ending = _ENDING.search(one.suffix) if b" " not in one.suffix else None
    head, tail = beginning[0], ending[0] if ending else b""
    text = b'"%s{%s}%s"' % (head, one.name, tail)
    gain = len(one.texts) * (len(head) + len(tail)) - len(text) - len(one.name) - 4
    if gain <= 0 or len(filled(text, names)) != 1:
        return one
    start, end = len(head), len(tail)
    texts = [text[start : len(text) - end] for text in one.texts]
    found.own[one.name] = text
    found.cells[one.name] = [b'"%s"' % text for text in texts]
    return one._replace(texts=texts, start=one.start - start, end=one.end - end)
