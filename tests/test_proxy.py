"""The door: which plugin is meant, documents, browsers, errors."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from gateway.browsers import is_loopback_name
from tests.conftest import Client, Serve, Upstream

PLUGIN = """
plugin: {name}
contact: a@example.com
{extra}
upstream: {{url: "{url}"}}
operations:
  getThing:
    call: "GET /things/{{id}}"
    parameters: {{id: {{in: path, type: string, required: true, description: Which}}}}
    returns: {{type: object}}
  addThing:
    call: POST /things
    body: {{type: object, properties: {{name: {{type: string}}}}}}
    returns: {{type: object}}
"""


def plugin(name: str, upstream: Upstream, extra: str = "") -> str:
    return PLUGIN.format(name=name, url=f"{upstream.url}/{name}", extra=extra)


MANIFEST = "/.well-known/ai-plugin.json"


# --- which plugin -------------------------------------------------------------------------------


async def test_a_single_plugin_has_its_path_and_the_root(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    for prefix in ("/one", ""):
        manifest = (await client.get(prefix + MANIFEST)).json()
        assert manifest["name_for_model"] == "one"
        assert manifest["api"]["url"] == f"{client.base}{prefix}/openapi.yaml"
        assert (await client.get(prefix + "/things/7")).json() == {"path": "/one/things/7"}


async def test_several_plugins_share_a_host_and_none_has_the_root(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(plugin("one", upstream), plugin("two", upstream))
    assert (await client.get("/two/things/7")).json() == {"path": "/two/things/7"}
    assert (await client.get(MANIFEST)).status == 404
    assert set((await client.get("/readyz")).json()) == {"one", "two"}


async def test_a_host_that_a_plugin_names_is_its_alone(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream, "hosts: [one.example]"), plugin("two", upstream))
    host = {"Host": "one.example:8080"}
    manifest = (await client.get(MANIFEST, headers=host)).json()
    assert manifest["name_for_model"] == "one"
    assert manifest["api"]["url"] == "http://one.example:8080/openapi.yaml"
    assert (await client.get("/two/things/7", headers=host)).status == 404
    assert (await client.get("/two/things/7")).status == 200


async def test_the_public_url_is_what_the_documents_say(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream), public_url="https://gw.example/base/")
    manifest = (await client.get("/one" + MANIFEST)).json()
    assert manifest["api"]["url"] == "https://gw.example/base/one/openapi.yaml"
    servers = (await client.get("/one/openapi.json")).json()["servers"]
    assert servers == [{"url": "https://gw.example/base/one"}]


async def test_a_trusted_proxy_says_how_we_are_reached(serve: Serve, upstream: Upstream) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example"}
    client = await serve(plugin("one", upstream), trusted_proxies=("127.0.0.1/32",))
    manifest = (await client.get("/one" + MANIFEST, headers=said)).json()
    assert manifest["logo_url"] == "https://gw.example/one/logo.png"
    alone = await serve(plugin("one", upstream))
    manifest = (await alone.get("/one" + MANIFEST, headers=said)).json()
    assert manifest["logo_url"] == f"{alone.base}/one/logo.png"


async def test_a_host_header_that_is_none_is_refused(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    answer = await client.get("/one" + MANIFEST, headers={"Host": "a/../<x>"})
    assert answer.status == 400


async def test_our_own_addresses_win_over_an_operation_s(serve: Serve, upstream: Upstream) -> None:
    client = await serve(
        f"""
        plugin: clash
        upstream: {{url: "{upstream.url}"}}
        operations:
          theirLogo: {{call: GET /logo.png, returns: {{type: object}}}}
          theirHealth: {{call: GET /healthz, returns: {{type: object}}}}
        """
    )
    assert (await client.get("/logo.png")).headers["Content-Type"] == "image/png"
    assert (await client.get("/theirLogo")).json() == {"path": "/logo.png"}
    assert (await client.get("/healthz")).json() == {"alive": True}
    assert (await client.get("/theirHealth")).json() == {"path": "/healthz"}


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("one.example.", {}),
        ("one.example.:8080", {}),
        ("inside", {"X-Forwarded-Host": "one.example"}),
        ("inside", {"X-Forwarded-Host": "ONE.example."}),
        ("inside", {"Forwarded": "for=1.1.1.1;host=one.example"}),
    ],
)
async def test_a_plugin_s_host_is_known_in_every_way_it_is_said(
    serve: Serve, upstream: Upstream, host: str, said: dict[str, str]
) -> None:
    one, two = plugin("one", upstream, "hosts: [one.example]"), plugin("two", upstream)
    client = await serve(one, two, trusted_proxies=("127.0.0.1/32",))
    for _ in range(2):
        answer = await client.get("/things/7", headers={"Host": host} | said)
        assert answer.json() == {"path": "/one/things/7"}
    alone = await serve(one, two)
    headers = {"Host": "127.0.0.1"} | said
    assert (await alone.get("/things/7", headers=headers)).status == 404


async def test_hosts_that_nobody_named_fill_no_memory(serve: Serve, upstream: Upstream) -> None:
    client = await serve(
        plugin("one", upstream, "hosts: [one.example]"), trusted_proxies=("127.0.0.1/32",)
    )
    for number in range(9):
        host = {"Host": f"{number}.example"}
        assert (await client.get("/one/things/7", headers=host)).status == 200
    assert len(client.gateway.door._reads) == 1


@pytest.mark.parametrize(
    ("name", "is_loopback"),
    [
        (("127.0.0.1", 1), True),
        (("127.8.9.1", 1), True),
        (("::1", 1, 0, 0), True),
        (("::ffff:127.0.0.2", 1, 0, 0), True),
        (("10.0.0.1", 1), False),
        (("2001:db8::1", 1, 0, 0), False),
        (("", 0), True),
    ],
)
def test_every_address_of_the_loopback_interface_is_known(
    name: tuple[object, ...], is_loopback: bool
) -> None:
    assert is_loopback_name(name) is is_loopback


async def test_pages_with_a_name_made_up_cannot_call_by_another_loopback_address(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(plugin("one", upstream), host="127.0.0.2")
    assert (await client.get("/things/7", headers={"Host": "evil.example"})).status == 403
    assert upstream.received == []


# --- documents ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [MANIFEST, "/openapi.yaml", "/openapi.json", "/logo.png", "/legal", "/robots.txt", "/"]
)
async def test_every_document_has_an_etag_and_answers_304(
    serve: Serve, upstream: Upstream, path: str
) -> None:
    client = await serve(plugin("one", upstream))
    plain = {"Accept-Encoding": "identity"}
    first = await client.get(path, headers=plain)
    assert first.status == 200
    again = await client.get(path, headers=plain | {"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = await client.get(path, headers=plain | {"If-None-Match": '"other"'})
    assert (other.status, other.body) == (200, first.body)
    head = await client.request("HEAD", path, headers=plain)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(first.body))
    assert "aiohttp" not in first.headers["Server"]


async def test_documents_are_compressed_for_those_who_take_it(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(plugin("one", upstream))
    plain = await client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    async with client.session.get(
        client.base + "/openapi.json", headers={"Accept-Encoding": "gzip"}
    ) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.read() == plain.body
        assert response.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert len(gzip.compress(plain.body)) < len(plain.body)


async def test_documents_are_read_only(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    answer = await client.post("/openapi.yaml")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


# --- browsers -----------------------------------------------------------------------------------

CHAT = {"Origin": "https://chatgpt.com"}
EVIL = {"Origin": "https://evil.example"}
ALLOWED = "Access-Control-Allow-Origin"


async def test_the_chat_front_ends_are_let_in(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    for path in (MANIFEST, "/things/7", "/nothing"):
        answer = await client.get(path, headers=CHAT)
        assert answer.headers[ALLOWED] == CHAT["Origin"]
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_preflights_are_answered(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    answer = await client.request("OPTIONS", "/call/addThing", headers=CHAT | asked)
    assert answer.status == 204
    assert answer.headers[ALLOWED] == CHAT["Origin"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    refused = await client.request("OPTIONS", "/call/addThing", headers=EVIL | asked)
    assert ALLOWED not in refused.headers
    assert "Access-Control-Allow-Methods" not in refused.headers


async def test_a_page_of_another_origin_cannot_call(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    body = {"data": '{"name": "x"}', "headers": EVIL | {"Content-Type": "text/plain"}}
    for target in ("/things", "/call/addThing"):
        answer = await client.post(target, **body)
        assert (answer.status, answer.json()["code"]) == (403, "origin_refused")
    assert (await client.get("/things/7", headers=EVIL)).status == 403
    assert upstream.received == []
    document = await client.get("/openapi.yaml", headers=EVIL)
    assert document.status == 200
    assert ALLOWED not in document.headers
    own = {"Origin": client.base}
    assert (await client.get("/things/7", headers=own)).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_read_from_another_site_s_page_is_refused_without_an_origin_too(
    serve: Serve, upstream: Upstream, site: str
) -> None:
    client = await serve(plugin("one", upstream))
    answer = await client.get("/things/7", headers={"Sec-Fetch-Site": site})
    assert (answer.status, answer.json()["code"]) == (403, "origin_refused")
    assert upstream.received == []
    known = {"Sec-Fetch-Site": site, "Origin": "https://chatgpt.com"}
    assert (await client.get("/things/7", headers=known)).status == 200


async def test_a_name_that_was_made_to_point_here_cannot_call(
    serve: Serve, upstream: Upstream
) -> None:
    """DNS rebinding: the page's own name is in Host, and its origin is the same."""
    client = await serve(plugin("one", upstream, "hosts: [one.example]"))
    for headers in (
        {"Host": "evil.example:80"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ):
        assert (await client.get("/one/things/7", headers=headers)).status == 403
    assert upstream.received == []
    assert (await client.get("/things/7", headers={"Host": "one.example:80"})).status == 200
    public = await serve(plugin("one", upstream), public_url="https://gw.example")
    assert (await public.get("/things/7", headers={"Host": "gw.example"})).status == 200


async def test_what_an_upstream_sends_is_never_run_under_our_address(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve("budget: no\n" + plugin("one", upstream))
    upstream.says("<script>", headers={"Content-Type": "text/html"})
    answer = await client.get("/things/7")
    assert list(answer.json()) == ["text"]
    upstream.says("<script>", headers={"Content-Type": "application/x-anything"})
    answer = await client.get("/things/7")
    assert answer.body == b"<script>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


async def test_further_origins_are_let_in_by_the_operator(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream), origins=("https://evil.example",))
    answer = await client.get("/things/7", headers=EVIL)
    assert (answer.status, answer.headers[ALLOWED]) == (200, EVIL["Origin"])


# --- errors -------------------------------------------------------------------------------------


async def test_what_is_not_there_says_what_is(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    answer = await client.get("/nothing/here")
    problem = answer.json()
    assert (answer.status, problem["code"], problem["status"]) == (404, "not_found", 404)
    assert "/one/" in problem["detail"]
    by_name = (await client.post("/call/getThings")).json()
    assert "getThing" in by_name["detail"]


async def test_a_wrong_method_names_the_right_ones(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    answer = await client.request("DELETE", "/things")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    answer = await client.get("/call/getThing")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_auth_is_asked_for_with_a_challenge(serve: Serve, upstream: Upstream) -> None:
    client = await serve(
        plugin("one", upstream, 'auth: {service: {tokens: {me: "${T}"}}}'),
        env={"T": "s3cret-token"},
    )
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret-token"}):
        answer = await client.get("/things/7", headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="one"')
    right = {"Authorization": "Bearer s3cret-token"}
    assert (await client.get("/things/7", headers=right)).status == 200
    assert (await client.get(MANIFEST)).status == 200
    assert "authorization" not in {name.lower() for name in upstream.last.headers}


TOKEN = {"Authorization": "Bearer s3cret-token"}


def raw(head: str, body: str = "") -> bytes:
    return ("\r\n".join((*head.split("|"), "Host: 127.0.0.1", "", "")) + body).encode()


async def answered(client: Client, request: bytes) -> bytes:
    """The first line of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(request)
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.transport.abort()
    return line


@pytest.mark.parametrize(
    "head",
    [
        "POST /things HTTP/1.1|Content-Type: application/json|Content-Length: 9",
        "POST /call/addThing HTTP/1.1|Content-Length: 9",
        "POST /things HTTP/1.1|Content-Length: 9|Expect: 100-continue",
        "POST /things HTTP/1.1|Content-Length: 9999999",
        "POST /things HTTP/1.1|Content-Length: 9|Content-Encoding: gzip",
        "GET /things/7?nonsense=1 HTTP/1.1",
    ],
)
async def test_of_who_may_not_call_nothing_is_read_but_the_head(
    serve: Serve, upstream: Upstream, head: str
) -> None:
    client = await serve(
        plugin("one", upstream, 'auth: {service: {tokens: {me: "${T}"}}}'),
        env={"T": "s3cret-token"},
    )
    assert b" 401 " in await answered(client, raw(head))
    assert client.gateway.door._slots.taken == 0
    bad = await client.post("/things", data=b"{", headers={"Content-Type": "application/json"})
    assert bad.status == 401
    assert (await client.post("/things", json={"name": "a"}, headers=TOKEN)).status == 200


async def test_two_proofs_are_none(serve: Serve, upstream: Upstream) -> None:
    for kind in ('{service: {tokens: {me: "${T}"}}}', "{user: {}}"):
        client = await serve(plugin("one", upstream, f"auth: {kind}"), env={"T": "s3cret-token"})
        one = "Authorization: Bearer s3cret-token"
        assert b" 200 " in await answered(client, raw(f"GET /things/7 HTTP/1.1|{one}"))
        for other in (one, "Authorization: Bearer another", "authorization: Basic eDp5"):
            two = f"GET /things/7 HTTP/1.1|{one}|{other}"
            assert b" 401 " in await answered(client, raw(two))


async def test_what_is_expected_and_not_known_is_refused(serve: Serve, upstream: Upstream) -> None:
    client = await serve(plugin("one", upstream))
    head = "POST /things HTTP/1.1|Content-Type: application/json|Content-Length: 2|Expect: "
    assert b" 417 " in await answered(client, raw(head + "foo", "{}"))
    assert b" 417 " in await answered(client, raw(head + "100-continue, foo", "{}"))
    assert b" 100 " in await answered(client, raw(head + "100-Continue"))


async def test_a_body_is_not_awaited_where_all_calls_are_under_way(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(plugin("one", upstream), max_calls=1)
    free = client.gateway.door._slots.take("10.0.0.1")
    head = "POST /things HTTP/1.1|Content-Type: application/json|Content-Length: 9"
    assert b" 503 " in await answered(client, raw(head))
    free()


async def test_one_address_leaves_calls_to_others(serve: Serve, upstream: Upstream) -> None:
    """Behind a trusted proxy an address is the one that it names."""
    proxied = {"trusted_proxies": ("127.0.0.1/32",), "max_calls": 256}
    client = await serve(plugin("one", upstream), **proxied)
    slow = [client.gateway.door._slots.take("6.6.6.6") for _ in range(64)]
    said = await client.get("/things/7", headers={"X-Forwarded-For": "6.6.6.6"})
    assert (said.status, said.json()["code"]) == (503, "overloaded")
    assert (await client.get("/things/7", headers={"X-Forwarded-For": "1.1.1.1"})).status == 200
    for free in slow:
        free()
    assert (await client.get("/things/7", headers={"X-Forwarded-For": "6.6.6.6"})).status == 200


async def test_shared_caches_are_told_which_headers_the_upstream_was_shown(
    serve: Serve, upstream: Upstream
) -> None:
    text = plugin("one", upstream).replace(
        '{url: "', '{forward: [Accept-Language, X-Tenant], url: "'
    )
    near = "near: {header: X-Near, in: query, type: string}"
    client = await serve(text.replace("{id: {in: path", f"{{{near}, id: {{in: path"))
    for status in (200, 404, 500):
        upstream.says({}, status=status, headers={"Vary": "Cookie"})
        vary = (await client.get("/things/7")).headers["Vary"].split(", ")
        assert vary[-4:] == ["Accept-Language", "X-Tenant", "X-Near", "Origin"]
        assert status != 200 or vary[0] == "Cookie"


@pytest.mark.parametrize(
    "said", ["*/*", "application/*", "application/json;a=b, text/html", "text/html", ""]
)
async def test_what_is_no_json_by_name_is_never_run(
    serve: Serve, upstream: Upstream, said: str
) -> None:
    client = await serve("budget: no\n" + plugin("one", upstream))
    for body in (b'["<script>alert(1)</script>"]', b"<script>alert(1)</script>"):
        upstream.says(body, headers={"Content-Type": said})
        answer = await client.get("/things/7")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (
            answer.headers["Content-Type"] == "application/json"
            or answer.headers["Content-Security-Policy"] == "sandbox"
        )


async def test_a_plugin_whose_spec_cannot_be_had_yet_says_so_and_comes_up(
    serve: Serve, upstream: Upstream
) -> None:

    ready = False
    spec = {
        "openapi": "3.0.3",
        "info": {"title": "Late", "version": "1"},
        "paths": {"/late": {"get": {"operationId": "getLate", "responses": {}}}},
    }

    async def answer(request: web.BaseRequest) -> web.StreamResponse:

        if request.raw_path == "/openapi.json":
            return web.json_response(spec if ready else {}, status=200 if ready else 503)
        return web.json_response({"late": True})

    upstream.answer = answer
    late = f"plugin: late\nspec: {upstream.url}/openapi.json\noperations: [getLate]\n"
    client = await serve(late, plugin("one", upstream))
    assert (await client.get("/one/things/7")).status == 200
    waiting = await client.get("/late/late")
    assert (waiting.status, waiting.json()["code"]) == (503, "plugin_not_ready")
    assert (await client.get("/readyz")).json() == {"late": False, "one": True}
    assert (await client.get("/readyz")).status == 503
    ready = True
    for _ in range(100):
        if (await client.get("/readyz")).status == 200:
            break
        await asyncio.sleep(0.05)
    assert (await client.get("/late/late")).json() == {"late": True}


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_without_saying_it_back(
    serve: Serve, upstream: Upstream, rubbish: bytes
) -> None:
    client = await serve(plugin("one", upstream))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.gateway.port)
    writer.write(rubbish)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"application/problem+json" in answer
    assert b"aiohttp" not in answer
    assert b"Bad Header" not in answer
