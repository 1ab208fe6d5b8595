"""At most `count` calls in any `seconds`, by a window that slides in slots.

A window is kept as the counts of its slots, each 1/60 of it long, and a call counts until its
whole slot has left the window. So the promise holds in *any* window, at the price of up to one
slot more of waiting, and a caller costs at most 61 numbers whatever the limit.

Pure: seconds from any steady clock are an argument.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from gateway.config.scalars import Rate

SLOTS = 60
# A slot is one number of 64 bits: the slot's own, and behind it the calls in it. 36 bits of slots
# of 1/60 s are 36 years of any steady clock, and no process makes 2^28 calls in a slot of a day.
_BITS = 28
_CALLS = (1 << _BITS) - 1


class Taken(NamedTuple):
    """What came of counting one call.

    Args:
        wait: Seconds until it may be tried again; 0.0: it may go on, and was counted.
        left: Calls that may follow at once.
        resets: Seconds until there are more than `left`.
    """

    wait: float
    left: int
    resets: float


class Window:
    """The calls of one caller."""

    __slots__ = ("slots", "total")

    def __init__(self) -> None:
        self.slots: array[int] = array("Q")  # the oldest first
        self.total = 0

    def take(self, rate: Rate, now: float) -> Taken:
        """Count one call, if there is room for it."""
        length = rate.seconds / SLOTS
        current = int(now / length)
        slots = self.slots
        if slots and slots[0] >> _BITS < current - SLOTS:
            self._forget(current - SLOTS)
        left = rate.count - self.total - 1
        if left < 0:
            wait = self._wait(rate.count, length, now)
            return Taken(wait, 0, wait)
        if slots and slots[-1] >> _BITS == current:
            slots[-1] += 1
        else:
            slots.append(current << _BITS | 1)
        self.total += 1
        return Taken(0.0, left, ((slots[0] >> _BITS) + SLOTS + 1) * length - now)

    def note(self, rate: Rate, now: float) -> None:
        """Count one call that went on whether there was room or not."""
        self.used(rate.seconds, now)
        current = int(now / (rate.seconds / SLOTS))
        if self.slots and self.slots[-1] >> _BITS >= current:
            self.slots[-1] += 1
        else:
            self.slots.append(current << _BITS | 1)
        self.total += 1

    def used(self, seconds: float, now: float) -> int:
        """How many calls count at the moment, in a window of so many seconds."""
        slots = self.slots
        first = int(now / (seconds / SLOTS)) - SLOTS
        if slots and slots[0] >> _BITS < first:
            self._forget(first)
        return self.total

    def counted(self, seconds: float, now: float) -> dict[int, int]:
        """The calls that count, by the number of their slot."""
        self.used(seconds, now)
        return {one >> _BITS: one & _CALLS for one in self.slots}

    def _forget(self, first: int) -> None:
        """Drop the slots before this one."""
        slots, gone = self.slots, 0
        for one in slots:
            if one >> _BITS >= first:
                break
            self.total -= one & _CALLS
            gone += 1
        del slots[:gone]

    def _wait(self, count: int, length: float, now: float) -> float:
        """Seconds until fewer than `count` calls count: more than one slot may have to leave,
        where the limit was lowered."""
        total = self.total
        for one in self.slots:
            total -= one & _CALLS
            if total < count:
                return max(((one >> _BITS) + SLOTS + 1) * length - now, 0.001)
        raise AssertionError("a window without calls is full")
