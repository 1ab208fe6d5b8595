"""Plugin and operation → the settings that hold for one operation.

An operation's value replaces the plugin's whole; only parameters merge, by name. Source: none
but ours; this is the one place that knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.config import types
from gateway.config.scalars import Budget, Drop, Rate

BUDGET = Budget(types.TOKENS)
UNLIMITED = Rate(0, 1.0)
NO_WORD = types.Cache()
TIMEOUT = types.Timeout()
CONNECT = 5.0  # seconds: a SYN that was lost is sent again after 1 and 3


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one operation. `cache` is seconds, None where nothing is said, and 0.0 for
    `no`; `caching` is all that is said of it. `timeout` is the whole call's, `connect` and `read`
    its parts', each at most as long. `retries` is what is written, if anything."""

    limit: Rate
    cache: float | None
    caching: types.Cache
    budget: Budget
    budgeted: bool  # the operator says it
    drop: Drop
    encode: types.Encode
    parameters: Mapping[str, Literal["hide"] | types.Parameter]
    timeout: float
    connect: float
    read: float | None
    retries: int | Literal["no"] | None
    max_bytes: int


def settings(plugin: types.Plugin, operation: types.Operation) -> Settings:
    """The settings of an operation: its own, else its plugin's."""
    upstream = plugin.upstream
    limit = plugin.limit if operation.limit is None else operation.limit
    budget = plugin.budget if operation.budget is None else operation.budget
    caching = (plugin.cache if operation.cache is None else operation.cache) or NO_WORD
    timeout = timeout_of(plugin, operation)
    return Settings(
        limit=UNLIMITED if limit is None else limit,
        cache=caching.ttl,
        caching=caching,
        budget=BUDGET if budget is None else budget,
        budgeted=budget is not None,
        drop=plugin.drop if operation.drop is None else operation.drop,
        encode=plugin.encode if operation.encode is None else operation.encode,
        parameters={**plugin.parameters, **operation.parameters},
        timeout=timeout.total,
        connect=min(CONNECT if timeout.connect is None else timeout.connect, timeout.total),
        read=timeout.read,
        retries=upstream.retries if operation.retries is None else operation.retries,
        max_bytes=upstream.max_bytes if operation.max_bytes is None else operation.max_bytes,
    )


def timeout_of(plugin: types.Plugin, operation: types.Operation | None = None) -> types.Timeout:
    """How long calls of an operation may take; without one, those of the plugin."""
    own = None if operation is None else operation.timeout
    return (plugin.upstream.timeout if own is None else own) or TIMEOUT
