"""examples/documents: one operation of four, and long texts within the budget."""

from __future__ import annotations

import json

import pytest

from gateway.shrinking import count
from tests.conftest import Client
from tests.examples.conftest import Parameters, Running, Serving, Start, environment, loaded, seen

TOKEN = environment("documents")["DOCUMENTS_TOKEN"]


@pytest.fixture
async def upstream(start: Start) -> Running:
    return await start("documents/upstream.py")


@pytest.fixture
async def handbook(upstream: Running, serving: Serving) -> Client:
    config = loaded("documents/documents.yaml", environment("documents"), upstream.url)
    return await serving(config)


async def test_a_model_sees_the_search_and_nothing_else(handbook: Client) -> None:
    assert await seen(handbook) == {"searchHandbook": Parameters({"query"}, {"limit"})}
    text = (await handbook.get("/openapi.yaml")).body.decode()
    assert "x-openai-isConsequential: false" in text
    assert not [word for word in ("upsert", "delete", "embedding", "bearer") if word in text]


async def test_a_search_arrives_with_the_token(handbook: Client, upstream: Running) -> None:
    answer = await handbook.post("/query", json={"query": "days of holiday", "limit": 1})
    assert (answer.status, len(answer.json()["results"])) == (200, 1)
    assert set(answer.json()["results"][0]) == {"text", "score", "chapter"}
    assert (upstream.last.method, upstream.last.target) == ("POST", "/query")
    assert json.loads(upstream.last.body) == {"query": "days of holiday", "top_k": 1}
    assert upstream.last.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in answer.body.decode()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/upsert"),
        ("POST", "/upsert-file"),
        ("DELETE", "/delete"),
        ("POST", "/delete"),
        ("DELETE", "/query"),
        ("POST", "/query/../upsert"),
        ("POST", "/query%2F..%2Fupsert"),
        ("POST", "//upsert"),
        ("POST", "/handbook/upsert"),
        ("POST", "/call/upsert"),
        ("POST", "/call/upsert_upsert_post"),
        ("POST", "/call/delete_delete_delete"),
        ("POST", "/call/..%2Fdelete"),
        ("POST", "/call/searchHandbook/../../upsert"),
    ],
)
async def test_the_other_three_are_out_of_reach(
    handbook: Client, upstream: Running, method: str, target: str
) -> None:
    body = {"id": "x", "text": "x", "delete_all": True}
    answer = await handbook.request(method, target, json=body)
    assert answer.status in (400, 404, 405)
    overridden = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/delete"}
    answer = await handbook.request(method, target, json=body, headers=overridden)
    assert answer.status in (400, 404, 405)
    assert upstream.received == []


@pytest.mark.parametrize(
    "body", [{"query": "x", "namespace": "other"}, {"query": "x", "path": "/"}]
)
async def test_what_is_hidden_or_unknown_is_refused(
    handbook: Client, upstream: Running, body: dict[str, str]
) -> None:
    answer = await handbook.post("/query", json=body)
    assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")
    assert upstream.received == []


async def test_long_texts_keep_within_the_budget_and_the_cut_is_told(
    handbook: Client, upstream: Running
) -> None:
    answer = await handbook.post("/query", json={"query": "the chapter", "limit": 12})
    assert count(answer.body.decode()) <= 1500
    assert count(answer.body.decode()) > 1200  # and does not waste it
    body = answer.json()
    assert body["_shrunk"]
    assert all(one["chapter"].startswith("handbook/") for one in body["results"])
    piece = upstream.module.make_app()[upstream.module.PIECES][0]
    assert count(json.dumps(piece)) * 12 > 10 * 1500


async def test_a_search_is_never_answered_from_the_cache(
    handbook: Client, upstream: Running
) -> None:
    for _ in range(2):
        await handbook.post("/query", json={"query": "travel"})
    assert len(upstream.received) == 2
