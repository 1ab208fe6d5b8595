from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.scalars import Rate
from gateway.pipeline.limit import SLOTS, Window


@given(
    count=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 30, allow_nan=False), max_size=150),
)
def test_no_window_of_the_rate_ever_holds_more_calls_than_it_allows(
    count: int, gaps: list[float]
) -> None:
    rate, window, now = Rate(count, 60.0), Window(), 1000.0
    passed: list[float] = []
    for gap in gaps:
        now += gap
        if window.take(rate, now) == 0.0:
            passed.append(now)
    for start in passed:
        assert sum(start <= one < start + 60.0 for one in passed) <= count


@given(count=st.integers(1, 20), gaps=st.lists(st.floats(0, 5), min_size=25, max_size=60))
def test_whoever_waits_as_long_as_told_is_let_in(count: int, gaps: list[float]) -> None:
    rate, window, now = Rate(count, 60.0), Window(), 0.0
    for gap in gaps:
        now += gap
        wait = window.take(rate, now)
        if wait:
            now += wait
            assert window.take(rate, now) == 0.0


def test_a_full_window_lets_in_the_first_calls_and_then_refuses() -> None:
    rate, window = Rate(3, 60.0), Window()
    assert [window.take(rate, 5.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 60.0 <= window.take(rate, 5.0) <= 61.0


def test_a_window_costs_no_more_than_its_slots_whatever_the_limit() -> None:
    rate, window = Rate(1_000_000, 86_400.0), Window()
    for second in range(0, 86_400 * 2, 50):
        window.take(rate, float(second))
    assert len(window.slots) <= SLOTS + 2
