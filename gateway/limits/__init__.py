"""Calls per time: at most `count` in any `seconds`, by a scope and a name within it.

    window   the sliding window of one caller (pure)
    callers  the windows of all callers under one limit, bounded (pure)
    headers  what callers are told of it (pure)
    networks what counts as one address (pure)
    memory   limits of this process
    shared   limits of all gateways on one Redis or Valkey

A scope names what is limited: a plugin, or one of its operations, for each caller alone; or
`upstream NAME`, what all callers together ask of a plugin's upstream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.caching.stores import Store
from gateway.config.scalars import Rate
from gateway.limits.memory import MemoryLimiter
from gateway.limits.window import Taken

__all__ = ["Limiter", "Taken", "limiter_of"]


class Limiter(Protocol):
    """Counts calls. Nothing here raises, but for being cancelled."""

    async def take(self, scope: str, who: str, rate: Rate) -> Taken:
        """Count one call, if there is room for it; a refused one is not counted."""

    async def pause(self, scope: str, seconds: float) -> None:
        """Let nobody in under this scope for so long."""

    async def open(self) -> None:
        """Begin; it takes a moment at most."""

    async def close(self) -> None:
        """End."""


def limiter_of(store: Store, steady: Callable[[], float]) -> Limiter:
    """The limits of all who are on a store, not yet open; of this process where that is its own."""
    if store.steady:
        return MemoryLimiter(steady)
    from gateway.caching.stores.redis import RedisStore
    from gateway.limits.shared import SharedLimiter

    if not isinstance(store, RedisStore):
        raise TypeError("only a Redis counts calls")
    return SharedLimiter(store, steady)
