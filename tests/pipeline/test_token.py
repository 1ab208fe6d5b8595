"""The gateway's own token: one request for it, however many calls need it; none goes without."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import msgspec
import pytest
from aiohttp import web

from gateway.config import types
from gateway.errors import CredentialRefused
from gateway.pipeline import token as module
from gateway.pipeline.token import COOLDOWN, PAUSE, UNTOLD, Tokens, tokens_of
from tests.conftest import Serve, Upstream

GRANT = {"client_id": "gate:way", "client_secret": "s%cret+1", "scope": "read write"}


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def learnt() -> list[str]:
    return []


@pytest.fixture
async def made(
    upstream: Upstream, time: Time, learnt: list[str]
) -> AsyncIterator[Callable[..., Tokens]]:
    async with aiohttp.ClientSession() as client:

        def make(**settings: Any) -> Tokens:
            given = {**GRANT, "token_url": f"{upstream.url}/token", **settings}
            grant = msgspec.convert(given, types.ClientCredentials)
            found = tokens_of(grant, client, time, learnt.append)
            assert found is not None
            return found

        yield make


def gives(upstream: Upstream, **members: Any) -> None:
    """Let the endpoint give tokens t1, t2, …"""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        token = f"t{len(upstream.received)}"
        return web.json_response({"access_token": token, "token_type": "Bearer", **members})

    upstream.answer = answer


def fails(upstream: Upstream, status: int, **members: Any) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(members, status=status)

    upstream.answer = answer


async def test_it_is_asked_for_as_the_rfc_says(
    upstream: Upstream, made: Callable[..., Tokens], learnt: list[str]
) -> None:
    gives(upstream)
    assert await made(parameters={"audience": "https://api"}).get() == "t1"
    asked = upstream.last
    assert (asked.method, asked.target) == ("POST", "/token")
    assert asked.headers["Authorization"] == "Basic Z2F0ZSUzQXdheTpzJTI1Y3JldCUyQjE="
    assert dict(parse_qsl(asked.body.decode())) == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "audience": "https://api",
    }
    assert learnt == ["t1"]


async def test_id_and_secret_go_where_the_endpoint_wants_them(
    upstream: Upstream, made: Callable[..., Tokens]
) -> None:
    gives(upstream)
    await made(client_auth="body", content_type="application/json", scope="").get()
    assert "Authorization" not in upstream.last.headers
    assert json.loads(upstream.last.body) == {
        "grant_type": "client_credentials",
        "client_id": "gate:way",
        "client_secret": "s%cret+1",
    }


async def test_all_who_wait_share_one_request(
    upstream: Upstream, made: Callable[..., Tokens]
) -> None:
    gives(upstream, expires_in=3600)
    tokens = made()
    assert set(await asyncio.gather(*(tokens.get() for _ in range(50)))) == {"t1"}
    assert await tokens.get() == "t1"
    assert len(upstream.received) == 1


async def test_one_who_leaves_takes_nothing_from_the_others(
    upstream: Upstream, made: Callable[..., Tokens]
) -> None:
    gives(upstream)
    tokens = made()
    first = asyncio.create_task(tokens.get())
    second = asyncio.create_task(tokens.get())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "t1"
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("told", "early", "end"), [(3600, 3541, 3600), (100, 91, 100), ("20", 19, 20)]
)
async def test_it_is_renewed_before_its_end_while_the_old_one_counts(
    upstream: Upstream, made: Callable[..., Tokens], time: Time, told: Any, early: float, end: float
) -> None:
    gives(upstream, expires_in=told)
    tokens, start = made(), time.now
    assert await tokens.get() == "t1"
    time.now = start + early - 1.5
    assert await tokens.get() == "t1"
    assert len(upstream.received) == 1
    time.now = start + early
    if early < end - 1:
        assert await tokens.get() == "t1", "the old one counts while a new one is got"
    while len(upstream.received) < 2:
        await tokens.get()
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert await tokens.get() == "t2"
    assert len(upstream.received) == 2


async def test_one_that_has_ended_is_never_shown(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    gives(upstream, expires_in=60)
    tokens = made()
    await tokens.get()
    time.now += 60
    assert await tokens.get() == "t2"


async def test_one_whose_end_is_not_told_counts_for_a_while(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    gives(upstream)
    tokens = made()
    await tokens.get()
    time.now += UNTOLD - 31
    assert await tokens.get() == "t1"
    time.now += 31
    assert await tokens.get() == "t2"


async def test_one_that_is_refused_is_forgotten(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    gives(upstream)
    tokens = made()
    tokens.forget(await tokens.get())
    assert await tokens.get() == "t2"
    time.now += COOLDOWN
    tokens.forget("t1")
    assert await tokens.get() == "t2", "an older one takes nothing from a newer one"


async def test_one_after_another_is_not_forgotten(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    gives(upstream)
    tokens = made()
    for _ in range(5):
        tokens.forget(await tokens.get())
    assert await tokens.get() == "t2"
    time.now += COOLDOWN
    tokens.forget("t2")
    assert await tokens.get() == "t3"


@pytest.mark.parametrize("seconds", [0, -1, "-5"])
async def test_one_that_has_ended_when_it_comes_is_not_kept(
    upstream: Upstream, made: Callable[..., Tokens], seconds: Any
) -> None:
    gives(upstream, expires_in=seconds)
    tokens = made()
    assert [await tokens.get(), await tokens.get()] == ["t1", "t2"]


async def test_a_slow_endpoint_is_told_as_what_it_is_and_its_token_is_the_next_calls(
    upstream: Upstream, made: Callable[..., Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    gives(upstream)
    answer, slow = upstream.answer, asyncio.Event()

    async def late(request: web.BaseRequest) -> web.StreamResponse:
        await slow.wait()
        assert answer is not None
        return await answer(request)

    upstream.answer = late
    monkeypatch.setattr(module, "WAIT", 0.05)
    tokens = made()
    with pytest.raises(CredentialRefused, match="was not carried out") as refusal:
        await tokens.get()
    assert refusal.value.retry_after == PAUSE
    slow.set()
    monkeypatch.undo()
    assert await tokens.get() == "t1"
    assert len(upstream.received) == 1


async def test_the_operator_reads_what_to_mend(
    upstream: Upstream, made: Callable[..., Tokens], caplog: pytest.LogCaptureFixture
) -> None:
    fails(upstream, 401, error="invalid_client")
    with pytest.raises(CredentialRefused):
        await made().get()
    assert "check client_id, client_secret" in caplog.text
    assert "credential.client_credentials.token_url" in caplog.text


@pytest.mark.parametrize(
    ("status", "members", "code", "retry"),
    [
        (401, {"error": "invalid_client", "error_description": "s%cret+1"}, "server_error", None),
        (400, {"error": "invalid_scope"}, "invalid_scope", None),
        (503, {}, "temporarily_unavailable", PAUSE),
        (200, {"token": "x"}, "server_error", None),
        (302, {}, "server_error", None),
    ],
)
async def test_without_a_token_the_call_is_stopped(
    upstream: Upstream,
    made: Callable[..., Tokens],
    status: int,
    members: Any,
    code: str,
    retry: Any,
) -> None:
    fails(upstream, status, **members)
    with pytest.raises(CredentialRefused) as refusal:
        await made().get()
    assert f"({code})" in refusal.value.detail
    assert refusal.value.retry_after == retry
    assert "s%cret" not in refusal.value.detail


async def test_an_endpoint_in_trouble_is_not_asked_by_every_call(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    fails(upstream, 500)
    tokens = made()
    for _ in range(10):
        with pytest.raises(CredentialRefused):
            await tokens.get()
    assert len(upstream.received) == 1
    gives(upstream)
    time.now += PAUSE
    assert await tokens.get() == "t2"


async def test_a_renewal_that_fails_leaves_the_token_that_still_counts(
    upstream: Upstream, made: Callable[..., Tokens], time: Time
) -> None:
    gives(upstream, expires_in=100)
    tokens = made()
    await tokens.get()
    fails(upstream, 500)
    time.now += 95
    for _ in range(5):
        assert await tokens.get() == "t1"
        await asyncio.sleep(0.01)
    assert len(upstream.received) == 2
    time.now += 5
    with pytest.raises(CredentialRefused):
        await tokens.get()


# --- with calls -------------------------------------------------------------------------------

PLUGIN = """
plugin: shop
contact: a@example.com
cache: no
upstream:
  url: "{url}/v1"
  credential:
    client_credentials: {{token_url: "{url}/token", client_id: me, client_secret: "a-long-secret"}}
operations:
  getThings:
    call: GET /things
    description: All things.
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{name: {{type: string}}}}}}
"""


class Guarded:
    """An upstream with a token endpoint that takes what it gave last, and no more."""

    def __init__(self, upstream: Upstream) -> None:
        self.given = 0
        self.valid = ""
        self.calls: list[str] = []
        upstream.answer = self.answer

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            self.given += 1
            self.valid = f"token-number-{self.given}"
            return web.json_response({"access_token": self.valid, "expires_in": 3600})
        self.calls.append(request.method)
        shown = request.headers.get("Authorization", "")
        status = 200 if shown == f"Bearer {self.valid}" else 401
        return web.json_response({"you sent": shown}, status=status)


async def test_calls_show_the_token_and_no_answer_repeats_it(
    serve: Serve, upstream: Upstream
) -> None:
    guarded = Guarded(upstream)
    client = await serve(PLUGIN.format(url=upstream.url))
    answers = await asyncio.gather(*(client.get("/things") for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.json()["you sent"] for answer in answers} == {"Bearer [masked]"}
    assert guarded.given == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_that_was_taken_back_is_replaced_once(
    serve: Serve, upstream: Upstream, method: str
) -> None:
    guarded = Guarded(upstream)
    client = await serve(PLUGIN.format(url=upstream.url))
    await client.get("/things")
    guarded.valid = "another"
    body = {"json": {"name": "a"}} if method == "POST" else {}
    assert (await client.request(method, "/things", **body)).status == 200
    assert (guarded.given, guarded.calls) == (2, ["GET", method, method])
    assert upstream.last.body == (b'{"name":"a"}' if body else b"")


async def test_an_upstream_that_refuses_every_token_is_not_asked_for_ever(
    serve: Serve, upstream: Upstream
) -> None:
    guarded = Guarded(upstream)
    client = await serve(PLUGIN.format(url=upstream.url))

    async def never(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/token":
            guarded.valid = ""
        return await guarded.answer(request)

    upstream.answer = never
    answer = await client.get("/things")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")
    assert guarded.calls == ["GET", "GET"]
    # The new one is kept, so there is nothing else to try with.
    assert (await client.get("/things")).status == 502
    assert (guarded.calls, guarded.given) == (["GET", "GET", "GET"], 2)


async def test_a_write_that_waits_for_a_token_in_vain_was_not_carried_out(
    serve: Serve, upstream: Upstream
) -> None:
    seen = asyncio.Event()

    async def late(_request: web.BaseRequest) -> web.StreamResponse:
        await seen.wait()
        return web.json_response({})

    upstream.answer = late
    client = await serve(PLUGIN.format(url=upstream.url).replace("  url:", "  timeout: 1s\n  url:"))
    answer = await client.request("POST", "/things", json={"name": "a"})
    assert answer.status == 504
    seen.set()
    assert "so nothing was sent" in answer.json()["detail"]
    assert [one.target for one in upstream.received] == ["/token"]


async def test_nothing_is_sent_without_a_token(serve: Serve, upstream: Upstream) -> None:
    fails(upstream, 401, error="invalid_client")
    client = await serve(PLUGIN.format(url=upstream.url))
    answer = await client.get("/things")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")
    assert b"a-long-secret" not in answer.body
    assert [one.target for one in upstream.received] == ["/token"]


async def test_a_failure_that_stands_is_each_calls_own(serve: Serve, upstream: Upstream) -> None:
    """What is told to one caller, and what a traceback holds, is not the next one's as well."""
    fails(upstream, 401, error="invalid_client")
    limited = PLUGIN.replace("call: GET /things", "call: GET /things\n    limit: 7/min")
    client = await serve(limited.format(url=upstream.url))
    assert "RateLimit" in (await client.get("/things")).headers
    answer = await client.post("/things", json={"name": "a"})
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")
    assert "RateLimit" not in answer.headers
    assert [one.target for one in upstream.received] == ["/token"]


async def test_a_failure_that_stands_holds_nothing_of_calls(
    upstream: Upstream, made: Callable[..., Tokens]
) -> None:
    fails(upstream, 401, error="invalid_client")
    tokens = made()
    caught = []
    for _ in range(3):
        with pytest.raises(CredentialRefused) as one:
            await tokens.get()
        caught.append((one.value, len(one.traceback)))
    assert len({id(error) for error, _ in caught}) == 3
    assert caught[1][1] == caught[2][1]
