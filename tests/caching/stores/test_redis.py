"""Stored replies in a real Redis: several stores on one, and what happens when it is not there."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from gateway.caching.entries import Entry
from gateway.caching.key import Address
from gateway.caching.stores import Found, link
from gateway.caching.stores import redis as module
from gateway.caching.stores.redis import LARGEST, PREFIX, RedisStore
from tests.caching.stores.made import at, bodies, entry
from tests.redis_server import RedisServer

OTHER = "http://upstream.example/other"
PAUSE = 0.05


class Stores:
    """Stores on one server, closed at the end."""

    def __init__(self, redis: RedisServer) -> None:
        self.redis = redis
        self.stack = AsyncExitStack()

    async def __call__(self, url: str = "", **kwargs: Any) -> RedisStore:
        # Machines that test are slow: what is not about time has enough of it.
        settings = {"timeout": 2.0, "pause": PAUSE, **kwargs}
        store = RedisStore(url or self.redis.url, **settings)
        self.stack.push_async_callback(store.close)
        await store.open()
        return store


@pytest.fixture
async def stores(redis: RedisServer) -> AsyncIterator[Stores]:
    made = Stores(redis)
    yield made
    await made.stack.aclose()


async def put(store: RedisStore, where: Address, *entries: Entry) -> bool:
    return await store.put(where, entries, (await store.get(where)).generation)


async def stored(store: RedisStore, where: Address) -> list[bytes]:
    return bodies((await store.get(where)).entries)


async def until(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until_true(holds)


async def until_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.01)


async def raw(store: RedisStore, *command: Any) -> Any:
    return await store._link.say(*command)


# --- one store, two gateways ----------------------------------------------------------------------


async def test_what_one_gateway_stores_another_finds(stores: Stores) -> None:
    one, two = await stores(), await stores(stores.redis.socket_url)
    assert (one.status(), two.status()) == ("", "")
    headers = (("Content-Type", "text/plain"), ("X", "a"), ("X", "b: c"), ("Y", "\udce9t\u00e9"))
    old, new = entry(b"old", headers=headers), entry(bytes(range(256)), status=404)
    assert await put(one, at(), old, new)
    assert (await two.get(at())).entries == (old, new)
    assert await stored(two, at(OTHER)) == []


async def test_what_differs_in_anything_has_another_place(stores: Stores) -> None:
    store = await stores()
    await put(store, at(), entry())
    others = [at(plugin="q"), at(OTHER), at(partition=b"y" * 16), at(more="m")]
    others += [Address("", "p" + at().url, at().partition), at(at().url + "m")]
    assert [await stored(store, other) for other in others] == [[]] * len(others)


async def test_none_at_all_empties_the_address(stores: Stores) -> None:
    store = await stores()
    await put(store, at(), entry())
    assert await put(store, at())
    assert await stored(store, at()) == []


async def test_forgetting_reaches_every_gateway_partition_and_plugin(stores: Stores) -> None:
    one, two = await stores(), await stores()
    same = [at(), at(plugin="q"), at(partition=b"y" * 16), at(more="m")]
    for where in (*same, at(OTHER)):
        assert await put(one, where, entry())
    await two.forget([at().url, "http://upstream.example/unknown"])
    assert [await stored(one, where) for where in same] == [[]] * len(same)
    assert await stored(one, at(OTHER)) == [b"{}"]
    assert await put(one, at(), entry(b"later"))
    assert await stored(two, at()) == [b"later"]


async def test_what_was_on_its_way_when_its_url_was_forgotten_is_not_stored(
    stores: Stores,
) -> None:
    one, two = await stores(), await stores()
    before = await one.get(at())
    await two.forget([at().url])
    assert not await one.put(at(), (entry(b"late"),), before.generation)
    between = await two.get(at())
    assert not await one.put(at(), (entry(b"late"),), before.generation)
    assert await two.put(at(), (entry(b"after"),), between.generation)
    assert not await one.put(at(), (entry(b"late"),), before.generation)
    assert await stored(one, at()) == [b"after"]


async def test_generations_read_at_the_same_time_are_the_same(stores: Stores) -> None:
    some = [await stores() for _ in range(3)]
    found = await asyncio.gather(*(store.get(at()) for store in some for _ in range(20)))
    assert len({one.generation for one in found}) == 1


RUNS = count()
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),  # which gateway
        st.sampled_from(("begin", "begin", "end", "end", "forget", "read")),
        st.integers(0, 1),  # which URL
        st.booleans(),  # which partition
    ),
    max_size=30,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_nothing_from_before_a_forgetting_is_ever_found(
    redis: RedisServer, steps: list[tuple[int, str, int, bool]]
) -> None:
    """Each body tells how often its URL had been forgotten when its fetch began."""
    stores = Stores(redis)
    async with stores.stack:
        both = [await stores(), await stores()]
        prefix = f"http://upstream.example/{next(RUNS)}/"  # what was before is still there
        forgotten, flights = [0, 0], list[tuple[Address, int, int, Found]]()
        for which, step, url, other in steps:
            store = both[which]
            where = at(f"{prefix}{url}", partition=b"y" * 16 if other else b"x" * 16)
            if step == "begin":
                flights.append((where, url, forgotten[url], await store.get(where)))
            elif step == "end" and flights:
                there, which_url, when, found = flights.pop(0)
                is_put = await store.put(there, (entry(b"%d" % when),), found.generation)
                assert is_put == (when == forgotten[which_url])
            elif step == "forget":
                await store.forget([where.url])
                forgotten[url] += 1
            for body in await stored(store, where):
                assert int(body) == forgotten[url]


async def test_a_lease_has_one_holder_and_is_released_by_nobody_else(stores: Stores) -> None:
    one, two = await stores(), await stores()
    assert await one.lease(b"name", 60)
    assert not await two.lease(b"name", 60)
    assert await two.lease(b"another", 60)
    await two.release(b"name")
    assert not await two.lease(b"name", 60)
    await one.release(b"name")
    assert await two.lease(b"name", 60)


async def test_a_lease_ends_though_its_holder_is_gone(stores: Stores) -> None:
    one, two = await stores(), await stores()
    assert await one.lease(b"name", 0.05)
    await until_true(lambda: two.lease(b"name", 60))
    await one.release(b"name")
    assert not await one.lease(b"name", 60), "it was not his any more"


async def test_what_is_kept_is_had_by_all_and_ends(stores: Stores) -> None:
    one, two = await stores(), await stores()
    assert await one.keep("name", b"value", 0.3)
    assert await two.kept("name") == b"value"
    assert await two.kept("other") is None
    assert not await one.keep("large", b"x" * (LARGEST + 1), 60)

    async def has_ended() -> bool:
        return await two.kept("name") is None

    await until_true(has_ended)


# --- what is written there ------------------------------------------------------------------------


async def test_every_key_has_an_expiry_the_prefix_and_nothing_to_be_read_in_it(
    stores: Stores,
) -> None:
    store = await stores()
    secret = at("http://upstream.example/?user=alice", partition=b"partition of alice")
    await put(store, secret, entry())
    await store.get(at(OTHER))
    await store.lease(b"lease of alice", 60)
    await store.keep("handle of alice", b"value", 60)
    keys = await raw(store, "KEYS", "*")
    assert len(keys) == 6
    for key in keys:
        assert key.startswith(PREFIX.encode())
        assert b"alice" not in key
        assert 0 < await raw(store, "PTTL", key) <= 30 * 86400 * 1000


async def test_an_entry_is_stored_for_its_freshness_and_a_day(stores: Stores) -> None:
    store = await stores()
    await put(store, at(), entry(lifetime=3600), entry(lifetime=60))
    lives = sorted([await raw(store, "PTTL", key) for key in await raw(store, "KEYS", "*")])
    assert 0 <= 90_000_000 - lives[0] < 60_000, "a URL's token lives as long as what it is for"
    assert 0 <= 90_000_000 - lives[1] < 60_000


async def test_a_token_that_is_asked_for_stays(stores: Stores) -> None:
    store = await stores()
    before = await store.get(at())
    (key,) = await raw(store, "KEYS", f"{PREFIX}t:*")
    await raw(store, "PEXPIRE", key, 10_000)
    assert await store.get(at()) == before
    assert await raw(store, "PTTL", key) > 3 * 3600 * 1000


async def test_stores_with_another_prefix_database_or_secret_have_nothing_in_common(
    stores: Stores,
) -> None:
    one = await stores()
    await put(one, at(), entry())
    base = stores.redis.url
    assert await stored(await stores(f"{base}?prefix=other:"), at()) == []
    assert await stored(await stores(base.removesuffix("0") + "1"), at()) == []
    assert await stored(await stores(secret=b"secret"), at()) == []
    assert await stored(await stores(), at()) == [b"{}"]
    two = await stores(secret=b"secret")
    await put(two, at(), entry(b"secret"))
    assert await stored(await stores(secret=b"secret"), at()) == [b"secret"]


@pytest.mark.parametrize(
    "how", ["cut", "flipped", "empty", "text", "list", "of another address", "of another caller"]
)
async def test_what_cannot_be_read_is_not_there(stores: Stores, how: str) -> None:
    store = await stores()
    await put(store, at(), entry())
    (key,) = await raw(store, "KEYS", f"{PREFIX}e:*")
    value = await raw(store, "GET", key)
    await put(store, at(OTHER), entry(b"another's"))
    (other,) = {*await raw(store, "KEYS", f"{PREFIX}e:*")} - {key}
    await put(store, at(partition=b"y" * 16), entry(b"another caller's"))
    (caller,) = {*await raw(store, "KEYS", f"{PREFIX}e:*")} - {key, other}
    if how == "list":
        await raw(store, "DEL", key)
        await raw(store, "RPUSH", key, "x")
    else:
        values = {
            "cut": value[:-1],
            "flipped": value[:60] + bytes([value[60] ^ 255]) + value[61:],
            "empty": b"",
            "text": b"hello",
            "of another address": await raw(store, "GET", other),
            "of another caller": await raw(store, "GET", caller),
        }
        await raw(store, "SET", key, values[how])
    found = await store.get(at())
    assert found.entries == ()
    assert await store.put(at(), (entry(b"new"),), found.generation)
    assert await stored(store, at()) == [b"new"]


async def test_what_is_too_large_is_not_stored(stores: Stores) -> None:
    store = await stores()
    assert not await put(store, at(), entry(b"x" * LARGEST))
    assert await put(store, at(), entry(b"x" * (LARGEST - 1000)))
    assert len((await stored(store, at()))[0]) == LARGEST - 1000


# --- when it is not there -------------------------------------------------------------------------


async def test_calls_go_on_without_it_and_it_is_used_again(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = await stores()
    await put(store, at(), entry())
    stores.redis.kill()
    for _ in range(5):
        assert (await store.get(at())).entries == ()
        assert not await put(store, at(), entry())
        await store.forget([at().url])
        assert await store.lease(b"name", 60)
        await store.release(b"name")
        assert not await store.keep("name", b"", 60)
        assert await store.kept("name") is None
    assert store.status()
    await asyncio.sleep(4 * PAUSE)
    stores.redis.start()
    await until(lambda: not store.status())
    assert await put(store, at(), entry(b"new"))
    assert await stored(store, at()) == [b"new"]
    told = [record.levelname for record in caplog.records if record.name == "gateway"]
    assert told == ["WARNING", "INFO"]


async def test_killed_and_started_under_load_no_call_fails_and_nothing_old_stays(
    stores: Stores,
) -> None:
    one, two = await stores(timeout=0.2), await stores(timeout=0.2)
    urls = [f"http://upstream.example/{number}" for number in range(4)]
    truth = dict.fromkeys(urls, 0)
    writing, done, hits = set[str](), False, 0

    async def reads(store: RedisStore, url: str) -> None:
        nonlocal hits
        while not done:
            before = truth[url]
            found = await store.get(at(url))
            if found.entries:
                hits += 1
            else:
                value = truth[url]
                await asyncio.sleep(0.001)
                await store.put(at(url), (entry(b"%d" % value),), found.generation)
            if store is one and url not in writing:
                assert all(int(one.reply.body) >= before for one in found.entries), url
            await asyncio.sleep(0)

    async def writes(url: str) -> None:
        while not done:
            await asyncio.sleep(0.02)
            writing.add(url)
            truth[url] += 1
            await one.forget([url])
            writing.discard(url)

    tasks = [asyncio.create_task(reads(store, url)) for store in (one, two) for url in urls]
    tasks += [asyncio.create_task(writes(url)) for url in urls]
    for _ in range(3):
        await asyncio.sleep(0.2)
        stores.redis.kill()
        await asyncio.sleep(0.2)
        before = hits
        await asyncio.to_thread(stores.redis.start)
        await until(lambda: not one.status() and not two.status())
        await until(lambda seen=before: hits > seen)  # type: ignore[misc]
    done = True
    await asyncio.gather(*tasks)
    for store in (one, two):
        await until(lambda store=store: not store.status())  # type: ignore[misc]
        for url in urls:
            assert all(int(body) == truth[url] for body in await stored(store, at(url)))


async def test_what_was_forgotten_while_it_could_not_be_reached_is_forgotten_before_it_is_used(
    stores: Stores,
) -> None:
    """Frozen, it keeps all it has; another gateway would still serve it, this one must not."""
    store = await stores(timeout=0.1)
    await put(store, at(), entry(b"old"))
    await put(store, at(OTHER), entry(b"other"))
    stores.redis.freeze()
    await store.forget([at().url])
    assert store.status()
    stores.redis.thaw()
    await until(lambda: not store.status())
    assert await stored(store, at()) == []
    assert await stored(store, at(OTHER)) == [b"other"]


async def test_more_forgettings_than_can_be_remembered_forget_everything(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    one, two = await stores(timeout=0.1), await stores()
    await put(two, at(OTHER), entry(b"other"))
    stores.redis.freeze()
    await one.forget([at().url])
    await one.forget(f"http://upstream.example/{number}" for number in range(5))
    stores.redis.thaw()
    await until(lambda: not one.status())
    assert not one._pending
    for store in (one, two, two):
        await until(lambda store=store: not store.status())  # type: ignore[misc]
        assert await stored(store, at(OTHER)) == []
    assert await put(two, at(OTHER), entry(b"new"))
    assert await stored(one, at(OTHER)) == [b"new"]


async def test_a_server_that_starts_from_an_old_copy_brings_nothing_back(stores: Stores) -> None:
    one, two = await stores(), await stores()
    await put(one, at(), entry(b"old"))
    await raw(one, "SAVE")
    await one.forget([at().url])
    stores.redis.kill()
    await asyncio.to_thread(stores.redis.start)  # reads dump.rdb
    async with Redis.from_url(stores.redis.url) as plain:
        assert len(await plain.keys(f"{PREFIX}*")) == 3, "the copy has what was forgotten"
    for store in (one, two):
        await store.get(at())
        await until(lambda store=store: not store.status())  # type: ignore[misc]
        assert await stored(store, at()) == []
    assert await put(one, at(), entry(b"new"))
    assert await stored(two, at()) == [b"new"]


@pytest.mark.parametrize("command", ["FLUSHALL", "DEL"])
async def test_one_that_is_emptied_is_used_on_by_all(stores: Stores, command: str) -> None:
    one, two = await stores(), await stores()
    before = await one.get(at())
    await put(one, at(), entry(b"old"))
    await raw(one, command, *([f"{PREFIX}epoch"] if command == "DEL" else []))
    three = await stores()
    for store in (one, two, three):
        assert await stored(store, at()) == []
        await until(lambda store=store: not store.status())  # type: ignore[misc]
    assert not await one.put(at(), (entry(b"late"),), before.generation)
    assert await put(one, at(), entry(b"new"))
    assert [await stored(store, at()) for store in (two, three)] == [[b"new"], [b"new"]]


async def test_a_forgetting_reaches_what_was_stored_after_the_store_was_emptied(
    stores: Stores,
) -> None:
    one, two = await stores(), await stores()
    await raw(one, "FLUSHALL")
    await two.get(at())
    await until(lambda: not two.status())
    assert await put(two, at(), entry(b"old"))
    await one.forget([at().url])  # it knows nothing of all that
    await until(lambda: not one.status())
    assert await stored(two, at()) == []


async def test_a_full_one_is_read_on_and_forgets_on(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one, two = await stores(), await stores()
    await put(one, at(), entry(b"there"))
    await put(one, at(OTHER), entry(b"other"))
    await raw(one, "CONFIG", "SET", "maxmemory", "1")
    for _ in range(3):
        assert not await put(one, at("http://upstream.example/new"), entry(b"new"))
        assert not await one.keep("name", b"", 60)
        assert await one.lease(b"name", 60)
    assert await stored(one, at()) == [b"there"]
    assert one.status()
    await one.forget([at().url])
    assert await stored(two, at()) == []
    assert await stored(two, at(OTHER)) == [b"other"]
    await raw(one, "CONFIG", "SET", "maxmemory", "0")
    assert await put(one, at(), entry(b"new"))
    assert one.status() == ""
    told = [record.levelname for record in caplog.records if record.name == "gateway"]
    assert told == ["WARNING", "INFO"]


async def test_a_replica_is_not_used_for_it_cannot_forget(stores: Stores) -> None:
    store = await stores()
    await put(store, at(), entry())
    await raw(store, "REPLICAOF", "127.0.0.1", "1")
    assert not await store.put(at(), (entry(),), (await store.get(at())).generation)
    await store.forget([OTHER])
    assert "read-only" in store.status() or "loading" in store.status()
    assert (await store.get(at())).entries == ()


async def test_what_is_evicted_is_only_gone(stores: Stores) -> None:
    store = await stores()
    before = await store.get(at())
    await put(store, at(), entry())
    (token,) = await raw(store, "KEYS", f"{PREFIX}t:*")
    await raw(store, "DEL", token)
    assert await stored(store, at()) == []
    assert not await store.put(at(), (entry(b"late"),), before.generation)


# --- a server between -----------------------------------------------------------------------------


class Between:
    """A TCP proxy that delays what the server says, cuts it off, or says something else."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.says: bytes | None = None
        self.connections = 0

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[str]:
        tasks = set[asyncio.Task[None]]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            onward, back = await asyncio.open_connection("127.0.0.1", port)

            async def answers() -> None:
                while data := await onward.read(65536):
                    await asyncio.sleep(self.delay)
                    writer.write(data if self.says is None else self.says)

            answering = asyncio.create_task(answers())
            try:
                while data := await reader.read(65536):
                    back.write(data)
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
                back.close()
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def between(redis: RedisServer) -> AsyncIterator[tuple[Between, str]]:
    one = Between()
    async with one.listening(redis.port) as url:
        yield one, url


async def test_a_slow_one_is_left_after_some_tries_and_used_when_it_is_quick_again(
    stores: Stores, between: tuple[Between, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slow, url = between
    store = await stores(url, timeout=0.25)
    assert await put(store, at(), entry())
    slow.delay = 0.6
    for _ in range(link.SLOW_IN_A_ROW):
        assert await stored(store, at()) == []
    assert store.status() == "no answer within 250 ms"
    asked = slow.connections
    for _ in range(100):
        assert await stored(store, at()) == []
    assert slow.connections <= asked + 2, "nobody asks any more, but for one who tries"
    slow.delay = 0.0
    await until(lambda: not store.status())
    assert await stored(store, at()) == [b"{}"]
    told = [record.levelname for record in caplog.records if record.name == "gateway"]
    assert told == ["WARNING", "INFO"]


async def test_what_came_while_the_gateway_was_busy_is_not_late() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)

    def busy() -> None:  # the loop comes to the answer and to the end of the time at once
        time.sleep(0.05)
        theirs.send(b"x")

    asyncio.get_running_loop().call_soon(busy)
    async with link._within(0.01):
        assert await reader.read(1) == b"x"
    with pytest.raises(TimeoutError):
        async with link._within(0.01):
            await reader.read(1)
    writer.close()
    theirs.close()


async def test_answers_that_come_too_late_are_nobody_elses(
    stores: Stores, between: tuple[Between, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that leaves must not leave its answer to the next one."""
    monkeypatch.setattr(link, "SLOW_IN_A_ROW", 10_000)
    slow, url = between
    store = await stores(url, timeout=1.0)
    urls = [f"http://upstream.example/{number}" for number in range(20)]
    for one in urls:
        assert await put(store, at(one), entry(one.encode()))
    slow.delay = 0.05
    right = 0
    for number in range(24):
        asking = [asyncio.create_task(stored(store, at(one))) for one in urls]
        await asyncio.sleep(0.001 * (number % 8) * 10)
        for task in asking[::2]:
            task.cancel()
        got = await asyncio.gather(*asking, return_exceptions=True)
        for one, body in zip(urls, got, strict=True):
            if isinstance(body, list):
                assert body in ([], [one.encode()])
                right += len(body)
    assert right


@pytest.mark.parametrize(
    "rubbish",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$-5\r\n",
        b"*3\r\n$1\r\n",
        b":1\r\n",
        b"*2\r\n:1\r\n:2\r\n",
        b"*3\r\n:1\r\n:2\r\n:3\r\n",
        b"-ERR user 'default' sent password hunter2\r\n",
        b"-NOAUTH hunter2\r\n",
        b"-LOADING hunter2\r\n",
        b"\x16\x03\x01\x00\x00",
        b"$999999999999\r\nx",
        b"+" + b"x" * 100_000 + b"\r\n",
    ],
)
async def test_whatever_it_says_no_call_fails_and_it_is_used_when_it_talks_sense(
    stores: Stores, between: tuple[Between, str], rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    odd, url = between
    store = await stores(url, timeout=0.3)
    await put(store, at(), entry())
    odd.says = rubbish
    for _ in range(3):
        assert await stored(store, at()) == []
        assert not await put(store, at(), entry())
        await store.forget([OTHER])
        await store.lease(b"name", 60)
        await store.release(b"name")
        await store.keep("name", b"", 60)
        await store.kept("name")
    assert store.status()
    odd.says = None
    await until(lambda: not store.status())
    assert await stored(store, at()) == [b"{}"]
    assert "hunter2" not in caplog.text


async def test_a_thousand_at_once_are_no_trouble(stores: Stores) -> None:
    store = await stores(timeout=10.0)
    await put(store, at(), entry())
    found = await asyncio.gather(*(stored(store, at()) for _ in range(1000)))
    assert found == [[b"{}"]] * 1000
    await asyncio.gather(*(store.forget([at().url]) for _ in range(200)))
    assert store.status() == ""


# --- how it is reached ----------------------------------------------------------------------------


async def test_one_that_is_not_there_at_first_is_used_once_it_is(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stores.redis.kill()
    store = await stores(stores.redis.url.replace("//", "//user:hunter2@"))
    assert store.status() == "Connection refused"
    assert "hunter2" not in caplog.text
    await asyncio.to_thread(
        stores.redis.start,
        *["--user", "user", "on", ">hunter2", "~plugin-gateway:*", "+@all", "-info"],
    )
    await until(lambda: not store.status())
    assert await put(store, at(), entry()), (
        "it may not ask which run this is, and works all the same"
    )


async def test_a_wrong_password_is_said_and_not_told(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    store = await stores(stores.redis.url.replace("//", "//:hunter2@"))
    assert store.status() == "it refuses the credential"
    assert "hunter2" not in caplog.text + repr(store._link._where)


async def test_a_database_that_is_not_there_is_no_failure(stores: Stores) -> None:
    store = await stores(stores.redis.url.removesuffix("0") + "99")
    assert store.status()
    assert await stored(store, at()) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the certificate")
async def test_over_tls_the_certificate_is_looked_at(stores: Stores) -> None:
    redis = stores.redis
    redis.kill()
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    )
    made = await asyncio.create_subprocess_exec(
        *make.split(), cwd=redis.directory, stderr=asyncio.subprocess.DEVNULL
    )
    assert await made.wait() == 0
    tls = ("--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no")
    try:
        await asyncio.to_thread(redis.start, "--tls-port", str(redis.port + 1), *tls)
    except AssertionError:
        pytest.skip("this server is built without TLS")
    url = f"rediss://localhost:{redis.port + 1}/0"
    store = await stores(url)
    assert "certificate" in store.status()
    assert await put(await stores(f"{url}?ssl_ca_certs={redis.directory}/cert.pem"), at(), entry())
