"""A reload takes over all that has changed, or nothing where there is a mistake."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import weakref
from pathlib import Path

import pytest
from aiohttp import web

from gateway import garbage
from gateway.telemetry.logs import Log
from gateway.telemetry.writer import Writer
from tests.conftest import Upstream
from tests.reload.conftest import Folder, document, plugin, until


async def test_a_changed_config_is_served_and_what_changed_is_told(
    folder: Folder, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    folder.write("a.yaml", plugin("a", upstream.url, description="Read one item."))
    with caplog.at_level(logging.INFO, "gateway"):
        done = await gateway.reload()
    assert done.changed == ("a",)
    assert "a: getItem: another description" in caplog.messages
    assert b"Read one item." in (await folder.get("/a/openapi.json")).body
    assert (await folder.get("/a/items/1")).json() == {"path": "/items/1"}


async def test_a_plugin_that_nobody_touched_keeps_its_site_its_client_and_its_connections(
    folder: Folder, upstream: Upstream
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    folder.write("b.yaml", plugin("b", upstream.url))
    gateway = await folder.serve()
    before = {site.name: site for site in gateway.door.sites}
    folder.write("a.yaml", plugin("a", upstream.url, description="Another."))
    done = await gateway.reload()
    after = {site.name: site for site in gateway.door.sites}
    assert (done.changed, done.same) == (("a",), ("b",))
    assert after["b"] is before["b"]
    assert after["a"] is not before["a"]
    assert len(gateway._plugins._clients) == 2  # the upstream of `a` is the same one


async def test_files_come_and_go_as_plugins(folder: Folder, upstream: Upstream) -> None:
    old = folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    folder.write("b.yaml", plugin("b", upstream.url))
    assert (await gateway.reload()).added == ("b",)
    assert (await folder.get("/b/items/1")).status == 200
    old.unlink()
    assert (await gateway.reload()).removed == ("a",)
    assert (await folder.get("/a/items/1")).status == 404
    assert (await folder.get("/readyz")).json() == {"b": True}


@pytest.mark.parametrize(
    "broken",
    ["plugin: a\noperations: {", "plugin: a\ncolour: red\n", "plugin: a\nspec: gone.yaml\n", ""],
    ids=["no YAML", "an unknown key", "no spec", "empty"],
)
async def test_one_mistake_leaves_everything_as_it_is(
    folder: Folder, upstream: Upstream, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    folder.write("b.yaml", plugin("b", upstream.url))
    gateway = await folder.serve()
    sites = gateway.door.sites
    file = folder.write("a.yaml", broken)
    folder.write("b.yaml", plugin("b", upstream.url, description="Right, but not taken over."))
    done = await gateway.reload()
    assert done.mistakes
    assert done.failed == ("a",)
    assert gateway.door.sites is sites
    assert (await folder.get("/a/items/1")).status == 200
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told[0].startswith(f"{file}:{done.mistakes[0].line}:{done.mistakes[0].column}: ")
    readiness = gateway.readiness()
    assert readiness["a"]["mistakes"] == [str(one) for one in done.mistakes]
    assert readiness["a"]["ready"]
    assert readiness["b"]["mistakes"] == []
    counted = gateway.door.recorder.counts.snapshot()
    assert counted["sum"]["reloads"] == {"failed": 1}
    folder.write("a.yaml", plugin("a", upstream.url))
    assert (await gateway.reload()).changed == ("b",)
    assert gateway.readiness()["a"]["mistakes"] == []


async def test_a_mistake_in_a_file_that_is_no_plugin_yet_is_told_under_its_name(
    folder: Folder, upstream: Upstream
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    file = folder.write("new.yaml", "plugin: new\n")
    done = await gateway.reload()
    assert gateway.readiness()[str(file)]["mistakes"] == [str(one) for one in done.mistakes]
    assert gateway.readiness()["a"] == {"ready": True, "reason": "", "mistakes": []}
    file.unlink()
    await gateway.reload()
    assert list(gateway.readiness()) == ["a"]


async def test_two_plugins_of_one_name_are_refused(folder: Folder, upstream: Upstream) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    folder.write("b.yaml", plugin("a", upstream.url))
    assert (await gateway.reload()).mistakes
    assert [site.name for site in gateway.door.sites] == ["a"]


@pytest.mark.parametrize("beside", ["spec", "part", "legal", "secret"])
async def test_a_file_that_a_config_names_is_part_of_the_plugin(
    folder: Folder, upstream: Upstream, beside: str
) -> None:
    main = document("getOne")
    main["paths"]["/getOne"] = {"$ref": "one.json"}
    one = document("getOne")["paths"]["/getOne"]
    folder.write("spec.json", json.dumps(main))
    folder.write("one.json", json.dumps(one))
    folder.write("legal.txt", "Be kind.")
    folder.write("key.txt", "first-key")
    folder.write(
        "a.yaml",
        f"""\
plugin: a
contact: a@example.com
spec: spec.json
legal: legal.txt
upstream: {{url: "{upstream.url}", credential: {{bearer: "${{file:key.txt}}"}}}}
operations: [getOne]
""",
    )
    gateway = await folder.serve()
    assert (await gateway.reload()).same == ("a",)
    match beside:
        case "spec":
            folder.write("spec.json", json.dumps(main | {"info": {"title": "B", "version": "2"}}))
        case "part":
            one["get"]["summary"] = "Another one."
            folder.write("one.json", json.dumps(one))
        case "legal":
            folder.write("legal.txt", "Be kinder.")
        case "secret":
            folder.write("key.txt", "second-key")
    assert {"spec.json", "one.json", "legal.txt", "key.txt"} <= {
        file.name for file in gateway._plugins.files()
    }
    assert (await gateway.reload()).changed == ("a",)
    await folder.get("/a/getOne")
    key = "second-key" if beside == "secret" else "first-key"
    assert upstream.last.headers["Authorization"] == f"Bearer {key}"
    legal = (await folder.get("/a/legal")).body
    assert legal == (b"Be kinder." if beside == "legal" else b"Be kind.")


async def test_a_call_that_is_under_way_ends_on_the_plugin_it_began_with(
    folder: Folder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.clients.LOOK", 0.01)
    monkeypatch.setattr("gateway.clients.GRACE", -29.95)  # the timeout is 30 s
    came, go = asyncio.Event(), asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        came.set()
        await go.wait()
        return web.json_response({"old": True})

    upstream.answer = slow
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    (client,) = gateway._plugins._clients._urls
    call = asyncio.create_task(folder.get("/a/items/1"))
    await came.wait()
    other = upstream.url.replace("127.0.0.1", "localhost")
    folder.write("a.yaml", plugin("a", other, description="Elsewhere."))
    assert (await gateway.reload()).changed == ("a",)
    await asyncio.sleep(0.1)  # long enough for it to be closed, if calls were not looked at
    assert not client.closed
    go.set()
    assert (await call).json() == {"old": True}
    await until(lambda: client.closed)
    assert len(gateway._plugins._clients) == 1


async def test_stored_replies_stay_and_limits_go_on(folder: Folder, upstream: Upstream) -> None:
    folder.write("a.yaml", plugin("a", upstream.url, more="cache: 1h\nlimit: 3/hour\n"))
    gateway = await folder.serve()
    assert (await folder.get("/a/items/1")).status == 200
    more = "cache: 1h\nlimit: 3/hour\n"
    folder.write("a.yaml", plugin("a", upstream.url, description="New.", more=more))
    assert (await gateway.reload()).changed == ("a",)
    statuses = [(await folder.get("/a/items/1")).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert len(upstream.received) == 1


async def test_handles_die_with_the_rules_that_allowed_them(
    folder: Folder, upstream: Upstream
) -> None:
    upstream.says({"data": [{"id": n, "secret": "s"} for n in range(50)]})
    text = """\
plugin: a
contact: a@example.com
upstream: {{url: "{url}"}}
operations:
  getAll:
    call: GET /all
    description: {description}
    returns: {{type: object, properties: {{data: {{type: array, items: {{type: object,
      properties: {{id: {{type: integer}}, secret: {{type: string}}}}}}}}}}}}
    fields: ["data.{{{fields}}}"]
    limit_items: {{data: 2}}
    encode: json
"""
    made = {"url": upstream.url, "description": "All.", "fields": "id,secret"}
    folder.write("a.yaml", text.format(**made))
    gateway = await folder.serve()
    handle = (await folder.get("/a/all")).json()["_shrunk"]["more"]["handle"]
    asked = {"json": {"handle": handle, "path": "data", "offset": 2, "count": 1}}
    assert folder.client is not None
    made["description"] = "All of them."
    folder.write("a.yaml", text.format(**made))
    assert (await gateway.reload()).changed == ("a",)
    assert (await folder.client.post("/a/call/getMore", **asked)).status == 200
    made["fields"] = "id"
    folder.write("a.yaml", text.format(**made))
    assert (await gateway.reload()).changed == ("a",)
    assert (await folder.client.post("/a/call/getMore", **asked)).status == 404


async def test_no_further_page_is_had_by_what_the_plugin_was_before(
    folder: Folder, upstream: Upstream
) -> None:
    async def page(request: web.BaseRequest) -> web.StreamResponse:
        number = int(request.query.get("page", "1"))
        rows = [{"id": f"{number}-{row}", "text": "some words " * 20} for row in range(20)]
        return web.json_response({"data": rows, "next": number + 1})

    upstream.answer = page
    text = """\
plugin: a
contact: a@example.com
upstream: {{url: "{url}", credential: {{bearer: {key}}}}}
operations:
  getAll:
    call: GET /all
    description: All.
    parameters: {{page: {{in: query, type: integer}}}}
    returns: {{type: object, properties: {{data: {{type: array, items: {{type: object}}}}}}}}
    paginate: {{items: data, page: page, max_pages: 2}}
    budget: 500
"""
    folder.write("a.yaml", text.format(url=upstream.url, key="first-key-of-all"))
    gateway = await folder.serve()
    handle = (await folder.get("/a/all")).json()["_shrunk"]["more"]["handle"]
    assert folder.client is not None
    asked = {"json": {"handle": handle, "path": "data", "offset": 40}}
    assert (await folder.client.post("/a/call/getMore", **asked)).status == 200
    folder.write("a.yaml", text.format(url=upstream.url, key="second-key-of-all"))
    assert (await gateway.reload()).changed == ("a",)
    asked["json"]["offset"] = 60
    assert (await folder.client.post("/a/call/getMore", **asked)).status == 404
    assert upstream.last.headers["Authorization"] == "Bearer first-key-of-all"


async def test_an_old_plugin_is_garbage(
    folder: Folder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is fitted to clients, searched in, and was frozen at start."""
    monkeypatch.setattr(garbage, "SETTLED", 0.0)
    more = "auth: {service: {tokens: {me: token-of-a-service}}}\nexpose: search\n"
    folder.write("a.yaml", plugin("a", upstream.url, more=more))
    gateway = await folder.serve()
    shown = {"headers": {"Authorization": "Bearer token-of-a-service"}}
    for target in ("/a/items/1", "/a/openapi.json", "/a/as/actions/openapi.json", "/a/tools.json"):
        await folder.get(target, **shown)
    assert folder.client is not None
    for path in ("/a/mcp", "/mcp", "/a/as/claude/mcp", "/as/claude/mcp"):
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        await folder.client.post(path, json=listing, **shown)
    (site,) = gateway.door.sites
    assert site.plugin is not None
    old = [weakref.ref(one) for one in (site.plugin, site.plans["getItem"], site.fit)]
    gc.freeze()
    try:
        del site
        folder.write("a.yaml", plugin("a", upstream.url, description="New.", more=more))
        assert (await gateway.reload()).changed == ("a",)
        await until(lambda: not any(one() is not None for one in old))
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


async def test_a_call_under_way_does_not_bring_an_old_plugin_back(
    folder: Folder, upstream: Upstream
) -> None:
    """Ways in are remembered: one that was found before a reload must not be used after it."""
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    (site,) = gateway.door.sites
    assert site.fit is not None
    await site.fit("actions")
    port = gateway.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"GET /a/items/1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    writer.write(head.encode())
    await until(lambda: gateway.door.calls > 0)  # it was found, and waits for its body
    folder.write("a.yaml", plugin("a", upstream.url + "/new"))
    assert (await gateway.reload()).changed == ("a",)
    writer.write(b"0\r\n\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()
    assert (await folder.get("/a/items/1")).json() == {"path": "/new/items/1"}


async def test_reading_that_fails_otherwise_leaves_everything_as_it_is(
    folder: Folder, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()

    def broken() -> list[Path]:
        raise RuntimeError("what nobody has foreseen")

    gateway._plugins.read = broken  # type: ignore[assignment]
    assert (await gateway.reload()).failed == ("a",)
    assert (await folder.get("/a/items/1")).status == 200
    assert "a reload failed" in caplog.text


async def test_who_reads_the_same_files_is_told_when_mistakes_are_mended(
    folder: Folder, upstream: Upstream
) -> None:
    """He may have met the mistakes before he had read what was served here already."""
    folder.write("a.yaml", plugin("a", upstream.url))
    gateway = await folder.serve()
    told: list[None] = []
    gateway.on_change(lambda: told.append(None))
    folder.write("a.yaml", "plugin: a\n")
    assert (await gateway.reload()).mistakes
    assert not told
    folder.write("a.yaml", plugin("a", upstream.url))
    assert (await gateway.reload()).same == ("a",)
    assert len(told) == 1


async def test_the_log_keeps_the_secrets_of_what_goes_on_being_served(
    folder: Folder, upstream: Upstream
) -> None:
    """However often other ones are read that are not taken over."""
    text = plugin("a", upstream.url).replace('{url: "', '{credential: {bearer: %s}, url: "')
    log = Log(Writer(lambda _: b"", lambda _: None))
    folder.write("a.yaml", text % "served-0123456789")
    gateway = await folder.serve(log=log)
    folder.write("a.yaml", text % "refused-0123456789" + "logo: nowhere.png\n")
    for _ in range(3):
        assert (await gateway.reload()).mistakes
        for secret in ("served-0123456789", "refused-0123456789"):
            assert secret not in log.mask(f"told of {secret}")
