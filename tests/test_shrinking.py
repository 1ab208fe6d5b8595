"""What is promised of shrunk answers, as callers of a served gateway see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from openapi_schema_validator import OAS30Validator

from gateway.shrinking.html import readable
from gateway.shrinking.table import untabled
from tests.conftest import Client, Response, Serve, Upstream
from tests.shrinking.generated import PAYLOADS, text_of
from tests.shrinking.recounting import check_told, collected, expected, strict, tokens

SCHEMAS: dict[str, Any] = {
    "Page": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
            "total": {"type": "integer", "minimum": 0},
            "note": {"type": ["string", "null"], "maxLength": 10},
            "secret": {"type": "string", "description": "Nobody is to see it."},
        },
        "additionalProperties": False,
    },
    "Order": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer"},
            "price": {"type": "number"},
            "state": {"enum": ["new", "paid"]},
            "body": {"type": "string", "description": "What was written."},
            "secret": {"type": "string", "description": "Nobody is to see it."},
            "buyer": {"$ref": "#/components/schemas/Buyer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "rates": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    },
    "Buyer": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        },
    },
}
PAGE_REF = {"$ref": "#/components/schemas/Page"}
# Nothing can be taken from what is no JSON, and nothing hidden in what is almost JSON.
PARTS = ("fields", "every", "shaped")
HIDING = ("chosen", "dropped", "limited", "hard")
# By the name of an operation: all with the same answer.
RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "small": {"budget": 300},
    "fields": {"fields": ["data.{id,body,buyer.name as buyer}", "note"], "budget": 500},
    "every": {"fields": ["data.{id,rates.*,tags}", "total"]},
    "chosen": {"choose": True, "drop": ["..secret"], "budget": 400},
    "dropped": {"drop": ["empty", "urls", "..secret", "data.tags"], "budget": "no"},
    "table": {"encode": "table", "drop": ["empty"], "budget": 1000},
    "loose": {"encode": "table", "drop": ["nulls"], "budget": "no"},
    "limited": {"limit_items": {"data": 2, "data.tags": {"max": 1, "hard": True}}},
    "hard": {"limit_items": {"data": {"max": 3, "hard": True}}, "encode": "table"},
    "texts": {"strings": {"data.body": {"max": 40, "html": "text"}}, "untrusted": "all"},
    "visible": {"untrusted": ["data.body"], "budget": "no"},
    "shaped": {
        "jmespath": "{rows: data[].[id, price], first: data[0]}",
        "returns": {"type": "object", "properties": {"rows": {"type": "array"}, "first": {}}},
    },
}
ROWS = [
    {
        "id": 10**20 + n,
        "price": n / 8,
        "state": "new",
        "body": "<p>Words and <b>more words</b> seen\u202e\U000e0041.</p>" * (n % 4),
        "secret": "hidden",
        "buyer": {"name": f"n{n}", "orders": [{"id": n, "secret": "hidden"}] if n % 2 else None},
        "tags": ["a", "b", "https://h.example/c"][: n % 4],
        "rates": {"EUR": 1.10, "US.D": None} if n % 3 else {},
    }
    for n in range(60)
]
PAGE = {"data": ROWS, "total": 60, "note": "", "secret": "hidden"}
# What is not what the spec says: of another shape at its top, with nulls, with more members.
BROKEN: list[Any] = [
    {},
    None,
    [],
    [PAGE],
    ROWS,
    "text",
    5,
    {"data": None},
    {"data": [None, {}, {"id": None, "state": "unheard of"}]},
    {"data": [{"buyer": None, "tags": None, "rates": None}]},
    {**PAGE, "more": {"of": ["it"] * 900}, "note": "far longer than ten characters"},
    {"data": [{"buyer": {"orders": [{"buyer": {"orders": [None, {"extra": 1}]}}]}}]},
    {"error": {"message": "no"}},
]


def config(upstream: Upstream, rules: dict[str, dict[str, Any]] = RULES, more: str = "") -> str:
    lines = (f"  {name}: {json.dumps(said)}" for name, said in rules.items())
    head = f"plugin: shop\nspec: spec.json\nupstream: {{url: '{upstream.url}'{more}}}\n"
    return head + "limit: no\noperations:\n" + "\n".join(lines) + "\n"


def spec(content_type: str = "application/json") -> str:
    """An API that gives the same at several addresses."""
    replies = {"200": {"description": "Orders.", "content": {content_type: {"schema": PAGE_REF}}}}
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Shop", "version": "1"},
            "paths": {
                f"/{name}": {"get": {"operationId": name, "responses": replies}} for name in RULES
            },
            "components": {"schemas": SCHEMAS},
        }
    )


async def shop(serve: Serve, upstream: Upstream, **more: Any) -> Client:
    return await serve(config(upstream, **more), files={"spec.json": spec()})


async def ask(client: Client, name: str, **arguments: Any) -> Response:
    return await client.post(f"/call/{name}", data=json.dumps(arguments))


class Contract:
    """The documents that a client reads, as validators of answers by operation."""

    def __init__(self, new: dict[str, Any], old: dict[str, Any]) -> None:
        self._checks = {
            name: [jsonschema_rs.Draft202012Validator(schema).iter_errors]
            for name, schema in _schemas(new).items()
        }
        for name, schema in _schemas(old).items():
            self._checks[name].append(OAS30Validator(schema).iter_errors)

    @classmethod
    async def of(cls, client: Client) -> Contract:
        texts = [await client.get(f"/openapi.json?version={one}") for one in ("3.1", "3.0")]
        return cls(*(text.json() for text in texts))

    def check(self, name: str, answer: Response) -> None:
        assert answer.status == 200, answer.body
        for faults in self._checks[name]:
            fault = next(iter(faults(answer.json())), None)
            assert fault is None, (name, fault, answer.body[:2000])


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    return {
        one["operationId"]: {
            **one["responses"]["200"]["content"]["application/json"]["schema"],
            "components": document["components"],
        }
        for path in document["paths"].values()
        for one in path.values()
        if "200" in one["responses"]
    }


async def check_rest(client: Client, contract: Contract, name: str, first: Response) -> str:
    """Ask for all that was cut, and put it together. What came of it, as text."""
    seen: list[str] = []
    told = first.json().get("_shrunk", {}) if first.body.startswith(b"{") else {}
    if not isinstance(told, dict) or "more" not in told:
        return ""
    handle = told["more"]["handle"]

    async def get(path: str, offset: int) -> Any:
        answer = await ask(
            client, told["more"]["operation"], handle=handle, path=path, offset=offset
        )
        contract.check("getMore", answer)
        seen.append(answer.body.decode())
        return strict(answer.body)

    whole = await collected(get, "$")
    for path in told:
        if path != "more" and "kept" in told[path]:
            assert await collected(get, path) == expected(whole, path), (name, path)
    sent = strict(
        untabled(_without(first.body)) if "table" in str(RULES.get(name)) else _without(first.body)
    )
    if "hard" not in str(RULES.get(name)):
        check_told(whole, sent, strict(first.body)["_shrunk"])
    return "".join(seen)


def _without(answer: bytes) -> bytes:
    """An answer without its announcement, its text otherwise as it is."""
    told, end = answer.partition(b'"_shrunk":')[2], 0
    _, end = json.JSONDecoder().raw_decode(told.decode())
    return b"{" + told.decode()[end:].lstrip(",").encode()


# --- the contract -----------------------------------------------------------------------------


async def test_what_is_served_is_what_the_documents_say(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    contract = await Contract.of(client)
    for body in [PAGE, *BROKEN]:
        upstream.says(text_of(body), content_type="application/json")
        for name in RULES:
            answer = await ask(client, name)
            if not isinstance(body, dict) and RULES[name].get("budget") == "no":
                continue  # nothing can be told there, so the top is as it came
            if name == "shaped" and answer.status == 502:
                assert answer.json()["code"] == "upstream_failed"
                continue
            contract.check(name, answer)
            strict(answer.body)
            assert answer.body == (await ask(client, name)).body
            if isinstance(body, dict | list):
                await check_rest(client, contract, name, answer)


async def test_what_rules_took_away_never_comes_back(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    contract = await Contract.of(client)
    upstream.says(text_of(PAGE), content_type="application/json")
    for name in ("fields", "every", "chosen", "dropped", "texts", "visible"):
        first = await ask(client, name)
        seen = first.body.decode() + await check_rest(client, contract, name, first)
        assert ("hidden" in seen) is (name in ("texts", "visible"))
        if name in ("texts", "visible"):
            assert "\u202e" not in seen
            assert "\U000e0041" not in seen


async def test_a_chosen_part_is_what_its_handle_gives(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    contract = await Contract.of(client)
    upstream.says(text_of(PAGE), content_type="application/json")
    first = await ask(client, "chosen", fields=["data.body", "total"])
    contract.check("chosen", first)
    seen = await check_rest(client, contract, "chosen", first)
    assert "Words" in seen
    assert not any(word in seen for word in ("hidden", "buyer", "EUR"))
    assert (await ask(client, "chosen", fields=["data.secret"])).json()["code"] == "bad_arguments"


async def test_a_secret_in_any_form_is_in_no_slice(serve: Serve, upstream: Upstream) -> None:
    key = "s3cret-0123456789-abcdef"
    more = ', credential: {header: {name: X-Key, value: "${KEY}"}}'
    text = config(upstream, {"small": RULES["small"], "table": RULES["table"]}, more)
    client = await serve(text, files={"spec.json": spec()}, env={"KEY": key})
    contract = await Contract.of(client)
    rows = [{"id": n, "body": f"words {key} " * 9} for n in range(40)]
    escaped = json.dumps({"data": rows}).replace("s3cret", "\\u0073\\u0033cret")
    assert json.loads(escaped) == {"data": rows}
    for body in (text_of({"data": rows}), escaped.encode(), escaped.encode("utf-16")):
        upstream.says(body, content_type="application/json")
        for name in ("small", "table"):
            first = await ask(client, name)
            seen = first.body.decode() + await check_rest(client, contract, name, first)
            assert key not in seen
            assert "[masked]" in seen


async def test_what_is_dropped_is_not_offered(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    for version in ("3.0", "3.1"):
        document = (await client.get(f"/openapi.json?version={version}")).json()
        (chosen,) = document["paths"]["/chosen"]["get"]["parameters"]
        assert "data.body" in chosen["schema"]["items"]["enum"]
        assert "secret" not in json.dumps(chosen)


# --- real answers -----------------------------------------------------------------------------


def _real(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
async def test_real_answers(serve: Serve, upstream: Upstream, path: Path) -> None:
    body = _real(path)
    rules: dict[str, Any] = {
        "plain": {},
        "small": {"budget": 2000, "drop": ["empty"]},
        "table": {"budget": 25_000, "encode": "table", "untrusted": "all"},
    }
    operations = {
        name: {"call": f"GET /{name}", "description": "All.", **said, "returns": {}}
        for name, said in rules.items()
    }
    head = f"plugin: real\nupstream: {{url: '{upstream.url}'}}\nlimit: no\noperations: "
    client = await serve(head + json.dumps(operations))
    contract = await Contract.of(client)
    upstream.says(body, content_type="application/json", headers={"ETag": '"one"'})
    etags = set()
    for name, said in rules.items():
        answer = await ask(client, name)
        contract.check(name, answer)
        strict(answer.body)
        budget = said.get("budget", 8000)
        assert tokens(answer.body) <= budget
        assert len(answer.body.decode()) <= 95_000
        again = await ask(client, name)
        assert (again.body, again.headers["ETag"]) == (answer.body, answer.headers["ETag"])
        etags.add(answer.headers["ETag"])
        told = strict(answer.body).get("_shrunk", {})
        if name == "plain" and "more" in told and len(body) < 150_000:
            await check_rest(client, contract, "plain", answer)
    assert len(etags) == 3 or '"one"' in etags


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules", [{}, {"encode": "table"}, {"fields": ["data.{id,body}"]}], ids=str
)
async def test_following_next_gives_the_list_of_all_pages(
    serve: Serve, upstream: Upstream, rules: dict[str, Any]
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        page = int(request.rel_url.query.get("page", "1"))
        return web.Response(
            body=text_of({"data": ROWS[page * 7 - 7 : page * 7], "total": 60}),
            content_type="application/json",
        )

    upstream.answer = answer
    paged = {"paginate": {"items": "data", "page": "page", "max_pages": 3}, "budget": 2000}
    text = config(upstream, {"plain": {**paged, **rules}})
    listed = json.loads(spec())
    listed["paths"]["/plain"]["get"]["parameters"] = [
        {"name": "page", "in": "query", "schema": {"type": "integer"}}
    ]
    client = await serve(text, files={"spec.json": json.dumps(listed)})
    contract = await Contract.of(client)
    first = await ask(client, "plain")
    contract.check("plain", first)
    assert tokens(first.body) <= 2000
    told = first.json()["_shrunk"]

    async def get(path: str, offset: int) -> Any:
        piece = await ask(
            client, "getMore", handle=told["more"]["handle"], path=path, offset=offset
        )
        contract.check("getMore", piece)
        assert tokens(piece.body) <= 2000
        return strict(piece.body)

    wanted = [
        {k: v for k, v in row.items() if not rules.get("fields") or k in ("id", "body")}
        for row in ROWS
    ]
    assert await collected(get, "data") == strict(text_of(wanted))


# --- ETags, errors, what is no JSON ---------------------------------------------------------------


async def test_bytes_and_etags_follow_the_reply_and_the_rules(
    serve: Serve, upstream: Upstream
) -> None:
    client = await shop(serve, upstream)
    other = dict(RULES, small={"budget": 400}, fields={**RULES["fields"], "drop": ["nulls"]})
    changed = await shop(serve, upstream, rules=other)
    upstream.says(text_of(PAGE), content_type="application/json", headers={"ETag": '"one"'})
    first = {name: await ask(client, name) for name in RULES}
    for name, answer in first.items():
        assert (await ask(client, name)).headers["ETag"] == answer.headers["ETag"]
        same = (await ask(changed, name)).headers["ETag"] == answer.headers["ETag"]
        # Another gateway gives another handle, so its bytes are others.
        offers = b'"handle":' in answer.body
        assert same is (other[name] == RULES[name] and not offers), name
    made = [one.headers["ETag"] for name, one in first.items()]
    assert len(set(made)) == len(RULES)
    assert [name for name, one in first.items() if one.body == text_of(PAGE)] == []
    assert [name for name, one in first.items() if one.headers["ETag"] == '"one"'] == ["plain"]
    upstream.says(text_of(PAGE), content_type="application/json", headers={"ETag": '"two"'})
    for name, answer in first.items():
        assert (await ask(client, name)).headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429])
async def test_errors_are_byte_for_byte_the_upstreams(
    serve: Serve, upstream: Upstream, status: int
) -> None:
    client = await shop(serve, upstream)
    for body in (
        b'{ "secret": null, "n": 1.10,\n "e": [] , "text": "%b" }' % (b"word " * 700),
        b'[ {"message": "no \\u00e9"} ]',
    ):
        upstream.says(body, status=status, content_type="application/problem+json")
        for name in RULES:
            answer = await ask(client, name)
            assert (answer.status, answer.body) == (status, body)


async def test_no_body_is_no_body(serve: Serve, upstream: Upstream) -> None:
    client = await shop(serve, upstream)
    upstream.says(b"", status=204)
    for name in RULES:
        answer = await client.get(f"/{name}")
        assert (answer.status, answer.body) == (204, b"")
    upstream.says(text_of(PAGE), content_type="application/json")
    for name in RULES:
        answer = await client.request("HEAD", f"/{name}")
        assert answer.body == b""


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Wörter".encode() * 900, "text/plain", "Wörter"),
        (b"a,b\n1,2\n", "text/csv", "a,b\n1,2\n"),
        (b"<a><b>1</b></a>", "application/xml", "<a><b>1</b></a>"),
        (b"<html><script>x</script><p>Seen <b>it</b></p></html>", "text/html", "Seen it"),
        (b"\x89PNG\0\0", "image/png", None),
        (b"%PDF-1.7 \0\xff", "application/pdf", None),
    ],
)
async def test_what_is_no_json(
    serve: Serve, upstream: Upstream, body: bytes, content_type: str, text: str | None
) -> None:
    client = await shop(serve, upstream)
    upstream.says(body, content_type=content_type)
    answer = await ask(client, "small")
    assert answer.headers["Content-Type"] == "application/json"
    found = strict(answer.body)
    assert tokens(answer.body) <= 300
    assert found["text"].startswith(text) if text else int(found["bytes"]) == len(body)
    for name in PARTS:
        assert (await ask(client, name)).json()["code"] == "upstream_failed"
    files = (
        await serve(config(upstream), files={"spec.json": spec(content_type)})
        if text is None
        else None
    )
    if files:
        answer = await ask(files, "small")
        assert (answer.body, answer.headers["Content-Type"]) == (body, content_type)


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "text/csv", "application/xml"])
async def test_the_rest_of_a_text_is_the_whole_of_what_may_be_seen(
    serve: Serve, upstream: Upstream, content_type: str
) -> None:
    client = await shop(serve, upstream)
    contract = await Contract.of(client)
    page = "".join(
        f"<p>{n}, <i>a &lt; b</i>\u202e 👍🏽 e\u0301 it\u200bself</p>\r\n" for n in range(900)
    )
    upstream.says(page.encode(), content_type=content_type)
    for name, said in RULES.items():
        answer = await ask(client, name)
        if name in PARTS:
            assert answer.json()["code"] == "upstream_failed"
            continue
        contract.check(name, answer)
        whole = readable(page) if content_type == "text/html" else page
        if said.get("untrusted") == "all":
            whole = whole.replace("\u202e", "").replace("\u200b", "")
        strict(answer.body)
        found = answer.json()
        if said.get("budget") == "no":
            assert found == {"text": whole}
            continue
        more = found["_shrunk"]["more"]
        text, operation = found["text"][:-1], more.pop("operation")
        assert more["offset"] == found["_shrunk"]["text"]["kept"] == len(text)
        while more:
            piece = await ask(client, operation, **more)
            contract.check("getMore", piece)
            assert tokens(piece.body) <= said.get("budget", 8000)
            text += piece.json()["text"]
            more = {**more, "offset": piece.json()["next"]} if "next" in piece.json() else {}
        assert text == whole


LIST = b'{"data":[{"id":1,"secret":"hidden"},{"id":2},{"id":3},{"id":4,"note":"hidden"}]}'


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/javascript", ""])
@pytest.mark.parametrize(
    "body",
    [
        b")]}',\n" + LIST,
        b"cb(" + LIST + b");",
        b"while(1);" + LIST,
        b"/**/" + LIST,
        b"<pre>" + LIST + b"</pre>",
        b"\xc2\xa0" + LIST,
        b"\0" + LIST,
        LIST.decode().encode("utf-16")[:-5],
        b"OK " + LIST,
    ],
    ids=["xssi", "jsonp", "loop", "comment", "pre", "nbsp", "nul", "half of utf-16", "words"],
)
async def test_what_is_almost_json_does_not_pass_as_a_text(
    serve: Serve, upstream: Upstream, body: bytes, content_type: str
) -> None:
    client = await shop(serve, upstream)
    upstream.says(body, content_type=content_type)
    for name in (*PARTS, *HIDING):
        assert (await ask(client, name)).json()["code"] == "upstream_failed", name
    assert (await ask(client, "plain")).status == 200, "where nothing is hidden"


async def test_a_text_of_an_operation_of_texts_passes(serve: Serve, upstream: Upstream) -> None:
    client = await serve(config(upstream), files={"spec.json": spec("text/plain")})
    upstream.says(b"words", content_type="text/plain")
    for name in HIDING:
        assert (await ask(client, name)).json() == {"text": "words"}
    upstream.says(b"cb(" + LIST + b")", content_type="application/json")
    for name in HIDING:
        assert (await ask(client, name)).json()["code"] == "upstream_failed"


@pytest.mark.parametrize(
    ("charset", "letter"),
    [("shift_jis", "ソ"), ("gbk", "乗"), ("big5", "功"), ("utf-8", "é"), ("utf-16", "é")],
)
async def test_fields_are_taken_in_every_charset(
    serve: Serve, upstream: Upstream, charset: str, letter: str
) -> None:
    client = await shop(serve, upstream)
    body = f'{{"data":[{{"id":1,"body":"{letter}"}}],"note":""}}'.encode(charset)
    for marks in (b"", b"\xef\xbb\xbf" * 2) if charset == "utf-8" else (b"",):
        upstream.says(marks + body, content_type="application/json", charset=charset)
        for _ in range(2):
            assert (await ask(client, "fields")).json() == {
                "data": [{"id": 1, "body": letter}], "note": "",
            }  # fmt: skip


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/html", ""])
async def test_what_rules_hide_does_not_come_as_a_text_either(
    serve: Serve, upstream: Upstream, content_type: str
) -> None:
    client = await shop(serve, upstream)
    contract = await Contract.of(client)
    for body in (text_of(PAGE)[:-40], text_of(PAGE) + b"}", b"\n" + text_of(ROWS)[:9000]):
        upstream.says(body, content_type=content_type)
        for name in ("fields", "every", "chosen", "dropped", "shaped"):
            first = await ask(client, name)
            seen = first.body.decode()
            if first.status == 200:
                seen += await check_rest(client, contract, name, first)
            assert "hidden" not in seen, (name, body[:20])
