"""Identical calls in flight share one fetch; what is done aside is done once.

The fetch is a task of its own. A caller who leaves leaves the others alone; when the last one
has left, the fetch is cancelled, since nobody waits for it and the upstream's quota is scarce.
A failure is shared by those who waited, and kept for nobody. What is begun aside, to bring a stored
reply up to date, goes on whether or not anybody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from gateway.errors import PluginNotReady, Refusal

log = logging.getLogger("gateway")

# Fetches shared at once; beyond it calls fetch for themselves. The connections of the pools
# are the real bound.
MOST = 4096
# Of these, fetches that nobody waits for: a crowd of stale replies must not take all.
MOST_ASIDE = 256

T = TypeVar("T")


class _Flight(Generic[T]):
    """One fetch and how many wait for it."""

    __slots__ = ("goes_on", "task", "waiting")

    def __init__(self, task: asyncio.Task[T], *, goes_on: bool = False) -> None:
        self.task = task
        self.waiting = 0
        self.goes_on = goes_on


class Flights(Generic[T]):
    """The fetches under way, by key."""

    def __init__(self, most: int = MOST, most_aside: int = MOST_ASIDE) -> None:
        self._most, self._most_aside = most, most_aside
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self._aside = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    async def run(
        self,
        key: Hashable,
        start: Callable[[], Awaitable[T]],
        may_share: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """What the fetch under way for `key` brings, else what `start` does, begun now.

        What may not be shared is had by the caller who began it; those who waited fetch for
        themselves, all at once.

        Raises:
            PluginNotReady: the gateway is stopping.
            Whatever `start` raises.
        """
        if self._closed:
            raise _stopping()
        flight = self._flights.get(key)
        if flight is not None:
            got = await self._wait(key, flight)
            return got if may_share(got) else await start()
        if len(self._flights) >= self._most:
            return await start()
        return await self._wait(key, self._begin(key, start))

    def aside(self, key: Hashable, start: Callable[[], Awaitable[T]], name: str) -> bool:
        """Begin a fetch that nobody waits for, but who asks the same may join.

        Returns:
            False where it is under way already, or where there are too many.
        """
        if self._closed or key in self._flights or self._aside >= self._most_aside:
            return False
        flight = self._begin(key, start, name)
        flight.goes_on = True
        self._aside += 1

        def ended(task: asyncio.Task[T]) -> None:
            self._aside -= 1
            if self._flights.get(key) is flight:
                del self._flights[key]
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, Refusal):
                log.error("%s failed", name, exc_info=error)

        flight.task.add_done_callback(ended)
        return True

    def _begin(
        self, key: Hashable, start: Callable[[], Awaitable[T]], name: str | None = None
    ) -> _Flight[T]:
        task = asyncio.get_running_loop().create_task(_coroutine(start), name=name)
        flight = self._flights[key] = _Flight(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def _wait(self, key: Hashable, flight: _Flight[T]) -> T:
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
            if flight.task.done() or not (flight.waiting or flight.goes_on):
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


def _coroutine(start: Callable[[], Awaitable[T]]) -> Coroutine[Any, Any, T]:
    async def fetch() -> T:
        return await start()

    return fetch()


def _stopping() -> PluginNotReady:
    return PluginNotReady("The gateway is stopping. Call again in a moment.", retry_after=1.0)
