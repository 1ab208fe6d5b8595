from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.scalars import Rate
from gateway.limits.window import SLOTS, Window

SECONDS = (1.0, 60.0, 3600.0, 86_400.0)


@given(
    count=st.integers(1, 20),
    seconds=st.sampled_from(SECONDS),
    gaps=st.lists(st.floats(0, 0.5, allow_nan=False), max_size=150),
)
def test_no_window_of_the_rate_ever_holds_more_calls_than_it_allows(
    count: int, seconds: float, gaps: list[float]
) -> None:
    rate, window, now = Rate(count, seconds), Window(), 1000.0
    passed: list[float] = []
    for gap in gaps:
        now += gap * seconds
        if not window.take(rate, now).wait:
            passed.append(now)
    for start in passed:
        assert sum(start <= one < start + seconds for one in passed) <= count


@given(
    count=st.integers(1, 6),
    gaps=st.lists(st.sampled_from([0, 1, 2, 57, 58, 59, 60, 61]), min_size=3, max_size=30),
)
def test_it_counts_what_a_list_of_all_calls_would(count: int, gaps: list[int]) -> None:
    rate, window, slot = Rate(count, 60.0), Window(), 100
    passed: list[int] = []
    for gap in gaps:
        slot += gap
        free = count - sum(slot - one <= SLOTS for one in passed)
        taken = window.take(rate, slot + 0.5)
        assert (not taken.wait, taken.left) == (free > 0, max(0, free - 1))
        if free > 0:
            passed.append(slot)


@given(count=st.integers(1, 20), gaps=st.lists(st.floats(0, 5), min_size=25, max_size=60))
def test_whoever_waits_as_long_as_told_is_let_in(count: int, gaps: list[float]) -> None:
    rate, window, now = Rate(count, 60.0), Window(), 0.0
    for gap in gaps:
        now += gap
        wait = window.take(rate, now).wait
        if wait:
            now += wait
            assert window.take(rate, now).wait == 0.0


@given(
    count=st.integers(2, 20),
    gaps=st.lists(st.floats(0, 20), min_size=1, max_size=60),
    lowered=st.integers(1, 19),
)
def test_after_a_limit_was_lowered_whoever_waits_as_long_as_told_is_let_in(
    count: int, gaps: list[float], lowered: int
) -> None:
    window, now = Window(), 0.0
    for gap in gaps:
        now += gap
        window.take(Rate(count, 60.0), now)
    rate = Rate(min(lowered, count - 1), 60.0)
    wait = window.take(rate, now).wait
    if wait:
        assert window.take(rate, now + wait).wait == 0.0


@given(count=st.integers(1, 9), gaps=st.lists(st.floats(0, 20), min_size=1, max_size=40))
def test_as_many_calls_as_are_left_may_follow_and_after_the_time_told_there_are_more(
    count: int, gaps: list[float]
) -> None:
    rate, window, now = Rate(count, 60.0), Window(), 0.0
    for gap in gaps:
        now += gap
        taken = window.take(rate, now)
    twin = Window()
    twin.slots, twin.total = window.slots[:], window.total
    for _ in range(taken.left):
        assert not twin.take(rate, now).wait
    assert twin.take(rate, now).wait
    later = now + taken.resets + 0.001
    assert rate.count - window.used(60.0, later) > taken.left


def test_a_full_window_lets_in_the_first_calls_and_then_refuses() -> None:
    rate, window = Rate(3, 60.0), Window()
    assert [window.take(rate, 5.0)[:2] for _ in range(3)] == [(0.0, 2), (0.0, 1), (0.0, 0)]
    refused = window.take(rate, 5.0)
    assert 60.0 <= refused.wait <= 61.0
    assert (refused.left, refused.resets) == (0, refused.wait)


def test_a_refused_call_is_not_counted() -> None:
    rate, window = Rate(1, 60.0), Window()
    assert [bool(window.take(rate, now).wait) for now in (0.0, 30.0, 60.0)] == [False, True, True]
    assert not window.take(rate, 61.5).wait


def test_what_is_noted_counts_whether_there_is_room_or_not() -> None:
    rate, window = Rate(2, 60.0), Window()
    for _ in range(5):
        window.note(rate, 10.0)
    assert window.used(60.0, 10.0) == 5
    assert window.take(rate, 10.0).wait
    assert window.counted(60.0, 10.0) == {10: 5}


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_window_costs_no_more_than_its_slots_whatever_the_limit(seconds: float) -> None:
    rate, window = Rate(1_000_000, seconds), Window()
    for step in range(4000):
        window.take(rate, 1e6 + step * seconds / 1500)
    assert len(window.slots) <= SLOTS + 2
    assert window.total == sum(window.counted(seconds, 1e6 + 3999 * seconds / 1500).values())
