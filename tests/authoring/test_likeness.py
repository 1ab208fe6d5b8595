from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authoring.likeness import ALIKE, Text, _likeness, _shingles, alike


def likeness(one: str, other: str) -> float:
    found = alike([Text("a", one), Text("b", other)], 0.01)
    return found[0].likeness if found else 0.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find players by name. Returns ids for the other operations.",
         "Finds players by name. Returns the ids for other operations and more."),
        ("The latest price and nothing else.", "The latest price of a stock and nothing else."),
        ("Get the weather forecast for a city.",
         "Get the weather forecast of a city for the next days."),
    ],
)  # fmt: skip
def test_copies_with_a_word_changed_are_alike(one: str, other: str) -> None:
    assert likeness(one, other) >= ALIKE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List all customers", "List all invoices"),
        ("Search for issues in a repository.", "Search for pages in a space."),
        ("Returns a list of customers, newest first.", "Returns a list of invoices, newest first."),
        ("Retrieves a tax rate with the given ID", "Retrieves tax rates"),
    ],
)
def test_texts_about_different_things_are_not(one: str, other: str) -> None:
    assert likeness(one, other) < ALIKE


def test_texts_of_one_owner_are_not_compared() -> None:
    assert alike([Text("a", "the latest price of a stock")] * 3) == []


words = st.lists(st.sampled_from(["red", "blue", "green", "price", "city", "list"]), max_size=8)


@given(st.lists(words, max_size=12))
def test_what_is_found_is_what_comparing_all_with_all_finds(bags: list[list[str]]) -> None:
    texts = [Text(str(number), " ".join(bag)) for number, bag in enumerate(bags)]
    shingled = [_shingles(one.text) for one in texts]
    wanted = {
        (first, second)
        for second in range(len(texts))
        for first in range(second)
        if shingled[first] and shingled[second]
        and _likeness(shingled[first], shingled[second]) >= ALIKE
    }  # fmt: skip
    assert {(one.first, one.second) for one in alike(texts)} == wanted
