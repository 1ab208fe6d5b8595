"""When calls are refused because the process cannot keep up. Pure: time is data.

A process with one event loop has a queue that no cap of calls in flight can see: everything that is
ready to run waits for its turn. A turn of the loop runs all that was ready when it began, so its
length is what a call waits, several times over; beyond the capacity each turn is longer than the
one before, up to as many calls as there are connections.

A long turn by itself is no fault: a burst passes, a large answer takes its time. After one
`Load.is_crowded`: from then on only so many calls may begin in a turn (`room`) as keep turns short,
and others wait for theirs. So the loop always has calls to run, and never many, and who asks for
health is not kept behind them. As CoDel has it (RFC 8289 section 3), what counts is a wait that
stays: if in an interval nearly all requests had to wait long, `Load.is_shedding`, and those for
which there is no room are refused at once. What waits or was begun is never refused.

It ends when what is asked for would fit again: less than was managed, or nothing refused any more.
"""

from __future__ import annotations

import math

# A wait for two turns is long in which so much is worked, and as much as for many calls, so that
# 128 callers who each wait for their answers are none too many. Where calls are dear they wait too
# long by then, so fewer are enough.
LONG, CALLS = 0.012, 180
VERY_LONG, DEAR_CALLS = 0.08, 40
# Beyond so much it is crowded, whatever calls are: who asks for health needs five turns for it.
# Until there is as little as this. Of what is much, a turn has a half.
MUCH, LITTLE = 0.005, 0.002
# Twice CoDel's: a burst passes, and where a process has its core for a part of each 0.1 s only, as
# with a quota of containers, what came meanwhile is done by then. For so long callers only wait.
INTERVAL = 0.2
# Between two looks at a turn, how many are to be seen in an interval, and how many of them long:
# CoDel wants all, but batches of calls that go through the loop together have short turns between.
LOOK, LOOKS, MOSTLY = 0.01, 3, 0.75
# While calls are refused, what is worked in a turn is kept at this, and a call takes four or five
# turns. It is work that is counted, not time: what takes the core away now and then is not helped
# by fewer calls.
AIM = 0.0008
# What a look changes the room by: where turns are too long, or not, and where the process slept.
_FAR = 10
_LESS, _MORE, _MUCH_MORE = 0.9, 1.05, 1.2
MOST_ROOM = 1024.0
# What a call takes is seen of the calls of the last looks: with each, those before count for less.
_RECENT = 0.9
# How often it is asked whether it is over, and what is less than was managed.
PERIOD, _FITS = 1.0, 0.8
_RARELY = 0.01  # of all calls, what may be refused when it ends
# What was managed counts for less with time: calls may have become dearer.
_FADES = 0.95
# Seconds after which to come back, in turn: else all come back together.
RETRY_AFTER = (1, 2, 3)


def long_turn(call: float) -> float:
    """Seconds of work from which on a turn is long, where a call is so many."""
    return max(LONG, min(CALLS * call, max(VERY_LONG, DEAR_CALLS * call)))


class Load:
    """How busy a process is, and which calls may begin.

    While it is crowded, or calls are refused, `room` is how many may begin in a turn, and
    `admitted` counts them; `refused` counts those that were, and `managed` is how many a second
    began.
    """

    __slots__ = (
        "_admitted",
        "_began",
        "_begun",
        "_calls",
        "_known",
        "_lasted",
        "_long",
        "_looked",
        "_looks",
        "_refused",
        "_since",
        "_slept",
        "_turns",
        "_work",
        "_worked",
        "admitted",
        "is_crowded",
        "is_shedding",
        "managed",
        "refused",
        "room",
    )

    def __init__(self) -> None:
        self.is_crowded = self.is_shedding = False
        self.admitted = self.refused = 0
        self.room = MOST_ROOM
        self.managed = 0.0
        self._begun = 0  # in this turn
        self._work = self._calls = 0.0  # of late
        self._looked, self._lasted = -math.inf, 0.0
        # As of the last look: work and requests ever, how often it slept, turns since.
        self._worked, self._known, self._slept, self._turns = 0.0, 0, 0, 0
        self._begin(-math.inf, 0)

    def _begin(self, now: float, began: int) -> None:
        """An interval begins."""
        self._since, self._began = now, began
        self._admitted, self._refused = self.admitted, self.refused
        self._looks = self._long = 0

    def look(
        self,
        at: float,
        now: float,
        turn: float,
        worked: float,
        began: int,
        slept: int = 0,
        waiting: int = 0,
    ) -> bool:
        """See a turn, every now and then (`LOOK`).

        Args:
            at: When one began, with a request, in seconds of a steady clock.
            now: When it was over, or the one after.
            turn: Seconds that the process worked meanwhile.
            worked: Seconds that the process has worked, ever.
            began: Requests that have begun, ever.
            slept: How often the process had nothing to do, ever, where that is known.
            waiting: Requests that wait for their turn now.

        Returns:
            Whether calls begin or cease to be refused.
        """
        work, self._worked = worked - self._worked, worked
        fresh, self._known = began - self._known, began
        has_slept, self._slept = slept > self._slept, slept
        in_a_turn, self._turns = work / max(1, self._turns), 0
        if self.is_shedding:
            self._settle(AIM, in_a_turn, has_slept=has_slept)
            return self._is_over(now, began)
        if at - self._looked > max(INTERVAL, 2 * self._lasted):  # nobody called
            self._begin(now, began)
        else:
            self._work = self._work * _RECENT + work
            self._calls = self._calls * _RECENT + fresh
        self._looked, self._lasted = now, now - at
        call = self._work / max(1.0, self._calls)
        wait = turn + waiting * call
        if self.is_crowded:
            self._settle(MUCH / 2, in_a_turn, has_slept=has_slept)
            self.is_crowded = wait > LITTLE
        elif wait > MUCH:
            self.is_crowded = True
            self.room = min(MOST_ROOM, max(1.0, MUCH / 2 / call)) if call > 0 else 1.0
        is_long = wait > long_turn(call)
        if is_long and not self._long:
            self._begin(at, began - fresh)
        self._looks += 1
        self._long += is_long
        lasted = now - self._since
        if lasted >= INTERVAL and self._looks >= LOOKS:
            if self._long >= MOSTLY * self._looks:
                self.managed = (began - self._began) / lasted
                self.room = min(MOST_ROOM, max(1.0, self.managed * AIM))
                self.is_shedding, self.is_crowded = True, False
            self._begin(now, began)
        if self.is_free:
            self.room = MOST_ROOM
        return self.is_shedding

    def _settle(self, aim: float, work: float, *, has_slept: bool) -> None:
        """Change the room, after turns of so much work.

        Calls that come in batches, or find the process without a core for a while, are refused
        though there is nothing to do afterwards: so turns may be longer where it sleeps.
        """
        if work > _FAR * aim:
            self.room = max(1.0, self.room * _LESS)
        elif has_slept:
            self.room = min(MOST_ROOM, self.room * _MUCH_MORE)
        elif work > aim:
            self.room = max(1.0, self.room * _LESS)
        else:
            self.room = min(MOST_ROOM, self.room * _MORE)

    def _is_over(self, now: float, began: int) -> bool:
        period = now - self._since
        if period < PERIOD:
            return False
        admitted, refused = self.admitted - self._admitted, self.refused - self._refused
        asked = admitted + refused
        self.managed = max(admitted / period, self.managed * _FADES)
        if refused <= asked * _RARELY or asked / period < self.managed * _FITS:
            self.is_shedding = False
            self.room = MOST_ROOM
        self._begin(now, began)
        return not self.is_shedding

    @property
    def is_free(self) -> bool:
        """Whether any call may begin at any time."""
        return not (self.is_crowded or self.is_shedding)

    def begins(self) -> bool:
        """Whether one more call may begin in this turn; it does then."""
        if self._begun < self.room:
            self._begun += 1
            self.admitted += 1
            return True
        return False

    def admits(self) -> bool:
        """Whether one more call may begin in this turn; it does, or it is refused."""
        if self.begins():
            return True
        self.refused += 1
        return False

    def turned(self) -> None:
        """A turn is over in which calls were judged."""
        self._begun = 0
        self._turns += 1

    @property
    def retry_after(self) -> int:
        """When to come back, in seconds."""
        return RETRY_AFTER[self.refused % len(RETRY_AFTER)]
