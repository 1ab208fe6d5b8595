"""One request and its reply on the wire, against an upstream that is written byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict

from gateway.clients import new_client
from gateway.errors import ReplyTooLarge
from gateway.pipeline.exchange import Exchange, Received, host_of

CUT = b""  # the connection is closed instead of an answer
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 1000


@dataclass
class Peer:
    """An upstream that answers the requests of each connection with these bytes, in turn."""

    answers: list[bytes]
    reads_bodies: bool = True
    closes: bool = False
    resets: bool = False  # a little after an answer
    unasked: bytes = b""  # sent a little after an answer
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    said: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        self.tasks.add(asyncio.current_task())
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                self.asked.set()
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                if self.reads_bodies:
                    self.bodies.append(await reader.readexactly(int(length or b"0")))
                answer = self.answers.pop(0)
                if answer == CUT:
                    return
                writer.write(answer)
                if self.resets:
                    await asyncio.sleep(0.05)
                    reset(writer)
                    return
                if self.unasked:
                    await asyncio.sleep(0.02)
                    writer.write(self.unasked)
                    self.said.set()
                if self.closes:
                    return
                if not self.reads_bodies:
                    await asyncio.Event().wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def closed(self) -> bool:
        """Whether all connections are closed, or soon are."""
        for _ in range(100):
            if not self.open:
                return True
            await asyncio.sleep(0.01)
        return False


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def to(peer: Peer) -> AsyncIterator[Exchange]:
    server = await asyncio.start_server(peer.handle, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with new_client(base) as client:
        yield Exchange(client, base)
    server.close()
    for task in filter(None, peer.tasks):
        task.cancel()
    await asyncio.gather(*filter(None, peer.tasks), return_exceptions=True)


async def get(exchange: Exchange, method: str = "GET", body: bytes | None = None) -> Received:
    headers = CIMultiDict({"Host": "a.example"})
    async with asyncio.timeout(5):  # what is broken may wait for ever
        return await exchange(method, "/a?b=c", headers, body, LIMIT)


async def test_a_request_is_what_it_was_told_and_nothing_else() -> None:
    peer = Peer([OK, OK, OK])
    async with to(peer) as exchange:
        status, headers, body = await get(exchange)
        await get(exchange, "POST", b"{}")
        await get(exchange, "DELETE")
    assert (status, headers["content-length"], body) == (200, "2", b"ok")
    assert peer.heads == [
        b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"POST /a?b=c HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\n",
        b"DELETE /a?b=c HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
    ]
    assert peer.bodies == [b"", b"{}", b""]
    assert peer.connections == 1  # kept for the next


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("http://a.example/v1", "a.example"),
        ("https://a.example:443", "a.example"),
        ("http://a.example:8080", "a.example:8080"),
        ("http://[::1]:80", "[::1]"),
    ],
)
def test_host_names_a_port_only_where_it_is_not_the_schemes(base: str, host: str) -> None:
    assert host_of(base) == host


async def test_interim_replies_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with to(Peer([early + OK, OK])) as exchange:
        assert (await get(exchange))[0::2] == (200, b"ok")
        assert (await get(exchange))[0::2] == (200, b"ok")


@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", b"ok"),
        ("GET", b"HTTP/1.1 204 No\r\n\r\n", b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 304 No\r\nContent-Length: 5000\r\n\r\n", b""),
        ("GET", CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
        ("GET", b"HTTP/1.1 000 ?\r\nContent-Length: 2\r\n\r\nok", b""),
    ],
)
async def test_a_reply_ends_where_it_says(method: str, answer: bytes, body: bytes) -> None:
    peer = Peer([answer], closes=True)
    async with to(peer) as exchange:
        assert (await get(exchange, method))[2] == body


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %b2\r\n\r\n" % (b"0" * 5000),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        CHUNKED + b"64\r\n%b\r\n" % (b"x" * 100) * 11,
    ],
)
async def test_a_reply_beyond_its_bound_is_not_read_on(answer: bytes) -> None:
    peer = Peer([answer])
    async with to(peer) as exchange:
        with pytest.raises(ReplyTooLarge):
            await get(exchange)
        assert await peer.closed()


async def test_a_connection_with_half_a_reply_is_not_used_again() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 100000\r\n\r\nhalf"
    upgrade = b"HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    peer = Peer([redirect, upgrade, OK])
    async with to(peer) as exchange:
        assert [(await get(exchange))[0] for _ in range(3)] == [302, 101, 200]
    assert peer.connections == 3


async def test_a_reply_that_nobody_asked_for_is_given_to_nobody() -> None:
    peer = Peer([OK, OK], unasked=OK.replace(b"ok", b"no"))
    async with to(peer) as exchange:
        assert (await get(exchange))[2] == b"ok"
        await peer.said.wait()
        await asyncio.sleep(0.05)
        assert (await get(exchange))[2] == b"ok"
    assert peer.connections == 2


async def test_nor_where_the_client_itself_asked_before() -> None:
    peer = Peer([OK, OK], unasked=OK.replace(b"ok", b"no"))
    server = await asyncio.start_server(peer.handle, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with new_client(base) as client:
        async with client.get(base + "/token") as response:
            assert await response.read() == b"ok"
        await peer.said.wait()
        await asyncio.sleep(0.05)
        assert (await get(Exchange(client, base)))[2] == b"ok"
    server.close()
    assert await peer.closed()
    assert peer.connections == 2


async def test_a_connection_with_half_a_request_is_not_used_again() -> None:
    peer = Peer([OK, OK], reads_bodies=False)
    async with to(peer) as exchange:
        for _ in range(2):
            assert (await get(exchange, "POST", b"x" * 20_000_000))[2] == b"ok"
    assert peer.connections == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (CUT, aiohttp.ServerDisconnectedError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", aiohttp.ClientPayloadError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", HttpProcessingError),
        (b"SSH-2.0\r\n\r\n", HttpProcessingError),
    ],
)
async def test_a_broken_reply_is_an_error_and_the_request_is_not_repeated(
    answer: bytes, error: type[Exception]
) -> None:
    peer = Peer([answer], closes=True)
    async with to(peer) as exchange:
        with pytest.raises(error):
            await get(exchange)
    assert len(peer.heads) == 1


async def test_who_leaves_closes_the_connection() -> None:
    peer = Peer([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
    async with to(peer) as exchange:
        call = asyncio.create_task(get(exchange))
        await peer.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await peer.closed()


async def test_no_header_can_become_two() -> None:
    peer = Peer([OK])
    async with to(peer) as exchange:
        with pytest.raises(ValueError, match="header"):
            await exchange("GET", "/", CIMultiDict({"Host": "a\r\nX: y"}), None, LIMIT)
        assert await peer.closed()
    assert not peer.heads


async def test_interim_replies_without_end_are_an_error() -> None:
    async with to(Peer([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 33 + OK])) as exchange:
        with pytest.raises(HttpProcessingError):
            await get(exchange)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 200 OK\r\nX: ",
        OK + b"HT",
        b"HTTP/1.1 101 Upgrade that was not asked for\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_a_connection_on_which_more_may_come_is_not_used_again(answer: bytes) -> None:
    peer = Peer([answer, OK])
    async with to(peer) as exchange:
        await get(exchange)
        assert (await get(exchange))[2] == b"ok"
    assert peer.connections == 2


async def test_what_comes_on_an_idle_connection_is_not_read_without_end() -> None:
    unasked = (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: %b\r\n\r\n" % (b"x" * 8000)) * 2500
    peer = Peer([OK, OK], unasked=unasked, reads_bodies=False)
    async with to(peer) as exchange:
        await get(exchange)
        await peer.said.wait()
        (writer,) = peer.writers
        for _ in range(50):  # 20 MB, more than the two sockets hold
            if not writer.transport.get_write_buffer_size():
                break
            await asyncio.sleep(0.02)
        assert writer.transport.get_write_buffer_size()
        assert (await get(exchange))[2] == b"ok"
    assert peer.connections == 2


async def test_a_reply_that_lasts_until_the_end_ends_with_no_reset() -> None:
    peer = Peer([b"HTTP/1.1 200 OK\r\n\r\nto the"], resets=True)
    async with to(peer) as exchange:
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(exchange)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_that_met_a_closing_connection_is_sent_again(method: str) -> None:
    peer = Peer([OK, OK, OK, CUT, b"HTTP/1.1 204 No\r\n\r\n"])
    async with to(peer) as exchange:
        # Three connections are kept; that for the second time is a new one all the same.
        await asyncio.gather(*(get(exchange) for _ in range(3)))
        assert (await get(exchange, method))[0] == 204
    assert peer.connections == 4
    assert len(peer.heads) == 5


async def test_a_read_is_sent_again_once() -> None:
    peer = Peer([OK, CUT, CUT, OK])
    async with to(peer) as exchange:
        await get(exchange)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await get(exchange)
    assert len(peer.heads) == 3


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"{}"), ("PUT", b"{}"), ("DELETE", None), ("GET", b"{}")]
)
async def test_what_writes_is_never_sent_twice(method: str, body: bytes | None) -> None:
    peer = Peer([OK, CUT, OK])
    async with to(peer) as exchange:
        await get(exchange)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await get(exchange, method, body)
    assert len(peer.heads) == 2


@pytest.mark.parametrize("late", [b"", OK.replace(b"ok", b"no")])
async def test_what_the_loop_has_not_seen_yet_is_looked_for(late: bytes) -> None:
    """A connection is closed, or says more, while the loop is busy with something else."""
    busy, done = threading.Event(), threading.Event()

    def serve(listener: socket.socket) -> None:
        listener.settimeout(5)
        first = listener.accept()[0]
        first.settimeout(5)
        first.recv(65536)
        first.sendall(OK)
        busy.wait(5)
        if late:
            first.sendall(late)
        else:
            first.close()
        done.set()
        listener.settimeout(2)
        with contextlib.suppress(TimeoutError), listener.accept()[0] as second:
            second.settimeout(2)
            second.recv(65536)
            second.sendall(OK)
            second.recv(1)
        first.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        async with new_client("http://127.0.0.1") as client:
            exchange = Exchange(client, f"http://127.0.0.1:{listener.getsockname()[1]}")
            await get(exchange)
            busy.set()
            done.wait(5)  # and the loop with it
            assert (await get(exchange, "POST", b"{}"))[2] == b"ok"
        await asyncio.to_thread(thread.join)


async def test_a_name_that_no_host_can_have_is_no_fault_of_ours() -> None:
    async with new_client("http://127.0.0.1") as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(Exchange(client, "http://a..example"))
