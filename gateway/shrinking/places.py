"""Many paths at once: which entries of a rule mean what stands at a place of an answer.

The paths of a rule are compiled to a graph of places, so that a walk over an answer costs one
look-up for each key, whatever the number of paths and however many `..` they hold. Arrays are
looked through, as everywhere. Where nothing at or below a place is meant there is no place
(None), and a walk passes over what stands there.

A path with `..` is at many of its steps at once, so a place is a set of steps reached: the
subset construction of automata theory. All places are made when a plugin loads, within bounds.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.shrinking.exact import Tree
from gateway.shrinking.paths import PathError, Step, join, parse

_MOST = 200_000  # steps in all transitions: those of 45 paths with `..`, of 50,000 without
TOO_DEEP = "it is nested too deeply"

Index = TypeVar("Index", int, str)


@dataclass(frozen=True, slots=True)
class Entry(Generic[Index]):
    """One path of a rule; `index` is the place in the YAML where it is written."""

    index: Index
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Place:
    """A place of answers; entries are told by their number.

    `ends` says whether one means exactly what stands here, `entry` which one holds here: the one
    that ends nearest, here or at what is around it, of several the last. `members` and `other`
    lead to the places below.
    """

    ends: bool
    entry: int | None
    members: dict[str, Place | None]
    other: Place | None = None


def read_entries(
    texts: Iterable[tuple[Index, str]],
) -> tuple[list[Entry[Index]], list[tuple[Index, str]]]:
    """Read the paths of a rule, braces resolved, and what is wrong with those that are none."""
    entries: list[Entry[Index]] = []
    faults: list[tuple[Index, str]] = []
    for index, text in texts:
        try:
            leaves = parse(text, anywhere=True)
        except PathError as error:
            faults.append((index, str(error)))
            continue
        if any(leaf.alias for leaf in leaves):
            faults.append((index, f"{text!r}: `as` gives no name here; write the path alone"))
            continue
        entries += [Entry(index, leaf.steps) for leaf in leaves]
    return entries, faults


def compile_places(
    entries: Sequence[Entry[Index]],
) -> tuple[Place | None, list[tuple[Index, str]]]:
    """The place of the answer itself; without those from the first on that is too much."""
    paths = [entry.steps for entry in entries]
    root = _places(paths)
    if root is not _TOO_MANY:
        return root, []
    few = bisect(range(len(paths)), 0, key=lambda most: _places(paths[: most + 1]) is _TOO_MANY)
    told = f"{join(paths[few])!r}: with this there are too many `..` and `*` in one rule"
    return _places(paths[:few]), [(entries[few].index, told)]


# --- made at start ----------------------------------------------------------------------------

_TOO_MANY = Place(False, None, {})
# Of each path, by its number, how many of its steps are done; and the one that holds.
_Reached = tuple[frozenset[tuple[int, int]], int | None]


def _places(paths: Sequence[Sequence[Step]]) -> Place | None:
    known: dict[tuple[_Reached, bool], Place] = {}
    waiting: list[tuple[_Reached, Place]] = []

    def place(reached: Set[tuple[int, int]], holds: int | None) -> Place | None:
        ended = [number for number, done in reached if done == len(paths[number])]
        left = frozenset(one for one in reached if one[1] < len(paths[one[0]]))
        holds = max(ended) if ended else holds
        if not left and holds is None:
            return None
        state = (left, holds), bool(ended)
        if state not in known:
            known[state] = Place(bool(ended), holds, {})
            waiting.append((state[0], known[state]))
        return known[state]

    root = place(frozenset((number, 0) for number in range(len(paths))), None)
    made = 0
    while waiting:
        (left, holds), here = waiting.pop()
        anyway: set[tuple[int, int]] = set()  # is reached by any key
        by_key: dict[str, list[tuple[int, int]]] = {}
        for number, done in left:
            step = paths[number][done]
            if step.anywhere:
                anyway.add((number, done))
            if step.key is None:
                anyway.add((number, done + 1))
            else:
                by_key.setdefault(step.key, []).append((number, done + 1))
        made += len(left) + len(anyway) * (len(by_key) + 1)
        if made > _MOST:
            return _TOO_MANY
        here.other = place(frozenset(anyway), holds)
        here.members = {key: place(anyway.union(more), holds) for key, more in by_key.items()}
    return root


# --- texts ------------------------------------------------------------------------------------


def with_texts(
    value: Tree, place: Place | None, change: Callable[[str, int], str], *, keys: bool = False
) -> Tree:
    """Change the texts for which an entry holds, and with `keys` the keys of objects as well.

    What stays as it is, is not copied. Keys that are the same afterwards are numbered.

    Raises:
        ValueError: if it is nested too deeply.
    """
    if place is None:
        return value
    if type(value) is str:
        return value if place.entry is None else change(value, place.entry)
    try:
        return _with_texts(value, place, change, {""} if keys else None)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def _with_texts(
    value: Tree, place: Place, change: Callable[[str, int], str], same: set[str] | None
) -> Tree:
    """`same` holds the keys that are known to stay as they are; None where all do.

    One frame for each level: what can be decoded should be walked as well.
    """
    new: Tree = None
    if type(value) is dict:
        find, other = place.members.get, place.other
        for key, member in value.items():
            below = find(key, other)
            if below is None:
                continue
            kind = type(member)
            if kind is str:
                fresh = member if below.entry is None else change(member, below.entry)
            elif kind is dict or kind is list:
                fresh = _with_texts(member, below, change, same)
            else:
                continue
            if fresh is not member:
                if new is None:
                    new = dict(value)
                new[key] = fresh
        if same is not None and place.entry is not None and not value.keys() <= same:
            new = _with_keys(value if new is None else new, place.entry, change, same)
    elif type(value) is list:
        for number, item in enumerate(value):
            kind = type(item)
            if kind is str:
                fresh = item if place.entry is None else change(item, place.entry)
            elif kind is dict or kind is list:
                fresh = _with_texts(item, place, change, same)
            else:
                continue
            if fresh is not item:
                if new is None:
                    new = list(value)
                new[number] = fresh
    return value if new is None else new


def _with_keys(
    value: dict[str, Tree], entry: int, change: Callable[[str, int], str], same: set[str]
) -> dict[str, Tree]:
    names = {key: change(key, entry) for key in value if key not in same}
    same.update(key for key, name in names.items() if name == key)
    if value.keys() <= same:
        return value
    taken = value.keys() & same
    counts: dict[str, int] = {}
    found = {}
    for key, member in value.items():
        name = wanted = names.get(key, key)
        while name != key and name in taken:
            counts[wanted] = counts.get(wanted, 1) + 1
            name = f"{wanted}{counts[wanted]}"
        taken.add(name)
        found[name] = member
    return found
