"""What is promised of shrunk answers, as callers of a served gateway see it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from hypothesis import HealthCheck, find, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from gateway.shrinking.exact import tidy
from gateway.shrinking.table import untabled
from tests.conftest import Client, Response, Serve, Upstream
from tests.shrinking.generated import PAYLOADS, VALUES, text_of
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
# What is not what the spec says, but for the types of scalars.
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
        answer = await ask(client, told["more"]["operation"], handle=handle, path=path, offset=offset)
        contract.check("getMore", answer)
        seen.append(answer.body.decode())
        return strict(answer.body)

    whole = await collected(get, "$")
    for path in told:
        if path != "more" and "kept" in told[path]:
            assert await collected(get, path) == expected(whole, path), (name, path)
    sent = strict(untabled(_without(first.body)) if "table" in str(RULES.get(name)) else _without(first.body))
    if "hard" not in str(RULES.get(name)):
        numbers = {path: said for path, said in strict(first.body)["_shrunk"].items()}
        check_told(whole, sent, numbers)
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
    document = (await client.get("/openapi.json")).body
    assert document
