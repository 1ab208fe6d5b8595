"""The windows of all callers under one limit, in bounded memory.

Who is pushed out starts anew, so it must cost something to push anybody out. Of the 64 that were
not seen for longest, the one who has used least goes, and the others are spared for a whole round:
a flood of new names pushes out its own, and hardly ever one who has used more than they.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from gateway.config.scalars import Rate
from gateway.limits.window import Taken, Window

# Per limit: 3 to 9 MB, as their slots are filled. nginx's usual zone holds 16,000 a MB.
MAX_CALLERS = 10_000
# So many of the longest unseen are looked at to find the one who goes.
_LOOKED_AT = 64

W = TypeVar("W", bound=Window)


class Callers(Generic[W]):
    """Windows, each made by `make`, by the name of who calls. Nobody is let in before `until`."""

    __slots__ = ("_make", "_most", "_seconds", "_windows", "until")

    def __init__(self, make: Callable[[], W], most: int = MAX_CALLERS) -> None:
        self._make, self._most = make, most
        self._windows: OrderedDict[str, W] = OrderedDict()
        self._seconds = 0.0
        self.until = 0.0

    def take(self, who: str, rate: Rate, now: float) -> Taken:
        """Count one call, if there is room for it."""
        if now < self.until:
            return Taken(self.until - now, 0, self.until - now)
        windows = self._windows
        window = windows.get(who)
        if window is None or rate.seconds != self._seconds:
            window = self.window(who, rate, now)
        else:
            windows.move_to_end(who)
        return window.take(rate, now)

    def pause(self, until: float) -> None:
        """Let nobody in before this time."""
        self.until = max(self.until, until)

    def window(self, who: str, rate: Rate, now: float) -> W:
        """A caller's, which is the last to be pushed out from now on."""
        windows = self._windows
        window = windows.get(who)
        if window is not None and rate.seconds == self._seconds:
            windows.move_to_end(who)
            return window
        if rate.seconds != self._seconds:  # a reload changed it: slots of another length
            windows.clear()
            self._seconds = rate.seconds
        elif len(windows) >= self._most:
            self._make_room(now)
        window = windows[who] = self._make()
        return window

    def _make_room(self, now: float) -> None:
        windows = self._windows
        looked_at: list[str] = []
        gone, least = "", math.inf
        for who, window in islice(windows.items(), _LOOKED_AT):
            used = window.used(self._seconds, now)
            looked_at.append(who)
            if used < least:
                gone, least = who, used
            if used <= 1:  # as little as anybody
                break
        for who in looked_at:  # they are not looked at again before all others were
            windows.move_to_end(who)
        del windows[gone]

    def __len__(self) -> int:
        return len(self._windows)
