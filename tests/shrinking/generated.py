"""JSON of every kind, schemas that allow it, and the payloads of real APIs where they are had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import Rules, Shrinker, compile_shrinker
from gateway.values import Schema

NO_BUDGET = Budget(0, 0)
_PAYLOADS = Path(__file__).parents[3] / "shared" / "data" / "payloads"
PAYLOADS = sorted(path for path in _PAYLOADS.glob("*.json") if path.name != "manifest.json")

KEYS = st.one_of(
    st.sampled_from(
        ["id", "name", "data", "items", "value", "_shrunk", "a.b", 'a"b', "", "é", "$"]
    ),
    st.text(max_size=6).filter(lambda text: text.isprintable()),
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.builds(
        lambda text, times: text * times,
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
        st.integers(1, 300),
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
_SMALL = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=20,
)
_MANY = st.builds(lambda row, times: [row] * times, _SMALL, st.integers(1, 60))
_WIDE = st.builds(
    lambda value, keys: {f"{key}": value for key in range(keys)}, _SMALL, st.integers(1, 300)
)
VALUES = st.one_of(
    _SMALL, _MANY, _WIDE, st.dictionaries(KEYS, st.one_of(_SMALL, _MANY), max_size=4)
)


def text_of(value: Any, *, spaced: bool = False) -> bytes:
    """A value as an upstream would write it."""
    return json.dumps(value, ensure_ascii=spaced, indent=2 if spaced else None).encode()


def shrinker(
    schema: Schema | None = None,
    components: dict[str, Schema] | None = None,
    *,
    fields: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    limit_items: dict[str, int] | None = None,
    budget: Budget = NO_BUDGET,
) -> Shrinker:
    """Compile rules that have no fault."""
    compiled, faults = compile_shrinker(
        schema,
        components or {},
        Rules(fields=fields, drop=drop, limit_items=limit_items or {}, budget=budget),
    )
    assert not faults
    return compiled


def faults_of(
    schema: Schema | None,
    *,
    fields: tuple[str, ...] = (),
    limit_items: dict[str, int] | None = None,
) -> list[str]:
    """Compile rules that have faults, and give what is said of them."""
    _, faults = compile_shrinker(
        schema, {}, Rules(fields=fields, drop=(), limit_items=limit_items or {}, budget=NO_BUDGET)
    )
    return [f"{fault.key}.{fault.index}: {fault.message}" for fault in faults]
