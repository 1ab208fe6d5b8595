"""Specs by URL are got again: at SIGHUP, and every `spec.refresh`."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway import garbage, reloading
from tests.conftest import Upstream
from tests.reload.conftest import Folder, document, until


@dataclass
class Host:
    """Serves a spec, as good hosts do: with ETag and Last-Modified, and 304 where they hold."""

    files: dict[str, Any] = field(default_factory=dict)
    validators: bool = True
    status: int = 200
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path not in self.files:
            return web.json_response({"path": request.path})
        text = json.dumps(self.files[request.path])
        etag = f'"{hash(text)}"'
        status = self.status
        if status == 200 and self.validators and request.headers.get("If-None-Match") == etag:
            status = 304
        self.asked.append((request.path, status))
        headers = {"ETag": etag} if self.validators else {}
        return web.Response(status=status, text=text if status == 200 else None, headers=headers)

    @property
    def last(self) -> tuple[str, int]:
        return self.asked[-1]


@pytest.fixture
def host(upstream: Upstream) -> Host:
    made = Host({"/openapi.json": document("getOne", "getTwo")})
    upstream.answer = made.answer
    return made


def config(upstream: Upstream, *operations: str, refresh: str = "") -> str:
    more = f", refresh: {refresh}" if refresh else ""
    return f"""\
plugin: a
contact: a@example.com
legal: https://example.com/legal
spec: {{url: "{upstream.url}/openapi.json"{more}}}
operations: [{", ".join(operations or ("getOne",))}]
"""


@pytest.mark.parametrize("validators", [True, False])
async def test_a_spec_that_is_the_same_changes_nothing(
    folder: Folder, upstream: Upstream, host: Host, validators: bool
) -> None:
    host.validators = validators
    folder.write("a.yaml", config(upstream))
    gateway = await folder.serve()
    sites = gateway.door.sites
    assert (await gateway.reload()).same == ("a",)
    assert len(host.asked) == 1  # nobody was asked: nothing said that it may have changed
    assert (await gateway.reload(again=True)).same == ("a",)
    assert host.asked[1:] == [("/openapi.json", 304 if validators else 200)]
    assert gateway.door.sites is sites


@pytest.mark.parametrize("state", [True, False])
async def test_a_spec_that_is_another_one_is_taken_over(
    folder: Folder, upstream: Upstream, host: Host, state: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", config(upstream, "getOne", "getTwo", refresh="100ms"))
    options = {"state": folder.path.parent / "state"} if state else {}
    gateway = await folder.serve(**options)
    new = document("getOne", "getTwo")
    new["paths"]["/getOne"]["get"]["parameters"] = [
        {"name": "n", "in": "query", "required": True, "schema": {"type": "integer"}}
    ]
    caplog.set_level(logging.INFO, "gateway")
    host.files["/openapi.json"] = new
    await until(lambda: "a: getOne: argument n added, required" in caplog.messages)
    assert (await folder.get("/a/getOne")).status == 400
    assert (await folder.get("/a/getOne?n=1")).json() == {"path": "/getOne"}
    assert gateway.door.recorder.counts.snapshot()["sum"]["reloads"] == {"ok": 1}
    told = len(host.asked)
    await until(lambda: len(host.asked) > told + 1)  # it goes on being asked
    assert host.last == ("/openapi.json", 304)


async def test_a_part_that_is_another_one_is_taken_over(
    folder: Folder, upstream: Upstream, host: Host
) -> None:
    main = document("getOne")
    part = main["paths"]["/getOne"]
    main["paths"]["/getOne"] = {"$ref": "one.json"}
    host.files |= {"/openapi.json": main, "/one.json": part}
    folder.write("a.yaml", config(upstream))
    gateway = await folder.serve()
    assert (await gateway.reload(again=True)).same == ("a",)
    host.files["/one.json"] = document("getOne", title="")["paths"]["/getOne"]
    host.files["/one.json"]["get"]["summary"] = "Another."
    assert (await gateway.reload(again=True)).changed == ("a",)


@pytest.mark.parametrize("status", [500, 404])
async def test_a_spec_that_cannot_be_had_again_leaves_the_last_one(
    folder: Folder, upstream: Upstream, host: Host, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("a.yaml", config(upstream, refresh="50ms"))
    gateway = await folder.serve()
    host.status = status
    await until(lambda: str(status) in gateway.readiness()["a"]["reason"])
    told = len(host.asked)
    await until(lambda: len(host.asked) > told + 2)
    assert len([one for one in caplog.messages if f"answers {status}" in one]) == 1
    assert gateway.readiness()["a"]["ready"]
    assert (await folder.get("/readyz")).status == 200
    host.status = 200
    await until(lambda: gateway.readiness()["a"]["reason"] == "")


async def test_an_operation_that_is_gone_upstream_is_a_mistake_and_the_last_plugin_goes_on(
    folder: Folder, upstream: Upstream, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder.write("a.yaml", config(upstream, "getOne", "getTwo", refresh="50ms"))
    gateway = await folder.serve()
    host.files["/openapi.json"] = document("getOne")
    await until(lambda: bool(gateway.readiness()["a"]["mistakes"]))
    (told,) = gateway.readiness()["a"]["mistakes"]
    assert told.startswith(f"{file}:5:")
    assert "getTwo" in told
    assert (await folder.get("/a/getTwo")).json() == {"path": "/getTwo"}
    asked = len(host.asked)
    await until(lambda: len(host.asked) > asked + 3)
    assert caplog.messages.count(told) == 1
    host.files["/openapi.json"] = document("getOne", "getTwo", title="Mended")
    await until(lambda: gateway.readiness()["a"]["mistakes"] == [])
    assert b"Mended" in (await folder.get("/a/openapi.json")).body


async def test_a_changed_config_whose_spec_cannot_be_had_is_taken_over_later(
    folder: Folder, upstream: Upstream, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "FIRST_RETRY", 0.05)
    folder.write("a.yaml", config(upstream))
    gateway = await folder.serve()
    host.status = 503
    folder.write("a.yaml", config(upstream, "getTwo"))
    (mistake,) = (await gateway.reload()).mistakes
    assert "answers 503; it is tried again" in mistake.message
    assert (await folder.get("/a/getOne")).status == 200
    host.status = 200

    async def taken_over() -> bool:
        return (await folder.get("/a/getTwo")).status == 200

    await until(taken_over)
    assert gateway.readiness()["a"] == {"ready": True, "reason": "", "mistakes": []}


async def test_a_new_plugin_waits_for_its_spec_and_the_others_go_on(
    folder: Folder, upstream: Upstream, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "FIRST_RETRY", 0.05)
    folder.write("b.yaml", config(upstream).replace("plugin: a", "plugin: b"))
    gateway = await folder.serve()
    host.status = 503
    folder.write("a.yaml", config(upstream))
    assert (await gateway.reload()).added == ("a",)
    assert (await folder.get("/a/getOne")).status == 503
    assert (await folder.get("/b/getOne")).status == 200
    assert "503" in gateway.readiness()["a"]["reason"]
    host.status = 200
    await until(lambda: gateway.readiness()["a"]["ready"])
    assert (await folder.get("/a/getOne")).status == 200


async def test_a_plugin_that_waits_does_so_once(
    folder: Folder, upstream: Upstream, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is reloaded, changed or not, or taken away."""
    host.status = 503
    folder.write("a.yaml", config(upstream))
    folder.write("b.yaml", config(upstream).replace("plugin: a", "plugin: b"))
    gateway = await folder.serve()

    def tasks() -> int:
        return sum(not one.done() for one in gateway._plugins._tasks)

    assert tasks() == 2
    for number in range(3):
        assert (await gateway.reload()).same == ("a", "b")
        folder.write("a.yaml", config(upstream) + f"# {number}\n")
        await gateway.reload()
        assert (await gateway.reload(again=True)).changed == ("a", "b")
    monkeypatch.setattr(garbage, "SETTLED", 0.0)
    (folder.path / "a.yaml").unlink()
    await gateway.reload()
    await until(lambda: tasks() == 1)
    host.status = 200
    await gateway.reload(again=True)
    assert gateway.readiness() == {"b": {"ready": True, "reason": "", "mistakes": []}}
    await until(lambda: tasks() == 0)


async def test_a_host_that_is_slow_does_not_hold_up_a_reload(
    folder: Folder, upstream: Upstream, host: Host
) -> None:
    folder.write("a.yaml", config(upstream, refresh="50ms"))
    gateway = await folder.serve()
    came, go = asyncio.Event(), asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        came.set()
        await go.wait()
        return await host.answer(request)

    upstream.answer = slow
    await came.wait()
    folder.write("b.yaml", "plugin: b\n")
    assert (await gateway.reload()).mistakes
    go.set()


async def test_a_spec_that_does_not_fit_any_more_keeps_nothing_from_other_plugins(
    folder: Folder, upstream: Upstream, host: Host
) -> None:
    folder.write("a.yaml", config(upstream, "getOne", "getTwo"))
    gateway = await folder.serve()
    host.files["/openapi.json"] = document("getOne")
    folder.write("b.yaml", config(upstream).replace("plugin: a", "plugin: b"))
    done = await gateway.reload(again=True)
    assert (done.added, done.same, done.mistakes) == (("b",), ("a",), ())
    assert "getTwo" in str(gateway.readiness()["a"]["mistakes"])
    assert (await folder.get("/a/getTwo")).status == 200
    assert (await folder.get("/b/getOne")).status == 200


async def test_a_token_that_is_taken_away_does_not_wait_for_the_host_of_the_spec(
    folder: Folder, upstream: Upstream, host: Host, tmp_path: Path
) -> None:
    auth = 'auth: {service: {tokens: {eve: "%s"}}}\n'
    folder.write("a.yaml", config(upstream) + auth % "old-token-0123")
    gateway = await folder.serve(state=tmp_path / "state")
    bearer = {"Authorization": "Bearer old-token-0123"}
    assert (await folder.get("/a/getOne", headers=bearer)).status == 200
    go = asyncio.Event()

    async def hangs(request: web.BaseRequest) -> web.StreamResponse:
        if request.path in host.files:
            await go.wait()
        return await host.answer(request)

    upstream.answer = hangs
    folder.write("a.yaml", config(upstream) + auth % "new-token-0123")
    async with asyncio.timeout(reloading.FIRST_WAIT):
        assert (await gateway._plugins.reload(wait=0.1)).changed == ("a",)
    assert (await folder.get("/a/getOne", headers=bearer)).status == 401
    assert "copy" in gateway.readiness()["a"]["reason"]
    go.set()


async def test_a_newer_spec_that_is_gone_when_it_is_got_is_told(
    folder: Folder, upstream: Upstream, host: Host, tmp_path: Path
) -> None:
    folder.write("a.yaml", config(upstream))
    gateway = await folder.serve(state=tmp_path / "state")

    async def once(request: web.BaseRequest) -> web.StreamResponse:
        answer = await host.answer(request)
        host.status = 503
        return answer

    host.files["/openapi.json"] = document("getOne", "getTwo", title="Newer")
    upstream.answer = once
    assert (await gateway.reload(again=True)).same == ("a",)
    assert "another one now" in gateway.readiness()["a"]["reason"]
