"""Real servers for every test: a scripted upstream and the gateway itself, on free ports."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from hypothesis import HealthCheck, settings
from yarl import URL

from gateway.app import Gateway, Options
from gateway.caching.stores.redis import RedisStore
from gateway.config import read_configs
from tests.redis_server import RedisServer, binary

# How long an example takes says something of the machine, nothing of the code. Every run draws
# others, but where a red one has to be somebody's doing (`.ci/run`).
settings.register_profile(
    "gateway",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("GATEWAY_TEST_SAME") == "1",
)
settings.load_profile("gateway")

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _settled() -> Iterator[None]:
    """What a module leaves behind stays to the end, modules and schemas by the hundred thousand.
    Python's collector would look at all of it over and over, and tests that collect wait for it."""
    yield
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Received:
    """What arrived at the upstream, as it stood on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Upstream:
    """A real HTTP server that answers as `answer` says and keeps what it received."""

    url: str = ""
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = None
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.method, request.raw_path, request.headers, body))
        if self.answer is not None:
            return await self.answer(request)
        return web.json_response({"path": request.raw_path})

    def says(self, body: Any = None, **kwargs: Any) -> None:
        """Always answer so; a `body` of bytes or text goes as it is, all else as JSON."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if isinstance(body, bytes | str):
                return web.Response(body=body, **kwargs)
            return web.json_response(body, **kwargs)

        self.answer = answer

    @property
    def last(self) -> Received:
        return self.received[-1]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    scripted = Upstream()
    async with RawTestServer(scripted.handle) as server:
        scripted.url = f"http://127.0.0.1:{server.port}"
        yield scripted


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis or Valkey that has just started."""
    if binary() is None:
        pytest.skip("there is neither redis-server nor valkey-server on the PATH")
    directory = tmp_path / "redis"
    directory.mkdir()
    server = RedisServer(directory)
    server.start()
    yield server
    server.kill()


@dataclass
class Client:
    """A plain HTTP client of a running gateway; it sends paths exactly as they are given."""

    session: aiohttp.ClientSession
    gateway: Gateway
    base: str

    async def request(self, method: str, target: str, **kwargs: Any) -> Response:
        url = URL(self.base + target, encoded=True)
        kwargs.setdefault("allow_redirects", False)
        async with self.session.request(method, url, **kwargs) as response:
            return Response(response.status, response.headers, await response.read())

    async def get(self, target: str, **kwargs: Any) -> Response:
        return await self.request("GET", target, **kwargs)

    async def post(self, target: str, **kwargs: Any) -> Response:
        return await self.request("POST", target, **kwargs)


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is waited for: two gateways and their callers in one busy process are slow."""
    monkeypatch.setitem(RedisStore.__init__.__kwdefaults__, "timeout", 5.0)


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serve configs, given as YAML texts, through a real gateway."""
    async with AsyncExitStack() as stack:
        count = 0

        async def start(
            *configs: str,
            env: Mapping[str, str] | None = None,
            files: Mapping[str, str] | None = None,
            **options: Any,
        ) -> Client:
            nonlocal count
            count += 1
            directory = tmp_path / f"gateway{count}"
            directory.mkdir()
            for name, text in (files or {}).items():
                (directory / name).write_text(text)
            paths = []
            for number, text in enumerate(configs):
                path = directory / f"plugin{number}.yaml"
                path.write_text(dedent(text))
                paths.append(path)
            loaded = read_configs(paths, env or {})
            options.setdefault("port", 0)
            options.setdefault("state", directory / "state")
            gateway = await stack.enter_async_context(Gateway(loaded, Options(**options)))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            return Client(session, gateway, gateway.url)

        yield start


@pytest.fixture
def specs() -> Path:
    """The directory of real specs; tests that need it are skipped where it is not."""
    path = DATA / "specs"
    if not path.is_dir():
        pytest.skip("no real specs here")
    return path
