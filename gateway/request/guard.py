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
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MANGLED = re.compile(r"[ .\[\]]")  # PHP's "Variables From External Sources"

Parts = tuple[str, ...]


def is_cut(name: str) -> bool:
    """Whether a server might read less of a name than it holds: PHP reads it up to a NUL.

    No control character has a use in a name.
    """
    return _CONTROL.search(name) is not None


def folded(name: str) -> str:
    """A name without its case and the blanks around it."""
    return name.strip().casefold()


def parts_of(name: str) -> Parts:
    """The parts of a name: `Filter[status][]` is `filter`, `status`."""
    return tuple(part for part in _BREAKS.split(folded(name)) if part)


def guard(names: Iterable[str]) -> Callable[[str], bool]:
    """A function that says whether a caller's name could stand in for one of `names`.

    It could where the parts of one are the first parts of the other: `filter` beside
    `filter[status]` would replace it, as `filter[status][]` would.
    """
    known: set[Parts] = set()
    for name in names:
        known |= {parts_of(name), (_mangled(name),)}
    above = {parts[:length] for parts in known for length in range(1, len(parts))}
    longest = max(map(len, known), default=0)

    def stands_in(name: str) -> bool:
        parts = parts_of(name)
        if parts in above or (_mangled(name),) in known:
            return True
        # No further than the longest: a caller's name may have any number of parts.
        ends = range(1, min(len(parts), longest) + 1)
        return any(parts[:end] in known for end in ends)

    return stands_in


def _mangled(name: str) -> str:
    return _MANGLED.sub("_", folded(name))
