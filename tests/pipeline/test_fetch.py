"""Where a redirect leads, as the next request stands on the wire."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.conftest import Serve, Upstream

THINGS = """
plugin: shop
contact: a@example.com
upstream: {{url: "{url}/v1"}}
operations:
  getThings:
    call: GET /things
    description: All things.
  getThing:
    call: "GET /things/{{id}}"
    description: One.
    parameters: {{id: {{in: path, type: string, required: true}}}}
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{name: {{type: string}}}}}}
"""


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v1/things/", "/v1/things/"),
        ("?page=2", "/v1/things?page=2"),
        ("{url}/v1/Things", "/v1/Things"),
        ("/v1/things/caf%C3%A9%2Fb?c=/d#e", "/v1/things/caf%C3%A9%2Fb?c=/d"),
    ],
)
async def test_a_redirect_is_followed_to_where_it_points(
    location: str, target: str, serve: Serve, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if len(upstream.received) > 1:
            return web.json_response({})
        return web.Response(status=302, headers={"Location": location.format(url=upstream.url)})

    upstream.answer = answer
    client = await serve(THINGS.format(url=upstream.url))
    assert (await client.get("/things")).status == 200
    assert upstream.last.target == target


async def test_a_body_does_not_go_on_to_where_303_points(serve: Serve, upstream: Upstream) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({})
        return web.Response(status=303, headers={"Location": "/v1/things/1"})

    upstream.answer = answer
    client = await serve(THINGS.format(url=upstream.url))
    assert (await client.post("/things", json={"name": "a"})).status == 200
    first, last = upstream.received
    assert (first.method, first.body) == ("POST", b'{"name":"a"}')
    assert (last.method, last.target, last.body) == ("GET", "/v1/things/1", b"")
    assert "Content-Length" not in last.headers


@pytest.mark.parametrize(
    ("location", "is_followed"),
    [
        ("/v1/mine/?team=red", True),
        ("/v1/MINE?team=red", True),
        ("/v1/mine/", False),  # what is pinned is not left out
        ("/v1/mine?team=blue", False),
        ("/v1/mine?team=red&team=blue", False),
        ("/v1/things", True),
        ("/v1/things/1/wipe", False),  # it is asked for with a confirmation
    ],
)
async def test_what_is_pinned_or_confirmed_stays_so_over_redirects(
    location: str, is_followed: bool, serve: Serve, upstream: Upstream
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if len(upstream.received) > 1:
            return web.json_response({})
        return web.Response(status=302, headers={"Location": location})

    upstream.answer = answer
    more = """
  getMine:
    call: GET /mine
    description: Mine.
    parameters: {team: {in: query, type: string, pin: red}}
  wipe:
    call: "GET /things/{id}/wipe"
    description: Wipe.
    confirm: true
    parameters: {id: {in: path, type: string, required: true}}
"""
    client = await serve(THINGS.format(url=upstream.url) + more)
    got = await client.get("/mine")
    assert (got.status == 200) is is_followed
    assert len(upstream.received) == 1 + is_followed


async def test_what_was_done_is_said_where_303_points_to_nothing_chosen(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(status=303, headers={"Location": "/done"})
    client = await serve(THINGS.format(url=upstream.url))
    got = await client.post("/things", json={"name": "a"})
    assert (got.status, len(upstream.received)) == (502, 1)
    assert "carried out" in got.json()["detail"]


async def test_a_part_or_nothing_new_passes_where_the_caller_asked(
    serve: Serve, upstream: Upstream
) -> None:
    config = THINGS.format(url=upstream.url).replace(
        '/v1"}', '/v1", forward: [Range, If-None-Match]}'
    )
    client = await serve(config)
    for status, header in ((206, {"Range": "bytes=0-1"}), (304, {"If-None-Match": '"a"'})):
        upstream.says({} if status == 206 else b"", status=status)
        assert (await client.get("/things", headers=header)).status == status
        assert (await client.get("/things")).status == 502
