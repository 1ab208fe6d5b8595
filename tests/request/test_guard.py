from __future__ import annotations

import time

import pytest

from gateway.request.guard import guard

STANDS_IN = guard(["season", "api_key", "filter[status]", "page[size]", "user_id"])


@pytest.mark.parametrize(
    "name",
    [
        "season",
        "Season",
        " season",
        "season[]",
        "season[0][x]",
        "season.year",
        "Api_Key",
        "api_key[]",
        "api.key",
        "api key",
        "api[key",
        "filter[status][]",
        "filter.status",
        "FILTER[Status][a]",
        "filter",
        "filter[]",
    ],
)
def test_another_spelling_of_a_guarded_name_is_found(name: str) -> None:
    assert STANDS_IN(name)


@pytest.mark.parametrize(
    "name", ["", "[]", "seasons", "key", "api", "filter[name]", "page[number]", "user", "id"]
)
def test_other_names_are_free(name: str) -> None:
    assert not STANDS_IN(name)


def test_a_long_name_costs_no_more_than_its_length() -> None:
    before = time.process_time()
    assert not STANDS_IN("a." * 500_000)
    assert STANDS_IN("season" + "[]" * 500_000)
    assert time.process_time() - before < 5.0
