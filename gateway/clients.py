"""The pooled client of one plugin's upstream: made, and closed when nothing is under way on it."""

from __future__ import annotations

import asyncio

import aiohttp

from gateway.config import types
from gateway.guarded import connector
from gateway.plugin import Plugin
from gateway.request import prove
from gateway.servers import why_never

# To one upstream at once: the most that `upstream.in_flight` may be, which bounds calls, and some
# for sign-ins. A call that waited here for a connection would seem not to reach its upstream.
MAX_CONNECTIONS = 10_240
# Servers commonly close idle connections after 5 s (node.js) or more; we close first.
KEEPALIVE = 4.0
# Between two looks at a client that is to be closed.
LOOK = 1.0
# A call may go on so long beyond its timeout, to be read and written.
GRACE = 5.0


def written_by_operator(plugin: Plugin) -> list[str]:
    """The addresses that calls of a plugin may lead to: its upstream's and its sign-in's.

    The server of a spec in a file counts as well, but not where nobody is ever to be sent.
    """
    auth = plugin.config.auth
    oauth = auth.oauth if isinstance(auth, types.Auth) else None
    grant = prove(plugin.config.upstream.credential).grant
    spec = plugin.config.spec
    wrote = plugin.config.upstream.url or _is_web(spec)
    base = [] if not wrote and why_never(plugin.base) else [plugin.base]
    return [*base, *(one.token_url for one in (oauth, grant) if one is not None)]


def _is_web(spec: str | types.SpecSource | None) -> bool:
    where = spec.url if isinstance(spec, types.SpecSource) else spec or ""
    return where.lower().startswith(("https://", "http://"))


def new_client(*urls: str) -> aiohttp.ClientSession:
    """A pooled client for one upstream at `urls`: no cookies, no proxies of the environment,
    bodies as they come, no silent repeats. Calls use only its connections (`pipeline.exchange`), a
    relayed sign-in the client itself.

    aiohttp sends GET, HEAD, OPTIONS, TRACE, PUT and DELETE again when a connection is lost, fresh
    ones too; only a private switch turns that off, and a test watches that it still does.
    """
    client = aiohttp.ClientSession(
        connector=connector(urls, limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=16 * 1024,
        max_field_size=16 * 1024,
    )
    client._retry_connection = False  # noqa: SLF001
    return client


class Clients:
    """The clients of all plugins that are served, and of those that were."""

    def __init__(self) -> None:
        self._urls: dict[aiohttp.ClientSession, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._urls)

    def of(self, plugin: Plugin, old: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
        """A plugin's client: that of its version before, where it leads to the same addresses."""
        urls = tuple(written_by_operator(plugin))
        if old is not None and self._urls.get(old) == urls:
            return old
        client = new_client(*urls)
        self._urls[client] = urls
        return client

    async def retire(self, client: aiohttp.ClientSession, plugin: Plugin | None) -> None:
        """Close the client of a plugin that is not served any more, once no call can be under way
        on it: for the longest that a call may go on without a connection, as between two tries,
        none was in use. A long answer that is passed on has one until its end."""
        operations = plugin.operations.values() if plugin is not None else ()
        seconds = max((one.timeout for one in operations), default=0.0) + GRACE
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while loop.time() < quiet_since + seconds:
            await asyncio.sleep(LOOK)
            if is_busy(client):
                quiet_since = loop.time()
        del self._urls[client]
        await client.close()

    async def close(self) -> None:
        """Close them all."""
        for client in self._urls:
            await client.close()
        self._urls.clear()


def is_busy(client: aiohttp.ClientSession) -> bool:
    """Whether a call has a connection of it. aiohttp has no public word for that."""
    pool = client.connector
    return pool is not None and bool(pool._acquired)  # noqa: SLF001
