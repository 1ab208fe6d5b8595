"""Spans of calls, as the SDK's own exporter has them."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import web

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway.telemetry.traces import Traces, is_wanted, open_traces
from gateway.values import Argument
from tests.conftest import Serve, Upstream

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


class Operation(NamedTuple):
    plugin: str = "sport"
    name: str = "getPlayers"
    address: str = "/players"
    by_name: dict[str, Argument] = {}  # noqa: RUF012 - nobody changes it


class Spans:
    """What has been exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = Traces(provider, "1")

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def roots(self) -> list[ReadableSpan]:
        return [one for one in self.all if one.kind is SpanKind.SERVER or one.parent is None]

    def below(self, span: ReadableSpan) -> list[ReadableSpan]:
        return [one for one in self.all if one.parent and one.parent.span_id == id_of(span)]

    def tree(self) -> list[tuple[str, list[str]]]:
        """Each root's name, and the names of its children."""
        return [(one.name, [child.name for child in self.below(one)]) for one in self.roots]


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def spans() -> Spans:
    return Spans()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.001)


def config(upstream: Upstream, more: str = "") -> str:
    return f"""
        plugin: sport
        upstream: {{url: "{upstream.url}/v1", retries: 2}}
        {more}
        operations:
          getPlayers:
            call: "GET /teams/{{team}}/players"
            description: Players.
            parameters:
              team: {{in: path, type: string, required: true}}
              query: {{in: query, type: string}}
    """


async def test_a_miss_is_a_span_and_one_below_it_for_the_upstream(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    answer = await client.get("/teams/secret-team/players?query=secret-query")
    assert spans.tree() == [("sport.getPlayers", ["GET"])]
    (root,) = spans.roots
    (below,) = spans.below(root)
    assert root.kind is SpanKind.SERVER
    assert below.kind is SpanKind.CLIENT
    told = said(root)
    assert told.pop("http.response.body.size") == len(answer.body)
    told.pop("gateway.tokens.before", None), told.pop("gateway.tokens.after", None)
    assert told == {
        "http.request.method": "GET",
        "http.route": "/teams/{team}/players",
        "url.path": "/teams/{team}/players",
        "http.response.status_code": 200,
        "gateway.plugin": "sport",
        "gateway.operation": "getPlayers",
        "gateway.route": "http",
        "gateway.call_id": answer.headers["Call-Id"],
        "gateway.outcome": "ok",
        "gateway.cache": "miss",
    }
    host, port = upstream.url.removeprefix("http://").split(":")
    assert said(below) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": host,
        "server.port": int(port),
        "url.full": f"{upstream.url}/v1/teams/{{team}}/players",
    }
    assert "secret" not in "".join(one.to_json() for one in spans.all)


async def test_a_long_answer_shows_what_making_it_took(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    upstream.says({"items": [{"number": number, "text": "a b c"} for number in range(30_000)]})
    client = await serve(config(upstream), traces=spans.traces)
    await client.get("/teams/a/players")
    (root,) = [one for one in spans.all if one.kind is SpanKind.SERVER]
    assert [one.name for one in spans.below(root)] == ["GET", "shrink"]


async def test_a_hit_is_a_span_alone(serve: Serve, upstream: Upstream, spans: Spans) -> None:
    client = await serve(config(upstream, "cache: 60s"), traces=spans.traces)
    await client.get("/teams/a/players")
    await client.get("/teams/a/players")
    assert spans.tree() == [("sport.getPlayers", ["GET"]), ("sport.getPlayers", [])]
    assert said(spans.roots[1])["gateway.cache"] == "hit"


async def test_each_try_is_a_span_that_says_which_it_is(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    statuses = iter([503, 200])

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({}, status=next(statuses))

    upstream.answer = answer
    client = await serve(config(upstream), traces=spans.traces)
    assert (await client.get("/teams/a/players")).status == 200
    assert spans.tree() == [("sport.getPlayers", ["GET", "GET"])]
    first, second = spans.below(spans.roots[0])
    assert first.status.status_code is StatusCode.ERROR
    assert said(first)["error.type"] == "503"
    assert "http.request.resend_count" not in said(first)
    assert said(second)["http.request.resend_count"] == 1
    assert spans.roots[0].status.status_code is StatusCode.UNSET
    of = [one.headers["traceparent"].split("-")[2] for one in upstream.received]
    assert of == [f"{id_of(one):016x}" for one in (first, second)]


async def test_a_shared_flight_is_asked_for_once_and_linked(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    come, go = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        come.set()
        await go.wait()
        return web.json_response({})

    upstream.answer = answer
    client = await serve(config(upstream, "cache: 60s"), traces=spans.traces)
    first = asyncio.create_task(client.get("/teams/a/players"))
    await come.wait()
    second = asyncio.create_task(client.get("/teams/a/players"))
    await until(lambda: client.gateway.door.calls == 2)
    go.set()
    leader, joiner = (await first).headers["Call-Id"], (await second).headers["Call-Id"]
    roots = {said(one)["gateway.call_id"]: one for one in spans.roots}
    assert [len(spans.below(roots[one])) for one in (leader, joiner)] == [1, 0]
    (link,) = roots[joiner].links
    assert link.context.span_id == id_of(roots[leader])
    assert said(roots[joiner])["gateway.cache"] == "collapsed"
    assert not roots[leader].links


async def test_a_refresh_has_a_span_of_its_own_with_a_link(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    upstream.says({}, headers={"Cache-Control": "max-age=0, stale-while-revalidate=60"})
    client = await serve(config(upstream, "cache: 60s"), traces=spans.traces)
    await client.get("/teams/a/players")
    await client.get("/teams/a/players")
    await until(lambda: len(spans.all) == 5)
    aside = next(one for one in spans.roots if one.name.startswith("refresh of "))
    stale = spans.roots[1]
    assert [one.kind for one in spans.below(aside)] == [SpanKind.CLIENT]
    assert not spans.below(stale)
    assert aside.parent is None
    assert [one.context.span_id for one in aside.links] == [id_of(stale)]
    assert id_of(aside) != id_of(stale)


async def test_a_call_over_mcp_is_a_span_too(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    params = {"name": "getPlayers", "arguments": {"team": "secret-team"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await client.post("/mcp", json=message, headers=MCP | {"traceparent": PARENT})
    assert spans.tree() == [("sport.getPlayers", ["GET"])]
    (root,) = spans.roots
    assert said(root)["gateway.route"] == "mcp"
    assert said(root)["http.request.method"] == "POST"
    assert said(root)["gateway.call_id"] == answer.headers["Call-Id"]
    assert "secret" not in root.to_json()


async def test_a_message_may_say_what_it_belongs_to(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    for meta in ({"traceparent": PARENT, "tracestate": "a=b"}, {"traceparent": 7}):
        params = {"name": "getPlayers", "arguments": {"team": "a"}, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        await client.post("/mcp", json=message, headers=MCP)
    first, second = spans.roots
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == PARENT.split("-")[2]
    assert upstream.received[0].headers["tracestate"] == "a=b"
    assert second.parent is None


async def test_what_fails_says_so(serve: Serve, upstream: Upstream, spans: Spans) -> None:
    async def cut(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    upstream.answer = cut
    client = await serve(config(upstream), traces=spans.traces)
    answer = await client.get("/teams/a/players")
    assert answer.status == 502
    (root,) = spans.roots
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description is None
    assert said(root)["error.type"] == said(root)["gateway.outcome"] == answer.json()["code"]
    for one in spans.below(root):
        assert one.status.status_code is StatusCode.ERROR
        assert said(one)["error.type"].isidentifier()
        assert not one.events  # an exception's text may hold an address


async def test_a_fault_of_the_callers_is_none_of_the_server(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    client = await serve(config(upstream, "limit: 1/min"), traces=spans.traces)
    await client.get("/teams/a/players")
    assert (await client.get("/teams/a/players")).status == 429
    assert spans.roots[1].status.status_code is StatusCode.UNSET
    assert said(spans.roots[1])["gateway.outcome"] == "limit_reached"


async def test_a_callers_trace_goes_on_and_so_upstream(
    serve: Serve, upstream: Upstream, spans: Spans
) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    await client.get(
        "/teams/a/players", headers={"traceparent": PARENT, "tracestate": "vendor=value"}
    )
    (root,) = spans.roots
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == PARENT.split("-")[2]
    sent = upstream.last.headers["traceparent"].split("-")
    assert sent[1] == PARENT.split("-")[1]
    assert sent[2] == f"{id_of(spans.below(root)[0]):016x}"
    assert upstream.last.headers["tracestate"] == "vendor=value"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        PARENT.replace("00-", "ff-", 1),
        f"{PARENT}-{'x' * 4000}",
        f" {PARENT},{PARENT}",
    ],
)
async def test_what_is_no_trace_counts_for_nothing(
    serve: Serve, upstream: Upstream, spans: Spans, value: str
) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    answer = await client.get(
        "/teams/a/players", headers={"traceparent": value, "tracestate": "a=b"}
    )
    assert answer.status == 200
    assert spans.roots[0].parent is None
    assert "tracestate" not in upstream.last.headers


async def test_without_traces_nothing_goes_upstream(serve: Serve, upstream: Upstream) -> None:
    client = await serve(config(upstream))
    await client.get("/teams/a/players", headers={"traceparent": PARENT})
    assert "traceparent" not in upstream.last.headers


async def test_documents_have_no_span(serve: Serve, upstream: Upstream, spans: Spans) -> None:
    client = await serve(config(upstream), traces=spans.traces)
    for path in ("/healthz", "/openapi.yaml", "/"):
        await client.get(path)
    assert not spans.all


async def test_no_secret_is_in_a_span(serve: Serve, upstream: Upstream, spans: Spans) -> None:
    planted = {
        "QUERY": "plantedQuerySecret",
        "HEADER": "plantedHeaderSecret",
        "PATH": "plantedPathSecret",
    }
    client = await serve(
        f"""
        plugin: sport
        upstream:
          url: "{upstream.url}/bot${{PATH}}"
          credential:
            - {{query: {{name: key, value: "${{QUERY}}"}}}}
            - {{header: {{name: X-Key, value: "${{HEADER}}"}}}}
        operations:
          getA: {{call: GET /a, description: A.}}
        """,
        env=planted,
        traces=spans.traces,
    )
    await client.get("/a")
    upstream.says({}, status=302, headers={"Location": "http://elsewhere.example/?key=x"})
    await client.get("/a")
    assert planted["QUERY"] in upstream.last.target
    assert planted["PATH"] in upstream.last.target
    assert len(spans.all) >= 4
    text = "".join(one.to_json() for one in spans.all)
    assert not [secret for secret in planted.values() if secret in text]


# --- whether traces are wanted ----------------------------------------------------------------

_TO = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        (_TO, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (_TO | {"OTEL_SDK_DISABLED": "true"}, False),
        (_TO | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (_TO | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standard_variables_say_whether_there_are_traces(
    environment: dict[str, str], wanted: bool
) -> None:
    assert is_wanted(environment) is wanted


async def test_traces_are_sent_to_where_the_variables_say(
    upstream: Upstream, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads the process's environment itself."""
    collector = upstream
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "mine"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    traces = open_traces(environment, "1")
    assert traces is not None
    client = await serve(config(upstream), traces=traces)
    await client.get("/teams/a/players")
    await client.gateway.close()
    (sent,) = [one for one in collector.received if one.target == "/v1/traces"]
    assert b"sport.getPlayers" in sent.body
    assert b"mine" in sent.body


async def test_a_collector_that_hangs_does_not_hold_the_end(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def hang(_: web.BaseRequest) -> web.Response:
        await over.wait()
        return web.Response()

    upstream.answer = hang
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", upstream.url)
    monkeypatch.setattr("gateway.telemetry.traces.FLUSH_SECONDS", 0.05)
    traces = open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": upstream.url}, "1")
    assert traces is not None
    traces.begin(Operation(), "http", "GET", {}, "0").ended(200, "ok")
    await asyncio.to_thread(traces.close)
    await until(lambda: bool(upstream.received))
    over.set()


def test_headers_that_the_sdk_cannot_read_are_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: Bearer planted-key")
    traces = open_traces(_TO, "1")
    assert traces is not None
    traces.close()
    assert "_HEADERS is not NAME=VALUE" in caplog.text
    assert "planted-key" not in caplog.text


def test_without_the_extra_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.telemetry.traces.find_spec", lambda _: None)
    with caplog.at_level(logging.WARNING):
        assert open_traces(_TO, "1") is None
    assert "pip install 'plugin-gateway[otel]'" in caplog.text
    assert json.dumps(_TO) not in caplog.text


def test_where_no_traces_are_wanted_nothing_of_their_sdk_is_loaded() -> None:
    code = (
        "import sys\n"
        "from gateway.cli.serve import serve\n"
        "from gateway.telemetry.traces import open_traces\n"
        "assert open_traces({}, '1') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: S603 - our own code
    assert ended.stdout.strip() == b"[]"
