from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.demo import nba
from gateway.demo.upstream import Window, listening


@pytest.mark.parametrize("shown", [None, "", "wrong", f"Bearer {nba.KEY}", "ä"])
async def test_without_the_key_everything_is_401(shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown}
    async with listening(nba.make_app()) as base, aiohttp.ClientSession(headers=headers) as api:
        for path in ("/v1/teams", "/v1/players/237", "/", "/nowhere"):
            async with api.get(base + path) as response:
                assert response.status == 401
                assert set(await response.json()) == {"error"}


async def test_a_key_that_is_no_text_is_401() -> None:
    async with listening(nba.make_app()) as base:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
        writer.write(b"GET /v1/teams HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        await writer.wait_closed()


async def test_an_answer_that_is_known_comes_as_304(nba_api: aiohttp.ClientSession) -> None:
    async with nba_api.get("teams") as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "public, max-age=86400"
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with nba_api.get("teams", headers={"If-None-Match": known}) as again:
            assert again.status == 304
            assert again.headers["ETag"] == tag
            assert again.headers["Cache-Control"] == "public, max-age=86400"
            assert await again.read() == b""
    async with nba_api.get("teams", headers={"If-None-Match": '"other"'}) as changed:
        assert changed.status == 200


async def test_another_answer_has_another_etag(nba_api: aiohttp.ClientSession) -> None:
    tags = set()
    for search in ("james", "curry"):
        async with nba_api.get("players", params={"search": search}) as response:
            tags.add(response.headers["ETag"])
    assert len(tags) == 2


async def test_freshness_differs_by_endpoint(
    nba_api: aiohttp.ClientSession, stocks_api: aiohttp.ClientSession
) -> None:
    said = {}
    for api, path in (
        (nba_api, "teams"),
        (nba_api, "players"),
        (nba_api, "season_averages?season=2023&player_id=237"),
        (stocks_api, "price?symbol=AAPL"),
        (stocks_api, "quote?symbol=AAPL"),
        (stocks_api, "quote?symbol=NOPE"),
    ):
        async with api.get(path) as response:
            said[path.partition("?")[0], response.status] = response.headers.get("Cache-Control")
    assert said == {
        ("teams", 200): "public, max-age=86400",
        ("players", 200): None,
        ("season_averages", 200): "private, max-age=300",
        ("price", 200): "public, max-age=5",
        ("quote", 200): None,
        ("quote", 400): "no-store",
    }


async def test_an_unknown_address_is_404_and_a_write_405(nba_api: aiohttp.ClientSession) -> None:
    async with nba_api.get("nothing") as response:
        assert (response.status, set(await response.json())) == (404, {"error"})
    async with nba_api.post("teams") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    async with nba_api.head("teams") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_calls_of_a_minute_are_counted_and_the_next_is_429() -> None:
    headers = {"Authorization": nba.KEY}
    app = nba.make_app(per_minute=2)
    async with listening(app) as base, aiohttp.ClientSession(headers=headers) as api:
        left = []
        for _ in range(2):
            async with api.get(base + "/v1/teams") as response:
                assert response.status == 200
                left.append(response.headers["X-RateLimit-Remaining"])
        assert left == ["1", "0"]
        async with api.get(base + "/v1/teams") as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 60
            assert response.headers["X-RateLimit-Limit"] == "2"


def test_a_window_starts_with_its_first_call_and_lasts_a_minute() -> None:
    window = Window(1)
    assert window.take(100.0) == (0, 60.0)
    assert window.take(130.0) == (-1, 30.0)
    assert window.take(160.0) == (0, 60.0)
