"""When calls are refused, and when no longer. Time is data: a loop of turns is played."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.overload import (
    AIM,
    CALLS,
    DEAR_CALLS,
    INTERVAL,
    LITTLE,
    LONG,
    LOOK,
    LOOKS,
    MOST_ROOM,
    MUCH,
    PERIOD,
    RETRY_AFTER,
    Load,
    long_turn,
)
from tests.overload.loop import CALL, play, poisson, quantile

A_LOOK = 10  # calls between two looks, here
SMALL = LOOK / A_LOOK / CALLS / 100  # seconds of work, of a call that is nothing


def looked(load: Load, turns: list[float], *, at: float = 0.0, work: float = SMALL) -> list[float]:
    """Look at turns, one every `LOOK`; gives when refusing began or ceased."""
    changed = []
    for number, turn in enumerate(turns):
        now = at + number * LOOK
        if load.look(now, now, turn, number * A_LOOK * work, A_LOOK * number):
            changed.append(now)
    return changed


def test_calls_are_refused_when_most_turns_of_an_interval_were_long() -> None:
    load = Load()
    long = 1.1 * LONG
    (when,) = looked(load, [long, long, long, long, 0.0] * 6)
    assert load.is_shedding
    assert INTERVAL <= when <= INTERVAL + 2 * LOOK
    assert load.managed == pytest.approx(A_LOOK / LOOK)
    assert load.room < 4


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=200))
def test_nothing_is_refused_while_every_second_turn_is_short(
    turns: list[tuple[float, float]],
) -> None:
    load = Load()
    assert not looked(load, [one for turn, _ in turns for one in (LONG / 2, turn)])
    assert not load.is_shedding


@pytest.mark.parametrize(("work", "calls"), [(0.0002, CALLS), (0.01, DEAR_CALLS)])
def test_a_turn_is_long_only_where_many_wait(work: float, calls: int) -> None:
    assert not looked(Load(), [(calls - 1) * work] * 60, work=work)
    assert looked(Load(), [(calls + 1) * work] * 60, work=work)


@pytest.mark.parametrize("call", [1e-6, 40e-6, 130e-6, 200e-6, 300e-6])
def test_the_wait_of_128_callers_is_not_long(call: float) -> None:
    """Who waits for an answer before he asks again is not turned away for it."""
    assert long_turn(call) > MUCH + 128 * call


def test_long_turns_with_silence_between_them_are_no_load() -> None:
    load = Load()
    for number in range(50):
        assert not load.look(number * 2 * INTERVAL, number * 2 * INTERVAL, 1.0, number, number)


def test_turns_that_are_longer_than_an_interval_are_seen() -> None:
    load = Load()
    shedding = [
        load.look(number * 5.0 + 0.01, number * 5.0 + 5.0, 4.99, number * 0.01, number * 10)
        for number in range(9)
    ]
    assert any(shedding)
    assert shedding.index(True) <= LOOKS


def shedding(room: float = 10.0) -> Load:
    load = Load()
    looked(load, [2 * LONG] * 30)
    load.room = room
    return load


def test_of_a_turn_only_so_many_may_begin() -> None:
    load = shedding()
    assert [load.admits() for _ in range(12)] == [True] * 10 + [False] * 2
    assert (load.admitted, load.refused) == (10, 2)
    load.turned()
    assert load.admits()


def settled(work: float, *, sleeps: bool = False, looks: int = 100) -> float:
    """The room after looks between which there were ten turns, in each of which so much was
    worked."""
    load = shedding()
    since = load._since
    for number in range(looks):
        for _ in range(10):
            load.turned()
        load.look(since, since, work, 10 * work * (number + 1), 0, number if sleeps else 0)
    return load.room


def test_the_room_follows_what_is_worked_in_a_turn() -> None:
    assert settled(AIM / 2) == MOST_ROOM
    assert settled(AIM * 2) == 1.0, "at least one call begins in a turn"


def test_there_is_more_room_where_the_process_sleeps_meanwhile() -> None:
    """Who comes in a batch would be refused, and nothing done then."""
    assert settled(AIM * 2, sleeps=True) == MOST_ROOM
    assert settled(AIM * 20, sleeps=True) == 1.0, "but not without end"


def test_after_one_long_turn_others_wait_and_after_a_short_one_no_longer() -> None:
    load = Load()
    looked(load, [0.0, MUCH / 2, MUCH])
    assert load.is_free
    looked(load, [0.0] * 10 + [1.1 * MUCH], at=1.0, work=MUCH / 7)
    assert load.is_crowded
    assert [load.begins() for _ in range(6)] == [True] * 4 + [False] * 2
    looked(load, [MUCH, 1.1 * LITTLE], at=1.0 + 11 * LOOK)
    assert load.is_crowded
    looked(load, [0.9 * LITTLE], at=1.0 + 13 * LOOK)
    assert (load.is_free, load.room) == (True, MOST_ROOM)


def test_from_crowded_to_refusing_and_back_to_free() -> None:
    load = Load()
    looked(load, [2 * LONG] * 30)
    assert (load.is_crowded, load.is_shedding) == (False, True)
    assert played(load, 0, 0)
    assert (load.is_free, load.room) == (True, MOST_ROOM)


def played(load: Load, asked: int, room: int, *, periods: int = 1, at: float = 10.0) -> bool:
    """So many ask in a period, of whom so many find room; gives whether it is over then."""
    for period in range(periods):
        for number in range(asked):
            load._begun = 0 if number < room else 10**9
            load.admits()
        load.look(at, at + (period + 1) * PERIOD, LONG * 2, 0.0, 0)
    return not load.is_shedding


def begun(at: float = 10.0) -> Load:
    load = shedding()
    load.look(at, at, LONG, 0.0, 0)
    load.managed = 1000.0
    load.is_shedding = True
    return load


def test_it_goes_on_as_long_as_too_many_come() -> None:
    assert not played(begun(), 2000, 1000, periods=20)
    assert not played(begun(), 1100, 1000, periods=20)


def test_it_ends_when_less_comes_than_was_managed() -> None:
    """Also where they come all at once, so that some find no room."""
    assert played(begun(), 700, 100)


def test_it_ends_when_nobody_is_refused_any_more() -> None:
    assert played(begun(), 1000, 1000)


def test_it_goes_on_where_calls_have_become_dearer() -> None:
    """What was managed before says nothing then: at most some seconds too few are refused."""
    load = begun()
    played(load, 500, 250, periods=1)
    for _ in range(3):  # over, and begun again by the turns
        looked(load, [2 * LONG] * 30, at=100.0)
        assert load.is_shedding
        assert load.managed < 2000


def test_callers_come_back_at_different_times() -> None:
    load = shedding(room=0.0)
    seen = []
    for _ in range(6):
        load.admits()
        seen.append(load.retry_after)
    assert set(seen) == set(RETRY_AFTER)


# --- a whole loop, played ---------------------------------------------------------------------

CAPACITY = 1 / CALL
FEW = 0.1


def dice() -> Random:
    return Random(1)  # noqa: S311 - no secret


def asked(times: float, *, upstream: float = 150e-6, seconds: float = 4.0) -> tuple[float, ...]:
    """What comes of so many times the capacity after the first second: what was answered of the
    capacity, the 99th percentile, and the share that was refused."""
    load, calls = Load(), poisson(times * CAPACITY, seconds, dice())
    seen = play(calls, load=load, upstream=upstream, most=1000)
    good = sum(1 for came, latency in seen.answered if 1 <= came + latency < seconds)
    refused = len(seen.refused) / (len(seen.refused) + len(seen.answered))
    return good / (seconds - 1) / CAPACITY, quantile(seen.since(1.0), 0.99), refused


@pytest.mark.parametrize("upstream", [0.002, 0.005, 0.02])
def test_twice_the_capacity_costs_neither_answers_nor_time(upstream: float) -> None:
    good, slowest, _ = asked(2, upstream=upstream)
    _, slow, refused = asked(FEW, upstream=upstream)
    assert good >= 0.85
    assert slowest <= 3 * slow
    assert not refused


def test_under_twice_the_capacity_a_call_takes_some_turns_of_the_length_aimed_at() -> None:
    assert asked(2)[1] <= 10 * AIM


@pytest.mark.parametrize("times", [0.5, 0.8, 0.9, 0.95])
def test_what_can_be_answered_is_not_refused(times: float) -> None:
    good, _, refused = asked(times)
    assert good == pytest.approx(times, rel=0.05)
    assert refused == 0


@pytest.mark.parametrize(("times", "least"), [(1.1, 0.85), (1.5, 0.85), (3, 0.75), (5, 0.55)])
def test_more_and_more_calls_take_little_from_what_is_answered(times: float, least: float) -> None:
    good, slowest, _ = asked(times)
    assert good >= least
    assert slowest <= 0.01


@pytest.mark.parametrize("cost", [1.0, 4.0])
def test_no_turn_is_long_when_the_load_doubles_of_a_sudden(cost: float) -> None:
    """Who asks for health needs some turns for it."""
    calls = [*poisson(0.5 * CAPACITY / cost, 1.0, dice())]
    calls += [1 + at for at in poisson(2 * CAPACITY / cost, 2.0, dice())]
    seen = play(iter(calls), load=Load(), cost=cost, upstream=0.005, most=1000)
    assert seen.refused
    assert seen.longest < 4 * MUCH


def test_a_burst_is_answered_whole() -> None:
    """One that takes less than an interval."""
    load, calls = Load(), iter([1 + number * 1e-5 for number in range(1000)])
    seen = play(calls, load=load)
    assert (len(seen.answered), len(seen.refused)) == (1000, 0)


def test_when_the_load_is_gone_nothing_is_refused_any_more() -> None:
    calls = [*poisson(2 * CAPACITY, 2.0, dice())]
    calls += [2 + at for at in poisson(0.5 * CAPACITY, 4.0, dice())]
    load = Load()
    seen = play(iter(calls), load=load, most=1000)
    assert not load.is_shedding
    assert not [came for came in seen.refused if came > 4.0]


def test_dear_calls_are_refused_as_cheap_ones_are() -> None:
    load, dear = Load(), 50.0
    seen = play(poisson(2 * CAPACITY / dear, 12.0, dice()), load=load, cost=dear, most=1000)
    late = seen.since(6.0)
    assert quantile(late, 0.99) <= 10 * dear * CALL
    assert len(late) >= 0.8 * 6 * CAPACITY / dear


@pytest.mark.parametrize("stolen", [(0.003, 0.003), (0.003, 0.009), (0.05, 0.05)])
def test_what_is_left_of_a_shared_core_is_used(stolen: tuple[float, float]) -> None:
    share = stolen[0] / sum(stolen)
    calls = poisson(2 * CAPACITY * share, 4.0, dice())
    seen = play(calls, load=Load(), most=400, stolen=stolen)
    assert len(seen.since(1.0)) >= 0.75 * share * CAPACITY * 3


@pytest.mark.parametrize("cost", [0.5, 1.0, 4.0])
def test_callers_who_wait_for_their_answers_are_not_refused(cost: float) -> None:
    """As many as one would measure a gateway with."""
    calls = poisson(10 * CAPACITY / cost, 3.0, dice())
    load = Load()
    looks = play(calls, load=load, most=128, cost=cost)
    assert not looks.refused
