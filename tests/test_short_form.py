"""Three lines over a real spec are a whole plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve

# Spec, two operations by id or by place; whether it names no absolute server of its own.
REAL = [
    ("petstore_3.0.4.yaml", "findPetsByStatus", "getPetById", False),
    ("figma_3.1.yaml", "getFile", "getComments", False),
    ("museum_3.1.yaml", "getMuseumHours", "buyMuseumTickets", False),
    ("oai_uspto_3.0.yaml", "list-data-sets", "list-searchable-fields", False),
    ("slack_swagger2.json", "conversations_list", "chat_postMessage", False),
    ("spotify_fixed.yml", "search", "get-an-album", False),
    ("stripe_2023-09.yaml", "GetCharges", "GetBalance", False),
    ("tmdb_restbench.json", "GET /search/movie", "GET /movie/{movie_id}", False),
    ("xero_accounting.yaml", "getAccounts", "getContacts", False),
    (
        "nytimes_most_popular_swagger2.json",
        "GET /mostviewed/{section}/{time-period}.json",
        "GET /mostshared/{section}/{time-period}.json",
        False,
    ),
    ("openai_plugins_quickstart.yaml", "getTodos", "deleteTodo", False),
    ("readme_circular_paths_3.0.json", "GET /anything", "POST /anything", False),
    ("harbor_swagger2.yaml", "getHealth", "listProjects", False),
    ("alertmanager_swagger2.yaml", "getStatus", "getAlerts", True),
    ("adyen_terminal_noopid.json", "POST /login", "POST /logout", True),
]


@pytest.mark.parametrize(("spec", "first", "second", "needs_url"), REAL)
async def test_three_lines_serve_a_real_spec(
    serve: Serve, specs: Path, spec: str, first: str, second: str, needs_url: bool
) -> None:
    config = f"plugin: real\nspec: {specs / spec}\noperations: ['{first}', '{second}']\n"
    if needs_url:
        config += "upstream: {url: 'https://api.example.com'}\n"
    client = await serve(config)
    manifest = (await client.get("/.well-known/ai-plugin.json")).json()
    assert manifest["api"]["url"].endswith("/openapi.yaml")
    for version in ("3.0", "3.1"):
        document = (await client.get(f"/openapi.json?version={version}")).json()
        served = [one for item in document["paths"].values() for one in item.values()]
        assert len(served) == 3  # with getMore
        assert all(one["operationId"] and one["responses"] for one in served)
        for reference in references(document):
            assert resolves(document, reference), reference


def references(value: Any) -> Iterator[str]:
    """Every `$ref` that is a text; a property of that name holds a schema."""
    if isinstance(value, dict):
        target = value.get("$ref")
        if isinstance(target, str):
            yield target
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def resolves(document: Any, reference: str) -> bool:
    if not reference.startswith("#/"):
        return False
    for escaped in reference[2:].split("/"):
        part = escaped.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return True


def test_the_checkers_see_a_dangling_reference() -> None:
    document = json.loads('{"a": {"$ref": "#/b"}}')
    assert [resolves(document, one) for one in references(document)] == [False]
