"""The upstream taken care of: the one driver of the rules in `gateway.care`.

A call gets a place among those in flight, or waits for one; it is not sent while the upstream is
left alone, or while nothing more may be asked of it; a try that failed is repeated where that is
right and there is time. All of this happens within the time that the call may take. What goes
right costs no task and no timer of its own.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.care import (
    CLOSED,
    Repeats,
    Upstream,
    may_wait,
    patience,
    pause,
    repeats,
    told,
)
from gateway.care.retries import STATUSES
from gateway.errors import (
    CredentialRefused,
    Refusal,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamLimited,
    UpstreamTimeout,
)
from gateway.limits.networks import network
from gateway.pipeline.call import Call, Clock, Source
from gateway.pipeline.care_quota import Quota
from gateway.pipeline.fetch import Try
from gateway.pipeline.through import Through
from gateway.plugin import Operation, Plugin
from gateway.telemetry.counted import GONE, UpstreamCounts
from gateway.values import Reply

log = logging.getLogger("gateway")

Waiter = asyncio.Future[None]
Failure = UpstreamFailed | UpstreamTimeout

# Says that the upstream is down, or cannot be reached from where it stands. 500 is alive.
_DOWN = frozenset((502, 503, 504))
# A try that had less than this share of a call's time says nothing when its time is over.
_FAIR = 0.25
_FULL_AFTER = 1.0
_SHARE = 2  # of the places, what long answers to one address may have
_TRIES_AGAIN = ("connect", "cut")  # of what failed: what another try may change
_OUTCOMES = {"tls": "connect", "connect": "connect"}


def step(
    operation: Operation,
    plugin: Plugin,
    upstream: Upstream[Waiter],
    quota: Quota | None,
    counts: UpstreamCounts,
    steady: Clock,
    wall: Clock,
    inner: Try,
) -> Source:
    """Ask the upstream with care; where the operation only passes on, just within its time.

    Args:
        operation: How long it may take, and how often it is repeated.
        plugin: Its name.
        upstream: The state of its upstream.
        quota: What may be asked of it; None for all.
        counts: The numbers.
        steady: Seconds that never go back.
        wall: Seconds since 1970, for dates in Retry-After.
        inner: Tries once.
    """
    if operation.passing:
        seconds = operation.timeout

        async def ask(call: Call) -> Reply:
            return await inner(call, asyncio.get_running_loop().time() + seconds)

        return ask
    again = repeats(operation.spec.method, operation.retries, reads=operation.caching.post)
    counts.breaker(upstream.breaker.state)
    return _Care(
        plugin.name, operation.timeout, again, upstream, quota, counts, steady, wall, inner
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Care:
    name: str
    seconds: float
    again: Repeats
    upstream: Upstream[Waiter]
    quota: Quota | None
    counts: UpstreamCounts
    steady: Clock
    wall: Clock
    inner: Try

    async def __call__(self, call: Call) -> Reply:
        """The reply to a call. Raises: Refusal."""
        until = asyncio.get_running_loop().time() + self.seconds
        if call.until is not None:
            until = min(until, call.until)
        breaker, places = self.upstream.breaker, self.upstream.places
        if breaker.state != CLOSED and (wait := breaker.wait(self.steady())):
            raise self._open(wait)
        if not places.take():
            await self._in_line()
        self.counts.in_flight(places.taken)
        try:
            reply = await self._tries(call, until)
        except BaseException:
            self._free()
            raise
        if isinstance(reply.rest, Through):  # it has its place until its body has ended
            self._passes(reply.rest, network(call.address))
            return reply
        self._free()
        return reply

    def _passes(self, rest: Through, address: str) -> None:
        """Let a body pass on to an address, which may have some of the places so: its callers
        may be slow on purpose. Raises: UpstreamBusy."""
        passing, ended = self.upstream.passing, rest.ended
        already = passing.get(address, 0)
        if already >= max(1, self.upstream.places.size // _SHARE):
            rest.close()
            self.counts.refused("full")
            raise UpstreamBusy(
                f"{already} long answers are on their way to your address, as many as one may "
                "have at once. Read those first, then call again.",
                retry_after=_FULL_AFTER,
            )
        passing[address] = already + 1

        def over(broken: bool, received: int) -> None:
            left = passing[address] - 1
            if left:
                passing[address] = left
            else:
                del passing[address]
            if ended is not None:
                ended(broken, received)

        rest.ended = over

    # --- places -----------------------------------------------------------------------------------

    async def _in_line(self) -> None:
        """Wait for a place. Raises: UpstreamBusy."""
        places = self.upstream.places
        waiter: Waiter = asyncio.get_running_loop().create_future()
        if not places.queue(waiter):
            raise self._full()
        self.counts.waiting(places.waiting)
        try:
            async with asyncio.timeout(patience(self.seconds)):
                await waiter
        except BaseException as error:
            # Whoever is woken as he leaves has a place all the same.
            if not places.leave(waiter) and not waiter.cancelled():
                self._free()
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise
        finally:
            self.counts.waiting(places.waiting)

    def _free(self) -> None:
        """Give a place back: to the first in line who still waits."""
        places = self.upstream.places
        while (waiter := places.free()) is not None:
            if not waiter.done():
                waiter.set_result(None)
                break
        self.counts.in_flight(places.taken)

    # --- tries ------------------------------------------------------------------------------------

    async def _tries(self, call: Call, until: float) -> Reply:
        """Ask, and once more where that is right."""
        breaker = self.upstream.breaker
        last: Reply | Failure | None = None
        number, why = 0, ""
        try:
            while True:
                wait, ticket = 0.0, None
                # What is not sent takes nothing from the quota.
                if self.quota is not None and not breaker.wait(self.steady()):
                    wait = await self.quota.take(self.seconds, until)
                state, now = breaker.state, self.steady()
                if not wait:
                    ticket = breaker.enter(now)
                    if breaker.state is not state:
                        self._turned()
                if ticket is None:
                    if last is not None:  # what came of the first try says more
                        break
                    raise self._used_up(wait) if wait else self._open(breaker.wait(now))
                if number:
                    self.counts.retried(why)
                else:
                    self.upstream.budget.called(now)
                last = await self._try(call, until, ticket, now)
                if isinstance(last, Reply) and last.status not in STATUSES:
                    return last
                seconds, why = await self._pause(last, number, until)
                if seconds is None:
                    break
                number += 1
                await asyncio.sleep(seconds)
            if isinstance(last, Reply):
                return last
            raise last
        finally:
            last = None  # an error that holds its own frame would wait for the collector

    async def _try(self, call: Call, until: float, ticket: int, began: float) -> Reply | Failure:
        """Ask once, and note what came of it."""
        breaker, note = self.upstream.breaker, call.note
        received, is_judged = note.received, False
        note.tries += 1
        try:
            reply = await self.inner(call, until)
            is_judged = True
            now = self.steady()
            outcome = _outcome(reply.status)
            self._judge(ticket, now, failed=reply.status in _DOWN)
            if isinstance(reply.rest, Through):
                note.upstream += now - began
                reply.rest.ended = self._watch(call, ticket, began, outcome)
                return reply
        except (UpstreamFailed, UpstreamTimeout) as failure:
            is_judged, now = True, self.steady()
            fault, is_late = failure.fault, isinstance(failure, UpstreamTimeout)
            outcome = _OUTCOMES.get(fault, "timeout" if is_late else "broken")
            is_fair = fault != "total" or now - began >= _FAIR * self.seconds
            if fault == "token" or not is_fair:
                breaker.dropped(ticket)
            else:
                self._judge(ticket, now, failed=bool(fault))
            if fault == "token":  # nothing was asked
                note.tries -= 1
                raise
            self._noted(call, outcome, now - began, received)
            return failure
        except CredentialRefused:  # no token, so nothing was asked
            note.tries -= 1
            raise
        except asyncio.CancelledError:  # nobody waits for it any more; asked it was
            self._noted(call, GONE, self.steady() - began, received)
            raise
        except Refusal:  # it answers, though with what is not taken
            is_judged, now = True, self.steady()
            self._judge(ticket, now, failed=False)
            self._noted(call, "broken", now - began, received)
            raise
        finally:
            if not is_judged:
                breaker.dropped(ticket)
        self._noted(call, outcome, now - began, received)
        return reply

    def _noted(self, call: Call, outcome: str, seconds: float, before: int) -> None:
        note = call.note
        note.upstream += seconds
        self.counts.asked(outcome, seconds, note.received - before)

    def _watch(
        self, call: Call, ticket: int, began: float, outcome: str
    ) -> Callable[[bool, int], None]:
        """What is told that a body which is passed on has ended."""

        def ended(broken: bool, received: int) -> None:
            self._free()
            now = self.steady()
            call.note.received += received
            if broken:
                self._judge(ticket, now, failed=True)
            self.counts.asked("broken" if broken else outcome, now - began, received)

        return ended

    def _judge(self, ticket: int, now: float, *, failed: bool) -> None:
        breaker = self.upstream.breaker
        state = breaker.state
        if failed:
            breaker.failed(ticket, now)
        else:
            breaker.succeeded(ticket, now)
        if breaker.state is not state:
            self._turned()

    def _turned(self) -> None:
        """The breaker has another state: said once."""
        breaker = self.upstream.breaker
        self.counts.breaker(breaker.state)
        if breaker.state == CLOSED:
            log.info("%s: the upstream answers again", self.name)
        elif breaker.state == "half_open":
            log.info("%s: the upstream is tried again, with one call", self.name)
        else:
            calls, failed = breaker.recent
            log.warning(
                "%s: the upstream fails (%d of %d calls): it is not asked for %g s",
                self.name, failed, calls, breaker.length,
            )  # fmt: skip

    # --- what is asked again ----------------------------------------------------------------------

    async def _pause(
        self, last: Reply | Failure, number: int, until: float
    ) -> tuple[float | None, str]:
        """Seconds until it is asked again, None where it is not; and what went wrong."""
        after = None
        if isinstance(last, Reply):
            why, most = _outcome(last.status), self.again.failed
            after = told(last.header("retry-after"), self.wall())
            if self.quota is not None:
                await self.quota.heed(last, after)
        else:
            why = last.fault
            if why not in _TRIES_AGAIN:
                return None, why
            most = self.again.unsent if why == "connect" else self.again.failed
        if number >= most:
            return None, why
        seconds = after or pause(number, random.random())  # noqa: S311 - jitter
        if not may_wait(seconds, until - asyncio.get_running_loop().time()):
            self.counts.withheld("time" if after is None else "after")
            return None, why
        if not self.upstream.budget.take(self.steady()):
            self.counts.withheld("budget")
            return None, why
        return seconds, why

    # --- refusals ---------------------------------------------------------------------------------

    def _used_up(self, wait: float) -> UpstreamLimited:
        self.counts.refused("limit")
        seconds = max(1, math.ceil(wait))
        return UpstreamLimited(
            "All that may be asked of the upstream for now is used up, by all callers together. "
            f"Nothing was sent. Wait {seconds} seconds, then call again.",
            retry_after=seconds,
        )

    def _open(self, wait: float) -> UpstreamBusy:
        self.counts.refused("open")
        seconds = max(1, math.ceil(wait))
        return UpstreamBusy(
            "The upstream fails again and again, so it is left alone for a while. Nothing was "
            f"sent. Wait {seconds} seconds, then call again.",
            retry_after=seconds,
        )

    def _full(self) -> UpstreamBusy:
        self.counts.refused("full")
        return UpstreamBusy(
            f"The upstream has {self.upstream.places.size} calls in flight, which is all that it "
            "is given at once, and does not answer fast enough. Nothing was sent. Call again in a "
            "moment.",
            retry_after=_FULL_AFTER,
        )


def _outcome(status: int) -> str:
    if status < 400:
        return "ok"
    if status == 429:
        return "429"
    return "4xx" if status < 500 else "5xx"


def about(operation: Operation, plugin: Plugin) -> str:
    """What the step does for an operation, for people."""
    again = repeats(operation.spec.method, operation.retries, reads=operation.caching.post)
    upstream = plugin.config.upstream
    parts = [f"at most {upstream.in_flight:,} calls at once"]
    if upstream.limit:
        parts.append(f"{upstream.limit.count} in any {upstream.limit.seconds:g} s, all together")
    if again.failed:
        parts.append(f"repeated up to {_times(again.failed)}")
    elif again.unsent:
        parts.append(f"repeated up to {_times(again.unsent)} where no connection was made")
    else:
        parts.append("never repeated")
    parts.append("left alone while it fails")
    return "; ".join(parts)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
