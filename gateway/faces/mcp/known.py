"""What was said before, word for word: it need not be read again. Nothing in here is of a caller.

Agents say the same over and over, and a call that is answered from memory costs little more than
reading it. Remembered is what follows from the words alone, and from the headers beside them: which
tool is meant, the arguments, that the headers mirror the words. Who calls, how often and what is
stored is asked each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from multidict import MultiMapping

from gateway.faces.calls import read_named
from gateway.faces.mcp.endpoint import Endpoint, Served
from gateway.faces.mcp.headers import METHOD, NAME, VERSION
from gateway.shrinking import Level
from gateway.values import UpstreamRequest

# Calls whose arguments are remembered, and how long these may be; of modern clients the words
# around them say which program calls, too. Some megabytes at most.
MAX_KNOWN, MAX_KNOWN_LENGTH, MAX_TOLD_LENGTH = 4096, 512, 1024


@dataclass(slots=True, eq=False)
class Asked:
    """What a call says. Whoever makes it may keep here what was built of that: the same words may
    be said again, by anybody, so nothing in here is of a caller."""

    arguments: Mapping[str, Any]
    built: UpstreamRequest | None = None
    chosen: Level | None = None


class Told(NamedTuple):
    """A call that is right as far as its words go: its era, the tool, what it says."""

    modern: bool
    served: Served
    asked: Asked


class Known:
    """The calls that are remembered."""

    __slots__ = ("_asked", "_told")

    def __init__(self) -> None:
        self._asked: dict[tuple[Served, bytes], Asked] = {}  # by the arguments as they came
        # By the whole of `params`, with what its headers said.
        self._told: dict[tuple[Endpoint, bytes], tuple[list[list[str]], Told]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._asked.clear()
        self._told.clear()

    def asked(self, served: Served, given: bytes) -> Asked:
        """What a call says: read, unless it was read before. Raises: BadArguments."""
        if len(given) > MAX_KNOWN_LENGTH:
            return Asked(read_named(served.tool.operation, given))
        asked = self._asked.get((served, given))
        if asked is None:
            asked = Asked(read_named(served.tool.operation, given))
            if len(self._asked) >= MAX_KNOWN:
                self._asked.clear()
            self._asked[served, given] = asked
        return asked

    def told(
        self, endpoint: Endpoint, params: bytes, headers: MultiMapping[str] | None
    ) -> Told | None:
        """A call that was found right before, with the same headers."""
        if len(params) > MAX_TOLD_LENGTH:
            return None
        found = self._told.get((endpoint, params))
        if found is None:
            return None
        said, told = found
        return told if said == _said(headers, told.modern) else None

    def tell(
        self,
        endpoint: Endpoint,
        params: bytes,
        headers: MultiMapping[str] | None,
        told: Told,
        length: int,
    ) -> None:
        """A call is right, whoever makes it; its arguments have this `length`."""
        said = _said(headers, told.modern)
        long = len(params) + sum(len(value) for values in said for value in values)
        if length <= MAX_KNOWN_LENGTH and long <= MAX_TOLD_LENGTH:
            if len(self._told) >= MAX_KNOWN:
                self._told.clear()
            self._told[endpoint, params] = said, told


def _said(headers: MultiMapping[str] | None, modern: bool) -> list[list[str]]:
    """What the headers say that are held against the words of a call."""
    if headers is None:
        return []
    version = headers.getall(VERSION, [])
    if not modern:
        return [version]
    return [version, headers.getall(METHOD, []), headers.getall(NAME, [])]
