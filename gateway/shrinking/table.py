r"""`encode: table`: arrays of alike objects written as one header and rows. JSON still; exact.

    [{"id":1,"type":"User","at":{"x":1,"y":2},"url":"https://h.example/u/1"}, …]
    {"columns":["id","at.x","at.y"],"each":{"type":"User","url":"https://h.example/u/{id}"},
     "order":[1,1],"rows":[[1,1,2],…]}

    count      how many rows there are, where they are many
    columns    what the places of a row are; `a.b` is the member b of the object a
    each       what every row has besides; `{id}` is filled in with the row's cell of that column.
               Of a column, what its strings are filled into: {"url":"https://h.example/{url}"}
    order      how columns and the other members of `each` take turns: so many of the one, so many
               of the other …; the rest are columns, then members. For `untabled`, not for readers
    separator  what stands in names instead of the dot, where a key has a dot in it
    absent     the cell of a row that has no such member
    tables     by column, the header of the tables that stand in its cells as bare rows
    rows       an array for an array of objects; for a map of alike objects, an object by key.
               A row that is not like the others is an object

A table is written only where it is a twentieth shorter than what it stands for. Values are
passed on as text, so numbers stay as they were. An object that looks like a table has `columns_`
for its `columns`, the one case in which a text gets longer, by a byte. Left as they are: what is
nested deeper than 40 containers, and a map at the top, where an announcement has its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from typing import NamedTuple

import msgspec
from msgspec import Raw

from gateway.shrinking.columns import (
    ARRAY,
    OBJECT,
    OBJECTS,
    Cells,
    Column,
    Row,
    alike,
    filled,
    templates,
)
from gateway.shrinking.exact import encode
from gateway.shrinking.untable import (
    DEEPEST,
    ITEMS,
    MEMBERS,
    escaped,
    listed,
    object_text,
    untabled,
)

__all__ = ["tabled", "untabled"]

_SEPARATORS = (".", "/", ">", "|", "::", "->")  # the first that is in no key
_ABSENT = (b"null", b"{}", b"[]", b'"-"', b'"--"', b'"absent"')  # the first that is no cell
_NESTED = 4  # tables in the cells of tables, with one header each
_ALIKE = 8  # keys from which on objects by key are rows, as for cuts
_COUNTED = 8  # rows that can be counted at a glance
_WORTH = 0.95  # of the size: whoever reads a table has to look twice
# Tables that may come to nothing, and one more for so many bytes: trying takes 50 µs at least.
_PATIENCE = 1000
_SMALL = 40  # bytes; there is no shorter table
_LEVELS = 200  # by which a table of tables is deeper than what it stands for; far more than it is
_LISTS: msgspec.json.Decoder[list[list[Row]]] = msgspec.json.Decoder(list[list[dict[str, Raw]]])
_MAPS: msgspec.json.Decoder[list[dict[str, Row]]] = msgspec.json.Decoder(
    list[dict[str, dict[str, Raw]]]
)
_ANY: msgspec.json.Decoder[Raw] = msgspec.json.Decoder(Raw)


def tabled(text: bytes) -> bytes:
    """Write arrays and maps of alike objects in a tidy text as tables, where that is shorter.

    A text that is nested too deeply for the decoder stays as it is.
    """
    try:
        _ANY.decode(b"[" * _LEVELS + text + b"]" * _LEVELS)
        return _Writer(text).value(text, 0)
    except RecursionError:
        return text


# --- writing ----------------------------------------------------------------------------------


class _Made(NamedTuple):
    """The members of a header, and the rows."""

    header: bytes
    rows: list[bytes]

    def text(self, rows: bytes) -> bytes:
        many = len(self.rows)
        head = b'{"count":%d,' % many if many > _COUNTED else b"{"
        return b'%s%s,"rows":%s}' % (head, self.header, rows)


class _Writer:
    """Writes one text.

    What was written while a table was tried is remembered: without that, what
    is in tables that come to nothing would be written anew at each level.
    """

    def __init__(self, text: bytes) -> None:
        self._known: dict[tuple[int, bytes], bytes] = {}
        self._tried = 0  # tables that are being tried, one in the other
        self._vain = -len(text) // _PATIENCE  # how many came to nothing, less what is allowed
        # What is small is looked into only where something looks like a table.
        self._small = 2 if b'"columns' in text else _SMALL

    def value(self, raw: bytes, depth: int) -> bytes:
        """A value with tables in it, or for it."""
        if len(raw) <= self._small or raw[0] not in b"[{" or depth > DEEPEST:
            return raw
        known = self._known.get((depth, raw))
        if known is None:
            known = self._array(raw, depth) if raw[0] == ARRAY else self._object(raw, depth)
            if self._tried:
                self._known[depth, raw] = known
        return known

    def _array(self, raw: bytes, depth: int) -> bytes:
        if raw[1] == OBJECT:
            try:
                rows = OBJECTS.decode(raw)
            except msgspec.ValidationError:
                rows = []
            text = self._instead(raw, rows, None, depth)
            if text:
                return text
        return listed([self.value(bytes(one), depth + 1) for one in ITEMS.decode(raw)])

    def _object(self, raw: bytes, depth: int) -> bytes:
        members = MEMBERS.decode(raw)
        if depth and _is_map(members):
            (rows,) = _MAPS.decode(b"[" + raw + b"]")
            text = self._instead(raw, rows.values(), rows, depth)
            if text:
                return text
        values = [self.value(bytes(one), depth + 1) for one in members.values()]
        return object_text(escaped(members), values)

    def _instead(
        self, raw: bytes, rows: Iterable[Row], keys: Iterable[str] | None, depth: int
    ) -> bytes | None:
        """The table instead of a text; None where it is not shorter."""
        self._tried += 1
        made = self._table(list(rows), depth + 1, 0)
        self._tried -= 1
        if made:
            text = made.text(listed(made.rows) if keys is None else object_text(keys, made.rows))
            if len(text) < len(raw) * _WORTH:
                return text
        self._vain += 1
        return None

    def _table(self, rows: Sequence[Row], depth: int, level: int) -> _Made | None:
        """The table of objects that stand at a depth; None where they are too unlike."""
        found = alike(rows) if self._vain < _PATIENCE else None
        separator = found and _separator(found.columns)
        if not found or not separator:
            return None
        columns = {encode(separator.join(one.path))[1:-1]: one for one in found.columns}
        told = {
            name: one
            for name, one in columns.items()
            if one.constant and not filled(one.cells[0] or b"", columns)
        }
        strings = templates({n: one for n, one in columns.items() if n not in told}, columns)
        each: dict[bytes, bytes] = {}
        tables: dict[bytes, bytes] = {}
        places: dict[bytes, Cells] = {}
        for name, one in columns.items():
            depth_of = depth + len(one.path)
            if name in told:
                each[name] = self.value(one.cells[0] or b"", depth_of)
            elif name in strings.derived:
                each[name] = strings.derived[name]
            else:
                if name in strings.own:
                    each[name] = strings.own[name]
                places[name], header = self._cells(
                    strings.cells.get(name, one.cells), one, depth_of, level
                )
                if header:
                    tables[name] = b"{" + header + b"}"
        absent = _absent(places.values())
        if absent is None:
            return None
        parts = [b'"columns":' + listed([b'"%s"' % name for name in places])]
        if each:
            parts.append(b'"each":' + _named(each))
        turns = _turns([name in places for name in columns])
        if turns:
            parts.append(b'"order":' + encode(turns))
        if separator != ".":
            parts.append(b'"separator":' + encode(separator))
        if absent:
            parts.append(b'"absent":' + absent)
        if tables:
            parts.append(b'"tables":' + _named(tables))
        across = [
            [absent if cell is None else cell for cell in cells] if None in cells else cells
            for cells in places.values()
        ]
        texts = [b"[" + b",".join(row) + b"]" for row in zip(*across, strict=True)]
        out = iter(texts or [b"[]"] * len(rows))
        return _Made(b",".join(parts), [
            next(out) if own else self.value(object_text(row, map(bytes, row.values())), depth)
            for row, own in zip(rows, found.fits, strict=True)
        ])  # fmt: skip

    def _cells(self, cells: Cells, column: Column, depth: int, level: int) -> tuple[Cells, bytes]:
        """The cells of a column as they are written, and the header of the tables in them."""
        if ARRAY not in column.kinds and OBJECT not in column.kinds:
            return cells, b""
        if level < _NESTED and depth <= DEEPEST:
            shared = self._shared(cells, depth, level)
            if shared:
                return shared
        return [cell and self.value(cell, depth) for cell in cells], b""

    def _shared(self, cells: Cells, depth: int, level: int) -> tuple[Cells, bytes] | None:
        """Tables in cells under one header; None where they are none, or not shorter so."""
        lists = [number for number, cell in enumerate(cells) if cell and cell[0] == ARRAY]
        maps = [number for number, cell in enumerate(cells) if cell and cell[0] == OBJECT]
        try:
            arrays = _LISTS.decode(listed([cells[number] or b"" for number in lists]))
            objects = _MAPS.decode(listed([cells[number] or b"" for number in maps]))
        except msgspec.ValidationError:
            return None
        rows = [row for one in arrays for row in one]
        rows += [row for one in objects for row in one.values()]
        made = self._table(rows, depth + 1, level + 1)
        if made is None:
            return None
        texts = iter(made.rows)
        out = list(cells)
        for number, items in zip(lists, arrays, strict=True):
            out[number] = listed(islice(texts, len(items)))
        for number, members in zip(maps, objects, strict=True):
            out[number] = object_text(members, islice(texts, len(members)))
        gain = sum([len(cells[one] or b"") - len(out[one] or b"") for one in lists + maps])
        if gain > len(made.header) + len('"":{},"tables":{},'):
            return out, made.header
        self._vain += 1
        return None


def _is_map(members: Row) -> bool:
    return len(members) >= _ALIKE and all(memoryview(one)[0] == OBJECT for one in members.values())


def _separator(columns: list[Column]) -> str | None:
    keys = {key for column in columns for key in column.path}
    return next((one for one in _SEPARATORS if not any(one in key for key in keys)), None)


def _absent(columns: Iterable[Cells]) -> bytes | None:
    """What can stand for an absent cell; empty if none is, None if there is nothing."""
    columns = list(columns)
    if not any(None in cells for cells in columns):
        return b""
    return next((one for one in _ABSENT if not any(one in cells for cells in columns)), None)


def _turns(order: list[bool]) -> list[int]:
    """How many columns, how many others, and so on, without what goes without saying."""
    runs = [(own, len(list(several))) for own, several in groupby(order)]
    if runs and not runs[0][0]:
        runs.insert(0, (True, 0))
    if runs and not runs[-1][0]:
        runs.pop()
    if runs and runs[-1][0]:
        runs.pop()
    return [many for _, many in runs]


def _named(members: dict[bytes, bytes]) -> bytes:
    return b"{" + b",".join([b'"%s":%s' % one for one in members.items()]) + b"}"
