"""What comes next is put in where it fits, and taken back where it was too much."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import count
from gateway.shrinking.exact import encode, tidy
from gateway.shrinking.squeeze import Node, squeeze
from gateway.shrinking.topup import TopUp
from tests.shrinking.generated import VALUES, shrinker, text_of
from tests.shrinking.test_fit import recount


def topped(whole: Any, cut: Any, tokens: int, chars: int = 100_000) -> Any:
    top_up = TopUp(Node(encode(whole)), encode(cut))
    top_up.fill(tokens, chars)
    return json.loads(top_up.text())


def test_rows_keys_and_the_rest_of_a_text_are_put_in() -> None:
    whole = {"rows": [1, 2, 3], "text": "one two three", "other": True}
    assert topped(whole, {"rows": [1], "text": "one…"}, 100) == whole


def test_arrays_have_their_turn_one_after_the_other() -> None:
    whole = {"a": list(range(100)), "b": list(range(100, 200))}
    got = topped(whole, {"a": [], "b": []}, 40)
    assert abs(len(got["a"]) - len(got["b"])) <= 1
    assert 15 < len(got["a"]) + len(got["b"]) <= 20


def test_what_does_not_fit_is_left_and_what_is_smaller_is_not() -> None:
    whole = {"long": "word " * 100, "small": "a b c d", "rows": [{"text": "word " * 30}] * 2}
    got = topped(whole, {"long": "word…", "small": "a…", "rows": whole["rows"][:1]}, 20)
    assert got == {"long": "word…", "small": "a b c d", "rows": whole["rows"][:1]}


def test_a_row_is_put_in_slim_and_goes_on_from_there() -> None:
    rows = [{"id": n, "text": "some words " * 100} for n in range(3)]
    (row,) = topped(rows, [], 60)
    assert row["id"] == 0
    assert 150 < len(row["text"]) < 210
    assert topped(rows, [], 1000) == rows


def test_a_key_that_is_too_much_does_not_keep_out_the_others() -> None:
    whole = {"a": 1, "long": [["word " * 30] * 20] * 20, "b": 2}
    assert topped(whole, {}, 12) == {"a": 1, "b": 2}


def test_characters_count_as_well() -> None:
    assert topped([1, 2, 3, 4], [], 100, 5) == [1, 2]


@pytest.mark.parametrize("too_much", [1, 5, 1000])
def test_what_was_too_much_is_taken_back(too_much: int) -> None:
    whole = {"rows": [{"n": n, "inner": ["x", "y", "z"]} for n in range(10)], "text": "one two"}
    cut = {"rows": whole["rows"][:1], "text": "one…"}
    top_up = TopUp(Node(encode(whole)), encode(cut))
    added = top_up.fill(60, 1000)
    back = top_up.fill(-too_much, 0)
    assert -added <= back < 0
    left = json.loads(top_up.text())
    assert left["rows"] == whole["rows"][: len(left["rows"])]
    if too_much == 1000:
        assert (back, left) == (-added, cut)
        assert top_up.fill(-1, 0) == 0


@settings(deadline=None, max_examples=200)
@given(VALUES, st.integers(2, 2000), st.lists(st.integers(-60, 200), min_size=1, max_size=4))
def test_a_value_stays_the_first_of_everything(value: Any, room: int, turns: list[int]) -> None:
    text = tidy(text_of({"value": value}))
    cut = squeeze(Node(text), room)
    if cut is None:
        return
    top_up = TopUp(Node(text), cut)
    for tokens in turns:
        top_up.fill(tokens, tokens * 4)
        found = dict.fromkeys(
            (
                f"{unit} {what}"
                for unit in ("keys", "rows", "characters")
                for what in ("kept", "total")
            ),
            0,
        )
        whole, sent = (
            json.loads(one, parse_float=str, parse_int=str) for one in (text, top_up.text())
        )
        recount(whole, sent, (), found)
        assert top_up.text() == tidy(top_up.text())


@pytest.mark.parametrize("tokens", [500, 2000, 8000])
def test_one_row_more_would_not_fit(tokens: int) -> None:
    rows = [{"id": n, "name": f"name {n}", "at": [n, n + 1]} for n in range(1, 2000)]
    answer = shrinker(budget=Budget(tokens)).shrink(text_of({"data": rows})).body
    sent = json.loads(answer)
    more = {**sent, "data": rows[: len(sent["data"]) + 1]}
    assert sent["data"] == rows[: len(sent["data"])]
    # Numbers of the announcement may take a token more.
    assert count(json.dumps(more, separators=(",", ":"))) + 4 > tokens >= count(answer)
