"""Rules over a long text, batch by batch, leave what they would leave of its tree."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from gateway.config.scalars import Budget
from gateway.config.types import TextRule
from gateway.shrinking import Rules, Shrinker, batches, compile_shrinker, limits
from gateway.shrinking import shrinker as shrinker_module
from gateway.shrinking.fields import compile_fields
from gateway.shrinking.paths import parse
from gateway.shrinking.typed import Projection
from gateway.shrinking.vanishing import seen

HIDDEN = "a\u200bb"
ROW = {"id": 1, "n": 1.10, "self": "https://example.com/1", "none": None, "a": ["x", {"b": []}]}
RULES = {
    "drop": Rules(drop=["empty", "urls"]),
    "drop one": Rules(drop=["nulls", "..self"]),
    "untrusted": Rules(untrusted="all"),
    "html": Rules(strings={"..text": TextRule(html="text")}),
    "max": Rules(strings={"data.text": TextRule(max=5), "text": TextRule(max=5)}),
    "table": Rules(drop=["empty"], encode="table"),
    "fields": Rules(fields=["data.{id,text as words}", "a.*.data.a", "meta.text", "z"]),
    "every key": Rules(fields=["*.{id,text}"]),
    "rows at the top": Rules(fields=["id", "a as all", "n"]),
    "fields, lifted": Rules(fields=["data.id as ids", "data.text as texts"]),
    "limits": Rules(limit_items={"data": 40, "data.a": 1, "$": 3}),
}


def row(number: int) -> dict[str, Any]:
    text = f'<b>No. {number}</b>, said: "}},{{" &amp; [1],[2] {HIDDEN if number % 3 else ""}'
    return {**ROW, "id": number, "text": text}


def shrinker(rules: Rules) -> Shrinker:
    return compile_shrinker(None, {}, rules)[0]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LONG", 4000)
    monkeypatch.setattr(batches, "_BATCH", 700)
    monkeypatch.setattr(shrinker_module, "LONG", 4000)
    monkeypatch.setattr(limits, "PIECE", 700)


def both(rules: Rules, value: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    one, text = shrinker(rules), json.dumps(value).encode()
    in_batches = one.shrink(text).body
    monkeypatch.setattr(batches, "LONG", 1 << 40)
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


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_what_a_caller_chooses_is_the_same_in_batches(
    shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shrinker(Rules(choose=True))
    text = json.dumps(shape).encode()
    assert one.choice is not None
    for paths in (["data.id", "meta"], ["*.text"], ["id", "a"], ["data"]):
        chosen, _ = compile_fields([parse(path) for path in paths])
        in_batches = one.shrink(text, chosen=chosen).body
        with monkeypatch.context() as patch:
            patch.setattr(shrinker_module, "LONG", 1 << 40)
            assert json.loads(one.shrink(text, chosen=chosen).body) == json.loads(in_batches)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_the_fields_that_an_answer_has_are_seen_in_batches(
    shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rules in (RULES["fields"], RULES["every key"], RULES["rows at the top"]):
        take = shrinker(rules).take
        assert isinstance(take, Projection)
        text = json.dumps(shape).encode()
        in_batches = seen(take, text)
        with monkeypatch.context() as patch:
            patch.setattr(batches, "LONG", 1 << 40)
            assert seen(take, text) == in_batches


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
