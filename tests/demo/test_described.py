from __future__ import annotations

import aiohttp

from gateway import yaml12
from gateway.demo import described, nba
from gateway.demo.upstream import listening


async def test_the_document_needs_no_key_and_its_server_is_where_the_api_is() -> None:
    async with listening(described.make_app()) as base, aiohttp.ClientSession() as client:
        async with client.get(base + described.DOCUMENT) as response:
            assert response.status == 200
            (server,) = yaml12.load(await response.text())["servers"]
        teams = f"{base}{server['url']}/teams"
        async with client.get(teams) as response:
            assert response.status == 401
        async with client.get(teams, headers={"Authorization": nba.KEY}) as response:
            assert response.status == 200
