"""A long reply on its way to its caller is stored when it has come whole."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from gateway.pipeline.cache_tee import MOST
from tests.conftest import Client, Serve, Upstream

CONFIG = """
plugin: shop
contact: a@example.com
budget: no
cache: 1h
upstream: {{url: "{url}", timeout: 5s, max_bytes: 20MiB{more}}}
operations: {{getThings: {{call: GET /things, description: All things.}}}}
"""
LONG = json.dumps([f"thing {number}" for number in range(20_000)]).encode()
TYPE = {"Content-Type": "application/json"}


class Dripping:
    """The upstream gives a body in parts, the last ones when it is let, or never."""

    def __init__(self, upstream: Upstream, body: bytes = LONG, *, breaks: bool = False) -> None:
        self.body, self.breaks, self.go_on = body, breaks, asyncio.Event()
        upstream.answer = self.answer

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers=TYPE)
        await response.prepare(request)
        half = len(self.body) // 2
        await response.write(self.body[:half])
        await self.go_on.wait()
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        await response.write(self.body[half:])
        await response.write_eof()
        return response


async def start(serve: Serve, upstream: Upstream, more: str = "") -> Client:
    return await serve(CONFIG.format(url=upstream.url, more=more), env={"KEY": "topsecret-4711"})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


async def test_a_miss_streams_to_its_caller_and_is_stored_when_it_ends_whole(
    serve: Serve, upstream: Upstream, session: aiohttp.ClientSession
) -> None:
    dripping = Dripping(upstream)
    client = await start(serve, upstream)
    async with session.get(client.base + "/things") as response:
        assert response.headers["Cache-Status"] == "plugin-gateway; fwd=uri-miss; stored"
        first = await response.content.readexactly(1000)  # while the rest is not there yet
        dripping.go_on.set()
        assert first + await response.read() == LONG
    again = await client.get("/things")
    assert again.body == LONG
    assert again.headers["Cache-Status"].startswith("plugin-gateway; hit")
    assert len(upstream.received) == 1


async def test_who_wants_the_same_meanwhile_waits_for_the_whole(
    serve: Serve, upstream: Upstream, session: aiohttp.ClientSession
) -> None:
    dripping = Dripping(upstream)
    client = await start(serve, upstream)
    async with session.get(client.base + "/things") as response:
        await response.content.readexactly(1000)
        others = [asyncio.ensure_future(client.get("/things")) for _ in range(10)]
        await asyncio.sleep(0.05)
        dripping.go_on.set()
        got = await asyncio.gather(*others)
        assert {one.body for one in got} == {LONG}
    assert len(upstream.received) == 1


async def test_many_at_once_are_one_fetch(serve: Serve, upstream: Upstream) -> None:
    dripping = Dripping(upstream)
    client = await start(serve, upstream)
    calls = [asyncio.ensure_future(client.get("/things")) for _ in range(30)]
    await asyncio.sleep(0.1)
    dripping.go_on.set()
    assert {one.body for one in await asyncio.gather(*calls)} == {LONG}
    assert len(upstream.received) == 1


async def test_a_caller_who_leaves_or_does_not_read_holds_up_nobody(
    serve: Serve, upstream: Upstream, session: aiohttp.ClientSession
) -> None:
    body = json.dumps([json.loads(LONG)] * 8).encode()
    dripping = Dripping(upstream, body)
    client = await start(serve, upstream)
    response = await session.get(client.base + "/things")
    other = asyncio.ensure_future(client.get("/things"))
    await asyncio.sleep(0.05)
    dripping.go_on.set()
    assert (await other).body == body
    response.close()
    assert (await client.get("/things")).headers["Cache-Status"].startswith("plugin-gateway; hit")
    assert len(upstream.received) == 1


async def test_a_body_that_breaks_off_is_not_stored_and_looks_whole_to_nobody(
    serve: Serve, upstream: Upstream, session: aiohttp.ClientSession
) -> None:
    dripping = Dripping(upstream, breaks=True)
    client = await start(serve, upstream)
    async with session.get(client.base + "/things") as response:
        await response.content.readexactly(1000)
        dripping.go_on.set()
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    Dripping(upstream).go_on.set()
    assert (await client.get("/things")).body == LONG
    assert len(upstream.received) == 2


async def test_a_body_beyond_the_bound_is_passed_on_and_not_stored(
    serve: Serve, upstream: Upstream
) -> None:
    body = b"[" + b"1," * (MOST // 2 + 100_000) + b"1]"
    Dripping(upstream, body).go_on.set()
    client = await start(serve, upstream)
    for _ in range(2):
        assert (await client.get("/things")).body == body
    assert len(upstream.received) == 2


async def test_a_length_beyond_the_bound_is_known_before(serve: Serve, upstream: Upstream) -> None:
    upstream.says(b"[" + b"1," * (MOST // 2 + 100_000) + b"1]", headers=TYPE)
    client = await start(serve, upstream)
    got = await client.get("/things")
    assert 'detail="not stored: too large"' in got.headers["Cache-Status"]


async def test_what_comes_coded_is_stored_plain(serve: Serve, upstream: Upstream) -> None:
    many = [str(random.Random(n).random()) for n in range(20_000)]  # noqa: S311
    text = json.dumps(many).encode()
    upstream.says(gzip.compress(text), headers={**TYPE, "Content-Encoding": "gzip"})
    client = await start(serve, upstream)
    first = await client.get("/things")
    second = await client.get("/things", headers={"Accept-Encoding": "identity"})
    assert first.body == second.body == text
    assert "Content-Encoding" not in second.headers
    assert len(upstream.received) == 1


async def test_a_secret_is_masked_in_what_is_stored(serve: Serve, upstream: Upstream) -> None:
    body = json.dumps(["topsecret-4711", *["thing"] * 20_000]).encode()
    upstream.says(body, headers=TYPE)
    more = ', credential: {header: {name: X-Key, value: "${KEY}"}}'
    client = await start(serve, upstream, more)
    for _ in range(2):
        assert b"topsecret" not in (await client.get("/things")).body
    assert len(upstream.received) == 1
