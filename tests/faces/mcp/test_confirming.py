"""States: signed, bound, short-lived, used once."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.faces.mcp.confirming import SECONDS, Confirmations, Forged, key_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(clock: Clock) -> Confirmations:
    return Confirmations(clock)


def test_a_state_works_once(made: Confirmations) -> None:
    state = made.state(b"call")
    assert made.take(state, b"call")
    assert not made.take(state, b"call")


def test_no_two_states_are_the_same(made: Confirmations) -> None:
    assert made.state(b"call") != made.state(b"call")


def test_a_state_is_of_its_call_alone(made: Confirmations) -> None:
    state = made.state(b"call")
    with pytest.raises(Forged):
        made.take(state, b"another call")
    assert made.take(state, b"call")  # who tried in vain has not used it up


def test_a_state_of_another_gateway_is_none(clock: Clock, made: Confirmations) -> None:
    with pytest.raises(Forged):
        made.take(Confirmations(clock).state(b"call"), b"call")


async def test_of_gateways_that_share_a_key_one_takes_what_another_made_once(clock: Clock) -> None:
    taken: set[bytes] = set()

    async def alone(name: bytes, seconds: float) -> bool:
        assert seconds > SECONDS
        fresh = name not in taken
        taken.add(name)
        return fresh

    one, other, third = (Confirmations(clock, key_of(b"secret"), alone) for _ in range(3))
    state = one.state(b"call")
    assert await other.claim(state, b"call")
    for gateway in (one, other, third):
        assert not await gateway.claim(state, b"call")
    stranger = Confirmations(clock, key_of(b"another"), alone)
    with pytest.raises(Forged):
        await stranger.claim(one.state(b"call"), b"call")
    late = one.state(b"call")
    clock.now += SECONDS
    assert not await other.claim(late, b"call")
    assert len(taken) == 1  # nobody is asked about what does not work anyway


@pytest.mark.parametrize(
    "state", [None, 1, [], {}, "", "x", "\u00fc", "AAAA", "=", "A" * 76, "A" * 100_000, b"AAAA"]
)
def test_what_is_no_state_is_forged(made: Confirmations, state: Any) -> None:
    with pytest.raises(Forged):
        made.take(state, b"call")


def test_a_state_with_something_behind_it_is_forged(made: Confirmations) -> None:
    with pytest.raises(Forged):
        made.take(made.state(b"call") + "-TAMPERED", b"call")


@given(st.integers(0, 55), st.integers(1, 255))
def test_a_state_with_one_byte_changed_is_forged(place: int, change: int) -> None:
    made = Confirmations(Clock())
    raw = bytearray(base64.urlsafe_b64decode(made.state(b"call")))
    assert len(raw) == 56
    raw[place] ^= change
    with pytest.raises(Forged):
        made.take(base64.urlsafe_b64encode(raw).decode(), b"call")


def test_a_state_lives_some_minutes(clock: Clock, made: Confirmations) -> None:
    young, old = made.state(b"call"), made.state(b"call")
    clock.now += SECONDS - 1
    assert made.take(young, b"call")
    clock.now += 1
    assert not made.take(old, b"call")


def test_when_too_many_are_remembered_older_states_are_void_and_none_works_twice(
    clock: Clock,
) -> None:
    made = Confirmations(clock, most=3)
    unused = made.state(b"call")
    used = []
    for _ in range(4):
        clock.now += 1
        used.append(made.state(b"call"))
        assert made.take(used[-1], b"call")
    assert len(made._used) == 1
    assert not made.take(unused, b"call")
    assert not any(made.take(state, b"call") for state in used)
    clock.now += 1
    assert made.take(made.state(b"call"), b"call")


def test_what_has_expired_makes_room_and_voids_nothing(clock: Clock) -> None:
    made = Confirmations(clock, most=2)
    assert made.take(made.state(b"call"), b"call")
    clock.now += SECONDS - 100
    unused = made.state(b"call")
    assert made.take(made.state(b"call"), b"call")
    clock.now += 100
    assert made.take(made.state(b"call"), b"call")
    assert made.take(unused, b"call")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200)), max_size=40))
def test_however_many_are_used_and_when_none_works_twice(steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    made = Confirmations(clock, most=3)
    states: list[str] = []
    taken: set[str] = set()
    for number, seconds in steps:
        clock.now += seconds
        states.append(made.state(b"call"))
        state = states[-1 - min(number, len(states) - 1)]
        if made.take(state, b"call"):
            assert state not in taken
            taken.add(state)
        assert len(made._used) <= 3
