"""A field that answers no longer have is told, once, and only where it should have been."""

from __future__ import annotations

import json
from typing import Any

from gateway.shrinking.fields import compile_fields
from gateway.shrinking.paths import parse
from gateway.shrinking.typed import Projection
from gateway.shrinking.vanishing import ENOUGH, Watch


def watch(*paths: str) -> Watch:
    level, clashes = compile_fields([parse(path) for path in paths])
    assert not clashes
    return Watch(Projection(level))


def looks(one: Watch, value: Any, times: int) -> list[str]:
    body = json.dumps(value).encode()
    return [path for _ in range(times) for path in one.look(body)]


def test_a_field_that_is_in_no_answer_is_told_once() -> None:
    one = watch("data.{id,team.name as team}", "meta.next")
    answer = {"data": [{"id": 1, "team": {}}, {"id": 2}], "meta": {"next": None}}
    assert looks(one, answer, ENOUGH - 1) == []
    assert looks(one, answer, ENOUGH) == ["data.team"]
    assert one.missing == {"data.team"}


def test_one_object_that_has_it_is_enough() -> None:
    one = watch("data.{id,name}")
    rows = [{"id": 1}] * 5 + [{"id": 1, "name": "x"}]
    assert looks(one, {"data": rows}, 3 * ENOUGH) == []


def test_where_there_is_no_object_nothing_is_missing() -> None:
    one = watch("data.id", "rates.*.value")
    assert looks(one, {"data": [], "rates": {}}, 3 * ENOUGH) == []
    one = watch("data.id", "rates.*.value")
    assert looks(one, {"rates": {"a": {}}}, ENOUGH) == ["data", "rates.*.value"]


def test_what_comes_back_may_be_missed_again() -> None:
    one = watch("a", "b")
    assert looks(one, {"a": 1}, ENOUGH) == ["b"]
    assert looks(one, {"a": 1, "b": None}, 1) == []
    assert one.missing == set()


def test_later_answers_are_looked_at_now_and_then() -> None:
    one = watch("a")
    assert looks(one, {"a": 1}, 100) == []
    assert looks(one, {"x": 1}, 50 * ENOUGH) == ["a"]
