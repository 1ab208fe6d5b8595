"""Replies kept: a stored one, else one fetch that all identical calls in flight share.

What may be kept, and for how long, is decided in `caching.policy`; here it is done. The key is
the upstream URL, the header parameters, the forwarded headers and a partition, the keyed digest
of the credential that the upstream sees, so no caller is given what another's key fetched.
A write that succeeds forgets what is stored for its URLs (RFC 9111 section 4.4).
"""

from __future__ import annotations

from gateway.caching import (
    Flights,
    Key,
    MemoryStore,
    age,
    cache_key,
    forgotten,
    freshness,
    initial_age,
    is_keepable,
    may_share,
    partition_of,
)
from gateway.pipeline.call import Call, Clock, Source, built
from gateway.pipeline.passing import forwarded
from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.values import Reply, UpstreamRequest

_HIT = "plugin-gateway; hit"
_MISS = "plugin-gateway; fwd=uri-miss"
_STORED = "plugin-gateway; fwd=uri-miss; stored"


def step(
    operation: Operation,
    plugin: Plugin,
    proof: Proof,
    store: MemoryStore,
    flights: Flights,
    key: bytes,
    wall: Clock,
    steady: Clock,
    inner: Source,
) -> Source:
    """Answer from the store, or share a fetch.

    Args:
        operation: Its `cache` is the freshness where the upstream says nothing.
        plugin: Its `forward`ed headers are part of the key.
        proof: What is shown upstream, where it is the operator's.
        store: The replies.
        flights: The fetches under way.
        key: Keys the digests of credentials; random per process.
        wall: Seconds since 1970: for dates of replies.
        steady: Seconds that never go back: for how long a reply has been held.
        inner: Fetches.
    """
    if operation.method not in ("GET", "HEAD"):  # whether or not it stores: others may
        return _forgetting(store, inner)
    if not keeps(operation):
        return inner
    forward = tuple(plugin.config.upstream.forward)
    # The store is shared by all plugins: what else of a plugin may change a reply tells them
    # apart, and one plugin's secrets are not masked in another's replies.
    accept, fixed = (
        operation.spec.reply.content_type,
        sorted(plugin.config.upstream.headers.items()),
    )
    scope = repr((plugin.name, forward, fixed, accept, operation.cache)).encode()
    everyone = partition_of(scope + proof.identity, key)

    def key_of(call: Call, request: UpstreamRequest) -> Key:
        values = tuple(forwarded(call.headers, name) for name in forward) if forward else ()
        partition = everyone
        if call.caller is not None and call.caller.credential is not None:
            partition = partition_of(
                scope + proof.identity + call.caller.credential.encode("utf-8", "replace"), key
            )
        return cache_key(request.url, values, partition, request.headers)

    async def cache(call: Call) -> Reply:
        request = built(call)
        if not is_keepable(request):
            return await inner(call)
        at = key_of(call, request)
        reply = store.get(at, steady())
        if reply is not None:
            call.age, call.cache_status = age(reply, wall()), _HIT
            return reply
        generation = store.generation(request.url)

        async def start() -> Reply:
            reply = await inner(call)
            reply.initial_age = initial_age(reply)
            shared = call.caller is None or call.caller.credential is None
            ttl = freshness(reply, default=operation.cache, shared_credential=shared)
            if store.put(at, reply, ttl, steady(), generation):
                call.cache_status = _STORED
            return reply

        call.cache_status = _MISS
        # A read that begins after a write must not join one that began before it.
        return await flights.run((at, generation), start, may_share)

    return cache


def keeps(operation: Operation) -> bool:
    """Whether a reply may be stored, or given to others who ask meanwhile."""
    return operation.method == "GET" and operation.cache != 0.0


def _forgetting(store: MemoryStore, inner: Source) -> Source:
    async def cache(call: Call) -> Reply:
        reply = await inner(call)
        urls = forgotten(built(call), reply)
        if urls:
            store.forget(urls)
        return reply

    return cache


def describe(operation: Operation) -> str:
    """What the step does for an operation, for people; empty where it is not in the plan."""
    if operation.spec.method in ("HEAD", "QUERY"):
        return ""
    if operation.method != "GET":
        return "a write that succeeds forgets what is stored for its address"
    if operation.cache == 0.0:
        return ""
    default = f"else {operation.cache:g} s" if operation.cache else "else not at all"
    return f"kept as long as the upstream says, {default}"
