"""Long answers that pass through: what the caller sees of them, and when."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from gateway.pipeline import Call, mask
from tests.conftest import Client, Serve

THINGS = """
plugin: shop
contact: a@example.com
budget: no
cache: no
upstream: {{url: "{url}/v1", timeout: 1s, max_bytes: 1MiB{more}}}
operations:
  getThings:
    call: GET /things
    description: All things.
  addThing:
    call: POST /things
    description: Add one.
"""
SECRET = ', credential: {header: {name: X-Key, value: "${KEY}"}}'
ENV = {"KEY": "topsecret-4711"}
JSON = "Content-Type: application/json"
LONG = json.dumps([f"thing {number}" for number in range(20_000)]).encode()
assert 200_000 < len(LONG) < 1024**2


@dataclass
class Upstream:
    """Answers one request after the other by `answer`, on connections of their own."""

    answer: Callable[[asyncio.StreamWriter], Awaitable[None]]
    url: str = ""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self.answer(writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.closed.set()
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


Starts = Callable[[Callable[[asyncio.StreamWriter], Awaitable[None]]], Awaitable[Upstream]]


@pytest.fixture
async def start() -> AsyncIterator[Starts]:
    async with contextlib.AsyncExitStack() as stack:

        async def begin(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> Upstream:
            upstream = Upstream(answer)
            server = await asyncio.start_server(upstream.handle, "127.0.0.1", 0)
            upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

            async def end() -> None:
                server.close()
                for task in filter(None, upstream.tasks):
                    task.cancel()
                await asyncio.gather(*filter(None, upstream.tasks), return_exceptions=True)

            stack.push_async_callback(end)
            return upstream

        yield begin


def reply(body: bytes, *headers: str, chunked: bool = False) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = "\r\n".join(("HTTP/1.1 200 OK", *headers, framing, "", "")).encode()
    return head + (chunk(body) + b"0\r\n\r\n" if chunked else body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def says(data: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


async def asks(
    client: Client, *headers: str, version: str = "1.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port, limit=2**22)
    lines = (f"GET /things HTTP/{version}", "Host: 127.0.0.1", *headers, "", "")
    writer.write("\r\n".join(lines).encode())
    return reader, writer


async def left(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def idle(client: Client) -> bool:
    """Whether no call is under way, or soon none is."""
    for _ in range(200):
        if not client.gateway.door._slots.taken:
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("more", ["", SECRET])
async def test_what_passes_through_is_what_came(
    serve: Serve, start: Starts, chunked: bool, more: str
) -> None:
    upstream = await start(says(reply(LONG, JSON, 'ETag: "a"', chunked=chunked)))
    client = await serve(THINGS.format(url=upstream.url, more=more), env=ENV)
    for _ in range(3):
        got = await client.get("/things")
        assert (got.status, got.body, got.headers["ETag"]) == (200, LONG, '"a"')
        assert ("Content-Length" in got.headers) is (not chunked and not more)
    assert len(upstream.tasks) == 1  # the connection was kept
    assert await idle(client)


async def test_a_write_passes_through_too(serve: Serve, start: Starts) -> None:
    upstream = await start(says(reply(LONG, JSON)))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    assert (await client.post("/things")).body == LONG


async def test_it_passes_before_its_end_has_come(serve: Serve, start: Starts) -> None:
    go_on = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"", JSON, chunked=True)[:-5].replace(b"0\r\n\r\n", b""))
        writer.write(chunk(LONG[:100_000]))
        await go_on.wait()
        writer.write(chunk(LONG[100_000:]) + b"0\r\n\r\n")

    upstream = await start(answer)
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    reader, writer = await asks(client)
    async with asyncio.timeout(5):
        await reader.readuntil(LONG[90_000:90_100])
        assert client.gateway.door._slots.taken == 1  # it counts until it is done
        go_on.set()
        await reader.readuntil(b"\r\n0\r\n\r\n")
    await left(writer)
    assert await idle(client)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
@pytest.mark.parametrize("more", ["", SECRET])
@pytest.mark.parametrize("taken", ["gzip, deflate", "gzip;q=0, identity", None])
async def test_it_stays_coded_where_nobody_must_look(
    serve: Serve, start: Starts, coding: str, more: str, taken: str | None
) -> None:
    body = json.dumps([hash((number, "x")) for number in range(20_000)]).encode()
    compress = zlib.compressobj(wbits={"gzip": 31, "deflate": 15, "raw": -15}[coding])
    coded = compress.compress(body) + compress.flush()
    said = coding.replace("raw", "deflate")
    assert len(coded) > 100_000
    upstream = await start(says(reply(coded, JSON, f"Content-Encoding: {said}", "Vary: X")))
    client = await serve(THINGS.format(url=upstream.url, more=more), env=ENV)
    reader, writer = await asks(
        client, "Connection: close", *([f"Accept-Encoding: {taken}"] if taken else [])
    )
    head, _, rest = (await reader.read(-1)).partition(b"\r\n\r\n")
    await left(writer)
    stays = not more and taken == "gzip, deflate"
    assert (b"Content-Encoding: " + said.encode() in head) is stays
    assert (b"Vary: X, Accept-Encoding" in head) is (not more)
    if stays:
        assert rest == coded
    else:
        pieces = rest.split(b"\r\n")
        assert b"".join(pieces[1::2]) == body


@pytest.mark.parametrize("at", [70_000, 100_000, 131_072, 200_000])
async def test_a_secret_is_found_wherever_the_chunks_part_it(
    serve: Serve, start: Starts, at: int
) -> None:
    body = LONG[:at] + b"topsecret-4711" + LONG[at:]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        writer.write(chunk(body[: at + 5]))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(chunk(body[at + 5 :]) + b"0\r\n\r\n")

    upstream = await start(answer)
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    assert (await client.get("/things")).body == LONG[:at] + b"[masked]" + LONG[at:]


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(LONG, JSON)[:150_000])
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.close()


async def too_much(writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(20):
        writer.write(chunk(b"1" * 65536))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def silent(writer: asyncio.StreamWriter) -> None:
    writer.write(reply(LONG, JSON)[:150_000])
    await writer.drain()
    await asyncio.Event().wait()


async def damaged(writer: asyncio.StreamWriter) -> None:
    noise = json.dumps([hash((number, "y")) for number in range(20_000)]).encode()
    body = gzip.compress(noise)
    writer.write(
        reply(body[:90_000] + b"\0" * 9000 + body[99_000:], JSON, "Content-Encoding: gzip")
    )


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("answer", [cut, too_much, silent, damaged])
async def test_what_breaks_off_never_looks_whole(
    serve: Serve,
    start: Starts,
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
    version: str,
) -> None:
    upstream = await start(answer)
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    reader, writer = await asks(client, version=version)
    got = b""
    is_reset = False
    try:
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                got += piece
    except ConnectionError:
        is_reset = True
    assert is_reset or (version == "1.1" and b"\r\n0\r\n\r\n" not in got)
    await left(writer)
    assert await idle(client)
    upstream.answer = says(reply(b"[]", JSON))
    assert (await client.get("/things")).body == b"[]"


async def test_a_reply_beyond_its_bound_is_refused_before_where_it_says_so(
    serve: Serve, start: Starts
) -> None:
    head = reply(b"", JSON).replace(b": 0\r\n", b": 1048577\r\n")
    upstream = await start(says(head + b"[" + b"1" * 100_000))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    got = await client.get("/things")
    assert (got.status, got.json()["code"]) == (502, "reply_too_large")


@pytest.mark.parametrize("size", [10_000, 60_000])  # one comes with its head, one does not
async def test_a_bomb_is_refused_or_cut(serve: Serve, start: Starts, size: int) -> None:
    noise = json.dumps([hash((number, "z")) for number in range(size)]).encode()
    bomb = gzip.compress(noise) + gzip.compress(b"1" * 1024**2)
    upstream = await start(says(reply(bomb, JSON, "Content-Encoding: gzip")))
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    reader, writer = await asks(client, "Connection: close")
    got = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            while piece := await reader.read(65536):
                got += piece
    await left(writer)
    assert got.startswith(b"HTTP/1.1 502") or b"\r\n0\r\n\r\n" not in got
    assert await idle(client)


async def test_a_caller_who_leaves_stops_the_upstream(serve: Serve, start: Starts) -> None:
    sent = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while sent < 10_000_000:
            writer.write(chunk(b"1" * 1000))
            sent += 1000
            await writer.drain()
            await asyncio.sleep(0.001)

    upstream = await start(answer)
    client = await serve(THINGS.format(url=upstream.url, more=""))
    reader, writer = await asks(client)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    async with asyncio.timeout(5):
        await upstream.closed.wait()
    assert sent < 1_000_000
    assert await idle(client)


async def test_the_upstream_is_read_as_fast_as_the_caller_reads(
    serve: Serve, start: Starts
) -> None:
    sent = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while sent < 100_000_000:
            writer.write(chunk(b"1" * 65536))
            sent += 65536
            await writer.drain()

    upstream = await start(answer)
    config = THINGS.format(url=upstream.url, more=SECRET).replace("1MiB", "1GiB")
    client = await serve(config.replace("timeout: 1s", "timeout: 9s"), env=ENV)
    reader, writer = await asks(client)
    await reader.readuntil(b"\r\n\r\n")
    before = -1
    while sent != before:
        before = sent
        await asyncio.sleep(0.2)
    assert sent < 50_000_000  # what the sockets and buffers on the way hold
    writer.transport.abort()
    assert await idle(client)


@pytest.mark.parametrize(
    ("content_type", "body", "passes"),
    [
        ("image/png", b"\x89PNG" + b"x" * 200_000, True),
        ("application/octet-stream", LONG, False),  # it may be JSON: the rules try it as such
        ("text/plain", b"x" * 200_000, False),  # becomes JSON
        ("application/json; a=\x01", LONG, False),  # cannot be written again
    ],
)
async def test_only_what_nothing_is_done_with_passes(
    serve: Serve, start: Starts, content_type: str, body: bytes, passes: bool
) -> None:
    upstream = await start(says(reply(body, f"Content-Type: {content_type}", chunked=True)))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    got = await client.get("/things")
    assert got.headers.get("Transfer-Encoding") == ("chunked" if passes else None)
    if passes:
        assert (got.body, got.headers["Content-Type"]) == (body, content_type)
        assert got.headers["Content-Security-Policy"] == "sandbox"
    else:
        assert got.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("setting", ["budget: 8000", "drop: [empty]"])
async def test_what_is_shrunk_is_read_whole(serve: Serve, start: Starts, setting: str) -> None:
    upstream = await start(says(reply(LONG, JSON, chunked=True)))
    name = setting.partition(":")[0]
    config = THINGS.format(url=upstream.url, more="").replace(f"{name}: no\n", "")
    client = await serve(f"{setting}\n{config}")
    assert "Transfer-Encoding" not in (await client.get("/things")).headers


async def test_a_header_that_is_no_text_is_dropped_not_altered(serve: Serve, start: Starts) -> None:
    name = b'Content-Disposition: attachment; filename="caf\xe9.txt"\r\nContent-Language: de\r\n'
    for body in (b"{}", LONG):
        said = reply(body, JSON).replace(b"\r\n", b"\r\n" + name, 1)
        upstream = await start(says(said))
        client = await serve(THINGS.format(url=upstream.url, more=""))
        answer = await client.get("/things")
        assert (answer.status, answer.headers["Content-Language"]) == (200, "de")
        assert "Content-Disposition" not in answer.headers


CODED = json.dumps(["x" * 200_000, "topsecret-4711"])


@pytest.mark.parametrize(
    ("charset", "said", "status"),
    [("utf-16le", "utf-16le", 200), ("utf-16", "utf-16", 200), ("utf-16le", "", 502)],
)
async def test_what_is_no_utf_8_is_not_passed_on_unsearched(
    serve: Serve, start: Starts, charset: str, said: str, status: int
) -> None:
    more = f"; charset={said}" if said else ""
    upstream = await start(says(reply(CODED.encode(charset), JSON + more)))
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    got = await client.get("/things")
    assert got.status == status
    assert "topsecret-4711".encode("utf-16le") not in got.body
    if said:
        assert json.loads(got.body.decode(charset))[1] == "[masked]"
    assert await idle(client)


async def test_a_search_lets_others_go_on(serve: Serve, start: Starts) -> None:
    """However much comes at once, it is searched in parts."""
    upstream = await start(says(reply(b'["' + b"\\u0074" * 150_000 + b'"]', JSON)))
    client = await serve(THINGS.format(url=upstream.url, more=SECRET), env=ENV)
    sizes: list[int] = []
    window = mask._Window.feed

    def feed(self: mask._Window, piece: bytes) -> bytes:
        sizes.append(len(piece))
        return window(self, piece)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask._Window, "feed", feed)
        assert len((await client.get("/things")).json()[0]) == 150_000
    assert max(sizes) <= 65_536 + 1024


async def test_an_error_is_read_whole(serve: Serve, start: Starts) -> None:
    page = reply(b"<h1>Gone</h1>" + b"x" * 200_000, "Content-Type: text/html")
    upstream = await start(says(page.replace(b"200 OK", b"410 Gone")))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    got = await client.get("/things")
    assert (got.status, got.json()["code"]) == (410, "upstream_error")


@pytest.mark.parametrize("status", [204, 205])
async def test_what_has_no_body_gets_none(serve: Serve, start: Starts, status: int) -> None:
    body = LONG if status == 205 else b""
    upstream = await start(says(reply(body, JSON).replace(b"200 OK", b"%d X" % status)))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    got = await client.get("/things")
    assert (got.status, got.body) == (status, b"")
    assert await idle(client)


async def test_a_program_that_wants_it_whole_gets_it_whole(serve: Serve, start: Starts) -> None:
    upstream = await start(says(reply(LONG, JSON)))
    client = await serve(THINGS.format(url=upstream.url, more=""))
    (site,) = client.gateway.door.sites
    answer = await site.plans["getThings"](Call({}, {}, "127.0.0.1"))
    assert (answer.body, answer.rest) == (LONG, None)
