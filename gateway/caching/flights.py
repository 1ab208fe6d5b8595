"""Identical calls in flight share one fetch.

The fetch is a task of its own. A caller who leaves leaves the others alone; when the last one
has left, the fetch is cancelled, since nobody waits for it and the upstream's quota is scarce.
A failure is shared by those who waited, and kept for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

from gateway.errors import PluginNotReady
from gateway.values import Reply

# Fetches shared at once; beyond it calls fetch for themselves. The connections of the pools
# are the real bound.
MOST = 4096


class _Flight:
    """One fetch and how many wait for it."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[Reply]) -> None:
        self.task = task
        self.waiting = 0


class Flights:
    """The fetches under way, by key."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._flights: dict[Hashable, _Flight] = {}
        self._tasks: set[asyncio.Task[Reply]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._flights)

    async def run(
        self,
        key: Hashable,
        start: Callable[[], Awaitable[Reply]],
        may_share: Callable[[Reply], bool] = lambda _: True,
    ) -> Reply:
        """The reply of the fetch under way for `key`, else of `start`, begun now.

        A reply that may not be shared is had by the caller who began it; those who waited fetch
        for themselves, all at once.

        Raises:
            PluginNotReady: the gateway is stopping.
            Whatever `start` raises.
        """
        if self._closed:
            raise _stopping()
        flight = self._flights.get(key)
        if flight is not None:
            reply = await self._wait(key, flight)
            return reply if may_share(reply) else await start()
        if len(self._flights) >= self._most:
            return await start()
        task = asyncio.get_running_loop().create_task(_coroutine(start))
        flight = self._flights[key] = _Flight(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await self._wait(key, flight)

    async def _wait(self, key: Hashable, flight: _Flight) -> Reply:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if flight.task.cancelled() and not (caller and caller.cancelling()):
                raise _stopping() from None
            raise
        finally:
            flight.waiting -= 1
            if flight.task.done() or not flight.waiting:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()

    async def close(self) -> None:
        """Cancel what is under way and take no more."""
        self._closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _coroutine(start: Callable[[], Awaitable[Reply]]) -> Coroutine[Any, Any, Reply]:
    async def fetch() -> Reply:
        return await start()

    return fetch()


def _stopping() -> PluginNotReady:
    return PluginNotReady("The gateway is stopping. Call again in a moment.", retry_after=1.0)
