"""What happens where the store cannot answer alone: ask upstream, once for all who want the same.

The decisions are `caching.deciding`'s; here they are carried out. What one flight brings is a
`Landed`; each caller who waited looks for himself whether it is for him, and goes upstream at once
where it is not: what cannot be stored never makes callers queue.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.caching.deciding import (
    answered,
    forward_status,
    hit_status,
    joins,
    may_share,
    refreshing,
    reuse,
    storable_headers,
    unconditional,
)
from gateway.caching.directives import LONGEST
from gateway.caching.entries import Caching, Entry, Serve
from gateway.caching.fields import by_name
from gateway.caching.flights import Flights
from gateway.caching.key import Address
from gateway.caching.stores import Found, Store
from gateway.caching.variants import matches
from gateway.errors import UpstreamTimeout
from gateway.pipeline.cache_ask import WHOLE, Asking, Landed, Miss, key_of
from gateway.pipeline.call import Call, Clock, Note, built
from gateway.values import Reply, UpstreamRequest

# What callers may wait for together: nothing else was asked for than what can be stored.
_SHARED: Final = frozenset(("uri-miss", "vary-miss", "stale"))
# The leader's own refusal is to come before that of who waits for him.
_AFTER: Final = 0.15
# Between two looks at what another machine fetches, in seconds: a reply takes some of them.
_FIRST_LOOK, _LAST_LOOK = 0.01, 0.1
# For so long other machines do not wait for what has just turned out not to be storable.
_ALONE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Misses:
    """Answers the misses of one operation.

    `exact`: answers heed the conditions and ranges of callers, and go out as the upstream's own.
    `clock` is that of the stored facts.
    """

    ask: Asking
    store: Store
    flights: Flights[Any]
    caching: Caching
    clock: Clock
    seconds: float
    name: str
    exact: bool

    async def answer(self, miss: Miss) -> Reply:
        """The reply to a call. Raises: Refusal."""
        if miss.decision.forward not in _SHARED or not joins(miss.asked, self.caching):
            return self._given(miss, await self.ask(miss))
        landed = await self._together(miss)
        span = miss.call.note.span
        if span is not None and landed.by is not None and landed.by is not miss:
            span.shares(landed.by.call.note.span)
        return self._given(miss, landed)

    def hit(self, call: Call, asked: UpstreamRequest, served: Serve) -> Reply:
        """The reply out of the store."""
        age = int(served.age)
        call.age, call.cache_status = min(LONGEST, age), hit_status(served)
        return answered(served.entry, asked, served.age) if self.exact else served.entry.reply

    def refresh(
        self, call: Call, asked: UpstreamRequest, at: Address, found: Found, entry: Entry
    ) -> None:
        """Bring an entry up to date while it is served (RFC 5861 section 3), once at a time."""
        asked, name = unconditional(asked), f"refresh of {self.name}"
        note = Note(call.note.id, call.note.began, call.note.route)  # no part of what is answered
        if call.note.span is not None:
            note.span = call.note.span.aside(name)
        call = replace(call, request=unconditional(built(call)), whole=True, until=None, note=note)
        miss = Miss(call, asked, at, found, refreshing(entry, asked))
        key = key_of(miss)
        self.flights.aside(key, lambda: self._refreshed(miss, key), name)

    async def _refreshed(self, miss: Miss, key: Hashable) -> Landed:
        span = miss.call.note.span
        if span is None:
            return await self._lead(miss, key)
        with span:
            return await self._lead(miss, key)

    # --- together ---------------------------------------------------------------------------------

    async def _together(self, miss: Miss) -> Landed:
        """What is under way for the same already, else what is asked for now.

        Each waits as long as his operation may take, whoever began: where the time of who began is
        over, the next one begins.
        """
        key = key_of(miss)
        loop = asyncio.get_running_loop()
        until = loop.time() + self.seconds + _AFTER
        while True:
            is_mine = is_alone = False

            def fits(landed: Landed) -> bool:
                nonlocal is_alone
                is_alone = not (landed.comes or self._fits(landed, miss.asked))
                return not is_alone

            async def start() -> Landed:
                nonlocal is_mine
                is_mine = True
                return await (self.ask(miss) if is_alone else self._lead(miss, key))  # noqa: B023

            at = (WHOLE, key) if (WHOLE, key) in self.flights else key
            try:
                async with asyncio.timeout_at(until):
                    landed: Landed = await self.flights.run(at, start, fits)
                    if landed.by is miss or not landed.comes:
                        return landed
                    # Its head has come for who asked; from now on the whole is waited for.
                    if (WHOLE, key) not in self.flights and (there := await self._there(miss)):
                        return there
            except UpstreamTimeout:
                if is_mine or loop.time() >= until:
                    raise
            except TimeoutError:
                raise UpstreamTimeout(
                    f"The upstream did not answer within {self.seconds:g} seconds. Try again later."
                ) from None

    async def _lead(self, miss: Miss, key: Hashable) -> Landed:
        """Ask for all who wait: here, and on all machines that share the store."""
        if self.store.steady:
            return await self.ask(miss)
        name = hashlib.blake2b(repr(key).encode("utf-8", "replace"), digest_size=16).digest()
        alone, pause = f"alone:{name.hex()}", _FIRST_LOOK
        until = asyncio.get_running_loop().time() + self.seconds
        while not await self.store.lease(name, self.seconds + 1):
            if asyncio.get_running_loop().time() >= until or await self.store.kept(alone):
                return await self.ask(miss)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)
            if there := await self._there(miss):
                return there
        try:
            # Whoever held it before may have stored what is wanted since we looked.
            if there := await self._there(miss):
                return there
            landed = await self.ask(miss)
            if landed.entry is None:
                await self.store.keep(alone, b"1", _ALONE)
            return landed
        finally:
            await self.store.release(name)

    async def _there(self, miss: Miss) -> Landed | None:
        """What another machine has stored meanwhile."""
        found = await self.store.get(miss.at)
        decision = reuse(found.entries, miss.asked, self.clock(), self.caching)
        if isinstance(decision, Serve) and not decision.stale:
            return Landed(None, entry=decision.entry)
        return None

    def _fits(self, landed: Landed, asked: UpstreamRequest) -> bool:
        """Whether what another caller's request brought answers this one, too (section 4)."""
        if landed.served is not None:
            return matches(landed.served.entry.facts, by_name(asked.headers))
        if landed.by is None:
            return landed.entry is not None and matches(landed.entry.facts, by_name(asked.headers))
        reply = landed.entry.reply if landed.entry is not None else landed.reply
        return reply is not None and may_share(asked, landed.by.asked, reply, self.caching)

    # --- back -------------------------------------------------------------------------------------

    def _given(self, miss: Miss, landed: Landed) -> Reply:
        """The reply that a caller gets of what has landed."""
        call, entry, reply = miss.call, landed.entry, landed.reply
        if landed.served is not None:
            return self.hit(call, miss.asked, landed.served)
        is_own = landed.by is miss
        call.cache_status = forward_status(
            miss.decision, status=landed.status, outcome=landed.outcome, collapsed=not is_own
        )
        if entry is not None and (reply is None or not is_own):
            facts = entry.facts
            age = facts.initial_age + max(0.0, self.clock() - facts.since)
            call.age = min(int(age), LONGEST)
            return answered(entry, miss.asked, age) if self.exact else entry.reply
        if reply is None:
            raise AssertionError("what has landed is served, an entry or a reply")
        if self.exact:
            return replace(reply, headers=storable_headers(reply.headers))
        if entry is not None and set(storable_headers(reply.headers)) <= set(entry.reply.headers):
            return entry.reply  # so that what is made of it is kept
        return reply
