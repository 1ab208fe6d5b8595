"""How many there were of late, and how many of these were marked.

Counted in slots of a second each: a thing counts until its whole slot has left the window. So it
takes the same few numbers whatever the traffic.
"""

from __future__ import annotations

SECONDS = 10


class Recent:
    """The last ten seconds. `total` and `marked` hold as of the last `add` or `roll`."""

    __slots__ = ("_at", "_marked", "_totals", "marked", "total")

    def __init__(self) -> None:
        self._totals = [0] * SECONDS
        self._marked = [0] * SECONDS
        self._at = 0  # the second of the newest slot
        self.total = self.marked = 0

    def add(self, now: float, *, marked: bool) -> None:
        """Count one."""
        at = int(now)
        if at > self._at:
            self._forget(at)
        at = self._at % SECONDS
        self._totals[at] += 1
        self.total += 1
        if marked:
            self._marked[at] += 1
            self.marked += 1

    def roll(self, now: float) -> None:
        """Forget what is too old."""
        at = int(now)
        if at > self._at:
            self._forget(at)

    def clear(self) -> None:
        """Forget all."""
        self._totals = [0] * SECONDS
        self._marked = [0] * SECONDS
        self.total = self.marked = 0

    def _forget(self, at: int) -> None:
        for second in range(max(self._at + 1, at - SECONDS + 1), at + 1):
            slot = second % SECONDS
            self.total -= self._totals[slot]
            self.marked -= self._marked[slot]
            self._totals[slot] = self._marked[slot] = 0
        self._at = at
