"""Bounded memory, and what it costs to push somebody out of it."""

from __future__ import annotations

from gateway.config.scalars import Rate
from gateway.limits.callers import Callers
from gateway.limits.window import Window

RATE = Rate(3, 60.0)


def full(callers: Callers[Window], who: str, now: float) -> None:
    while not callers.take(who, RATE, now).wait:
        pass


def test_no_more_callers_are_kept_than_there_is_room_for() -> None:
    callers = Callers(Window, 100)
    for n in range(1000):
        callers.take(str(n), RATE, 0.0)
    assert len(callers) == 100


def test_a_flood_of_new_names_does_not_push_out_who_has_used_up_his_limit() -> None:
    callers = Callers(Window, 100)
    for n in range(50):
        full(callers, f"known {n}", 0.0)
    for n in range(5000):
        callers.take(f"new {n}", RATE, 1.0)
    assert all(callers.take(f"known {n}", RATE, 2.0).wait for n in range(50))


def test_whose_calls_no_longer_count_is_pushed_out_first() -> None:
    callers = Callers(Window, 8)
    for n in range(4):
        full(callers, f"old {n}", 0.0)
    for n in range(4):
        callers.take(f"late {n}", RATE, 100.0)
    for n in range(4):
        callers.take(f"new {n}", RATE, 100.0)
    assert [callers.take(f"late {n}", RATE, 100.0).left for n in range(4)] == [1, 1, 1, 1]


def test_where_all_have_used_theirs_up_the_longest_unseen_goes() -> None:
    callers = Callers(Window, 8)
    for n in range(9):
        full(callers, str(n), float(n))
    assert not callers.take("0", RATE, 10.0).wait


def test_a_limit_of_another_length_begins_anew() -> None:
    callers = Callers(Window)
    full(callers, "me", 1000.0)
    assert callers.take("me", Rate(3, 3600.0), 1000.0).left == 2


def test_nobody_is_let_in_during_a_pause_and_a_shorter_one_does_not_end_it() -> None:
    callers = Callers(Window)
    callers.pause(10.0)
    callers.pause(5.0)
    assert callers.take("me", RATE, 6.0) == (4.0, 0, 4.0)
    assert not callers.take("me", RATE, 10.0).wait
