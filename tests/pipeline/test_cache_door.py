"""What callers see of the cache at the door: our own tag, ages, what is stale."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.faces.mcp.results import of_answer
from gateway.values import Answer
from tests.caching.driving import counting
from tests.conftest import Client, Serve, Upstream

CONFIG = """
plugin: shop
contact: a@example.com
cache: 60s
upstream: {{url: "{url}"}}
operations:
  getThing:
    call: GET /thing
    description: A thing.
    fields: [n]
    returns: {{type: object, properties: {{n: {{type: integer}}, m: {{type: integer}}}}}}
  addThing: {{call: POST /thing, description: Add one., body: {{type: object}}}}
"""


async def start(serve: Serve, upstream: Upstream) -> Client:
    return await serve(CONFIG.format(url=upstream.url))


@pytest.mark.parametrize(
    ("tags", "status"), [("{}", 304), ("W/{}", 304), ("*", 304), ('"x", {}', 304), ('"x"', 200)]
)
async def test_who_has_our_answer_already_is_told_so(
    serve: Serve, upstream: Upstream, tags: str, status: int
) -> None:
    """RFC 9110 section 13.1.2, by the tag of what shrinking made."""
    upstream.says({"n": 1, "m": 2}, headers={"ETag": '"theirs"'})
    client = await start(serve, upstream)
    own = (await client.get("/thing")).headers["ETag"]
    assert own != '"theirs"'
    got = await client.get("/thing", headers={"If-None-Match": tags.format(own)})
    assert got.status == status
    assert got.headers["ETag"] == own
    assert "hit" in got.headers["Cache-Status"]
    assert bool(got.body) is (status == 200)
    assert "Content-Type" not in got.headers or status == 200


async def test_the_upstreams_own_tag_says_nothing_of_our_answer(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"n": 1, "m": 2}, headers={"ETag": '"theirs"'})
    client = await start(serve, upstream)
    assert (await client.get("/thing", headers={"If-None-Match": '"theirs"'})).status == 200
    assert "If-None-Match" not in upstream.last.headers


async def test_a_write_is_never_answered_by_a_tag(serve: Serve, upstream: Upstream) -> None:
    counting(upstream, ETag='"theirs"')
    client = await start(serve, upstream)
    own = (await client.post("/thing", json={})).headers.get("ETag", '"theirs"')
    got = await client.post("/thing", json={}, headers={"If-None-Match": own})
    assert got.status == 200


async def test_over_mcp_it_is_said_how_old_a_stale_answer_is(
    serve: Serve, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=1, stale-while-revalidate=600")
    client = await start(serve, upstream)

    async def result() -> dict[str, object]:
        call = {"name": "getThing", "arguments": {}}
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        headers = {"Accept": "application/json, text/event-stream"}
        return json.loads((await client.post("/mcp", json=asked, headers=headers)).body)["result"]

    assert "_stale" not in (await result()).get("_meta", {})
    await asyncio.sleep(1.1)
    upstream.answer = None
    assert (await result())["_meta"]["_stale"]["age"] >= 1


def test_only_what_is_stale_is_said_to_be() -> None:
    def made(status: str) -> bytes:
        headers = (("Content-Type", "application/json"), ("Cache-Status", status), ("Age", "70"))
        return of_answer(Answer(200, headers, b"{}"), structured=False, modern=False, meta=b"")

    assert b'"_meta":{"_stale":{"age":70}}' in made('g; hit; ttl=-10; detail="error"')
    assert b"_stale" not in made("g; hit; ttl=10")
    assert b"_stale" not in made('g; fwd=uri-miss; detail="not stored: no-store"')
