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
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{name: {{type: string}}}}}}
"""


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v1/things/", "/v1/things/"),
        ("../v2/things", "/v2/things"),
        ("?page=2", "/v1/things?page=2"),
        ("/a/b?c=/d#e", "/a/b?c=/d"),
        ("{url}", "/"),
        ("{url}?x=/y", "/?x=/y"),
        ("/caf%C3%A9%2Fb", "/caf%C3%A9%2Fb"),
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
