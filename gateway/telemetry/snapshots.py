"""Snapshots of numbers: how they add up, and how many numbers are told by a few.

A snapshot is a plain JSON value. Its `sum` is what was counted, `now` is what is so now and adds up
as well, and of `most` the highest value holds: what every worker knows by itself. All numbers are
whole, so that the order of adding makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

Snapshot = dict[str, Any]  # {"sum": …, "now": …, "most": …}: nested mappings, lists, whole numbers

# A sketch counts numbers in classes: each small number is one of its own; from there on each class
# is so much wider than the one before. Its middle is off by at most (1.07 - 1) / (1.07 + 1), which
# is 3.4 %, and by 1.5 % more for being a whole number. The last one is beyond a billion.
_EXACT, _GROWTH, _CLASSES = 32, 1.07, 256
_SCALE = 1 / math.log(_GROWTH)


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Snapshots of several workers as one."""
    every = list(snapshots)
    return {
        "sum": added([one.get("sum", {}) for one in every]),
        "now": added([one.get("now", {}) for one in every]),
        "most": _joined([one.get("most", {}) for one in every], max),
    }


def remains(snapshot: Snapshot) -> Snapshot:
    """What of a worker's last snapshot counts when it has ended: what it did, not how it is."""
    return {"sum": snapshot.get("sum", {}), "now": {}, "most": {}}


def added(values: list[Any]) -> Any:
    """Values of one form, added: numbers, lists by place, mappings by key."""
    return _joined(values, sum)


def _joined(values: list[Any], join: Callable[[list[int]], int]) -> Any:
    if not values:
        return {}
    first = values[0]
    if isinstance(first, dict):
        keys = dict.fromkeys(key for one in values for key in one)
        return {key: _joined([one[key] for one in values if key in one], join) for key in keys}
    if isinstance(first, list):
        return [join(list(some)) for some in zip(*values, strict=True)]
    return join(values)


def class_of(number: int) -> int:
    """The class of a sketch that a number is in."""
    if number <= _EXACT:
        return max(number, 0)
    return _EXACT + min(math.ceil(math.log(number / _EXACT) * _SCALE), _CLASSES)


def value_of(place: int) -> int:
    """The number that a class stands for."""
    if place <= _EXACT:
        return place
    return round(2 * _EXACT * _GROWTH ** (place - _EXACT) / (_GROWTH + 1))


def quantile(sketch: dict[str, int], share: float) -> int | None:
    """The number that this share of all are at most, within 5 %; None where there are none."""
    total = sum(sketch.values())
    rank, seen = share * (total - 1), 0
    for place in sorted(map(int, sketch)):
        seen += sketch[str(place)]
        if seen > rank:
            return value_of(place)
    return None
