"""What calls cost and what was saved: of a real gateway, by every way in, to the last number."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli import main
from gateway.shrinking import count
from gateway.telemetry.counts import Counts
from gateway.telemetry.metrics import exposed
from gateway.telemetry.plot import plot
from gateway.telemetry.report import HTML, page, report_of, told
from tests.conftest import Client, Serve, Upstream

PLUGIN = """
plugin: shop
spec: shop.json
upstream: {url: "%s"}
operations:
  getRows: {fields: ["items[].id"]}
  getList: {}
  getPage: {cache: 60s}
  getLost: {}
  getBroken: {}
"""
SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1", "description": "Much to say. " * 200},
    "paths": {
        f"/{name}": {
            "get": {
                "operationId": f"get{name.capitalize()}",
                "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "ok", "content": {"application/json": {
                    "schema": schema}}}},
            }
        }
        for name, schema in {
            "rows": {"type": "object", "properties": {"items": {"type": "array", "items": {
                "type": "object", "properties": {"id": {"type": "integer"}}}}}},
            "list": {"type": "array", "items": {"type": "integer"}},
            "page": {"type": "object"},
            "lost": {"type": "object"},
            "broken": {"type": "object"},
            "unused": {"type": "object"},
        }.items()
    },
}  # fmt: skip
ROWS = {"items": [{"id": n, "text": "all that is not wanted"} for n in range(20)]}
LIST = "[1,2,3]"
PAGE = '{"text":"passed on as it is"}'


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    match request.path:
        case "/rows":
            return web.json_response(ROWS)
        case "/list":
            return web.Response(text=LIST, content_type="application/json")
        case "/page":
            return web.Response(text=PAGE, content_type="application/json")
        case "/lost":
            return web.json_response({"error": "no such thing"}, status=404)
    return web.Response(status=500, text="oh")


async def call(client: Client, route: str, name: str, arguments: dict[str, Any]) -> int:
    """One call by a way in; gives the status."""
    if route == "http":
        query = "&".join(f"{key}={value}" for key, value in arguments.items())
        path = name.removeprefix("get").lower()
        return (await client.get(f"/shop/{path}?{query}")).status
    if route == "call":
        return (await client.post(f"/shop/call/{name}", json=arguments)).status
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }
    return (await client.post("/shop/mcp", json=message)).status


@pytest.fixture
async def client(serve: Serve, upstream: Upstream) -> Client:
    upstream.answer = answer
    return await serve(PLUGIN % upstream.url, files={"shop.json": json.dumps(SPEC)})


def snapshot(client: Client) -> dict[str, Any]:
    """As it goes from a worker to who asks."""
    taken: dict[str, Any] = json.loads(json.dumps(client.gateway.door.recorder.counts.snapshot()))
    return taken


async def used(client: Client) -> None:
    """Calls of every kind by every way in."""
    for route in ("http", "call", "mcp"):
        for name in ("getRows", "getList", "getPage", "getLost", "getBroken"):
            for n in (1, 1):
                await call(client, route, name, {"n": n})
    assert (await client.get("/shop/page?n=much")).status == 400
    assert (await client.post("/shop/call/getNothing", json={})).status == 404
    assert (await client.get("/nowhere", headers={"Origin": "https://evil.example"})).status == 404


async def test_calls_are_counted_by_every_way_in(client: Client) -> None:
    await used(client)
    told = snapshot(client)["sum"]
    operations = told["operations"]["shop"]
    twice = {"http": {"ok": 2}, "call": {"ok": 2}, "mcp": {"ok": 2}}
    assert {name: operations[name]["calls"] for name in ("getRows", "getList", "getPage")} == {
        "getRows": twice,
        "getList": twice,
        "getPage": twice | {"http": {"ok": 2, "bad_arguments": 1}},
    }
    for name, outcome in (("getLost", "upstream_4xx"), ("getBroken", "upstream_5xx")):
        calls = operations[name]["calls"]
        # By then an ill upstream may not be asked any more.
        assert sum(sum(some.values()) for some in calls.values()) == 6
        assert calls["http"][outcome] >= 1
    assert operations["getPage"]["cached"] == {"miss": 1, "hit": 5}
    assert operations["getPage"]["received"] == len(PAGE)
    assert operations["getPage"]["sent"] == 6 * len(PAGE)
    assert told["upstreams"]["shop"]["tries"]["ok"] == 13
    refused = told["refusals"]
    # A plugin that is alone has the root, so it is the one that is meant there.
    assert refused == {"shop": {"not_found": 2}}


async def test_what_the_upstream_was_asked_for_counts_though_nobody_waited(
    client: Client, upstream: Upstream
) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def hang(_: web.BaseRequest) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response()

    upstream.answer = hang
    call = asyncio.create_task(client.get("/shop/rows"))
    await asked.wait()
    call.cancel()
    async with asyncio.timeout(10):
        while not snapshot(client)["sum"]["operations"].get("shop"):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    over.set()
    told = snapshot(client)["sum"]
    assert told["operations"]["shop"]["getRows"]["calls"] == {"http": {"gone": 1}}
    assert told["upstreams"]["shop"]["tries"] == {"gone": 1}


async def test_tokens_are_those_of_replies_and_answers(client: Client) -> None:
    await used(client)
    operations = snapshot(client)["sum"]["operations"]["shop"]
    upstream, answer = LIST, (await client.get("/shop/list")).body
    assert operations["getList"]["before"] == 6 * count(upstream)
    assert operations["getList"]["after"] == 6 * count(answer)
    assert operations["getList"]["bigger"] == 6
    assert operations["getRows"]["before"] == 6 * count(json.dumps(ROWS))
    assert 0 < operations["getRows"]["after"] < operations["getRows"]["before"] / 2
    assert operations["getRows"]["bigger"] == 0
    page = operations["getPage"]
    assert page["before"] == page["after"] == 6 * count(PAGE)
    assert operations["getLost"]["before"] == 0


async def test_a_call_through_another_operation_counts_as_the_one_that_is_meant(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.answer = answer
    text = (PLUGIN % upstream.url).replace("spec: shop.json", "spec: shop.json\nexpose: search")
    client = await serve(text, files={"shop.json": json.dumps(SPEC)})
    listed = await client.post(
        "/shop/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    )
    (name,) = [
        one["name"]
        for one in listed.json()["result"]["tools"]
        if one["name"].lower().startswith(("call", "run", "use"))
    ]
    arguments = {"name": "getPage", "arguments": {"n": 3}}
    assert await call(client, "mcp", name, arguments) == 200
    operations = snapshot(client)["sum"]["operations"]["shop"]
    assert operations["getPage"]["calls"] == {"mcp": {"ok": 1}}
    assert name not in operations


async def test_a_caller_who_leaves_is_counted_as_gone(client: Client, upstream: Upstream) -> None:
    import asyncio

    began, over = asyncio.Event(), asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        began.set()
        await over.wait()
        return web.json_response({})

    upstream.answer = slow
    asking = asyncio.create_task(client.get("/shop/rows?n=5"))
    await began.wait()
    assert snapshot(client)["now"]["calls"] == 1
    asking.cancel()
    counts = client.gateway.door.recorder.counts.of("shop", "getRows")
    async with asyncio.timeout(10):
        while not counts.calls["http"]:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)
    over.set()
    assert counts.calls["http"] == {"gone": 1}


async def test_a_body_that_is_passed_on_as_it_comes_is_counted_at_its_end(
    serve: Serve, upstream: Upstream
) -> None:
    size = 3_000_000

    async def long(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"text": "')
        for _ in range(size // 10_000):
            await response.write(b"word " * 2000)
        await response.write(b'"}')
        await response.write_eof()
        return response

    upstream.answer = long
    text = PLUGIN.replace("getPage: {cache: 60s}", "getPage: {cache: no, budget: no}")
    client = await serve(text % upstream.url, files={"shop.json": json.dumps(SPEC)})
    got = await client.get("/shop/page", headers={"Accept-Encoding": "identity"})
    assert len(got.body) > size
    told = snapshot(client)["sum"]["operations"]["shop"]["getPage"]
    assert told["calls"] == {"http": {"ok": 1}}
    assert told["sent"] == len(got.body)
    assert told["received"] >= len(got.body)
    assert told["before"] == told["after"] == pytest.approx(size / 5, rel=0.2)


async def test_what_is_no_text_costs_no_tokens(client: Client, upstream: Upstream) -> None:
    upstream.says(b"\x89PNG\r\n\x1a\n" + bytes(3000), content_type="image/png")
    await client.get("/shop/page?n=9")
    told = snapshot(client)["sum"]["operations"]["shop"]["getPage"]
    assert told["before"] == 0 or told["after"] < told["before"]


async def test_the_numbers_are_told_to_prometheus(client: Client) -> None:
    await used(client)
    body, _ = exposed(snapshot(client))
    samples = [
        one for all_ in text_string_to_metric_families(body.decode()) for one in all_.samples
    ]
    found = {(one.name, *sorted(one.labels.values())): one.value for one in samples}
    assert found["gateway_calls_total", "getRows", "http", "ok", "shop"] == 2
    assert found["gateway_cache_results_total", "getPage", "hit", "shop"] == 5
    assert found["gateway_plugin_ready", "shop"] == 1
    assert found["gateway_refusals_total", "bad_arguments", "shop"] == 1
    assert found["gateway_connections",] >= 1


# --- the report -------------------------------------------------------------------------------


async def test_the_report_sums_up(client: Client) -> None:
    await used(client)
    report = report_of(snapshot(client))
    (plugin,) = report["plugins"]
    by_name = {one["operation"]: one for one in plugin["operations"]}
    rows, grown, lost = by_name["getRows"], by_name["getList"], by_name["getLost"]
    assert (rows["calls"], rows["errors"], rows["is_bigger"]) == (6, 0, False)
    assert rows["tokens"]["saved"] == rows["tokens"]["before"] - rows["tokens"]["after"] > 0
    before = count(json.dumps(ROWS))
    assert rows["tokens"]["p50"][0] == pytest.approx(before, rel=0.05)
    assert rows["tokens"]["p95"][0] == pytest.approx(before, rel=0.05)
    assert (grown["is_bigger"], grown["bigger"]) == (True, 6)
    assert grown["tokens"]["saved"] < 0
    assert (lost["calls"], lost["errors"]) == (6, 6)
    assert by_name["getPage"]["hits"] == 5
    assert plugin["total"]["calls"] == report["total"]["calls"] == 31
    assert 0 < rows["seconds"]["p50"] <= rows["seconds"]["p95"]


async def test_the_report_tells_what_the_served_spec_costs_beside_the_whole_one(
    client: Client,
) -> None:
    (plugin,) = report_of(snapshot(client))["plugins"]
    compact = json.dumps(SPEC, separators=(",", ":"))
    assert plugin["spec"]["whole"] == pytest.approx(count(compact), rel=0.15)
    served = (await client.get("/shop/openapi.yaml")).body
    assert plugin["spec"]["served"] == pytest.approx(count(served), rel=0.05)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.wanted = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}
        self.wanted = tag == "td"

    def handle_data(self, data: str) -> None:
        if self.wanted:
            self.cells.append(data)
            self.wanted = False


def test_a_page_needs_nothing_from_elsewhere_and_no_name_becomes_markup() -> None:
    counts = Counts()
    hostile = "<script>alert(1)</script>&'\"\x1b[31m\x00"
    counts.of(hostile, hostile).ended("ok", "http", 0.1, 5, "", (10, 20), 5)
    body, content_type = told(counts.snapshot(), "text/html,application/xhtml+xml,*/*;q=0.8")
    assert content_type == HTML
    read = _Page()
    read.feed(body.decode())
    assert "script" not in read.tags
    assert read.cells[:2] == [hostile.replace("\x00", read.cells[0][-1]), "1"]
    assert b"BIGGER" in body
    assert b"://" not in body.replace(b"http://www.w3.org/2000/svg", b"")


def test_programs_get_json() -> None:
    body, content_type = told(Counts().snapshot(), "application/json")
    assert content_type == "application/json"
    assert json.loads(body)["plugins"] == []
    assert "Nothing was called yet" in page(json.loads(body))


def test_the_picture_shows_savings_and_growth_apart() -> None:
    counts = Counts()
    counts.of("p", "smaller").ended("ok", "http", 0.1, 5, "", (1000, 10), 5)
    counts.of("p", "<&bigger").ended("ok", "http", 0.1, 5, "", (10, 20), 5)
    drawn = plot(report_of(counts.snapshot()))
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    bars = root.findall("{http://www.w3.org/2000/svg}rect")[1:]
    texts = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len({bar.get("fill") for bar in bars}) == 2
    assert "p.<&bigger" in texts
    assert [text for text in texts if "BIGGER" in text] == ["10 → 20 BIGGER"]
    assert plot(report_of(Counts().snapshot())) == ""


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
async def admin(client: Client) -> AsyncIterator[str]:
    """An address that gives the report of a gateway that was used."""
    await used(client)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == "/report"
        body, content_type = told(snapshot(client), request.headers["Accept"])
        return web.Response(body=body, headers={"Content-Type": content_type})

    async with RawTestServer(handle) as server:
        yield f"127.0.0.1:{server.port}"


async def invoke(*args: str) -> tuple[int, str]:
    import asyncio

    result = await asyncio.to_thread(CliRunner().invoke, main, ["report", *args])
    return result.exit_code, result.output


async def test_the_command_prints_a_table(admin: str) -> None:
    code, text = await invoke("--admin", admin)
    assert code == 0, text
    assert re.search(r"getRows +6 +0 +0 +[\d,]+ +\d+ +[6-9]\d%", text)
    assert re.search(r"getList +6 .*BIGGER by \d+%", text)
    assert re.search(r"served spec [\d,]+ tokens, of the upstream's some [\d,]+", text)


async def test_the_command_prints_json_and_draws(admin: str, tmp_path: Path) -> None:
    picture = tmp_path / "saved.svg"
    code, text = await invoke("--admin", f"http://{admin}/", "--json", "--plot", str(picture))
    assert code == 0, text
    assert json.loads(text)["total"]["calls"] == 31
    assert "shop.getRows" in picture.read_text("utf-8")


async def test_the_command_says_where_nobody_listens() -> None:
    code, text = await invoke("--admin", "127.0.0.1:1")
    assert code == 1
    assert "http://127.0.0.1:1/report" in text
    assert "--admin" in text


@pytest.mark.parametrize("said", ["[]", "{}", '{"plugins": [{}]}', "no", '{"plugins": 3}'])
async def test_the_command_says_when_it_hears_something_else(said: str) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=said)

    async with RawTestServer(handle) as server:
        code, text = await invoke("--admin", f"127.0.0.1:{server.port}")
    assert code == 1, text
    assert "Traceback" not in text
