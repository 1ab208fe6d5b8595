"""A plugin with its plans and documents, as the door serves it, and fitted to single clients."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import aiohttp

from gateway.compiling import Beside
from gateway.config import Loaded
from gateway.faces.mcp import sent_twice
from gateway.oauth import Relay
from gateway.pipeline import Shared, plans
from gateway.plugin import Plugin
from gateway.profiles import PROFILES, fitted, halved
from gateway.site import Fit, Site, site_of

WAITING = "its API's description cannot be had yet"


def waiting(loaded: Loaded) -> Site:
    """A plugin whose spec cannot be had yet."""
    hosts = tuple(host.lower() for host in loaded.plugin.hosts)
    return Site(loaded.plugin.plugin, hosts, waiting=WAITING)


async def fitting(
    plugin: Plugin,
    client: aiohttp.ClientSession,
    relay: Relay | None,
    shared: Shared,
    beside: Beside = nullcontext,
) -> Site:
    """A plugin that fits itself to a client when it is first asked for so. `beside` is entered
    while a thread compiles."""
    made: dict[str, Site] = {}
    making = asyncio.Lock()

    async def fit(name: str) -> Site:
        async with making:
            if name not in made:
                profile = PROFILES[name]
                longest = profile.longest(plugin.name)

                def make() -> Site:
                    own = fitted(plugin, profile)
                    return _site(own, client, relay, shared, longest=longest)

                with beside():
                    made[name] = await asyncio.to_thread(make)
            return made[name]

    with beside():
        return await asyncio.to_thread(_site, plugin, client, relay, shared, fit=fit)


def _site(
    plugin: Plugin,
    client: aiohttp.ClientSession,
    relay: Relay | None,
    shared: Shared,
    *,
    fit: Fit | None = None,
    longest: int | None = None,
) -> Site:
    """Compile a plugin, in a thread: of thousands of operations that takes long."""
    own = plans(plugin, client, shared)
    spoken = own
    twice = sent_twice(plugin.shown)
    if twice:
        spoken = plans(halved(plugin, twice), client, shared)
    return site_of(plugin, own, relay, spoken=spoken, fit=fit, longest=longest)
