"""What callers are told of their limit, on each answer and refusal of an operation with one."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Client, Response, Serve, Upstream

CONFIG = """
plugin: shop
contact: a@example.com
limit: {limit}
cache: {cache}
upstream: {{url: "{url}"}}
operations:
  getThing: {{call: GET /thing, description: A thing., parameters: {{q: {{in: query, type: integer}}}}}}
  getFree: {{call: GET /free, description: Another., limit: no}}
"""  # noqa: E501
LIMITS = ("RateLimit-Policy", "RateLimit")


async def shop(serve: Serve, upstream: Upstream, limit: str = "3/min", cache: str = "no") -> Client:
    return await serve(CONFIG.format(url=upstream.url, limit=limit, cache=cache))


def left(answer: Response) -> int:
    """What is left, of a header as the draft has it."""
    told = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert told, answer.headers["RateLimit"]
    assert 0 < int(told[2]) <= 61
    return int(told[1])


async def test_each_answer_says_the_limit_and_what_is_left(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    answers = [await client.get("/thing") for _ in range(3)]
    assert [left(one) for one in answers] == [2, 1, 0]
    assert {one.headers["RateLimit-Policy"] for one in answers} == {'"default";q=3;w=60'}


async def test_the_refusal_says_when_to_come_again(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream, "1/min")
    await client.get("/thing")
    refused = await client.get("/thing")
    assert (refused.status, refused.json()["code"], left(refused)) == (429, "limit_reached", 0)
    wait = refused.json()["retry_after"]
    assert refused.headers["Retry-After"] == str(wait)
    assert refused.headers["RateLimit"].endswith(f";t={wait}")
    assert len(upstream.received) == 1


async def test_other_refusals_say_it_too_and_count(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    wrong = await client.get("/thing?q=word")
    assert (wrong.status, left(wrong)) == (400, 2)
    upstream.says({"e": 1}, status=500)
    assert left(await client.get("/thing")) == 1


async def test_no_field_of_the_early_drafts_is_sent(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    told = [name for name in (await client.get("/thing")).headers if "ratelimit" in name.lower()]
    assert sorted(told) == sorted(LIMITS)


@pytest.mark.parametrize("status", [200, 404, 429])
async def test_the_limits_of_the_upstream_do_not_pass_beside_ours(
    serve: Serve, upstream: Upstream, status: int
) -> None:
    theirs = {
        "RateLimit": '"theirs";r=50;t=30',
        "RateLimit-Policy": '"theirs";q=9;w=9',
        "ratelimit-remaining": "9",
    }
    upstream.says({"a": 1}, status=status, headers=theirs)
    client = await shop(serve, upstream)
    answer = await client.get("/thing")
    assert (answer.status, left(answer)) == (status, 2)
    assert "theirs" not in str(answer.headers)
    assert "ratelimit-remaining" not in answer.headers
    assert (await client.get("/free")).headers["RateLimit"] == theirs["RateLimit"]


async def test_what_is_stored_says_nothing_of_who_asked_first(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"a": 1}, headers={"ETag": '"theirs"'})
    client = await shop(serve, upstream, "9/min", "60s")
    first = await client.get("/thing")
    assert [left(await client.get("/thing")) for _ in range(3)] == [7, 6, 5]
    known = await client.get("/thing", headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status, left(known)) == (304, 4)
    assert len(upstream.received) == 1


async def test_operations_that_share_a_limit_share_what_is_left(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    await client.get("/thing")
    assert left(await client.post("/call/getThing", json={"q": 2})) == 1
    assert not set(LIMITS) & set((await client.get("/free")).headers)


async def test_browsers_may_read_what_is_told(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    answer = await client.get("/thing", headers={"Origin": "https://chatgpt.com"})
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert set(LIMITS) <= set(exposed)


async def test_over_mcp_the_refusal_says_it_as_well(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream, "1/min")
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "getThing", "arguments": {}},
    }
    headers = {"Accept": "application/json, text/event-stream"}
    assert (await client.post("/mcp", json=message, headers=headers)).status == 200
    refused = await client.post("/mcp", json=message, headers=headers)
    assert (refused.status, left(refused)) == (429, 0)
    assert refused.headers["Retry-After"]


async def test_who_has_a_network_of_ipv6_has_one_limit(serve: Serve, upstream: Upstream) -> None:
    config = CONFIG.format(url=upstream.url, limit="3/min", cache="no")
    client = await serve(config, trusted_proxies=("127.0.0.1/32",))

    async def calls(address: str) -> int:
        return left(await client.get("/thing", headers={"X-Forwarded-For": address}))

    mine = [await calls(f"2001:db8:0:7::{n}") for n in (1, 2, 3)]
    assert mine == [2, 1, 0]
    assert await calls("2001:db8:0:8::1") == 2
    assert [await calls(f"192.0.2.{n}") for n in (1, 2)] == [2, 2]
