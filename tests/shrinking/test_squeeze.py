"""The ladder, in bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.shrinking import squeeze as squeeze_module
from gateway.shrinking.exact import encode, tidy
from gateway.shrinking.squeeze import Node, shorten, squeeze
from tests.shrinking.generated import TEXTS, VALUES, text_of


def squeezed(value: Any, room: int) -> Any:
    text = squeeze(Node(encode(value)), room)
    return None if text is None else json.loads(text)


@settings(deadline=None, max_examples=300)
@given(VALUES, st.integers(0, 3000))
def test_a_value_of_its_own_type_in_no_more_room(value: Any, room: int) -> None:
    text = tidy(text_of(value))
    cut = squeeze(Node(text), room)
    if cut is None:
        assert room < 5 or not isinstance(value, str | list | dict)
        return
    assert len(cut) <= room
    assert type(json.loads(cut)) is type(value)
    assert (cut == text) == (len(text) <= room)


@given(TEXTS, st.integers(5, 200))
def test_a_string_is_its_beginning_and_a_mark(text: str, room: int) -> None:
    string = encode(text)
    if len(string) > room:
        cut = shorten(string, room)
        assert room - 32 < len(cut) <= room
        left = json.loads(cut)
        assert left[-1] == "…"
        assert text.startswith(left[:-1])


def test_a_string_ends_between_words_where_one_is_near() -> None:
    assert shorten(b'"the quick brown fox jumps"', 18) == '"the quick…"'.encode()


@pytest.mark.parametrize("floor", [200, 50, 16])
def test_slim_never_exceeds_the_size(floor: int) -> None:
    for value in ({"a": "x" * 300, "b": list(range(200))}, ["y" * 30] * 40, "z" * 500, 12):
        node = Node(encode(value))
        assert node.slim(floor) <= node.size


def test_the_longest_strings_go_first() -> None:
    cut = squeezed({"a": "x" * 2000, "b": "y" * 600, "c": "z" * 250}, 1500)
    assert len(cut["c"]) == 250
    assert len(cut["b"]) == 600
    assert 550 < len(cut["a"]) < 650
    cut = squeezed({"a": "x" * 2000, "b": "y" * 600, "c": "z" * 250}, 1000)
    assert len(cut["c"]) == 250
    assert abs(len(cut["a"]) - len(cut["b"])) <= 1


def test_keys_are_never_cut() -> None:
    key = "k" * 400
    assert list(squeezed({key: "x" * 2000, "b": "y" * 2000}, 1200)) == [key, "b"]


def test_rows_are_the_first_ones_in_their_order() -> None:
    cut = squeezed([{"id": n, "name": f"name {n}"} for n in range(100)], 500)
    assert cut == [{"id": n, "name": f"name {n}"} for n in range(len(cut))]
    assert len(cut) > 10


def test_a_map_keeps_whole_entries() -> None:
    prices = {f"2024-01-{n:02}": {"open": "1.0", "close": "2.0"} for n in range(28)}
    cut = squeezed(prices, 300)
    assert cut == dict(list(prices.items())[: len(cut)])
    assert len(cut) >= 5


def test_of_a_record_that_does_not_fit_the_cheap_members_stay() -> None:
    record = {"deep": {"x": {f"k{n}": "v" * 20 for n in range(50)}}, "id": 7, "name": "a name"}
    cut = squeezed(record, 60)
    assert cut["id"] == 7
    assert cut["name"] == "a name"
    assert list(cut) == ["deep", "id", "name"]
    assert isinstance(cut["deep"], dict)


def test_what_is_too_deep_is_emptied() -> None:
    value: Any = "x" * 1000
    for _ in range(300):
        value = {"a": value, "b": 1}
    cut = squeezed(value, 700)
    assert cut["a"]["a"]["a"]["b"] == 1


def test_long_strings_are_looked_for_once_whatever_the_rooms() -> None:
    value = {"rows": [{"n": n, "text": "word " * (n % 3 * 40)} for n in range(200)]}
    text = encode(value)
    kept = Node(text)
    for room in (10, 300, 200, 5_000, 4_000, 12_000, 30_000, 3_000, 60_000):
        assert kept.long_strings(room) == Node(text).long_strings(room)
    looked: list[int] = []

    class Pattern:
        def finditer(self, raw: bytes, start: int = 0) -> Any:
            for match in strings.finditer(raw, start):
                looked.append(match.start())
                yield match

    strings = squeeze_module._STRINGS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(squeeze_module, "_STRINGS", Pattern())
        node = Node(encode(["x"] * 5_000))
        for room in range(0, 20_000, 500):
            node.long_strings(room)
    assert looked == sorted(set(looked))
