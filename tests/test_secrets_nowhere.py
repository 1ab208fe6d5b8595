"""Secrets in every place that takes one, a whole gateway with two workers and a Redis, calls that
succeed, fail and lie: then everything it said, wrote and stored is searched for them."""

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
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import pytest
from aiohttp import web
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
    "a pin": "plant-pinned-D9thlu",
    "a file": "plant-file-F2yjzi",
    "the token that was got": "plant-minted-G4ukxo",
    "the store's password": "plant-redis-H6ilcp",
    "the store's key": "plant-storekey-J8omva",
}
NAMES = {name: "PLANT_" + re.sub(r"\W+", "_", name).upper() for name in PLANTED}
SPEC = {
    "openapi": "3.0.3",
    "info": {"title": "Echo", "version": "1"},
    "paths": {
        path: {
            method: {
                "operationId": name,
                "summary": "Says what it was sent.",
                "parameters": [
                    {"name": one, "in": "query", "schema": {"type": "string"}}
                    for one in ("q", "fixed")
                ],
                "responses": {"200": {"description": "ok"}},
            }
        }
        for name, method, path in (
            ("getEcho", "get", "/echo"),
            ("getKept", "get", "/kept"),
            ("getBroken", "get", "/broken"),
            ("postEcho", "post", "/echo"),
        )
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
        ("bearer", url, bearer),
        ("grant", url, grant),
        ("oauth", url, oauth),
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
    """The process, and all that it has said."""

    def __init__(self, directory: Path, url: str, admin: str) -> None:
        self.directory, self.url, self.admin = directory, url, admin
        self.said: list[tuple[str, bytes]] = []

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
            },
            stdout=log,
            stderr=log,
        )
        gateway = Gateway(tmp_path, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}")
        try:
            yield gateway
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
    gateway.said.append(("the log", (tmp_path / "log").read_bytes()))


async def until_ready(gateway: Gateway, session: aiohttp.ClientSession) -> None:
    for _ in range(300):
        with contextlib.suppress(aiohttp.ClientError):
            if await gateway.ask(session, "GET", f"{gateway.url}/readyz") == 200:
                return
        await asyncio.sleep(0.1)
    raise AssertionError((gateway.directory / "log").read_text())


async def call_everything(gateway: Gateway, session: aiohttp.ClientSession) -> set[int]:
    """Every face and every call that may say a secret; the statuses that came."""
    token = {"Authorization": f"Bearer {PLANTED['ServiceAuth.tokens']}"}
    seen = set()
    for plugin in ("many", "frail", "bearer", "grant", "oauth"):
        base = f"{gateway.url}/{plugin}"
        for path in ("/", "/.well-known/ai-plugin.json", "/openapi.json", "/openapi.yaml",
                     "/tools.json?for=openai", "/copilot.json", "/legal", "/nothing"):  # fmt: skip
            await gateway.ask(session, "GET", base + path)
        for headers in (token, {}, {"Authorization": "Bearer wrong"}):
            for q in ("x", "html", "problem", "away", "refused"):
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
    await gateway.ask(session, "POST", f"{gateway.url}/oauth/oauth/token", data=form)
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
        async with fault_proxy(int(upstream.url.rpartition(":")[2])) as proxy:
            async with (
                running(tmp_path, redis, upstream.url, proxy.url) as gateway,
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session,
            ):
                await until_ready(gateway, session)
                statuses = await call_everything(gateway, session)
                assert {200, 401, 422, 502} <= statuses
                for fault in (
                    Fault(reset_after=0), Fault(stall_after=0), Fault(cut_after=300),
                    Fault(says=b"HTTP/1.1 200 OK\r\nX-Key: " + os.urandom(40) + b"\r\n\r\n"),
                ):  # fmt: skip
                    proxy.fault = fault
                    token = {"Authorization": f"Bearer {PLANTED['ServiceAuth.tokens']}"}
                    for path in ("/echo?q=x", "/kept?q=x", "/broken?q=y"):
                        await gateway.ask(
                            session, "GET", f"{gateway.url}/frail{path}", headers=token
                        )
                # A config that is wrong in the line of a secret, then one without a mistake.
                file = tmp_path / "configs" / "bearer.yaml"
                good = file.read_text()
                file.write_text(good.replace("credential:", "credentials:"))
                await asyncio.sleep(2.0)
                for path in ("/metrics", "/report", "/readyz"):
                    await gateway.ask(session, "GET", gateway.admin + path)
                file.write_text(good)
                await asyncio.sleep(1.0)
                await gateway.ask(session, "GET", f"{gateway.admin}/readyz")
            await searched(gateway, redis, tmp_path)
    finally:
        redis.kill()
    log = next(text for name, text in gateway.said if name == "the log")
    assert b"credentials" in log, "the mistake was told"
    assert b"getEcho" in log, "calls were logged"
    received = b"".join(
        str(one.headers).encode() + one.target.encode() + one.body for one in upstream.received
    )
    for place in (
        "NamedSecret.value",
        "BasicSecret.password",
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


def test_every_place_that_takes_a_secret_is_planted() -> None:
    schema = json.loads((ROOT / "gateway" / "config" / "schema.json").read_text())

    def marked(value: Any, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(value, dict):
            if value.get("writeOnly"):
                yield ".".join(one for one in path if one not in ("$defs", "properties"))
            for key, inner in value.items():
                yield from marked(inner, (*path, key))

    assert set(marked(schema, ())) <= set(PLANTED)
