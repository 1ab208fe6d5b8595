"""Replies kept: the one place where the rules of caching are carried out.

What may be kept, for how long and what for is decided in `caching.deciding`; here a call is
answered from the store, and what the store cannot answer alone goes on (`cache_miss`). What a call
is stored under is in `cache_keys`. A write that succeeds forgets what is stored for its URLs
(RFC 9111 section 4.4) and for the operations that it `purges`.
"""

from __future__ import annotations

from gateway.caching.deciding import reuse
from gateway.caching.entries import OnlyIfCached, Serve
from gateway.caching.flights import Flights
from gateway.caching.key import Address
from gateway.caching.meanwhile import meanwhile
from gateway.caching.stores import Store
from gateway.config.scalars import Seconds
from gateway.errors import NothingStored
from gateway.pipeline.cache_ask import Asking, Landed, Miss
from gateway.pipeline.cache_keys import asking, is_exact, is_shown_whole, placing, purge_tag
from gateway.pipeline.cache_miss import Misses
from gateway.pipeline.call import Call, Clock, Source, built
from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.values import Reply


def step(
    operation: Operation,
    plugin: Plugin,
    proof: Proof,
    store: Store,
    flights: Flights[Landed],
    key: bytes,
    wall: Clock,
    steady: Clock,
    inner: Source,
) -> Source:
    """Answer from the store, or ask upstream and store what may be.

    Args:
        operation: Its `caching` holds the settings.
        plugin: Its `forward`ed headers are part of the key.
        proof: What is shown upstream, where it is the operator's.
        store: The replies.
        flights: The fetches under way.
        key: Keys the digests of what tells callers apart; the same for all who share a store.
        wall: Seconds since 1970: for dates of replies.
        steady: Seconds that never go back: for how long a reply of our own store has been held.
        inner: Fetches.
    """
    clock = steady if store.steady else wall
    asked_of, place = asking(operation, plugin), placing(operation, plugin, proof, key)
    exact, caching = is_exact(operation, plugin), operation.caching
    name = f"{plugin.name}.{operation.name}"
    ask = Asking(inner, store, flights, caching, wall, clock, name, exact=exact)
    misses = Misses(ask, store, flights, caching, clock, operation.timeout, name, exact=exact)
    purges = tuple(purge_tag(plugin.name, one) for one in operation.purges)
    if not (operation.passing or keeps(operation)):
        if operation.method in ("GET", "HEAD"):
            return inner

        async def forget(call: Call) -> Reply:
            return await ask.passed(call, asked_of(call, built(call)), None, purges)

        return forget
    shows_all, purged = is_shown_whole(operation, plugin), operation.purged
    own_tag = Address(plugin.name, purge_tag(plugin.name, operation.name), b"purge")

    async def cache(call: Call) -> Reply:
        request = built(call)
        asked = request if shows_all else asked_of(call, request)
        at = place(call, request)
        if at is None:
            as_get = request.method == "POST"
            where = place(call, request._replace(method="GET", body=None)) if as_get else None
            return await ask.passed(call, asked, where, purges)
        if purged:  # what was stored before the last purge is never found again
            since = (await store.get(own_tag)).generation
            at = at._replace(more=f"{at.more}|{since!r}")
        found = await store.get(at)
        now = clock()
        decision = reuse(found.entries, asked, now, caching)
        if caching.stale is not None:
            decision = meanwhile(decision, now, caching)
        if isinstance(decision, Serve):
            if decision.refresh:
                misses.refresh(call, asked, at, found, decision.entry)
            return misses.hit(call, asked, decision)
        if isinstance(decision, OnlyIfCached):
            raise NothingStored(
                "Nothing is stored for this call, and only what is stored was asked for. Call "
                "without `only-if-cached`."
            )
        return await misses.answer(Miss(call, asked, at, found, decision))

    return cache


def keeps(operation: Operation) -> bool:
    """Whether replies may be stored, or given to others who ask meanwhile."""
    reads = operation.spec.method in ("GET", "HEAD")
    posts = operation.spec.method == "POST" and operation.caching.post
    return operation.cache != 0.0 and (reads or posts)


def describe(operation: Operation) -> str:
    """What the step does for an operation, for people; empty where it is not in the plan."""
    if keeps(operation):
        rules = operation.caching
        default = f"else {Seconds(rules.ttl).written}" if rules.ttl else "else not at all"
        told = [f"kept as long as the upstream says, {default}"]
        if rules.override and rules.ttl:
            told = [
                f"kept for {Seconds(rules.ttl).written}, whatever the upstream says but no-store"
            ]
        if rules.stale:
            told.append(f"stale for {Seconds(rules.stale).written} more while it is asked for anew")
        told.append("for each caller" if operation.by_caller else "for everyone")
        return "; ".join(told)
    if operation.spec.method in ("GET", "HEAD", "QUERY"):
        return ""
    forgets = "a write that succeeds forgets what is stored for its address"
    return f"{forgets} and for {', '.join(operation.purges)}" if operation.purges else forgets
