"""The numbers of one operation, and of one upstream: objects with whole numbers in slots.

To count a call takes a microsecond. Seconds are counted in whole microseconds. All words are from
the code, and of each kind there is a most.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from gateway.telemetry.snapshots import Snapshot, class_of

# Upper bounds of the classes of a duration, in seconds; a further class is for all beyond. Twice to
# three times the one before, from a stored answer to the longest timeout.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Words of one kind: there are fewer in the code.
MOST_WORDS = 64
OTHER = "other"
GONE = "gone"  # the outcome of a call whose caller did not wait for the answer
UNTOLD = (-1, -1)  # tokens that nobody knows
ROUTES = ("http", "call", "mcp")
# Calls that are counted at once.
_BATCH = 64
_Ended = tuple[str, str, float, int, str, tuple[int, int] | None, int]
CACHED = ("hit", "stale", "revalidated", "collapsed", "miss", "bypass")
BREAKERS = ("closed", "half_open", "open")


class Durations:
    """How long things took, in classes."""

    __slots__ = ("counts", "micros")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.micros = 0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.micros += int(seconds * 1e6)

    def snapshot(self) -> Snapshot:
        """`{"counts": [for each class], "micros": their sum}`."""
        return {"counts": [*self.counts], "micros": self.micros}


def cached_as(status: str) -> str:
    """What a Cache-Status (RFC 9211) says, in one of the words `CACHED`; "" for none."""
    if not status:
        return ""
    if "; hit" in status:
        return "stale" if "; ttl=-" in status else "hit"
    if "; collapsed" in status:
        return "collapsed"
    if "; fwd-status=304" in status:
        return "revalidated"
    if "; fwd=bypass" in status or "; fwd=method" in status or "; fwd=request" in status:
        return "bypass"
    return "miss"


class OperationCounts:
    """The numbers of one operation.

    Calls are noted as they end, and counted some at a time: code and numbers that are at hand cost
    a third of those that every call has to fetch anew.
    """

    __slots__ = (
        "_calls",
        "_ended",
        "after",
        "afters",
        "before",
        "befores",
        "bigger",
        "cached",
        "ratio",
        "received",
        "seconds",
        "sent",
        "untold",
    )

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, int]] = {route: {} for route in ROUTES}
        self._ended: list[_Ended] = []  # what is not counted yet
        self.seconds = Durations()
        self.cached: dict[str, int] = {}
        self.sent = self.received = 0
        self.before = self.after = self.bigger = self.untold = 0
        self.befores: dict[int, int] = {}
        self.afters: dict[int, int] = {}
        # Tokens of a byte that is passed on; below 0 where that is not known yet.
        self.ratio = -1.0

    def ended(
        self,
        outcome: str,
        route: str,
        seconds: float,
        sent: int,
        cache: str,
        tokens: tuple[int, int] | None,
        received: int,
    ) -> None:
        """Count a call.

        Args:
            outcome: `ok`, the code of the refusal, or `upstream_4xx` for an error passed on.
            route: One of `ROUTES`.
            seconds: From its arrival to its answer.
            sent: Bytes of the answer's body.
            cache: Its Cache-Status; "" where nothing is ever stored.
            tokens: Of the reply and of the answer; None where they are the same, `UNTOLD` where
                they are not text.
            received: Bytes of what the upstream sent for it.
        """
        self._ended.append((outcome, route, seconds, sent, cache, tokens, received))
        if len(self._ended) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Count what has ended."""
        every, self._ended = self._ended, []
        for one in every:
            self._count(one)

    @property
    def calls(self) -> dict[str, dict[str, int]]:
        """How many calls ended how, by the way in."""
        self.settle()
        return self._calls

    def _count(self, one: _Ended) -> None:
        outcome, route, seconds, sent, cache, tokens, received = one
        calls = self._calls.get(route)
        if calls is not None:
            known = calls.get(outcome, 0)
            if known or len(calls) < MOST_WORDS:
                calls[outcome] = known + 1
            else:
                calls[OTHER] = calls.get(OTHER, 0) + 1
        self.seconds.add(seconds)
        self.sent += sent
        self.received += received
        if cache:
            word = cached_as(cache)
            self.cached[word] = self.cached.get(word, 0) + 1
        if outcome != "ok":
            return
        if tokens is None:
            if not sent:  # nothing to read: the caller has it, or there is none
                return
            before = after = int(sent * self.ratio)
        else:
            before, after = tokens
            if after > before:
                self.bigger += 1
        if before < 0:
            self.untold += 1
            return
        self.before += before
        self.after += after
        place = class_of(before)
        self.befores[place] = self.befores.get(place, 0) + 1
        if after != before:
            place = class_of(after)
        self.afters[place] = self.afters.get(place, 0) + 1

    def learn(self, size: int, tokens: int) -> None:
        """Learn what a byte costs from an answer that was passed on, the last ones most."""
        self.settle()
        if size > 0:
            seen = tokens / size
            self.ratio = seen if self.ratio < 0 else 0.7 * self.ratio + 0.3 * seen

    def snapshot(self) -> Snapshot:
        """The numbers, all of which add up; only what is not 0."""
        return {
            "calls": {route: dict(calls) for route, calls in self.calls.items() if calls},
            "seconds": self.seconds.snapshot(),
            "cached": dict(self.cached),
            "sent": self.sent,
            "received": self.received,
            "before": self.before,
            "after": self.after,
            "bigger": self.bigger,
            "untold": self.untold,
            "befores": {str(place): n for place, n in list(self.befores.items())},
            "afters": {str(place): n for place, n in list(self.afters.items())},
        }


class UpstreamCounts:
    """The numbers of one upstream, at one address. What it did is kept when nobody has this any
    more; how it was is not."""

    __slots__ = (
        "__weakref__",
        "_keep",
        "changes",
        "flying",
        "received",
        "refusals",
        "retries",
        "seconds",
        "state",
        "tries",
        "waits",
        "withholds",
    )

    def __init__(self, keep: Callable[[Snapshot], None] = lambda _: None) -> None:
        self._keep = keep
        self.tries: dict[str, int] = {}
        self.seconds = Durations()
        self.retries: dict[str, int] = {}
        self.withholds: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.changes: dict[str, int] = {}
        self.state = ""
        self.received = self.flying = self.waits = 0

    def __del__(self) -> None:
        self._keep(self.snapshot())

    def asked(self, outcome: str, seconds: float, received: int) -> None:
        """One try: `ok`, `4xx`, `5xx`, `429`, `timeout`, `connect`, `broken`, `gone`."""
        count_one(self.tries, outcome)
        self.seconds.add(seconds)
        self.received += received

    def retried(self, why: str) -> None:
        """It is asked once more."""
        count_one(self.retries, why)

    def withheld(self, why: str) -> None:
        """It is not asked again, though it might help: the budget is spent, or it says when."""
        count_one(self.withholds, why)

    def refused(self, why: str) -> None:
        """A call did not get there: `open`, `full` or `limit`."""
        count_one(self.refusals, why)

    def breaker(self, state: str) -> None:
        """The breaker is now `closed`, `open` or `half_open`."""
        if state != self.state:
            if self.state:
                count_one(self.changes, state)
            self.state = state

    def in_flight(self, n: int) -> None:
        """So many are asked of it now."""
        self.flying = n

    def waiting(self, n: int) -> None:
        """So many wait until they may be asked."""
        self.waits = n

    def snapshot(self) -> Snapshot:
        """What adds up."""
        return {
            "tries": dict(self.tries),
            "seconds": self.seconds.snapshot(),
            "retries": dict(self.retries),
            "withheld": dict(self.withholds),
            "refused": dict(self.refusals),
            "changes": dict(self.changes),
            "received": self.received,
        }

    def now(self) -> Snapshot:
        """How it is now, which adds up as well."""
        state = {self.state: 1} if self.state else {}
        return {"breaker": state, "in_flight": self.flying, "waiting": self.waits}


def count_one(counts: dict[str, int], word: str) -> None:
    """Count a word; where there are too many of them, as `OTHER`."""
    known = counts.get(word, 0)
    if not known and len(counts) >= MOST_WORDS:
        word = OTHER
        known = counts.get(word, 0)
    counts[word] = known + 1
