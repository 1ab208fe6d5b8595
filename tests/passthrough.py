"""A plugin that passes everything through the whole pipeline and door: a transparent proxy.

No YAML makes one. It is there so that the cache can be judged as any other cache is: by a suite for
proxies (`tests.conformance.cache`), and with requests and replies of every kind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from gateway.app import Gateway, Options
from gateway.caching.entries import Caching
from gateway.config import read_configs
from gateway.plugin import Plugin, build
from gateway.sites import fitting
from gateway.values import UpstreamRequest

NAME = "passthrough"
# A suite's cache is a shared one, and heeds its callers.
CACHING = Caching(heuristic=True, obey_caller=True, exact_ranges=False)
# Written by the gateway's own client.
_FRAMING = frozenset(("host", "content-length", "transfer-encoding", "expect"))


def plugin(upstream: str, folder: Path, caching: Caching = CACHING) -> Plugin:
    """A plugin with one operation, which takes any method, path, header and body.

    Args:
        upstream: Its origin, such as `http://127.0.0.1:8000`.
        folder: Where its config may be written.
        caching: What the cache does of its own.
    """
    file = folder / "passthrough.yaml"
    file.write_text(
        f"plugin: {NAME}\nupstream: {{url: '{upstream}', timeout: 20s}}\nbudget: no\n"
        "operations: {any: {call: GET /any}}\n"
    )
    [loaded] = read_configs([file], {})
    built = build(loaded, None)
    one = built.operations["any"]
    return replace(
        built,
        operations={
            "any": replace(one, passing=True, caching=caching, cache=None, build=_builder(upstream))
        },
    )


def _builder(upstream: str) -> Any:
    def request(
        arguments: Mapping[str, Any], headers: Mapping[str, str], *, heals: bool = False
    ) -> UpstreamRequest:
        del heals
        kept = tuple(one for one in headers.items() if one[0].lower() not in _FRAMING)
        url = upstream + arguments["target"]
        return UpstreamRequest(arguments["method"], url, kept, arguments["body"] or None)

    return request


class Passing(Gateway):
    """A gateway that serves such a plugin, at its root and below its name."""

    made: Plugin

    async def _load(self) -> None:
        await self._shared.store.open()
        client = self._plugins._clients.of(self.made, None)
        self.door.place((await fitting(self.made, client, None, self._shared, nullcontext),))


@asynccontextmanager
async def passing(
    upstream: str, folder: Path, caching: Caching = CACHING, **options: Any
) -> AsyncIterator[Passing]:
    """A running gateway before an upstream."""
    options.setdefault("port", 0)
    gateway = Passing((), Options(**options))
    gateway.made = plugin(upstream, folder, caching)
    async with gateway:
        yield gateway


async def fetched(
    session: aiohttp.ClientSession, url: str, method: str = "GET", **more: Any
) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request exactly as it is given."""
    more.setdefault("skip_auto_headers", ("Accept", "Accept-Encoding", "User-Agent"))
    async with session.request(
        method, URL(url, encoded=True), allow_redirects=False, **more
    ) as response:
        return response.status, response.headers, await response.read()
