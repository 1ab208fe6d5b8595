"""A value made to fit into so many bytes, as mildly as possible. Valid JSON, always.

Works on the text, lazily: a container is a piece of text whose size is known, and is taken
apart only where it has to be cut, so a cut costs what the containers on its way hold at one
level and what it keeps, whatever else the answer holds.

The ladder, from mild to hard:
    1. strings   long ones end in `…`, the longest first, none below FLOORS[0]
    2. rows      the first ones stay, at least one; of maps the first keys. A row counts with
                 its own strings and arrays already short: rather all rows slim than one whole
    3. depth     inside of what does not fit even so, strings go below the floor, and the
                 members that cost most are cut, then emptied
    4. outline   what is left when only names and small values find room: {} and []
A cut container is of its own type still, and what is kept keeps its place: an array keeps its
first items, an object's keys stay in order, a string keeps its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.shrinking.exact import encode
from gateway.shrinking.members import Members

OBJECT, ARRAY, STRING = b'{["'
# Bytes that a string keeps before anything else is cut; then what it keeps where its object
# would not fit. 200 is two or three sentences; 16 still tells a name from an address.
FLOORS: Final = (200, 50, 16)
MARK: Final = "…".encode()
_MARKED = len(MARK) + 2  # a string of nothing but the mark
_EMPTY = {OBJECT: b"{}", ARRAY: b"[]"}
DEEPEST: Final = 40  # containers inside each other that are cut inside; deeper ones are emptied
_WIDE = 256  # an object of more keys is taken for a map: GitHub's repository has 80
_ALIKE = 8  # so is one of as many keys that are all objects, or all arrays
_PARTIAL = 64  # bytes that must be left for a row that is not whole
_WORD = 16  # bytes that a string may lose so that it ends between words
_STRINGS = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(:?)')
_KEPT = 1 << 14  # children of a container that stay taken apart


class Node:
    """A value as a piece of tidy text, taken apart at need and once."""

    __slots__ = (
        "_lengths", "_looked", "_map", "_members", "_nodes", "_slim", "_trimmed",
        "kind", "raw", "size",
    )  # fmt: skip

    def __init__(self, raw: bytes) -> None:
        view = memoryview(raw)
        self.raw = raw
        self.size = view.nbytes
        self.kind = view[0]
        self._members: Members | None = None
        self._map: bool | None = None
        self._nodes: dict[int, Node] = {}
        self._slim: dict[int, int] = {}
        self._lengths: list[int] = []
        self._looked = 0  # bytes that were looked at for long strings
        self._trimmed = 0  # of these, bytes with all strings at the floor

    def _open(self) -> Members:
        if self._members is None:
            self._members = Members(self.raw)
        return self._members

    def __len__(self) -> int:
        return len(self._open())

    def has(self, number: int) -> bool:
        """Whether there is a child of this number: of a long array that is soon known."""
        return self._open().has(number)

    def child(self, number: int) -> Node:
        """The item or the member's value of this number."""
        node = self._nodes.get(number)
        if node is None:
            node = Node(self._open().part(number))
            if len(self._nodes) < _KEPT:
                self._nodes[number] = node
        return node

    def opens(self, number: int) -> bool:
        """Whether a child is a container: known without a node of it."""
        return memoryview(self._open().part(number))[0] in _EMPTY

    @property
    def places(self) -> Mapping[str, int]:
        """The number of each key of an object; nothing for an array."""
        return self._open() if self.kind == OBJECT else {}

    def head(self, number: int) -> bytes:
        """What stands before a child: its key, if it has one."""
        return encode(self._open().key(number)) + b":" if self.kind == OBJECT else b""

    def is_map(self) -> bool:
        """Whether an object's keys are data rather than names: very many, or all alike."""
        if self._map is None:
            self._map = False
            if self.kind == OBJECT:
                members, count = self._open(), len(self)
                self._map = count > _WIDE
                if _ALIKE <= count <= _WIDE:
                    first = {memoryview(members.part(number))[0] for number in range(count)}
                    self._map = first == {OBJECT} or first == {ARRAY}
        return self._map

    def long_strings(self, room: int) -> list[int] | None:
        """The lengths of the strings above the first floor, the longest first.

        None where the value would not fit into `room` even with all of them cut to it.
        """
        if self._looked < self.size and self._trimmed <= room:
            # What was looked at for another room is not looked at again.
            floor = FLOORS[0] + _MARKED
            saved = self._looked - self._trimmed
            for match in _STRINGS.finditer(self.raw, self._looked):
                length = match.end(1) - match.start()
                if length > floor and not match[2]:
                    self._lengths.append(length)
                    saved += length - floor
                self._looked = match.end()
                self._trimmed = self._looked - saved
                if self._trimmed > room:  # the rest need not be looked at
                    return None
            self._looked = self.size
            self._trimmed = self.size - saved
            self._lengths.sort(reverse=True)
        return self._lengths if self._trimmed <= room else None

    def slim(self, floor: int, depth: int = 0) -> int:
        """The bytes of a fair remainder: strings cut to `floor`, arrays to some rows."""
        if self.size <= floor or self.kind not in _EMPTY:
            return min(self.size, floor + _MARKED) if self.kind == STRING else self.size
        if depth > DEEPEST:
            return 2
        if floor not in self._slim:
            self._slim[floor] = min(self.size, self._measure(floor, depth))
        return self._slim[floor]

    def _measure(self, floor: int, depth: int) -> int:
        total = 2
        rows = self.kind == ARRAY or self.is_map()
        members = self._open()
        number = 0
        while members.has(number):
            need = memoryview(members.part(number)).nbytes  # most are small, and need no node
            if need > floor:
                need = self.child(number).slim(floor, depth + 1)
            total += len(self.head(number)) + need + 1
            if rows and total > 2 * floor:
                break
            number += 1
        return total


def squeeze(node: Node, room: int, depth: int = 0) -> bytes | None:
    """Make a value fit.

    Returns:
        The text, of at most `room` bytes; None where nothing of the value fits.
    """
    if node.size <= room:
        return bytes(node.raw)
    if node.kind == STRING:
        return shorten(bytes(node.raw), room) if room >= _MARKED else None
    if room < 2 or node.kind not in _EMPTY:
        return None
    lengths = node.long_strings(room)
    if lengths is not None:
        return _with_shorter_strings(node, _longest(lengths, node.size - room))
    if depth >= DEEPEST:
        return _EMPTY[node.kind]
    if node.kind == ARRAY or node.is_map():
        return _rows(node, room, depth)
    return _members(node, room, depth)


# --- strings ----------------------------------------------------------------------------------


def shorten(string: bytes, room: int) -> bytes:
    """A string, quotes and mark included, of at most `room` bytes; cut between characters."""
    end = room - _MARKED + 1
    while end > 1 and string[end] & 0xC0 == 0x80:  # inside a character
        end -= 1
    escape = string.rfind(b"\\", max(1, end - 5), end)
    if escape > 0:
        before = string[1 : escape + 1]
        if (len(before) - len(before.rstrip(b"\\"))) % 2:  # it begins an escape
            length = 6 if string[escape + 1 : escape + 2] == b"u" else 2
            end = escape if escape + length > end else end
    blank = string.rfind(b" ", max(1, end - _WORD), end)
    if blank > 1:
        end = blank
    return string[:end] + MARK + b'"'


def _longest(lengths: list[int], excess: int) -> int:
    """How long strings may stay so that `excess` bytes go; `lengths` are the longest first."""
    total = 0
    for number, length in enumerate(lengths, start=1):
        total += length
        allowed = (total - excess) // number
        if number == len(lengths) or allowed >= lengths[number]:
            return allowed
    return 0


def _with_shorter_strings(node: Node, longest: int) -> bytes:
    def cut(match: re.Match[bytes]) -> bytes:
        string: bytes = match[1]
        if match[2] or len(string) <= longest:
            return match[0]
        return shorten(string, longest)

    return _STRINGS.sub(cut, bytes(node.raw))


# --- rows -------------------------------------------------------------------------------------


def _rows(node: Node, room: int, depth: int) -> bytes:
    """The first rows that fit when slim, then as much of each as there is room for."""
    left = room - 1  # the brackets; every row counts a comma, and the first has none
    heads: list[bytes] = []
    least: list[int] = []
    while node.has(number := len(least)):
        head = node.head(number)
        need = node.child(number).slim(FLOORS[0])
        if len(head) + need + 1 > left:
            break
        left -= len(head) + need + 1
        heads.append(head)
        least.append(need)
    out, left = _share(node, list(range(len(least))), heads, least, left, depth)
    rows = [out[number] for number in range(len(least))]
    if node.has(len(rows)) and (not rows or left > max(room // 20, _PARTIAL)):
        rows += _last_row(node, len(rows), left, depth)
    return joined(node, rows)


def _last_row(node: Node, number: int, left: int, depth: int) -> list[bytes]:
    """A row that is not whole where there is room for part of one; of a map, any first one."""
    for candidate in range(number, number + (8 if node.kind == OBJECT else 1)):
        if not node.has(candidate):
            break
        head = node.head(candidate)
        part = squeeze(node.child(candidate), left - len(head) - 1, depth + 1)
        if part is not None:
            return [head + part]
    return []


# --- members ----------------------------------------------------------------------------------


def _members(node: Node, room: int, depth: int) -> bytes:
    """All members slim, if they fit so; else as many as possible, containers empty at worst."""
    count = len(node)
    heads = [node.head(number) for number in range(count)]
    numbers = list(range(count))
    room -= 1 + count + sum(map(len, heads))  # the brackets; the first comma is not there
    for floor in FLOORS:
        least = [node.child(number).slim(floor) for number in numbers]
        if sum(least) <= room:
            break
    else:
        room += count + sum(map(len, heads))
        numbers, least, room = _choose(node, heads, least, room)
        heads = [heads[number] for number in numbers]
        room += sum(least)
    out, _ = _share(node, numbers, heads, least, room - sum(least), depth)
    return joined(node, [out[number] for number in sorted(out)])


def _choose(
    node: Node, heads: list[bytes], least: list[int], left: int
) -> tuple[list[int], list[int], int]:
    """Which members stay, the cheapest first.

    Returns:
        Their numbers, the least that each takes, and what is left of the room.
    """
    numbers, takes = [], []
    for number in sorted(range(len(least)), key=lambda one: (len(heads[one]) + least[one], one)):
        cost = len(heads[number]) + 1
        need = least[number]
        if cost + need > left and node.child(number).kind in _EMPTY:
            need = 2
        if cost + need <= left:
            numbers.append(number)
            takes.append(need)
            left -= cost + need
    return numbers, takes, left


# --- both -------------------------------------------------------------------------------------


def _share(
    node: Node,
    numbers: list[int],
    heads: list[bytes],
    least: list[int],
    left: int,
    depth: int,
) -> tuple[dict[int, bytes], int]:
    """Give what is left to those that are not whole, evenly; the smallest first.

    Returns:
        The text of each child with its head, and what nobody could use.
    """
    out: dict[int, bytes] = {}
    waiting = []
    for place, number in enumerate(numbers):
        child = node.child(number)
        if least[place] >= child.size:
            out[number] = heads[place] + bytes(child.raw)
        else:
            waiting.append((child.size, number, place))
    waiting.sort()
    level = _level([(least[place], size) for size, _, place in waiting], left)
    given = [max(least[place], min(size, level)) for size, _, place in waiting]
    left -= sum(given) - sum(least[place] for _, _, place in waiting)
    for most, (size, number, place) in zip(given, waiting, strict=True):
        room = most + min(left, size - most)  # with what the ones before could not use
        part = squeeze(node.child(number), room, depth + 1)
        if part is None:
            left += most + len(heads[place]) + 1
        else:
            left += most - len(part)
            out[number] = heads[place] + part
    return out, left


def _level(bounds: list[tuple[int, int]], left: int) -> int:
    """The level up to which all may be filled: what is above its least and below its size."""
    low, high = 0, max((size for _, size in bounds), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(max(0, min(size, middle) - least) for least, size in bounds) <= left:
            low = middle
        else:
            high = middle - 1
    return low


def joined(node: Node, parts: list[bytes]) -> bytes:
    """A container of parts that have their heads."""
    opening, closing = _EMPTY[node.kind][:1], _EMPTY[node.kind][1:]
    return opening + b",".join(parts) + closing
