"""Schemas drawn at random: a portable one keeps to the rules, of an answer it is never narrower."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest

from gateway.faces.portable import Portable
from gateway.faces.tool_schemas import whole_of
from tests.oracles.rules import faults

TYPES = ["string", "integer", "number", "boolean", "null", "object", "array"]
COUNTS = [0, 1, 2]
NUMBERS = [0, 1, -1, 0.5, 1.5, 3]
BOUNDS = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), COUNTS),
    **dict.fromkeys(("minProperties", "maxProperties"), COUNTS),
    "multipleOf": [2],
    "pattern": ["a"],
    "uniqueItems": [True],
}


def scalar(rng: Random) -> Any:
    return rng.choice(["a", "bb", 0, 1, 2.5, -1, True, False, None, 3])


def drawn(rng: Random, depth: int, names: list[str]) -> Any:
    if rng.random() < 0.05:
        return rng.choice([True, {}, {"description": "x"}])
    if names and rng.random() < 0.2:
        beside = [{}, {"description": "d"}, {"required": ["a"]}, {"properties": {"a": {}}}]
        return {"$ref": "#/components/schemas/" + rng.choice(names), **rng.choice(beside)}
    out: dict[str, Any] = {}
    if rng.random() < 0.8:
        several = rng.sample(TYPES, rng.randint(1, 3))
        out["type"] = rng.choice(TYPES) if rng.random() < 0.7 else several
    if rng.random() < 0.15:
        out["enum"] = [scalar(rng) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.05:
        out["const"] = scalar(rng)
    out |= {key: rng.choice(values) for key, values in BOUNDS.items() if rng.random() < 0.06}
    if depth:
        out |= composed(rng, depth - 1, names)
    return out


def composed(rng: Random, depth: int, names: list[str]) -> dict[str, Any]:
    def one() -> Any:
        return drawn(rng, depth, names)

    makers = {
        "properties": (0.4, lambda: {n: one() for n in rng.sample("abc", rng.randint(1, 3))}),
        "required": (0.25, lambda: rng.sample("abcd", rng.randint(1, 2))),
        "additionalProperties": (0.2, lambda: rng.choice([True, False, one()])),
        "patternProperties": (0.05, lambda: {"^a": one()}),
        "items": (0.3, lambda: rng.choice([one(), one(), one(), True, False])),
        "prefixItems": (0.06, lambda: [one() for _ in range(rng.randint(1, 2))]),
        "not": (0.04, one),
        "if": (0.03, one),
        "then": (0.03, one),
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), (0.12, lambda: members(rng, one))),
    }
    return {key: make() for key, (chance, make) in makers.items() if rng.random() < chance}


def members(rng: Random, one: Any) -> list[Any]:
    special = [{"required": ["a"]}, {"type": "null"}, {}, True, False]
    return [one() if rng.random() < 0.8 else rng.choice(special) for _ in range(rng.randint(1, 3))]


def value(rng: Random, depth: int = 3) -> Any:
    kind = rng.random()
    if kind < 0.4 or not depth:
        return scalar(rng)
    if kind < 0.75:
        return {name: value(rng, depth - 1) for name in rng.sample("abcd", rng.randint(0, 3))}
    return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]


@pytest.mark.parametrize("seed", range(6))
def test_what_a_schema_allows_its_portable_form_allows(seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - to be the same again
    allowed = 0
    for _ in range(250):
        names = ["A", "B", "C"][: rng.randint(0, 3)]
        # As the filter leaves them: components are mappings.
        components = {name: {**as_mapping(drawn(rng, 2, names))} for name in names}
        schema = as_mapping(drawn(rng, 3, names))
        whole = {**schema, "components": {"schemas": components}}
        try:
            before = jsonschema_rs.Draft202012Validator(whole)
        except ValueError:  # a reference that leads nowhere but round
            continue
        answer = whole_of(Portable(components, 100_000, answers=True), schema)
        served = whole_of(Portable(components, 100_000, answers=False), schema)
        assert faults(answer, answer=True) == [], (whole, answer)
        assert set(faults(served)) <= {"it is no closed object"}, (whole, served)
        after = jsonschema_rs.Draft202012Validator(answer)
        for one in (value(rng) for _ in range(40)):
            if before.is_valid(one):
                allowed += 1
                assert after.is_valid(one), (one, whole, answer)
    assert allowed > 1000


def as_mapping(schema: Any) -> dict[str, Any]:
    return schema if isinstance(schema, dict) else {}
