"""httpbin through the gateway: an upstream that shows what arrived, and answers oddly."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway.errors import Mistakes
from tests.conftest import Client, Response, Serve, Upstream
from tests.upstreams.conftest import HTTPBIN, GatewayFor

pytestmark = pytest.mark.upstreams

TOKEN = "the-operators-bearer-token"
PASSWORD = "the-operators-password"


@pytest.fixture
async def client(gateway_for: GatewayFor, httpbin: str) -> Client:
    return await gateway_for("httpbin.yaml", {HTTPBIN: httpbin}, env={"HTTPBIN_TOKEN": TOKEN})


@pytest.fixture
async def echo(gateway_for: GatewayFor, httpbin: str) -> Client:
    return await gateway_for("echo.yaml", {HTTPBIN: httpbin}, env={"HTTPBIN_PASSWORD": PASSWORD})


async def call(client: Client, operation: str, **arguments: Any) -> Response:
    return await client.post(f"/call/{operation}", json=arguments)


# --- at start ---------------------------------------------------------------------------------


async def test_another_server_than_the_fetched_specs_own_stops_with_the_line_to_paste(
    serve: Serve, httpbin: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        await serve(
            f"""
            plugin: httpbin
            spec: {httpbin}/spec.json
            operations: [GET /get]
            """
        )
    assert 'upstream: {url: "https://httpbin.org/"}' in str(caught.value)


async def test_every_chosen_operation_is_served_though_the_spec_has_no_ids(client: Client) -> None:
    site = client.gateway.door.sites[0]
    assert site.plugin is not None
    assert len(site.plugin.chosen) == 31
    assert [line for line in site.plugin.ledger if line.lost] == []


@pytest.mark.parametrize("version", ["3.0", "3.1"])
async def test_the_served_specs_are_valid(client: Client, echo: Client, version: str) -> None:
    for served in (client, echo):
        validate((await served.get(f"/openapi.json?version={version}")).json())


async def test_all_of_httpbins_operations_are_served_together(serve: Serve, httpbin: str) -> None:
    client = await serve(
        f"""
        plugin: httpbin
        contact: a@example.com
        spec: {httpbin}/spec.json
        upstream: {{url: "{httpbin}"}}
        operations: all
        """
    )
    validate((await client.get("/openapi.json")).json())
    assert (await client.get("/uuid")).json().keys() == {"uuid"}


# --- what arrives -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_every_method_arrives_as_it_was_sent(client: Client, method: str) -> None:
    answer = await client.request(method.upper(), f"/{method}")
    assert answer.status == 200
    assert answer.json()["url"].endswith(f"/{method}")


async def test_of_the_callers_headers_only_the_forwarded_ones_arrive(echo: Client) -> None:
    sent = {
        "Accept-Language": "de",
        "Authorization": "Bearer the-callers",
        "Cookie": "a=b",
        "Forwarded": "for=192.0.2.1",
        "X-Forwarded-For": "192.0.2.1",
        "X-Secret": "x",
        "X-Team": "mine",
        "openai-ephemeral-user-id": "u",
    }
    arrived = (await echo.get("/headers", headers=sent)).json()["headers"]
    assert arrived.pop("Host").startswith("127.0.0.1:")
    assert arrived == {
        "Accept": "application/json, */*;q=0.1",
        "Accept-Encoding": "gzip, deflate",
        "Accept-Language": "de",
        "Authorization": "Basic [masked]",
        "User-Agent": "plugin-gateway",
        "Via": "1.1 plugin-gateway",
        "X-Team": "gateway",
    }


async def test_the_bearer_token_arrives_and_never_comes_back(client: Client) -> None:
    answer = await client.get("/bearer")
    assert answer.json() == {"authenticated": True, "token": "[masked]"}


async def test_basic_credentials_arrive_and_never_come_back(echo: Client) -> None:
    answer = await call(echo, "basic", user="ada", password=PASSWORD)
    assert answer.json() == {"authenticated": True, "user": "ada"}
    note = (await call(echo, "sendNote", folder="a", text="b")).json()
    assert note["headers"]["Authorization"] == "Basic [masked]"
    coded = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    shown = (await call(echo, "sendNote", folder="a", text=f"{PASSWORD} {coded}")).body.decode()
    assert PASSWORD not in shown
    assert coded not in shown


async def test_every_part_of_a_call_arrives_where_it_belongs_and_unchanged(echo: Client) -> None:
    body = (
        '{"folder": "a/b ü?#%2F", "tags": ["x", "y&z"], "note_id": "n-1", "shelf": "top",'
        ' "text": "héllo", "size": 12345678901234567890123, "price": 1.10, "labels": ["é"]}'
    )
    answer = await echo.post("/call/sendNote", data=body.encode())
    note = answer.json()
    assert note["method"] == "POST"
    # As httpbin shows a path: decoded, then coded again but for `/`, `%` and letters.
    assert note["url"].partition("?")[0].endswith("/anything/a/b%20ü%3F%23%2F")
    assert note["args"] == {"tags": ["x", "y&z"], "source": "gateway"}
    assert note["headers"]["X-Note-Id"] == "n-1"
    assert note["headers"]["Cookie"] == "shelf=top"
    assert note["headers"]["Content-Type"] == "application/json"
    assert '"size":12345678901234567890123' in note["data"]
    assert '"price":1.10' in note["data"]
    assert json.loads(note["data"])["text"] == "héllo"


async def test_the_operations_own_address_takes_path_query_and_body(echo: Client) -> None:
    target = "/anything/a%2Fb?tags=x&tags=y"
    note = (await echo.post(target, json={"text": "t"})).json()
    assert note["args"] == {"tags": ["x", "y"], "source": "gateway"}
    assert json.loads(note["data"]) == {"text": "t"}
    assert (await echo.request("PUT", "/anything/a", json={})).json()["method"] == "PUT"


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"folder": "a", "text": "t", "source": "another"},
        {"folder": "a", "text": "t", "nothing": 1},
        {"folder": "a"},
        {"text": "t"},
        {"folder": "..", "text": "t"},
        {"folder": "a", "text": "t", "note_id": "x\r\nX-Evil: 1"},
    ],
    ids=["pinned", "unknown", "without body", "without path", "dots", "line break"],
)
async def test_what_the_operation_does_not_take_is_refused(
    echo: Client, arguments: dict[str, Any]
) -> None:
    answer = await call(echo, "sendNote", **arguments)
    assert answer.status == 400
    assert answer.json()["code"] == "bad_arguments"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("../get", "../get"),
        ("..%2Fget", "..%2Fget"),
        ("/get", "get"),  # the upstream itself redirects `//` to `/`
        ("x?a=1", "x%3Fa=1"),
        ("x#a", "x%23a"),
        ("x\\..\\y", "x\\..\\y"),
    ],
)
async def test_a_path_value_stays_a_value(client: Client, value: str, shown: str) -> None:
    answer = await call(client, "anything", anything=value)
    assert answer.json()["url"].endswith("/anything/" + shown)
    assert answer.json()["args"] == {}


# --- statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 409, 418, 429, 500, 503])
async def test_an_upstreams_error_keeps_its_status_and_becomes_a_problem(
    client: Client, status: int
) -> None:
    answer = await client.get(f"/status/{status}")
    problem = answer.json()
    assert (answer.status, problem["status"]) == (status, status)
    assert problem["code"] == "upstream_error"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (202, b"{}"), (204, b"")])
async def test_success_keeps_its_status_and_nothing_is_an_empty_object(
    client: Client, status: int, body: bytes
) -> None:
    answer = await client.get(f"/status/{status}")
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("status", [401, 403])
async def test_an_upstream_that_refuses_our_credential_is_not_the_callers_fault(
    client: Client, status: int
) -> None:
    answer = await client.get(f"/status/{status}")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")


async def test_a_wrong_credential_of_ours_is_credential_refused(echo: Client) -> None:
    answer = await call(echo, "basic", user="ada", password="another")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")


async def test_the_callers_own_credential_is_passed_on_and_what_it_fetched_is_theirs(
    serve: Serve, httpbin: str
) -> None:
    client = await serve(
        f"""
        plugin: mine
        contact: a@example.com
        spec: {httpbin}/spec.json
        upstream: {{url: "{httpbin}"}}
        auth: {{user: {{scheme: basic}}}}
        cache: 60s
        operations: ["GET /basic-auth/{{user}}/{{passwd}}"]
        """
    )
    target = "/basic-auth/bob/his-password"
    assert (await client.get(target)).status == 401
    coded = base64.b64encode(b"bob:his-password").decode()
    for kept in ("stored", "hit"):
        answer = await client.get(target, headers={"Authorization": f"Basic {coded}"})
        assert answer.json() == {"authenticated": True, "user": "bob"}
        assert kept in answer.headers["Cache-Status"]
    other = base64.b64encode(b"eve:her-password").decode()
    answer = await client.get(target, headers={"Authorization": f"Basic {other}"})
    assert (answer.status, answer.json()["code"]) == (401, "upstream_error")


# --- redirects and cookies --------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["redirect", "redirectAbsolute"])
async def test_redirects_within_the_origin_are_followed(client: Client, operation: str) -> None:
    answer = await call(client, operation, n=2)
    assert answer.status == 200
    assert answer.json()["url"].endswith("/get")


async def test_endless_redirects_are_refused(client: Client) -> None:
    answer = await call(client, "redirect", n=9)
    assert (answer.status, answer.json()["code"]) == (502, "redirect_refused")


async def test_a_redirect_elsewhere_is_refused_and_nothing_is_sent(
    client: Client, upstream: Upstream
) -> None:
    answer = await call(client, "redirectTo", url=f"{upstream.url}/steal")
    assert (answer.status, answer.json()["code"]) == (502, "redirect_refused")
    assert upstream.url not in answer.body.decode()
    assert upstream.received == []


async def test_a_write_is_repeated_only_where_the_redirect_says_it_was_not_carried_out(
    echo: Client,
) -> None:
    at = "/response-headers?a=b"
    read = await call(echo, "redirectWrite", url=at, status_code=303, text="t")
    assert read.json()["a"] == "b"
    twice = f"/redirect-to?status_code=303&url={at}"
    again = await call(echo, "redirectWrite", url=twice, status_code=307, text="t")
    assert again.json()["a"] == "b"
    other = await call(echo, "redirectWrite", url="/post", status_code=307, text="t")
    assert (other.status, other.json()["code"]) == (502, "redirect_refused")
    answer = await call(echo, "redirectWrite", url="/post", status_code=302, text="t")
    assert (answer.status, answer.json()["code"]) == (502, "redirect_refused")


async def test_cookies_of_the_upstream_are_neither_kept_nor_passed(client: Client) -> None:
    answer = await call(client, "setCookie", name="a", value="b")
    assert answer.json() == {"cookies": {}}
    assert "Set-Cookie" not in answer.headers


async def test_only_the_headers_that_may_pass_come_back(echo: Client) -> None:
    arguments = {
        "Set-Cookie": "a=b",
        "Server": "secret/1",
        "Link": "</next>; rel=next",
        "X-Internal": "10.0.0.1",
        "Location": "http://10.0.0.1/",
        "ETag": '"v1"',
        "Cache-Control": "max-age=5",
        "Content-Language": "de",
    }
    answer = await call(echo, "respond", **arguments)
    assert answer.status == 200
    assert {name for name in arguments if name in answer.headers} == {
        "Server",
        "ETag",
        "Cache-Control",
        "Content-Language",
    }
    assert answer.headers["Server"] == "plugin-gateway"
    assert answer.headers["ETag"] == '"v1"'


# --- time and size ----------------------------------------------------------------------------


async def test_an_upstream_that_is_slow_to_begin_or_to_end_is_a_timeout(client: Client) -> None:
    for answer in (
        await call(client, "delay", delay=5),
        await call(client, "drip", duration=5, numbytes=5),
    ):
        assert (answer.status, answer.json()["code"]) == (504, "upstream_timeout")


@pytest.mark.parametrize("operation", ["bytes", "streamBytes"])
async def test_a_reply_beyond_max_bytes_is_refused_with_and_without_a_length(
    client: Client, operation: str
) -> None:
    answer = await call(client, operation, n=65_537)
    assert (answer.status, answer.json()["code"]) == (502, "reply_too_large")


# --- forms of a reply -------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_reply_is_answered_plain(client: Client, coding: str) -> None:
    answer = await client.get(f"/{coding}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.json()["method"] == "GET"


async def test_a_coding_that_was_not_asked_for_is_the_upstreams_failure(client: Client) -> None:
    answer = await client.get("/brotli")
    assert (answer.status, answer.json()["code"]) == (502, "upstream_failed")
    assert "br" in answer.json()["detail"]


async def test_a_file_passes_as_it_is(client: Client) -> None:
    png = await client.get("/image/png")
    assert png.headers["Content-Type"] == "image/png"
    assert png.body.startswith(b"\x89PNG")
    for target in ("/bytes/20", "/stream-bytes/20"):
        answer = await client.get(target)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert len(answer.body) == 20


async def test_what_swagger_2_produces_is_asked_for_where_there_is_no_schema(
    client: Client,
) -> None:
    image = await client.get("/image")  # 406 to whoever asks for JSON
    assert (image.status, image.headers["Content-Type"]) == (200, "application/json")
    assert "</svg>" in image.json()["text"]


async def test_texts_keep_their_characters(client: Client) -> None:
    assert "∮ E⋅da = Q" in (await client.get("/encoding/utf8")).body.decode()
    assert "Moby-Dick" in (await client.get("/html")).body.decode()
    assert "Disallow: /deny" in (await call(client, "robots")).body.decode()
    assert "WonderWidgets" in (await client.get("/xml")).body.decode()


async def test_several_documents_said_to_be_one_are_the_upstreams_failure(client: Client) -> None:
    assert (await client.get("/stream/1")).json()["id"] == 0
    answer = await client.get("/stream/3")
    assert (answer.status, answer.json()["code"]) == (502, "upstream_failed")


# --- preconditions and the cache --------------------------------------------------------------


async def test_preconditions_reach_the_upstream(client: Client) -> None:
    known = {"etag": "abc", "If-None-Match": "abc"}
    answer = await call(client, "etag", **known)
    assert (answer.status, answer.body) == (304, b"")
    answer = await call(client, "etag", etag="abc", **{"If-Match": "xyz"})
    assert answer.status == 412
    assert (await call(client, "etag", etag="abc", **{"If-Match": "abc"})).status == 200


async def test_an_operation_with_cache_answers_the_same_twice(client: Client) -> None:
    first, second = await client.get("/uuid"), await client.get("/uuid")
    assert first.json() == second.json()
    assert "hit" in second.headers["Cache-Status"]


# --- other bodies -----------------------------------------------------------------------------

FORM = """
openapi: 3.0.3
info: {title: Forms, version: "1"}
paths:
  /post:
    post:
      operationId: send
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              properties:
                title: {type: string}
                tags: {type: array, items: {type: string}}
                photo: {type: string, format: binary}
      responses: {"200": {description: ok}}
"""


async def test_a_form_with_a_file_arrives_at_werkzeug(serve: Serve, httpbin: str) -> None:
    client = await serve(
        f"""
        plugin: forms
        spec: spec.yaml
        upstream: {{url: "{httpbin}"}}
        operations: [send]
        """,
        files={"spec.yaml": FORM},
    )
    photo = "data:image/png;name=%E7%8C%AB.png;base64," + base64.b64encode(b"\xff\r\n--").decode()
    arrived = (await call(client, "send", title='a "ü"', tags=["x", "y"], photo=photo)).json()
    assert arrived["form"] == {"title": 'a "ü"', "tags": ["x", "y"]}
    assert arrived["files"] == {"photo": "data:image/png;base64,/w0KLS0="}
