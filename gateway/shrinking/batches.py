"""A change of each value by itself, made of a long text batch by batch: never all of it is a tree.

Trees take ten times the memory of their text. Where most of a text is one array, some of its rows
at a time are read, changed and written again; all else of the text is read once, together with
the first rows that something is left of, so that an array does not look empty that is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from gateway.shrinking.exact import Tree, decode, encode

# Gives what is left of a tree, and what is told of it: numbers, by path and word.
Change: TypeAlias = Callable[[Tree], tuple[Tree, Mapping[str, Any]]]

_OBJECT, _ARRAY = b"{["
_LONG = 1024 * 1024  # bytes; what is shorter may be a tree
_BATCH = 256 * 1024
_TRIES = 200  # commas that are looked at for the end of a row: 0.1 ms each
_MEMBERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, Raw])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Raw)


def changed(text: bytes, change: Change) -> tuple[bytes, Mapping[str, Any]]:
    """Change a tidy text.

    Args:
        text: Of any value.
        change: Looks at one row of an array at a time, and at whether any is left.

    Returns:
        What is left, tidy, and what is told of it.
    """
    objects, way, array = _most(text) if len(text) > _LONG else ([], [], memoryview(b" "))
    if array[0] != _ARRAY:
        tree, told = change(decode(text))
        return encode(tree), told
    rows: list[bytes] = []
    main = b""
    found: dict[str, dict[str, int]] = {}
    for batch in _batches(array):
        left, told = _rows(change, way, batch)
        if left:
            rows.append(left)
        if left and not main:
            main = batch  # read once more, with all else
        else:
            _add(found, told)
    tree, told = change(decode(_around(objects, way, main)))
    _add(found, told)
    if rows:
        rows = [b"[" + b",".join(rows) + b"]"]
        tree = _with(tree, way, Raw(rows.pop()))
    return encode(tree), found


def _add(found: dict[str, dict[str, int]], told: Mapping[str, Any]) -> None:
    for path, numbers in told.items():
        there = found.setdefault(path, {})
        for word, number in numbers.items():
            there[word] = there.get(word, 0) + number


def _most(text: bytes) -> tuple[list[dict[str, Raw]], list[str], memoryview]:
    """The value, inside of objects, that is most of a text: what holds it, the way there, it."""
    objects: list[dict[str, Raw]] = []
    way: list[str] = []
    part = memoryview(text)
    while part[0] == _OBJECT:
        members = _MEMBERS.decode(part)
        sizes = {key: memoryview(one).nbytes for key, one in members.items()}
        key = max(sizes, key=lambda one: sizes[one], default="")
        if 2 * sizes.get(key, 0) < len(text):
            break
        objects.append(members)
        way.append(key)
        part = memoryview(members[key])
    return objects, way, part


def _batches(array: memoryview) -> Iterator[bytes]:
    """The rows of an array, some at a time, as they stand between its brackets."""
    at, end = 1, len(array) - 1
    last = bytes(array[end - 1 : end])
    row = re.compile((re.escape(last) if last in b'}]"' else b"") + b",")
    while end - at > 2 * _BATCH:
        cut = at + _BATCH
        for _ in range(_TRIES):
            match = row.search(array, cut, end)
            if match is None:
                break
            cut = match.end()
            batch = bytes(array[at : cut - 1])
            if _are_rows(batch):
                yield batch
                at = cut
                break
        else:
            match = None
        if match is None:  # a row is far too long, or the last one
            break
    yield bytes(array[at:end])


def _are_rows(text: bytes) -> bool:
    """Whether a text that begins with a row also ends with one: a comma inside of a row leaves
    something open."""
    try:
        _ANY.decode(b"[" + text + b"]")
    except msgspec.DecodeError:
        return False
    return True


def _rows(change: Change, way: list[str], batch: bytes) -> tuple[bytes, Mapping[str, Any]]:
    """What is left of some rows, and what is told of them."""
    text = b"[" + batch + b"]"
    for key in reversed(way):
        text = b"{" + encode(key) + b":" + text + b"}"
    tree, told = change(decode(text))
    for key in way:
        tree = tree.get(key, {})
    return (encode(tree)[1:-1] if isinstance(tree, list) else b""), told


def _around(objects: list[dict[str, Raw]], way: list[str], batch: bytes) -> bytes:
    """The text with these rows alone."""
    text = b"[" + batch + b"]"
    for members, key in zip(reversed(objects), reversed(way), strict=True):
        text = encode({**members, key: Raw(text)})
    return text


def _with(tree: Tree, way: list[str], array: Raw) -> Tree:
    """The tree with another array at the end of the way."""
    if not way:
        return array
    place = tree
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = array
    return tree
