"""The sign-in relay over real HTTP: a scripted platform, the gateway, a scripted sign-in server."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import logging
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
import pytest
from aiohttp import web

from gateway.oauth.exchange import understood
from gateway.oauth.relay import MAX_USED
from gateway.oauth.requests import OAuthError
from gateway.oauth.seal import CODE_SECONDS, LOGIN_SECONDS
from tests.conftest import Client, Response, Serve, Upstream

BACK = "https://chat.openai.com/aip/plugin-1/oauth/callback"
OTHER = "https://chat.openai.com/aip/g-evil/oauth/callback"
SECRET = "s3cret/of+the=client"
CONFIG = """
plugin: todo
contact: a@b.example
upstream: {url: "URL"}
auth:
  oauth:
    client_url: URL/login?prompt=consent
    token_url: URL/exchange
    client_id: todo-id
    client_secret: "${SECRET}"
    scope: read write
    MORE
operations:
  getTodos: {call: GET /todos}
  other: {call: "GET /{a}/{b}", parameters: {a: {in: path, required: true, type: string},
    b: {in: path, required: true, type: string}}}
"""
TOKEN = {
    "access_token": "at-1",
    "token_type": "Bearer",
    "expires_in": "59",
    "refresh_token": "rt-1",
}


@pytest.fixture
async def gateway(serve: Serve, upstream: Upstream) -> Client:
    upstream.says(TOKEN)
    return await start(serve, upstream)


async def start(serve: Serve, upstream: Upstream, more: str = "", **options: Any) -> Client:
    text = CONFIG.replace("URL", upstream.url).replace("MORE", more)
    return await serve(text, env={"SECRET": SECRET}, **options)


def asked(**changes: str | None) -> str:
    given = {
        "response_type": "code", "client_id": "todo-id", "scope": "read", "state": "st&1",
        "redirect_uri": BACK,
    } | changes  # fmt: skip
    return "/todo/oauth/authorize?" + urlencode({k: v for k, v in given.items() if v is not None})


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def sent_to(response: Response) -> str:
    assert response.status == 302, response.body
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    return response.headers["Location"]


async def code_of(gateway: Client, upstream_code: str = "up-code", **changes: str | None) -> str:
    """Go through a login, as a browser does; the platform's code."""
    login = query_of(sent_to(await gateway.get(asked(**changes))))
    back = urlencode({"code": upstream_code, "state": login["state"]})
    return query_of(sent_to(await gateway.get("/todo/oauth/callback?" + back)))["code"]


def grant(_code: str, **changes: str | None) -> dict[str, str]:
    given = {
        "grant_type": "authorization_code", "client_id": "todo-id", "client_secret": SECRET,
        "code": _code, "redirect_uri": BACK,
    } | changes  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


async def exchange(gateway: Client, given: dict[str, str], **kwargs: Any) -> Response:
    return await gateway.post("/todo/oauth/token", **(kwargs or {"data": given}))


def is_refused(response: Response, code: str, status: int = 400) -> None:
    assert response.status == status, response.body
    assert response.json()["error"] == code
    assert response.headers["Cache-Control"] == "no-store"


# --- the browser ------------------------------------------------------------------------------


async def test_the_documents_name_our_addresses(gateway: Client) -> None:
    base = f"{gateway.base}/todo"
    auth = (await gateway.get("/todo/.well-known/ai-plugin.json")).json()["auth"]
    assert auth["client_url"] == f"{base}/oauth/authorize"
    assert auth["authorization_url"] == f"{base}/oauth/token"
    document = (await gateway.get("/todo/openapi.json")).json()
    flow = document["components"]["securitySchemes"]["auth"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == f"{base}/oauth/authorize"
    assert flow["tokenUrl"] == f"{base}/oauth/token"


async def test_a_login_goes_to_the_upstream_with_our_callback_and_state(
    gateway: Client, upstream: Upstream
) -> None:
    url = sent_to(await gateway.get(asked(surprise="1", request_uri="https://evil.example")))
    assert url.startswith(f"{upstream.url}/login?prompt=consent&")
    given = query_of(url)
    state = given.pop("state")
    assert "st&1" not in state
    assert given == {
        "prompt": "consent", "response_type": "code", "client_id": "todo-id", "scope": "read",
        "redirect_uri": f"{gateway.base}/todo/oauth/callback",
        "code_challenge": given["code_challenge"], "code_challenge_method": "S256",
    }  # fmt: skip


async def test_the_callback_goes_to_the_platform_with_its_state(gateway: Client) -> None:
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    url = sent_to(await gateway.get(f"/todo/oauth/callback?code=up-code&state={state}"))
    assert url.startswith(BACK + "?code=")
    assert query_of(url)["state"] == "st&1"
    # Nobody can take the upstream's code out and bring it into a login of his own.
    code = query_of(url)["code"]
    assert b"up-code" not in base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "another"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": BACK + "#x"},
        {"redirect_uri": BACK + "?x=1"},
        {"redirect_uri": BACK + "/.."},
        {"redirect_uri": BACK.replace("plugin-1", "a/b")},
        {"redirect_uri": BACK.replace("https", "http")},
        {"redirect_uri": BACK.replace("chat.", "chat.openai.com@evil.example/")},
        {"redirect_uri": BACK.replace("/aip", "\\aip")},
        {"redirect_uri": BACK + "\r\nX: y"},
        {"redirect_uri": BACK + "\n"},
        {"redirect_uri": BACK.replace("https://", "https://user:pw@")},
        {"redirect_uri": BACK.replace(".com/", ".com:443/")},
        {"redirect_uri": BACK.replace(".com/", ".com./")},
        {"redirect_uri": BACK.replace("chat.openai", "Chat.OpenAI")},
        {"redirect_uri": BACK.replace("https", "HTTPS")},
        {"redirect_uri": BACK.replace("plugin-1", "..")},
        {"redirect_uri": BACK.replace("plugin-1", "%2e%2e")},
        {"redirect_uri": BACK.replace("plugin-1", "a%2Fb")},
        {"redirect_uri": BACK.replace("plugin-1", "plugin-\u0661")},
        {"redirect_uri": BACK.replace("plugin-1", "")},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": " " + BACK},
        {"redirect_uri": BACK.removeprefix("https:")},
    ],
)
async def test_before_the_platform_is_proved_nothing_is_redirected(
    gateway: Client, changes: dict[str, str | None]
) -> None:
    response = await gateway.get(asked(**changes))
    assert response.status == 400
    assert "Location" not in response.headers
    assert response.json()["code"] == "sign_in_refused"


async def test_a_redirect_uri_given_twice_is_shown_not_followed(gateway: Client) -> None:
    response = await gateway.get(asked() + "&redirect_uri=" + quote(BACK, safe=""))
    assert response.status == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"state": "x" * 2049}, "invalid_request"),
        ({"state": "\u20ac" * 700}, "invalid_request"),
        ({"code_challenge": "abc"}, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_afterwards_errors_go_back_to_the_platform(
    gateway: Client, changes: dict[str, str | None], error: str
) -> None:
    url = sent_to(await gateway.get(asked(**changes)))
    assert url.startswith(BACK + "?error=")
    assert query_of(url)["error"] == error
    assert query_of(url).get("state") == changes.get("state", "st&1")


@pytest.mark.parametrize("state", ["", "x", "gAAAA", "ä", "a" * 5000])
async def test_a_callback_with_a_state_of_others_is_shown_not_followed(
    gateway: Client, state: str
) -> None:
    response = await gateway.get("/todo/oauth/callback?code=c&state=" + quote(state))
    assert response.status == 400
    assert "Location" not in response.headers


async def test_a_changed_state_or_a_code_as_state_is_refused(gateway: Client) -> None:
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    changed = state[:40] + ("A" if state[40] != "A" else "B") + state[41:]
    for wrong in (changed, await code_of(gateway)):
        assert (await gateway.get(f"/todo/oauth/callback?code=c&state={wrong}")).status == 400


@pytest.mark.parametrize(
    ("said", "error"), [("access_denied", "access_denied"), ("<b>x</b>", "server_error")]
)
async def test_an_error_of_the_login_goes_back_to_the_platform(
    gateway: Client, said: str, error: str
) -> None:
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    target = f"/todo/oauth/callback?error={quote(said)}&error_description=SECRET&state={state}"
    url = sent_to(await gateway.get(target))
    assert query_of(url)["error"] == error
    assert query_of(url)["state"] == "st&1"
    assert "SECRET" not in url


async def test_listed_addresses_replace_those_of_the_platforms(
    serve: Serve, upstream: Upstream
) -> None:
    gateway = await start(serve, upstream, 'redirect_uris: ["https://a.example/cb?x=1"]')
    url = sent_to(await gateway.get(asked(redirect_uri="https://a.example/cb?x=1", state=None)))
    assert url.startswith("https://a.example/cb?x=1&error=")
    assert (await gateway.get(asked())).status == 400


# --- the platform -----------------------------------------------------------------------------


async def test_a_code_is_exchanged_once(gateway: Client, upstream: Upstream) -> None:
    code = await code_of(gateway)
    response = await exchange(gateway, grant(code))
    assert response.status == 200, response.body
    assert response.json() == {
        "access_token": "at-1", "token_type": "bearer", "expires_in": 59, "refresh_token": "rt-1",
    }  # fmt: skip
    assert response.headers["Cache-Control"] == "no-store"
    sent = dict(parse_qsl(upstream.last.body.decode()))
    assert len(sent.pop("code_verifier")) == 43
    assert sent == {
        "grant_type": "authorization_code", "code": "up-code", "client_id": "todo-id",
        "client_secret": SECRET, "redirect_uri": f"{gateway.base}/todo/oauth/callback",
    }  # fmt: skip
    before = len(upstream.received)
    is_refused(await exchange(gateway, grant(code)), "invalid_grant")
    assert len(upstream.received) == before


async def test_one_login_gives_one_exchange_however_often_it_comes_back(gateway: Client) -> None:
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    codes = [
        query_of(sent_to(await gateway.get(f"/todo/oauth/callback?code={n}&state={state}")))["code"]
        for n in "ab"
    ]
    assert (await exchange(gateway, grant(codes[0]))).status == 200
    is_refused(await exchange(gateway, grant(codes[1])), "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({"client_secret": "wrong"}, "invalid_client", 401),
        ({"client_secret": None}, "invalid_client", 401),
        ({"client_id": "another"}, "invalid_client", 401),
        ({"redirect_uri": OTHER}, "invalid_grant", 400),
        ({"redirect_uri": None}, "invalid_request", 400),
        ({"code": "made-up"}, "invalid_grant", 400),
        ({"code": None}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": None}, "invalid_request", 400),
        ({"grant_type": "refresh_token"}, "invalid_request", 400),
        ({"code_verifier": "v"}, "invalid_grant", 400),
    ],
)
async def test_what_does_not_fit_the_login_never_reaches_the_upstream(
    gateway: Client, upstream: Upstream, changes: dict[str, str | None], error: str, status: int
) -> None:
    response = await exchange(gateway, grant(await code_of(gateway), **changes))
    is_refused(response, error, status)
    assert not upstream.received
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_a_code_got_for_another_address_is_of_no_use(gateway: Client) -> None:
    stolen = await code_of(gateway, redirect_uri=OTHER)
    is_refused(await exchange(gateway, grant(stolen)), "invalid_grant")


async def test_it_is_read_as_json_as_a_form_and_with_basic(gateway: Client) -> None:
    basic = base64.b64encode(f"todo-id:{SECRET}".encode()).decode()
    coded = base64.b64encode(f"todo-id:{quote(SECRET, safe='')}".encode()).decode()
    bare = {"client_secret": None, "client_id": None}
    assert (await exchange(gateway, {}, json=grant(await code_of(gateway)))).status == 200
    for proof in (basic, coded):
        headers = {"Authorization": f"Basic {proof}"}
        given = grant(await code_of(gateway), **bare)
        assert (await exchange(gateway, {}, data=given, headers=headers)).status == 200
    given = grant(await code_of(gateway))
    headers = {"Authorization": f"Basic {basic}"}
    is_refused(await exchange(gateway, {}, data=given, headers=headers), "invalid_request")
    headers = {"Authorization": "Basic bm90aGluZw=="}
    given = grant(await code_of(gateway), **bare)
    is_refused(await exchange(gateway, {}, data=given, headers=headers), "invalid_client", 401)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": {}}', b"a=1&a=2", b"\xff", b"%ff=1"])
async def test_a_body_that_is_no_request_is_refused(gateway: Client, body: bytes) -> None:
    response = await exchange(gateway, {}, data=body, headers={"Content-Type": "text/plain"})
    assert response.status in (400, 401)
    assert response.json()["error"] in ("invalid_request", "invalid_client")


async def test_a_refresh_token_is_passed_on(gateway: Client, upstream: Upstream) -> None:
    given = {"grant_type": "refresh_token", "refresh_token": "rt-1", "client_id": "todo-id"}
    is_refused(await exchange(gateway, given), "invalid_client", 401)
    assert (await exchange(gateway, {**given, "client_secret": SECRET})).status == 200
    sent = dict(parse_qsl(upstream.last.body.decode()))
    assert sent == {**given, "client_secret": SECRET}


def s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


PKCE = {"code_challenge": s256("v" * 43), "code_challenge_method": "S256"}


async def test_the_upstreams_code_is_bound_to_the_login_that_was_begun_here(
    gateway: Client, upstream: Upstream
) -> None:
    challenges = []
    for _ in range(2):
        login = query_of(sent_to(await gateway.get(asked())))
        assert login["code_challenge_method"] == "S256"
        challenges.append(login["code_challenge"])
        back = urlencode({"code": "up-code", "state": login["state"]})
        url = sent_to(await gateway.get("/todo/oauth/callback?" + back))
        assert (await exchange(gateway, grant(query_of(url)["code"]))).status == 200
        verifier = dict(parse_qsl(upstream.last.body.decode()))["code_verifier"]
        assert s256(verifier) == login["code_challenge"]
        # A browser carries the verifier sealed.
        for text in (login["state"], query_of(url)["code"]):
            assert verifier.encode() not in base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert challenges[0] != challenges[1]


async def test_the_platforms_pkce_is_checked_here_and_ours_is_sent(
    gateway: Client, upstream: Upstream
) -> None:
    login = query_of(sent_to(await gateway.get(asked(**PKCE))))
    assert login["code_challenge"] != PKCE["code_challenge"]
    given = grant(await code_of(gateway, **PKCE), code_verifier="v" * 43)
    assert (await exchange(gateway, given)).status == 200
    assert dict(parse_qsl(upstream.last.body.decode()))["code_verifier"] != "v" * 43
    for wrong in (None, "w" * 43):
        given = grant(await code_of(gateway, **PKCE), code_verifier=wrong)
        is_refused(await exchange(gateway, given), "invalid_grant")


async def test_pkce_false_sends_none_of_it_and_still_checks_the_platforms(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(TOKEN)
    gateway = await start(serve, upstream, "pkce: false")
    assert "code_challenge" not in sent_to(await gateway.get(asked(**PKCE)))
    given = grant(await code_of(gateway, **PKCE), code_verifier="v" * 43)
    assert (await exchange(gateway, given)).status == 200
    assert b"code_verifier" not in upstream.last.body
    given = grant(await code_of(gateway, **PKCE), code_verifier="w" * 43)
    is_refused(await exchange(gateway, given), "invalid_grant")


# --- a code is used once ----------------------------------------------------------------------


async def test_a_code_that_could_not_be_shown_may_be_sent_again(
    serve: Serve, upstream: Upstream, unused_tcp_port: int
) -> None:
    token_url = f"token_url: http://127.0.0.1:{unused_tcp_port}/exchange"
    text = CONFIG.replace("token_url: URL/exchange", token_url).replace("URL", upstream.url)
    gateway = await serve(text.replace("MORE", ""), env={"SECRET": SECRET})
    given = grant(await code_of(gateway))
    for _ in range(2):
        response = await exchange(gateway, given)
        is_refused(response, "temporarily_unavailable", 502)
        assert "again" in response.json()["error_description"]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_code_that_was_turned_away_unread_may_be_sent_again(
    gateway: Client, upstream: Upstream, status: int
) -> None:
    given = grant(await code_of(gateway))
    upstream.says({}, status=status)
    is_refused(await exchange(gateway, given), "temporarily_unavailable", 503)
    upstream.says(TOKEN)
    assert (await exchange(gateway, given)).status == 200


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 502])
async def test_a_code_that_was_answered_is_used(
    gateway: Client, upstream: Upstream, status: int
) -> None:
    given = grant(await code_of(gateway))
    upstream.says({"error": "invalid_grant"}, status=status)
    assert "anew" in (await exchange(gateway, given)).json()["error_description"]
    upstream.says(TOKEN)
    is_refused(await exchange(gateway, given), "invalid_grant")


async def test_of_two_exchanges_at_once_one_is_refused(gateway: Client, upstream: Upstream) -> None:
    asked_for, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked_for.set()
        await go_on.wait()
        return web.json_response(TOKEN)

    upstream.answer = answer
    given = grant(await code_of(gateway))
    first = asyncio.create_task(exchange(gateway, given))
    await asked_for.wait()
    is_refused(await exchange(gateway, given), "invalid_grant")
    go_on.set()
    assert (await first).status == 200
    assert len(upstream.received) == 1


# --- what a request may look like -------------------------------------------------------------


async def test_a_json_member_given_twice_is_refused(gateway: Client, upstream: Upstream) -> None:
    given = msgspec.json.encode(grant(await code_of(gateway))).decode()
    headers = {"Content-Type": "application/json"}
    for more in ('"client_id": "todo-id"', '"x": 1, "x": {}', '"code": null'):
        body = given[:-1] + ", " + more + "}"
        response = await exchange(gateway, {}, data=body.encode(), headers=headers)
        is_refused(response, "invalid_request")
        assert "twice" in response.json()["error_description"]
    assert not upstream.received


async def test_json_members_that_mean_nothing_are_ignored(gateway: Client) -> None:
    given: dict[str, Any] = dict(grant(await code_of(gateway)))
    given |= {"nested": {"a": [1, {"b": None}]}, "n": 10**4000, "list": [1], "scope": None}
    assert (await exchange(gateway, {}, json=given)).status == 200
    given = grant(await code_of(gateway)) | {"code_verifier": ["v"]}
    response = await exchange(gateway, {}, json=given)
    is_refused(response, "invalid_request")
    assert "code_verifier" in response.json()["error_description"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"client_id": "\\ud800"}',
        b'{"a":' + b"[" * 60_000,
        b"\xef\xbb\xbf{}",
        b"{}x",
    ],
)
async def test_json_that_is_none_is_refused(gateway: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    is_refused(await exchange(gateway, {}, data=body, headers=headers), "invalid_request")


async def test_basic_is_read_strictly(gateway: Client, upstream: Upstream) -> None:
    proof = base64.b64encode(f"todo-id:{SECRET}".encode()).decode()
    assert proof.endswith("A==")
    stray = proof[:-3] + "B=="  # bits that no byte holds
    assert base64.b64decode(stray) == base64.b64decode(proof)
    wrongs = (
        f"Basic {stray}",
        f"Basic {proof}=",
        f"Basic {proof.rstrip('=')}",
        f"Basic {proof[:8]}!{proof[8:]}",
        f"Basic {proof[:8]} {proof[8:]}",
        f"Bearer {proof}",
        "Basic",
        f"Basic\t{proof}",
    )
    for wrong in wrongs:
        given = grant(await code_of(gateway), client_id=None, client_secret=None)
        headers = {"Authorization": wrong}
        response = await exchange(gateway, {}, data=given, headers=headers)
        is_refused(response, "invalid_client", 401)
    two = [("Authorization", f"Basic {proof}"), ("Authorization", "Basic eDp5")]
    given = grant(await code_of(gateway), client_id=None, client_secret=None)
    is_refused(await exchange(gateway, {}, data=given, headers=two), "invalid_request")
    assert not upstream.received
    headers = {"Authorization": f"basic  {proof}"}
    assert (await exchange(gateway, {}, data=given, headers=headers)).status == 200


async def test_a_coded_body_is_415_and_no_error_in_the_log(
    gateway: Client, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    form = urlencode(grant(await code_of(gateway))).encode()
    for body in (gzip.compress(form), form):
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
        response = await exchange(gateway, {}, data=body, headers=headers)
        assert response.status == 415
        assert response.headers["Cache-Control"] == "no-store"
    assert not upstream.received
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


async def test_an_operator_reads_what_to_mend(
    gateway: Client, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    for status, error, word in (
        (401, "invalid_client", "client_auth"),
        (400, "invalid_request", "pkce: false"),
        (200, "internal_error", "pkce: false"),
        (500, "", "auth.oauth.token_url"),
    ):
        caplog.clear()
        upstream.says({"error": error, "error_description": SECRET}, status=status)
        await exchange(gateway, grant(await code_of(gateway)))
        assert "todo: sign-in failed" in caplog.text
        assert word in caplog.text
        assert SECRET not in caplog.text
    caplog.clear()
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    for error in ("access_denied", "unauthorized_client"):
        assert not caplog.text
        await gateway.get(f"/todo/oauth/callback?error={error}&state={state}")
    assert "unauthorized_client: check client_id" in caplog.text


# --- other plugins, other hosts ---------------------------------------------------------------


async def test_nothing_of_one_plugins_login_is_taken_by_another_of_the_same_client(
    serve: Serve, upstream: Upstream
) -> None:
    text = CONFIG.replace("URL", upstream.url).replace("MORE", "")
    other = text.replace("plugin: todo", "plugin: other")
    gateway = await serve(text, other, env={"SECRET": SECRET})
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    assert (await gateway.get(f"/other/oauth/callback?code=c&state={state}")).status == 400
    response = await gateway.post("/other/oauth/token", data=grant(await code_of(gateway)))
    is_refused(response, "invalid_grant")
    assert not upstream.received


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded"])
async def test_an_untrusted_peer_never_names_the_callbacks_host(
    serve: Serve, upstream: Upstream, header: str
) -> None:
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    text = CONFIG.replace("URL", upstream.url).replace("MORE", "")
    text = text.replace("plugin: todo", "plugin: todo\nhosts: [todo.example]")
    target = asked().removeprefix("/todo")
    headers = {"Host": "todo.example", header: value, "X-Forwarded-Proto": "https"}
    own, said = "http://todo.example", "https://evil.example"
    if header == "Forwarded":  # it and the X-Forwarded header differ, so neither counts
        said = own
    for options, expected in (
        ({}, own),
        ({"public_url": "https://gw.example"}, own),
        ({"trusted_proxies": ("192.0.2.0/24",)}, own),
        ({"trusted_proxies": ("127.0.0.0/8",)}, said),
    ):
        gateway = await serve(text, env={"SECRET": SECRET}, **options)
        login = query_of(sent_to(await gateway.get(target, headers=headers)))
        assert login["redirect_uri"] == f"{expected}/oauth/callback"


async def test_the_upstream_is_asked_as_it_wants(serve: Serve, upstream: Upstream) -> None:
    upstream.says("access_token=at-2&scope=read&token_type=bearer")
    more = "{content_type: application/json, client_auth: basic}".strip("{}")
    gateway = await start(serve, upstream, more.replace(", ", "\n    "))
    response = await exchange(gateway, grant(await code_of(gateway)))
    assert response.json() == {
        "access_token": "at-2", "token_type": "bearer", "scope": "read",
    }  # fmt: skip
    assert upstream.last.headers["Content-Type"] == "application/json"
    assert upstream.last.headers["Accept"] == "application/json"
    assert b"client_" not in upstream.last.body
    proof = base64.b64decode(upstream.last.headers["Authorization"].removeprefix("Basic "))
    assert proof.decode() == "todo-id:" + quote(SECRET, safe="")


@pytest.mark.parametrize(
    ("status", "body", "error", "expected"),
    [
        (400, {"error": "invalid_grant", "error_description": SECRET}, "invalid_grant", 400),
        (401, {"error": "invalid_client"}, "server_error", 502),
        (200, {"error": "bad_verification_code"}, "invalid_grant", 400),
        (200, "error=bad_verification_code", "invalid_grant", 400),
        (500, f"<html>{SECRET}</html>", "server_error", 502),
        (404, "<html>", "server_error", 502),
        (200, "<html>", "server_error", 502),
        (200, {"token_type": "bearer"}, "server_error", 502),
        (200, {"access_token": "a\r\nb"}, "server_error", 502),
        (200, {"access_token": "a", "token_type": "mac"}, "server_error", 502),
        (200, {"access_token": "a" * 70_000}, "server_error", 502),
        (429, {}, "temporarily_unavailable", 503),
    ],
)
async def test_an_error_of_the_upstream_is_written_anew(
    gateway: Client, upstream: Upstream, status: int, body: Any, error: str, expected: int
) -> None:
    upstream.says(body, status=status)
    response = await exchange(gateway, grant(await code_of(gateway)))
    is_refused(response, error, expected)
    assert SECRET.encode() not in response.body
    assert b"<html>" not in response.body


async def test_a_redirect_of_the_token_endpoint_is_not_followed(
    gateway: Client, upstream: Upstream
) -> None:
    upstream.says("", status=307, headers={"Location": "/elsewhere"})
    is_refused(await exchange(gateway, grant(await code_of(gateway))), "server_error", 502)
    assert len(upstream.received) == 1


async def test_a_sign_in_server_that_hangs_up_is_told_as_such(
    gateway: Client, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    upstream.answer = answer
    response = await exchange(gateway, grant(await code_of(gateway)))
    is_refused(response, "temporarily_unavailable", 502)


# --- around it --------------------------------------------------------------------------------


async def test_methods_are_held_to(gateway: Client) -> None:
    assert (await gateway.get("/todo/oauth/token")).status == 405
    assert (await gateway.post("/todo/oauth/authorize")).status == 405
    # No operation is served below /oauth/ where there is a relay.
    assert (await gateway.get("/todo/oauth/callback")).status == 400


async def test_no_page_may_read_a_token(gateway: Client) -> None:
    origin = {"Origin": "https://chatgpt.com", "Access-Control-Request-Method": "POST"}
    preflight = await gateway.request("OPTIONS", "/todo/oauth/token", headers=origin)
    given = grant(await code_of(gateway))
    response = await exchange(gateway, {}, data=given, headers={"Origin": "https://chatgpt.com"})
    for one in (preflight, response):
        assert "Access-Control-Allow-Origin" not in one.headers
        assert "Access-Control-Allow-Methods" not in one.headers


async def test_nothing_of_a_login_is_in_the_log(
    gateway: Client, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = await code_of(gateway)
    await exchange(gateway, grant(code))
    upstream.says("<html>", status=500)
    again = await code_of(gateway)
    await exchange(gateway, grant(again))
    assert "sign-in failed" in caplog.text
    for secret in (SECRET, quote(SECRET, safe=""), "up-code", "at-1", "rt-1", code, again):
        assert secret not in caplog.text


async def test_at_a_plugins_own_host_and_under_the_public_url(
    serve: Serve, upstream: Upstream
) -> None:
    gateway = await start(serve, upstream, public_url="https://gw.example")
    url = sent_to(await gateway.get(asked().removeprefix("/todo")))
    assert query_of(url)["redirect_uri"] == "https://gw.example/oauth/callback"
    url = sent_to(await gateway.get(asked()))
    assert query_of(url)["redirect_uri"] == "https://gw.example/todo/oauth/callback"


async def test_another_gateway_of_the_same_config_goes_on_with_a_login(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(TOKEN)
    first, second = await start(serve, upstream), await start(serve, upstream)
    assert (await exchange(second, grant(await code_of(first)))).status == 200


async def test_the_token_of_a_call_goes_to_the_upstream(
    gateway: Client, upstream: Upstream
) -> None:
    headers = {"Authorization": "Bearer at-1"}
    assert (await gateway.get("/todo/todos", headers=headers)).status == 200
    assert upstream.last.headers["Authorization"] == "Bearer at-1"
    assert (await gateway.get("/todo/todos")).status == 401


async def test_state_and_code_grow_old(gateway: Client) -> None:
    relay = gateway.gateway.door.sites[0].relay
    assert relay is not None
    state = query_of(sent_to(await gateway.get(asked())))["state"]
    code = await code_of(gateway)
    clock = relay.wall
    relay.wall = lambda: clock() + CODE_SECONDS + 2
    is_refused(await exchange(gateway, grant(code)), "invalid_grant")
    target = f"/todo/oauth/callback?code=c&state={state}"
    assert (await gateway.get(target)).status == 302
    relay.wall = lambda: clock() + LOGIN_SECONDS + 2
    assert (await gateway.get(target)).status == 400


async def test_used_logins_are_bounded(gateway: Client) -> None:
    relay = gateway.gateway.door.sites[0].relay
    assert relay is not None
    assert all(relay._first(str(number)) for number in range(MAX_USED + 10))
    assert len(relay._used) == MAX_USED
    assert not relay._first(str(MAX_USED))


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error": {"message": "Invalid code", "type": "OAuthException"}}', "invalid_grant"),
        (200, b'{"error": ["x"]}', "server_error"),
        (401, b"{}", "invalid_grant"),
        (400, b'{"message": "no"}', "invalid_grant"),
    ],
)
def test_an_error_of_any_form_is_one_of_the_standards(status: int, body: bytes, code: str) -> None:
    with pytest.raises(OAuthError) as caught:
        understood(status, "application/json", body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "T", "error": ""}',
        b'{"access_token": "T", "error": false}',
        b'{"access_token": "T", "token_type": "bot"}',
        b'\xef\xbb\xbf{"access_token": "T", "expires_in": 1e300}',
        b"scope=a&access_token=T",
    ],
)
def test_a_token_is_found_however_it_is_said(body: bytes) -> None:
    answer = understood(200, "text/plain", body)
    assert (answer["access_token"], answer["token_type"]) == ("T", "bearer")
    assert "expires_in" not in answer
