"""The cache on the wire, with raw sockets: hop-by-hop fields, unkeyed input, ranges, conditions.

Through the plugin of `tests.passthrough`, which holds nothing back by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.caching.driving import counting
from tests.conftest import Upstream
from tests.passthrough import passing

HOP_BY_HOP = (
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
    "Proxy-Authentication-Info", "TE", "Trailer", "Upgrade",
)  # fmt: skip

Ask = Callable[..., "asyncio.Future[tuple[int, list[tuple[str, str]], bytes]]"]


async def said(port: int, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request as it stands, and the whole of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [tuple(line.split(": ", 1)) for line in head[1:] if ": " in line]
        lengths = [value for name, value in fields if name.lower() == "content-length"]
        body = b""
        if lengths and not request.startswith(b"HEAD") and " 304" not in head[0]:
            body = await reader.readexactly(int(lengths[0]))
        return int(head[0].split()[1]), fields, body  # type: ignore[return-value]
    finally:
        writer.close()


@pytest.fixture
async def ask(tmp_path: Path, upstream: Upstream) -> AsyncIterator[Ask]:
    async with passing(upstream.url, tmp_path) as gateway:

        async def one(*lines: str, method: str = "GET", target: str = "/x", body: bytes = b""):  # type: ignore[no-untyped-def]
            head = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{gateway.port}", *lines]
            if body:
                head.append(f"Content-Length: {len(body)}")
            return await said(gateway.port, ("\r\n".join(head) + "\r\n\r\n").encode() + body)

        yield one


def named(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in fields if key.lower() == name.lower()]


@pytest.mark.parametrize("name", HOP_BY_HOP)
async def test_a_hop_by_hop_field_of_the_upstream_is_neither_passed_on_nor_stored(
    ask: Ask, upstream: Upstream, name: str
) -> None:
    """RFC 9110 section 7.6.1, RFC 9111 section 3.1."""
    value = {"Connection": "x-own"}.get(name, "value")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\nX-Own: 1\r\n"
            + f"{name}: {value}\r\n\r\nok".encode()
        )
        await asyncio.sleep(0.02)
        request.transport.close()
        raise ConnectionResetError

    upstream.answer = answer
    for hit in (False, True):
        status, fields, body = await ask()
        assert (status, body) == (200, b"ok")
        assert "value" not in named(fields, name)
        assert not (name == "Connection" and named(fields, "X-Own")), "what it lists goes with it"
        assert ("; hit" in named(fields, "Cache-Status")[0]) is hit
    assert len(upstream.received) == 1


@pytest.mark.parametrize("name", HOP_BY_HOP)
async def test_a_hop_by_hop_field_of_a_caller_is_not_passed_on(
    ask: Ask, upstream: Upstream, name: str
) -> None:
    counting(upstream)
    await ask(f"{name}: foo", "Foo: 1", "Bar: 2")
    headers = upstream.last.headers
    assert "foo" not in headers.get(name, "").split(", ")
    assert headers["Bar"] == "2"
    assert ("Foo" in headers) is (name != "Connection")


@pytest.mark.parametrize("name", ["host", "Via", "VIA"])
async def test_what_we_add_cannot_be_taken_away_by_naming_it(
    ask: Ask, upstream: Upstream, name: str
) -> None:
    counting(upstream)
    await ask(f"Connection: {name}, close")
    assert upstream.last.headers["Host"] in upstream.url
    assert "plugin-gateway" in upstream.last.headers["Via"]


async def test_a_length_beside_a_coding_is_refused(ask: Ask, upstream: Upstream) -> None:
    """RFC 9112 section 6.1: which of the two counts has been an attack."""
    counting(upstream)
    chunked = b"5\r\nhello\r\n0\r\n\r\n"
    status, _, _ = await ask("Transfer-Encoding: chunked", method="POST", body=chunked)
    assert status == 400
    assert not upstream.received


@pytest.mark.parametrize("other", ["/x?b=2&a=1", "/x?a=1&b=2&", "/%78?a=1&b=2", "/x?a=1&b=%32"])
async def test_targets_are_told_apart_as_they_are_written(
    ask: Ask, upstream: Upstream, other: str
) -> None:
    counting(upstream, Cache_Control="max-age=60")
    await ask(target="/x?a=1&b=2")
    await ask(target=other)
    await ask(target="/x?a=1&b=2")
    assert [one.target for one in upstream.received] == ["/x?a=1&b=2", other]


async def test_a_get_with_a_body_is_neither_stored_nor_answered(
    ask: Ask, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=60")
    await ask(body=b"evil")
    await ask()
    await ask(body=b"evil")
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=20-", 416, b""),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
async def test_a_range_is_cut_out_of_what_is_stored(
    ask: Ask, upstream: Upstream, asked: str, status: int, body: bytes
) -> None:
    upstream.says(b"0123456789", headers={"Cache-Control": "max-age=60"})
    await ask()
    got = await ask(f"Range: {asked}")
    assert (got[0], got[2]) == (status, body)
    assert len(upstream.received) == 1


async def test_several_ranges_go_upstream(ask: Ask, upstream: Upstream) -> None:
    upstream.says(b"0123456789", headers={"Cache-Control": "max-age=60"})
    await ask()
    await ask("Range: bytes=0-1,3-4")
    assert upstream.last.headers["Range"] == "bytes=0-1,3-4"


@pytest.mark.parametrize(
    ("condition", "status"), [('"a"', 206), ('W/"a"', 200), ('"b"', 200), ("yesterday", 200)]
)
async def test_if_range_wants_a_strong_validator(
    ask: Ask, upstream: Upstream, condition: str, status: int
) -> None:
    upstream.says(b"0123456789", headers={"Cache-Control": "max-age=60", "ETag": '"a"'})
    await ask()
    assert (await ask("Range: bytes=0-1", f"If-Range: {condition}"))[0] == status


@pytest.mark.parametrize(
    ("tags", "status"), [('"a"', 304), ('W/"a"', 304), ("*", 304), ('"b", "a"', 304), ('"b"', 200)]
)
async def test_a_condition_is_answered_out_of_what_is_stored(
    ask: Ask, upstream: Upstream, tags: str, status: int
) -> None:
    upstream.says(b"0123456789", headers={"Cache-Control": "max-age=60", "ETag": '"a"'})
    await ask()
    got = await ask(f"If-None-Match: {tags}")
    assert got[0] == status
    assert named(got[1], "ETag") == ['"a"']
    assert len(upstream.received) == 1


async def test_a_head_is_answered_out_of_a_get_with_its_length(
    ask: Ask, upstream: Upstream
) -> None:
    upstream.says(b"0123456789", headers={"Cache-Control": "max-age=60"})
    await ask()
    status, fields, _ = await ask(method="HEAD")
    assert (status, named(fields, "Content-Length")) == (200, ["10"])
    assert len(upstream.received) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH", "M-SEARCH"])
async def test_a_method_that_may_change_something_forgets(
    ask: Ask, upstream: Upstream, method: str
) -> None:
    counting(upstream, Cache_Control="max-age=60", Location="/y")
    await ask()
    await ask(target="/y")
    await ask(method=method)
    for target in ("/x", "/y"):
        await ask(target=target)
    assert len(upstream.received) == 5


async def test_interim_replies_pass_and_are_not_stored(ask: Ask, upstream: Upstream) -> None:
    """RFC 9110 section 15.2, RFC 8297."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        return web.Response(text="ok", headers={"Cache-Control": "max-age=60"})

    upstream.answer = answer
    status, fields, _ = await ask()
    assert (status, named(fields, "Link")) == (103, ["</a>"])
    status, fields, body = await ask()
    assert (status, named(fields, "Link"), body) == (200, [], b"ok")


async def test_nothing_of_another_origin_is_forgotten(ask: Ask, upstream: Upstream) -> None:
    counting(upstream, Cache_Control="max-age=60")
    await ask(target="/y")
    counting(upstream, Location="http://elsewhere.example/y")
    await ask(method="POST")
    await ask(target="/y")
    assert len(upstream.received) == 2
