"""What an answer must say of itself, and what makes one wrong. Pure.

A value is said by one *name*, `kind/key/tenant/language/version`, in every part of an answer that
could come from somewhere else: each row of a list has it, a text ends with its digest.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# What is read: a small answer, a list of 50 KB that is cut, 300 KB that pass as they come, a POST
# that reads, and 50 KB that are kept.
KINDS = ("item", "list", "file", "found", "wide")
ROWS = 100  # of a list
FILE, WIDE = 300_000, 50_000
# The longest lifetime that the upstream or a config gives, and what `stale` adds in one plugin.
LIFETIME, STALE = 2.0, 2.0
SLACK = 1.5  # for who asked in time and waited for the machine


class Name(NamedTuple):
    """Which value it is."""

    kind: str
    key: str
    tenant: str
    language: str
    version: int

    def __str__(self) -> str:
        return "/".join(map(str, self))


def body_of(name: Name) -> bytes:
    """The one body that a name has."""
    if name.kind == "list":
        rows = [{"n": n, "is": str(name), "text": "some words " * 40} for n in range(ROWS)]
        return json.dumps({"rows": rows, "is": str(name)}).encode()
    size = {"file": FILE, "wide": WIDE}.get(name.kind, 700)
    seed = hashlib.sha256(str(name).encode()).hexdigest()
    pad = (seed * (size // len(seed) + 1))[:size]
    return json.dumps({"is": str(name), "pad": pad, "sum": digest(str(name), pad)}).encode()


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Asked(NamedTuple):
    """What a read asked for. `least` is the oldest version that may answer it."""

    kind: str
    key: str
    tenant: str
    language: str
    least: int


class WrongError(Exception):
    """An answer that nobody should have been given."""


def judged(body: Any, asked: Asked) -> Name:
    """Hold an answer against what was asked for.

    Args:
        body: Of a 200, as JSON; a list may be cut.

    Raises:
        WrongError: another one's value, an old one, or a part of one that looks whole.
    """
    try:
        name = _name(body["is"])
        if asked.kind == "list":
            of_rows(body["rows"], name, 0)
            if len(body["rows"]) < ROWS and "_shrunk" not in body:
                raise WrongError(f"torn: {len(body['rows'])} rows of {ROWS}")
        elif body["sum"] != digest(body["is"], body["pad"]):
            raise WrongError(f"torn: {str(body)[:80]}")
    except (KeyError, TypeError, ValueError) as error:
        raise WrongError(f"torn: {str(body)[:80]} ({error!r})") from None
    if name[:4] != asked[:4]:
        raise WrongError(f"another's: {name} for {'/'.join(asked[:4])}")
    if name.version < asked.least:
        raise WrongError(f"old: {name}, which was {asked.least} before it was asked for")
    return name


def of_rows(rows: Any, name: Name, first: int) -> None:
    """Hold the rows of a list, or of a piece of it, against their name.

    Raises:
        WrongError: a row of another list, or not in its place.
    """
    for number, row in enumerate(rows, first):
        if row["is"] != str(name) or row["n"] != number:
            raise WrongError(f"another's: row {row['n']} of {row['is']} in {name} at {number}")


def _name(text: str) -> Name:
    kind, key, tenant, language, version = text.split("/")
    return Name(kind, key, tenant, language, int(version))


@dataclass
class Known:
    """The versions that writes are known to have made, and from when a read must have them."""

    # By kind, key, tenant: (from when, version), the last one that holds everywhere first.
    _made: dict[tuple[str, str, str], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, kind: str, key: str, tenant: str, since: float, version: int) -> None:
        """A write is done: who asks after `since` must have it."""
        made = self._made[kind, key, tenant]
        made.append((since, version))
        made.sort()
        # Of those that hold already only the greatest counts; some seconds' worth is enough.
        if len(made) > 64:
            oldest = max(made[:32], key=lambda one: one[1])
            made[:32] = [(made[31][0], oldest[1])]

    def least(self, kind: str, key: str, tenant: str, now: float) -> int:
        """The oldest version that may answer who asks now; 0 where nothing is known."""
        made = self._made.get((kind, key, tenant), ())
        return max((version for since, version in made if since < now), default=0)
