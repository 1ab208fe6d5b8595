"""The private names of aiohttp that the gateway relies on; the version is pinned for them."""

from __future__ import annotations

import contextlib

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from gateway.app import new_client


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
