"""How long the turns of the event loop take: they are looked at while requests come. And who waits
for one of them.

A turn is timed by a callback that queues itself twice behind a request: what was ready before it
runs in between, and what has arrived meanwhile is read. While nobody calls nothing is timed, so an
idle process does not wake up for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from gateway.overload import LOOK, Load
from gateway.pipeline.call import Clock

log = logging.getLogger("gateway")


class Turns:
    """Times the turns for a `Load`.

    `is_calm` while a request has nothing to tell here: nobody waits or is refused, and a turn was
    looked at just before. `began` gives how many requests have begun, and is set by who counts
    them. `beside` counts what other threads compile now, set by who has it compiled: turns then
    wait for Python's lock, not for calls, and say nothing of the load.
    """

    __slots__ = (
        "_at",
        "_clock",
        "_is_looking",
        "_is_turning",
        "_slept",
        "_waiting",
        "_was_asked",
        "_work",
        "_worked",
        "began",
        "beside",
        "is_calm",
        "load",
    )

    def __init__(self, load: Load, clock: Clock, work: Clock, slept: Callable[[], int]) -> None:
        """Time nothing yet. `clock` gives seconds that never go back, `work` those that the
        thread has worked, `slept` how often it had nothing to do."""
        self.load = load
        self.is_calm = False
        self.began: Callable[[], int] = int
        self.beside = 0
        self._clock, self._work, self._slept = clock, work, slept
        self._is_looking = False  # or has looked just before
        self._at = self._worked = 0.0  # of the look
        self._is_turning = self._was_asked = False  # calls are judged; in this turn
        self._waiting: deque[asyncio.Future[None]] = deque()

    def wake(self) -> None:
        """A request has come, while it is not calm."""
        if not self._is_looking:
            self._look()

    def admits(self) -> bool:
        """Whether a call may begin, while calls are refused."""
        self._ask()
        return self.load.admits()

    async def place(self) -> None:
        """Wait until it is a call's turn to begin, while it is crowded."""
        self._ask()
        if not self._waiting and self.load.begins():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _ask(self) -> None:
        """See to it that this turn is known to end."""
        self._was_asked = True
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _look(self) -> None:
        """Look at the turn that begins here."""
        if self.beside and not self.load.is_shedding:
            return
        self._is_looking, self.is_calm = True, self.load.is_free
        self._at, self._worked = self._clock(), self._work()
        asyncio.get_running_loop().call_soon(self._half)

    def _half(self) -> None:
        asyncio.get_running_loop().call_soon(self._whole)

    def _whole(self) -> None:
        now, worked, load = self._clock(), self._work(), self.load
        turn = worked - self._worked
        slept, waiting = self._slept(), len(self._waiting)
        if load.look(self._at, now, turn, worked, self.began() - waiting, slept, waiting):
            if load.is_shedding:
                log.warning(
                    "overloaded: more than the %d calls a second come that can be answered; "
                    "what is too much is refused",
                    load.managed,
                )
            else:
                log.info("no longer overloaded; %d calls were refused so far", load.refused)
        self.is_calm = load.is_free
        asyncio.get_running_loop().call_later(LOOK, self._again)

    def _again(self) -> None:
        """Look once more: with the next request, or, so that it ends, also without one."""
        self._is_looking = self.is_calm = False
        if self.load.is_shedding:
            self._look()

    def _turn(self) -> None:
        """A turn is over: the room is free again, for those who wait and for who comes; for as long
        as calls come in each."""
        load, waiting = self.load, self._waiting
        load.turned()
        self._is_turning = self._was_asked or bool(waiting)
        if self._is_turning:
            self._was_asked = False
            asyncio.get_running_loop().call_soon(self._turn)
        while waiting and (waiting[0].done() or load.begins()):
            first = waiting.popleft()
            if not first.done():  # else its caller has gone
                first.set_result(None)
