"""So many calls of one upstream at once, and as many more in line.

Who waits is anything that can be told apart; waking is the caller's matter. So a slow upstream
takes its own places, and nobody else's.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

LONGEST = 5.0  # seconds in line

W = TypeVar("W")


def patience(total: float) -> float:
    """How long a call that may take `total` seconds waits in line."""
    return min(total / 2, LONGEST)


class Places(Generic[W]):
    """`taken` of `size` places, and `waiting` in line, first come first served."""

    __slots__ = ("_line", "size", "taken")

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0
        self._line: OrderedDict[W, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def take(self) -> bool:
        """Take a place, if one is free and nobody was there before."""
        if self.taken < self.size and not self._line:
            self.taken += 1
            return True
        return False

    def queue(self, waiter: W) -> bool:
        """Stand in line; False where that is full, too."""
        if len(self._line) >= self.size:
            return False
        self._line[waiter] = None
        return True

    def leave(self, waiter: W) -> bool:
        """Stand in line no more. Whether it still did; else it has been given a place."""
        if waiter not in self._line:
            return False
        del self._line[waiter]
        return True

    def free(self) -> W | None:
        """Give a place back: to the first in line, who is returned and holds it from now on."""
        if self._line:
            return self._line.popitem(last=False)[0]
        self.taken -= 1
        return None
