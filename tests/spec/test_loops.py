"""No schema is part of itself afterwards, and those that are not stay as they were."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.spec.loops import CHAIN, break_loops


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def broken(components: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    lines: list[str] = []
    return break_loops(components, lines.append), lines


def test_a_schema_may_hold_itself_where_the_value_gets_smaller() -> None:
    tree = {"T": {"properties": {"l": ref("T")}, "items": ref("T"), "allOf": [{"items": ref("T")}]}}
    assert broken(tree) == (tree, [])


@pytest.mark.parametrize(
    ("looped", "cut"),
    [
        ({**ref("A"), "title": "t"}, {"title": "t"}),
        ({"allOf": [ref("A"), {"title": "t"}]}, {"allOf": [{}, {"title": "t"}]}),
        ({"anyOf": [{"oneOf": [ref("A")]}]}, {"anyOf": [{"oneOf": [{}]}]}),
        ({"not": ref("A")}, {"not": {}}),
        ({"dependentSchemas": {"x": ref("A")}}, {"dependentSchemas": {"x": {}}}),
    ],
)
def test_a_schema_that_is_its_own_part_is_cut(looped: Any, cut: Any) -> None:
    schemas, lines = broken({"A": looped})
    assert schemas == {"A": cut}
    assert len(lines) == 1


def test_a_circle_is_cut_once() -> None:
    circle = {"A": {"allOf": [ref("B")]}, "B": {"anyOf": [ref("C")]}, "C": {"allOf": [ref("A")]}}
    schemas, lines = broken(circle)
    assert schemas == {**circle, "C": {"allOf": [{}]}}
    assert len(lines) == 1


def test_a_chain_longer_than_anyone_could_want_is_cut_in_time_linear_in_its_length() -> None:
    count = 100_000
    chain: dict[str, Any] = {f"A{i}": {"allOf": [ref(f"A{i + 1}")]} for i in range(count)}
    started = time.process_time()
    schemas, _ = broken({**chain, f"A{count}": {}})
    assert time.process_time() - started < 20
    length = longest = 0
    for i in range(count):
        length = length + 1 if schemas[f"A{i}"]["allOf"] != [{}] else 0
        longest = max(longest, length)
    assert 0 < longest < CHAIN
