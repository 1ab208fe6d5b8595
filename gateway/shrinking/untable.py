"""Tables as `encode: table` writes them, read back to the byte. The form is told in `table`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from gateway.shrinking.columns import ARRAY, OBJECT, STRING, Row, filled
from gateway.shrinking.exact import encode

HEADER: Final = ("count", "columns", "each", "order", "separator", "absent", "tables", "rows")
_KNOWN = frozenset(HEADER)
DEEPEST = 40  # containers inside each other that are looked into, as for cuts
MEMBERS: msgspec.json.Decoder[Row] = msgspec.json.Decoder(dict[str, Raw])
ITEMS: msgspec.json.Decoder[list[Raw]] = msgspec.json.Decoder(list[Raw])
_NAMES: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])
_NUMBERS: msgspec.json.Decoder[list[int]] = msgspec.json.Decoder(list[int])


def untabled(text: bytes) -> bytes:
    """The text that `tabled` was given."""
    if b'"columns' not in text:
        return text
    try:
        return _read(text, 0)
    except RecursionError:
        return text


def _read(raw: bytes, depth: int) -> bytes:
    if len(raw) <= 2 or raw[0] not in b"[{" or depth > DEEPEST:
        return raw
    if raw[0] == ARRAY:
        return listed([_read(bytes(one), depth + 1) for one in ITEMS.decode(raw)])
    members = MEMBERS.decode(raw)
    if "columns" in members and "rows" in members and members.keys() <= _KNOWN:
        return _Reader(members, depth + 1).rows(bytes(members["rows"]))
    values = [_read(bytes(one), depth + 1) for one in members.values()]
    return object_text(escaped(members, back=True), values)


class _Member(NamedTuple):
    """A member of every row: its cell's place, or a text; filled in between two texts."""

    path: tuple[str, ...]
    place: int
    text: bytes | None = None
    around: tuple[bytes, bytes] | None = None
    table: _Reader | None = None


class _Reader:
    """Reads the rows of one header; the objects that they stand for are at `depth`."""

    def __init__(self, header: Row, depth: int) -> None:
        self._depth = depth
        self._absent = bytes(header["absent"]) if "absent" in header else None
        separator = msgspec.json.decode(header.get("separator", b'"."'))
        columns = _NAMES.decode(header["columns"])
        each = MEMBERS.decode(header.get("each", b"{}"))
        tables = MEMBERS.decode(header.get("tables", b"{}"))
        places = {name: place for place, name in enumerate(columns)}
        written = {encode(name)[1:-1]: place for name, place in places.items()}
        others = [name for name in each if name not in places]
        turns = _NUMBERS.decode(header.get("order", b"[]"))
        self._members: list[_Member] = []
        for name in _in_order(columns, others, turns):
            path = tuple(name.split(separator))
            member = _Member(path, places.get(name, -1))
            if name in tables:
                inner = _Reader(MEMBERS.decode(tables[name]), depth + len(path) + 1)
                member = member._replace(table=inner)
            if name in each:
                text = bytes(each[name])
                fill = next(iter(filled(text, written)), None)
                if fill:
                    around = text[: fill.start()], text[fill.end() :]
                    member = member._replace(place=written[fill[1]], around=around)
                else:
                    member = member._replace(text=_read(text, depth + len(path)))
            self._members.append(member)

    def rows(self, raw: bytes) -> bytes:
        """The objects that rows stand for, in an array or by key."""
        if raw[0] == ARRAY:
            return listed([self._row(bytes(one)) for one in ITEMS.decode(raw)])
        members = MEMBERS.decode(raw)
        return object_text(members, [self._row(bytes(one)) for one in members.values()])

    def _row(self, raw: bytes) -> bytes:
        if raw[0] == OBJECT:
            return _read(raw, self._depth)
        cells = [bytes(cell) for cell in ITEMS.decode(raw)]
        found: dict[str, Any] = {}
        for member in self._members:
            value = self._value(member, cells)
            if value is not None:
                inside = found
                for key in member.path[:-1]:
                    inside = inside.setdefault(key, {})
                inside[member.path[-1]] = value
        return _nested(found)

    def _value(self, member: _Member, cells: list[bytes]) -> bytes | None:
        if member.text is not None:
            return member.text
        cell = cells[member.place]
        if member.around:
            before, after = member.around
            return before + (cell[1:-1] if cell[0] == STRING else cell) + after
        if cell == self._absent:
            return None
        if member.table and cell[0] in b"[{":
            return member.table.rows(cell)
        return _read(cell, self._depth + len(member.path))


def _in_order(columns: list[str], others: list[str], turns: list[int]) -> Iterator[str]:
    sides = iter(columns), iter(others)
    for number, many in enumerate(turns):
        for _ in range(many):
            yield next(sides[number % 2])
    yield from sides[0]
    yield from sides[1]


def _nested(value: dict[str, Any]) -> bytes:
    values = [_nested(one) if isinstance(one, dict) else one for one in value.values()]
    return object_text(value, values)


def escaped(keys: Iterable[str], *, back: bool = False) -> list[str]:
    """The keys of an object, changed so that it is not taken for a table; or back again."""
    keys = list(keys)
    if len(keys) > len(HEADER) or "rows" not in keys:
        return keys
    odd = [key for key in keys if key not in _KNOWN or key == "columns"]
    if len(odd) != 1 or odd[0].rstrip("_") != "columns":
        return keys
    name = odd[0][:-1] if back else odd[0] + "_"
    return [name if key == odd[0] else key for key in keys]


def listed(parts: Iterable[bytes]) -> bytes:
    """The text of an array."""
    return b"[" + b",".join(parts) + b"]"


def object_text(keys: Iterable[str], values: Iterable[bytes]) -> bytes:
    """The text of an object."""
    return (
        b"{" + b",".join([encode(k) + b":" + v for k, v in zip(keys, values, strict=True)]) + b"}"
    )
