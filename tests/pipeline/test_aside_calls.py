"""Calls whose answers are long: what callers get is what they get of short ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from gateway.aside import Aside
from gateway.pipeline import more, paginate, shrink
from tests.conftest import Response, Serve, Upstream

KEY = "topsecret-4711"
CONFIG = """
plugin: shop
upstream: {{url: "{url}", credential: {{header: {{name: X-Key, value: "${{KEY}}"}}}}}}
budget: 400
cache: no
operations:
  get:
    call: {method} /things
    description: Things.
    {rules}
"""
RULES = [
    "",
    "fields: [data.id, data.note as text]",
    "drop: [empty, urls]",
    "untrusted: all",
    "strings: {data.note: {html: text, max: 9}}",
    "encode: table",
    "choose: true",
    "limit_items: {data: {max: 5, hard: true}}",
    "budget: no",
    'jmespath: "data[?id > `5`].{id: id}"\n    returns: {type: array, items: {type: object}}',
]
ROWS = [
    {"id": n, "url": "https://a.example/", "note": f"<b>No {n}</b>", "x": None} for n in range(99)
]
WHOLE: dict[str, Any] = {"meta": {"said": KEY.replace("t", "\\u0074")}, "data": ROWS}


def seen(answer: Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.items() if name != "Date"}
    headers.pop("X-Request-Id", None)
    headers.pop("Server-Timing", None)
    headers.pop("Call-Id", None)
    return answer.status, headers, answer.body


def all_aside(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on every answer is long. What is done aside is noted."""
    for module in (shrink, more, paginate):
        monkeypatch.setattr(module, "LONG", 10)
        monkeypatch.setattr(module, "_THREAD", 10)
    jobs: list[str] = []
    run = Aside.run

    def noted(self: Aside, job: Any, *args: Any, memory: int) -> Any:
        jobs.append(getattr(getattr(job, "func", job), "__name__", ""))
        return run(self, job, *args, memory=2**28)

    monkeypatch.setattr(Aside, "run", noted)
    return jobs


@pytest.mark.parametrize("rules", RULES)
async def test_an_answer_that_is_made_aside_is_the_same(
    upstream: Upstream, serve: Serve, rules: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps(WHOLE).replace("\\\\u0074", "\\u0074").encode()
    upstream.says(body, content_type="application/json", headers={"ETag": '"1"'})
    client = await serve(
        CONFIG.format(url=upstream.url, method="GET", rules=rules), env={"KEY": KEY}
    )
    target = "/things" + ("?fields=data.id" if "choose" in rules else "")
    here = await client.get(target)
    jobs = all_aside(monkeypatch)
    there = await client.get(target)
    first, second = seen(here), seen(there)
    if '"handle"' in here.body.decode():  # another process, another key would be another handle
        handle = here.json()["_shrunk"]["more"]["handle"]
        path = "/getMore?path=data&handle=" + handle
        assert (await client.get(path)).status == 200
        assert "sliced" in jobs
    assert second == first
    assert "shrink" in jobs
    assert KEY not in there.body.decode()


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream"])
async def test_so_is_one_that_is_no_json(
    upstream: Upstream, serve: Serve, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.says(b"<p>Words, and more.</p>" * 500, content_type=kind)
    client = await serve(CONFIG.format(url=upstream.url, method="GET", rules=""), env={"KEY": KEY})
    here = await client.get("/things")
    jobs = all_aside(monkeypatch)
    assert seen(await client.get("/things")) == seen(here)
    assert jobs == ["shrink_other"]


async def test_pages_are_read_and_joined_aside(
    upstream: Upstream, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        page = int(request.query.get("page", 1))
        rows = [{"id": 10 * page + n} for n in range(10)]
        return web.json_response({"data": rows, "next": page + 1 if page < 9 else None})

    upstream.answer = answer
    rules = (
        "paginate: {items: data, cursor: {from: next, to: page}, max_pages: 4}\n"
        "    parameters: {page: {in: query, type: integer, description: Page}}"
    )
    client = await serve(
        CONFIG.format(url=upstream.url, method="GET", rules=rules), env={"KEY": KEY}
    )
    here = await client.get("/things")
    jobs = all_aside(monkeypatch)
    there = await client.get("/things")
    assert seen(there) == seen(here)
    handle = there.json()["_shrunk"]["more"]["handle"]
    further = await client.get(f"/getMore?path=data&offset=40&handle={handle}")
    assert further.json()["items"][0] == {"id": 50}
    assert {"read", "join", "at", "shrink", "_joined", "sliced"} <= set(jobs)


@pytest.mark.parametrize(("method", "status"), [("GET", 502), ("POST", 200)])
async def test_what_is_too_dear_is_refused_but_what_is_done_is_done(
    upstream: Upstream, serve: Serve, method: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink, "LONG", 10)
    monkeypatch.setattr(more, "LONG", 10)
    monkeypatch.setattr(more, "memory_for", lambda *_: 4 * 1024 * 1024)
    upstream.says(b"[" + b"[]," * 200_000 + b"1]", content_type="application/json")
    rules = "drop: [nulls]"
    client = await serve(
        CONFIG.format(url=upstream.url, method=method, rules=rules), env={"KEY": KEY}
    )
    answer = await client.request(method, "/things")
    assert answer.status == status
    if method == "GET":
        assert answer.json()["code"] == "reply_too_large"
        assert "more than 4 MiB of memory" in answer.json()["detail"]
    else:
        assert answer.json() == {}


async def test_what_is_nested_deeply_is_cut_in_a_thread_however_short(
    upstream: Upstream, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await serve(CONFIG.format(url=upstream.url, method="GET", rules=""), env={"KEY": KEY})
    threads: list[str] = []
    there = asyncio.to_thread

    async def noted(function: Any, /, *args: Any, **more: Any) -> Any:
        threads.append(getattr(getattr(function, "func", function), "__name__", ""))
        return await there(function, *args, **more)

    monkeypatch.setattr(asyncio, "to_thread", noted)
    for levels, expected in ((5, []), (150, ["make", "sliced"])):
        threads.clear()
        row = "[" * levels + '"some words"' + "]" * levels
        body = f'{{"data":[{",".join([row] * (6_000 // len(row)))}]}}'
        upstream.says(body.encode(), content_type="application/json")
        handle = (await client.get("/things")).json()["_shrunk"]["more"]["handle"]
        assert (await client.get("/getMore?path=data&handle=" + handle)).status == 200
        assert threads == expected
