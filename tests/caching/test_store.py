from __future__ import annotations

import pytest

from gateway.caching import Key, MemoryStore, cache_key
from gateway.caching.store import OVERHEAD, REMEMBERED
from gateway.values import Answer, Reply


def key(name: str = "a", partition: bytes = b"", language: str | None = None) -> Key:
    return cache_key(f"https://h/{name}", (language,), partition)


def reply(size: int = 10) -> Reply:
    return Reply(200, (("Content-Type", "application/json"),), b"x" * size)


def put(store: MemoryStore, at: Key, what: Reply, ttl: float = 60.0, now: float = 0.0) -> bool:
    return store.put(at, what, ttl, now, store.generation(at.url))


def test_a_reply_is_given_while_it_is_fresh_and_not_at_the_end_of_it() -> None:
    store, stored = MemoryStore(100_000), reply()
    assert store.get(key(), 0.0) is None
    assert put(store, key(), stored, ttl=60, now=5)
    assert store.get(key(), 64.999) is stored
    assert store.get(key(), 65.0) is None
    assert (len(store), store.size) == (0, 0), "what is stale takes no room"


def test_another_header_or_partition_is_another_reply() -> None:
    store = MemoryStore(1_000_000)
    put(store, key(partition=b"one", language="de"), reply())
    assert store.get(key(partition=b"two", language="de"), 1.0) is None
    assert store.get(key(partition=b"one", language="en"), 1.0) is None
    assert store.get(key(partition=b"one"), 1.0) is None


def test_the_store_never_holds_more_than_its_bytes() -> None:
    store = MemoryStore(50 * OVERHEAD, max_entry_bytes=20 * OVERHEAD)
    for number in range(1_000):
        assert put(store, key(str(number)), reply(number % 7 * OVERHEAD))
        assert store.size <= 50 * OVERHEAD
    assert 0 < len(store) < 50
    assert store.get(key("999"), 1.0) is not None


def test_a_flood_does_not_drive_out_what_is_asked_for() -> None:
    store, hot = MemoryStore(20 * OVERHEAD), reply()
    put(store, key("hot"), hot)
    for number in range(1_000):
        put(store, key(str(number)), reply())
        assert store.get(key("hot"), 1.0) is hot


def test_a_large_reply_is_not_stored_and_the_old_one_is_gone() -> None:
    """cachetools raises and keeps the old value, which is older than what the upstream says now."""
    store = MemoryStore(100_000, max_entry_bytes=10_000)
    assert put(store, key(), reply(100))
    assert not put(store, key(), reply(10_000))
    assert store.get(key(), 1.0) is None
    assert not put(MemoryStore(100, max_entry_bytes=10_000), key(), reply(5_000))


def test_what_shrinking_keeps_beside_a_reply_is_charged_from_the_start() -> None:
    store = MemoryStore(1_000_000)
    put(store, key(), reply(10_000))
    assert store.size > 20_000


def test_long_urls_and_headers_are_charged() -> None:
    store = MemoryStore(10_000_000)
    put(store, key("x" * 10_000, language="y" * 10_000), Reply(200, (("A", "z" * 10_000),), b""))
    assert store.size > 60_000


def test_forgetting_a_url_reaches_every_partition_and_variant_and_nothing_else() -> None:
    store = MemoryStore(1_000_000)
    keys = [
        key("a", partition, language) for partition in (b"1", b"2") for language in (None, "de")
    ]
    for at in (*keys, key("a/b"), key("a?x=1")):
        put(store, at, reply())
    store.forget(["https://h/a", "https://h/unknown"])
    assert [store.get(at, 1.0) for at in keys] == [None] * 4
    assert store.get(key("a/b"), 1.0)
    assert store.get(key("a?x=1"), 1.0)


def test_a_reply_that_a_write_has_overtaken_is_not_stored() -> None:
    store = MemoryStore(1_000_000)
    before = store.generation(key().url)
    store.forget([key().url])
    assert not store.put(key(), reply(), 60.0, 0.0, before)
    assert store.get(key(), 1.0) is None
    assert put(store, key(), reply())


def test_an_overtaken_reply_is_not_stored_even_if_the_write_is_long_forgotten() -> None:
    store = MemoryStore(1_000_000)
    before = store.generation(key().url)
    store.forget([key().url])
    for number in range(REMEMBERED + 1):
        store.forget([f"https://h/{number}"])
    assert not store.put(key(), reply(), 60.0, 0.0, before)
    assert put(store, key(), reply())


def test_no_lifetime_no_storing() -> None:
    store = MemoryStore(1_000_000)
    assert not put(store, key(), reply(), ttl=0.0)
    assert len(store) == 0


@pytest.mark.parametrize("times", [1, 3])
def test_storing_again_replaces_and_is_charged_once(times: int) -> None:
    store = MemoryStore(1_000_000)
    for _ in range(times):
        put(store, key(), reply(500))
    assert len(store) == 1
    assert store.size < 2 * 500 + OVERHEAD + 500


def test_what_is_kept_beside_a_reply_is_no_more_than_was_charged_for_it() -> None:
    store, stored = MemoryStore(100_000), reply(1000)
    assert put(store, key(), stored)
    stored.forms["as it is"] = Answer(200, (), stored.body)
    stored.forms["six times"] = Answer(200, (), b"x" * 6000)
    assert list(stored.forms) == ["as it is"]
    stored.forms["as long"] = Answer(200, (), b"x" * 1000)
    stored.forms["again as long"] = Answer(200, (), b"x" * 1000)
    assert list(stored.forms) == ["as it is", "as long"]
    assert sum(len(one.body) for one in stored.forms.values()) <= store.size
