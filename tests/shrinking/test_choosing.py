"""A caller chooses of what the operator's rules leave, and of nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import BadArguments
from gateway.shrinking import Rules, Shrinker, compile_shrinker
from gateway.values import Schema

TEXT = {"type": "string"}
TEAM = {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
ROW = {"type": "object", "properties": {"id": TEXT, "secret": TEXT, "team": TEAM}}
SCHEMA: Schema = {
    "type": "object",
    "properties": {"data": {"type": "array", "items": ROW}, "total": {"type": "integer"}},
}
BODY = b'{"data":[{"id":"1","secret":"s","team":{"id":"t","name":"T"}},{"id":"2"}],"total":2}'


def compiled(schema: Schema | None = SCHEMA, taken: tuple[str, ...] = (), **rules: Any) -> Shrinker:
    shrinker, faults = compile_shrinker(schema, {}, Rules(choose=True, **rules), taken)
    assert not faults
    return shrinker


def chosen(shrinker: Shrinker, value: Any) -> Any:
    assert shrinker.choice is not None
    return json.loads(shrinker.shrink(BODY, chosen=shrinker.choice.level(value)).body)


def refused(shrinker: Shrinker, value: Any) -> str:
    assert shrinker.choice is not None
    with pytest.raises(BadArguments) as raised:
        shrinker.choice.level(value)
    return raised.value.detail


def test_what_may_be_chosen_is_listed() -> None:
    choice = compiled(fields=("data.{id,team}", "total")).choice
    assert choice is not None
    assert choice.argument.name == "fields"
    assert choice.argument.schema["items"]["enum"] == [
        "total", "data.id", "data.team.id", "data.team.name",
    ]  # fmt: skip
    choice = compiled(taken=("fields",)).choice
    assert choice is not None
    assert choice.argument.name == "fields_"
    choice = compiled(None).choice
    assert choice is not None
    assert choice.argument.schema["items"] == TEXT


def test_only_what_was_chosen_is_sent() -> None:
    assert chosen(compiled(), ["data.team.name", "total"]) == {
        "data": [{"team": {"name": "T"}}, {}], "total": 2,
    }  # fmt: skip
    assert chosen(compiled(), "data.{id,team.name}") == {
        "data": [{"id": "1", "team": {"name": "T"}}, {"id": "2"}]
    }
    assert chosen(compiled(), ["total", "total"]) == {"total": 2}
    for nothing in (None, []):
        assert chosen(compiled(), nothing) == json.loads(BODY)
    assert chosen(compiled(None), ["total", "none"]) == {"total": 2}


def test_nothing_that_a_rule_hides_comes_back() -> None:
    rules = compiled(fields=("data.id",))
    assert "did you mean 'data.id'" in refused(rules, ["data.ids"])
    assert "'data.secret' is not in the response" in refused(rules, ["data.secret"])


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (5, "expected a list of paths such as 'total', 'data.id'"),
        ([5], "expected a list of paths"),
        (["data["], "expected `]`"),
        (["data.nmae", "totl"], "'totl' is not in the response; did you mean 'total'?"),
        (["data", "data.id"], "already taken whole"),
        (["a"] * 101, "at most 100 paths"),
        (["a" * 501], "at most 100 paths of at most 500"),
        (["$"], "leave `fields` out for that"),
        (["..id"], "`..`"),
        (["data as d"], "fields keep their names here"),
        (["*.{secret as x}"], "fields keep their names here"),
    ],
)
def test_what_cannot_be_chosen_is_told(value: Any, fault: str) -> None:
    assert fault in refused(compiled(), value)
