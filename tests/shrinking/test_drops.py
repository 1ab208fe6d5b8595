"""`drop: [empty]`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from gateway.shrinking.drops import drop_empty
from tests.shrinking.generated import VALUES, shrinker, text_of


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (
            {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": " "},
            {"e": 0, "f": False, "g": " "},
        ),
        ({"a": {"b": {"c": None}}}, {}),
        ({"a": {"b": {"c": None}, "d": 1}}, {"a": {"d": 1}}),
        ({"a": [1, None, 3]}, {"a": [1, None, 3]}),
        ({"a": [{"b": None}, {"c": 1}]}, {"a": [{}, {"c": 1}]}),
        ({"a": [None, "", [], {}]}, {}),
        ({"a": [{"b": None}]}, {}),
        ([None], []),
        (None, None),
        ("", ""),
    ],
)
def test_what_says_nothing_is_dropped_and_items_keep_their_places(value: Any, left: Any) -> None:
    assert drop_empty(value) == left


def has_empty_member(value: Any) -> bool:
    if isinstance(value, dict):
        return any(one in (None, "", [], {}) or has_empty_member(one) for one in value.values())
    return isinstance(value, list) and any(map(has_empty_member, value))


@given(VALUES)
def test_no_member_is_empty_afterwards_and_a_second_pass_changes_nothing(value: Any) -> None:
    left = drop_empty(value)
    assert not has_empty_member(left)
    assert drop_empty(left) == left


@given(VALUES)
def test_what_holds_nothing_empty_is_kept_as_it_is(value: Any) -> None:
    left = drop_empty(value)
    body = text_of({"n": 1, "x": left})
    answer = json.loads(shrinker(drop=("empty",)).shrink(body))
    assert answer == ({"n": 1} if left in (None, "", [], {}) else {"n": 1, "x": left})


def test_numbers_keep_their_text() -> None:
    body = b'{"a": 1.10, "b": null, "c": [12345678901234567890123, -0, 1e400]}'
    assert shrinker(drop=("empty",)).shrink(body) == (
        b'{"a":1.10,"c":[12345678901234567890123,-0,1e400]}'
    )
