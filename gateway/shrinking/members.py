"""The members of a container, some at a time: of a long one never all are objects at once.

An item that stands alone takes seventy bytes of memory, of text often two. So a container is
taken apart piece by piece, each some whole members; of the pieces it is kept where they begin,
and only the first one and the one looked at last are there. An array is gone through only as
far as somebody asks. An object is gone through at once, since a key may come again at its end.

Of equal keys the last one counts; where an object has very many keys, it also keeps that place.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

_OBJECT, _ARRAY = b"{["
PIECE: Final = 1 << 16  # bytes
_FIRST = 1 << 11  # bytes; then twice as much each time: the first one stays in memory
_WIDE = 512  # keys of an object that are kept at once
_TRIES = 8  # commas that are looked at for the end of a piece
_BUCKETS = 64
_COMMA, _QUOTE = b',"'
_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")
_COMMAS = re.compile(b",")
# The last string may go on behind the end of what is looked at.
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[][{},]', re.DOTALL)
_KEY = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)":')
_BYTE = re.compile(r"trailing characters \(byte (\d+)\)")
_DEEP = 24  # real answers have half as many
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_BRACKETS = {_OBJECT: (b"{", b"}"), _ARRAY: (b"[", b"]")}
_MEMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Raw])
_ITEMS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[Raw])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Raw)


def is_deep(body: bytes) -> bool:
    """Whether a JSON text has more than so many containers inside each other, whatever its
    charset: to cut one takes several times as long. Brackets within strings count as others do.
    """
    pairs = body.translate(_ALIKE, _NO_BRACKETS)
    for _ in range(_DEEP):
        if b"[]" not in pairs:
            return False
        pairs = pairs.replace(b"[]", b"")  # the innermost ones
    return b"[]" in pairs


class Span(NamedTuple):
    """Where a piece stands in the text of its container; `one` is a single long member."""

    start: int
    end: int
    one: bool = False


def spans(container: memoryview, first: int, most: int) -> Iterator[Span]:
    """Cut a tidy container between its members, at every 1 to 2 times so many bytes; `first` are
    those of the first piece, and each is twice the one before."""
    at, end, size = 1, len(container) - 1, min(first, most)
    while at < end:
        span = _span(container, at, end, size)
        yield span
        at = span.end + 1
        size = min(2 * size, most)


def _span(container: memoryview, at: int, end: int, size: int) -> Span:
    if end - at <= 2 * size:
        return Span(at, end)
    kind = container[0]
    for match in islice(_COMMAS.finditer(container, at + size, at + 2 * size), _TRIES):
        if _is_whole(kind, container[at : match.start()]):
            return Span(at, match.start())
    depth = last = 0
    for match in _TOKENS.finditer(container, at, at + 2 * size):
        token = container[match.start()]
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        elif token == _COMMA and not depth:
            last = match.start()
    return Span(at, last) if last else Span(at, _end(container, at), one=True)


def _is_whole(kind: int, text: memoryview) -> bool:
    """Whether a text that begins with a member also ends with one: within a member something
    would be open."""
    opening, closing = _BRACKETS[kind]
    try:
        _ANY.decode(b"".join((opening, text, closing)))
    except msgspec.DecodeError:
        return False
    return True


def _end(container: memoryview, at: int) -> int:
    """Where the member that begins here ends: the reader says where it found something more."""
    key = _KEY.match(container, at) if container[0] == _OBJECT else None
    start = key.end() if key else at
    try:
        _ANY.decode(container[start:])
    except msgspec.DecodeError as error:
        match = _BYTE.search(str(error))
        if match:
            return start + int(match[1]) - 1  # the reader has read one byte more
        raise
    raise AssertionError("a container ends with a bracket")


class _Piece:
    """Some members: their texts, and what they are called where they are an object's."""

    __slots__ = ("keys", "numbers", "parts")

    def __init__(self, parts: list[Any], keys: list[str]) -> None:
        self.parts = parts
        self.keys = keys
        self.numbers: dict[str, int] = dict(zip(keys, range(len(keys)), strict=True))


_NOTHING: Final = _Piece([], [])


class Members(Mapping[str, int]):
    """The members of a tidy container by number; the number of each key of an object."""

    __slots__ = ("_count", "_first", "_last", "_spans", "_stale", "_starts", "_view", "_waiting")

    def __init__(self, container: bytes) -> None:
        self._view = memoryview(container)
        self._spans: list[Span] = []
        self._starts: list[int] = []  # the number of each piece's first member
        self._count = 0  # of what has been gone through
        self._stale: dict[int, bytearray] = {}  # by piece, the members whose key comes again
        self._waiting: Iterator[Span] = iter(())
        self._first = _NOTHING
        self._last: tuple[int, _Piece] = 0, _NOTHING
        if self._view[0] == _ARRAY and len(self._view) <= 2 * _FIRST:
            items = _ITEMS.decode(self._view)
            self._add(Span(1, len(self._view) - 1), _Piece(items, []), len(items))
        elif self._view[0] == _ARRAY:
            self._waiting = spans(self._view, _FIRST, PIECE)
            self._go_on()
        else:
            self._go_through()

    def __len__(self) -> int:
        while self._go_on():
            pass
        return self._count

    def __getitem__(self, key: str) -> int:
        near = self._last[0]
        for index in (*range(near, len(self._spans)), *range(near)):
            numbers = self._piece(index).numbers
            if key in numbers:
                start: int = self._starts[index]
                return start + numbers[key]
            if index == near and not self._is_there(key):
                break
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        for index in range(len(self._spans)):
            yield from self._piece(index).keys

    def has(self, number: int) -> bool:
        """Whether there are more than so many."""
        while number >= self._count:
            if not self._go_on():
                return False
        return True

    def part(self, number: int) -> bytes:
        """The text of an item, or of a key's value."""
        piece, at = self._at(number)
        part: bytes = piece.parts[at]
        return part

    def key(self, number: int) -> str:
        """What a member is called."""
        piece, at = self._at(number)
        return piece.keys[at]

    def _at(self, number: int) -> tuple[_Piece, int]:
        if not self.has(number):
            raise IndexError(number)
        index = bisect_right(self._starts, number) - 1
        return self._piece(index), number - self._starts[index]

    def _piece(self, index: int) -> _Piece:
        if index and self._last[0] != index:
            self._last = index, self._read(self._spans[index], self._stale.get(index))
        elif not index:
            return self._first
        return self._last[1]

    def _read(self, span: Span, stale: bytearray | None = None) -> _Piece:
        text = self._view[span.start : span.end]
        kind = self._view[0]
        if span.one and kind == _ARRAY:
            return _Piece([text], [])
        opening, closing = _BRACKETS[kind]
        if kind == _ARRAY:
            return _Piece(_ITEMS.decode(b"".join((opening, text, closing))), [])
        key = _KEY.match(text) if span.one else None
        if key:
            members = {msgspec.json.decode(text[: key.end() - 1]): text[key.end() :]}
        else:
            members = _MEMBERS.decode(b"".join((opening, text, closing)))
        if stale:
            gone = zip(list(members.items()), stale, strict=True)
            members = dict(member for member, is_stale in gone if not is_stale)
        return _Piece(list(members.values()), list(members))

    def _add(self, span: Span, piece: _Piece, number: int) -> None:
        if not self._spans:
            self._first = piece
        self._last = len(self._spans), piece
        self._starts.append(self._count)
        self._spans.append(span)
        self._count += number

    def _go_on(self) -> bool:
        """Read one piece more; whether there was one."""
        span = next(self._waiting, None)
        if span is None:
            return False
        piece = self._read(span)
        self._add(span, piece, len(piece.parts))
        return True

    # --- objects ------------------------------------------------------------------------------

    def _go_through(self) -> None:
        found: dict[str, Any] = {}
        if len(self._view) <= 2 * PIECE:
            found = _MEMBERS.decode(self._view)
        else:
            for span in spans(self._view, PIECE, PIECE):
                piece = self._read(span)
                found.update(zip(piece.keys, piece.parts, strict=True))
                if len(found) > _WIDE:
                    break
        if len(found) <= _WIDE:
            self._add(Span(1, 1), _Piece(list(found.values()), list(found)), len(found))
        else:
            self._go_through_many()

    def _go_through_many(self) -> None:
        """Note where the pieces are, and which keys come again: by their hashes, of which some
        are looked at at a time, since a set takes ten times as much."""
        pieces = list(spans(self._view, _FIRST, PIECE))
        hashes = [array("q") for _ in range(_BUCKETS)]
        places = [array("I") for _ in range(_BUCKETS)]
        ends = []
        count = 0
        for span in pieces:
            keys = self._read(span).keys
            for number, value in enumerate(map(hash, keys), start=count):
                hashes[value % _BUCKETS].append(value)
                places[value % _BUCKETS].append(number)
            count += len(keys)
            ends.append(count)
        stale = bytearray(count)
        for values, numbers in zip(hashes, places, strict=True):
            if len(set(values)) < len(values):
                last = dict(zip(values, numbers, strict=True))
                for value, number in zip(values, numbers, strict=True):
                    stale[number] = last[value] != number
        start = 0
        for index, (span, end) in enumerate(zip(pieces, ends, strict=True)):
            gone = stale[start:end]
            if any(gone):
                self._stale[index] = gone
            self._add(span, self._first, len(gone) - sum(gone))
            start = end
        self._first = self._read(pieces[0], self._stale.get(0))
        self._last = 0, self._first

    def _is_there(self, key: str) -> bool:
        """Whether a key may be there: that it is not is quickly seen."""
        if len(self._spans) == 1:
            return False
        return re.search(re.escape(msgspec.json.encode(key) + b":"), self._view) is not None
