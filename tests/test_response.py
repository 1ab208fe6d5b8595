"""Answers as they stand on the wire, whatever the caller's HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from multidict import CIMultiDict

from gateway import response
from gateway.response import SMALL, Passed, Written, from_store, written
from gateway.values import Answer

DATE = re.compile(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
ANSWER = Answer(200, (("Content-Type", "application/json"), ("Age", "3")), b"{}")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAge: 3\r\nServer: plugin-gateway"
    b"\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 2\r\n\r\n"
)


async def said(
    request: bytes, answer: Answer = ANSWER, prefix: str = "", *, ready: bool = False
) -> bytes:
    """What a server that gives `answer` writes until it closes, or after a while; of a `ready` one
    what is written of answers out of the store."""

    async def give(asked: web.BaseRequest) -> object:
        made = from_store(asked, answer, prefix, "X-A", "an-id") if ready else None
        return made or written(answer, prefix)

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


class Pieces:
    """A body on its way, of these pieces, that then waits or ends."""

    coding, varies = "", False

    def __init__(self, *pieces: bytes, length: int | None = None, ends: bool = True) -> None:
        self.pieces, self.length, self.ends = list(pieces), length, ends
        self.closed = False

    async def read(self) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if not self.ends:
            await asyncio.Event().wait()
        return b""

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("version", "length", "framing", "body"),
    [
        ("1.1", None, b"Transfer-Encoding: chunked\r\n", b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        ("1.1", 3, b"Content-Length: 3\r\n", b"abc"),
        ("1.0", None, b"", b"abc"),
        ("1.0", 3, b"Content-Length: 3\r\n", b"abc"),
    ],
)
async def test_a_body_on_its_way_is_framed_as_the_caller_reads_it(
    version: str, length: int | None, framing: bytes, body: bytes
) -> None:
    rest = Pieces(b"ab", b"c", length=length)
    got = await said(
        f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode(), ANSWER._replace(rest=rest)
    )
    head, _, sent = got.partition(b"\r\n\r\n")
    assert sent == body
    assert framing in head + b"\r\n"
    assert rest.closed


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_an_answer_that_takes_too_long_is_cut(version: str) -> None:
    rest, ended = Pieces(b"ab", ends=False), asyncio.Event()

    async def give(_: object) -> object:
        return Passed(200, CIMultiDict(), rest, ended.set, 0.1)

    async with RawTestServer(give) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            await reader.read(-1)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    assert rest.closed
    assert ended.is_set()


async def test_a_caller_who_does_not_read_holds_no_connection() -> None:
    rest, ended = Pieces(*[b"x" * 100_000] * 1000), asyncio.Event()

    async def give(_: object) -> object:
        return Passed(200, CIMultiDict(), rest, ended.set, 0.3)

    async with RawTestServer(give) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(5):
            await ended.wait()
            await asyncio.sleep(0.05)
        assert rest.pieces  # there was more than the sockets hold
        assert not server.handler.connections
        writer.transport.abort()


LARGE = Answer(200, (("Content-Type", "application/json"),), b"x" * 30_000_000)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_caller_who_does_not_read_holds_no_whole_answer(version: str) -> None:
    ended = asyncio.Event()

    async def give(_: object) -> object:
        response = written(LARGE, "", ended.set)
        assert isinstance(response, Written)
        response.seconds = 0.3
        return response

    async with RawTestServer(give) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        async with asyncio.timeout(5):
            await ended.wait()
            await asyncio.sleep(0.05)
        assert not server.handler.connections
        with pytest.raises(ConnectionError):
            await reader.read(-1)
        writer.transport.abort()


async def test_a_call_is_under_way_until_its_answer_is_read() -> None:
    ended = asyncio.Event()

    async def give(_: object) -> object:
        return written(LARGE, "", ended.set)

    async with RawTestServer(give) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            assert not ended.is_set()
            assert await reader.readexactly(len(LARGE.body)) == LARGE.body
            await ended.wait()
        writer.transport.abort()


async def test_small_answers_that_nobody_reads_are_bounded_in_time_as_well() -> None:
    count = 0

    async def give(_: object) -> object:
        nonlocal count
        count += 1
        response = written(ANSWER._replace(body=b"x" * SMALL), "")
        assert isinstance(response, Written)
        response.seconds = 0.3
        return response

    async with RawTestServer(give) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(10):
            while not writer.is_closing():
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await asyncio.sleep(0.001)
                if count > 10 and not server.handler.connections:
                    break
        assert not server.handler.connections
        writer.transport.abort()


# --- out of the store -------------------------------------------------------------------------

FIXED = (("Content-Type", "application/json"), ("Location", "/b"), ("Vary", "Accept"))
STORED = Answer(201, (*FIXED, ("Age", "3")), b"{}", fixed=FIXED)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
READY = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nLocation: /p/b\r\n"
    b"Vary: Accept, X-A, Origin\r\nServer: plugin-gateway\r\nX-Content-Type-Options: nosniff\r\n"
    b"Age: 3\r\nCall-Id: an-id\r\nContent-Length: 2\r\n\r\n{}"
)


def fields(head: bytes) -> list[bytes]:
    return sorted(head.split(b"\r\n"))


async def test_of_a_stored_answer_the_head_is_written_as_it_was_before() -> None:
    for _ in range(2):
        got = await said(GET * 2, STORED, "/p", ready=True)
        assert fields(got) == fields(READY * 2)
    other = STORED._replace(headers=(*FIXED, ("Age", "4")), body=b"[1]")
    got = await said(GET, other, "/q", ready=True)
    assert b"\r\nAge: 4\r\n" in got
    assert b"\r\nLocation: /q/b\r\n" in got
    assert got.endswith(b"\r\nContent-Length: 3\r\n\r\n[1]")


@pytest.mark.parametrize(
    "request_",
    [
        "HEAD / HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close",
        "GET / HTTP/1.0\r\nConnection: keep-alive",
        "GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://chatgpt.com",
    ],
)
async def test_what_is_unusual_is_not_ready(request_: str) -> None:
    got = await said(request_.encode() + b"\r\n\r\n", STORED, ready=True)
    assert b" 201 " in got
    assert b"Call-Id" not in got, "it was written so"


@pytest.mark.parametrize(
    "answer",
    [
        STORED._replace(fixed=()),
        STORED._replace(body=b""),
        STORED._replace(body=bytes(SMALL + 1)),
        STORED._replace(headers=(*FIXED, ("Age", "3\r\nSet-Cookie: a=b"))),
        STORED._replace(headers=(*FIXED, ("Age", "3\r"))),
        STORED._replace(headers=(*FIXED, ("Age", "\udce9"))),
        STORED._replace(headers=(("Age", "\x01"),), fixed=(("Age", "\x01"),)),
    ],
)
async def test_what_cannot_be_ready_is_put_together(answer: Answer) -> None:
    got = await said(GET, answer, ready=True)
    assert b"Call-Id" not in got
    assert b"Set-Cookie" not in got


async def test_heads_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: dict[object, bytes] = {}
    monkeypatch.setattr(response, "_heads", heads)
    monkeypatch.setattr(response, "MAX_HEADS", 3)
    for number in range(7):
        fixed = (("ETag", f'"{number}"'),)
        await said(GET, Answer(200, fixed, b"{}", fixed=fixed), ready=True)
        assert len(heads) == number % 3 + 1
    for fixed in ((("ETag", '"' + "x" * response.MAX_HEAD + '"'),), (("X", "xxx"),) * 25):
        assert b"xxx" in await said(GET, Answer(200, fixed, b"{}", fixed=fixed), ready=True)
    assert len(heads) == 1
