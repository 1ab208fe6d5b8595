"""Finds what was served before: plans and documents refer to each other, so that only Python's
collector can, and what was frozen when the gateway started it never looks at.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable

SETTLED = 1.0  # seconds after something was replaced; most calls that were under way have ended
SHARE = 0.05  # of the time may be spent with it, at most


class Garbage:
    """Collects what was replaced: soon, but seldom enough."""

    def __init__(self) -> None:
        self._not_before = 0.0
        self._waiting = False
        self._trim = trimmer()

    async def collect(self) -> None:
        """Collect in a moment; nothing where that is about to be done anyway."""
        if self._waiting:
            return
        self._waiting = True
        try:
            await asyncio.sleep(max(SETTLED, self._not_before - time.monotonic()))
        finally:
            self._waiting = False
        began, frozen = time.monotonic(), gc.get_freeze_count()
        gc.unfreeze()
        gc.collect()
        if frozen:
            gc.freeze()
        if self._trim is not None:
            await asyncio.to_thread(self._trim, 0)
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / SHARE


def trimmer() -> Callable[[int], int] | None:
    """What gives the heap's free pages back to the system (malloc_trim(3)); None where the C
    library has no such thing, as musl's."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
