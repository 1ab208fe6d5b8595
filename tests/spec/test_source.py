"""A spec is had from a file or a URL: bounded, from its own origin only, else as it was last."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.errors import SpecError, SpecUnavailable
from gateway.spec import kept, source
from gateway.spec.source import Source, fetch

TEXT = b'{"openapi": "3.0.3", "paths": {}}'
READ = {"openapi": "3.0.3", "paths": {}}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """A real server whose answer a test writes; `seen` are the requests it got."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.seen: list[web.Request] = []
        self.answer: Handler | None = None

    def url(self, path: str = "/openapi.json") -> str:
        return str(self.server.make_url("/")).rstrip("/") + path

    def says(self, *, status: int = 200, body: bytes = TEXT, **headers: str) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=sent)

        self.answer = answer


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with serving() as one:
        yield one


def serving() -> _Serving:
    return _Serving()


class _Serving:
    async def __aenter__(self) -> Host:
        async def handle(request: web.Request) -> web.StreamResponse:
            host.seen.append(request)
            assert host.answer is not None
            return await host.answer(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        self.server = TestServer(app)
        await self.server.start_server()
        host = Host(self.server)
        host.says()
        return host

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()


async def get(where: str, state: Path | None = None, **headers: str) -> Source:
    return await fetch(where, base=Path("/nowhere"), headers=headers, state=state)


async def refused(where: str) -> str:
    with pytest.raises(SpecError) as caught:
        await get(where)
    return str(caught.value)


async def delayed(where: str) -> str:
    with pytest.raises(SpecUnavailable) as caught:
        await get(where)
    return str(caught.value)


# --- files ------------------------------------------------------------------------------------


async def test_a_file_is_read_from_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.json").write_bytes(TEXT)
    got = await fetch("specs/a.json", base=tmp_path, headers={}, state=None)
    where = str(tmp_path / "specs" / "a.json")
    assert got == Source(READ, where, home="a.json", root=tmp_path / "specs")


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("none.yaml", "is not there"),
        (".", "is no file"),
        ("/dev/zero", "is no file"),
        ("file:///etc/hosts", "expected a file beside the config or an http(s) URL"),
        ("a\0b", "is not there"),
    ],
)
async def test_what_is_no_file_is_told(tmp_path: Path, where: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        await fetch(where, base=tmp_path, headers={}, state=None)
    assert told in str(caught.value)


async def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(source.MAX_BYTES + 1)
    with pytest.raises(SpecError, match="larger than"):
        await fetch("big.json", base=tmp_path, headers={}, state=None)


# --- URLs -------------------------------------------------------------------------------------


async def test_a_url_is_fetched_with_the_operators_headers(host: Host) -> None:
    got = await get(host.url("/a/openapi.json?key=secret"), Authorization="Bearer t")
    at = host.url("/a/openapi.json")
    assert got == Source(READ, at, from_url=True, home=at)
    (request,) = host.seen
    assert request.headers["Authorization"] == "Bearer t"
    assert request.query["key"] == "secret"
    assert "Cookie" not in request.headers


async def test_a_compressed_spec_is_read(host: Host) -> None:
    title = os.urandom(150_000).hex()
    text = json.dumps({**READ, "info": {"title": title}}).encode()
    host.says(body=gzip.compress(text), Content_Encoding="gzip")
    assert (await get(host.url())).document["info"]["title"] == title


async def test_a_body_of_several_gzip_members_is_read_whole(host: Host) -> None:
    halves = gzip.compress(TEXT[:10]), gzip.compress(TEXT[10:])
    for body in (
        halves[0] + halves[1],
        halves[0] + gzip.compress(b"") * 3 + halves[1],
        halves[0] + b"\0" * 70_000 + halves[1] + b"\0" * 512,
    ):
        host.says(body=body, Content_Encoding="gzip")
        assert (await get(host.url())).document == READ


async def test_gzip_members_are_told_apart_wherever_a_chunk_ends() -> None:
    body = gzip.compress(TEXT[:10]) + b"\0" + gzip.compress(TEXT[10:])
    for step in (1, 2, 3, 7, len(body) // 2):
        reader = source._Gzip()
        chunks = (body[at : at + step] for at in range(0, len(body), step))
        assert b"".join(piece for chunk in chunks for piece in reader.pieces(chunk)) == TEXT
        assert reader.is_whole


async def test_redirects_are_followed_within_the_origin(host: Host) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        steps = int(request.query.get("n", 0))
        if steps:
            response = web.HTTPFound(f"/v2/spec?n={steps - 1}")
            response.set_cookie("tracked", "1")
            raise response
        return web.Response(body=TEXT)

    host.answer = answer
    named = host.url("/spec?n=5").replace("127.0.0.1", "localhost")  # clients keep none for numbers
    got = await get(named, Authorization="k")
    assert got.location == named.replace("/spec?n=5", "/v2/spec")
    assert [request.headers["Authorization"] for request in host.seen] == ["k"] * 6
    assert not any("Cookie" in request.headers for request in host.seen)
    assert "more than 5 times" in await refused(host.url("/spec?n=6"))


async def test_a_redirect_elsewhere_is_refused_with_where_it_points(host: Host) -> None:
    async with serving() as other:
        host.says(status=302, Location=other.url("/openapi.json?token=secret"))
        told = await refused(host.url())
        assert f"write spec: {other.url('/openapi.json')}" in told
        assert "secret" not in told
        assert not other.seen
    host.says(status=301, Location=host.url().replace("http:", "https:"))
    assert "another origin" in await refused(host.url())


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "http://[", "//evil.example/"])
async def test_a_redirect_to_no_address_is_refused(host: Host, location: str) -> None:
    host.says(status=302, Location=location)
    assert "redirects to" in await refused(host.url())


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410])
async def test_an_answer_that_stays_is_an_error(host: Host, status: int) -> None:
    host.says(status=status, body=b"")
    assert str(status) in await refused(host.url())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_an_answer_that_may_pass_is_worth_another_try(host: Host, status: int) -> None:
    host.says(status=status)
    assert str(status) in await delayed(host.url())


async def test_a_web_page_is_an_error(host: Host) -> None:
    host.says(body=b"<!doctype html><title>Docs</title>")
    assert "is a web page" in await refused(host.url())


async def test_nobody_there_is_worth_another_try() -> None:
    async with serving() as gone:
        url = gone.url("/openapi.json?key=secret").replace("http://", "http://user:pass@")
    told = await delayed(url)
    assert "cannot be reached" in told
    assert "secret" not in told
    assert "pass" not in told


@pytest.mark.parametrize("where", ["http://", "http://[", "https://a b/", "http://a:99999/"])
async def test_what_is_no_url_is_an_error(where: str) -> None:
    assert where[:8] in await refused(where)


async def test_a_header_that_cannot_be_sent_is_an_error(host: Host) -> None:
    with pytest.raises(SpecError, match="cannot be asked for"):
        await get(host.url(), Authorization="a\r\nX-Evil: 1")
    assert not host.seen


# --- bounds -----------------------------------------------------------------------------------


async def test_a_bomb_is_noticed_when_it_is_too_large(host: Host) -> None:
    host.says(body=gzip.compress(b" " * (source.MAX_BYTES + 1)), Content_Encoding="gzip")
    assert "sends more than" in await refused(host.url())
    member = gzip.compress(b" " * (source.MAX_BYTES // 2 + 1))
    host.says(body=member + member, Content_Encoding="gzip")
    assert "sends more than" in await refused(host.url())
    host.says(body=gzip.compress(TEXT + b" " * 1_000_000), Content_Encoding="gzip")
    assert (await get(host.url())).document == READ


async def test_endless_padding_is_cut_off(host: Host) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        await response.write(gzip.compress(TEXT))
        while True:
            await response.write(b"\0" * 1024 * 1024)

    host.answer = answer
    assert "sends more than" in await refused(host.url())


async def test_a_host_that_says_nothing_is_worth_another_try(host: Host) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    host.answer = answer
    with pytest.raises(SpecUnavailable, match=r"within 0\.1 s"):
        await fetch(host.url(), base=Path(), headers={}, state=None, seconds=0.1)


async def test_an_endless_body_is_cut_off(host: Host) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1024 * 1024)

    host.answer = answer
    assert "sends more than" in await refused(host.url())


async def test_what_follows_a_compressed_body_is_not_read(host: Host) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        await response.write(gzip.compress(TEXT))
        while True:
            await response.write(b"more" * 256 * 1024)

    host.answer = answer
    assert (await get(host.url())).document == READ


async def test_a_compressed_body_cut_off_is_worth_another_try(host: Host) -> None:
    host.says(body=gzip.compress(TEXT)[:-4], Content_Encoding="gzip")
    assert "cut off" in await delayed(host.url())
    host.says(body=gzip.compress(TEXT) + gzip.compress(b" ")[:-4], Content_Encoding="gzip")
    assert "cut off" in await delayed(host.url())


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "gzip, gzip"])
async def test_a_coding_that_is_not_what_it_says_or_not_ours_is_an_error(
    host: Host, coding: str
) -> None:
    host.says(Content_Encoding=coding)
    await refused(host.url())


# --- kept for a restart -----------------------------------------------------------------------


def files(state: Path) -> list[Path]:
    return sorted((state / "specs").iterdir(), key=lambda path: path.suffix)


async def test_a_restart_offline_works(tmp_path: Path) -> None:
    async with serving() as gone:
        fresh = await get(gone.url("/v1/spec.json?k=planted"), tmp_path, Authorization="planted")
        assert not fresh.stale
        url = gone.url("/v1/spec.json?k=planted")
    again = await get(url, tmp_path, Authorization="planted")
    assert (again.document, again.location, again.from_url) == (READ, fresh.location, True)
    assert again.stale
    assert "the copy of 20" in again.warnings[0]
    for file in files(tmp_path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "planted" not in file.name + file.read_text() + again.warnings[0]
    assert [file.suffix for file in files(tmp_path)] == [".json", ".url"]
    with pytest.raises(SpecUnavailable):  # another key, another text
        await get(url, tmp_path, Authorization="other")


NO_SPECS = {
    b"<html>We will be back soon</html>": "a web page",
    b'{"status": "maintenance"}': "neither `openapi` nor `swagger`",
    b"We will be back: soon: really": "not YAML",
    b'{"openapi": "3.0.3", "paths": []}': "expected a mapping of paths",
    b"": "empty",
}


@pytest.mark.parametrize("body", NO_SPECS)
async def test_what_is_no_spec_does_not_replace_the_copy(
    host: Host, tmp_path: Path, body: bytes
) -> None:
    fresh = await get(host.url(), tmp_path)
    before = {file: file.read_bytes() for file in files(tmp_path)}
    host.says(body=body)
    got = await get(host.url(), tmp_path)
    assert (got.document, got.location, got.stale) == (READ, fresh.location, True)
    assert NO_SPECS[body] in got.warnings[0]
    assert {file: file.read_bytes() for file in files(tmp_path)} == before


@pytest.mark.parametrize("body", NO_SPECS)
async def test_what_is_no_spec_is_an_error_where_there_is_no_copy(
    host: Host, tmp_path: Path, body: bytes
) -> None:
    host.says(body=body)
    with pytest.raises(SpecError, match=NO_SPECS[body]):
        await get(host.url(), tmp_path)
    assert not (tmp_path / "specs").exists()


async def test_a_spec_that_changed_replaces_the_copy(tmp_path: Path) -> None:
    async with serving() as gone:
        url = gone.url()
        await get(url, tmp_path)
        gone.says(body=b"swagger: '2.0'\npaths: {}\n")
        assert (await get(url, tmp_path)).document["swagger"] == "2.0"
    assert (await get(url, tmp_path)).document["swagger"] == "2.0"


async def test_a_state_directory_that_cannot_be_written_is_a_warning(
    host: Host, tmp_path: Path
) -> None:
    (tmp_path / "specs").write_text("in the way")
    got = await get(host.url(), tmp_path)
    assert got.document == READ
    assert not got.stale
    assert "not kept" in got.warnings[0]


async def test_a_copy_of_a_damaged_note_or_document_is_absent(tmp_path: Path) -> None:
    async with serving() as gone:
        url = gone.url()
        await get(url, tmp_path)
    for file in files(tmp_path):
        good = file.read_bytes()
        for bad in (b"", good[:-5], b"[]", b"\xff", b'{"document": "../../a", "location": ""}'):
            file.write_bytes(bad)
            with pytest.raises(SpecUnavailable):
                await get(url, tmp_path)
        file.write_bytes(good)
    assert (await get(url, tmp_path)).stale


async def test_many_at_once_leave_one_whole_copy(host: Host, tmp_path: Path) -> None:
    got = await asyncio.gather(*(get(host.url(), tmp_path) for _ in range(8)))
    assert all(one.document == READ and not one.warnings for one in got)
    assert [file.suffix for file in files(tmp_path)] == [".json", ".url"]


async def test_the_document_of_a_file_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("openapi: 3.0.3\npaths: {}\n")
    for _ in range(2):
        got = await fetch("a.yaml", base=tmp_path, headers={}, state=tmp_path / "state")
        at = str(tmp_path / "a.yaml")
        assert got == Source(READ, at, home="a.yaml", root=tmp_path)
    (file,) = files(tmp_path / "state")
    assert file.name.endswith(f".{kept.FORMAT}.json")
