"""What no well-behaved peer sends: upstreams and callers that are written byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import Client, Serve

THINGS = """
plugin: shop
contact: a@example.com
cache: no
upstream: {{url: "{url}/v1", timeout: 5s}}
{more}
operations:
  getThings:
    call: GET /things
    description: All things.
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{name: {{type: string}}}}}}
"""
ONE = """
plugin: shop
contact: a@example.com
cache: 60s
upstream: {{url: "{url}/v1"}}
operations:
  getThing:
    call: GET /things/{{id}}
    description: A thing.
    parameters: {{id: {{in: path, type: string, required: true, description: Which}}}}
"""
GET = b"GET /things HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
POST = (
    b"POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    b'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"a"}'
)


def reply(body: bytes, *headers: str, status: int = 200) -> bytes:
    lines = (f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode("latin-1") + body


@contextlib.asynccontextmanager
async def upstream_that_says(answer: bytes) -> AsyncIterator[str]:
    """An upstream that answers every request with these bytes and closes."""

    tasks = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await reader.read(65536)  # one segment holds them
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.gather(*filter(None, tasks))


async def said(client: Client, request: bytes) -> tuple[int, str, bytes]:
    """Status, head and body of what the gateway answers on a connection of its own."""
    parts = urlsplit(client.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    async with asyncio.timeout(5):
        got = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert got, "the gateway hung up without an answer"
    head, _, body = got.partition(b"\r\n\r\n")
    return int(got.split()[1]), head.decode(), body


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(b"{}", "Content-Type: application/json", "Age: 3\x01"), 200),
        (reply(b"{}", "Content-Type: application/json", "Age: \xff"), 200),
        (reply(b"{}", "Content-Type: application/json; a=\x01"), 200),
        (reply(b"{}", "Content-Type: application/json; a=\x01", status=404), 404),
        (reply(b"{}", "Content-Type: application/json; a=\xff", status=404), 404),
    ],
)
async def test_what_cannot_be_written_again_is_left_out(
    answer: bytes, status: int, serve: Serve
) -> None:
    async with upstream_that_says(answer) as url:
        got, head, body = await said(await serve(THINGS.format(url=url, more="")), GET)
    assert (got, body) == (status, b"{}")
    assert "Content-Type: application/json" in head
    assert "Age:" not in head


@pytest.mark.parametrize("location", ["http://[::1/", "//[x]/", "http://[", "/a\x01", ""])
async def test_a_redirect_to_no_address_is_refused(location: str, serve: Serve) -> None:
    async with upstream_that_says(reply(b"", f"Location: {location}", status=302)) as url:
        status, _, body = await said(await serve(THINGS.format(url=url, more="")), GET)
    assert (status, json.loads(body)["code"]) == (502, "redirect_refused")


@pytest.mark.parametrize("name", ["Location", "ETag", "Content-Type"])
@pytest.mark.parametrize("value", ["/v1/things/\x01", "/v1/things/\x7f", "/v1/things/\xe9"])
async def test_what_cannot_stand_in_a_head_is_left_out_of_stored_answers_too(
    name: str, value: str, serve: Serve
) -> None:
    kept = "Cache-Control: max-age=60"
    async with upstream_that_says(reply(b"{}", kept, f"{name}: {value}")) as url:
        client = await serve(ONE.format(url=url))
        for number in range(3):
            got = await client.get("/things/1")  # the connection stays
            assert (got.status, got.body) == (200, b"{}")
            assert ("Age" in got.headers) is bool(number)
            assert "things" not in got.headers.get(name, "")
    assert not client.gateway.door.calls


def coded(*codings: str, body: bytes) -> bytes:
    return reply(
        body, "Content-Type: application/json", *(f"Content-Encoding: {one}" for one in codings)
    )


ZIPPED = gzip.compress(b"{}")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (coded("gzip", body=ZIPPED), 200),
        (coded("x-GZip ", body=ZIPPED), 200),
        (coded("gzip", body=gzip.compress(b"{") + gzip.compress(b"}")), 200),
        (coded("deflate", body=zlib.compress(b"{}")), 200),
        (coded("deflate", body=zlib.compress(b"{}")[2:-4]), 200),
        (coded("gzip, gzip", body=gzip.compress(ZIPPED)), 502),
        (coded("gzip", "gzip", body=gzip.compress(ZIPPED)), 502),
        (coded("gzip", "br", body=ZIPPED), 502),
        (coded("br", body=b"{}"), 502),
        (coded("zstd", body=b"{}"), 502),
        (coded("gzip", body=b"{}"), 502),
        (coded("gzip", body=ZIPPED[:-1]), 502),
        (coded("gzip", body=ZIPPED + b"more"), 502),
        (coded("gzip", body=gzip.compress(b" " * 100_000_000)), 502),
    ],
)
async def test_a_coded_reply_is_decoded_or_refused(
    answer: bytes, status: int, serve: Serve
) -> None:
    async with upstream_that_says(answer) as url:
        got, _, body = await said(await serve(THINGS.format(url=url, more="")), GET)
    assert got == status
    if status == 200:
        assert body == b"{}"


@pytest.mark.parametrize("answer", [b"", b"{}\r\n\r\n", reply(b"{}")[:-1]])
async def test_only_a_read_is_to_be_tried_again(answer: bytes, serve: Serve) -> None:
    async with upstream_that_says(answer) as url:
        client = await serve(THINGS.format(url=url, more=""))
        read, write = [await said(client, request) for request in (GET, POST)]
    assert (read[0], write[0]) == (502, 502)
    assert json.loads(read[2])["detail"].endswith(" Try again.")
    assert json.loads(write[2])["detail"].endswith(
        " It may have been carried out all the same: look before you try again."
    )


async def test_an_upstream_that_speaks_no_tls_is_for_the_operator(serve: Serve) -> None:
    async with upstream_that_says(reply(b"", status=400)) as url:
        client = await serve(THINGS.format(url=url.replace("http:", "https:"), more=""))
        status, _, body = await said(client, GET)
    assert status == 502
    assert "Try again" not in json.loads(body)["detail"]


async def test_a_body_that_is_held_back_is_asked_for(serve: Serve) -> None:
    head, _, body = POST.partition(b"\r\n\r\n")
    async with upstream_that_says(reply(b"{}", "Content-Type: application/json")) as url:
        parts = urlsplit((await serve(THINGS.format(url=url, more=""))).base)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("key", [b"a\xffb", b"a\x85b", b"a b"])
async def test_a_credential_that_cannot_be_passed_on_as_it_is_is_refused(
    key: bytes, serve: Serve
) -> None:
    more = "auth: {user: {scheme: bearer}}"
    async with upstream_that_says(reply(b"{}", "Content-Type: application/json")) as url:
        client = await serve(THINGS.format(url=url, more=more))
        one = GET.replace(b"Connection", b"Authorization: Bearer %b\r\nConnection" % key)
        assert (await said(client, one))[0] == 401
        assert (await said(client, one.replace(key, "é".encode())))[0] == 200
