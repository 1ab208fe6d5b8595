"""Path templates against raw paths: one matcher, for our addresses and an upstream's. Pure.

A hole never spans a `/` and holds at least one character. Within a segment the earlier hole
takes as much as it can, as the regular expression `([^/]+)` would; but the literals are looked
for from the right, each once, so the time is linear where an expression would go back and
forth over `{x}-{y}-{z}` for minutes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HOLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template: the names of its holes, and for each segment its literals.

    A segment with n holes has n + 1 literals around them, some of them empty.
    """

    names: tuple[str, ...]
    segments: tuple[tuple[str, ...], ...]

    def match(self, path: list[str]) -> list[str] | None:
        """The raw texts in the holes of a path that is split at its `/`; None: another path."""
        if len(path) != len(self.segments):
            return None
        values: list[str] = []
        for literals, segment in zip(self.segments, path, strict=True):
            if len(literals) == 1:
                if segment != literals[0]:
                    return None
            elif (found := _cut(literals, segment)) is not None:
                values += found
            else:
                return None
        return values


def template(text: str) -> Template:
    """Compile a template such as `/teams/{id}/games.{ext}`."""
    pieces = HOLE.split(text)  # text, name, text, name, … text
    segments = [[""]]
    for index, piece in enumerate(pieces):
        if index % 2:
            segments[-1].append("")
            continue
        first, *rest = piece.split("/")
        segments[-1][-1] += first
        segments += [[one] for one in rest]
    return Template(tuple(pieces[1::2]), tuple(map(tuple, segments)))


def _cut(literals: tuple[str, ...], segment: str) -> list[str] | None:
    """What stands between the literals, the first at the start and the last at the end."""
    first, *between, last = literals
    start, end = len(first), len(segment) - len(last)
    if start >= end or not (segment.startswith(first) and segment.endswith(last)):
        return None
    values: list[str] = []
    for literal in reversed(between):
        # One character at least on either side: what is left of `start + 1` is the first hole's.
        at = segment.rfind(literal, start + 1, end - 1)
        if at < 0:
            return None
        values.append(segment[at + len(literal) : end])
        end = at
    values.append(segment[start:end])
    return values[::-1]
