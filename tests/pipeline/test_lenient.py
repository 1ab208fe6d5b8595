"""What comes behind a reply: left away where everything passes, refused everywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Serve
from tests.passthrough import fetched, passing

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Test: 1\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

Says = Callable[[list[bytes]], Awaitable[str]]


@pytest.fixture
async def says() -> AsyncIterator[Says]:
    """An upstream that answers each request with these pieces."""
    servers = []

    async def begin(pieces: list[bytes]) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0.01)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield begin
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE],
        [WHOLE + b"and more"],
        [WHOLE + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
        [WHOLE[:-3], WHOLE[-3:] + b"and more"],
        [WHOLE[:20], WHOLE[20:-7], WHOLE[-7:] + b"more"],
        [bytes([one]) for one in WHOLE + b"more"],
        [HINTS + WHOLE + b"more"],
        [HINTS, WHOLE, b"more"],
        [CHUNKED],
        [CHUNKED[:70], CHUNKED[70:]],
    ],
)
async def test_what_is_said_counts_where_everything_passes(
    tmp_path: Path, says: Says, pieces: list[bytes]
) -> None:
    url = await says(pieces)
    async with passing(url, tmp_path) as gateway, aiohttp.ClientSession() as session:
        # What comes later still may meet the next request: that one is on its own.
        for n in range(1 if len(pieces) > 2 else 3):
            status, headers, body = await fetched(session, f"{gateway.url}/{n}")
            assert (status, headers["X-Test"], body) == (200, "1", b"hello")


async def test_a_head_has_no_body_to_be_cut(tmp_path: Path, says: Says) -> None:
    url = await says([HEAD + b"Content-Length: 5\r\n\r\n"])
    async with passing(url, tmp_path) as gateway, aiohttp.ClientSession() as session:
        status, headers, body = await fetched(session, f"{gateway.url}/x", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, "5", b"")


async def test_everywhere_else_it_is_refused(serve: Serve, says: Says) -> None:
    url = await says([WHOLE + b"and more"])
    client = await serve(
        f"plugin: p\ncontact: a@example.com\nupstream: {{url: '{url}'}}\n"
        "operations: {get: {call: GET /x, description: x}}"
    )
    assert (await client.get("/x")).status == 502
