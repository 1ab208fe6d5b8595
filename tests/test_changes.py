"""What is told of a new version of a plugin, operation by operation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.changes import MOST, changes
from gateway.config import Loaded
from gateway.config.sound import convert
from gateway.plugin import Plugin, build

SPEC: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1"},
    "servers": [{"url": "https://api.example.com"}],
    "paths": {
        "/items": {
            "get": {
                "operationId": "getItems",
                "summary": "All items.",
                "parameters": [
                    {"name": "n", "in": "query", "schema": {"type": "integer"}},
                    {
                        "name": "kind",
                        "in": "query",
                        "schema": {"$ref": "#/components/schemas/Kind"},
                    },
                ],
                "responses": {
                    "200": {
                        "description": "Them.",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Items"}}
                        },
                    }
                },
            }
        },
        "/others": {
            "get": {"operationId": "getOthers", "responses": {"200": {"description": "."}}}
        },
    },
    "components": {
        "schemas": {
            "Kind": {"type": "string", "enum": ["a", "b"]},
            "Item": {"type": "object", "properties": {"id": {"type": "integer"}}},
            "Items": {
                "type": "object",
                "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
                },
            },
        }
    },
}


def made(spec: dict[str, Any], **config: Any) -> Plugin:
    tree = {"plugin": "t", "contact": "a@example.com", "spec": "s.json", **config}
    tree.setdefault("operations", ["getItems"])
    return build(Loaded(Path("t.yaml"), convert(tree)), spec, "s.json")


def _with(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    spec = copy.deepcopy(SPEC)
    change(spec)
    return spec


def _get(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["paths"]["/items"]["get"]  # type: ignore[no-any-return]


def _schemas(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["components"]["schemas"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: None, []),
        (lambda spec: spec["info"].update(version="2"), []),
        (lambda spec: spec["paths"].pop("/others"), []),
        (
            lambda spec: _get(spec)["parameters"].append(
                {"name": "x", "in": "query", "schema": {}}
            ),
            ["getItems: argument x added"],
        ),
        (
            lambda spec: _get(spec)["parameters"].append(
                {"name": "x", "in": "query", "required": True, "schema": {}}
            ),
            ["getItems: argument x added, required"],
        ),
        (lambda spec: _get(spec)["parameters"].pop(0), ["getItems: argument n removed"]),
        (
            lambda spec: _get(spec)["parameters"][0].update(required=True),
            ["getItems: argument n is required now"],
        ),
        (
            lambda spec: _get(spec)["parameters"][0].update(schema={"type": "string"}),
            ["getItems: argument n is string now, before integer"],
        ),
        (
            lambda spec: _get(spec)["parameters"][0].update(description="How many."),
            ["getItems: argument n has another description"],
        ),
        (
            lambda spec: _schemas(spec)["Kind"].update(enum=["a"]),
            ["getItems: argument kind takes other values"],
        ),
        (
            lambda spec: _schemas(spec)["Kind"].update(type="integer", enum=[1]),
            ["getItems: argument kind is integer now, before string"],
        ),
        (
            lambda spec: _get(spec).update(summary="Every item."),
            ["getItems: another description", "description: another text"],
        ),
        (
            lambda spec: _schemas(spec)["Item"]["properties"].update(name={"type": "string"}),
            ["getItems: another answer schema"],
        ),
        (
            lambda spec: spec.update(servers=[{"url": "https://v2.example.com"}]),
            ["upstream: https://v2.example.com, before https://api.example.com"],
        ),
    ],
)
def test_what_changed_is_told(change: Callable[[dict[str, Any]], object], told: list[str]) -> None:
    assert changes(made(SPEC), made(_with(change))) == told


def test_operations_come_and_go() -> None:
    one, other = (
        made(SPEC, description="T."),
        made(SPEC, description="T.", operations=["getOthers"]),
    )
    assert changes(one, other) == ["getOthers: added (GET /others)", "getItems: removed"]


def test_rules_for_answers_that_show_in_no_schema_are_told() -> None:
    lines = changes(made(SPEC), made(SPEC, drop=["urls"]))
    assert lines == ["getItems: other rules for its answers"]


def test_schemas_that_lead_to_themselves_are_compared() -> None:
    def loop(spec: dict[str, Any]) -> None:
        _schemas(spec)["Item"]["properties"]["next"] = {"$ref": "#/components/schemas/Item"}

    spec = _with(loop)
    assert changes(made(spec), made(copy.deepcopy(spec))) == []


def test_there_are_so_many_lines_and_no_more() -> None:
    spec = copy.deepcopy(SPEC)
    for number in range(2 * MOST):
        parameter = {"name": f"x{number}", "in": "query", "schema": {}}
        _get(spec)["parameters"].append(parameter)
    lines = changes(made(SPEC), made(spec))
    assert len(lines) == MOST + 1
    assert lines[-1] == f"and {MOST} more"
