"""Several gateways on one store."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from gateway.app import Gateway, Options
from gateway.caching.handles import LIFE, Handles, Kept
from gateway.caching.stores import StoreError, store_of
from gateway.caching.stores.handles import ANEW, SharedHandles
from gateway.caching.stores.memory import MemoryStore
from gateway.caching.stores.redis import RedisStore
from gateway.cli import main
from gateway.config.scalars import Budget
from tests.conftest import Client, Serve, Upstream
from tests.redis_server import RedisServer

SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/orders": {
            "get": {"operationId": "listOrders", "responses": {"200": {"description": "Orders"}}},
            "post": {"operationId": "addOrder", "responses": {"200": {"description": "Done"}}},
        }
    },
}
FILES = {"spec.json": json.dumps(SPEC)}


def config(upstream: Upstream, rest: str = "", auth: str = "none") -> str:
    return f"""
plugin: shop
description: Orders of a shop.
spec: spec.json
upstream: {{url: "{upstream.url}"}}
auth: {auth}
operations:
  listOrders: {{description: "Lists the orders.", cache: 1h, budget: 1000}}
  addOrder: {{description: "Adds an order."}}
{rest}
"""


@pytest.fixture
async def two(
    serve: Serve,
    upstream: Upstream,
    redis: RedisServer,
    patient: None,
) -> tuple[Client, Client]:
    text = config(upstream)
    one = await serve(text, files=FILES, store=redis.url)
    return one, await serve(text, files=FILES, store=redis.socket_url)


def rows(number: int) -> list[dict[str, Any]]:
    return [{"id": n, "note": f"note {n} " * 5} for n in range(number)]


async def test_what_one_fetched_is_a_hit_in_the_other(
    two: tuple[Client, Client], upstream: Upstream
) -> None:
    upstream.says(rows(3))
    first, second = [await one.get("/orders") for one in two]
    assert first.json() == second.json()
    assert len(upstream.received) == 1
    assert "hit" in second.headers["Cache-Status"]


async def test_a_write_through_one_is_seen_by_the_other(
    two: tuple[Client, Client], upstream: Upstream
) -> None:
    upstream.says(rows(3))
    for one in two:
        await one.get("/orders")
    upstream.says(rows(4))
    assert (await two[0].request("POST", "/orders")).status == 200
    assert len((await two[1].get("/orders")).json()["items"]) == 4


async def test_fifty_at_once_over_both_are_one_fetch(
    two: tuple[Client, Client], upstream: Upstream
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(rows(3))

    upstream.answer = answer
    got = await asyncio.gather(*(two[n % 2].get("/orders") for n in range(50)))
    assert {one.status for one in got} == {200}
    assert len(upstream.received) == 1


async def test_a_handle_made_by_one_is_served_by_the_other(
    two: tuple[Client, Client], upstream: Upstream
) -> None:
    upstream.says(rows(400))
    one, other = two
    cut = (await one.get("/orders")).json()
    handle = cut["_shrunk"]["more"]["handle"]
    asked = f"/getMore?handle={handle}&path=items&offset={len(cut['items'])}"
    mine, theirs = await one.get(asked), await other.get(asked)
    assert (mine.status, mine.json()) == (theirs.status, theirs.json())
    assert theirs.json()["items"][0]["id"] == len(cut["items"])


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ('fields: ["id"]', 404),
        ('drop: ["note"]', 404),
        ("limit_items: {$: {max: 9, hard: true}}", 404),
        ("budget: 2000", 200),
        ("description: Orders once more.", 200),
    ],
)
async def test_nor_what_the_rules_of_today_hide(
    serve: Serve, upstream: Upstream, redis: RedisServer, changed: str, status: int
) -> None:
    upstream.says(rows(400))
    shape = "returns: {type: array, items: {type: object, properties: {id: {}, note: {}}}}"
    text = config(upstream).replace('"Lists the orders.", cache', f'"Lists.", {shape}, cache')
    one = await serve(text, files=FILES, store=redis.url)
    handle = (await one.get("/orders")).json()["_shrunk"]["more"]["handle"]
    key, _, said = changed.partition(": ")
    kept = "" if key == "budget" else ", budget: 1000"
    about = "" if key == "description" else 'description: "Lists.", '
    line = f"  listOrders: {{{about}{shape}, cache: 1h{kept}, {key}: {said}}}"
    then = "\n".join(line if "listOrders" in each else each for each in text.split("\n"))
    other = await serve(then, files=FILES, store=redis.url)
    for _ in range(2):
        answer = await other.get(f"/getMore?handle={handle}&path=items&offset=300")
        assert answer.status == status, answer.body
        assert (b"note 300" in answer.body) is (status == 200)
    if status == 404:
        assert answer.json()["code"] == "unknown_handle"
        assert (await one.get(f"/getMore?handle={handle}&path=items&offset=300")).status == 200


async def test_nor_what_was_given_by_an_operation_that_is_gone(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    upstream.says(rows(400))
    one = await serve(config(upstream), files=FILES, store=redis.url)
    handle = (await one.get("/orders")).json()["_shrunk"]["more"]["handle"]
    text = config(upstream).replace("listOrders:", "listAll: {call: listOrders, budget: 900}\n  #")
    other = await serve(text, files=FILES, store=redis.url)
    assert (await other.get(f"/getMore?handle={handle}&path=items")).status == 404


@pytest.mark.parametrize("kind", ["user", "oauth"])
async def test_nor_does_it_serve_another_callers(
    serve: Serve, upstream: Upstream, redis: RedisServer, kind: str
) -> None:
    auth = {
        "user": "{user: {scheme: bearer}}",
        "oauth": "{oauth: {client_url: 'https://a.example/a', token_url: 'https://a.example/t', "
        "scope: s, content_type: application/json, verification_tokens: {openai: x}}}",
    }[kind]
    text = config(upstream, auth=auth)
    one = await serve(text, files=FILES, store=redis.url)
    other = await serve(text, files=FILES, store=redis.url)
    upstream.says(rows(400), headers={"Cache-Control": "public, max-age=60"})
    alice, bob = {"Authorization": "Bearer alice-key"}, {"Authorization": "Bearer bob-key"}
    cut = (await one.get("/orders", headers=alice)).json()
    asked = f"/getMore?handle={cut['_shrunk']['more']['handle']}"
    assert (await other.get(asked, headers=bob)).status == 404
    assert (await one.get(asked, headers=bob)).status == 404
    assert (await other.get(asked, headers=alice)).status == 200
    await other.get("/orders", headers=alice)
    assert len(upstream.received) == 1
    await other.get("/orders", headers=bob)
    assert len(upstream.received) == 2, "one caller's reply is nobody else's"


async def test_nothing_of_a_credential_is_in_the_store(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    client = await serve(
        config(upstream, auth="{user: {scheme: bearer}}"), files=FILES, store=redis.url
    )
    upstream.says(rows(400), headers={"Cache-Control": "public, max-age=60"})
    secret = {"Authorization": "Bearer alice-key-0123456789"}
    assert (await client.get("/orders", headers=secret)).status == 200
    store = client.gateway._shared.store
    assert isinstance(store, RedisStore)
    every = await store._link.say("KEYS", "*")
    keys = [key for key in every if await store._link.say("TYPE", key) == b"string"]
    assert len(keys) == 4, "the epoch, a token, an entry, a handle"
    assert len(every) == 5, "and which gateways are on it"
    for key in keys:
        assert b"alice" not in key + (await store._link.say("GET", key) or b"")


async def test_without_its_store_a_gateway_answers_and_is_ready(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    redis.kill()
    client = await serve(config(upstream), files=FILES, store=redis.url)
    upstream.says(rows(400))
    cut = (await client.get("/orders")).json()
    assert (await client.get("/readyz")).status == 200
    handle = cut["_shrunk"]["more"]["handle"]
    assert (await client.get(f"/getMore?handle={handle}")).status == 200, "it has it itself"
    assert (await client.request("POST", "/orders")).status == 200


async def test_killed_and_started_under_load_no_call_fails(
    two: tuple[Client, Client], upstream: Upstream, redis: RedisServer
) -> None:
    upstream.says(rows(3))
    done, got = False, list[int]()

    async def calls(client: Client) -> None:
        while not done:
            got.append((await client.get("/orders")).status)
            if len(got) % 7 == 0:
                got.append((await client.request("POST", "/orders")).status)

    tasks = [asyncio.create_task(calls(client)) for client in two for _ in range(3)]
    for _ in range(2):
        await asyncio.sleep(0.3)
        redis.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(redis.start)
    done = True
    await asyncio.gather(*tasks)
    assert set(got) == {200}
    async with asyncio.timeout(20):
        while any(client.gateway._shared.store.status() for client in two):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await two[0].get("/orders")
    asked = len(upstream.received)
    await two[1].get("/orders")
    assert len(upstream.received) == asked


# --- handles --------------------------------------------------------------------------------------


def kept(whole: bytes = b'{"a":1}', **more: Any) -> Kept:
    return Kept("h" * 16, "p", "op", whole, Budget(8000), **more)


async def test_what_a_handle_stands_for_comes_back_as_it_was(redis: RedisServer) -> None:
    store = RedisStore(redis.url, timeout=2.0)
    await store.open()
    one, other = SharedHandles(10**6, store), SharedHandles(10**6, store)
    there = kept(hard=("a.b",), caller="alice", at="text", rows=True, rules="of today")
    assert one.put(there, 0.0)
    assert one.unsent
    await one.send()
    assert not one.unsent
    assert await other.find("p", there.handle, 5000.0, "alice") == there
    assert other.get("p", there.handle, 5001.0, "alice") == there, "from now on it has it, too"
    for plugin, handle, caller in (
        ("q", there.handle, "alice"),
        ("p", "x" * 16, "alice"),
        ("p", there.handle, "bob"),
        ("p", there.handle, ""),
    ):
        assert await other.find(plugin, handle, 5000.0, caller) is None
    await store.close()


async def test_a_list_that_goes_on_upstream_ends_elsewhere(redis: RedisServer) -> None:
    store = RedisStore(redis.url, timeout=2.0)
    await store.open()

    async def onward() -> None:
        return None

    one, other = SharedHandles(10**6, store), SharedHandles(10**6, store)
    one.put(kept(grows="items", onward=onward), 0.0)
    await one.send()
    found = await other.find("p", "h" * 16, 0.0)
    assert found is not None
    assert (found.grows, found.onward, found.hard) == (None, None, ("items",))
    await store.close()


async def test_a_handle_that_is_used_is_sent_anew_and_never_shorter(redis: RedisServer) -> None:
    store = RedisStore(redis.url, timeout=2.0)
    await store.open()
    one = SharedHandles(10**6, store)
    one.put(kept(b'{"a":[1,2]}'), 0.0)
    await one.send()
    one.put(kept(b'{"a":[1]}'), 1.0)
    one.get("p", "h" * 16, ANEW)
    assert not one.unsent, "not at every use"
    one.put(kept(b'{"a":[1]}'), ANEW + 1)
    assert one.unsent
    await one.send()
    found = await SharedHandles(10**6, store).find("p", "h" * 16, 0.0)
    assert found is not None
    assert found.whole == b'{"a":[1,2]}'
    (key,) = await store._link.say("KEYS", "*:h:*")
    assert await store._link.say("PTTL", key) > LIFE * 1000
    await store.close()


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["localhost:6379", "http://host", "redis://host:port", "redis//x"])
def test_what_is_no_address_of_a_store_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError, match="an address") as told:
        store_of(url, 0)
    assert url not in str(told.value)


def test_a_wrong_store_stops_the_start_and_is_not_repeated() -> None:
    for where in (["--store", "http://:hunter2@host"], []):
        got = CliRunner().invoke(
            main, ["serve", *where, "configs"], env={"GATEWAY_STORE": "mysql://:hunter2@host"}
        )
        assert got.exit_code == 2
        assert "an address that begins with redis://, rediss:// or unix://" in flat(got.output)
        assert "hunter2" not in got.output


def flat(text: str) -> str:
    """Without the frame that is drawn around a message."""
    return " ".join(text.replace("│", " ").split())


def test_without_the_client_for_it_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gateway.caching.stores.redis", None)
    with pytest.raises(StoreError, match=r"pip install 'plugin-gateway\[redis\]'"):
        store_of("redis://localhost", 0)


def test_by_default_replies_are_stored_in_memory() -> None:
    gateway = Gateway([], Options())
    assert isinstance(gateway._shared.store, MemoryStore)
    assert type(gateway._shared.handles) is Handles
