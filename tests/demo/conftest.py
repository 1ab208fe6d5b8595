"""The embedded upstreams, running on a free port, and clients that show their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.demo import nba, stocks
from gateway.demo.upstream import listening


@pytest.fixture
async def nba_api() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": nba.KEY}
    async with (
        listening(nba.make_app()) as base,
        aiohttp.ClientSession(base + "/v1/", headers=headers) as session,
    ):
        yield session


@pytest.fixture
async def stocks_api() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"apikey {stocks.KEY}"}
    async with (
        listening(stocks.make_app()) as base,
        aiohttp.ClientSession(base + "/", headers=headers) as session,
    ):
        yield session
