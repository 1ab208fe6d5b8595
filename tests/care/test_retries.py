from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.care.retries import (
    CAP,
    FREE,
    LEAST,
    PATIENCE,
    SHARE,
    Budget,
    Repeats,
    Written,
    may_wait,
    pause,
    repeats,
    told,
)


@pytest.mark.parametrize(
    ("method", "written", "wanted"),
    [
        ("GET", None, Repeats(2, 2)),
        ("HEAD", None, Repeats(2, 2)),
        ("OPTIONS", None, Repeats(2, 2)),
        ("QUERY", None, Repeats(2, 2)),
        ("PUT", None, Repeats(0, 2)),
        ("DELETE", None, Repeats(0, 2)),
        ("POST", None, Repeats(0, 2)),
        ("PATCH", None, Repeats(0, 2)),
        ("GET", 5, Repeats(5, 5)),
        ("PUT", 3, Repeats(3, 3)),
        ("DELETE", 1, Repeats(1, 1)),
        ("POST", 3, Repeats(0, 3)),
        ("PATCH", 3, Repeats(0, 3)),
        ("GET", 0, Repeats(0, 0)),
        ("GET", "no", Repeats(0, 0)),
        ("POST", "no", Repeats(0, 0)),
    ],
)
def test_what_is_repeated_follows_from_the_method_and_what_is_written(
    method: str, written: Written, wanted: Repeats
) -> None:
    assert repeats(method, written) == wanted


def test_a_post_that_only_reads_is_repeated_as_a_get() -> None:
    assert repeats("POST", None, reads=True) == repeats("GET", None)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_are_jittered_grow_and_end_at_a_cap(number: int, chance: float) -> None:
    assert 0.0 <= pause(number, chance) <= min(CAP, 0.1 * 2 ** min(number, 10))
    assert pause(number, 1.0) <= pause(number + 1, 1.0)


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("999999999999999999999999", 86_400.0 * 365),
        ("0000000007", 7.0),
        ("00", 0.0),
        ("²", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        (format_datetime(datetime.fromtimestamp(NOW + 60, UTC)), 60.0),
        ("Mon, 99 Jan 2024 99:99:99 GMT", None),
        ("Wed, 01 Jan 9999 00:00:00 GMT", 86_400.0 * 365),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str | None, wanted: float | None) -> None:
    assert told(value, NOW) == wanted


@given(st.text(max_size=60))
def test_whatever_an_upstream_writes_it_is_seconds_or_nothing(value: str) -> None:
    got = told(value, NOW)
    assert got is None or got >= 0.0


def test_a_pause_is_not_begun_where_no_time_is_left_for_the_try() -> None:
    assert may_wait(1.0, 1.0 + LEAST)
    assert not may_wait(1.0, 1.0)
    assert may_wait(PATIENCE, 3600.0)
    assert not may_wait(PATIENCE + 1, 3600.0)


def test_a_burst_of_failures_is_repeated_for_a_tenth_of_its_calls() -> None:
    budget = Budget()
    sent = 0
    for _ in range(1000):
        budget.called(NOW)
        sent += 1 + budget.take(NOW) + budget.take(NOW)
    assert 1050 <= sent <= 1100


def test_an_upstream_with_few_calls_has_some_repeats() -> None:
    budget = Budget()
    budget.called(NOW)
    assert [budget.take(NOW) for _ in range(FREE + 1)] == [True] * FREE + [False]
    assert budget.take(NOW + 11)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50), st.integers(0, 20)), max_size=40))
def test_at_no_time_are_there_more_repeats_than_the_budget_allows(
    steps: list[tuple[float, int, int]],
) -> None:
    budget, now = Budget(), NOW
    called: list[int] = []
    repeated: list[int] = []
    for seconds, calls, wanted in steps:
        now += seconds
        for _ in range(calls):
            budget.called(now)
            called.append(int(now))
        repeated += [int(now) for _ in range(wanted) if budget.take(now)]
        recent = [len([at for at in ats if at > int(now) - 10]) for ats in (called, repeated)]
        if repeated and repeated[-1] == int(now) and wanted:
            assert recent[1] <= max(FREE, SHARE * len(called))
