"""Limits of this process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from gateway.config.scalars import Rate
from gateway.limits.callers import Callers
from gateway.limits.window import Taken, Window


class MemoryLimiter:
    """Counts in memory. `steady` tells seconds that never go back."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._scopes = defaultdict[str, Callers[Window]](lambda: Callers(Window))

    def taker(self, scope: str, rate: Rate) -> Callable[[str], Taken]:
        """What counts a call under one limit, by who calls: without waiting for anything."""
        callers, steady = self._scopes[scope], self._steady

        def take(who: str) -> Taken:
            return callers.take(who, rate, steady())

        return take

    async def take(self, scope: str, who: str, rate: Rate) -> Taken:
        """Count one call, if there is room for it."""
        return self._scopes[scope].take(who, rate, self._steady())

    async def pause(self, scope: str, seconds: float) -> None:
        """Let nobody in under this scope for so long."""
        self._scopes[scope].pause(self._steady() + seconds)

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""
