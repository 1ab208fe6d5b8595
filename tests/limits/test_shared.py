"""One limit over several gateways, on a real Redis: as that of one, and without it a share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.caching.stores.redis import RedisStore
from gateway.config.scalars import Rate
from gateway.limits.shared import Own, SharedLimiter
from tests.conftest import Serve, Upstream
from tests.redis_server import RedisServer

MINUTE = Rate(6, 60.0)
Start = Callable[..., Awaitable[SharedLimiter]]


@pytest.fixture
async def start(redis: RedisServer) -> AsyncIterator[Start]:
    """Limiters of as many gateways as are started, on one server."""
    async with AsyncExitStack() as stack:

        async def one(waits: float = 5.0, beat: float = 0.05) -> SharedLimiter:
            store = RedisStore(redis.url, secret=b"key", timeout=waits, pause=0.05)
            await store.open()
            stack.push_async_callback(store.close)
            limiter = SharedLimiter(store, time.monotonic, beat=beat)
            await limiter.open()
            stack.push_async_callback(limiter.close)
            return limiter

        yield one


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - others change it, and tell nobody
            await asyncio.sleep(0.01)


async def admitted(limiter: SharedLimiter, times: int, who: str = "me", rate: Rate = MINUTE) -> int:
    taken = [await limiter.take("shop", who, rate) for _ in range(times)]
    return sum(not one.wait for one in taken)


def used(limiter: SharedLimiter) -> bool:
    return bool(limiter._store.epoch)


# --- with the store -------------------------------------------------------------------------------


async def test_two_gateways_together_let_in_as_many_as_one_would(start: Start) -> None:
    both = [await start(), await start()]
    taken = [await both[n % 2].take("shop", "me", MINUTE) for n in range(8)]
    assert [one.left for one in taken] == [5, 4, 3, 2, 1, 0, 0, 0]
    assert [bool(one.wait) for one in taken] == [False] * 6 + [True] * 2
    assert all(58 < one.wait <= 61 for one in taken[6:])
    assert not (await both[0].take("shop", "you", MINUTE)).wait
    assert not (await both[0].take("other", "me", MINUTE)).wait


async def test_many_calls_at_once_through_both_are_counted_one_by_one(start: Start) -> None:
    both = [await start(), await start()]
    rate = Rate(50, 60.0)
    taken = await asyncio.gather(*(both[n % 2].take("shop", "me", rate) for n in range(120)))
    assert sum(not one.wait for one in taken) == 50


async def test_whoever_waits_as_long_as_told_is_let_in(start: Start) -> None:
    both, rate = [await start(), await start()], Rate(2, 1.0)
    for _ in range(3):
        while not (wait := (await both[0].take("shop", "me", rate)).wait):
            pass
        await asyncio.sleep(wait + 0.002)
        assert not (await both[1].take("shop", "me", rate)).wait


async def test_a_pause_holds_for_all_gateways(start: Start) -> None:
    both = [await start(), await start()]
    await both[0].pause("shop", 0.4)
    await both[0].pause("shop", 0.01)
    for one in both:
        taken = await one.take("shop", "me", MINUTE)
        assert 0 < taken.wait <= 0.4
        assert taken.left == 0
    assert not (await both[1].take("other", "me", MINUTE)).wait
    await asyncio.sleep(0.41)
    assert not (await both[1].take("shop", "me", MINUTE)).wait


async def test_a_flood_of_refused_calls_hardly_asks_the_server(
    start: Start, redis: RedisServer
) -> None:
    limiter = await start(beat=60.0)
    await admitted(limiter, 7)
    before = await said(redis)
    assert await admitted(limiter, 500) == 0
    assert await said(redis) - before < 10


async def test_nothing_tells_callers_or_plugins_and_everything_expires(
    start: Start, redis: RedisServer
) -> None:
    limiter = await start()
    await limiter.take("shop", "caller-of-mine", MINUTE)
    await limiter.pause("shop", 5)
    keys = [one for one in await asked(redis, "KEYS", "*") if b"epoch" not in one]
    assert len(keys) == 3
    for key in keys:
        assert not any(word in key for word in (b"shop", b"caller", b"mine"))
        assert 0 < await asked(redis, "PTTL", key) <= 62_000
        if await asked(redis, "TYPE", key) == b"string":
            assert len(await asked(redis, "GET", key)) < 100


async def test_what_a_full_window_holds_in_the_store_is_bounded(
    start: Start, redis: RedisServer
) -> None:
    limiter, rate = await start(beat=60.0), Rate(100_000, 1.0)
    until_ = time.monotonic() + 1.3
    while time.monotonic() < until_:
        await limiter.take("shop", "me", rate)
    sizes = [
        len(await asked(redis, "GET", key))
        for key in await asked(redis, "KEYS", "*:w:*")
    ]  # fmt: skip
    assert len(sizes) == 1
    assert sizes[0] < 63 * 14


# --- without it -----------------------------------------------------------------------------------


async def test_each_gateway_has_its_share_when_the_server_is_gone(
    start: Start, redis: RedisServer
) -> None:
    both = [await start(), await start()]
    await until(lambda: all(one.share(6) == 3 for one in both))
    redis.kill()
    assert [await admitted(one, 10) for one in both] == [3, 3]


async def test_a_share_knows_what_was_let_in_while_the_server_counted(
    start: Start, redis: RedisServer
) -> None:
    both = [await start(), await start()]
    await until(lambda: all(one.share(6) == 3 for one in both))
    assert await admitted(both[0], 2) == 2
    redis.kill()
    assert [await admitted(one, 10) for one in both] == [1, 3]


async def test_a_share_is_one_call_at_least(start: Start, redis: RedisServer) -> None:
    three = [await start(), await start(), await start()]
    await until(lambda: all(max(one._counted) == 3 for one in three))
    redis.kill()
    assert [await admitted(one, 5, rate=Rate(2, 60.0)) for one in three] == [1, 1, 1]


async def test_a_gateway_that_has_closed_leaves_its_share(start: Start, redis: RedisServer) -> None:
    _, other = await start(beat=60.0), await start(beat=60.0)
    [key] = await asked(redis, "KEYS", "*:g:*")
    assert await asked(redis, "ZCARD", key) == 2
    await other.close()
    assert await asked(redis, "ZCARD", key) == 1


async def test_one_that_gives_no_sign_of_life_leaves_its_share(start: Start) -> None:
    one, other = await start(), await start()
    await until(lambda: one.share(6) == 3)
    assert other._beating is not None
    other._beating.cancel()
    await until(lambda: one.share(6) == 6)


async def test_a_pause_holds_here_without_the_server(start: Start, redis: RedisServer) -> None:
    limiter = await start()
    redis.kill()
    await limiter.pause("shop", 30)
    assert 29 < (await limiter.take("shop", "me", MINUTE)).wait <= 30


async def test_a_frozen_server_is_waited_for_a_moment_only(
    start: Start, redis: RedisServer
) -> None:
    limiter = await start(waits=0.3)
    await limiter.take("shop", "me", MINUTE)
    redis.freeze()
    taken = await asyncio.gather(*(limiter.take("shop", f"{n}", MINUTE) for n in range(200)))
    assert not any(one.wait for one in taken)
    assert not used(limiter)
    redis.thaw()


async def test_a_server_without_room_for_a_window_leaves_the_share(
    start: Start, redis: RedisServer
) -> None:
    limiter = await start(beat=60.0)
    await limiter.take("shop", "me", MINUTE)
    await asked(redis, "CONFIG", "SET", "maxmemory", "1")
    assert await admitted(limiter, 10) == 5
    assert used(limiter)  # what is read can be read


# --- afterwards -----------------------------------------------------------------------------------


async def test_what_was_let_in_while_it_was_frozen_counts_for_all_afterwards(
    start: Start, redis: RedisServer
) -> None:
    both = [await start(waits=0.3), await start(waits=0.3)]
    await until(lambda: all(one.share(6) == 3 for one in both))
    redis.freeze()
    assert [await admitted(one, 3) for one in both] == [3, 3]
    redis.thaw()
    await until(lambda: all(used(one) for one in both))
    assert await admitted(both[0], 1, "you") == 1
    # Each tells its own with its next call: the first may let in what the other has not told.
    assert await admitted(both[0], 1) + await admitted(both[1], 9) + await admitted(both[0], 9) <= 1


async def test_a_server_that_starts_anew_is_told_what_still_counts(
    start: Start, redis: RedisServer
) -> None:
    one, other = await start(), await start()
    assert await admitted(one, 5) == 5
    redis.kill()
    await until(lambda: not (used(one) or used(other)))
    redis.start()
    await until(lambda: used(one) and used(other))
    taken = await one.take("shop", "me", MINUTE)
    assert (bool(taken.wait), taken.left) == (False, 0)
    assert (await other.take("shop", "me", MINUTE)).wait


async def test_what_it_was_told_it_is_not_told_again(start: Start, redis: RedisServer) -> None:
    one, _ = await start(waits=0.3), await start()
    await until(lambda: one.share(9) == 4)
    redis.freeze()
    assert await admitted(one, 2, rate=Rate(9, 60.0)) == 2
    redis.thaw()
    await until(lambda: used(one))
    late = [await one.take("shop", "me", Rate(9, 60.0)) for _ in range(2)]
    assert late[0].left - late[1].left == 1


def test_what_could_not_be_told_is_told_later() -> None:
    own = Own()
    own.note(MINUTE, 10.0)
    own.keep(10)
    assert own.claim(b"first", 60.0, 10.0) == {10: 1}
    own.keep(11)
    own.unclaim({10: 1})
    assert own.claim(b"first", 60.0, 11.0) == {10: 1, 11: 1}
    assert own.claim(b"first", 60.0, 11.0) == {}
    assert own.claim(b"second", 60.0, 11.0) == {10: 1}


def test_what_is_to_be_told_is_bounded() -> None:
    own = Own()
    for slot in range(1000):
        own.keep(slot)
    assert len(own.untold) <= 61
    assert 999 in own.untold


# --- through gateways -----------------------------------------------------------------------------

CONFIG = """
plugin: shop
contact: a@example.com
limit: {limit}
cache: no
upstream: {{url: "{url}"}}
operations:
  getThing: {{call: GET /thing, description: A thing.}}
"""


@pytest.mark.usefixtures("patient")
async def test_callers_of_two_gateways_are_told_one_limit(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    text = CONFIG.format(url=upstream.url, limit="5/min")
    both = [await serve(text, store=redis.url), await serve(text, store=redis.url)]
    answers = [await both[n % 2].get("/thing") for n in range(7)]
    assert [one.status for one in answers] == [200] * 5 + [429] * 2
    assert [one.headers["RateLimit"].split(";")[1] for one in answers] == [
        f"r={n}" for n in (4, 3, 2, 1, 0, 0, 0)
    ]


async def test_under_load_a_server_that_comes_and_goes_fails_no_call(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    """Killed, empty again, frozen and thawed, while two gateways are called."""
    text = CONFIG.format(url=upstream.url, limit="40/min")
    both = [await serve(text, store=redis.url), await serve(text, store=redis.url)]
    answers: list[int] = []
    done = asyncio.Event()

    async def call(n: int) -> None:
        while not done.is_set():
            answers.append((await both[n % 2].get("/thing")).status)
            await asyncio.sleep(0.02)

    calls = [asyncio.create_task(call(n)) for n in range(6)]
    for trouble in (redis.kill, redis.start, redis.freeze, redis.thaw):
        await asyncio.to_thread(trouble)
        await asyncio.sleep(0.7)
    done.set()
    await asyncio.gather(*calls)
    assert set(answers) == {200, 429}
    # The limit, and the shares of both on top: what each knows of the other is in the server only.
    assert 40 <= answers.count(200) <= 80


async def said(redis: RedisServer) -> int:
    """How many commands the server has had."""
    text = await asked(redis, "INFO", "stats")
    return int(text.split(b"total_commands_processed:")[1].split(b"\r\n")[0])


async def asked(redis: RedisServer, *command: Any) -> Any:
    from redis.asyncio import Redis

    async with Redis.from_url(redis.url, protocol=2) as client:
        got = await client.execute_command(*command)
    return got if not isinstance(got, dict) else _text(got)


def _text(got: dict[str, Any]) -> bytes:
    return b"\r\n".join(f"{key}:{value}".encode() for key, value in got.items()) + b"\r\n"
