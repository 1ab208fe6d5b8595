"""Calls of tools that were made before: what is remembered of them is no caller's."""

from __future__ import annotations

import json

import pytest

from gateway.faces.mcp import Asked, results
from gateway.faces.mcp import known as memory
from gateway.values import Answer
from tests.conftest import Client, Serve, Upstream
from tests.test_known_reads import SPEC

PLUGIN = """
plugin: shop
contact: a@example.com
spec: spec.yaml
auth: {service: {tokens: {anna: anna-s-token, boris: boris-s-token}}}
upstream: {url: "URL", forward: [X-Trace]}
parameters:
  tenant: {header: X-Tenant}
operations:
  plain: {choose: true, cache: 1h}
  own: {parameters: {lang: {header: Accept-Language}}}
  inner: {parameters: {filter.lang: {header: Accept-Language}}}
  shared:
"""
ANNA = {"Authorization": "Bearer anna-s-token", "X-Trace": "a", "Accept-Language": "it"}
BORIS = {"Authorization": "Bearer boris-s-token", "X-Trace": "b", "Accept-Language": "ru"}
ANNA["X-Tenant"], BORIS["X-Tenant"] = "A", "B"
EVERYBODY = (ANNA, BORIS, {"Authorization": BORIS["Authorization"]}, ANNA)


@pytest.fixture
async def client(serve: Serve, upstream: Upstream) -> Client:
    upstream.says({"id": 7, "name": "seven"})
    return await serve(PLUGIN.replace("URL", upstream.url), files={"spec.yaml": SPEC})


def known(client: Client) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for (served, _), asked in client.gateway.door._desk._known._asked.items():
        found.setdefault(served.name, []).append(asked)
    return found


async def call(client: Client, tool: str, headers: dict[str, str], **arguments: object) -> str:
    params = {"name": tool, "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await client.post("/mcp", json=body, headers=headers)
    assert answer.status == 200, answer.body
    result = answer.json()["result"]
    text: str = result["content"][0]["text"]
    return ("refused: " if result["isError"] else "") + text


@pytest.mark.parametrize("tool", ["own", "inner", "shared"])
async def test_a_caller_gets_nothing_of_who_said_the_same_before(
    client: Client, upstream: Upstream, tool: str
) -> None:
    for headers in EVERYBODY:
        await call(client, tool, headers)
        seen = upstream.last
        assert seen.headers.get("X-Trace") == headers.get("X-Trace")
        tenant = headers.get("X-Tenant") if tool == "shared" else None
        assert seen.headers.get("tenant") == tenant
        lang = headers.get("Accept-Language") if tool in ("own", "inner") else None
        assert seen.target.partition("=")[2] == (lang or "")


async def test_only_what_is_built_of_no_caller_s_headers_is_remembered(client: Client) -> None:
    for tool in ("own", "inner", "shared"):
        await call(client, tool, ANNA)
    await call(client, "plain", ANNA, id=7)
    built = {name: [one.built for one in many] for name, many in known(client).items()}
    assert built.pop("plain") != [None]
    assert built == {"own": [None], "inner": [None], "shared": [None]}


async def test_a_call_that_is_wrong_is_refused_each_time(client: Client) -> None:
    for _ in range(3):
        assert (await call(client, "plain", ANNA, id=10)).startswith("refused: ")
    assert [one.built for one in known(client)["plain"]] == [None]


async def test_what_is_chosen_is_remembered_with_the_call(client: Client) -> None:
    for _ in range(3):
        assert json.loads(await call(client, "plain", ANNA, id=7, fields=["name"])) == {
            "name": "seven"
        }
        assert json.loads(await call(client, "plain", BORIS, id=7)) == {"id": 7, "name": "seven"}
    assert [one.chosen is None for one in known(client)["plain"]] == [False, True]


async def test_nothing_is_known_of_plugins_that_were_replaced(client: Client) -> None:
    await call(client, "plain", ANNA, id=7)
    client.gateway.door.place(client.gateway.door.sites)
    assert known(client) == {}
    assert client.gateway.door._desk._known._told == {}


async def test_what_is_known_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_KNOWN", 3)
    there = client.gateway.door._desk._known
    for number in range(8):
        await call(client, "plain", ANNA, id=number)
        assert 1 <= len(known(client)["plain"]) <= 3
        assert 1 <= len(there._told) <= 3
    await call(client, "plain", ANNA, id=7, cut="true" * 200)
    assert all(len(said) <= memory.MAX_KNOWN_LENGTH for _, said in there._asked)
    there.clear()
    for more, told in (({"_meta": {"x": "y" * 1000}}, 0), ({}, 1)):
        params = {"name": "plain", "arguments": {"id": 7}, **more}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        assert (await client.post("/mcp", json=body, headers=ANNA)).status == 200
        assert len(there._told) == told


async def test_who_calls_is_asked_though_the_same_was_said_before(client: Client) -> None:
    params = {"name": "plain", "arguments": {"id": 7}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    for token, status in (("anna-s", 200), ("anna-s", 200), ("nobody-s", 401), ("boris-s", 200)):
        headers = {"Authorization": f"Bearer {token}-token"}
        assert (await client.post("/mcp", json=body, headers=headers)).status == status
    assert (await client.post("/mcp", json=body)).status == 401


async def test_what_is_not_stored_is_asked_for_though_the_same_was_said_before(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(
        f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        operations:
          getThing: {{call: GET /thing, description: One thing., cache: no}}
        """
    )
    for number in range(3):
        upstream.says({"id": number})
        assert json.loads(await call(client, "getThing", {})) == {"id": number}


def test_the_text_of_a_stored_answer_is_written_once() -> None:
    results._kept.cache_clear()
    media = ("Content-Type", "application/json")
    hit, miss = ("Cache-Status", "gateway; hit"), ("Cache-Status", "gateway; fwd=uri-miss; stored")
    told = [
        results.of_answer(Answer(200, (media, how), body), structured=False, modern=False, meta=b"")
        for how, body in ((miss, b'{"a":1}'), (hit, b'{"a":1}'), (hit, b'{"a":1}'))
    ]
    assert len(set(told)) == 1
    assert results._kept.cache_info()[:2] == (1, 1)  # hits, misses
    long = b'"%b"' % (b"x" * results.MOST_KEPT)
    results.of_answer(Answer(200, (media, hit), long), structured=False, modern=False, meta=b"")
    assert results._kept.cache_info().currsize == 1
