"""The plan of an operation: its steps, composed once when the plugin loads.

    auth → limit → validate → shrink( paginate( cache( care( fetch ) ) ) )

One file per step. Each makes a ring around the next, or gives back the next as it is where the
operation does not ask for the step.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from gateway.aside import Aside
from gateway.caching.flights import Flights
from gateway.caching.handles import Handles
from gateway.caching.stores import Store
from gateway.care import Upstreams
from gateway.config import types
from gateway.limits import Limiter
from gateway.limits.memory import MemoryLimiter
from gateway.pipeline import (
    auth,
    cache,
    care,
    catalog,
    fetch,
    limit,
    more,
    paginate,
    shrink,
    validate,
)
from gateway.pipeline.call import Call, Clock, Plan
from gateway.pipeline.care_quota import quota_of
from gateway.pipeline.locate import locator
from gateway.pipeline.mask import Mask
from gateway.pipeline.redirects import Destinations
from gateway.pipeline.token import tokens_of
from gateway.plugin import Operation, Plugin
from gateway.request import Proof, kinds_of, prove
from gateway.servers import origin
from gateway.shrinking import prepare
from gateway.telemetry.counts import Counts

__all__ = ["Call", "Mask", "Plan", "Shared", "mask_of", "plans", "steps_of"]


# Of answers that were cut, what their handles stand for; as much as of replies that are stored.
HANDLE_BYTES = 64 * 1024 * 1024
# Modules that jobs done aside need beside those that shrink.
_OF_JOBS = ("gateway.caching.handles", "gateway.pipeline.mask")


@dataclass(slots=True)
class Shared:
    """What all plans share: clocks, the store, flights, limits. `wall` tells seconds since
    1970, `steady` seconds that never go back; `key` digests credentials in cache keys, and is the
    same for all who share a store. `aside` is where long answers are made; who shares it out
    closes it."""

    wall: Clock
    steady: Clock
    store: Store
    flights: Flights[Any]
    limiter: Limiter = field(init=False)  # of this process, unless another is set
    aside: Aside = field(default_factory=lambda: Aside(prepare, *_OF_JOBS))
    handles: Handles = field(default_factory=lambda: Handles(HANDLE_BYTES))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counts: Counts = field(default_factory=Counts)
    upstreams: Upstreams[care.Waiter] = field(default_factory=Upstreams)

    def __post_init__(self) -> None:
        self.limiter = MemoryLimiter(self.steady)


def plans(plugin: Plugin, client: aiohttp.ClientSession, shared: Shared) -> dict[str, Plan]:
    """Compose the plan of every operation of `plugin`, by name."""
    proof = prove(plugin.config.upstream.credential)
    mask = mask_of(plugin, proof)
    tokens = tokens_of(proof.grant, client, shared.steady, mask.learn)
    locate = locator(plugin)
    destinations = Destinations(plugin, proof)
    private = isinstance(plugin.config.auth, types.Auth)
    at = "://".join(map(str, origin(plugin.base)))
    upstream = shared.upstreams.of(plugin.name, at, plugin.config.upstream.in_flight)
    quota = quota_of(plugin, shared.limiter)
    composed: dict[str, Plan] = {}
    found = {} if plugin.catalog is None else catalog.steps(plugin, plugin.catalog, composed)
    for operation in plugin.operations.values():
        if operation.name in found:
            plan, stands_for = found[operation.name]
            if stands_for:  # whose own plan counts the call
                plan = auth.step(plugin, validate.step(operation, plan))
            else:
                plan = _around(plugin, operation, shared, plan)
            composed[operation.name] = plan
            continue
        if operation.own:
            plan = more.step(
                operation, plugin.operations, shared.handles, shared.steady, shared.aside
            )
            composed[operation.name] = _around(plugin, operation, shared, plan)
            continue
        ask = fetch.step(
            operation,
            plugin,
            client,
            proof,
            mask,
            shared.wall,
            destinations,
            tokens,
            quota=quota,
            passes_on=_passes_on(operation),
        )
        source = care.step(
            operation,
            plugin,
            upstream,
            quota,
            shared.counts.upstream(plugin.name, at),
            shared.steady,
            shared.wall,
            ask,
        )
        source = cache.step(
            operation,
            plugin,
            proof,
            shared.store,
            shared.flights,
            shared.key,
            shared.wall,
            shared.steady,
            source,
        )
        if operation.passing:
            composed[operation.name] = _around(plugin, operation, shared, shrink.nothing(source))
            continue
        source = paginate.step(operation, source, shared.aside)
        plan = shrink.step(
            operation,
            locate,
            mask,
            shared.wall,
            source,
            more.Keeper(operation, shared.handles, mask, shared.steady, shared.aside),
            own_credential=bool(proof.taken),
            private=private,
        )
        composed[operation.name] = _around(plugin, operation, shared, plan)
    return composed


def _around(plugin: Plugin, operation: Operation, shared: Shared, plan: Plan) -> Plan:
    """The steps that every call passes first."""
    plan = validate.step(operation, plan)
    plan = limit.step(operation, shared.limiter, plan)
    return auth.step(plugin, plan)


def _passes_on(operation: Operation) -> bool:
    """Whether a long answer goes to the caller as it comes."""
    return operation.shrinker.idle and operation.paging is None


def mask_of(plugin: Plugin, proof: Proof | None = None) -> Mask:
    """The mask over everything that a plugin's config keeps secret."""
    proof = proof or prove(plugin.config.upstream.credential)
    return Mask([*plugin.secrets, *proof.composed])


def steps_of(plugin: Plugin, operation: Operation) -> list[tuple[str, str]]:
    """The steps in an operation's plan and what each does, for people."""
    steps = []
    if isinstance(plugin.config.auth, types.Auth):
        steps.append(("auth", plugin.config.auth.chosen[0]))
    if operation.limit:
        rate = operation.limit
        steps.append(("limit", f"{rate.count} in any {rate.seconds:g} s, {operation.limit_scope}"))
    steps.append(
        ("validate", "arguments are checked; unknown, withheld and missing ones are refused")
    )
    if operation.own:
        steps.append(("gives", operation.shrinker.describe()))
        return steps
    steps.append(("shrink", operation.shrinker.describe()))
    if operation.paging is not None:
        steps.append(("paginate", operation.paging.describe()))
    kept = cache.describe(operation)
    if kept:
        steps.append(("cache", kept))
    steps.append(("care", care.about(operation, plugin)))
    bounds = f"at most {operation.timeout:g} s and {operation.max_bytes:,} bytes"
    kinds = ", ".join(kinds_of(plugin.config.upstream.credential)) or "none"
    passed = "; a long answer is passed on as it comes" if _passes_on(operation) else ""
    steps.append(("fetch", f"from {plugin.base}, {bounds}; credential: {kinds}{passed}"))
    return steps
