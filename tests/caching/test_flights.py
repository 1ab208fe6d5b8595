from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.caching.flights import Flights
from gateway.errors import PluginNotReady, UpstreamFailed
from gateway.values import Reply


class Upstream:
    """Answers when it is told to; counts what it was asked, and what was given up."""

    def __init__(self) -> None:
        self.asked = 0
        self.given_up = 0
        self.answer = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self) -> Reply:
        self.asked += 1
        number = self.asked
        try:
            await self.answer.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error:
            raise self.error
        return Reply(200, (), str(number).encode())


def callers(
    flights: Flights, start: Callable[[], Awaitable[Reply]], count: int, key: str = "k"
) -> list[asyncio.Task[Reply]]:
    return [asyncio.ensure_future(flights.run(key, start)) for _ in range(count)]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_thousand_identical_calls_are_one_fetch() -> None:
    flights, upstream = Flights(), Upstream()
    calls = callers(flights, upstream.fetch, 1_000)
    await settle()
    upstream.answer.set()
    replies = await asyncio.gather(*calls)
    assert upstream.asked == 1
    assert {reply.body for reply in replies} == {b"1"}
    assert len(flights) == 0


async def test_calls_with_other_keys_do_not_wait_for_each_other() -> None:
    flights, upstream = Flights(), Upstream()
    calls = callers(flights, upstream.fetch, 2, "a") + callers(flights, upstream.fetch, 2, "b")
    await settle()
    upstream.answer.set()
    await asyncio.gather(*calls)
    assert upstream.asked == 2


async def test_a_caller_who_leaves_leaves_the_others_alone() -> None:
    """The first one too, although it began the fetch."""
    flights, upstream = Flights(), Upstream()
    first, second, third = callers(flights, upstream.fetch, 3)
    await settle()
    first.cancel()
    third.cancel()
    await settle()
    assert upstream.given_up == 0
    upstream.answer.set()
    assert (await second).body == b"1"
    assert first.cancelled()
    assert third.cancelled()


async def test_when_the_last_caller_leaves_the_fetch_is_given_up() -> None:
    flights, upstream = Flights(), Upstream()
    calls = callers(flights, upstream.fetch, 3)
    await settle()
    for call in calls:
        call.cancel()
    await settle()
    assert (upstream.asked, upstream.given_up, len(flights)) == (1, 1, 0)


async def test_a_call_that_comes_right_after_a_fetch_was_given_up_begins_its_own() -> None:
    flights, upstream = Flights(), Upstream()
    [first] = callers(flights, upstream.fetch, 1)
    await settle()
    first.cancel()
    await asyncio.sleep(0)
    [second] = callers(flights, upstream.fetch, 1)
    await settle()
    upstream.answer.set()
    assert (await second).body == b"2"


async def test_a_failure_is_shared_once_and_never_kept() -> None:
    flights, upstream = Flights(), Upstream()
    upstream.error = UpstreamFailed("down")
    calls = callers(flights, upstream.fetch, 3)
    await settle()
    upstream.answer.set()
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(failure) for failure in failures] == [UpstreamFailed] * 3
    assert upstream.asked == 1
    upstream.error = None
    assert (await flights.run("k", upstream.fetch)).body == b"2"


async def test_what_may_not_be_shared_is_fetched_by_all_at_once() -> None:
    flights, upstream = Flights(), Upstream()
    calls = [
        asyncio.ensure_future(flights.run("k", upstream.fetch, lambda _: False)) for _ in range(4)
    ]
    await settle()
    assert upstream.asked == 1
    upstream.answer.set()
    replies = await asyncio.gather(*calls)
    assert sorted(reply.body for reply in replies) == [b"1", b"2", b"3", b"4"]


async def test_beyond_the_bound_calls_fetch_for_themselves() -> None:
    flights, upstream = Flights(most=1), Upstream()
    calls = callers(flights, upstream.fetch, 2, "a") + callers(flights, upstream.fetch, 2, "b")
    await settle()
    assert (upstream.asked, len(flights)) == (3, 1)
    upstream.answer.set()
    await asyncio.gather(*calls)


async def test_closing_ends_what_is_under_way_and_takes_no_more() -> None:
    flights, upstream = Flights(), Upstream()
    calls = callers(flights, upstream.fetch, 2)
    await settle()
    await flights.close()
    assert upstream.given_up == 1
    for call in calls:
        with pytest.raises(PluginNotReady, match="stopping"):
            await call
    with pytest.raises(PluginNotReady):
        await flights.run("k", upstream.fetch)
    assert upstream.asked == 1


async def test_what_is_begun_aside_goes_on_alone_and_may_be_joined() -> None:
    flights, upstream = Flights(), Upstream()
    assert flights.aside("k", upstream.fetch, "a refresh")
    assert not flights.aside("k", upstream.fetch, "a refresh"), "once at a time"
    [one] = callers(flights, upstream.fetch, 1)
    await settle()
    one.cancel()
    await settle()
    assert (upstream.asked, upstream.given_up, "k" in flights) == (1, 0, True)
    [other] = callers(flights, upstream.fetch, 1)
    await settle()
    upstream.answer.set()
    assert (await other).body == b"1"
    assert "k" not in flights


async def test_what_is_begun_aside_is_bounded_and_ends_with_the_gateway() -> None:
    flights, upstream = Flights(most_aside=2), Upstream()
    assert [flights.aside(n, upstream.fetch, "a refresh") for n in range(3)] == [True, True, False]
    await settle()
    await flights.close()
    assert (upstream.given_up, len(flights)) == (2, 0)
    assert not flights.aside("k", upstream.fetch, "a refresh")


async def test_a_failure_aside_troubles_nobody_but_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for error, logged in ((UpstreamFailed("down"), False), (KeyError("ours"), True)):
        flights, upstream = Flights(), Upstream()
        upstream.error = error
        upstream.answer.set()
        caplog.clear()
        flights.aside("k", upstream.fetch, "the refresh of p.x")
        await settle()
        assert ("the refresh of p.x failed" in caplog.text) is logged
        assert len(flights) == 0
