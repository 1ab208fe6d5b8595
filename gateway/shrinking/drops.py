"""`drop`: what an answer can do without.

    empty     members that are null, "", [] or {}, or are so once those are gone
    nulls     members that are null
    urls      members that are the address of a web page, or a list of such addresses
    a.b ..c   the members that a path names

A bare word is a kind; the member of that name at the top is `$.urls`. Members of objects are
dropped. Items of arrays are not, since the place of an item may be its meaning: they stay,
emptied; but an array of nothing but empty items is itself empty.

Where the rows of arrays become tables a kind drops columns, not cells: a member goes where each
row's would go, or is absent, and stays in all rows else. A cell left out of a column would cost
more than it saves.

Paths first, then kinds from the leaves up. What is left keeps its order, and a second time
changes nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from gateway.config.scalars import DROP_KINDS
from gateway.shrinking.exact import Tree
from gateway.shrinking.paths import Step, join
from gateway.shrinking.places import TOO_DEEP, Entry, Place, compile_places, read_entries

Change: TypeAlias = Callable[[Tree], Tree]
IsDropped: TypeAlias = Callable[[Tree], bool]

_WORD = re.compile(r"\w+")
_NEAR = 0.8  # one letter too many, missing or in the wrong place; `users` is not near `urls`
# RFC 3986 has no blanks and none of these in an address; a text with one is prose.
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


def compile_drop(
    entries: Sequence[str], *, columns: bool
) -> tuple[Change | None, list[Entry[int]], list[tuple[int, str]]]:
    """Compile the entries of `drop`.

    Args:
        entries: Kinds and paths.
        columns: Whether the rows of arrays of objects become tables.

    Returns:
        What drops, None where nothing is to be dropped; the paths, for checks against a schema;
        and by the number of an entry what is wrong with it. What drops raises ValueError where
        a value is nested too deeply; the value itself stays, if only as {} or [].
    """
    paths = [(number, text) for number, text in enumerate(entries) if text not in DROP_KINDS]
    faults = [(number, told) for number, text in paths if (told := _misspelt(text))]
    wrong = {number for number, _ in faults}
    read, unread = read_entries([path for path in paths if path[0] not in wrong])
    undroppable = [(entry.index, told) for entry in read if (told := _undroppable(entry))]
    read = [entry for entry in read if not _undroppable(entry)]
    place, too_many = compile_places(read)
    kinds = [kind for kind in DROP_KINDS if kind in entries]
    faults = sorted(faults + unread + undroppable + too_many)
    return _change(place, kinds, columns=columns), read, faults


def dropping(entries: Sequence[str]) -> Callable[[Sequence[Step]], bool]:
    """Whether the paths among the entries take away whatever stands at a path of keys."""
    root = place_of(entries)

    def is_dropped(steps: Sequence[Step]) -> bool:
        place = root
        for step in steps:
            if place is None:
                return False
            # What is dropped at every key is dropped at those that nobody names.
            place = place.other if step.key is None else place.members.get(step.key, place.other)
            if place is not None and place.ends:
                return True
        return False

    return is_dropped


def place_of(entries: Sequence[str]) -> Place | None:
    """The place of the answer, by the paths among the entries that have no fault."""
    paths = [(number, text) for number, text in enumerate(entries) if text not in DROP_KINDS]
    read, _ = read_entries([path for path in paths if not _misspelt(path[1])])
    root, _ = compile_places([entry for entry in read if not _undroppable(entry)])
    return root


def _misspelt(text: str) -> str | None:
    """What is said of a word that was meant as a kind."""
    near = difflib.get_close_matches(text.lower(), DROP_KINDS, n=1, cutoff=_NEAR)
    if not near or not _WORD.fullmatch(text):
        return None
    return f"{text!r}: did you mean {near[0]!r}? A field of that name is written '$.{text}'"


def _undroppable(entry: Entry[int]) -> str | None:
    if not entry.steps:
        return "'$' is the whole answer; name what to drop of it"
    if entry.steps[-1].arrays:
        text = join(entry.steps)
        return f"{text!r}: items are not dropped; {text.rstrip('[]')!r} drops the array"
    return None


def _change(place: Place | None, kinds: Collection[str], *, columns: bool) -> Change | None:
    if place is None and not kinds:
        return None
    kind = _Kind(kinds)

    def drop(value: Tree) -> Tree:
        try:
            if place is not None:
                value = _without(value, place)
            if kinds:
                value = kind.in_columns(value) if columns else kind.in_cells(value)
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        return value

    return drop


# --- paths ------------------------------------------------------------------------------------


def _without(value: Tree, place: Place) -> Tree:
    """The value without the members whose place is an entry's end; itself where it has none."""
    new: Tree = None
    if type(value) is dict:
        find, other = place.members.get, place.other
        for key, member in value.items():
            below = find(key, other)
            if below is None:
                continue
            if below.ends:
                if new is None:
                    new = dict(value)
                del new[key]
            elif type(member) is dict or type(member) is list:
                fresh = _without(member, below)
                if fresh is not member:
                    if new is None:
                        new = dict(value)
                    new[key] = fresh
    elif type(value) is list:
        for number, item in enumerate(value):
            if type(item) is dict or type(item) is list:
                fresh = _without(item, place)
                if fresh is not item:
                    if new is None:
                        new = list(value)
                    new[number] = fresh
    return value if new is None else new


# --- kinds ------------------------------------------------------------------------------------


class _Kind:
    """Which members are dropped, of those that hold already what is left of them."""

    __slots__ = ("_empty", "_is_dropped", "_starts")

    def __init__(self, kinds: Collection[str]) -> None:
        self._empty = "empty" in kinds
        self._starts = "hH" if "urls" in kinds else ""  # of texts that may be dropped
        tests = [_IS_DROPPED[kind] for kind in kinds]
        self._is_dropped = tests[0] if len(tests) == 1 else _any_of(tests)

    def in_cells(self, value: Tree) -> Tree:
        """What is left of a value, each member seen alone; itself where that is all of it."""
        new: Tree = None
        if type(value) is dict:
            starts, is_dropped = self._starts, self._is_dropped
            for key, member in value.items():
                rest = member
                kind = type(member)
                if kind is str:  # what is surely kept is told apart first: it is the most
                    if member and member[0] not in starts:
                        continue
                elif kind is dict or kind is list:
                    rest = self.in_cells(member)
                elif member is not None:
                    continue
                if is_dropped(rest):
                    if new is None:
                        new = dict(value)
                    del new[key]
                elif rest is not member:
                    if new is None:
                        new = dict(value)
                    new[key] = rest
        elif type(value) is list:
            for number, item in enumerate(value):
                if type(item) is dict or type(item) is list:
                    rest = self.in_cells(item)
                    if rest is not item:
                        if new is None:
                            new = list(value)
                        new[number] = rest
            return self._emptied(value if new is None else new)
        return value if new is None else new

    def in_columns(self, value: Tree) -> Tree:
        """What is left of a value, where the objects of an array are rows."""
        if type(value) is dict:
            return self._rows([value])[0]
        if type(value) is list:
            if value and all(type(item) is dict for item in value):
                return self._emptied(self._rows(value))
            items = []
            for item in value:
                kind = type(item)
                items.append(self.in_columns(item) if kind is dict or kind is list else item)
            return self._emptied(items)
        return value

    def _rows(self, rows: list[dict[str, Tree]]) -> list[Tree]:
        """What is left of rows, and of the objects in one column of them, which are rows too."""
        columns: dict[str, list[Tree]] = {}
        for row in rows:
            for key, cell in row.items():
                if key in columns:
                    columns[key].append(cell)
                else:
                    columns[key] = [cell]
        left = {}
        for key, cells in columns.items():
            inner = [cell for cell in cells if type(cell) is dict]
            found = iter(self._rows(inner)) if inner else iter(())
            rests = []
            for cell in cells:
                kind = type(cell)
                if kind is dict:
                    rests.append(next(found))
                else:
                    rests.append(self.in_columns(cell) if kind is list else cell)
            if not all(map(self._is_dropped, rests)):
                left[key] = iter(rests)
        return [{key: next(left[key]) for key in row if key in left} for row in rows]

    def _emptied(self, items: list[Tree]) -> list[Tree]:
        if not self._empty:
            return items
        for item in items:
            if not _is_empty(item):
                return items
        return []


def _is_null(value: Tree) -> bool:
    return value is None


def _is_empty(value: Tree) -> bool:
    if value is None:
        return True
    kind = type(value)
    return (kind is str or kind is dict or kind is list) and not value


def _is_url(value: Tree) -> bool:
    if type(value) is str:
        return value[:4].lower() == "http" and _URL.fullmatch(value) is not None
    if type(value) is list:
        return bool(value) and all(type(item) is str and _is_url(item) for item in value)
    return False


def _any_of(tests: Sequence[IsDropped]) -> IsDropped:
    def is_dropped(value: Tree) -> bool:
        for test in tests:  # noqa: SIM110 # a generator for each member would double the time
            if test(value):
                return True
        return False

    return is_dropped


_IS_DROPPED: dict[str, IsDropped] = {"empty": _is_empty, "nulls": _is_null, "urls": _is_url}
