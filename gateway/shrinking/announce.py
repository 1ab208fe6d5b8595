"""The announcement of cuts: by path, how much was kept of how much.

Found by comparing what could have been sent with what is sent, so it cannot say anything else
than what happened, whoever cut. Strings are counted in characters, arrays in rows, objects in
keys, and at one path only over those that were cut: `data[].body` sums up all the bodies that
end in `…`.

The keys of maps are `*`. Where there would be too many paths, siblings become `*` and, if that
is not enough, everything below a level `**`; so the announcement stays small whatever was cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from gateway.shrinking.exact import encode
from gateway.shrinking.paths import shown
from gateway.shrinking.squeeze import ARRAY, OBJECT, STRING, Node


class Mark(Enum):
    """The steps of a path that are no key."""

    ROW = "[]"
    ANY = "*"
    BELOW = "**"


class Unit(Enum):
    """What is counted at a path."""

    CHARACTERS = "characters"
    ROWS = "rows"
    KEYS = "keys"


Path: TypeAlias = tuple[str | Mark, ...]
Cuts: TypeAlias = dict[tuple[Path, Unit], tuple[int, int]]  # kept, total

OURS = ("more", "pages")  # words of the announcement that are no paths
_MOST = 24  # entries; a reader takes in fewer
_SIBLINGS = 6  # paths that differ in one key only
_LONGEST_PATH = 12  # steps
_LONGEST_KEY = 40  # characters; a longer one is data
_SMALL = 150  # bytes; three entries
_LARGEST = 2000


def cuts(whole: Node, sent: Node) -> Cuts:
    """Compare an answer with what is sent of it; the latter holds the first of everything."""
    found: Cuts = {}
    _compare(whole, sent, (), found)
    return found


def _compare(whole: Node, sent: Node, path: Path, found: Cuts) -> None:
    if whole.size == sent.size and memoryview(whole.raw) == memoryview(sent.raw):
        return
    if whole.kind == STRING:
        text, start = msgspec.json.decode(whole.raw), msgspec.json.decode(sent.raw)
        _note(found, path, Unit.CHARACTERS, len(start) - 1, len(text))
    elif whole.kind == ARRAY:
        _note(found, path, Unit.ROWS, len(sent), len(whole))
        for number in range(len(sent)):
            _compare(whole.child(number), sent.child(number), (*path, Mark.ROW), found)
    elif whole.kind == OBJECT:
        _note(found, path, Unit.KEYS, len(sent), len(whole))
        alike = whole.is_map()
        for key, number in sent.places.items():
            step = Mark.ANY if alike or len(key) > _LONGEST_KEY else key
            _compare(whole.child(whole.places[key]), sent.child(number), (*path, step), found)


def _note(found: Cuts, path: Path, unit: Unit, kept: int, total: int) -> None:
    if kept != total:
        before = found.get((path, unit), (0, 0))
        found[path, unit] = before[0] + kept, before[1] + total


# --- small enough -----------------------------------------------------------------------------


def announcement(found: Cuts, tokens: int, extra: Mapping[str, Any]) -> bytes:
    """The JSON text of the announcement, small in comparison with the budget's tokens.

    `extra` is what else is said, by path or by a word of our own: `more`, `pages`.
    """
    text = _small(found, tokens)
    if not extra:
        return text
    entries = msgspec.json.decode(text)
    for name, said in extra.items():
        entries[name] = {**entries.get(name, {}), **said}
    return encode(entries)


def _small(found: Cuts, tokens: int) -> bytes:
    room = max(_SMALL, min(_LARGEST, tokens // 4))
    found = _below(found, _LONGEST_PATH)
    text = _written(found)
    if len(found) > _MOST or len(text) > room:
        found = _by_siblings(found)
        text = _written(found)
    depth = _LONGEST_PATH
    while depth and (len(found) > _MOST or len(text) > room):
        depth -= 1
        found = _below(found, depth)
        text = _written(found)
    return text


def _by_siblings(found: Cuts) -> Cuts:
    """Bring together what differs in one key only, the deepest keys first."""
    deepest = max((len(path) for path, _ in found), default=0)
    for depth in range(deepest - 1, -1, -1):
        families = Counter(_masked(path, depth) for path in {path for path, _ in found})
        found = _merged(
            ((family if families[family] > _SIBLINGS else path, unit), numbers)
            for (path, unit), numbers in found.items()
            for family in [_masked(path, depth)]
        )
    return found


def _masked(path: Path, depth: int) -> Path:
    if depth >= len(path) or isinstance(path[depth], Mark):
        return path
    return (*path[:depth], Mark.ANY, *path[depth + 1 :])


def _below(found: Cuts, depth: int) -> Cuts:
    return _merged(
        ((path if len(path) <= depth else (*path[:depth], Mark.BELOW), unit), numbers)
        for (path, unit), numbers in found.items()
    )


def _merged(entries: Iterable[tuple[tuple[Path, Unit], tuple[int, int]]]) -> Cuts:
    merged: Cuts = {}
    for place, (kept, total) in entries:
        before = merged.get(place, (0, 0))
        merged[place] = before[0] + kept, before[1] + total
    return merged


def _written(found: Cuts) -> bytes:
    paths = Counter(path for path, _ in found)
    entries: Mapping[str, Mapping[str, int]] = {
        written(path) + (f" ({unit.value})" if paths[path] > 1 else ""): {
            "kept": kept,
            "total": total,
        }
        for (path, unit), (kept, total) in found.items()
    }
    return encode(entries)


def written(path: Path) -> str:
    """A path as its readers see it; the answer itself is `$`."""
    text = ""
    for step in path:
        if step is Mark.ROW:
            text += step.value
        else:
            name = step.value if isinstance(step, Mark) else shown(step)
            text += f".{name}" if text else name
    return f"$.{text}" if text in OURS else text or "$"
