"""Section 4 of RFC 9111: identical calls in flight are one fetch, and nobody queues for nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.errors import Refusal, UpstreamTimeout
from tests.caching.driving import Gate, Got, counting, driven, made
from tests.conftest import Upstream
from tests.passthrough import fetched, passing


def begin(driver: Any, count: int, *args: Any, **more: Any) -> list[asyncio.Task[Got]]:
    return [asyncio.ensure_future(driver(*args, **more)) for _ in range(count)]


async def test_a_thousand_concurrent_misses_are_one_fetch(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, "cache: 60s")) as call:
        calls = begin(call, 1000)
        await gate.has(1)
        gate.opened.set()
        answers = await asyncio.gather(*calls)
        assert {one.n for one in answers} == {1}
        assert sorted({one.how for one in answers}) == [
            "fwd=uri-miss; stored",
            "fwd=uri-miss; stored; collapsed",
        ]
        assert (await call()).how.startswith("hit")
    assert len(upstream.received) == 1


async def test_an_expired_reply_is_asked_for_once_by_all(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, ETag='"a"')
    async with driven(made(tmp_path, upstream.url, "cache: 60s")) as call:
        await call()
        call.let_pass(61)
        gate = Gate(upstream)
        calls = begin(call, 100)
        await gate.has(2)
        gate.opened.set()
        assert {one.n for one in await asyncio.gather(*calls)} == {2}
    assert upstream.last.headers["If-None-Match"] == '"a"'


@pytest.mark.parametrize("said", ["no-store", "private"])
async def test_what_turns_out_not_to_be_storable_goes_upstream_together(
    tmp_path: Path, upstream: Upstream, said: str
) -> None:
    """Under `everyone` with keys of callers' own, private is as no-store is."""
    first, gate = asyncio.Event(), Gate(upstream, {"Cache-Control": said})

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if len(upstream.received) == 1:
            await first.wait()
            return web.json_response({"n": 1}, headers=gate.headers)
        return await gate.answer(request)

    upstream.answer = answer
    extra = "cache: {ttl: 60s, shared_by: everyone}\nauth: {user: {}}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        calls = begin(call, 20, key="same")
        await gate.has(1)
        first.set()
        await gate.has(20)
        assert gate.at == 19, "not one after the other"
        gate.opened.set()
        assert sorted(one.n for one in await asyncio.gather(*calls)) == list(range(1, 21))


async def test_what_varies_otherwise_than_was_known_goes_upstream_together(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream, {"Cache-Control": "max-age=60", "Vary": "Foo"})
    async with passing(upstream.url, tmp_path) as gateway, aiohttp.ClientSession() as session:
        calls = [
            asyncio.ensure_future(fetched(session, f"{gateway.url}/x", headers={"Foo": str(n % 4)}))
            for n in range(12)
        ]
        await gate.has(1)
        gate.opened.set()
        await asyncio.gather(*calls)
        assert len(upstream.received) == 10, "three had what the first one asked for"
        before = len(upstream.received)
        for n in range(4):
            await fetched(session, f"{gateway.url}/x", headers={"Foo": str(n)})
        assert len(upstream.received) == before


async def test_an_error_is_had_once_by_all_who_waited_and_kept_for_nobody(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream, status=503)
    async with driven(made(tmp_path, upstream.url, "cache: 60s", get="retries: no")) as call:
        calls = begin(call, 50)
        await gate.has(1)
        gate.opened.set()
        refused = await asyncio.gather(*calls, return_exceptions=True)
        assert {getattr(one, "status", one) for one in refused} == {503}
        with pytest.raises(Refusal):
            await call()
    assert len(upstream.received) == 2


async def test_no_answer_is_had_once_by_all_who_waited(tmp_path: Path, upstream: Upstream) -> None:
    async def drop(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    upstream.answer = drop
    async with driven(made(tmp_path, upstream.url, "cache: 60s", get="retries: no")) as call:
        refused = await asyncio.gather(*begin(call, 20), return_exceptions=True)
    assert {getattr(one, "code", one) for one in refused} == {"upstream_failed"}
    assert len(upstream.received) == 1


async def test_a_cancelled_leader_hands_over(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, "cache: 60s")) as call:
        first, *others = begin(call, 10)
        await gate.has(1)
        first.cancel()
        await asyncio.sleep(0.02)
        gate.opened.set()
        assert {one.n for one in await asyncio.gather(*others)} == {1}
        assert first.cancelled()


async def test_waiters_keep_their_own_timeouts(tmp_path: Path, upstream: Upstream) -> None:
    """The leader's time is over; whoever came later begins anew and has his answer."""
    never = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if len(upstream.received) == 1:
            await never.wait()
        return web.json_response({"n": len(upstream.received)})

    upstream.answer = answer
    extra = "cache: 60s\nupstream: {url: 'URL', timeout: 1s}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        [leader] = begin(call, 1)
        await asyncio.sleep(0.5)
        waiters = begin(call, 5)
        with pytest.raises(UpstreamTimeout):
            await leader
        assert {one.n for one in await asyncio.gather(*waiters)} == {2}
    never.set()


async def test_who_waits_does_so_no_longer_than_his_own_time(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    extra = "cache: 60s\nupstream: {url: 'URL', timeout: 300ms}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        refused = await asyncio.gather(*begin(call, 5), return_exceptions=True)
        assert {type(one) for one in refused} == {UpstreamTimeout}
        assert len(call.shared.flights) == 0
    gate.opened.set()


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("PUT", {}),
        ("POST", {}),
        ("GET", {"Range": "bytes=0-1"}),
        ("GET", {"Cache-Control": "no-store"}),
        ("GET", {"Cache-Control": "no-cache"}),
        ("GET", {"If-None-Match": '"x"'}),
    ],
)
async def test_who_wants_something_of_his_own_does_not_wait(
    tmp_path: Path, upstream: Upstream, method: str, headers: dict[str, str]
) -> None:
    counting(upstream, Cache_Control="max-age=0", ETag='"y"')
    async with passing(upstream.url, tmp_path) as gateway, aiohttp.ClientSession() as session:
        await fetched(session, f"{gateway.url}/x")  # so that no-cache has what it is not to use
        gate = Gate(upstream, {"Cache-Control": "max-age=60"})
        calls = [
            asyncio.ensure_future(
                fetched(session, f"{gateway.url}/x", method, headers=dict(headers))
            )
            for _ in range(4)
        ]
        await gate.has(5)
        gate.opened.set()
        await asyncio.gather(*calls)


async def test_reads_by_post_share_by_their_body(tmp_path: Path, upstream: Upstream) -> None:
    gate = Gate(upstream)
    plugin = made(tmp_path, upstream.url, search="cache: {ttl: 60s, post: true}")
    async with driven(plugin) as call:
        calls = begin(call, 10, "search", a=1) + begin(call, 10, "search", a=2)
        await gate.has(2)
        gate.opened.set()
        await asyncio.gather(*calls)
        assert (await call("search", a=1)).how.startswith("hit")
        assert (await call("search", a=3)).how.startswith("fwd=uri-miss")
    assert len(upstream.received) == 3


async def test_the_gateway_ends_what_is_under_way_when_it_stops(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, "cache: 60s")) as call:
        calls = begin(call, 3)
        await gate.has(1)
        await call.shared.flights.close()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Refusal) and one.code == "plugin_not_ready" for one in ended)
    gate.opened.set()
