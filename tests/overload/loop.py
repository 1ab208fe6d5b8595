"""An event loop as it turns, played: what a call waits for its turns, without a clock.

In a turn everything is done that was ready when it began, then what has arrived is read; answers go
out at its end. A call is ready again and again: read, begun, sent upstream, finished.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from gateway.overload import LOOK, Load

# Seconds of work: of reading a request, of each time it is ready, of reading the upstream's reply
# and of each time it is ready after that; some 130 µs in all, as measured of a proxied call.
READ, BEFORE, REPLY, AFTER = 20e-6, (8e-6, 50e-6), 10e-6, (35e-6, 7e-6)
CALL = READ + sum(BEFORE) + REPLY + sum(AFTER)
REFUSAL = 11e-6
TURN = 6e-6  # of a turn itself


@dataclass
class Played:
    """What was seen, each with the time at which the call came: latencies of answered calls.
    `longest` is the time of a turn."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    longest: float = 0.0

    def since(self, at: float) -> list[float]:
        """Latencies in order, of calls that came later."""
        return sorted(latency for came, latency in self.answered if came >= at)


def poisson(rate: float, until: float, dice: Random) -> Iterator[float]:
    at = dice.expovariate(rate)
    while at < until:
        yield at
        at += dice.expovariate(rate)


def play(
    arrivals: Iterator[float],
    *,
    load: Load | None = None,
    upstream: float = 150e-6,
    cost: float = 1.0,
    most: int = 10_000,
    stolen: tuple[float, float] = (1.0, 0.0),
) -> Played:
    """Let calls come to a gateway.

    Args:
        arrivals: When, in order.
        load: Judges them; None for a gateway that takes all.
        upstream: Seconds that the upstream takes.
        cost: Of a call, in those of an ordinary one.
        most: Callers, of whom each waits for his answer before he asks again.
        stolen: Each time that it has run so long, somebody else has the core for so long.
    """
    load = load or Load()
    seen, numbers = Played(), count()
    now, worked, looked, under_way, began = 0.0, 0.0, 0.0, 0, 0
    asked = False  # of the load, in the turn before
    hops, sampled, sampled_work = 0, 0.0, 0.0  # a look is on its way through the loop, since when
    ready: deque[tuple[float, int]] = deque()  # when it came, how often it was ready
    replies: list[tuple[float, int, float]] = []
    following = next(arrivals, None)
    waiting: deque[float] = deque()
    held: deque[float] = deque()  # those that wait for their turn
    slept, slice_began = 0, 0.0
    while following is not None or ready or replies or waiting or held:
        if not ready and not waiting and not held:
            due = [
                one for one in (following, replies[0][0] if replies else None) if one is not None
            ]
            now, slept = max(now, min(due)), slept + 1
        turn_began, finished = now, []
        if now - slice_began > stolen[0]:
            now += stolen[1]
            slice_began = turn_began = now
        now += TURN
        ready, running = deque(), ready
        hops = max(0, hops - 1)
        if hops == 1 or (load.is_shedding and now - looked >= LOOK):
            hops, looked = 0, now
            load.look(sampled, now, worked - sampled_work, worked, began, slept, len(held))
        if asked or held:
            load.turned()
        while held and load.begins():
            began += 1
            ready.append((held.popleft(), 0))
        for came, stage in running:
            if stage < len(BEFORE):
                now += BEFORE[stage] * cost
                if stage + 1 < len(BEFORE):
                    ready.append((came, stage + 1))
                else:
                    heapq.heappush(replies, (now + upstream, next(numbers), came))
            else:
                after = stage - len(BEFORE)
                now += AFTER[after] * cost
                if not after:
                    finished.append(came)
                    ready.append((came, stage + 1))
        while replies and replies[0][0] <= now:
            ready.append((heapq.heappop(replies)[2], len(BEFORE)))
            now += REPLY * cost
        while following is not None and following <= now:
            waiting.append(following)
            following = next(arrivals, None)
        asked = False
        while waiting and under_way < most:
            came = waiting.popleft()
            if not hops and now - looked >= LOOK:
                hops, sampled, sampled_work = 3, now, worked + now - turn_began
            asked = not load.is_free
            if load.is_shedding and not load.admits():
                seen.refused.append(came)
                now += REFUSAL
                continue
            under_way += 1
            now += READ * cost
            if load.is_crowded and (held or not load.begins()):
                held.append(came)
                continue
            began += 1
            ready.append((came, 0))
        for came in finished:
            under_way -= 1
            seen.answered.append((came, now - came))
        worked += now - turn_began
        seen.longest = max(seen.longest, now - turn_began)
    return seen


def quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
