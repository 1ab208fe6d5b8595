"""When calls are refused because the process cannot keep up. Pure: time is data.

A process with one event loop has a queue that no cap of calls in flight can see: everything that is
ready to run waits for its turn. A turn of the loop runs all that was ready when it began, so its
length is what a call waits, several times over; beyond the capacity each turn is longer than the
one before, up to as many calls as there are connections.

A long turn by itself is no fault: a burst passes, a large answer takes its time. As CoDel has it
(RFC 8289 section 3), what counts is a wait that stays. If in an interval nearly all turns that
began with a request were long, `Load.is_shedding`: from then on only so many calls may begin in a
turn (`room`) as keep turns short, and others are refused at once. So the loop always has calls to
run, and never many. What was begun is never refused.

It ends when what is asked for would fit again: less than was managed, or nothing refused any more.
"""

from __future__ import annotations

import math

# A turn is long in which so much is worked, and as much as for many calls: what is timed is up to
# two turns, and some calls take one turn, so 128 callers who each wait for their answers may fill
# it with twice as many calls. Where calls are dear they wait too long by then, so fewer are enough.
LONG, CALLS = 0.012, 300
VERY_LONG, DEAR_CALLS = 0.08, 40
# Two looks, one after the other, at turns of so much work are not waited out: who asks for health
# then would wait too long.
URGENT = 0.015
# Twice CoDel's: a burst passes, and where a process has its core for a part of each 0.1 s only, as
# with a quota of containers, what came meanwhile is done by then. For so long callers only wait.
INTERVAL = 0.2
# Between two looks at a turn, how many are to be seen in an interval, and how many of them long:
# CoDel wants all, but batches of calls that go through the loop together have short turns between.
LOOK, LOOKS, MOSTLY = 0.01, 3, 0.75
# What is worked in a turn is kept at this, and a call takes four or five turns. It is work that is
# counted, not time: what takes the core away now and then is not helped by fewer calls.
AIM = 0.0008
# What a look changes the room by: where turns are too long, or not, and where the process slept.
_FAR = 10 * AIM
_LESS, _MORE, _MUCH_MORE = 0.9, 1.05, 1.2
MOST_ROOM = 1024.0
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

    While there are too many, `admitted` and `refused` count those that were judged, `room` is how
    many may begin in a turn, and `managed` how many a second did.
    """

    __slots__ = (
        "_admitted",
        "_began",
        "_begun",
        "_call",
        "_is_urgent",
        "_lasted",
        "_long",
        "_looked",
        "_looks",
        "_refused",
        "_since",
        "_slept",
        "_turns",
        "_worked",
        "_worked_then",
        "admitted",
        "is_shedding",
        "managed",
        "refused",
        "room",
    )

    def __init__(self) -> None:
        self.is_shedding = False
        self.admitted = self.refused = 0
        self.room = MOST_ROOM
        self.managed = 0.0
        self._begun = 0  # in this turn
        self._is_urgent = False  # the turn before was of too much work
        # Work of a call, as of the last whole interval: a batch that begins says nothing of it.
        self._call = 0.0
        self._looked, self._lasted = -math.inf, 0.0
        self._turns = 0  # as of the last look, like the next two
        self._worked_then, self._slept = 0.0, 0
        self._begin(-math.inf, 0.0, 0)

    def _begin(self, now: float, worked: float, began: int) -> None:
        """Look from here on."""
        self._since, self._worked, self._began = now, worked, began
        self._admitted, self._refused = self.admitted, self.refused
        self._looks = self._long = 0

    def look(
        self, at: float, now: float, turn: float, worked: float, began: int, slept: int = 0
    ) -> bool:
        """See a turn, every now and then (`LOOK`).

        Args:
            at: When one began, with a request, in seconds of a steady clock.
            now: When it was over.
            turn: Seconds that the process worked in it.
            worked: Seconds that the process has worked, ever.
            began: Requests that have begun, ever.
            slept: How often the process had nothing to do, ever, where that is known.

        Returns:
            Whether calls begin or cease to be refused.
        """
        if self.is_shedding:
            self._settle(worked, slept)
            return self._is_over(now, worked, began)
        if at - self._looked > max(INTERVAL, 2 * self._lasted):  # nobody called
            self._begin(now, worked, began)
            self._is_urgent = False
        self._looked, self._lasted = now, now - at
        calls = max(1, began - self._began)
        self._looks += 1
        call = (worked - self._worked) / calls
        self._long += turn > long_turn(call)
        was_urgent, known = self._is_urgent, self._call
        self._is_urgent = known > 0 and turn > max(URGENT, long_turn(known))
        is_urgent = was_urgent and self._is_urgent
        lasted = now - self._since
        if not is_urgent and (lasted < INTERVAL or self._looks < LOOKS):
            return False
        if not is_urgent and calls >= DEAR_CALLS:
            self._call = call
        if is_urgent or self._long >= MOSTLY * self._looks:
            self.managed = calls / lasted
            self._is_urgent = False
            self.room = min(MOST_ROOM, max(1.0, self.managed * AIM))
            self.is_shedding = True
            self._begun = self._turns = 0
            self._worked_then, self._slept = worked, slept
        self._begin(now, worked, began)
        return self.is_shedding

    def _settle(self, worked: float, slept: int) -> None:
        """Change the room.

        Calls that come in batches, or find the process without a core for a while, are refused
        though there is nothing to do afterwards: so turns may be longer where it sleeps.
        """
        work = (worked - self._worked_then) / max(1, self._turns)
        if work > _FAR:
            self.room = max(1.0, self.room * _LESS)
        elif slept > self._slept:
            self.room = min(MOST_ROOM, self.room * _MUCH_MORE)
        elif work > AIM:
            self.room = max(1.0, self.room * _LESS)
        else:
            self.room = min(MOST_ROOM, self.room * _MORE)
        self._worked_then, self._slept, self._turns = worked, slept, 0

    def _is_over(self, now: float, worked: float, began: int) -> bool:
        period = now - self._since
        if period < PERIOD:
            return False
        admitted, refused = self.admitted - self._admitted, self.refused - self._refused
        asked = admitted + refused
        self.managed = max(admitted / period, self.managed * _FADES)
        if refused <= asked * _RARELY or asked / period < self.managed * _FITS:
            self.is_shedding = False
            self.room = MOST_ROOM
        self._begin(now, worked, began)
        return not self.is_shedding

    def admits(self) -> bool:
        """Whether one more call may begin in this turn; it does, or it is refused."""
        if self._begun < self.room:
            self._begun += 1
            self.admitted += 1
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
