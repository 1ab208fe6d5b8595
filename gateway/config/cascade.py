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


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one operation. `timeout` and `cache` are seconds; `cache` is None where
    nothing is said, and 0.0 for `no`; `caching` is all that is said of it."""

    limit: Rate
    cache: float | None
    caching: types.Cache
    budget: Budget
    budgeted: bool  # the operator says it
    drop: Drop
    encode: types.Encode
    parameters: Mapping[str, Literal["hide"] | types.Parameter]
    timeout: float
    max_bytes: int


def settings(plugin: types.Plugin, operation: types.Operation) -> Settings:
    """The settings of an operation: its own, else its plugin's."""
    upstream = plugin.upstream
    limit = plugin.limit if operation.limit is None else operation.limit
    budget = plugin.budget if operation.budget is None else operation.budget
    caching = (plugin.cache if operation.cache is None else operation.cache) or NO_WORD
    return Settings(
        limit=UNLIMITED if limit is None else limit,
        cache=caching.ttl,
        caching=caching,
        budget=BUDGET if budget is None else budget,
        budgeted=budget is not None,
        drop=plugin.drop if operation.drop is None else operation.drop,
        encode=plugin.encode if operation.encode is None else operation.encode,
        parameters={**plugin.parameters, **operation.parameters},
        timeout=upstream.timeout if operation.timeout is None else operation.timeout,
        max_bytes=upstream.max_bytes if operation.max_bytes is None else operation.max_bytes,
    )
