"""A gateway over a folder of configs that a test rewrites."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from gateway.app import Gateway, Options
from gateway.config import read_configs
from tests.conftest import Client, Response, Upstream

PATIENCE = 20.0  # seconds that a test waits for what must come


def plugin(name: str, url: str, *, description: str = "Read.", more: str = "") -> str:
    """A plugin of one operation, `getItem`, at `GET /items/{key}`."""
    text = f"""\
        plugin: {name}
        contact: a@example.com
        legal: https://example.com/legal
        upstream: {{url: "{url}"}}
        operations:
          getItem:
            call: "GET /items/{{key}}"
            description: {description}
            parameters:
              key: {{in: path, type: string, required: true, description: Which}}
    """
    return dedent(text) + more


def document(*names: str, title: str = "Items") -> dict[str, Any]:
    """A spec with `GET /NAME` for each name, whose operationId is the name."""
    reply = {"200": {"description": "It.", "content": {"application/json": {"schema": {}}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1"},
        "paths": {
            f"/{name}": {
                "get": {"operationId": name, "summary": f"Get {name}.", "responses": reply}
            }
            for name in names
        },
    }


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


@dataclass
class Folder:
    """A folder of configs and the gateway that serves it."""

    path: Path
    stack: AsyncExitStack
    client: Client | None = None

    def write(self, name: str, text: str) -> Path:
        """Write a file as editors do: a new one in the place of the old one."""
        file = self.path / name
        new = file.with_name(f".{name}.new")
        new.write_text(text)
        new.replace(file)
        return file

    async def serve(self, *, watch: bool = False, **options: Any) -> Gateway:
        """Serve what is in the folder."""
        read = partial(read_configs, [self.path], os.environ)
        made = Options(port=0, **options)
        gateway = await self.stack.enter_async_context(Gateway(read(), made, read))
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        self.client = Client(session, gateway, gateway.url)
        if watch:
            gateway.watch([self.path])
        return gateway

    async def get(self, target: str, **kwargs: Any) -> Response:
        """Ask the gateway."""
        assert self.client is not None
        return await self.client.get(target, **kwargs)


@pytest.fixture
async def folder(tmp_path: Path, upstream: Upstream) -> AsyncIterator[Folder]:
    path = tmp_path / "configs"
    path.mkdir()
    async with AsyncExitStack() as stack:
        yield Folder(path, stack)
