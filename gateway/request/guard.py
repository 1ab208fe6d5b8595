"""Whether a name that a caller made up could stand in for one that it may not send. Pure.

Servers read more than one spelling as the same field: `season[]` and `season` (PHP, Rack, qs),
`Season` (ASP.NET and every case-insensitive binder), `filter.status` for `filter[status]`
(Spring), and PHP turns spaces, dots and a bracket that is never closed into `_`. So names are
compared by what is left of them: the parts between brackets and dots, casefolded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_BREAKS = re.compile(r"[\[\].]+")
_MANGLED = re.compile(r"[ .\[\]]")  # PHP's "Variables From External Sources"

Parts = tuple[str, ...]


def folded(name: str) -> str:
    """A name without its case and the blanks around it."""
    return name.strip().casefold()


def parts_of(name: str) -> Parts:
    """The parts of a name: `Filter[status][]` is `filter`, `status`."""
    return tuple(part for part in _BREAKS.split(folded(name)) if part)


def guard(names: Iterable[str]) -> Callable[[str], str | None]:
    """A function from a caller's name to the guarded one that it could stand in for.

    It could where the parts of one are the first parts of the other: `filter` beside
    `filter[status]` would replace it, as `filter[status][]` would.
    """
    known: dict[Parts, str] = {}
    below: dict[Parts, str] = {}
    for name in names:
        for parts in (parts_of(name), (_mangled(name),)):
            known.setdefault(parts, name)
            for length in range(1, len(parts)):
                below.setdefault(parts[:length], name)

    def find(name: str) -> str | None:
        parts = parts_of(name)
        readings = [parts[:length] for length in range(1, len(parts) + 1)] + [(_mangled(name),)]
        hit = next((known[one] for one in readings if one in known), None)
        return hit or below.get(parts)

    return find


def _mangled(name: str) -> str:
    return _MANGLED.sub("_", folded(name))
