"""The examples as their readers run them: their own YAML, their own upstream, real calls.

An example's upstream is started on a free port instead of the one it names, and keeps what it
received; nothing else differs from the README's commands.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import web

from gateway.app import Gateway, Options
from gateway.config import Loaded, read_configs, types
from gateway.demo.upstream import listening
from tests.conftest import Client, Received

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# A YAML file that names its plugin; others are for other programs.
CONFIGS = sorted(
    str(path.relative_to(EXAMPLES))
    for path in EXAMPLES.glob("*/*.yaml")
    if re.search(r"^plugin:", path.read_text(), re.MULTILINE)
)
FOLDERS = sorted({config.partition("/")[0] for config in CONFIGS})


@dataclass
class Running:
    """An example's upstream: where it listens, and what it received."""

    url: str
    module: ModuleType
    app: web.Application
    received: list[Received] = field(default_factory=list)

    @property
    def last(self) -> Received:
        return self.received[-1]


def script(path: str) -> ModuleType:
    """A script of the examples as a module, such as `weather/upstream.py`."""
    name = "example_" + re.sub(r"\W", "_", path.removesuffix(".py"))
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(example: str) -> dict[str, str]:
    """The variables that the commands of an example's README set."""
    found: dict[str, str] = {}
    for line in commands((EXAMPLES / example / "README.md").read_text()):
        for word in shlex.split(line, comments=True):
            name, equals, value = word.partition("=")
            if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
                break
            found[name] = value
    return found


def commands(page: str) -> list[str]:
    """The commands of a page, one per line."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip()]


def loaded(config: str, env: Mapping[str, str], upstream: str | None = None) -> Loaded:
    """A config of the examples, such as `weather/weather.yaml`, over another address."""
    (one,) = read_configs([EXAMPLES / config], env)
    if upstream is None:
        return one
    behind = msgspec.structs.replace(one.plugin.upstream, url=upstream)
    auth = one.plugin.auth
    if isinstance(auth, types.Auth) and auth.oauth is not None:
        moved = {
            key: upstream + urlsplit(getattr(auth.oauth, key)).path
            for key in ("client_url", "token_url")
        }
        auth = msgspec.structs.replace(auth, oauth=msgspec.structs.replace(auth.oauth, **moved))
    spec = one.plugin.spec
    if isinstance(spec, str) and spec.startswith("http://127.0.0.1"):  # the upstream's own
        parts, at = urlsplit(spec), urlsplit(upstream)
        spec = parts._replace(netloc=at.netloc).geturl()
    plugin = msgspec.structs.replace(one.plugin, upstream=behind, auth=auth, spec=spec)
    return dataclasses.replace(one, plugin=plugin)


Start = Callable[..., Awaitable[Running]]
Serving = Callable[..., Awaitable[Client]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Run an example's upstream."""
    async with AsyncExitStack() as stack:

        async def run(path: str, *arguments: str) -> Running:
            module = script(path)
            app: web.Application = module.make_app(*arguments)
            running = Running("", module, app)

            @web.middleware
            async def keep(request: web.Request, handler: Any) -> web.StreamResponse:
                body = await request.read()
                running.received.append(
                    Received(request.method, request.raw_path, request.headers.copy(), body)
                )
                response: web.StreamResponse = await handler(request)
                return response

            app.middlewares.insert(0, keep)
            running.url = await stack.enter_async_context(listening(app))
            return running

        yield run


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    """Serve configs of the examples, each over its running upstream."""
    async with AsyncExitStack() as stack:

        async def run(*configs: Loaded, **options: Any) -> Client:
            options = {"port": 0, "state": tmp_path / "state", **options}
            gateway = await stack.enter_async_context(Gateway(configs, Options(**options)))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            return Client(session, gateway, gateway.url)

        yield run


@dataclass(frozen=True)
class Parameters:
    """What a model sees of one served operation."""

    required: set[str]
    optional: set[str]


async def seen(client: Client, base: str = "") -> dict[str, Parameters]:
    """The served spec's operations by name, with the names of their arguments.

    But for `getMore`, which is the gateway's own and the same in every plugin.
    """
    document = (await client.get(f"{base}/openapi.json")).json()
    found = {}
    for path in document["paths"].values():
        for operation in path.values():
            required, optional = set(), set()
            for one in operation.get("parameters", ()):
                (required if one.get("required") else optional).add(one["name"])
            content = operation.get("requestBody", {}).get("content", {})
            for media in content.values():
                schema = media["schema"]
                while "$ref" in schema:
                    name = schema["$ref"].rpartition("/")[2]
                    schema = document["components"]["schemas"][name]
                required |= set(schema.get("required", ()))
                optional |= set(schema.get("properties", ())) - required
            found[operation["operationId"]] = Parameters(required, optional)
    del found["getMore"]
    return found
