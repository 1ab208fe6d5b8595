"""What callers get of upstreams that fail, over real sockets, and what is counted."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from gateway.config import read_configs
from gateway.pipeline.call import Call
from gateway.telemetry.counted import UpstreamCounts
from tests.conftest import Client, Response, Serve, Upstream
from tests.fault_proxy import closed_port, deaf

PLUGIN = """
plugin: shop
upstream: {{url: "{url}"{upstream}}}
cache: {cache}
budget: no
operations:
  getItem: {{call: GET /item, description: One.}}
  putItem: {{call: PUT /item, description: Change.}}
  addItem: {{call: POST /item, description: Add.}}
  getFile: {{call: GET /file, description: A file., returns: {{}}}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Raw:
    """A server that says exactly the bytes it is told to, one script for each connection."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[Handler | bytes] = []
        self.otherwise: Handler | bytes = OK
        self.connections = 0
        self.tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        said = self.script.pop(0) if self.script else self.otherwise
        try:
            await reader.readuntil(b"\r\n\r\n")
            if isinstance(said, bytes):
                writer.write(said)
                await writer.drain()
            else:
                await said(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    one = Raw()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield one
    server.close()
    for task in list(one.tasks):
        task.cancel()
    await server.wait_closed()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the gateway gives up


async def loris(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A head that never ends, byte by byte."""
    writer.write(HEAD + b"X: ")
    while not reader.at_eof():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, byte by byte."""
    writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while not reader.at_eof():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n{")
    await writer.drain()
    ours = writer.get_extra_info("socket")
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def config(url: str, upstream: str = "", cache: str = "no") -> str:
    return PLUGIN.format(url=url, upstream=upstream and f", {upstream}", cache=cache)


def counts(client: Client) -> UpstreamCounts:
    known = list(client.gateway._shared.counts._upstreams.items())
    [one] = [one for (plugin, _), one in known if plugin == "shop"]
    return one


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def at_rest(client: Client) -> bool:
    shared = client.gateway._shared
    return all(
        (one.places.taken, one.places.waiting) == (0, 0) for one in shared.upstreams._known.values()
    )


def refused(response: Response, status: int, code: str, *words: str) -> None:
    problem = response.json()
    assert (response.status, problem["code"]) == (status, code)
    assert all(word in problem["detail"] for word in words), problem["detail"]
    assert "127.0.0.1" not in response.body.decode()


# --- no connection ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_refused(serve: Serve, method: str) -> None:
    client = await serve(config(f"http://127.0.0.1:{closed_port()}"))
    refused(await client.request(method, "/item"), 502, "upstream_failed", "cannot be reached")
    assert counts(client).tries == {"connect": 3}
    assert counts(client).retries == {"connect": 2}
    assert at_rest(client)


async def test_slow_to_connect(serve: Serve) -> None:
    async with deaf() as port:
        url = f"http://127.0.0.1:{port}"
        limits = "timeout: {total: 5s, connect: 100ms}, retries: 1"
        client = await serve(config(url, limits))
        response = await client.post("/item")
        refused(response, 504, "upstream_timeout", "No connection", "0.1 seconds", "nothing was")
        assert counts(client).tries == {"connect": 2}


async def test_slow_to_connect_until_the_calls_time_is_over(serve: Serve) -> None:
    async with deaf() as port:
        client = await serve(config(f"http://127.0.0.1:{port}", "timeout: 200ms"))
        response = await client.post("/item")
        refused(response, 504, "upstream_timeout", "No connection", "nothing was sent")
        assert counts(client).tries == {"connect": 1}


async def test_a_name_that_leads_nowhere(serve: Serve) -> None:
    client = await serve(config("http://a..example", "retries: 1"))
    refused(await client.get("/item"), 502, "upstream_failed", "cannot be reached")
    assert counts(client).tries == {"connect": 2}


async def test_what_does_not_speak_tls_is_the_operators_to_mend(
    upstream: Upstream, serve: Serve
) -> None:
    client = await serve(config(upstream.url.replace("http:", "https:")))
    refused(await client.get("/item"), 502, "upstream_failed", "No TLS connection")
    assert counts(client).tries == {"connect": 1}


async def test_a_handshake_that_does_not_end_is_a_connection_that_is_not_made(
    raw: Raw, serve: Serve
) -> None:
    limits = "timeout: {connect: 200ms}, retries: 1"
    client = await serve(config(raw.url.replace("http:", "https:"), limits))
    response = await client.post("/item")
    refused(response, 504, "upstream_timeout", "No connection", "nothing was sent")
    assert raw.connections == 2


async def test_what_was_carried_out_before_the_connection_failed_is_not_repeated(
    serve: Serve,
) -> None:
    """A POST that is answered with 303, and behind it nobody any more."""
    posts = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal posts
        posts += (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST")
        server.close()
        writer.write(
            b"HTTP/1.1 303 See Other\r\nLocation: /item\r\nConnection: close\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = await serve(config(url, "retries: 3"))
    refused(await client.post("/item"), 502, "upstream_failed", "cannot be reached")
    assert posts == 1
    assert counts(client).tries == {"broken": 1}
    await server.wait_closed()


# --- no reply ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [silent, loris, dripping])
async def test_a_call_ends_when_its_time_is_over(raw: Raw, serve: Serve, fault: Handler) -> None:
    raw.otherwise = fault
    client = await serve(config(raw.url, "timeout: 300ms"))
    async with asyncio.timeout(3):
        refused(await client.get("/item"), 504, "upstream_timeout", "within the 0.3 seconds")
    assert raw.connections == 1
    assert counts(client).tries == {"timeout": 1}
    assert at_rest(client)


async def test_silence_is_bounded_before_the_head(raw: Raw, serve: Serve) -> None:
    raw.otherwise = silent
    client = await serve(config(raw.url, "timeout: {read: 100ms}"))
    async with asyncio.timeout(5):
        refused(await client.get("/item"), 504, "upstream_timeout", "silent for 0.1 seconds")
        response = await client.post("/item")
    refused(response, 504, "upstream_timeout", "silent for 0.1", "may have been carried out")
    assert raw.connections == 2


async def test_silence_is_bounded_within_the_body(raw: Raw, serve: Serve) -> None:
    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 10\r\n\r\n{")
        await reader.read()

    raw.otherwise = stalls
    client = await serve(config(raw.url, "timeout: {read: 100ms}"))
    async with asyncio.timeout(5):
        refused(await client.get("/item"), 504, "upstream_timeout", "silent for 0.1 seconds")


async def test_who_is_slow_but_never_silent_is_waited_for(raw: Raw, serve: Serve) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(len(OK)):
            writer.write(OK[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0.01)

    raw.otherwise = slow
    client = await serve(config(raw.url, "timeout: {read: 500ms}"))
    assert (await client.get("/item")).status == 200


async def test_silence_counts_from_the_last_interim_reply(raw: Raw, serve: Serve) -> None:
    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
        await reader.read()

    raw.otherwise = hints
    client = await serve(config(raw.url, "timeout: {read: 100ms}"))
    async with asyncio.timeout(5):
        refused(await client.get("/item"), 504, "upstream_timeout", "silent")


async def test_silence_on_a_kept_connection_is_not_taken_for_its_end(
    raw: Raw, serve: Serve
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()

    raw.otherwise = once
    client = await serve(config(raw.url, "timeout: {read: 200ms}"))
    assert (await client.get("/item")).status == 200
    refused(await client.get("/item"), 504, "upstream_timeout", "silent")
    assert raw.connections == 1


async def test_an_idle_connection_may_be_silent(upstream: Upstream, serve: Serve) -> None:
    client = await serve(config(upstream.url, "timeout: {read: 100ms}"))
    assert (await client.get("/item")).status == 200
    await asyncio.sleep(0.3)
    assert (await client.get("/item")).status == 200
    assert len(upstream.received) == 2
    assert counts(client).tries == {"ok": 2}


# --- broken replies ---------------------------------------------------------------------------

CUT = {
    "at once": b"",
    "within the head": HEAD[:-9],
    "short of its length": HEAD + b"Content-Length: 100\r\n\r\n{}",
    "within a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
    "between chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "reset": reset,
}


@pytest.mark.parametrize("said", CUT.values(), ids=CUT.keys())
async def test_a_reply_that_is_cut_off_is_asked_for_again(
    raw: Raw, serve: Serve, said: bytes | Handler
) -> None:
    raw.script = [said, said]
    client = await serve(config(raw.url))
    response = await client.get("/item")
    assert (response.status, response.body) == (200, b"{}")
    assert raw.connections == 3
    assert counts(client).tries == {"broken": 2, "ok": 1}
    assert at_rest(client)


@pytest.mark.parametrize("said", CUT.values(), ids=CUT.keys())
async def test_but_never_for_a_post(raw: Raw, serve: Serve, said: bytes | Handler) -> None:
    raw.otherwise = said
    client = await serve(config(raw.url, "retries: 5"))
    response = await client.post("/item")
    refused(response, 502, "upstream_failed", "may have been carried out")
    assert raw.connections == 1


@pytest.mark.parametrize(
    "said",
    [b"\x00\xff\x00\xffgarbage\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", OK.replace(b"2\r", b"-2\r")],
    ids=["bytes", "another protocol", "a length below 0"],
)
async def test_what_is_not_http_is_not_asked_for_again(raw: Raw, serve: Serve, said: bytes) -> None:
    raw.otherwise = said
    client = await serve(config(raw.url))
    refused(await client.get("/item"), 502, "upstream_failed", "not valid HTTP")
    assert raw.connections == 1
    assert counts(client).tries == {"broken": 1}


# --- error replies ----------------------------------------------------------------------------


async def test_a_read_comes_through_errors_that_pass(upstream: Upstream, serve: Serve) -> None:
    said = [500, 503, 200]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({}, status=said[len(upstream.received) - 1])

    upstream.answer = answer
    client = await serve(config(upstream.url))
    assert (await client.get("/item")).status == 200
    assert counts(client).tries == {"5xx": 2, "ok": 1}
    assert counts(client).retries == {"5xx": 2}


async def test_a_put_is_repeated_with_its_body_where_the_operator_says_so(
    upstream: Upstream, serve: Serve
) -> None:
    said = [503, 200]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({}, status=said[len(upstream.received) - 1])

    upstream.answer = answer
    text = config(upstream.url, "retries: 1").replace(
        "PUT /item,", "PUT /item, body: {type: object, properties: {a: {type: integer}}},"
    )
    client = await serve(text)
    assert (await client.request("PUT", "/item", json={"a": 1})).status == 200
    first, second = upstream.received
    assert first.body == second.body == b'{"a":1}'
    assert first.headers == second.headers


async def test_429_says_when(upstream: Upstream, serve: Serve) -> None:
    upstream.says({}, status=429, headers={"Retry-After": "30"})
    client = await serve(config(upstream.url))
    response = await client.get("/item")
    assert (response.status, response.headers["Retry-After"]) == (429, "30")
    assert len(upstream.received) == 1
    assert counts(client).tries == {"429": 1}


async def test_429_that_does_not_say_when_is_asked_again(upstream: Upstream, serve: Serve) -> None:
    upstream.says({}, status=429)
    client = await serve(config(upstream.url))
    assert (await client.get("/item")).status == 429
    assert len(upstream.received) == 3


async def test_an_upstream_that_is_down_is_left_alone(upstream: Upstream, serve: Serve) -> None:
    upstream.says({}, status=503)
    client = await serve(config(upstream.url, "retries: no"))
    for _ in range(5):
        assert (await client.get("/item")).status == 503
    response = await client.get("/item")
    refused(response, 503, "upstream_busy", "left alone", "Wait 5 seconds")
    assert response.headers["Retry-After"] == "5"
    assert len(upstream.received) == 5
    assert counts(client).state == "open"


# --- what stands in ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "upstream_keys", ["retries: no", "retries: no, limit: 2/min"], ids=["busy", "limited"]
)
async def test_a_stored_answer_stands_in_for_a_refusal(
    upstream: Upstream, serve: Serve, upstream_keys: str
) -> None:
    upstream.says({"n": 1}, headers={"Cache-Control": "max-age=0, stale-if-error=60"})
    client = await serve(config(upstream.url, upstream_keys, "1s"))
    assert (await client.get("/item")).status == 200
    upstream.says({}, status=503)
    for _ in range(24):
        response = await client.get("/item")
        assert (response.status, response.json()) == (200, {"n": 1})
    refusals = counts(client).refusals
    assert refusals == ({"limit": 23} if "limit" in upstream_keys else {"open": 5})


async def test_it_stands_in_for_all_who_wait_for_the_same(upstream: Upstream, serve: Serve) -> None:
    upstream.says({"n": 1}, headers={"Cache-Control": "max-age=0, stale-if-error=60"})
    client = await serve(config(upstream.url, "limit: 1/min", "1s"))
    assert (await client.get("/item")).status == 200
    responses = await asyncio.gather(*(client.get("/item") for _ in range(10)))
    assert {(one.status, one.body) for one in responses} == {(200, b'{"n": 1}')}
    assert len(upstream.received) == 1


async def test_without_one_the_quotas_refusal_says_when(upstream: Upstream, serve: Serve) -> None:
    client = await serve(config(upstream.url, "limit: 1/min"))
    assert (await client.get("/item")).status == 200
    response = await client.get("/item")
    refused(response, 503, "upstream_limited", "Nothing was sent", "call again")
    assert 1 <= int(response.headers["Retry-After"]) <= 62


# --- places -----------------------------------------------------------------------------------


@asynccontextmanager
async def reading(client: Client, target: str) -> AsyncIterator[Any]:
    async with client.session.get(client.base + target) as response:
        yield response


async def test_a_body_that_is_passed_on_has_its_place_until_it_ends(
    upstream: Upstream, serve: Serve
) -> None:
    rest = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/item":
            return web.json_response({})
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        await response.write(b"x" * 200_000)
        await rest.wait()
        await response.write(b"x" * 200_000)
        return response

    upstream.answer = answer
    client = await serve(config(upstream.url, "in_flight: 1, timeout: 2s"))
    [shop] = client.gateway._shared.upstreams._known.values()
    async with reading(client, "/file") as response:
        await response.content.readexactly(100_000)
        assert shop.places.taken == 1
        refused(await client.get("/item"), 503, "upstream_busy", "1 calls in flight")
        rest.set()
        assert len(await response.read()) == 300_000
    await until(lambda: not shop.places.taken)
    assert counts(client).tries == {"ok": 1}
    assert counts(client).received == 400_000
    assert (await client.get("/item")).status == 200


async def test_long_answers_to_one_address_leave_places_to_others(
    upstream: Upstream, serve: Serve
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/item":
            return web.json_response({})
        return web.Response(body=b"x" * 9_000_000, content_type="application/octet-stream")

    upstream.answer = answer
    client = await serve(config(upstream.url, "in_flight: 4"))
    [shop] = client.gateway._shared.upstreams._known.values()
    async with reading(client, "/file") as one, reading(client, "/file") as other:
        await one.content.readexactly(100_000)
        await other.content.readexactly(100_000)
        refused(await client.get("/file"), 503, "upstream_busy", "2 long answers are on their way")
        assert shop.places.taken == 2
        assert (await client.get("/item")).status == 200
        one.close()
        other.close()
    await until(lambda: not shop.places.taken)
    assert not shop.passing
    assert len((await client.get("/file")).body) == 9_000_000


async def test_a_body_that_is_passed_on_frees_its_place_when_its_reader_leaves(
    upstream: Upstream, serve: Serve
) -> None:
    upstream.says(b"x" * 9_000_000, content_type="application/octet-stream")
    client = await serve(config(upstream.url, "in_flight: 1"))
    [shop] = client.gateway._shared.upstreams._known.values()
    async with reading(client, "/file") as response:
        await response.content.readexactly(100_000)
        assert shop.places.taken == 1
        response.close()
    await until(lambda: not shop.places.taken)


async def test_a_body_that_breaks_off_on_its_way_counts_as_broken(raw: Raw, serve: Serve) -> None:
    raw.otherwise = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 999999\r\n\r\n" + b"x" * 300_000
    )
    client = await serve(config(raw.url))
    with suppress(Exception):
        await client.get("/file")
    await until(lambda: counts(client).tries == {"broken": 1})
    assert raw.connections == 1
    assert at_rest(client)
    for _ in range(9):  # each begins well and breaks off: half of what was asked
        with suppress(Exception):
            await client.get("/file")
    await until(lambda: counts(client).tries == {"broken": 10})
    assert counts(client).state == "open"


async def test_a_body_that_is_passed_on_is_waited_for_as_long_as_a_call_may_take(
    raw: Raw, serve: Serve
) -> None:
    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: 9999999\r\n\r\n" + b"x" * 100_000
        )
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    raw.otherwise = drips
    client = await serve(config(raw.url, "timeout: 300ms"))
    async with asyncio.timeout(5):  # and not for ever, though no piece is late
        with suppress(Exception):
            await client.get("/file")
        await until(lambda: at_rest(client))


async def test_callers_who_leave_leave_nothing(raw: Raw, serve: Serve) -> None:
    raw.otherwise = silent
    client = await serve(config(raw.url, "in_flight: 2"))
    calls = [asyncio.create_task(client.get("/item")) for _ in range(4)]
    [shop] = client.gateway._shared.upstreams._known.values()
    await until(lambda: (shop.places.taken, shop.places.waiting) == (2, 2))
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await until(lambda: at_rest(client) and not raw.tasks)
    assert counts(client).flying == 0


async def test_a_body_that_nobody_took_frees_its_place(upstream: Upstream, serve: Serve) -> None:
    """Whoever asked for it left at the moment at which it came."""
    upstream.says(b"x" * 9_000_000, content_type="application/octet-stream")
    client = await serve(config(upstream.url, "in_flight: 1"))
    [shop] = client.gateway._shared.upstreams._known.values()
    [site] = client.gateway.door.sites
    assert site.plans is not None
    answer = await site.plans["getFile"](Call({}, {}, "127.0.0.1", whole=False))
    assert answer.rest is not None
    assert shop.places.taken == 1
    del answer
    gc.collect()
    await until(lambda: at_rest(client))
    assert counts(client).flying == 0


async def test_a_reload_does_not_forget_that_an_upstream_is_left_alone(
    upstream: Upstream, serve: Serve
) -> None:
    upstream.says({}, status=503)
    client = await serve(config(upstream.url, "retries: no"))
    for _ in range(5):
        await client.get("/item")
    [file] = [one.file for one in client.gateway.configs]
    client.gateway._plugins.read = lambda: read_configs([file], {})
    file.write_text(file.read_text().replace("One.", "Another."))
    await client.gateway.reload()
    gc.collect()
    assert "Another." in (await client.get("/openapi.yaml")).body.decode()
    refused(await client.get("/item"), 503, "upstream_busy", "left alone")
    file.write_text(file.read_text().replace("retries: no", "retries: no, in_flight: 9"))
    await client.gateway.reload()
    assert (await client.get("/item")).json()["code"] != "upstream_busy"
