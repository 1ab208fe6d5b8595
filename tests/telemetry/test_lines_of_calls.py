"""The log of a whole gateway: a line for each call, with its id; and nothing that is nobody's
business."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from gateway.telemetry.logs import Log, close_log, open_log
from tests.conftest import Response, Serve, Upstream

MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


class Written:
    """A log, and what has been written to it."""

    def __init__(self, **options: Any) -> None:
        self._stream = io.StringIO()
        self.log: Log = open_log(self._stream, **{"level": "debug", "key": b"k", **options})

    def close(self) -> None:
        close_log(self.log)

    @property
    def text(self) -> str:
        self.close()
        return self._stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in self.text.splitlines()]

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [one for one in self.all if "status" in one]


@pytest.fixture
def written() -> Iterator[Written]:
    of_the_upstream = logging.getLogger("aiohttp.access")  # it runs in this process
    of_the_upstream.propagate = False
    log = Written()
    yield log
    log.close()
    of_the_upstream.propagate = True


def config(upstream: Upstream, more: str = "") -> str:
    return f"""
        plugin: sport
        upstream: {{url: "{upstream.url}"}}
        budget: no
        {more}
        operations:
          getPlayers:
            call: "GET /teams/{{team}}/players"
            description: Players.
            parameters:
              team: {{in: path, type: string, required: true}}
              query: {{in: query, type: string}}
          addPlayer:
            call: POST /players
            description: Add one.
            body: {{type: object, properties: {{name: {{type: string}}}}}}
    """


def tool(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def test_a_call_has_one_line_and_its_id_is_in_the_answer(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    client = await serve(config(upstream), log=written.log)
    answer = await client.get("/teams/secret-team/players?query=secret-query")
    (line,) = written.calls
    assert line["call_id"] == answer.headers["Call-Id"]
    assert len(line["call_id"]) == 20
    assert "secret" not in written.text
    assert line["target"] == "/teams/{team}/players?query=***"
    told = {key: line[key] for key in ("plugin", "operation", "route", "method", "status")}
    assert told == {
        "plugin": "sport",
        "operation": "getPlayers",
        "route": "http",
        "method": "GET",
        "status": 200,
    }
    assert line["outcome"] == "ok"
    assert line["sent"] == len(answer.body)
    assert line["caller"] == "127.0.0.1"
    assert line["ms"] > 0


async def test_ids_differ_and_a_stored_answer_has_its_own(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    client = await serve(config(upstream, "cache: 60s"), log=written.log)
    answers = [await client.get("/teams/a/players") for _ in range(3)]
    assert len({one.headers["Call-Id"] for one in answers}) == 3
    assert [one["call_id"] for one in written.calls] == [one.headers["Call-Id"] for one in answers]
    assert [one["cache"] for one in written.calls] == ["miss", "hit", "hit"]


async def test_each_way_in_is_told(serve: Serve, upstream: Upstream, written: Written) -> None:
    client = await serve(config(upstream), log=written.log)
    by_name = await client.post("/call/getPlayers", json={"team": "secret"})
    spoken = await client.post("/mcp", json=tool("getPlayers", {"team": "secret"}), headers=MCP)
    first, second = written.calls
    assert (first["route"], first["target"], first["method"]) == (
        "call",
        "/call/getPlayers",
        "POST",
    )
    assert (second["route"], second["target"], second["method"]) == ("mcp", "/mcp", "POST")
    assert first["call_id"] == by_name.headers["Call-Id"]
    assert second["call_id"] == spoken.headers["Call-Id"]
    assert "secret" not in written.text


async def test_an_answer_that_comes_late_has_the_id_as_well(
    serve: Serve, upstream: Upstream, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        await begun.wait()
        return web.json_response({})

    upstream.answer = answer
    monkeypatch.setattr("gateway.streams.QUIET_SECONDS", 0.01)
    client = await serve(config(upstream), log=written.log)
    message = tool("getPlayers", {"team": "a"})
    url = f"{client.base}/mcp"
    async with client.session.post(url, json=message, headers=MCP) as answered:  # its head is there
        begun.set()
        await answered.read()
    assert answered.headers["Content-Type"] == "text/event-stream"
    assert written.calls[0]["call_id"] == answered.headers["Call-Id"]


async def test_a_refusal_has_the_id_in_its_fields_and_in_its_line(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    upstream.says("no", status=500)
    client = await serve(config(upstream), log=written.log)
    failed = await client.get("/teams/a/players")
    unknown = await client.get("/nothing/secret-path?secret=1")
    bad = await client.post("/call/getPlayers", json={"secret-name": "secret-value"})
    spoken = await client.post("/mcp", json=tool("getPlayers", {"team": "a"}), headers=MCP)
    for answer in (failed, unknown, bad):
        assert answer.json()["call_id"] == answer.headers["Call-Id"]
    told = json.loads(spoken.json()["result"]["content"][0]["text"])
    assert told["call_id"] == spoken.headers["Call-Id"]
    ids = [one.headers["Call-Id"] for one in (failed, unknown, bad, spoken)]
    assert [one["call_id"] for one in written.calls] == ids
    outcomes = [one["outcome"] for one in written.calls]
    assert outcomes == ["upstream_5xx", "not_found", "bad_arguments", "upstream_5xx"]
    assert "secret" not in written.text


async def test_what_nobody_has_foreseen_is_found_by_the_id_that_the_caller_has(
    serve: Serve, upstream: Upstream, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await serve(config(upstream), log=written.log)
    site = client.gateway.door.sites[0]

    async def broken(_: object) -> None:
        raise KeyError("the reason")

    site.plans["getPlayers"] = broken  # type: ignore[index, assignment]
    answer = await client.get("/teams/a/players")
    assert answer.status == 500
    call_id = answer.headers["Call-Id"]
    assert call_id in answer.json()["detail"]
    assert answer.json()["call_id"] == call_id
    record = next(one for one in written.all if "exception" in one)
    assert record["call_id"] == call_id
    assert "KeyError: 'the reason'" in record["exception"]
    assert [one["level"] for one in written.calls] == ["error"]
    assert written.calls[0]["call_id"] == call_id


async def test_health_and_documents_have_no_line(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    client = await serve(config(upstream), log=written.log)
    for path in ("/healthz", "/readyz", "/openapi.yaml", "/.well-known/ai-plugin.json", "/"):
        answer = await client.get(path)
        assert "Call-Id" not in answer.headers
    assert not written.calls


async def test_a_long_answer_is_told_when_it_has_gone(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    upstream.says(b"x" * 1_000_000, content_type="text/plain")
    client = await serve(config(upstream, "cache: no"), log=written.log)
    answer = await client.get("/teams/a/players")
    (line,) = written.calls
    assert line["call_id"] == answer.headers["Call-Id"]
    assert line["sent"] == len(answer.body)


async def test_a_page_may_read_the_id(serve: Serve, upstream: Upstream) -> None:
    client = await serve(config(upstream))
    answer = await client.get("/teams/a/players", headers={"Origin": "https://chatgpt.com"})
    assert "Call-Id" in answer.headers["Access-Control-Expose-Headers"].split(", ")


async def test_a_proxys_id_is_told_where_the_proxy_is_trusted(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    headers = {"X-Request-Id": "abc-123"}
    trusting = await serve(config(upstream), log=written.log, trusted_proxies=("127.0.0.1/32",))
    await trusting.get("/teams/a/players", headers=headers)
    await trusting.get("/teams/a/players", headers={"X-Request-Id": 'abc"} {"level":"error'})
    other = await serve(config(upstream), log=written.log, trusted_proxies=("10.0.0.0/8",))
    await other.get("/teams/a/players", headers=headers)
    assert [one.get("request_id") for one in written.calls] == ["abc-123", None, None]


async def test_what_could_not_be_read_is_told_without_a_piece_of_it(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    client = await serve(config(upstream), log=written.log)
    for request in (
        b"GET /teams/a/players HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret-key\0\r\n\r\n",
        b"GET /teams/a/players?query=secret-\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /secret-path secret-version\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nsecret-body\r\n",
        b"GET /" + b"secret-" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(client.base).port)
        writer.write(request)
        assert b" 4" in await reader.readline()
        writer.close()
    told = [one["message"] for one in written.all if "not valid HTTP" in one.get("message", "")]
    assert len(told) == 5
    assert "Invalid header value char" in told[0]
    assert "secret" not in written.text


async def test_callers_are_told_apart_and_not_told(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    service = config(upstream, "auth: {service: {tokens: {ada: secret-token-of-ada}}}")
    user = config(upstream, "auth: {user: {scheme: bearer}}")
    named = await serve(service, log=written.log)
    await named.get("/teams/a/players", headers={"Authorization": "Bearer secret-token-of-ada"})
    await named.get("/teams/a/players", headers={"Authorization": "Bearer secret-guess"})
    passed = await serve(user, log=written.log)
    for token in ("secret-one", "secret-two", "secret-one"):
        await passed.get("/teams/a/players", headers={"Authorization": f"Bearer {token}"})
    callers = [one.get("caller") for one in written.calls]
    assert callers[:2] == ["token:ada", "127.0.0.1"]
    assert callers[2] == callers[4] != callers[3]
    assert "secret" not in written.text


async def test_no_secret_is_in_the_log_whatever_happens(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    """Each secret has a word of its own, and is looked for in the forms that it may take."""
    env = {
        "HEADER": "plantedHeaderSecret1",
        "QUERY": "plantedQuerySecret2",
        "BASIC": "plantedBasicSecret3",
        "FIXED": "plantedFixedSecret4",
        "PIN": "plantedPinnedSecret5",
        "TOKEN": "plantedTokenSecret6",
        "SPEC": "plantedSpecSecret7",
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": upstream.url}],
        "paths": {
            "/a": {
                "get": {
                    "operationId": "getA",
                    "parameters": [{"name": "key", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "ok"}},
                }
            }
        },
    }
    mode = ["ok"]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/openapi.json":
            return web.json_response(document)
        if mode == ["cut"]:
            assert request.transport is not None
            request.transport.close()
        if mode == ["echo"]:
            return web.json_response({"said": dict(request.headers)}, status=500)
        if mode == ["moved"]:
            said = {"Location": f"http://elsewhere.example{request.raw_path}"}
            return web.Response(status=302, headers=said)
        if mode == ["garbage"]:
            assert request.transport is not None
            request.transport.write(b"HTTP/9.9 " + request.raw_path.encode() + b"\r\n\r\n")
        if mode == ["slow"]:
            await asyncio.sleep(1)
        return web.json_response({"headers": dict(request.headers), "path": request.raw_path})

    upstream.answer = answer
    client = await serve(
        f"""
        plugin: planted
        spec: {{url: "{upstream.url}/openapi.json", headers: {{X-Spec: "${{SPEC}}"}}}}
        auth: {{service: {{tokens: {{ada: "${{TOKEN}}"}}}}}}
        upstream:
          url: "{upstream.url}"
          timeout: 1s
          headers: {{X-Fixed: "${{FIXED}}"}}
          credential:
            - {{header: {{name: X-Key, value: "${{HEADER}}"}}}}
            - {{query: {{name: api_key, value: "${{QUERY}}"}}}}
            - {{basic: {{username: ada, password: "${{BASIC}}"}}}}
        operations:
          getA: {{parameters: {{key: {{pin: "${{PIN}}"}}}}}}
        """,
        env=env,
        log=written.log,
    )
    known = {"Authorization": f"Bearer {env['TOKEN']}"}
    answers: list[Response] = []
    for mode[0] in ("ok", "echo", "moved", "garbage", "cut", "slow"):
        answers.append(await client.get("/a", headers=known))
        answers.append(await client.post("/call/getA", json={}, headers=known))
        answers.append(await client.post("/mcp", json=tool("getA", {}), headers=MCP | known))
        answers.append(await client.get(f"/a?key={env['PIN']}", headers=known))
        answers.append(await client.get(f"/{env['TOKEN']}", headers=known))
        answers.append(await client.get("/a", headers={"Authorization": "Bearer plantedWrong8"}))
    log = logging.getLogger("gateway")
    for secret in env.values():
        try:
            raise ValueError(f"{upstream.url}/a?api_key={secret}")
        except ValueError:
            log.exception("what a library says: %s", secret)
    assert len(written.calls) == len(answers)
    text = written.text
    assert "planted" in text  # the plugin's name
    for secret in (*env.values(), "plantedWrong8"):
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode().strip("=")[:-2] not in text
    assert base64.b64encode(f"ada:{env['BASIC']}".encode()).decode() not in text


async def test_a_refresh_is_no_part_of_the_call_it_began_with(
    serve: Serve, upstream: Upstream, written: Written
) -> None:
    asked, again = 0, asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 2:
            again.set()
        headers = {"Cache-Control": "max-age=0, stale-while-revalidate=60"}
        return web.json_response({"n": asked}, headers=headers)

    upstream.answer = answer
    client = await serve(config(upstream, "cache: 60s"), log=written.log)
    await client.get("/teams/a/players")
    await client.get("/teams/a/players")
    await again.wait()
    first, second = written.calls
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert first["tries"] == 1
    assert "tries" not in second
