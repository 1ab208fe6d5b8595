"""What the gateway promises, each over real HTTP against a real upstream."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
from typing import Any

import pytest
from aiohttp import web

from gateway.proxy import MAX_CALLS
from tests.conftest import Client, Serve, Upstream

SPEC = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: URL}]
paths:
  /items:
    get:
      operationId: listItems
      summary: List items
      parameters:
        - {name: q, in: query, schema: {type: string}}
        - {name: kind, in: query, schema: {type: string}}
        - {name: debug, in: query, schema: {type: boolean}}
        - {name: X-Trace, in: header, schema: {type: string}}
      responses: {"200": {description: All, content: {application/json: {schema: {type: object}}}}}
    post:
      operationId: addItem
      summary: Add an item
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties: {name: {type: string}, price: {type: number}, owner: {type: string}}
      responses: {"201": {description: Made, content: {application/json: {schema: {type: object}}}}}
  /items/{id}:
    get:
      operationId: getItem
      summary: One item
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: Item, content: {application/json: {schema: {type: object}}}}}
    put:
      operationId: putItem
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: Item, content: {application/json: {schema: {type: object}}}}}
  /admin:
    get:
      operationId: admin
      responses: {"200": {description: Everything}}
"""

CONFIG = """
plugin: shop
contact: a@example.com
spec: spec.yaml
operations:
  listItems:
    parameters: {kind: {pin: tool}, debug: hide}
  addItem: {parameters: {owner: {pin: robot}}}
  getItem:
  putItem:
"""


async def shop(serve: Serve, upstream: Upstream, extra: str = "", **options: Any) -> Client:
    spec = SPEC.replace("URL", upstream.url)
    return await serve(CONFIG + extra, files={"spec.yaml": spec}, **options)


# --- 1: the chosen operations and nothing else --------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["../admin", "..%2fadmin", "%2e%2e/admin", "a/b", "a%2Fb", "x?y=1", "x#y", "a%0d%0ab", "a b",
     "ü", "%", "a;b", "a%00b", "..", ".", "%2e%2e", "{id}", "a\\b", "//h/x", "@h", ":80"],
)  # fmt: skip
async def test_no_path_value_makes_a_call_another_one(
    serve: Serve, upstream: Upstream, value: str
) -> None:
    client = await shop(serve, upstream)
    answer = await client.post("/call/getItem", json={"id": value})
    for received in upstream.received:
        assert received.target.startswith("/items/")
        rest = received.target.removeprefix("/items/")
        assert not set(rest) & set("/?#;\\ "), received.target
        assert rest not in ("", ".", "..")
    assert answer.status == (200 if upstream.received else 400)


@pytest.mark.parametrize(
    "path", ["/items/..%2Fadmin", "/items/%2e%2e", "/items/%2e%2e%2fadmin", "/items/a%2Fb"]
)
async def test_an_encoded_path_stays_one_segment(
    serve: Serve, upstream: Upstream, path: str
) -> None:
    client = await shop(serve, upstream)
    await client.get(path)
    for received in upstream.received:
        assert received.target.count("/") == 2
        assert received.target != "/admin"


async def test_what_is_not_chosen_is_not_there(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    for target in ("/admin", "/shop/admin", "/items/../admin", "//admin", "/call/../admin"):
        assert (await client.get(target)).status in (404, 405)
    assert (await client.post("/call/admin")).status == 404
    assert (await client.request("DELETE", "/items/1")).status == 405
    assert upstream.received == []


@pytest.mark.parametrize("name", ["kind", "debug"])
async def test_pinned_and_hidden_arguments_are_refused_everywhere(
    serve: Serve, upstream: Upstream, name: str
) -> None:
    client = await shop(serve, upstream)
    by_query = await client.get(f"/items?{name}=x")
    by_name = await client.post("/call/listItems", json={name: "x"})
    assert (by_query.status, by_name.status) == (400, 400)
    assert by_query.json()["code"] == "bad_arguments"
    assert name in by_query.json()["detail"]
    body = await client.post("/items", json={"name": "saw", "owner": "me"})
    assert body.status == 400
    assert upstream.received == []


async def test_pins_are_always_sent(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    await client.get("/items?q=saw")
    assert set(upstream.last.target.partition("?")[2].split("&")) == {"q=saw", "kind=tool"}
    await client.post("/items", json={"name": "saw"})
    assert json.loads(upstream.last.body) == {"name": "saw", "owner": "robot"}


async def test_every_fault_of_a_call_is_told_at_once(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    answer = await client.post("/call/addItem", json={"nmae": "saw", "owner": "me"})
    detail = answer.json()["detail"]
    assert answer.status == 400
    assert all(word in detail for word in ("nmae", "name", "owner"))


async def test_a_caller_s_text_is_never_looked_into_for_secrets(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream, env={"HOME": "/secret-home"})
    await client.post("/items", json={"name": "${HOME} ${file:/etc/passwd} {env.X}"})
    assert json.loads(upstream.last.body)["name"] == "${HOME} ${file:/etc/passwd} {env.X}"


# --- 2: exactly what was said -------------------------------------------------------------------


async def test_numbers_arrive_as_they_were_written(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    text = '{"name": "saw", "price": 1.10000000000000000000000000001}'
    await client.post("/items", data=text, headers={"Content-Type": "application/json"})
    assert b"1.10000000000000000000000000001" in upstream.last.body
    upstream.says('{"big": 123456789012345678901234567890, "price": 1.10}',
                  headers={"Content-Type": "application/json"})  # fmt: skip
    answer = await client.get("/items/1")
    assert b"123456789012345678901234567890" in answer.body
    assert b"1.10" in answer.body


# --- 3: addresses -------------------------------------------------------------------------------


async def test_redirects_lead_to_chosen_operations_only(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == "/items/near":
            return web.Response(status=302, headers={"Location": "/items/here"})
        if request.raw_path == "/items/other":
            return web.Response(status=302, headers={"Location": "/admin"})
        if request.raw_path == "/items/far":
            return web.Response(status=302, headers={"Location": "http://localhost:1/x"})
        if request.raw_path == "/items/loop":
            return web.Response(status=302, headers={"Location": "/items/loop"})
        return web.json_response({"at": request.raw_path})

    upstream.answer = answer
    assert (await client.get("/items/near")).json() == {"at": "/items/here"}
    other = await client.get("/items/other")
    assert (other.status, other.json()["code"]) == (502, "redirect_refused")
    assert upstream.last.target == "/items/other"
    far = await client.get("/items/far")
    assert (far.status, far.json()["code"]) == (502, "redirect_refused")
    assert "localhost:1" not in far.body.decode()
    assert (await client.get("/items/loop")).status == 502
    assert len(upstream.received) < 10


async def test_a_fetched_spec_cannot_name_another_origin(serve: Serve, upstream: Upstream) -> None:
    from gateway.errors import Mistakes

    spec = SPEC.replace("URL", "http://169.254.169.254/latest")
    upstream.says(spec)
    with pytest.raises(Mistakes) as caught:
        await serve(f"plugin: shop\nspec: {upstream.url}/openapi.yaml\noperations: [listItems]\n")
    assert 'upstream: {url: "http://169.254.169.254/latest"}' in str(caught.value)


# --- 4: secrets ---------------------------------------------------------------------------------

PLANTED = {
    "HEADER": 'hdr-secret-1/+ä"x',
    "QUERY": "qry-secret-2&=",
    "COOKIE": "coo-secret-3",
    "BEARER": "bea-secret-4",
    "USER": "usr-secret-5",
    "PASSWORD": "pas-secret-6",
    "FIXED": "fix-secret-7",
    "PIN": "pin-secret-8",
    "TOKEN": "tok-secret-9",
    "VERIFY": "ver-secret-0",
}


async def test_a_secret_appears_in_no_output(
    serve: Serve, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    credential = (
        "credential: [{header: {name: X-Key, value: 'k ${BEARER}'}}, "
        "{query: {name: key, value: '${QUERY}'}}, {cookie: {name: sid, value: '${COOKIE}'}}, "
        "{basic: {username: '${USER}', password: '${PASSWORD}'}}]"
    )

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        said = {"url": str(request.raw_path), "headers": dict(request.headers)}
        return web.json_response(
            said, headers={"ETag": f'"{PLANTED["PIN"]}"', "X-Echo": PLANTED["QUERY"]}
        )

    upstream.answer = echo
    config = f"""
plugin: shop
contact: a@example.com
spec: spec.yaml
upstream:
  {credential}
  headers: {{X-Fixed: "${{FIXED}}"}}
auth: {{service: {{tokens: {{me: "${{TOKEN}}"}}, verification_tokens: {{openai: "${{VERIFY}}"}}}}}}
operations:
  listItems: {{parameters: {{kind: {{pin: "${{PIN}}"}}}}}}
"""
    files = {"spec.yaml": SPEC.replace("URL", upstream.url)}
    client = await serve(config, env=PLANTED, files=files)
    token = {"Authorization": f"Bearer {PLANTED['TOKEN']}"}
    outputs = [
        await client.get("/items?q=x", headers=token),
        await client.get("/items?kind=x", headers=token),
        await client.get("/items"),
        await client.get("/openapi.json"),
        await client.get("/openapi.yaml"),
        await client.get("/"),
        await client.get("/readyz"),
    ]
    upstream.says("<h1>bad key " + PLANTED["BEARER"] + "</h1>", status=500)
    outputs.append(await client.get("/items?q=y", headers=token))
    assert outputs[0].status == 200
    sent = upstream.received[0]
    assert PLANTED["FIXED"] == sent.headers["X-Fixed"]
    texts = [str(one.headers) + one.body.decode() for one in outputs] + [caplog.text]
    # The verification token is written into the manifest: that is what it is for.
    manifest = await client.get("/.well-known/ai-plugin.json")
    texts.append(manifest.body.decode().replace(PLANTED["VERIFY"], ""))
    for name, secret in PLANTED.items():
        for form in (secret, json.dumps(secret)[1:-1]):
            assert not any(form in text for text in texts), name
    both = base64.b64encode(f"{PLANTED['USER']}:{PLANTED['PASSWORD']}".encode()).decode()
    assert not any(both in text for text in texts)


# --- 5: callers are kept apart ------------------------------------------------------------------


async def counting(upstream: Upstream, **headers: str) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"n": len(upstream.received)}, headers=headers)

    upstream.answer = answer


async def test_with_an_operator_s_key_private_is_kept_and_forwarded_headers_split_it(
    serve: Serve, upstream: Upstream
) -> None:
    await counting(upstream, **{"Cache-Control": "private"})
    extra = """
cache: 60s
upstream: {credential: {bearer: "${KEY}"}, forward: [Accept-Language]}
"""
    client = await shop(serve, upstream, extra, env={"KEY": "operators-key"})
    english = {"Accept-Language": "en"}
    first = await client.get("/items/1", headers=english)
    second = await client.get("/items/1", headers=english)
    other = await client.get("/items/1", headers={"Accept-Language": "de"})
    assert [one.json()["n"] for one in (first, second, other)] == [1, 1, 2]
    assert "hit" in second.headers["Cache-Status"]
    assert second.headers["Age"] in ("0", "1")  # Date has whole seconds


async def test_no_caller_sees_what_another_s_key_fetched(serve: Serve, upstream: Upstream) -> None:
    await counting(upstream, **{"Cache-Control": "public, max-age=60"})
    client = await shop(serve, upstream, "\ncache: 60s\nauth: {user: {}}\n")

    async def get(key: str) -> int:
        answer = await client.get("/items/1", headers={"Authorization": f"Bearer {key}"})
        return int(answer.json()["n"])

    assert [await get(key) for key in ("ada", "bob", "ada", "bob")] == [1, 2, 1, 2]
    assert (await client.get("/items/1")).status == 401


async def test_under_user_auth_a_private_answer_without_freshness_is_not_kept(
    serve: Serve, upstream: Upstream
) -> None:
    await counting(upstream, **{"Cache-Control": "private"})
    client = await shop(serve, upstream, "\ncache: 60s\nauth: {user: {}}\n")
    token = {"Authorization": "Bearer ada"}
    assert (await client.get("/items/1", headers=token)).json()["n"] == 1
    assert (await client.get("/items/1", headers=token)).json()["n"] == 2


async def test_no_store_is_respected(serve: Serve, upstream: Upstream) -> None:
    await counting(upstream, **{"Cache-Control": "no-store"})
    client = await shop(serve, upstream, "\ncache: 60s\n")
    assert [(await client.get("/items/1")).json()["n"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_error_is_never_kept(serve: Serve, upstream: Upstream, status: int) -> None:
    upstream.says({"error": "no"}, status=status)
    client = await shop(serve, upstream, "\ncache: 60s\nupstream: {retries: no}\n")
    await client.get("/items/1")
    await client.get("/items/1")
    assert len(upstream.received) == 2


async def test_a_write_forgets_what_is_stored_for_its_address(
    serve: Serve, upstream: Upstream
) -> None:
    await counting(upstream)
    client = await shop(serve, upstream, "\ncache: 60s\n")
    assert (await client.get("/items/1")).json()["n"] == 1
    assert (await client.get("/items/1")).json()["n"] == 1
    await client.request("PUT", "/items/1", json={})
    assert (await client.get("/items/1")).json()["n"] == 3


async def test_identical_calls_in_flight_share_one_fetch(serve: Serve, upstream: Upstream) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        await release.wait()
        return web.json_response({"n": 1})

    upstream.answer = slow
    client = await shop(serve, upstream, "\ncache: 60s\n")
    calls = [asyncio.create_task(client.get("/items/1")) for _ in range(40)]
    await arrived.wait()
    calls[0].cancel()  # the first one leaving does not fail the others
    await asyncio.gather(calls[0], return_exceptions=True)
    release.set()
    answers = await asyncio.gather(*calls[1:])
    assert {answer.status for answer in answers} == {200}
    assert len(upstream.received) == 1


# --- 6: errors ----------------------------------------------------------------------------------


async def test_a_json_error_of_the_upstream_passes_as_it_is(
    serve: Serve, upstream: Upstream
) -> None:
    body = '{ "error" : {"field": "q", "secret_count": 1.50} }'
    upstream.says(body, status=422, headers={"Content-Type": "application/json"})
    client = await shop(serve, upstream)
    answer = await client.get("/items/1")
    assert (answer.status, answer.body.decode()) == (422, body)


async def test_every_other_error_is_a_problem_in_one_line(serve: Serve, upstream: Upstream) -> None:
    page = "<html><head><title>Service\n Unavailable</title></head><body>" + "x" * 9000
    headers = {"Content-Type": "text/html", "Retry-After": "7"}
    upstream.says(page, status=503, headers=headers)
    client = await shop(serve, upstream)
    answer = await client.get("/items/1")
    problem = answer.json()
    assert (answer.status, problem["status"], problem["retry_after"]) == (503, 503, 7)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["Retry-After"] == "7"
    assert "Service Unavailable" in problem["detail"]
    assert len(answer.body) < 1000


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_of_ours_is_ours_to_mend(
    serve: Serve, upstream: Upstream, status: int
) -> None:
    upstream.says({"error": "bad key"}, status=status)
    with_ours = await shop(
        serve, upstream, "\nupstream: {credential: {bearer: '${K}'}}\n", env={"K": "operators-key"}
    )
    answer = await with_ours.get("/items/1")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")
    with_theirs = await shop(serve, upstream, "\nauth: {user: {}}\n")
    token = {"Authorization": "Bearer theirs"}
    assert (await with_theirs.get("/items/1", headers=token)).status == status


async def test_a_silent_upstream_is_a_timeout(serve: Serve, upstream: Upstream) -> None:
    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    upstream.answer = silent
    client = await shop(serve, upstream, "\nupstream: {timeout: 100ms}\n")
    answer = await client.get("/items/1")
    assert (answer.status, answer.json()["code"]) == (504, "upstream_timeout")


async def test_an_upstream_that_is_not_there_is_said_so(serve: Serve) -> None:
    client = await serve(
        "plugin: gone\nupstream: {url: 'http://127.0.0.1:1'}\n"
        "operations: {getX: {call: GET /x, returns: {type: object}}}\n"
    )
    answer = await client.get("/x")
    assert (answer.status, answer.json()["code"]) == (502, "upstream_failed")
    assert "127.0.0.1" not in answer.body.decode()


async def test_nothing_that_writes_is_sent_twice(serve: Serve, upstream: Upstream) -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    upstream.answer = cut
    client = await shop(serve, upstream)
    assert (await client.request("PUT", "/items/1", json={})).status == 502
    assert [one.method for one in upstream.received] == ["PUT"]


# --- 8: headers ---------------------------------------------------------------------------------


async def test_of_the_caller_s_headers_only_the_forwarded_ones_go_on(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream, "\nupstream: {forward: [Accept-Language]}\n")
    sent = {
        "Accept-Language": "de",
        "Authorization": "Bearer canary",
        "Cookie": "canary=1",
        "X-Canary": "1",
        "X-Trace": "canary",
        "X-HTTP-Method-Override": "DELETE",
        "X-Forwarded-Host": "canary",
        "openai-conversation-id": "canary",
        "Connection": "close, Via",
    }
    await client.get("/items", headers=sent)
    arrived = {name.lower(): value for name, value in upstream.last.headers.items()}
    assert arrived.pop("accept-language") == "de"
    assert set(arrived) <= {"host", "user-agent", "accept", "accept-encoding", "via", "connection"}
    assert "via" in arrived


async def test_of_the_upstream_s_headers_only_the_listed_ones_come_back(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(
        {"a": 1},
        headers={
            "Set-Cookie": "a=1",
            "Server": "canary",
            "Link": "<http://x>; rel=next",
            "X-Powered-By": "canary",
            "Location": "http://internal/x",
            "Last-Modified": "Sat, 01 Jan 2022 00:00:00 GMT",
            "RateLimit": '"default";r=50;t=30',
            "Content-Language": "en",
            "ETag": '"theirs"',
        },
    )
    client = await shop(serve, upstream)
    answer = await client.get("/items/1")
    assert "canary" not in str(answer.headers)
    assert not {"Set-Cookie", "Link", "X-Powered-By", "Location"} & set(answer.headers)
    kept = ("Last-Modified", "RateLimit", "Content-Language", "ETag")
    assert all(name in answer.headers for name in kept)


async def test_a_location_leads_to_the_exposed_operation(serve: Serve, upstream: Upstream) -> None:
    upstream.says({"id": 7}, status=201, headers={"Location": f"{upstream.url}/items/7"})
    client = await shop(serve, upstream)
    answer = await client.post("/shop/items", json={"name": "saw"})
    assert (answer.status, answer.headers["Location"]) == (201, "/shop/items/7")


# --- 11: bounds ---------------------------------------------------------------------------------


async def test_a_huge_reply_is_refused_before_it_is_read(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream, "\nupstream: {max_bytes: 64KiB}\n")
    bomb = gzip.compress(b" " * 50_000_000)
    for body, headers in (
        (b"x" * 100_000, {}),
        (bomb, {"Content-Encoding": "gzip", "Content-Type": "application/json"}),
    ):
        upstream.says(body, headers=headers)
        answer = await client.get("/items/1")
        assert (answer.status, answer.json()["code"]) == (502, "reply_too_large")


async def test_a_coded_reply_is_decoded(serve: Serve, upstream: Upstream) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    upstream.says(gzip.compress(b'{"a":1}'), headers=headers)
    client = await shop(serve, upstream)
    answer = await client.get("/items/1")
    assert answer.json() == {"a": 1}
    assert "Content-Encoding" not in answer.headers


async def test_a_huge_call_is_refused(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    answer = await client.post("/call/addItem", data=io.BytesIO(b" " * 2_000_000))
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")


async def test_a_limit_holds_per_caller_and_says_when_to_come_back(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(
        serve, upstream,
        "\nlimit: 2/min\nauth: {service: {tokens: {a: '${A}', b: '${B}'}}}\n",
        env={"A": "token-of-a", "B": "token-of-b"},
    )  # fmt: skip
    for name, statuses in (("a", [200, 200, 429]), ("b", [200, 200, 429])):
        token = {"Authorization": f"Bearer token-of-{name}"}
        answers = [await client.get("/items/1", headers=token) for _ in range(3)]
        assert [answer.status for answer in answers] == statuses
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 61
    assert len(upstream.received) == 4


# --- what reviewers of a gateway try first ------------------------------------------------------


async def test_plugins_never_share_what_is_stored(serve: Serve, upstream: Upstream) -> None:
    async def tenant(request: web.BaseRequest) -> web.StreamResponse:
        said = {name: request.headers.get(name) for name in ("X-Tenant", "Accept-Language")}
        return web.json_response(said, headers={"Cache-Control": "public, max-age=60"})

    upstream.answer = tenant
    plugin = """
        plugin: {name}
        upstream: {{url: "{url}", headers: {{X-Tenant: {name}}}}}
        {auth}
        operations: {{get: {{call: GET /tenant, returns: {{type: object}}}}}}
    """
    one = plugin.format(
        name="one", url=upstream.url, auth='auth: {service: {tokens: {me: "${T}"}}}'
    )
    two = plugin.format(name="two", url=upstream.url, auth="")
    client = await serve(one, two, env={"T": "the-token-of-one"})
    token = {"Authorization": "Bearer the-token-of-one"}
    assert (await client.get("/one/tenant", headers=token)).json()["X-Tenant"] == "one"
    assert (await client.get("/two/tenant")).json()["X-Tenant"] == "two"


@pytest.mark.parametrize(
    "echo",
    [
        r'{"a": "s3cr3t\/Key+Val&x"}',
        r'{"a": "s3cr3t/Key\u002BVal\u0026x"}',
        "".join(f"\\u{ord(c):04x}" for c in "s3cr3t/Key+Val&x").join(['{"a": "', '"}']),
        r'{"a": "Basic czNjcjN0L0tleStWYWwmeA=="}',
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_escaped_secret_is_masked_as_well(
    serve: Serve, upstream: Upstream, echo: str, status: int
) -> None:
    client = await shop(
        serve,
        upstream,
        "\nupstream: {credential: {bearer: '${K}'}}\n",
        env={"K": "s3cr3t/Key+Val&x"},
    )
    upstream.says(echo, status=status, headers={"Content-Type": "application/json"})
    body = (await client.get("/items/1")).body.decode()
    for text in (body, json.dumps(json.loads(body), ensure_ascii=False)):
        assert "s3cr3t/Key" not in text
        assert "czNjcjN0" not in text


async def test_a_secret_in_an_error_page_is_masked(serve: Serve, upstream: Upstream) -> None:
    client = await shop(
        serve, upstream, "\nupstream: {credential: {bearer: '${K}'}}\n", env={"K": "a&b-secret"}
    )
    page = "<title>no key a&amp;b-secret</title>"
    upstream.says(page, status=500, headers={"Content-Type": "text/html"})
    detail = (await client.get("/items/1")).json()["detail"]
    assert "b-secret" not in detail
    assert "[masked]" in detail


async def test_fields_hold_whatever_the_upstream_calls_its_json(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(
        f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        operations:
          getThing:
            call: GET /thing
            returns: {{type: object, properties: {{a: {{type: integer}}}}}}
            fields: [a]
        """
    )
    for kind in ("application/json", "application/x-json", "text/plain", "text/html", ""):
        upstream.says('{"a": 1, "inner": "x"}', headers={"Content-Type": kind} if kind else {})
        assert (await client.get("/thing")).json() == {"a": 1}
    upstream.says("inner: x", headers={"Content-Type": "text/plain"})
    assert (await client.get("/thing")).json()["code"] == "upstream_failed"


async def test_answers_to_known_callers_are_not_for_shared_caches(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"a": 1}, headers={"Cache-Control": "public, s-maxage=60, max-age=30"})
    client = await shop(serve, upstream, "\nauth: {user: {}}\n")
    answer = await client.get("/items/1", headers={"Authorization": "Bearer x"})
    assert answer.headers["Cache-Control"] == "private, max-age=30"
    anyone = await shop(serve, upstream)
    answer = await anyone.get("/items/1")
    assert answer.headers["Cache-Control"] == "public, s-maxage=60, max-age=30"


async def test_a_query_credential_goes_along_with_a_redirect(
    serve: Serve, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path.startswith("/items/1"):
            return web.Response(status=302, headers={"Location": "/items/2?x=1"})
        return web.json_response({"at": "moved"})

    upstream.answer = answer
    credential = "\nupstream: {credential: {query: {name: key, value: '${K}'}}}\n"
    client = await shop(serve, upstream, credential, env={"K": "the-secret-key"})
    assert (await client.get("/items/1")).json() == {"at": "moved"}
    assert upstream.last.target == "/items/2?x=1&key=the-secret-key"


@pytest.mark.parametrize(
    "location", ["http://u:p@HOST/x", "//evil.example/x", "http://HOST:1/x", "\\\\evil", "ht!tp://"]
)
async def test_a_hostile_location_is_refused(
    serve: Serve, upstream: Upstream, location: str
) -> None:
    client = await shop(serve, upstream)
    host = upstream.url.removeprefix("http://")
    upstream.says({}, status=302, headers={"Location": location.replace("HOST", host)})
    answer = await client.get("/items/1")
    assert answer.status == 502


async def test_the_timeout_is_for_the_call_however_many_hops(
    serve: Serve, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.Response(status=307, headers={"Location": "/items/1"})

    upstream.answer = answer
    client = await shop(serve, upstream, "\nupstream: {timeout: 500ms}\n")
    assert (await client.get("/items/1")).status == 504
    assert len(upstream.received) <= 3


async def test_an_error_that_only_claims_to_be_json_is_a_problem(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    for body in ("<html>no", ""):
        upstream.says(body, status=404, headers={"Content-Type": "application/json"})
        answer = await client.get("/items/1")
        assert (answer.status, answer.json()["code"]) == (404, "upstream_error")


async def test_an_age_of_the_upstream_is_passed_on(serve: Serve, upstream: Upstream) -> None:
    upstream.says({"a": 1}, headers={"Age": "40", "Cache-Control": "max-age=60"})
    client = await shop(serve, upstream, "\ncache: no\n")
    assert (await client.get("/items/1")).headers["Age"] == "40"


async def test_rate_limit_headers_pass_with_errors_too(serve: Serve, upstream: Upstream) -> None:
    upstream.says({"e": 1}, status=429, headers={"RateLimit-Reset": "9", "Retry-After": "9"})
    answer = await (await shop(serve, upstream)).get("/items/1")
    assert (answer.status, answer.headers["RateLimit-Reset"]) == (429, "9")


async def test_a_gzip_body_of_several_members_is_read_whole(
    serve: Serve, upstream: Upstream
) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    upstream.says(gzip.compress(b'{"a":') + gzip.compress(b"1}"), headers=headers)
    assert (await (await shop(serve, upstream)).get("/items/1")).json() == {"a": 1}


async def test_a_coded_call_is_refused(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    answer = await client.post("/call/getItem", data=b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status in (400, 415)


async def test_a_declared_charset_is_read(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    upstream.says(
        '{"a": "é ü"}'.encode("latin-1"),
        headers={"Content-Type": "application/json; charset=iso-8859-1"},
    )
    answer = await client.get("/items/1")
    assert answer.json() == {"a": "é ü"}
    assert answer.headers["Content-Type"] == "application/json"


async def test_more_calls_than_the_bound_are_told_to_come_back(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    # As if so many were under way.
    calls = [client.gateway.door._slots.take(f"10.0.0.{n}") for n in range(4) for _ in range(256)]
    assert len(calls) == MAX_CALLS
    answer = await client.get("/items/1")
    assert (answer.status, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"
    assert upstream.received == []
    for free in calls:
        free()
    assert (await client.get("/items/1")).status == 200
    assert client.gateway.door._slots.taken == 0


async def test_a_read_asked_before_is_still_guarded_and_still_exact(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream, "\ncache: no\n")
    for _ in range(3):
        await client.get("/items?q=a%2Bb")
        assert "q=a%2Bb" in upstream.last.target
    evil = {"Origin": "https://evil.example"}
    assert (await client.get("/items?q=a%2Bb", headers=evil)).status == 403
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("status", "kind", "said", "answer"),
    [
        (200, "application/json", "OK", {"text": "OK"}),
        (200, "application/json", " \n", {}),
        (200, "application/json", '{"a": ', {"text": '{"a": '}),
        (201, "text/plain", "OK", {"text": "OK"}),
        (200, "", "OK", {"text": "OK"}),
        (200, "application/x-ndjson", '{"a": 1}\n{"a": 2}', {"text": '{"a": 1}\n{"a": 2}'}),
        (202, "text/html", "", {}),
    ],
)
@pytest.mark.parametrize("budget", ["8000", "no"])
async def test_an_answer_is_json_whatever_the_upstream_sends(
    serve: Serve,
    upstream: Upstream,
    status: int,
    kind: str,
    said: str,
    answer: dict[str, str],
    budget: str,
) -> None:
    client = await serve(
        f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        budget: {budget}
        operations:
          addThing:
            call: POST /thing
            returns: {{type: object}}
        """
    )
    upstream.says(said, status=status, headers={"Content-Type": kind} if kind else {})
    got = await client.post("/thing")
    assert (got.status, got.headers["Content-Type"]) == (status, "application/json")
    assert got.json() == answer


async def test_a_write_that_was_done_is_no_failure_whatever_its_answer(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(
        f"""
        plugin: things
        upstream: {{url: "{upstream.url}"}}
        operations:
          addThing:
            call: POST /thing
            returns: {{type: object, properties: {{a: {{}}}}}}
            fields: [a]
          getThing: {{call: GET /thing, returns: {{type: object}}}}
        """
    )
    upstream.says("OK", headers={"Content-Type": "text/plain"})
    assert (await client.post("/thing")).json() == {}
    upstream.says('{"a": ', headers={"Content-Type": "application/json"})
    assert (await client.get("/thing")).status == 502
    upstream.says("x", status=205)
    assert (await client.post("/thing")).body == b""
