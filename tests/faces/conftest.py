"""Plugins built by hand, as `gateway.plugin` would build them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.config import types
from gateway.config.scalars import Budget, Rate
from gateway.plugin import Operation, Plugin
from gateway.request.reading import reader_of
from gateway.shrinking import Rules, compile_shrinker
from gateway.values import (
    Argument,
    Schema,
    SpecBody,
    SpecOperation,
    SpecParameter,
    SpecReply,
    UpstreamRequest,
)

BUDGET = 8000  # which nobody has written


def _no_build(
    arguments: Mapping[str, Any], headers: Mapping[str, str], *, heals: bool = False
) -> UpstreamRequest:
    raise NotImplementedError


def make_operation(
    name: str = "getPlayers",
    method: str = "GET",
    path: str = "/players",
    *,
    arguments: tuple[Argument, ...] = (),
    summary: str = "Find players",
    description: str = "Find players by name.",
    written: bool = False,
    reply: SpecReply | None = None,
    returns: Schema | None = None,
    components: Mapping[str, Schema] | None = None,
    parameters: tuple[SpecParameter, ...] = (),
    body: SpecBody | None = None,
    consequential: bool | None = None,
    address: str | None = None,
    timeout: float = 30.0,
    cache: float | None = 60.0,
    budget: int = BUDGET,
    limit_items: Mapping[str, int] | None = None,
) -> Operation:
    schema = returns if returns is not None else {"type": "object", "properties": {}}
    rules = Rules(
        fields=(),
        drop=(),
        limit_items=limit_items or {},
        budget=Budget(budget) if budget else Budget(0, 0),
    )
    shrinker, faults = compile_shrinker(schema, components or {}, rules)
    assert not faults
    spec = SpecOperation(
        method,
        path,
        path,
        operation_id=name,
        summary=summary,
        description=description,
        parameters=parameters,
        body=body,
        reply=reply or SpecReply(schema=schema),
    )
    return Operation(
        plugin="sportStats",
        name=name,
        address=path if address is None else address,
        spec=spec,
        summary=summary,
        description=description,
        written=written,
        arguments=arguments,
        by_name={argument.name: argument for argument in arguments},
        withheld={},
        consequential=method != "GET" if consequential is None else consequential,
        build=_no_build,
        readers={one.name: reader_of(one, components or {}) for one in arguments},
        shrinker=shrinker,
        limit=Rate(0, 1.0),
        limit_scope="sportStats",
        cache=cache,
        timeout=timeout,
        max_bytes=1024,
        budgeted=budget != BUDGET,
        replies=schema,
        rules=rules,
    )


def make_plugin(
    *operations: Operation,
    components: Mapping[str, Schema] | None = None,
    title: str = "Sport Stats",
    summary: str = "NBA players, teams and games.",
    description: str = "Use for NBA players.",
    contact: str = "support@example.com",
    logo_file: bytes | None = None,
    legal_file: tuple[str, bytes] | None = None,
    **config: Any,
) -> Plugin:
    operations = operations or (make_operation(),)
    config.setdefault("spec", "spec.yaml")
    return Plugin(
        config=types.Plugin(plugin="sportStats", **{"operations": "all", **config}),
        secrets=frozenset(),
        base="https://api.example.com",
        title=title,
        summary=summary,
        description=description,
        version="1.2",
        contact=contact,
        operations={one.name: one for one in operations},
        components=components or {},
        logo=logo_file,
        legal=legal_file,
    )


@pytest.fixture
def plugin() -> Callable[..., Plugin]:
    return make_plugin


@pytest.fixture
def operation() -> Callable[..., Operation]:
    return make_operation
