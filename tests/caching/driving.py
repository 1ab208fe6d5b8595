"""The driver of the cache over a real upstream: a plugin's plans, with clocks that can be set."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from multidict import CIMultiDict

from gateway.caching.flights import Flights
from gateway.caching.stores import Store
from gateway.caching.stores.memory import MemoryStore
from gateway.clients import new_client
from gateway.config import read_configs
from gateway.pipeline import Call, Plan, Shared, plans
from gateway.plugin import Plugin, build
from gateway.values import Caller
from tests.conftest import Upstream

OPERATIONS = """\
operations:
  get: {{call: "GET /item", parameters: {{q: {{in: query, type: string}}}}{get}}}
  head: {{call: "HEAD /item"}}
  put: {{call: "PUT /item"{put}}}
  search:
    {{call: "POST /search", body: {{type: object, properties: {{a: {{type: integer}}}}}}{search}}}
"""


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def n(self) -> Any:
        """Which of the upstream's replies this is."""
        return json.loads(self.body)["n"]

    @property
    def how(self) -> str:
        """What the cache says that it did."""
        return self.headers["Cache-Status"].removeprefix("plugin-gateway; ")


_passed = [0.0]  # the upstream's clock goes as ours does


def _date() -> str:
    return formatdate(time.time() + _passed[0], usegmt=True)


@dataclass
class Driven:
    """Plans over an upstream, and the time that has been let pass."""

    plans: dict[str, Plan]
    shared: Shared
    passed: list[float]

    def let_pass(self, seconds: float) -> None:
        self.passed[0] += seconds

    async def __call__(
        self,
        name: str = "get",
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        address: str = "192.0.2.1",
        **arguments: Any,
    ) -> Got:
        call = Call(arguments, CIMultiDict(headers or {}), address)
        if key is not None:
            call.headers = CIMultiDict({**(headers or {}), "Authorization": f"Bearer {key}"})
        answer = await self.plans[name](call)
        return Got(answer.status, CIMultiDict(answer.headers), answer.body)


def made(
    tmp_path: Path, upstream: str, extra: str = "", get: str = "", put: str = "", search: str = ""
) -> Plugin:
    """A plugin with a read, a write and a search."""
    file = tmp_path / "shop.yaml"
    more = {key: f", {text}" if text else "" for key, text in
            (("get", get), ("put", put), ("search", search))}  # fmt: skip
    head = f"plugin: shop\nbudget: no\n{extra}\n"
    if "upstream:" not in extra:
        head += f"upstream: {{url: '{upstream}'}}\n"
    file.write_text(head.replace("URL", upstream) + OPERATIONS.format(**more))
    [loaded] = read_configs([file], {"KEY": "operators-key"})
    return build(loaded, None)


@asynccontextmanager
async def driven(plugin: Plugin, store: Store | None = None) -> AsyncIterator[Driven]:
    """A plugin's plans, on a store of their own or on another's."""
    _passed[0] = 0.0
    passed = _passed
    shared = Shared(
        wall=lambda: time.time() + passed[0],
        steady=lambda: time.monotonic() + passed[0],
        store=store or MemoryStore(16 * 1024 * 1024),
        flights=Flights(),
    )
    async with new_client(plugin.base) as client:
        yield Driven(plans(plugin, client, shared), shared, passed)
        await shared.flights.close()
        await asyncio.to_thread(shared.aside.close)


def counting(upstream: Upstream, *, status: int = 200, **headers: str) -> None:
    """The upstream says which of its replies each is; `_` in names of headers is `-`."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        n = len(upstream.received)
        return web.json_response({"n": n}, status=status, headers={"Date": _date(), **said})

    upstream.answer = answer


@dataclass
class Gate:
    """An upstream that answers when it is let; `at` is how many wait there now."""

    upstream: Upstream
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    at: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.upstream.answer = self.answer

    async def answer(self, _: web.BaseRequest) -> web.StreamResponse:
        number = len(self.upstream.received)
        self.at += 1
        await self.opened.wait()
        self.at -= 1
        said = {"Date": _date(), **self.headers}
        return web.json_response({"n": number}, status=self.status, headers=said)

    async def has(self, count: int) -> None:
        """Until so many have come."""
        async with asyncio.timeout(10):
            while len(self.upstream.received) < count:  # noqa: ASYNC110 - a real server
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        assert len(self.upstream.received) == count


__all__ = ["Caller", "Driven", "Gate", "Got", "counting", "driven", "made"]
