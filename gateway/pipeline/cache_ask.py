"""Asking upstream: once, with conditions of our own where something is stored, and storing what
comes of it.

The decisions are `caching.deciding`'s; here they are carried out for one caller. What came of it is
a `Landed`, which others may have waited for (`cache_miss`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.caching.deciding import (
    added,
    conditional,
    forward_status,
    freshened_by_head,
    instead,
    invalidated,
    joined,
    may_store,
    named,
    refreshed,
    storable_headers,
    unconditional,
    variant,
)
from gateway.caching.entries import (
    Caching,
    Complete,
    Entry,
    Fetch,
    NotStored,
    Refreshed,
    Serve,
    Stored,
    Validate,
)
from gateway.caching.fields import without
from gateway.caching.flights import Flights
from gateway.caching.key import Address
from gateway.caching.stores import Found, Store
from gateway.errors import (
    Refusal,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamLimited,
    UpstreamTimeout,
)
from gateway.pipeline.cache_tee import MOST, Tee
from gateway.pipeline.call import Call, Clock, Source, built
from gateway.pipeline.coding import decode
from gateway.values import Reply, Rest, UpstreamRequest

Ahead = Validate | Complete | Fetch

# With a miss's key: its whole body, which its caller gets as it comes.
WHOLE: Final = "whole"


@dataclass(frozen=True, slots=True)
class Miss:
    """A call that the store cannot answer alone. `asked` is what the rules see of its request."""

    call: Call
    asked: UpstreamRequest
    at: Address
    found: Found
    decision: Ahead


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of asking upstream.

    Either `served` stands in for a failure; or there is an `entry` that may be stored, whether or
    not there was room for it; or a `reply` that may not, or may once it has come whole (`comes`);
    or nothing, where that broke off. `status` is the upstream's where the entry is older than its
    reply. `by` is the miss that asked; None where another machine did.
    """

    by: Miss | None
    served: Serve | None = None
    entry: Entry | None = None
    reply: Reply | None = None
    status: int | None = None
    outcome: Stored | NotStored | None = None
    comes: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks upstream for the calls of one operation.

    `exact`: what the upstream says goes out as it is. `clock` is that of the stored facts.
    """

    inner: Source
    store: Store
    flights: Flights[Any]
    caching: Caching
    wall: Clock
    clock: Clock
    name: str
    exact: bool

    async def __call__(self, miss: Miss) -> Landed:
        """Ask upstream and store what may be. Raises: Refusal."""
        call, asked, decision = miss.call, miss.asked, miss.decision
        if not (call.whole or self.store.steady):  # other machines wait for the whole
            call = replace(call, whole=True)
        if not isinstance(decision, Fetch):
            asked = conditional(asked, decision.headers)
            call = replace(call, request=conditional(built(call), decision.headers))
        sent = self.wall()
        reply = None
        try:
            reply = await self.inner(call)
        except (UpstreamFailed, UpstreamTimeout, UpstreamBusy, UpstreamLimited):
            served = instead(decision.entry, miss.asked, None, self.clock(), self.caching)
            if served is None:
                raise
            return Landed(miss, served)
        now = self.clock()
        if not self.exact and any(name.lower() == "set-cookie" for name, _ in reply.headers):
            # No caller is given it, so no store shall hold it.
            reply = replace(reply, headers=without(reply.headers, ("set-cookie",)))
        served = instead(decision.entry, miss.asked, reply.status, now, self.caching)
        if served is not None:
            _close(reply)
            return Landed(miss, served)
        if not isinstance(decision, Fetch):
            news = _brought(decision, miss.asked, reply, sent, now, self.caching)
            if news is not None:
                if news.keep:
                    await self._put(miss, news.entry)
                return Landed(miss, entry=news.entry, status=reply.status)
            if _is_no_help(decision, reply.status):
                whole = unconditional(miss.asked)
                call = replace(miss.call, request=unconditional(built(miss.call)))
                again = Fetch(decision.forward, decision.entry)
                landed = await self(replace(miss, call=call, asked=whole, decision=again))
                return replace(landed, by=miss)
        return await self._received(miss, asked, reply, sent, now)

    async def _received(
        self, miss: Miss, asked: UpstreamRequest, reply: Reply, sent: float, now: float
    ) -> Landed:
        """A reply of the upstream's own: stored, where it may be."""
        if reply.rest is not None:
            return self._on_its_way(miss, asked, reply, reply.rest, sent, now)
        outcome = may_store(asked, reply, sent, now, self.caching)
        entry = outcome.entry if isinstance(outcome, Stored) else None
        head = reply if asked.method == "HEAD" else None
        if entry is not None or head is not None:
            stored = await self._put(miss, entry, head, sent, now)
            if entry is not None and not stored:
                outcome = NotStored("too large, or forgotten meanwhile")
        return Landed(miss, entry=entry, reply=reply, outcome=outcome)

    def _on_its_way(
        self,
        miss: Miss,
        asked: UpstreamRequest,
        reply: Reply,
        rest: Rest,
        sent: float,
        now: float,
    ) -> Landed:
        """A reply whose body goes to its caller as it comes: stored when it has come whole."""
        whole = replace(reply, rest=None)
        outcome = may_store(asked, whole, sent, now, self.caching)
        if isinstance(outcome, NotStored) or (rest.length or 0) > MOST:
            if isinstance(outcome, Stored):
                outcome = NotStored("too large")
            return Landed(miss, reply=reply, outcome=outcome)
        tee = Tee(rest)

        async def collect() -> Landed:
            body = await tee.whole()
            if body is None:
                return Landed(miss)
            if rest.coding:
                try:
                    body = await asyncio.to_thread(decode, rest.coding, body, MOST)
                except Refusal:  # too much, or damaged; who asked has it as it came
                    return Landed(miss)
            got = await self._received(miss, asked, replace(whole, body=body), sent, now)
            return replace(got, reply=None)

        is_begun = self.flights.aside((WHOLE, key_of(miss)), collect, f"the body of {self.name}")
        if not is_begun:
            return Landed(miss, reply=reply, outcome=NotStored("too many at once"))
        return Landed(miss, reply=replace(reply, rest=tee), outcome=outcome, comes=True)

    async def _put(
        self,
        miss: Miss,
        entry: Entry | None,
        head: Reply | None = None,
        sent: float = 0.0,
        now: float = 0.0,
    ) -> bool:
        """Put an entry beside what is stored, unless a forgetting came between.

        `head` is a reply to HEAD, which tells of the others, too (section 4.3.5).
        """
        generation = miss.found.generation
        current = await self.store.get(miss.at)
        if current.generation != generation:
            return False
        entries = current.entries
        if head is not None:
            entries = freshened_by_head(entries, miss.asked, head, sent, now, self.caching)
        if entry is not None:
            entries = added(entries, entry)
        return await self.store.put(miss.at, entries, generation)

    async def passed(
        self, call: Call, asked: UpstreamRequest, at: Address | None, tags: Sequence[str]
    ) -> Reply:
        """Ask upstream for what is not looked up; a success of a write forgets (section 4.4).

        Args:
            call: The call.
            asked: What the rules see of its request.
            at: Where a GET of the same would be stored; None for a method that cannot store.
            tags: What stands for the operations that it purges.
        """
        before = await self.store.get(at) if at is not None else None
        sent = self.wall()
        reply = await self.inner(call)
        now = self.clock()
        if self.exact:
            call.cache_status = forward_status(Fetch("method"))
        urls = invalidated(asked, reply, self.caching)
        if tags and 200 <= reply.status < 400:
            urls = (*urls, *tags)
        current = await self.store.get(at) if at is not None else None
        if urls:
            await self.store.forget(urls)
        if at is not None and before and current and before.generation == current.generation:
            outcome = may_store(asked, reply, sent, now, self.caching)
            if isinstance(outcome, Stored) and outcome.as_get:
                fresh = await self.store.get(at)
                await self.store.put(at, added(fresh.entries, outcome.entry), fresh.generation)
        return replace(reply, headers=storable_headers(reply.headers)) if self.exact else reply


def key_of(miss: Miss) -> Hashable:
    """What makes two misses the same: the address, the URL's generation, and the fields by which
    what is stored there varies. A read that begins after a write joins none from before it."""
    return miss.at, miss.found.generation, variant(miss.found.entries, miss.asked)


def _brought(
    decision: Validate | Complete,
    asked: UpstreamRequest,
    reply: Reply,
    sent: float,
    now: float,
    caching: Caching,
) -> Refreshed | None:
    """The entry that a reply to our own conditions brings up to date, or completes."""
    if isinstance(decision, Complete):
        if reply.status != 206:
            return None
        return joined(decision.entry, asked, reply, sent, now, caching)
    entry = named(decision.entries, reply) if reply.status == 304 else None
    return None if entry is None else refreshed(entry, asked, reply, sent, now, caching)


def _is_no_help(decision: Validate | Complete, status: int) -> bool:
    """Whether a reply to our own conditions says nothing of what the caller asked for."""
    return status == 304 if isinstance(decision, Validate) else status in (206, 416)


def _close(reply: Reply) -> None:
    if reply.rest is not None:
        reply.rest.close()
