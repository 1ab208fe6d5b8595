"""What callers get of upstreams that fail: how, how fast, and what the metrics say of it.

Each fault goes over a real connection, most through a proxy that fails as networks do. After it
nothing may be left: no task, no socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Client, Serve, Upstream
from tests.fault_proxy import FINE, Fault, FaultProxy, closed_port, deaf, fault_proxy

TOTAL = 1.0  # seconds that a call may take here
GRACE = 0.25  # and so much more until its caller knows
ONCE = {"Connection": "close"}  # of the caller: what is left is then the gateway's alone
BODY = {"text": "x" * 2000}
PLUGIN = """\
    plugin: frail
    contact: a@example.com
    upstream: {{url: "{url}", timeout: {timeout}, credential: {{bearer: planted-secret}}}}
    operations:
      getItem:
        call: GET /item
        description: Read.
        cache: {cache}
      putItem: {{call: POST /item, description: Write., body: {{type: object}}}}
"""


@dataclass
class Scene:
    """A gateway before an upstream, and a proxy that fails between them."""

    client: Client
    upstream: Upstream
    proxy: FaultProxy

    async def get(self) -> Got:
        return await self._timed(self.client.get("/frail/item", headers=ONCE))

    async def post(self) -> Got:
        return await self._timed(self.client.post("/frail/item", json={}, headers=ONCE))

    async def tool(self) -> dict[str, Any]:
        """The same read over MCP: the result of the call."""
        asked = {
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "getItem", "arguments": {}},
        }  # fmt: skip
        headers = {"Accept": "application/json", "MCP-Protocol-Version": "2025-11-25", **ONCE}
        got = await self.client.post("/frail/mcp", json=asked, headers=headers)
        result: dict[str, Any] = got.json()["result"]
        return result

    async def _timed(self, call: Awaitable[Any]) -> Got:
        began = time.monotonic()
        response = await call
        took = time.monotonic() - began
        return Got(response.status, response.headers, response.body, took)

    @property
    def tries(self) -> dict[str, int]:
        """Tries of the upstream by what came of them, as the metrics have it."""
        told: dict[str, int] = self._counted("upstreams", "frail", "tries")
        return told

    @property
    def outcomes(self) -> dict[str, int]:
        """Reads by what came of them."""
        told: dict[str, int] = self._counted("operations", "frail", "getItem", "calls", "http")
        return told

    @property
    def breaker(self) -> str:
        counts = self.client.gateway._shared.counts.snapshot()
        (state,) = counts["now"]["upstreams"]["frail"]["breaker"]
        return str(state)

    def _counted(self, *path: str) -> Any:
        value: Any = self.client.gateway._shared.counts.snapshot()["sum"]
        for name in path:
            value = value.get(name, {})
        return value


@dataclass
class Got:
    """An answer, and the seconds it took."""

    status: int
    headers: Any
    body: bytes
    took: float
    problem: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.problem = json.loads(self.body) if self.status >= 400 else {}

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


def sockets() -> int:
    """Open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a number, not the files


@pytest.fixture
async def scene(serve: Serve, upstream: Upstream) -> AsyncIterator[Callable[..., Any]]:
    upstream.says(BODY)
    port = int(upstream.url.rpartition(":")[2])
    async with fault_proxy(port) as proxy:

        async def start(url: str = "", within: str = "1s", cache: str = "no") -> Scene:
            text = PLUGIN.format(url=url or proxy.url, timeout=within, cache=cache)
            return Scene(await serve(text), upstream, proxy)

        yield start


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """What is begun within is ended when it ends: tasks and sockets are counted."""
    gc.collect()
    before, open_before = asyncio.all_tasks(), sockets()
    yield
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        gc.collect()
        tasks = {one for one in asyncio.all_tasks() - before if not one.done()}
        if not tasks and sockets() <= open_before:
            return
        await asyncio.sleep(0.05)
    assert not tasks, tasks
    assert sockets() <= open_before


# --- one fault after the other -----------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LATE = {
    "silent": Fault(stall_after=0),
    "falls silent in the head": Fault(stall_after=20),
    "falls silent in the body": Fault(stall_after=600),
    "slow loris": Fault(trickle=0.01),
}
EARLY = {
    "closed without a word": Fault(cut_after=0),
    "cut in the head": Fault(cut_after=20),
    "cut in the body": Fault(cut_after=600),
    "reset at once": Fault(reset_after=0),
    "reset in the body": Fault(reset_after=600),
    "garbage": Fault(says=b"\x16\x03\x01\x00 what?\r\n\r\n"),
    "a length too long": Fault(says=HEAD + b"Content-Length: 99\r\n\r\n{}"),
    "a length of letters": Fault(says=HEAD + b"Content-Length: two\r\n\r\n{}"),
    "a chunk cut": Fault(says=CHUNKED + b"9\r\n{}"),
    "a chunk of no size": Fault(says=CHUNKED + b"x\r\n{}"),
}


@pytest.mark.parametrize("name", [*LATE, *EARLY])
async def test_a_reply_that_does_not_come_whole_is_a_refusal_in_time(
    scene: Callable[..., Awaitable[Scene]], name: str
) -> None:
    is_late = name in LATE
    code, status = ("upstream_timeout", 504) if is_late else ("upstream_failed", 502)
    one = await scene()
    one.proxy.fault = LATE[name] if is_late else EARLY[name]
    async with nothing_left():
        got = await one.get()
        result = await one.tool()
    assert (got.status, got.code) == (status, code)
    assert got.problem["detail"]
    assert got.took <= TOTAL + GRACE
    if is_late:
        assert got.took >= TOTAL - 0.05
    assert set(one.tries) == {"timeout" if is_late else "broken"}
    assert one.outcomes == {code: 1}
    assert result["isError"]
    assert code in str(result)
    assert "planted-secret" not in str(got.problem) + str(result)
    # The fault is over: the next call is answered, over a connection that has nothing of it.
    one.proxy.fault = FINE
    if one.breaker == "closed":
        assert (await one.get()).status == 200


async def test_a_length_too_short_does_not_become_the_next_callers_answer(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene()
    excess = (
        HEAD + b'Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"foreign"'
    )
    one.proxy.fault = Fault(says=excess)
    first = await one.get()
    assert (first.status, first.body) in {(200, b"{}"), (502, first.body)}
    one.proxy.fault = FINE
    second = await one.get()
    assert b"foreign" not in first.body + second.body
    assert second.status == 200


async def test_an_upstream_that_is_not_there(scene: Callable[..., Awaitable[Scene]]) -> None:
    one = await scene(f"http://127.0.0.1:{closed_port()}")
    async with nothing_left():
        got = await one.get()
    assert (got.status, got.code) == (502, "upstream_failed")
    assert got.took <= TOTAL + GRACE
    assert set(one.tries) == {"connect"}


async def test_a_name_that_nobody_has(scene: Callable[..., Awaitable[Scene]]) -> None:
    one = await scene("http://nothing.invalid")
    async with nothing_left():
        got = await one.get()
    assert (got.status, got.code) in {(502, "upstream_failed"), (504, "upstream_timeout")}
    assert got.took <= TOTAL + GRACE
    assert set(one.tries) <= {"connect", "timeout"}


async def test_a_connection_that_is_never_made(scene: Callable[..., Awaitable[Scene]]) -> None:
    async with deaf() as port:
        one = await scene(f"http://127.0.0.1:{port}", "{total: 3s, connect: 1s}")
        async with nothing_left():
            got = await one.get()
        assert got.code in ("upstream_timeout", "upstream_failed")
        assert got.status in (502, 504)
        assert got.took <= 3.0 + GRACE
        assert set(one.tries) <= {"connect", "timeout"}


async def test_a_reply_that_falls_silent_is_not_waited_for_to_the_end(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(within="{total: 20s, read: 1s}")
    one.proxy.fault = Fault(stall_after=600)
    one.upstream.says(BODY)
    async with nothing_left():
        got = await one.post()  # which is not asked again
    assert (got.status, got.code) == (504, "upstream_timeout")
    assert got.took < 3.0
    assert one.tries == {"timeout": 1}


@pytest.mark.parametrize("kind", ["no TLS", "unknown certificate"])
async def test_tls_that_cannot_be(
    scene: Callable[..., Awaitable[Scene]], kind: str, tmp_path: Path
) -> None:
    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    context = own_context(tmp_path) if kind == "unknown certificate" else None
    server = await asyncio.start_server(nobody, "127.0.0.1", 0, ssl=context)
    async with server:
        one = await scene(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        got = await one.get()
    assert (got.status, got.code) == (502, "upstream_failed")
    assert "TLS" in got.problem["detail"]
    assert got.took <= TOTAL + GRACE
    assert set(one.tries) == {"connect"}


def own_context(directory: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


# --- statuses ------------------------------------------------------------------------------------


def saying(*statuses: int, headers: dict[str, str] | None = None) -> Callable[..., Any]:
    """An upstream that says these statuses in turn, the last one for ever."""
    left: Iterator[int] = iter(statuses)
    last = statuses[-1]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        status = next(left, last)
        return web.json_response(BODY, status=status, headers=headers if status != 200 else None)

    return answer


async def test_a_burst_of_errors_is_asked_through(scene: Callable[..., Awaitable[Scene]]) -> None:
    one = await scene(within="5s")
    one.upstream.answer = saying(500, 503, 200)
    got = await one.get()
    assert got.status == 200
    assert one.tries == {"5xx": 2, "ok": 1}
    assert one.outcomes == {"ok": 1}


async def test_a_write_is_not_asked_again(scene: Callable[..., Awaitable[Scene]]) -> None:
    one = await scene(within="5s")
    one.upstream.answer = saying(500, 200)
    got = await one.post()
    assert got.status == 500
    assert len(one.upstream.received) == 1


async def test_too_many_requests_is_obeyed_where_it_says_how_long(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(within="5s")
    one.upstream.answer = saying(429, 200, headers={"Retry-After": "1"})
    got = await one.get()
    assert got.status == 200
    assert 1.0 <= got.took < 2.5
    one.upstream.answer = saying(429, headers={"Retry-After": "60"})
    got = await one.get()
    assert got.status == 429
    assert got.took < 1.0, "it is not waited for so long"
    assert int(got.headers["Retry-After"]) == 60
    assert one.tries == {"429": 2, "ok": 1}


@pytest.mark.parametrize("said", ["²", "3²", "-5", "1.5", "soon", "99999999999999999999"])
async def test_a_retry_after_that_says_nothing_breaks_nothing(
    scene: Callable[..., Awaitable[Scene]], said: str
) -> None:
    """Over MCP, too, where an upstream's 429 is a result: that is what a model reads."""
    one = await scene(within="5s")
    page = b"<title>Slow down</title>"
    head = f"HTTP/1.1 429 X\r\nContent-Type: text/html\r\nRetry-After: {said}\r\n".encode()
    one.proxy.fault = Fault(says=head + b"Content-Length: %d\r\n\r\n" % len(page) + page)
    got, result = await one.post(), await one.tool()
    assert (got.status, got.code) == (429, "upstream_error")
    assert "Slow down" in got.problem["detail"]
    wanted = 365 * 86_400 if said.isascii() and said.isdigit() else None
    assert got.problem.get("retry_after") == wanted
    assert result["isError"]
    assert "Slow down" in str(result)


async def test_too_many_requests_without_a_word_is_tried_a_little_later(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(within="5s")
    one.upstream.answer = saying(429, 200)
    assert (await one.get()).status == 200
    one.upstream.answer = saying(429)
    got = await one.get()
    assert got.status == 429
    assert got.problem


async def test_an_upstream_that_is_down_is_left_alone_and_found_again(
    scene: Callable[..., Awaitable[Scene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.care.breaker.FIRST", 0.5)
    one = await scene()
    one.proxy.fault = Fault(reset_after=0)
    codes = [(await one.get()).code for _ in range(12)]
    assert codes[0] == "upstream_failed"
    assert codes[-1] == "upstream_busy"
    assert one.breaker == "open"
    asked = one.proxy.connections
    refused = await one.get()
    assert (refused.status, refused.code) == (503, "upstream_busy")
    assert refused.took < 0.2
    assert int(refused.headers["Retry-After"]) >= 1
    assert one.proxy.connections == asked, "nobody asks what is down"
    one.proxy.fault = FINE
    deadline = time.monotonic() + 10
    while (await one.get()).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert one.breaker == "closed"


async def test_an_upstream_that_comes_and_goes_never_fails_a_read_for_long(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(within="5s")
    one.proxy.script = [Fault(reset_after=0) if n % 13 == 1 else FINE for n in range(400)]
    one.upstream.answer = closing
    seen = [(await one.get()).status for _ in range(30)]
    assert seen == [200] * 30
    assert one.breaker == "closed"


async def closing(_: web.BaseRequest) -> web.StreamResponse:
    """Answer, and end the connection: the next call makes one of its own."""
    return web.json_response(BODY, headers={"Connection": "close"})


async def test_what_is_stored_stands_in_while_nothing_comes(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(cache="{ttl: 1s, stale: 1h}")
    assert (await one.get()).status == 200
    await asyncio.sleep(1.1)
    for fault in (Fault(stall_after=0), Fault(reset_after=0), Fault(says=b"?\r\n\r\n")):
        one.proxy.fault = fault
        for _ in range(6):  # and when the upstream is left alone, too
            got = await one.get()
            assert got.status == 200
            assert got.took <= TOTAL + GRACE


# --- many at once --------------------------------------------------------------------------------


async def test_no_call_outlives_its_deadline_however_many_there_are(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene()
    one.proxy.fault = Fault(stall_after=0)
    async with nothing_left():
        every = await asyncio.gather(*(one.get() for _ in range(200)))
    assert {got.status for got in every} <= {503, 504}
    assert max(got.took for got in every) <= TOTAL + GRACE


async def test_callers_who_leave_leave_nothing_behind(
    scene: Callable[..., Awaitable[Scene]],
) -> None:
    one = await scene(within="20s")
    one.proxy.fault = Fault(stall_after=0)
    async with nothing_left():
        calls = [asyncio.create_task(one.get()) for _ in range(50)]
        await asyncio.sleep(0.3)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    one.proxy.fault = FINE
    assert (await one.get()).status == 200


# --- more than one request for a call ------------------------------------------------------------

LIST = """\
    plugin: frail
    contact: a@example.com
    cache: no
    upstream: {{url: "{url}", timeout: 1s, limit: {limit}}}
    operations:
      getList:
        call: GET /list
        description: Read.
        parameters: {{page: {{in: query, type: integer}}}}
        returns: {{type: object, properties: {{rows: {{type: array, items: {{type: integer}}}}}}}}
        paginate: {{items: rows, page: page}}
"""


async def test_a_page_that_does_not_come_is_told_of_and_counted(
    serve: Serve, upstream: Upstream
) -> None:
    silent = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "page=" in request.raw_path:
            await silent.wait()
        return web.json_response({"rows": [1, 2]})

    upstream.answer = answer
    client = await serve(LIST.format(url=upstream.url, limit="no"))
    one = Scene(client, upstream, FaultProxy())
    async with nothing_left():
        got = await one._timed(client.get("/frail/list", headers=ONCE))
        silent.set()
    assert (got.status, json.loads(got.body)["rows"]) == (200, [1, 2])
    assert json.loads(got.body)["_shrunk"]["pages"]["failed"] == "upstream_timeout"
    assert got.took <= TOTAL + GRACE
    assert one.tries == {"ok": 1, "timeout": 1}
    known = client.gateway._shared.upstreams._known.values()
    assert [each.breaker.recent for each in known] == [(2, 1)]


async def test_each_request_of_a_call_counts_against_the_limit(
    serve: Serve, upstream: Upstream
) -> None:
    """Pages and repeats wait for their turn; where a redirect leads is asked in any case."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path.startswith("/list/"):
            return web.json_response({"rows": [len(upstream.received)]})
        return web.Response(status=307, headers={"Location": path.replace("/list", "/list/")})

    upstream.answer = answer
    client = await serve(LIST.format(url=upstream.url, limit="3/min"))
    got = await client.get("/frail/list")
    assert (got.status, len(upstream.received)) == (200, 4)  # two pages, each in two requests
    refused = await client.get("/frail/list")
    assert (refused.status, refused.json()["code"]) == (503, "upstream_limited")
    assert len(upstream.received) == 4


# --- who shares what -----------------------------------------------------------------------------


async def test_all_faces_and_profiles_share_what_is_known_of_an_upstream(
    scene: Callable[..., Awaitable[Scene]], serve: Serve
) -> None:
    one = await scene()
    one.proxy.fault = Fault(reset_after=0)
    while one.breaker == "closed":
        await one.get()
    asked = one.proxy.connections
    for address in ("/frail/item", "/frail/as/claude/item", "/frail/as/actions/item"):
        got = await one.client.get(address)
        assert (got.status, got.json()["code"]) == (503, "upstream_busy")
    assert "upstream_busy" in str(await one.tool())
    assert one.proxy.connections == asked
    # Another plugin's calls tell for themselves.
    text = PLUGIN.replace("frail", "other").format(url=one.proxy.url, timeout="1s", cache="no")
    other = await serve(text)
    assert (await other.get("/other/item")).json()["code"] == "upstream_failed"


async def test_names_whose_server_is_silent_keep_nobody_elses_waiting(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of them there are."""
    upstream.says(BODY)
    known, heard = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: str, *args: Any, **hints: Any) -> Any:
        if str(host).endswith(".example"):
            heard.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return known(host, *args, **hints)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    plugins = [
        PLUGIN.replace("frail", f"lost{n}").format(
            url=f"http://lost{n}.example", timeout="1s", cache="no"
        )
        for n in range(40)
    ]
    here = upstream.url.replace("127.0.0.1", "localhost")
    client = await serve(*plugins, PLUGIN.format(url=here, timeout="1s", cache="no"))
    lost = [asyncio.create_task(client.get(f"/lost{n}/item")) for n in range(40)]
    await asyncio.sleep(0.1)
    assert (await client.get("/frail/item")).status == 200
    assert {(await one).status for one in lost} == {504}
    heard.set()
