"""Stored replies in this process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.entries import Entry
from gateway.caching.key import Address
from gateway.caching.stores.memory import OF_FORM, REMEMBERED, MemoryStore
from gateway.values import Answer
from tests.caching.stores.made import at, bodies, entry

ROOM = 1024 * 1024
# How many keys the bound of the process's memory is shown with; the goal is a million.
KEYS = int(os.environ.get("GATEWAY_TEST_KEYS", "60000"))


async def put(store: MemoryStore, where: Address, *entries: Entry) -> bool:
    return await store.put(where, entries, (await store.get(where)).generation)


async def stored(store: MemoryStore, where: Address) -> list[bytes]:
    return bodies((await store.get(where)).entries)


async def test_what_is_put_is_found_at_its_address_alone() -> None:
    store = MemoryStore(ROOM)
    assert await put(store, at(), entry(b"old"), entry(b"new"))
    assert await stored(store, at()) == [b"old", b"new"]
    for other in (at(plugin="q"), at("http://upstream.example/"), at(partition=b"y"), at(more="m")):
        assert await stored(store, other) == []


async def test_none_at_all_empties_the_address() -> None:
    store = MemoryStore(ROOM)
    await put(store, at(), entry())
    assert await put(store, at())
    assert (len(store), store.size) == (0, 0)


async def test_forgetting_reaches_every_plugin_partition_and_variant_of_a_url_and_no_other() -> (
    None
):
    store = MemoryStore(ROOM)
    same = [at(), at(plugin="q"), at(partition=b"y"), at(more="m")]
    for where in (*same, at("http://upstream.example/other")):
        await put(store, where, entry(), entry())
    await store.forget([at().url, "http://upstream.example/unknown"])
    assert [await stored(store, where) for where in same] == [[], [], [], []]
    assert len(await stored(store, at("http://upstream.example/other"))) == 2
    assert await put(store, at(), entry(b"later")), "a fetch that begins now may be stored"


async def test_what_was_on_its_way_when_its_url_was_forgotten_is_not_stored() -> None:
    store = MemoryStore(ROOM)
    before = await store.get(at())
    await store.forget([at().url])
    assert await put(store, at(), entry(b"after"))
    assert not await store.put(at(), (entry(b"late"),), before.generation)
    assert await stored(store, at()) == [b"after"], "what came after stays"


async def test_so_it_is_when_the_forgetting_itself_is_forgotten() -> None:
    store = MemoryStore(ROOM)
    before = await store.get(at())
    await store.forget([at().url])
    await store.forget(f"http://upstream.example/{number}" for number in range(2 * REMEMBERED))
    assert len(store._last) == REMEMBERED
    assert not await store.put(at(), (entry(b"late"),), before.generation)
    assert await put(store, at(), entry())


async def test_what_is_too_large_is_not_stored_and_what_it_follows_is_gone() -> None:
    store = MemoryStore(ROOM)
    await put(store, at(), entry(b"small"))
    assert not await put(store, at(), entry(b"x" * (ROOM // 8)))
    assert (len(store), store.size) == (0, 0)
    assert await put(store, at(), entry(b"x" * (ROOM // 10)))


async def test_what_is_used_outlives_what_is_not() -> None:
    store = MemoryStore(ROOM)
    await put(store, at("http://upstream.example/hot"), entry(b"hot"))
    for number in range(5000):
        await put(store, at(f"http://upstream.example/{number}"), entry())
        assert await stored(store, at("http://upstream.example/hot")) == [b"hot"]
    assert store.size <= ROOM
    assert await stored(store, at("http://upstream.example/0")) == []


SIZES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 60), st.integers(0, 20_000)), max_size=60
)


@given(SIZES)
async def test_who_holds_no_more_than_its_share_loses_nothing(
    puts: list[tuple[str, int, int]],
) -> None:
    room = 256 * 1024
    store, plugins = MemoryStore(room), 4
    for plugin, number, size in puts:
        held = {one: store.size_of(one) for one in "abcd"}
        await put(store, at(f"http://upstream.example/{number}", plugin=plugin), entry(b"x" * size))
        assert store.size <= room
        for other in set("abcd") - {plugin}:
            if held[other] <= room // plugins:
                assert store.size_of(other) == held[other]


async def test_a_flood_of_one_plugin_takes_what_nobody_uses_and_no_more() -> None:
    store = MemoryStore(ROOM)
    for number in range(50):
        await put(store, at(f"http://upstream.example/{number}", plugin="calm"), entry())
    calm = store.size_of("calm")
    for number in range(3000):
        await put(store, at(f"http://upstream.example/{number}", plugin="flood"), entry())
    assert store.size_of("calm") == calm
    assert store.size_of("flood") > ROOM - calm - 8192


async def test_answers_beside_a_reply_are_charged_and_go_with_it() -> None:
    store, one = MemoryStore(ROOM), entry(b"x" * 100)
    await put(store, at(), one)
    before = store.size
    one.reply.forms["f"] = Answer(200, (), b"y" * 500)
    assert store.size == before + OF_FORM + 500
    one.reply.forms["f"] = Answer(200, (), b"y" * 300)
    assert store.size == before + OF_FORM + 300, "anew in place of the old one"
    one.reply.forms["same"] = Answer(200, (), one.reply.body)
    assert store.size == before + 2 * OF_FORM + 300, "the reply's own body is there already"
    await put(store, at(), *(await store.get(at())).entries, entry())
    assert store.size > before + 2 * OF_FORM + 300, "they stay beside it, and so does their price"
    assert set(one.reply.forms) == {"f", "same"}
    await put(store, at())
    assert store.size == 0
    one.reply.forms["late"] = Answer(200, (), b"y")
    assert (store.size, "late" in one.reply.forms) == (0, False)


class Whole:
    whole = b"w" * 1000


async def test_so_is_what_the_handle_of_an_answer_stands_for() -> None:
    store, one = MemoryStore(ROOM), entry()
    await put(store, at(), one)
    before = store.size
    one.reply.kept["f"] = Whole()
    assert store.size == before, "it may come from a thread"
    one.reply.forms["f"] = Answer(200, (), b"cut")
    assert store.size == before + 2 * OF_FORM + 1003


async def test_an_answer_without_room_is_not_kept_and_nor_is_what_it_stands_for() -> None:
    store, one = MemoryStore(64 * 1024), entry()
    await put(store, at(), one)
    before = store.size
    one.reply.kept["f"] = Whole()
    one.reply.forms["f"] = Answer(200, (), b"y" * 8192)
    assert (one.reply.forms, one.reply.kept) == ({}, {})
    assert store.size == before


async def test_answers_push_out_what_was_used_least() -> None:
    store = MemoryStore(64 * 1024)
    entries = [entry(b"%d" % number) for number in range(20)]
    for number, one in enumerate(entries):
        await put(store, at(f"http://upstream.example/{number}"), one)
    for one in entries[10:]:
        one.reply.forms["f"] = Answer(200, (), b"y" * 3000)
        assert store.size <= 64 * 1024
    assert await stored(store, at("http://upstream.example/0")) == []
    assert await stored(store, at("http://upstream.example/19")) == [b"19"]


async def test_what_goes_is_freed_at_once() -> None:
    store, one, whole = MemoryStore(ROOM), entry(), Whole()
    await put(store, at(), one)
    one.reply.kept["f"] = whole
    one.reply.forms["f"] = Answer(200, (), b"y")
    beside = weakref.ref(whole)
    gc.disable()
    try:
        await store.forget([at().url])
        del one, whole
        assert beside() is None, "a ring of references would wait for the collector"
    finally:
        gc.enable()


FLOOD = """
import asyncio, gc, os, sys
from gateway.caching.stores.memory import MemoryStore
from gateway.values import Answer
from tests.caching.stores.made import at, entry

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main(keys, limit):
    gc.set_threshold(10_000)
    store = MemoryStore(limit)
    base = resident()
    for number in range(keys):
        where = at(f"http://upstream.example/things/{number}?page=1", partition=os.urandom(16))
        headers = tuple((f"X-Header-{n}" + "", f"{number} and {n}") for n in range(8))
        one = entry(os.urandom(300), headers=headers)
        await store.put(where, (one,), (await store.get(where)).generation)
        one.reply.forms["f"] = Answer(200, tuple(list(headers)), os.urandom(300))
    print((resident() - base) / limit)

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="/proc tells the memory")
def test_the_process_takes_no_more_than_the_bound_and_a_seventh() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", dedent(FLOOD), str(KEYS), str(32 * 1024 * 1024)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) <= 1.15
