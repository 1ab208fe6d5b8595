"""Rules over a long text, batch by batch, leave what they would leave of its tree."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from gateway.config.scalars import Budget
from gateway.config.types import TextRule
from gateway.shrinking import Rules, Shrinker, batches, compile_shrinker

HIDDEN = "a\u200bb"
ROW = {"id": 1, "n": 1.10, "self": "https://example.com/1", "none": None, "a": ["x", {"b": []}]}
RULES = {
    "drop": Rules(drop=["empty", "urls"]),
    "drop one": Rules(drop=["nulls", "..self"]),
    "untrusted": Rules(untrusted="all"),
    "html": Rules(strings={"..text": TextRule(html="text")}),
    "max": Rules(strings={"data.text": TextRule(max=5), "text": TextRule(max=5)}),
    "table": Rules(drop=["empty"], encode="table"),
}


def row(number: int) -> dict[str, Any]:
    text = f'<b>No. {number}</b>, said: "}},{{" &amp; [1],[2] {HIDDEN if number % 3 else ""}'
    return {**ROW, "id": number, "text": text}


def shrinker(rules: Rules) -> Shrinker:
    return compile_shrinker(None, {}, rules)[0]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_LONG", 4000)
    monkeypatch.setattr(batches, "_BATCH", 700)


def both(rules: Rules, value: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    one, text = shrinker(rules), json.dumps(value).encode()
    in_batches = one.shrink(text).body
    monkeypatch.setattr(batches, "_LONG", 1 << 40)
    return json.loads(in_batches), json.loads(one.shrink(text).body)


SHAPES = {
    "inside": {"meta": {"none": None, "text": HIDDEN}, "data": [row(n) for n in range(60)], "z": 1},
    "the top": [row(n) for n in range(60)],
    "deeper": {"a": {"b\\c": {"data": [row(n) for n in range(60)], "none": None}}, "n": 1e400},
    "empty rows": {"data": [{"x": None}] * 600, "other": [1, None]},
    "the first are empty": {"data": [{"x": None}] * 300 + [row(1)], "other": 1},
    "the last are empty": {"data": [row(1)] + [{"x": None}] * 300, "other": 1},
    "one row is long": {"data": [row(1), {"a": ["x" * 50] * 300}, row(2)]},
    "plain": {"data": ["a,b", '"],["', None, 12] * 400},
    "arrays": {"data": [[1, [2, 3]], [], [None]] * 300},
    "a string": {"data": "x," * 4000},
    "members": {str(number): row(number) for number in range(60)},
}


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_batches_leave_what_the_tree_would(
    shape: Any, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_batches, at_once = both(rules, shape, monkeypatch)
    assert in_batches == at_once


def test_it_is_done_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    text = json.dumps(SHAPES["inside"], separators=(",", ":")).encode()
    batches.changed(text, lambda tree: (sizes.append(len(str(tree))) or tree, {}))
    assert len(sizes) > 5
    assert max(sizes) < len(text) / 2


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("schema", [None, {"type": "array", "items": {"type": "object"}}])
def test_a_shrinker_made_again_elsewhere_does_the_same(schema: Any, rules: Rules) -> None:
    text = json.dumps([row(number) for number in range(9)]).encode()
    for more in (
        rules,
        Rules(fields=["id", "text as words"], budget=Budget(100, 900)),
        Rules(limit_items={"$": 2} if schema else {"items": 2}, hard=["$"] if schema else []),
        Rules(choose=True, jmespath="[?id > `2`].{id: id}"),
    ):
        one, faults = compile_shrinker(schema, {}, more)
        assert not faults
        again = pickle.loads(pickle.dumps(one))  # noqa: S301
        assert again.fingerprint == one.fingerprint
        assert again.shrink(text) == one.shrink(text)
        assert again.allowed(text) == one.allowed(text)
