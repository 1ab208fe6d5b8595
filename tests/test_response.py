"""Answers as they stand on the wire, whatever the caller's HTTP."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp.test_utils import RawTestServer

from gateway.response import written
from gateway.values import Answer

DATE = re.compile(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
ANSWER = Answer(200, (("Content-Type", "application/json"), ("Age", "3")), b"{}")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAge: 3\r\nServer: plugin-gateway"
    b"\r\nContent-Length: 2\r\n\r\n"
)


async def said(request: bytes, answer: Answer = ANSWER, prefix: str = "") -> bytes:
    """What a server that gives `answer` writes until it closes, or after a while."""

    async def give(_: object) -> object:
        return written(answer, prefix)

    async with RawTestServer(give) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        got = b""
        try:
            async with asyncio.timeout(0.2):
                while chunk := await reader.read(65536):
                    got += chunk
        except TimeoutError:
            pass
        writer.close()
        await writer.wait_closed()
    return DATE.sub(b"", got)


async def test_head_and_body_are_written_and_the_connection_is_kept() -> None:
    one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert await said(one) == HEAD + b"{}"
    assert await said(one * 3) == (HEAD + b"{}") * 3


@pytest.mark.parametrize(
    ("request_", "head", "body"),
    [
        ("HEAD / HTTP/1.1\r\nHost: a", HEAD, b""),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close",
            HEAD[:-2] + b"Connection: close\r\n\r\n",
            b"{}",
        ),
        ("GET / HTTP/1.0", HEAD.replace(b"/1.1", b"/1.0"), b"{}"),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive",
            HEAD.replace(b"/1.1", b"/1.0")[:-2] + b"Connection: keep-alive\r\n\r\n",
            b"{}",
        ),
    ],
)
async def test_other_requests_are_answered_as_they_ask(
    request_: str, head: bytes, body: bytes
) -> None:
    assert await said(request_.encode() + b"\r\n\r\n") == head + body


@pytest.mark.parametrize(("status", "length"), [(204, False), (304, False), (200, True)])
async def test_an_answer_without_a_body(status: int, length: bool) -> None:
    got = await said(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Answer(status, (), b""))
    assert got.startswith(b"HTTP/1.1 %d " % status)
    assert (b"Content-Length: 0" in got) is length
    assert got.endswith(b"\r\n\r\n")


async def test_location_is_below_the_plugins_root() -> None:
    answer = Answer(201, (("Location", "/things/1"),), b"{}")
    assert b"\r\nLocation: /shop/things/1\r\n" in await said(
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", answer, "/shop"
    )


async def test_no_header_can_become_two() -> None:
    answer = Answer(200, (("Age", "3\r\nSet-Cookie: a=b"),), b"{}")
    got = await said(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", answer)
    assert b"Set-Cookie" not in got
