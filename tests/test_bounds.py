"""Every bound of a request and an answer at its edge: what is refused, how, and what still goes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from gateway.cli import main
from gateway.connections import IDLE_SECONDS, MAX_FIELD, MAX_FIELDS, MAX_HEADERS, MAX_TARGET
from gateway.errors import BadArguments
from gateway.faces.bodies import parse
from gateway.incoming import MAX_BODY
from gateway.pipeline import exchange
from gateway.request.bounded import MAX_DEPTH, MAX_VALUES
from tests.conftest import Client, Serve, Upstream

THINGS = """
plugin: shop
contact: a@example.com
cache: no
{more}
upstream: {{url: "{url}", max_bytes: 16MiB}}
operations:
  getThings:
    call: GET /things
    description: All things.
    parameters:
      q: {{in: query, type: string}}
      n: {{in: query, type: integer}}
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{a: {{}}}}}}
"""


async def said(client: Client, request: bytes) -> tuple[int, dict[str, object]]:
    """Status and problem of what the gateway answers, whether or not it takes all of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(request)
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    status = int(head.split()[1])
    if status >= 400:
        assert b"application/problem+json" in head
    return status, json.loads(body)


def request(*lines: str, target: str = "/things") -> bytes:
    head = (f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, "", "")
    return "\r\n".join(head).encode()


async def shop(serve: Serve, upstream: Upstream, more: str = "", **options: object) -> Client:
    return await serve(THINGS.format(url=upstream.url, more=more), **options)


def field(size: int, name: str = "X-Long") -> str:
    return f"{name}: " + "x" * (size - len(name))


@pytest.mark.parametrize(
    ("sent", "status", "code", "words"),
    [
        (request(target="/things?q=" + "x" * (MAX_TARGET - 10)), 200, None, ""),
        (request(target="/things?q=" + "x" * (MAX_TARGET - 9)), 414, "target_too_long", "8,190"),
        (request(target="/things?q=" + "x" * 500_000), 414, "target_too_long", "/call/"),
        (request(field(MAX_FIELD - 9)), 200, None, ""),
        (request(field(MAX_FIELD + 9)), 431, "headers_too_large", "8,192 bytes"),
        (request(*["X: y"] * (MAX_FIELDS - 2)), 200, None, ""),
        (request(*["X: y"] * (MAX_FIELDS - 1)), 431, "headers_too_large", "more than 100"),
        (request(*[field(8000)] * 4), 200, None, ""),
        (request(*[field(8000)] * 5), 431, "headers_too_large", f"{MAX_HEADERS:,}"),
    ],
)
async def test_a_head_beyond_its_bounds(
    serve: Serve, upstream: Upstream, sent: bytes, status: int, code: str | None, words: str
) -> None:
    client = await shop(serve, upstream)
    got, problem = await said(client, sent)
    assert (got, problem.get("code")) == (status, code)
    assert words in str(problem.get("detail", ""))
    assert (await client.get("/things")).status == 200


async def test_a_head_is_bounded_behind_another_request_too(
    serve: Serve, upstream: Upstream
) -> None:
    go_on, is_asked = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        is_asked.set()
        await go_on.wait()
        return web.json_response({})

    upstream.answer = answer
    client = await shop(serve, upstream)
    second = request(*[field(8000)] * 5)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(request().replace(b"Connection: close\r\n", b""))
    async with asyncio.timeout(5):
        await is_asked.wait()
        writer.write(second[:20_000])
        await asyncio.sleep(0.05)
        writer.write(second[20_000:])
        await asyncio.sleep(0.05)
        go_on.set()
        got = [(await reader.readuntil(b"\r\n\r\n")).split()[1]]
        await reader.readuntil(b"HTTP/1.0 ")
        got.append((await reader.readline()).split()[0])
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    assert got == [b"200", b"431"]


@pytest.mark.parametrize("before", [1, 3, 50])
async def test_a_head_that_began_with_other_requests_is_bounded(
    serve: Serve, upstream: Upstream, before: int
) -> None:
    client = await shop(serve, upstream)
    first, last = request().replace(b"Connection: close\r\n", b""), request(*[field(8000)] * 5)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    async with asyncio.timeout(5):
        writer.write(first * before + last[:20_000])
        for _ in range(before):
            assert b"HTTP/1.1 200 OK" in await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)  # all is done that was asked
        writer.write(last[20_000:])
        await reader.readuntil(b"HTTP/1.0 ")
        assert (await reader.readline()).split()[0] == b"431"
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_head_that_does_not_end_is_refused_before_its_end(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(b"GET /things HTTP/1.1\r\nHost: a\r\n")
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    with contextlib.suppress(ConnectionError):
        for number in range(20):
            writer.write(f"X-{number}: {'x' * 4000}\r\n".encode())
            await writer.drain()
            await asyncio.sleep(0.01)
            if answer.done():
                break
    async with asyncio.timeout(5):
        assert (await answer).split()[1] == b"431"
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_connection_without_a_request_is_closed_in_the_end(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    _, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(b"GET /things HTTP/1.1\r\n")
    await asyncio.sleep(0.05)
    server = client.gateway._runner.server  # type: ignore[union-attr]
    (handler,) = server.connections
    loop = asyncio.get_running_loop()
    assert handler._keepalive_handle.when() - loop.time() <= IDLE_SECONDS
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("bound", [MAX_BODY, 3 * MAX_BODY, 1000])
async def test_a_body_beyond_its_bound(
    serve: Serve, upstream: Upstream, chunked: bool, bound: int
) -> None:
    client = await shop(serve, upstream, **({} if bound == MAX_BODY else {"max_body": bound}))

    async def pieces(body: bytes):  # type: ignore[no-untyped-def]
        yield body

    for extra in (0, 1):
        body = b'{"a":"' + b"x" * (bound - 8 + extra) + b'"}'
        data = pieces(body) if chunked else io.BytesIO(body)
        got = await client.post("/things", data=data, headers={"Content-Type": "application/json"})
        assert (got.json().get("code") == "body_too_large") is bool(extra)
    assert got.status == 413
    assert f"{bound:,} bytes" in got.json()["detail"]
    assert "--max-body" in got.json()["detail"]


async def test_nobody_is_told_to_send_a_body_that_is_too_large(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    sent = request("Expect: 100-continue", f"Content-Length: {MAX_BODY + 1}").replace(
        b"GET", b"POST"
    )
    assert (await said(client, sent))[0] == 413


async def test_calls_under_way_are_bounded(serve: Serve, upstream: Upstream) -> None:
    go_on, is_full = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if len(upstream.received) == 2:
            is_full.set()
        await go_on.wait()
        return web.json_response({})

    upstream.answer = answer
    client = await shop(serve, upstream, max_calls=2)
    calls = [asyncio.create_task(client.get("/things")) for _ in range(2)]
    await is_full.wait()
    got = await client.get("/things")
    assert (got.status, got.json()["code"]) == (503, "overloaded")
    assert got.headers["Retry-After"] == "1"
    go_on.set()
    assert [(await call).status for call in calls] == [200, 200]


async def test_a_call_is_under_way_while_its_body_comes(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream, max_calls=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    head = request("Content-Type: application/json", "Content-Length: 9").replace(b"GET", b"POST")
    writer.write(head + b'{"a":')
    async with asyncio.timeout(5):
        statuses = [(await client.get("/things")).status for _ in range(9)]
        assert statuses[-1] == 503  # the first may have come before the body
        writer.write(b'"b"}')
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()
    assert (await client.get("/things")).status == 200


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (nested(MAX_DEPTH), ""),
        (nested(MAX_DEPTH + 1), "nested too deeply: at most 100 levels"),
        (b"[" * 1_000_000, "values"),
        (b"[" * 1000, "nested too deeply"),
        (b'{"a":"' + b"[{," * 300_000 + b'"}', ""),  # in a text they are no values
        (b'{"a":"' + rb"\"[{," * 200_000 + b'"}', ""),
        (b'{"a":' + b"[[1],[2]]" * 1 + b"}", ""),
        (b"[" + b"1," * (MAX_VALUES - 10) + b"1]", ""),
        (b"[" + b"1," * MAX_VALUES + b"1]", "more than 100,000 values"),
        (b"[" + b"{}," * MAX_VALUES + b"{}]", "more than 100,000 values"),
        (b'"' + rb"\"" * 500_000, "not JSON"),  # nothing is looked at twice
    ],
)  # fmt: skip
def test_a_body_of_too_many_values_or_levels(body: bytes, words: str) -> None:
    if words:
        with pytest.raises(BadArguments, match=words):
            parse(body)
    else:
        parse(body)


@pytest.mark.parametrize("levels", [90, 100, 500, 900, 980, 1000, 4000])
async def test_no_nesting_is_a_fault_of_ours(serve: Serve, upstream: Upstream, levels: int) -> None:
    client = await shop(serve, upstream)
    deep = "[" * levels + "]" * levels
    assert (await client.get(f"/things?n={deep}")).status in (200, 400)
    body = {"data": '{"a":' + deep + "}", "headers": {"Content-Type": "application/json"}}
    for target in ("/things", "/call/addThing"):
        got = await client.post(target, **body)
        assert got.status == (200 if levels < MAX_DEPTH else 400)


@pytest.mark.parametrize("more", ["budget: no", "", "drop: [empty]", "limit_items: {a: 3}"])
@pytest.mark.parametrize("levels", [100, 900, 2000, 1_000_000])
async def test_an_answer_may_be_nested_without_end(
    serve: Serve, upstream: Upstream, more: str, levels: int
) -> None:
    if "limit_items" in more:
        config = THINGS.format(url=upstream.url, more="").replace(
            "All things.", f"All.\n    {more}"
        )
        client = await serve(config)
    else:
        client = await shop(serve, upstream, more)
    upstream.says(b'{"a":' + b"[" * levels + b"]" * levels + b"}", content_type="application/json")
    got = await client.get("/things")
    assert got.status in (200, 502)
    assert got.status == 200 or got.json()["code"] == "upstream_failed"
    upstream.says({})
    assert (await client.get("/things")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {f"X-{number}": "y" for number in range(exchange.MAX_FIELDS + 1)},
        {"X-Long": "y" * (exchange.MAX_LINE + 1)},
    ],
)
async def test_headers_of_an_answer_are_bounded(
    serve: Serve, upstream: Upstream, headers: dict[str, str]
) -> None:
    client = await shop(serve, upstream)
    upstream.says({}, headers=headers)
    got = await client.get("/things")
    assert (got.status, got.json()["code"]) == (502, "reply_too_large")
    assert "128 headers" in got.json()["detail"]
    upstream.says({}, headers=dict(list(headers.items())[:90]) if len(headers) > 1 else {})
    assert (await client.get("/things")).status == 200


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--max-body", "10MB", "a size such as"),
        ("--max-body", "0B", "a size such as"),
        ("--max-calls", "0", "not in the range"),
    ],
)
def test_an_option_says_what_it_takes(option: str, value: str, words: str, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(THINGS.format(url="http://127.0.0.1:1", more=""))
    variable = "GATEWAY_" + option[2:].replace("-", "_").upper()
    for arguments, env in (([option, value], {}), ([], {variable: value})):
        result = CliRunner().invoke(main, ["serve", str(config), *arguments], env=env)
        assert result.exit_code == 2
        assert words in " ".join(result.output.split())
