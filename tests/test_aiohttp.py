"""The private names of aiohttp that the gateway relies on; the version is pinned for them."""

from __future__ import annotations

import asyncio
import contextlib
import json

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from aiohttp.web_protocol import RequestHandler

from gateway.clients import new_client
from tests.conftest import Serve, Upstream


async def test_the_switch_of_the_silent_repeat_is_still_there() -> None:
    async with aiohttp.ClientSession() as plain, new_client("http://127.0.0.1") as ours:
        assert plain._retry_connection is True
        assert ours._retry_connection is False


async def test_a_lost_connection_is_repeated_by_aiohttp_and_not_by_us() -> None:
    seen: list[str] = []

    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.raw_path)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with (
        RawTestServer(cut) as server,
        new_client("http://127.0.0.1") as ours,
        aiohttp.ClientSession() as plain,
    ):
        for client, path in ((plain, "/plain"), (ours, "/ours")):
            with contextlib.suppress(aiohttp.ClientError):
                await client.put(f"http://127.0.0.1:{server.port}{path}", data=b"x")
    assert seen.count("/ours") == 1
    # The day this is 1 as well, the private switch is not needed any more.
    assert seen.count("/plain") == 2


async def test_a_client_adds_no_header_to_those_that_are_always_sent() -> None:
    got: dict[str, str] = {}
    ours = {"Accept": "a/b", "Accept-Encoding": "gzip", "User-Agent": "x", "Content-Type": "c/d"}

    async def keep(request: web.BaseRequest) -> web.StreamResponse:
        got.update(request.headers)
        return web.Response()

    async with RawTestServer(keep) as server, new_client("http://127.0.0.1") as client:
        url = f"http://127.0.0.1:{server.port}/"
        await (await client.post(url, data=b"x", headers=ours)).read()
    assert {name: got.pop(name) for name in ours} == ours
    assert {name.lower() for name in got} == {"host", "content-length"}


async def test_where_reading_was_paused_it_goes_on_and_nothing_is_lost(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[bool] = []
    pause = RequestHandler.pause_reading

    def pause_reading(handler: RequestHandler) -> None:
        pause(handler)
        paused.append(handler._reading_paused)

    monkeypatch.setattr(RequestHandler, "pause_reading", pause_reading)
    config = f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        operations:
          getThing: {{call: GET /thing, description: One thing.}}
    """
    client = await serve(config)
    ping = {"jsonrpc": "2.0", "method": "ping"}
    bodies = [json.dumps({**ping, "id": number}).encode() for number in range(60)]
    bodies[10] = bodies[10][:-1] + b" " * 1_000_000 + b"}"  # beyond what aiohttp holds unread
    head = (
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Accept: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(b"".join(head % len(body) + body for body in bodies))
    async with asyncio.timeout(20):
        for number in range(len(bodies)):
            said = await reader.readuntil(b"\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 200 ")
            length = int(said.lower().partition(b"content-length: ")[2].split()[0])
            assert json.loads(await reader.readexactly(length))["id"] == number
    writer.close()
    assert all(paused)
    assert paused
