"""MCP over HTTP, beside what the transcripts say: long calls, limits, bugs, who may use what."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from aiohttp import web

from gateway import streams
from gateway.faces.mcp import known
from tests.conftest import Client, Response, Serve, Upstream
from tests.redis_server import RedisServer

CONFIG = """
plugin: {plugin}
title: Things
upstream: {{url: "{url}"}}
{more}
operations:
  getThing:
    call: GET /thing
    description: One thing.
"""


def _config(upstream: Upstream, plugin: str = "things", more: str = "") -> str:
    return CONFIG.format(url=upstream.url, plugin=plugin, more=more)


async def _ask(
    client: Client,
    method: str,
    params: dict[str, Any] | None = None,
    at: str = "/mcp",
    **headers: str,
) -> Response:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
    accept = {"Accept": "application/json, text/event-stream"}
    return await client.post(at, json=body, headers={**accept, **headers})


CALL = {"name": "getThing", "arguments": {}}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is long after a twentieth of a second."""
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.05)


@pytest.fixture
def slow(upstream: Upstream) -> Upstream:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response({"id": 1}, dumps=lambda value: json.dumps(value, indent=1))

    upstream.answer = answer
    return upstream


@pytest.mark.usefixtures("hurried")
async def test_a_long_call_becomes_a_stream_of_events(serve: Serve, slow: Upstream) -> None:
    client = await serve(_config(slow, more="budget: no\nstructured: true"))
    origin = "https://chatgpt.com"
    answer = await _ask(client, "tools/call", CALL, Origin=origin)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    comment, *_, event, last = answer.body.decode().split("\n\n")
    assert comment.startswith(":")
    assert last == ""
    name, data = event.split("\n")  # one line, whatever the upstream's JSON looks like
    assert name == "event: message"
    message = json.loads(data.removeprefix("data: "))
    assert message["id"] == 7
    assert json.loads(message["result"]["content"][0]["text"]) == {"id": 1}


@pytest.mark.usefixtures("hurried")
async def test_who_takes_no_events_waits_for_json(serve: Serve, slow: Upstream) -> None:
    client = await serve(_config(slow))
    answer = await _ask(client, "tools/call", CALL, Accept="application/json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["id"] == 7


@pytest.mark.usefixtures("hurried")
async def test_who_leaves_a_stream_ends_the_call(serve: Serve, upstream: Upstream) -> None:
    gone = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        try:
            await asyncio.sleep(20)
        finally:
            gone.set()
        return web.json_response({})

    upstream.answer = answer
    client = await serve(_config(upstream, more="cache: no"))
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": CALL}
    async with client.session.post(client.base + "/mcp", json=body) as response:
        await response.content.readany()  # the first comment
        response.close()
    while client.gateway.door._slots.taken:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


async def test_a_limit_is_one_of_http(serve: Serve, upstream: Upstream) -> None:
    client = await serve(_config(upstream, more="limit: 1/min"))
    assert (await _ask(client, "tools/call", CALL)).status == 200
    refused = await _ask(client, "tools/call", CALL)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert (await _ask(client, "tools/list")).status == 200  # no call


async def test_in_a_batch_a_limit_is_told_in_its_place(serve: Serve, upstream: Upstream) -> None:
    client = await serve(_config(upstream, more="limit: 1/min"))
    one = {"jsonrpc": "2.0", "method": "tools/call", "params": CALL}
    answer = await client.post("/mcp", json=[{**one, "id": 1}, {**one, "id": 2}])
    first, second = answer.json()
    assert (answer.status, first["result"]["isError"]) == (200, False)
    assert json.loads(second["result"]["content"][0]["text"])["code"] == "limit_reached"


async def test_a_bug_is_an_error_of_the_protocol_and_stays_in_the_log(
    serve: Serve,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = await serve(_config(upstream))

    async def broken(_: object) -> None:
        raise KeyError("what nobody should see")

    (site,) = client.gateway.door.sites
    monkeypatch.setitem(site.spoken, "getThing", broken)
    with caplog.at_level(logging.ERROR):
        answer = await _ask(client, "tools/call", CALL)
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (200, -32603)
    assert "nobody should see" not in answer.body.decode()
    reference = error["message"].split()[-1].rstrip(".")
    assert reference in caplog.text
    assert "what nobody should see" in caplog.text


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/event-stream"])
async def test_what_nobody_has_foreseen_is_an_error_of_the_protocol(
    serve: Serve,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    accept: str,
) -> None:
    client = await serve(_config(upstream))

    def broken(*_: object) -> None:
        raise KeyError("what nobody should see")

    monkeypatch.setattr(known, "read_named", broken)
    with caplog.at_level(logging.ERROR):
        answer = await _ask(client, "tools/call", CALL, Accept=accept)
    error = answer.json()["error"]
    assert (answer.status, answer.json()["id"], error["code"]) == (200, 7, -32603)
    assert "nobody should see" not in answer.body.decode()
    assert error["message"].split()[-1].rstrip(".") in caplog.text
    assert "what nobody should see" in caplog.text


@pytest.fixture
async def two(serve: Serve, upstream: Upstream) -> Client:
    service = "auth: {{service: {{tokens: {{me: {}}}}}}}"
    return await serve(
        _config(upstream, "open"),
        _config(upstream, "closed", service.format("tok-one-one")),
        _config(upstream, "other", service.format("tok-two-two")),
        _config(upstream, "own", "auth: {user: {}}"),
    )


@pytest.mark.parametrize(
    ("token", "seen"),
    [("", {"open"}), ("tok-one-one", {"open", "closed"}), ("tok-two-two", {"open", "other"})],
)
async def test_the_shared_address_lists_what_the_caller_may_use(
    two: Client, token: str, seen: set[str]
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    listed = (await _ask(two, "tools/list", **headers)).json()["result"]["tools"]
    assert {one["name"].partition("_")[0] for one in listed} == seen
    answers = {}
    for plugin in ("open", "closed", "other", "own"):
        params = {"name": f"{plugin}_getThing", "arguments": {}}
        answers[plugin] = (await _ask(two, "tools/call", params, **headers)).json()
    assert {name for name, one in answers.items() if "result" in one} == seen


@pytest.mark.parametrize("said", ["Bearer tok-old", "Bearer", "Basic dG9rOnRvaw==", ""])
async def test_a_credential_that_opens_nothing_is_refused_though_some_is_open(
    two: Client, said: str
) -> None:
    for at in ("/mcp", "/as/cursor/mcp"):
        refused = await _ask(two, "tools/list", at=at, Authorization=said)
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_where_nobody_is_asked_a_credential_does_no_harm(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(_config(upstream, "a"), _config(upstream, "b", "auth: {user: {}}"))
    listed = await _ask(client, "tools/list", Authorization="Bearer tok-whatever")
    assert listed.status == 200


async def test_where_nothing_is_open_the_caller_is_asked_who_he_is(
    serve: Serve, upstream: Upstream
) -> None:
    auth = "auth: {service: {tokens: {me: tok-one-one}}}"
    client = await serve(_config(upstream, "a", auth), _config(upstream, "b", auth))
    for at in ("/mcp", "/a/mcp"):
        refused = await _ask(client, "tools/list", at=at)
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_list_that_differs_between_callers_is_private(two: Client) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    headers["Authorization"] = "Bearer tok-one-one"
    scopes = {"/mcp": "private", "/open/mcp": "public", "/closed/mcp": "private"}
    for at, scope in scopes.items():
        answer = await _ask(two, "tools/list", {"_meta": meta}, at, **headers)
        assert answer.json()["result"]["cacheScope"] == scope


async def test_a_large_answer_holds_its_slot_until_it_is_written(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"text": "x" * 4_000_000})
    client = await serve(_config(upstream, more="budget: no"))
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": CALL}
    slots = client.gateway.door._slots
    async with client.session.post(client.base + "/mcp", json=body) as response:
        assert slots.taken == 1
        await response.read()
    while slots.taken:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("hurried")
async def test_who_does_not_read_a_stream_is_cut_off(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WRITE_SECONDS", 0.3)

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.json_response({"text": "x" * 8_000_000})

    upstream.answer = answer
    client = await serve(_config(upstream, more="budget: no"))
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": CALL}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port, limit=1024)
    writer.write(
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Accept: application/json, text/event-stream\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"text/event-stream" in head
    slots = client.gateway.door._slots
    assert slots.taken == 1
    async with asyncio.timeout(20):
        while slots.taken:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    with pytest.raises(ConnectionResetError):  # never an end that looks like one
        await reader.read()
    writer.close()


@pytest.mark.parametrize("key", ["a-key-of-both", ""])
async def test_of_two_gateways_on_one_store_either_takes_a_yes_and_it_works_once(
    serve: Serve, upstream: Upstream, redis: RedisServer, key: str
) -> None:
    upstream.says({"removed": True})
    text = f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        operations:
          removeThing: {{call: DELETE /thing, description: Remove it., confirm: true}}
    """
    asks, takes = [await serve(text, store=redis.url, store_key=key) for _ in range(2)]
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    headers["Mcp-Name"] = "removeThing"
    call: dict[str, Any] = {"name": "removeThing", "_meta": meta}
    question = (await _ask(asks, "tools/call", call, **headers)).json()["result"]
    yes = {"confirm": {"action": "accept"}}
    call |= {"inputResponses": yes, "requestState": question["requestState"]}
    answers = [(await _ask(one, "tools/call", call, **headers)).json() for one in (takes, asks)]
    if key:
        kinds = [one["result"]["resultType"] for one in answers]
        assert kinds == ["complete", "input_required"]
    else:  # whoever knows the store could make what everybody can sign
        assert answers[0]["error"]["code"] == -32602
        assert answers[1]["result"]["resultType"] == "complete"
    assert len(upstream.received) == 1


async def test_an_address_that_was_asked_before_is_judged_as_the_first_time(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"id": 1})
    tokens = "auth: {service: {tokens: {me: a-token-of-mine}}}"
    client = await serve(_config(upstream), _config(upstream, "guarded", tokens))
    mine = {"Authorization": "Bearer a-token-of-mine"}
    for _ in range(2):
        assert (await _ask(client, "tools/call", CALL, "/things/mcp")).status == 200
        assert (await _ask(client, "tools/call", CALL, "/guarded/mcp", **mine)).status == 200
        assert (await _ask(client, "tools/call", CALL, "/guarded/mcp")).status == 401
        foreign = {"Origin": "https://evil.example"}
        assert (await _ask(client, "tools/call", CALL, "/things/mcp", **foreign)).status == 403
        assert (await client.get("/things/mcp")).status == 405
        preflight = await client.request("OPTIONS", "/things/mcp", headers=foreign)
        assert preflight.status == 204
    assert client.gateway.door._desks.keys() == {("/things/mcp", ""), ("/guarded/mcp", "")}
    client.gateway.door.place(client.gateway.door.sites[1:])
    assert (await _ask(client, "tools/call", CALL, "/things/mcp")).status == 404


async def test_addresses_that_are_remembered_are_few(serve: Serve, upstream: Upstream) -> None:
    client = await serve(_config(upstream))
    for number in range(5):
        assert (await _ask(client, "ping", at=f"/mcp?n={number}")).status == 200
    assert not client.gateway.door._desks
