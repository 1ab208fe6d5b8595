"""The rest of a cut answer, slice by slice: rows, keys or characters from one place of the whole.

A place is named as the announcement of cuts writes it, so every path in an announcement can be
asked for; numbers lead into one row:

    $  data  data[3].body  rates."a.b"    one place: a slice of its rows, keys or characters
    data[].body  data.body  rates.*.note  this part of every row, or of every key
    data.**                               what stands before `**`

Rows of a part keep their place: the first item belongs to row `offset`, and where a row has no
such part there is null. Of maps, keys without the part are left out.

A slice is as full as its budget allows: with one row more it would not fit. It always goes on:
a row that alone is too much is cut like any answer, and the cut announced under the row's own
path (`data[3].body`), where the slices of it are. Slices put together are the whole exactly.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec

from gateway.config.scalars import Budget
from gateway.errors import BadArguments
from gateway.errors import shown as quoted
from gateway.shrinking.announce import Mark, announcement, cuts
from gateway.shrinking.asked import TOO_DEEP, Dig, Step, TooMuch, below, found, missing, read, there
from gateway.shrinking.exact import encode
from gateway.shrinking.fit import Written, fullest
from gateway.shrinking.pieces import NEAR, most_that_fits, piece_end
from gateway.shrinking.squeeze import ARRAY, OBJECT, STRING, Node
from gateway.shrinking.tokens import fits

_FIRST = 16  # rows, to learn how much they cost
_LOOKED = 10_000  # rows that are looked into for a part, for one slice


class BeyondEnd(BadArguments):
    """There are not so many rows, keys or characters; where it `goes_on`, not yet."""

    goes_on = False
    total = 0


def sliced(
    whole: bytes,
    path: str,
    offset: int,
    most: int | None,
    budget: Budget,
    *,
    hard: Sequence[str] = (),
    goes_on: str | None = None,
    rows: bool = False,
) -> bytes:
    """Cut one slice.

    Args:
        whole: A tidy text.
        path: Where; see above.
        offset: The first row, key or character, counted from 0.
        most: At most so many; None for as many as fit.
        budget: What the slice may cost; `no` for anything.
        hard: The paths of which nothing more than `whole` has is given, for the message.
        goes_on: The path of the array that may have more rows than `whole` has.
        rows: Whether texts are CSV, which is cut between its rows.

    Returns:
        The text of `{offset, total, next?, items | members | text}`, or of `{value}`, with the
        announcement in front where one row was cut. `next` is the offset to go on with; at the
        very end a slice is empty.

    Raises:
        BeyondEnd: if the offset is beyond what is there.
        BadArguments: if there is no such place; the text says what is there.
    """
    if offset < 0 or (most is not None and most < 1):
        raise BadArguments("'offset' counts from 0, and 'count' is at least 1")
    try:
        return _cut(whole, read(path), offset, most, budget, hard, goes_on, rows=rows)
    except RecursionError:
        raise BadArguments(TOO_DEEP) from None


def _cut(
    whole: bytes,
    steps: Sequence[Step],
    offset: int,
    most: int | None,
    budget: Budget,
    hard: Sequence[str],
    goes_on: str | None,
    *,
    rows: bool,
) -> bytes:
    node, way, rest = found(Node(whole), steps)
    if node.kind not in (ARRAY, OBJECT, STRING) and not offset:
        value = b'{"value":' + bytes(node.raw) + b"}"
        if not budget or fits(value, budget):
            return value
    slices = (_Rows if node.kind in (ARRAY, OBJECT) else _Text)(node, way, rest)
    slices.rows = rows
    slices.goes_on = goes_on is not None and way == goes_on
    is_hard = re.sub(r"\[\d*\]", "", way) in hard
    if offset > slices.total or (
        offset == slices.total and (slices.goes_on or (offset and is_hard))
    ):
        text = f"'offset' is beyond the end: {quoted(way)} has {slices.total:,} {slices.unit}"
        end = BeyondEnd(text + _instead(node, slices.total, is_hard=is_hard))
        end.goes_on, end.total = slices.goes_on, slices.total
        raise end
    return slices.cut(offset, min(most or slices.total, slices.total - offset), budget)


def _instead(node: Node, total: int, *, is_hard: bool) -> str:
    """What is to be done where an offset is beyond the end."""
    if is_hard:
        return "; this plugin gives no more of it"
    if node.kind == OBJECT and total:
        # Who has so many characters or rows of a member asks for the member.
        return "; if you mean a part of it, give its path" + there(node.places)
    return f"; ask from an offset below {total} on" if total else "; there is nothing to ask for"


# --- what a place has -------------------------------------------------------------------------


class _Slices(ABC):
    """What slices are cut of: of `total` rows, keys or characters; there may be more to come."""

    unit: str
    total: int
    goes_on = False
    rows = False  # whether a text is cut between rows

    def __init__(self, node: Node, way: str, rest: Sequence[Step]) -> None:
        self._node = node
        self._way = way
        self._rest = rest

    @abstractmethod
    def cut(self, offset: int, most: int, budget: Budget) -> bytes:
        """The slice from an offset on, of at most so many, as full as the budget allows."""

    def _framed(self, offset: int, number: int, data: bytes, said: bytes = b"") -> bytes:
        end = offset + number
        said = b'"_shrunk":%b,' % said if said else b""
        following = b'"next":%d,' % end if end < self.total or self.goes_on else b""
        numbers = b'"offset":%d,"total":%d,' % (offset, self.total)
        return b"{" + said + numbers + following + data + b"}"


class _Rows(_Slices):
    """The rows of an array, or the keys of an object; of each the part that is wanted."""

    def __init__(self, node: Node, way: str, rest: Sequence[Step]) -> None:
        super().__init__(node, way, rest)
        self._dig = Dig(rest, node)
        self.total = len(node)
        self.unit = "rows" if node.kind == ARRAY else "keys"

    def cut(self, offset: int, most: int, budget: Budget) -> bytes:
        """See `_Slices`."""
        pieces: list[bytes | None] = []

        def make(number: int) -> bytes:
            while len(pieces) < number:
                at = offset + len(pieces)
                part = self._part(at)
                pieces.append(None if part is None else self._node.head(at) + part)
            return self._data(offset, number, pieces[:number])

        def fill(most: int) -> tuple[int, bytes]:
            if not budget or not most:
                return most, make(most)
            return most_that_fits(make, most, _FIRST, 1, budget)

        if self._rest:
            most = min(most, _LOOKED)
        try:
            number, text = fill(most)
        except TooMuch:
            if not pieces:
                raise
            number, text = fill(len(pieces))
        if not number and most:
            return self._one(offset, budget, pieces[0])
        if self._rest and number and not any(pieces[:number]):
            self._check()
        return text

    def _data(
        self, offset: int, number: int, pieces: Sequence[bytes | None], said: bytes = b""
    ) -> bytes:
        if self._node.kind == ARRAY:
            data = b'"items":[' + b",".join(piece or b"null" for piece in pieces) + b"]"
        else:
            data = b'"members":{' + b",".join(piece for piece in pieces if piece) + b"}"
        return self._framed(offset, number, data, said)

    def _part(self, number: int) -> bytes | None:
        """What is wanted of one row; None where it has no such part."""
        return self._dig.part(self._node.child(number))

    def _one(self, at: int, budget: Budget, piece: bytes | None) -> bytes:
        """A slice of one row that is too much: as much of it as there is room for."""
        head = self._node.head(at)
        part = Node(b"null" if piece is None else piece[len(head) :])
        way = below(self._way, at if self._node.kind == ARRAY else self._key(at))
        for step in self._rest:
            way = below(way, step)

        def write(cut: bytes, tokens: int) -> Written:
            told = announcement(cuts(part, Node(cut)), tokens, {})
            return Written(self._data(at, 1, [head + cut], _within(way, told)), len(told))

        # A path may be as long as a key is. What `*` stands for, `offset` tells.
        left_out = (
            self._data(at, 1, [], encode({name: {"kept": 0, "total": _length(part)}}))
            for name in (way, "*")
        )
        nothing = next(left_out)
        if not fits(nothing, budget):
            nothing = next(left_out)
        return fullest(part, write, nothing, budget)

    def _key(self, number: int) -> str:
        key: str = json.loads(self._node.head(number)[:-1])
        return key

    def _check(self) -> None:
        """Refuse a part that no row has: that is a wrong path. Raises: BadArguments."""
        if self.total > _LOOKED:
            return
        dig = Dig(self._rest, self._node)
        with suppress(TooMuch):
            rows = range(self.total)
            if all(dig.part(self._node.child(row)) is None for row in rows):
                self._refuse()

    def _refuse(self) -> NoReturn:
        way = below(self._way, Mark.ROW if self._node.kind == ARRAY else Mark.ANY)
        node = self._node.child(0)
        for step in self._rest:
            inner = node.places.get(str(step)) if node.kind == OBJECT else None
            if inner is None:
                break
            node, way = node.child(inner), below(way, step)
        key = step if isinstance(step, str) else None
        raise BadArguments(missing(way, key, node.places if node.kind == OBJECT else {}))


class _Text(_Slices):
    """The characters of a string, or of a number that is longer than an answer may be."""

    unit = "characters"

    def __init__(self, node: Node, way: str, rest: Sequence[Step]) -> None:
        super().__init__(node, way, rest)
        raw = bytes(node.raw)
        self._text: str = msgspec.json.decode(raw) if node.kind == STRING else raw.decode()
        self.total = len(self._text)

    def cut(self, offset: int, most: int, budget: Budget) -> bytes:
        """See `_Slices`; where the budget ends it, as `pieces` has it."""

        def make(number: int) -> bytes:
            part = self._text[offset : offset + number]
            return self._framed(offset, number, b'"text":' + encode(part))

        if not budget or not most:
            return make(most)
        number, text = most_that_fits(make, most, budget.tokens * 3, NEAR, budget)
        if number < most:
            end = piece_end(self._text, offset, offset + number, rows=self.rows)
            shorter = text if end == offset + number else make(end - offset)
            return shorter if fits(shorter, budget) else text
        return text


def _length(node: Node) -> int:
    if node.kind == STRING:
        return len(msgspec.json.decode(node.raw))
    return len(node) if node.kind in (ARRAY, OBJECT) else node.size


def _within(way: str, said: bytes) -> bytes:
    """An announcement whose paths begin at `way` instead of at the answer."""
    entries = msgspec.json.decode(said)
    return encode({_prefixed(way, path): numbers for path, numbers in entries.items()})


def _prefixed(way: str, path: str) -> str:
    path = path.removeprefix("$").removeprefix(".")
    return way + path if path[:1] in ("", "[", " ") else f"{way}.{path}"
