"""What the readers read: one gateway with many plugins, over upstreams of this process.

The demo's plugins, the examples over their own upstreams, and the plugins of this folder, whose
upstream says the same to everything. Of each plugin a `Served` tells readers where it is and what
they should find.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from gateway.app import Gateway, Options
from gateway.cli.demo import demo_configs
from gateway.config import Loaded, types
from gateway.demo import nba
from gateway.demo import start as start_demo
from gateway.demo.described import make_app as described_nba
from gateway.demo.upstream import listening
from tests.clients.environments import KEPT
from tests.conftest import DATA
from tests.examples.conftest import EXAMPLES, environment, loaded, script
from tests.examples.test_database import CONSTRAINTS, REQUIREMENT
from tests.upstreams.conftest import environment as package
from tests.upstreams.conftest import free_port, running

HERE = Path(__file__).parent
SIDECAR = "sidecar/configs/players.yaml"
DATABASE = ("database/sql.yaml", "database/table.yaml")
VERSIONS = ("3.0", "3.1")
# What a caller with a key or a sign-in of the examples shows.
MEMBER = "Bearer demo-key-of-ada"
READY_WITHIN = 60.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call whose arguments are the served spec's own examples, and what it answers.

    `path` and `query` stand in the address, `body` is the JSON body, if there is one.
    """

    operation: str
    method: str
    template: str
    path: Json
    query: Json
    body: Json | None
    answer: Any = None

    @property
    def arguments(self) -> Json:
        """All of them, whatever their place."""
        return {**self.path, **self.query, **(self.body or {})}


@dataclass(frozen=True)
class Served:
    """A plugin as readers are told of it.

    `specs` are addresses by version. `auth` is the config's word, `headers` what a caller shows.
    `operations` are (name, METHOD, path); `calls` are to be made for real. `ref_property`: a schema
    has a property whose name is `$ref`.
    """

    name: str
    manifest: str
    specs: Mapping[str, str]
    auth: str
    headers: Mapping[str, str]
    operations: Sequence[tuple[str, str, str]]
    calls: Sequence[Call]
    ref_property: bool


@dataclass(frozen=True)
class Serving:
    """Everything that is served, and what could not be: its file and why."""

    url: str
    plugins: Sequence[Served]
    left_out: Sequence[tuple[str, str]]


@asynccontextmanager
async def serving(*, only_here: bool = False) -> AsyncIterator[Serving]:
    """Serve everything there is; `only_here` leaves out the specs that are kept elsewhere."""
    async with AsyncExitStack() as stack:
        processes = stack.enter_context(ExitStack())
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clients-")))
        left_out: list[tuple[str, str]] = []
        demo = await stack.enter_async_context(start_demo())
        described = await stack.enter_async_context(listening(described_nba()))
        scripted = await stack.enter_async_context(listening(_echo()))
        ports = {port: await stack.enter_async_context(listening(app)) for port, app in _apps()}
        configs = [
            *demo_configs(demo),
            *_examples(ports, left_out),
            loaded(SIDECAR, {"SERVICE_KEY": nba.KEY}, described + "/v1"),
            *_database(processes, state, left_out, only_here=only_here),
            *_own(scripted, state, left_out, only_here=only_here),
        ]
        # As many readers as there are: more than one caller may ask in a minute.
        configs = [
            replace(one, plugin=msgspec.structs.replace(one.plugin, limit=None)) for one in configs
        ]
        options = Options(port=0, state=state / "state")
        gateway = await stack.enter_async_context(Gateway(configs, options))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await _ready(session, gateway.url)
        plugins = [await _served(session, gateway.url, one.plugin) for one in configs]
        yield Serving(gateway.url, plugins, left_out)


# --- what is served ---------------------------------------------------------------------------


def _echo() -> web.Application:
    """An upstream that answers everything with an object."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"name": "of the scripted upstream", "id": "1", "items": []})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _own(
    upstream: str, state: Path, left_out: list[tuple[str, str]], *, only_here: bool
) -> Iterator[Loaded]:
    """The plugins of this folder; large specs are not kept in the project."""
    (state / "specs").mkdir()
    for file in sorted((HERE / "plugins").glob("*.yaml")):
        found = re.search(r"^spec: (\S+)$", file.read_text(), re.MULTILINE)
        assert found is not None
        spec = found[1]
        if (file.parent / spec).exists():
            yield loaded(str(file), {}, upstream)
        elif only_here:
            left_out.append((file.stem, f"{spec} is not in the project"))
        elif not (DATA / spec).exists():
            left_out.append((file.stem, f"{spec} is not on this machine"))
        else:
            (state / spec).write_bytes((DATA / spec).read_bytes())
            (state / file.name).write_bytes(file.read_bytes())
            yield loaded(str(state / file.name), {}, upstream)


def _apps() -> Iterator[tuple[int, web.Application]]:
    """The upstreams of the examples, by the port that their configs name."""
    for file in sorted(EXAMPLES.glob("*/*.py")):
        module = script(str(file.relative_to(EXAMPLES)))
        if hasattr(module, "PORT"):
            yield module.PORT, module.make_app()
        for name, port in getattr(module, "PORTS", {}).items():
            yield port, module.make_app(name)


def _examples(ports: Mapping[int, str], left_out: list[tuple[str, str]]) -> Iterator[Loaded]:
    for file in sorted(EXAMPLES.glob("*/*.yaml")):
        config = str(file.relative_to(EXAMPLES))
        texts = [file.read_text()]
        if not texts[0].startswith("plugin:") and "\nplugin:" not in texts[0]:
            continue  # no config
        if found := re.search(r"^spec: (\S+\.ya?ml)", texts[0], re.MULTILINE):
            texts += [spec.read_text() for spec in [file.parent / found[1]] if spec.exists()]
        named = [int(port) for text in texts for port in re.findall(r"127\.0\.0\.1:(\d+)", text)]
        if named and named[0] in ports:
            yield loaded(config, environment(file.parent.name), ports[named[0]])
        elif config not in DATABASE:
            left_out.append((f"examples/{config}", "its upstream is no script of the examples"))


def _database(
    stack: ExitStack,
    state: Path,
    left_out: list[tuple[str, str]],
    *,
    only_here: bool,
) -> Iterator[Loaded]:
    """The examples over a real Datasette."""
    if only_here:
        left_out += ((one, "its upstream is installed") for one in DATABASE)
        return
    try:
        python = package(KEPT, REQUIREMENT, CONSTRAINTS)
    except (pytest.fail.Exception, pytest.skip.Exception) as why:
        left_out += ((one, str(why)) for one in DATABASE)
        return
    script("database/make.py").make(state / "library.db")
    port = free_port()
    command = [str(python), "-m", "datasette", "serve", "--immutable", "library.db"]
    url = f"http://127.0.0.1:{port}"
    stack.enter_context(running([*command, "--port", str(port)], f"{url}/-/versions.json", state))
    for config in DATABASE:
        yield loaded(config, {}, url)


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until every spec is read: the large ones take their time."""
    async with asyncio.timeout(READY_WITHIN):
        while True:
            async with session.get(f"{url}/readyz") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.2)


# --- what readers should find -----------------------------------------------------------------


async def _served(session: aiohttp.ClientSession, url: str, plugin: types.Plugin) -> Served:
    base = f"{url}/{plugin.plugin}"
    async with session.get(f"{base}/openapi.json") as response:
        document = await response.json()
    auth, headers = _auth(plugin)
    return Served(
        name=plugin.plugin,
        manifest=f"{base}/.well-known/ai-plugin.json",
        specs={version: f"{base}/openapi.yaml?version={version}" for version in VERSIONS},
        auth=auth,
        headers=headers,
        operations=[
            (operation["operationId"], method.upper(), path)
            for path, method, operation in _operations(document)
        ],
        calls=[one async for one in _calls(session, base, headers, document)],
        ref_property=_has_ref_property(document),
    )


def _auth(plugin: types.Plugin) -> tuple[str, dict[str, str]]:
    """The kind of auth, and what a caller shows."""
    if not isinstance(plugin.auth, types.Auth):
        return "none", {}
    if plugin.auth.service is not None:
        token = next(iter(plugin.auth.service.tokens.values()))
        return "service", {"Authorization": f"Bearer {token}"}
    return ("user" if plugin.auth.user else "oauth"), {"Authorization": MEMBER}


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


async def _calls(
    session: aiohttp.ClientSession, base: str, headers: Mapping[str, str], document: Json
) -> AsyncIterator[Call]:
    """Two calls with a body and two without, those with the most arguments.

    Only of operations that are not consequential and have an example of whatever they require,
    and only what answers the same when it is asked again.
    """
    read = (_call(document, *one) for one in _operations(document))
    possible = sorted(filter(None, read), key=lambda one: -len(one.arguments))
    for with_body, most in ((True, 2), (False, 2)):  # what is written may show in what is read
        some = [one for one in possible if (one.body is not None) is with_body]
        for one in some[:most]:
            twice = [await _answer(session, base, headers, one) for _ in range(2)]
            if twice[0] is not None and twice[0] == twice[1]:
                yield replace(one, answer=twice[0])


def _call(document: Json, path: str, method: str, operation: Json) -> Call | None:
    if operation.get("x-openai-isConsequential"):
        return None
    places: dict[str, Json] = {"path": {}, "query": {}}
    for one in operation.get("parameters", ()):
        if one.get("required"):
            if "example" not in one or one["in"] not in places:
                return None
            places[one["in"]][one["name"]] = one["example"]
    body = None
    if described := operation.get("requestBody"):
        schema = described.get("content", {}).get("application/json", {}).get("schema", {})
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        given = schema.get("properties", {})
        if any("example" not in given.get(name, {}) for name in schema.get("required", ())):
            return None
        body = {name: given[name]["example"] for name in schema.get("required", ())}
    name = operation["operationId"]
    return Call(name, method.upper(), path, places["path"], places["query"], body)


async def _answer(
    session: aiohttp.ClientSession, base: str, headers: Mapping[str, str], call: Call
) -> Any:
    """What the call answers when no reader is between; None where it is no JSON of success."""
    url = f"{base}/call/{call.operation}"
    async with session.post(url, json=call.arguments, headers=headers) as response:
        return await response.json() if response.ok else None


def _has_ref_property(value: Any) -> bool:
    if isinstance(value, dict):
        named = isinstance(value.get("$ref"), dict)
        return named or any(map(_has_ref_property, value.values()))
    return isinstance(value, list) and any(map(_has_ref_property, value))
