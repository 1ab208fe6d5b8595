"""Who may hold how many of the slots."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Overloaded
from gateway.slots import Slots


def taken(slots: Slots, address: str, plugin: str, most: int = 10_000) -> list[Callable[[], None]]:
    """As many as are given."""
    held: list[Callable[[], None]] = []
    while len(held) < most:
        try:
            held.append(slots.take(address, plugin))
        except Overloaded:
            break
    return held


def shared(most: int) -> Slots:
    slots = Slots(most)
    slots.are_shared = True
    return slots


def test_a_plugin_alone_may_hold_all() -> None:
    slots = Slots(100)
    assert sum(len(taken(slots, f"192.0.2.{n}", "a")) for n in range(9)) == 100


def test_each_of_several_plugins_leaves_as_much_as_it_takes() -> None:
    slots = shared(1200)
    held = [
        sum(len(taken(slots, f"192.0.2.{n}", plugin, most=50)) for n in range(30))
        for plugin in ("a", "b", "c")
    ]
    assert held == [600, 300, 150]


def test_of_what_an_address_may_hold_it_is_the_same() -> None:
    slots = shared(1024)
    first = taken(slots, "192.0.2.1", "a")
    with pytest.raises(Overloaded, match="128 calls of your address to the plugin a"):
        slots.take("192.0.2.1", "a")
    second = taken(slots, "192.0.2.1", "b")
    assert (len(first), len(second)) == (128, 64)
    assert len(taken(slots, "192.0.2.2", "a")) == 128


def test_one_call_of_each_plugin_is_always_taken() -> None:
    slots = shared(2)
    slots.take("192.0.2.1", "a")
    with pytest.raises(Overloaded, match="1 calls of the plugin a"):
        slots.take("192.0.2.1", "a")
    slots.take("192.0.2.1", "b")
    with pytest.raises(Overloaded, match="as many as are taken"):
        slots.take("192.0.2.1", "c")
    tiny = shared(1)
    tiny.take("192.0.2.1")
    tiny.enter("192.0.2.1", "a")()


def test_the_addresses_of_one_subscriber_are_one() -> None:
    slots = shared(400)
    assert len(taken(slots, "2001:db8::1", "a")) == 50
    assert not taken(slots, "2001:db8::2", "a")
    assert taken(slots, "2001:db8:0:1::1", "a")


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["", "a", "b"]), st.booleans())),
    st.integers(1, 80),
)
def test_whatever_was_taken_is_free_again_once_it_ended(
    steps: list[tuple[str, str, bool]], most: int
) -> None:
    slots, held = shared(most), []
    for address, plugin, ends in steps:
        if ends and held:
            held.pop()()
        else:
            held += taken(slots, address, plugin, most=1)
        assert slots.taken == len(held) <= most
    for end in held:
        end()
    assert slots.taken == 0
    assert not any((slots._by_address, slots._by_plugin, slots._by_both))
