"""A trimmed document of any version becomes one model; what is odd costs itself alone.

The cases stand in `tests/cases/spec/*.yaml`: a comment that says the rule, the spec, what to
expect at which place of the model, and the whole ledger.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import yaml12
from gateway.listing import listed
from gateway.spec.model import normalise
from gateway.spec.render import render
from gateway.spec_filter import trim
from gateway.values import Degraded, SpecModel

CASES = sorted((Path(__file__).parents[1] / "cases" / "spec").glob("*.yaml"))


def model_of(spec: dict[str, Any], location: str = "") -> SpecModel:
    trimmed, _ = trim(spec, [(one.method, one.path) for one in listed(spec)])
    return normalise(trimmed, location)


def line(one: Degraded) -> str:
    return f"{'LOST ' if one.lost else ''}{one.operation}: {one.what}"


def at(model: dict[str, Any], place: str) -> Any:
    node: Any = model
    for step in place.split("."):
        node = node[int(step)] if isinstance(node, list | tuple) else node[step]
    return node


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml12.read(path.read_text())
    model = model_of(case["spec"], case.get("location", ""))
    whole = json.loads(json.dumps(asdict(model)))
    for place, expected in case["expect"].items():
        found = at(whole, place)
        if isinstance(expected, int) and isinstance(found, list):
            assert len(found) == expected, place
        elif isinstance(expected, dict) and "schema" not in place and "components" not in place:
            assert {key: found[key] for key in expected} == expected, place
        else:
            assert found == expected, place
    assert [line(one) for one in model.ledger] == case["ledger"]


# --- any fault --------------------------------------------------------------------------------

RICH: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1", "contact": {"email": "a@example.com"}},
    "servers": [{"url": "https://{h}.example.com", "variables": {"h": {"default": "a"}}}],
    "paths": {
        "/good": {"get": {"responses": {"200": {"description": "ok"}}}},
        "/pets/{id}": {
            "servers": [{"url": "/v2"}],
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "post": {
                "operationId": "post",
                "parameters": [
                    {"name": "q", "in": "query", "style": "form", "schema": {"type": "array"}}
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {
                            "schema": {"$ref": "#/components/schemas/Pet"},
                            "encoding": {"name": {"contentType": "text/plain"}},
                        }
                    },
                },
                "responses": {"200": {"$ref": "#/components/responses/Pet"}},
            },
        },
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {}}},
        "responses": {
            "Pet": {
                "description": "ok",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
            }
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["name"],
                "discriminator": {"propertyName": "name", "mapping": {"a": "Pet"}},
                "properties": {
                    "name": {"type": "string", "nullable": True, "enum": ["a", None]},
                    "size": {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
                    "mates": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
                    "more": {"additionalProperties": {"allOf": [{"type": "string"}]}},
                },
            }
        },
    },
}
OLD: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "T", "version": "1"},
    "host": "a.example.com",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "paths": {
        "/good": {"get": {"responses": {"200": {"description": "ok"}}}},
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "string"}],
            "put": {
                "parameters": [{"in": "body", "name": "b", "schema": {"$ref": "#/definitions/P"}}],
                "produces": ["application/json"],
                "responses": {"200": {"description": "", "schema": {"$ref": "#/definitions/P"}}},
            },
            "post": {
                "consumes": ["multipart/form-data"],
                "parameters": [
                    {"in": "formData", "name": "f", "type": "file", "required": True},
                    {"in": "query", "name": "q", "type": "array", "collectionFormat": "multi",
                     "items": {"type": "integer"}},
                ],
                "responses": {"200": {"description": "", "schema": {"type": "file"}}},
            },
        },
    },
    "definitions": {"P": {"type": "object", "properties": {"p": {"$ref": "#/definitions/P"}}}},
}  # fmt: skip
JUNK: list[Any] = [
    None, True, False, 0, -1, 1e400, 10**400, "", "x", "true", "{", "\ud800", "a\r\nb", [], {},
    [[]], [None], [{}], {"": None}, {"$ref": 1}, {"$ref": ""}, {"$ref": "#/components/schemas/Pet"},
    {"$ref": "#/paths/~1good/get"}, {"$ref": "http://elsewhere.example/"}, {"type": ["x", None]},
]  # fmt: skip


def places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a document but that of the operation that must survive."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if key not in ("openapi", "swagger", "/good"):
            if place:  # not a whole section: a spec without paths has no operation
                yield (*place, key)
            if isinstance(value, dict | list):
                yield from places(value, (*place, key))


def with_junk(document: dict[str, Any], changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """The document with junk at some places; a place that is gone already is passed over."""
    changed = copy.deepcopy(document)
    for place, junk in changes:
        node: Any = changed
        try:
            for step in place[:-1]:
                node = node[step]
            node[place[-1]] = copy.deepcopy(junk)
        except (LookupError, TypeError):
            continue
    return changed


def assert_good_survives(document: dict[str, Any]) -> None:
    chosen = [(one.method, one.path) for one in listed(document)]
    trimmed, given_up = trim(document, chosen)
    assert trim(trimmed, chosen)[0] == trimmed
    model = normalise(trimmed, "https://api.example.com/openapi.json")
    kept = {(one.method, one.key) for one in model.operations}
    assert ("GET", "/good") in kept
    lost = {one.operation for one in (*given_up, *model.ledger) if one.lost}
    assert {f"{method} {path}" for method, path in chosen} == lost | {f"{m} {k}" for m, k in kept}
    for version in ("3.0", "3.1"):
        schemas = {"components": {"schemas": dict(model.components)}}
        render({"openapi": "3.1.1", **schemas}, version)


@pytest.mark.parametrize("document", [RICH, OLD], ids=["3.0", "2.0"])
def test_each_fault_alone_costs_no_other_operation(document: dict[str, Any]) -> None:
    for place in places(document):
        for junk in JUNK:
            assert_good_survives(with_junk(document, [(place, junk)]))


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([RICH, OLD]).flatmap(
        lambda document: st.tuples(
            st.just(document),
            st.lists(
                st.tuples(
                    st.sampled_from(sorted(places(document), key=str)), st.sampled_from(JUNK)
                ),
                min_size=2,
                max_size=12,
            ),
        )
    )
)
def test_many_faults_together_cost_no_other_operation(drawn: tuple[dict[str, Any], Any]) -> None:
    assert_good_survives(with_junk(*drawn))


def test_every_fault_of_the_cases_at_once_loses_only_what_is_lost_alone() -> None:
    whole: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "T"}, "paths": {}}
    lost = set()
    for number, path in enumerate(CASES):
        spec = yaml12.read(path.read_text())["spec"]
        if "openapi" in spec and "components" not in spec:
            for key, item in spec["paths"].items():
                whole["paths"][f"/{number}{key}"] = item
                alone = model_of({**whole, "paths": {f"/{number}{key}": item}})
                lost |= {one.operation for one in alone.ledger if one.lost}
    together = model_of(whole)
    assert {one.operation for one in together.ledger if one.lost} == lost
    assert len(together.operations) == len(listed(whole)) - len(lost)
