"""What handles stand for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.caching.handles import LIFE, OVERHEAD, Handles, Kept, handle_of
from gateway.config.scalars import Budget
from gateway.shrinking import count

KEY = b"k" * 32


def kept(number: int = 0, plugin: str = "p", size: int = 10) -> Kept:
    whole = b"%d " % number + b"x" * size
    handle = handle_of(KEY, plugin, "op", "f", b"args", whole)
    return Kept(handle, plugin, "op", whole[:size], Budget(8000))


def test_the_same_answer_has_the_same_handle_and_any_other_another() -> None:
    parts = {"plugin": "p", "operation": "o", "fingerprint": "f", "arguments": b"a", "whole": b"w"}
    own = handle_of(KEY, **parts)  # type: ignore[arg-type]
    assert own == handle_of(KEY, **parts)  # type: ignore[arg-type]
    others = {handle_of(b"other", **parts)}  # type: ignore[arg-type]
    for name, value in parts.items():
        others.add(handle_of(KEY, **{**parts, name: value + value}))  # type: ignore[arg-type,operator]
    others.add(handle_of(KEY, "po", "", "f", b"a", b"w"))
    others.add(handle_of(KEY, "", "po", "f", b"a", b"w"))
    assert own not in others
    assert len(others) == 8


def test_a_handle_is_80_bits_in_one_case_and_cheap() -> None:
    handles = [kept(number).handle for number in range(300)]
    assert all(re.fullmatch("[a-z2-7]{16}", handle) for handle in handles)
    assert len(set(handles)) == 300
    assert sum(map(count, handles)) / 300 < 10


def test_it_lives_from_when_it_was_last_given_or_used() -> None:
    handles, one = Handles(100_000), kept()
    assert handles.put(one, 0.0)
    assert handles.get("p", one.handle, LIFE - 1) is one, "used"
    assert handles.get("p", one.handle, 2 * LIFE - 2) is one
    assert handles.put(one, 2.5 * LIFE), "given"
    assert handles.get("p", one.handle, 3.5 * LIFE - 1) is one
    assert handles.get("p", one.handle, 4.5 * LIFE - 1) is None
    assert (len(handles), handles.size) == (0, 0), "what has expired takes no room"


def test_what_expires_goes_though_nobody_asks_for_it() -> None:
    handles = Handles(100_000)
    for number in range(5):
        handles.put(kept(number, plugin=f"p{number % 2}"), float(number))
    handles.put(kept(9, plugin="q"), LIFE + 2.5)
    assert len(handles) == 3


def test_an_answer_given_by_several_calls_is_kept_once() -> None:
    handles = Handles(100_000)
    for now in range(10):
        assert handles.put(kept(size=5000), float(now))
    assert (len(handles), handles.size) == (1, OVERHEAD + 5000)


def test_an_unknown_handle_and_another_plugins_are_the_same() -> None:
    handles, one = Handles(100_000), kept()
    handles.put(one, 0.0)
    assert handles.get("q", one.handle, 1.0) is None
    assert handles.get("p", "a" * 16, 1.0) is None
    assert handles.get("q", one.handle, LIFE - 1) is None
    assert handles.get("p", one.handle, LIFE) is None, "asking in vain keeps nothing alive"


def test_anothers_handle_is_as_good_as_none() -> None:
    handles, one = Handles(100_000), replace(kept(), caller="alice")
    handles.put(one, 0.0)
    assert handles.get("p", one.handle, 1.0) is None
    assert handles.get("p", one.handle, LIFE - 1, "bob") is None
    assert handles.get("p", one.handle, LIFE - 1, "alice") is one
    assert handles.get("p", one.handle, 2 * LIFE - 2, "alice") is one


def test_what_does_not_hold_any_more_is_unknown_and_not_kept_alive() -> None:
    handles, one = Handles(100_000), replace(kept(), rules="old")
    handles.put(one, 0.0)
    assert handles.get("p", one.handle, LIFE - 1, holds=lambda it: it.rules == "new") is None
    assert handles.get("p", one.handle, LIFE - 1, holds=lambda it: it.rules == "old") is one
    assert handles.get("p", one.handle, 2 * LIFE - 2, holds=lambda it: not it) is None
    assert handles.get("p", one.handle, 2 * LIFE - 1) is None


def test_what_grew_is_not_replaced_by_its_beginning() -> None:
    handles, one = Handles(100_000), kept()
    grown = replace(one, whole=one.whole + b"more")
    handles.put(grown, 0.0)
    assert handles.put(one, LIFE - 1)
    assert handles.get("p", one.handle, LIFE) is grown, "and it lives on"
    assert handles.size == OVERHEAD + len(grown.whole)


def test_what_was_used_longest_ago_goes_first() -> None:
    handles = Handles(3 * (OVERHEAD + 10))
    one, two, three, four = (kept(number) for number in range(4))
    for each in (one, two, three):
        handles.put(each, 0.0)
    handles.get("p", one.handle, 1.0)
    handles.put(four, 2.0)
    found = [each for each in (one, two, three, four) if handles.get("p", each.handle, 3.0)]
    assert found == [one, three, four]


def test_one_plugin_cannot_push_out_anothers() -> None:
    room = 100 * (OVERHEAD + 10)
    handles = Handles(room)
    mine = [kept(number, "mine") for number in range(50)]
    for each in mine:
        assert handles.put(each, 0.0)
    for number in range(1000):
        assert handles.put(kept(number, "loud"), 1.0)
        assert handles.size <= room
    assert all(handles.get("mine", each.handle, 2.0) is each for each in mine)
    assert not handles.put(kept(7, "loud", size=room - OVERHEAD - 10), 3.0), "more than its share"
    assert all(handles.get("mine", each.handle, 4.0) is each for each in mine)


def test_alone_a_plugin_has_all_the_room_but_no_more() -> None:
    handles = Handles(10 * OVERHEAD)
    assert handles.put(kept(size=9 * OVERHEAD), 0.0)
    assert not handles.put(kept(1, size=9 * OVERHEAD + 1), 0.0)
    assert handles.size == 10 * OVERHEAD, "what is too large pushes nothing out"


@pytest.mark.parametrize("size", [10, 9 * OVERHEAD + 1])
def test_a_list_that_grew_takes_the_place_of_what_it_was(size: int) -> None:
    handles, one = Handles(10 * OVERHEAD), kept()
    handles.put(one, 0.0)
    more = replace(one, whole=b"y" * size)
    assert handles.put(more, 1.0) is (size == 10)
    assert handles.get("p", one.handle, 2.0) == (more if size == 10 else None)


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "get"]),
        st.integers(0, 5),
        st.sampled_from(["p", "q", "r"]),
        st.floats(0, LIFE, allow_nan=False),
    ),
    max_size=60,
)


@settings(max_examples=100)
@given(steps, st.integers(2, 12))
def test_any_history_keeps_to_the_room_the_time_and_the_shares(
    history: list[tuple[str, int, str, float]], rooms: int
) -> None:
    room = rooms * (OVERHEAD + 10)
    handles, now = Handles(room), 0.0
    used: dict[tuple[str, int], float] = {}
    for what, number, plugin, gap in history:
        now += gap / 4
        one = kept(number, plugin)
        if what == "put":
            assert handles.put(one, now)
            used[plugin, number] = now
        else:
            last = used.get((plugin, number))
            found = handles.get(plugin, one.handle, now)
            if found is not None:
                assert found == one
                assert last is not None
                assert now < last + LIFE
                used[plugin, number] = now
            elif last is not None and now < last + LIFE:
                rivals = [key for key in used if key[0] == plugin and used[key] >= last]
                assert len(rivals) > rooms // 3, "it was within its plugin's share"
                del used[plugin, number]
        assert handles.size <= room


def test_what_could_still_grow_is_forgotten_when_its_plugin_is_replaced() -> None:
    """The pages to come would be had with what the plugin was before."""

    async def onward() -> Kept | None:
        return None

    handles, whole, grows = Handles(100_000), kept(1), replace(kept(2), onward=onward)
    other = replace(kept(3, plugin="q"), onward=onward)
    for one in (whole, grows, other):
        handles.put(one, 0.0)
    handles.settle("p")
    assert [handles.get(one.plugin, one.handle, 1.0) for one in (whole, grows, other)] == [
        whole,
        None,
        other,
    ]
