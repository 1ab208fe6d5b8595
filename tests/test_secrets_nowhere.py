"""Secrets in every place that takes one, a whole gateway with two workers and a Redis, calls that
succeed, fail and lie: then everything it said, wrote, traced and stored is searched for them; and
what it tells its operators is searched for what callers sent."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from redis.asyncio import Redis

from tests.conftest import Upstream
from tests.fault_proxy import Fault, fault_proxy
from tests.redis_server import RedisServer, binary

ROOT = Path(__file__).parents[1]
# By the place in the JSON Schema that is marked `writeOnly`, and others that take `${NAME}`.
PLANTED = {
    "NamedSecret.value": "plant-header-Qz81kd/+=",
    "NamedSecret.value of a query": "plant-query-W93mvb&x=",
    "NamedSecret.value of a cookie": "plant-cookie-E5rtla",
    "BasicSecret.password": "plant-basic-R7yhqp:@",
    "Credential.bearer": "plant-bearer-T2ujxe",
    "ClientCredentials.client_secret": "plant-grant-Y4iknw",
    "ClientCredentials.parameters.additionalProperties": "plant-extra-U6olds",
    "ServiceAuth.tokens": "plant-token-I8pafz",
    "ServiceAuth.tokens.additionalProperties": "plant-named-O1qsge",
    "OAuth.client_secret": "plant-oauth-P3wdhr",
    "Upstream.headers.additionalProperties": "plant-fixed-A5efjt",
    "SpecSource.headers.additionalProperties": "plant-spec-S7rgky",
    "a path of the upstream": "plant-path-V2sxnh",
    "the collector's key": "plant-collector-B7rdqo",
    "a pin": "plant-pinned-D9thlu",
    "a file": "plant-file-F2yjzi",
    "the token that was got": "plant-minted-G4ukxo",
    "the store's password": "plant-redis-H6ilcp",
    "the store's key": "plant-storekey-J8omva",
}
# What callers send: it is in their answers, and in nothing that operators read.
SENT = ("sent-argument-K7zwev", "sent-header-L3qnby", "sent-key-M5xcru")
NAMES = {name: "PLANT_" + re.sub(r"\W+", "_", name).upper() for name in PLANTED}


def operation(name: str) -> dict[str, Any]:
    """One that takes two arguments."""
    return {
        "operationId": name,
        "summary": "Says what it was sent.",
        "parameters": [
            {"name": one, "in": "query", "schema": {"type": "string"}} for one in ("q", "fixed")
        ],
        "responses": {"200": {"description": "ok"}},
    }


SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "Echo", "version": "1"},
    "paths": {
        "/echo": {"get": operation("getEcho"), "post": operation("postEcho")},
        "/kept": {"get": operation("getKept")},
        "/broken": {"get": operation("getBroken")},
    },
}


def config(name: str, spec: str, upstream: str, rest: str) -> str:
    return f"""\
plugin: {name}
contact: a@example.com
spec: {spec}
upstream:
  url: "{upstream}"
  timeout: 1s
{rest}
"""


def configs(directory: Path, url: str, frail: str) -> None:
    """The plugins: each credential and each auth that takes a secret."""
    name = {place: f"${{{variable}}}" for place, variable in NAMES.items()}
    (directory / "secret").write_text(PLANTED["a file"])
    spec = (
        f'{{url: "{url}/openapi.json", '
        f'headers: {{X-Spec: "{name["SpecSource.headers.additionalProperties"]}"}}}}'
    )
    credentials = f"""\
  credential:
    - header: {{name: X-Key, value: "Key {name["NamedSecret.value"]}"}}
    - query: {{name: key, value: "{name["NamedSecret.value of a query"]}"}}
    - cookie: {{name: sid, value: "{name["NamedSecret.value of a cookie"]}"}}
    - basic: {{username: me, password: "{name["BasicSecret.password"]}"}}
  headers: {{X-Fixed: "{name["Upstream.headers.additionalProperties"]}"}}
cache: {{ttl: 1m, stale: 1h}}
limit: 1000/min
auth:
  service:
    tokens:
      me: "{name["ServiceAuth.tokens"]}"
      other: "{name["ServiceAuth.tokens.additionalProperties"]}"
parameters: {{fixed: {{pin: "{name["a pin"]}"}}}}
operations: all
"""
    bearer = f"""\
  credential: {{bearer: "{name["Credential.bearer"]}"}}
  headers: {{X-File: "${{file:{directory / "secret"}}}"}}
operations: all
"""
    grant = f"""\
  credential:
    client_credentials:
      token_url: "{url}/token"
      client_id: us
      client_secret: "{name["ClientCredentials.client_secret"]}"
      parameters: {{audience: "{name["ClientCredentials.parameters.additionalProperties"]}"}}
operations: all
"""
    oauth = f"""\
auth:
  oauth:
    client_url: "{url}/authorize"
    token_url: "{url}/token"
    client_id: us
    client_secret: "{name["OAuth.client_secret"]}"
operations: all
"""
    for plugin, upstream, rest in (
        ("many", url, credentials),
        ("frail", frail, credentials),
        ("bearer", f"{url}/bot{name['a path of the upstream']}", bearer),
        ("grant", url, grant),
        ("signin", url, oauth),
    ):
        (directory / f"{plugin}.yaml").write_text(config(plugin, spec, upstream, rest))


async def says_everything(request: web.BaseRequest) -> web.StreamResponse:
    """An upstream that tells whatever it was told, wherever it can."""
    path = request.path
    if path == "/token":
        return web.json_response(
            {"access_token": PLANTED["the token that was got"], "token_type": "bearer",
             "expires_in": 3600, "scope": (await request.read()).decode()}
        )  # fmt: skip
    told = {
        "target": request.raw_path,
        "headers": dict(request.headers),
        "body": (await request.read()).decode(),
    }
    if path == "/openapi.json":
        return web.json_response(
            {**SPEC, "info": {**SPEC["info"], "description": json.dumps(told)}}
        )
    if request.query.get("q") == "html":
        return web.Response(status=503, content_type="text/html", text=f"<h1>{told}</h1>")
    if request.query.get("q") == "problem":
        return web.json_response(told, status=422)
    if request.query.get("q") == "away":
        return web.Response(status=302, headers={"Location": f"/else?{request.query_string}"})
    if request.query.get("q") == "refused":
        return web.json_response(told, status=401)
    latin = {
        name: value.encode("ascii", "replace").decode() for name, value in request.headers.items()
    }
    return web.json_response(
        told,
        headers={
            "X-Echo": json.dumps(latin),
            "ETag": f'"{latin.get("X-Key", "none")}"',
            "Location": f"/echo?{request.query_string}",
            "Content-Language": latin.get("X-Fixed", "en"),
            "Cache-Control": "max-age=60" if path == "/kept" else "no-cache",
        },
    )


def forms() -> Iterator[tuple[str, bytes]]:
    """Every secret in every form in which it might be said."""
    for place, secret in PLANTED.items():
        raw = secret.encode()
        known = {raw, json.dumps(secret)[1:-1].encode(), quote(secret).encode(),
                 quote(secret, safe="").encode(), quote_plus(secret).encode(), raw.hex().encode(),
                 base64.b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"="),
                 base64.b64encode(b"me:" + raw)}  # fmt: skip
        yield from ((place, one) for one in known)


class Gateway:
    """The process, and all that it has said: to anybody, and of that what is for operators."""

    def __init__(self, directory: Path, url: str, admin: str) -> None:
        self.directory, self.url, self.admin = directory, url, admin
        self.said: list[tuple[str, bytes]] = []
        self.traces: list[bytes] = []

    @property
    def told(self) -> list[tuple[str, bytes]]:
        """What operators read."""
        names = ("the log", "a trace", f"GET {self.admin}", "a name in the store")
        return [(name, text) for name, text in self.said if name.startswith(names)]

    async def collect(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take spans, as the OTLP collector that they are sent to."""
        self.traces.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    async def ask(self, session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> int:
        more.setdefault("allow_redirects", False)
        async with session.request(method, url, **more) as response:
            body = await response.read()
            self.said.append((f"{method} {url}", str(response.headers).encode() + body))
            return response.status


def a_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    tmp_path: Path, redis: RedisServer, url: str, frail: str
) -> AsyncIterator[Gateway]:
    folder = tmp_path / "configs"
    folder.mkdir()
    configs(folder, url, frail)
    password = PLANTED["the store's password"]
    port, admin = a_port(), a_port()
    gateway = Gateway(tmp_path, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}")
    collector = RawTestServer(gateway.collect)
    await collector.start_server()
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", str(folder), "--port", str(port)),
            *("--admin", f"127.0.0.1:{admin}", "--workers", "2", "--log", "json"),
            *("--state", str(tmp_path / "state")),
            cwd=ROOT,
            env={
                **os.environ,
                **{NAMES[place]: secret for place, secret in PLANTED.items()},
                "GATEWAY_STORE": f"redis://:{password}@127.0.0.1:{redis.port}/0",
                "GATEWAY_STORE_KEY": PLANTED["the store's key"],
                "PYTHONASYNCIODEBUG": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": str(collector.make_url("")),
                # As many write it, and as it is not to be written.
                "OTEL_EXPORTER_OTLP_HEADERS": "Authorization: " + PLANTED["the collector's key"],
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            },
            stdout=log,
            stderr=log,
        )
        try:
            yield gateway
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
            await collector.close()
    gateway.said.append(("the log", (tmp_path / "log").read_bytes()))
    gateway.said += [("a trace", body) for body in gateway.traces]


async def until_ready(gateway: Gateway, session: aiohttp.ClientSession) -> None:
    for _ in range(300):
        with contextlib.suppress(aiohttp.ClientError):
            if await gateway.ask(session, "GET", f"{gateway.url}/readyz") == 200:
                return
        await asyncio.sleep(0.1)
    raise AssertionError((gateway.directory / "log").read_text())


async def until_admin_says(
    gateway: Gateway, session: aiohttp.ClientSession, text: bytes, *, is_gone: bool = False
) -> None:
    """Until a reload has come out so."""
    for _ in range(100):
        await gateway.ask(session, "GET", f"{gateway.admin}/readyz")
        if (text in gateway.said[-1][1]) is not is_gone:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(gateway.said[-1])


async def call_everything(gateway: Gateway, session: aiohttp.ClientSession) -> set[int]:
    """Every face and every call that may say a secret; the statuses that came."""
    token = {"Authorization": f"Bearer {PLANTED['ServiceAuth.tokens']}"}
    seen = set()
    for plugin in ("many", "frail", "bearer", "grant", "signin"):
        base = f"{gateway.url}/{plugin}"
        for path in ("/", "/.well-known/ai-plugin.json", "/openapi.json", "/openapi.yaml",
                     "/tools.json?for=openai", "/copilot.json", "/legal", "/nothing"):  # fmt: skip
            await gateway.ask(session, "GET", base + path)
        # Where the caller's own key is passed on, it is no secret of ours.
        own = {} if plugin == "signin" else token
        for headers in (own, {}, {"Authorization": f"Bearer {SENT[2]}", "X-Request-Id": SENT[1]}):
            for q in (SENT[0], "html", "problem", "away", "refused"):
                for path in ("/echo", "/kept", "/kept", "/broken"):
                    url = f"{base}{path}?q={q}"
                    seen.add(await gateway.ask(session, "GET", url, headers=headers))
            seen.add(await gateway.ask(session, "POST", f"{base}/echo?q=x", headers=headers))
            await gateway.ask(session, "GET", f"{base}/echo?fixed=mine", headers=headers)
            named = {"q": "x"}
            await gateway.ask(session, "POST", f"{base}/call/getEcho", headers=headers, json=named)
            for method, params in (
                ("tools/list", {}),
                ("tools/call", {"name": "getEcho", "arguments": {"q": "x"}}),
                ("tools/call", {"name": "getBroken", "arguments": {"q": "html"}}),
            ):
                asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                said = {"Accept": "application/json, text/event-stream", **headers}
                await gateway.ask(session, "POST", f"{base}/mcp", headers=said, json=asked)
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://a.example/"}
    await gateway.ask(session, "POST", f"{gateway.url}/signin/oauth/token", data=form)
    return seen


async def searched(gateway: Gateway, redis: RedisServer, tmp_path: Path) -> None:
    """Add what was written: the state on disk and all that is in the Redis."""
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            gateway.said.append((str(path), path.read_bytes()))
    store = Redis(port=redis.port, password=PLANTED["the store's password"])
    count = 0
    async for key in store.scan_iter(count=1000):
        count += 1
        gateway.said.append(("a name in the store", key))
        gateway.said.append((f"the value of {key!r}", await store.dump(key) or b""))
    assert count, "nothing was stored"
    await store.aclose()


async def test_no_secret_is_said_written_or_stored_anywhere(
    tmp_path: Path, upstream: Upstream
) -> None:
    if binary() is None:
        pytest.skip("there is neither redis-server nor valkey-server on the PATH")
    upstream.answer = says_everything
    directory = tmp_path / "redis"
    directory.mkdir()
    redis = RedisServer(
        directory, "--rdbcompression", "no", "--requirepass", PLANTED["the store's password"]
    )
    redis.start()
    try:
        async with (
            fault_proxy(int(upstream.url.rpartition(":")[2])) as proxy,
            running(tmp_path, redis, upstream.url, proxy.url) as gateway,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session,
        ):
            await until_ready(gateway, session)
            statuses = await call_everything(gateway, session)
            assert {200, 401, 422, 502} <= statuses
            token = {"Authorization": f"Bearer {PLANTED['ServiceAuth.tokens']}"}
            said = PLANTED["NamedSecret.value"].encode()
            failed = set()
            for number, fault in enumerate((
                Fault(says=b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % said),
                Fault(says=b"HTTP/1.1 200 OK\r\nX-\0%b: %b\r\n\r\n" % (said, said)),
                Fault(says=b"%b\r\n" % said),
                Fault(reset_after=0), Fault(stall_after=0), Fault(cut_after=300),
            )):  # fmt: skip
                proxy.fault = fault
                await proxy.close()  # connections that are kept have the fault before
                for path in ("/echo", "/kept"):
                    url = f"{gateway.url}/frail{path}?q={number}"
                    failed.add(await gateway.ask(session, "GET", url, headers=token))
            assert {502, 504} <= failed
            # A config that is wrong in the line of a secret, then one without a mistake.
            file = tmp_path / "configs" / "bearer.yaml"
            good = file.read_text()
            file.write_text(good.replace("credential:", "credentials:"))
            await until_admin_says(gateway, session, b"credentials")
            for path in ("/metrics", "/report", "/readyz"):
                await gateway.ask(session, "GET", gateway.admin + path)
            file.write_text(good)
            await until_admin_says(gateway, session, b"credentials", is_gone=True)
            await searched(gateway, redis, tmp_path)
            redis.kill()  # of which the log tells, and not with what one asks it
            url = f"{gateway.url}/many/echo?q={SENT[0]}"
            assert await gateway.ask(session, "GET", url, headers=token) == 200
            await gateway.ask(session, "GET", f"{gateway.admin}/readyz")
    finally:
        redis.kill()
    log = next(text for name, text in gateway.said if name == "the log")
    assert b"credentials" in log, "the mistake was told"
    assert b"getEcho" in log, "calls were logged"
    if find_spec("opentelemetry.exporter") is not None:
        assert b"many.getEcho" in b"".join(gateway.traces), "calls were traced"
    received = b"".join(
        str(one.headers).encode() + one.target.encode() + one.body for one in upstream.received
    )
    for place in (
        "NamedSecret.value",
        "BasicSecret.password",
        "a path of the upstream",
        "a pin",
        "a file",
        "the token that was got",
    ):
        known = [one for of, one in forms() if of == place]
        assert any(one in received for one in known), f"{place} did not reach the upstream"
    found = sorted(
        {
            f"{place} in {name}"
            for name, text in gateway.said
            for place, form in forms()
            if form in text
        }
    )
    assert not found, "\n".join(found)
    found = sorted({f"{one} in {name}" for name, text in gateway.told for one in SENT
                    if one.encode() in text})  # fmt: skip
    assert not found, "\n".join(found)


def test_every_place_that_takes_a_secret_is_planted() -> None:
    schema = json.loads((ROOT / "gateway" / "config" / "schema.json").read_text())

    def marked(value: Any, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(value, dict):
            if value.get("writeOnly"):
                yield ".".join(one for one in path if one not in ("$defs", "properties"))
            for key, inner in value.items():
                yield from marked(inner, (*path, key))

    assert set(marked(schema, ())) <= set(PLANTED)
