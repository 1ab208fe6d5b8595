"""Two gateways on one store: what one does is done for the other, and nobody queues for nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.caching.driving import Gate, counting
from tests.conftest import Client, Serve, Upstream
from tests.redis_server import RedisServer

CONFIG = """
plugin: shop
contact: a@example.com
budget: no
cache: {cache}
upstream: {{url: "{url}"}}
operations:
  getThing: {{call: GET /thing, description: A thing., parameters: {{q: {{in: query, type: string}}}}}}
  addThing: {{call: POST /other, description: Add one., body: {{type: object}}, purges: [getThing]}}
"""  # noqa: E501

pytestmark = pytest.mark.usefixtures("patient")
Two = tuple[Client, Client]


async def start(serve: Serve, upstream: Upstream, redis: RedisServer, cache: str = "60s") -> Two:
    text = CONFIG.format(url=upstream.url, cache=cache)
    return await serve(text, store=redis.url), await serve(text, store=redis.url)


async def test_a_purge_through_one_reaches_the_other(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    counting(upstream)
    one, other = await start(serve, upstream, redis)
    for q in ("a", "b"):
        await one.get(f"/thing?q={q}")
        assert "hit" in (await other.get(f"/thing?q={q}")).headers["Cache-Status"]
    await other.post("/other", json={})
    for q in ("a", "b"):
        assert "hit" not in (await one.get(f"/thing?q={q}")).headers["Cache-Status"]
    assert len(upstream.received) == 5


async def test_fifty_concurrent_misses_over_both_are_one_fetch(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    gate = Gate(upstream)
    both = await start(serve, upstream, redis)
    calls = [asyncio.ensure_future(both[n % 2].get("/thing")) for n in range(50)]
    await gate.has(1)
    await asyncio.sleep(0.2)
    gate.opened.set()
    assert {one.json()["n"] for one in await asyncio.gather(*calls)} == {1}
    assert len(upstream.received) == 1


async def test_what_is_not_storable_goes_upstream_together_over_both(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    counting(upstream, Cache_Control="no-store")
    both = await start(serve, upstream, redis)
    calls = [asyncio.ensure_future(both[n % 2].get("/thing")) for n in range(20)]
    assert len({one.json()["n"] for one in await asyncio.gather(*calls)}) == 20


async def test_one_refreshes_for_both(serve: Serve, upstream: Upstream, redis: RedisServer) -> None:
    counting(upstream, Cache_Control="max-age=1, stale-while-revalidate=60")
    both = await start(serve, upstream, redis)
    await both[0].get("/thing")
    await asyncio.sleep(1.1)
    gate = Gate(upstream, {"Cache-Control": "max-age=60"})
    for n in range(10):
        assert (await both[n % 2].get("/thing")).json()["n"] == 1
    await gate.has(2)
    gate.opened.set()
    await asyncio.sleep(0.3)
    assert [(await one.get("/thing")).json()["n"] for one in both] == [2, 2]
    assert len(upstream.received) == 2


async def test_without_its_store_each_still_shares_its_fetches(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    counting(upstream)
    both = await start(serve, upstream, redis)
    redis.kill()
    await both[0].get("/thing?q=first")  # now it knows
    upstream.received.clear()
    gate = Gate(upstream)
    calls = [asyncio.ensure_future(both[0].get("/thing")) for _ in range(30)]
    await gate.has(1)
    counting(upstream)
    await both[0].post("/other", json={})
    assert (await both[0].get("/thing")).json()["n"] == 3, "a read after a write joins none before"
    gate.opened.set()
    assert {one.json()["n"] for one in await asyncio.gather(*calls)} == {1}
    assert len(upstream.received) == 3


@pytest.mark.parametrize("cache", ["60s", "{ttl: 60s, shared_by: caller}"])
async def test_a_dead_store_costs_no_call(
    serve: Serve, upstream: Upstream, redis: RedisServer, cache: str
) -> None:
    counting(upstream)
    one, _ = await start(serve, upstream, redis, cache)
    await one.get("/thing")
    redis.kill()
    assert [(await one.get("/thing")).status for _ in range(5)] == [200] * 5
