"""What a response schema says of a place."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.shrinking.shapes import Shapes

COMPONENTS: dict[str, Any] = {
    "Row": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "next": {"$ref": "#/components/schemas/Row"}},
    },
    "Loop": {"$ref": "#/components/schemas/Loop"},
    "Own": {"allOf": [{"$ref": "#/components/schemas/Own"}, {"properties": {"a": {}}}]},
}
SHAPES = Shapes(COMPONENTS)
ROW = {"$ref": "#/components/schemas/Row"}


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": "object"}, {"object"}),
        ({"type": ["array", "null"]}, {"array", "null"}),
        (ROW, {"object"}),
        ({}, None),
        ({"properties": {}}, {"object"}),
        ({"items": {}}, {"array"}),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"const": 1.5}, {"number"}),
        ({"oneOf": [ROW, {"type": "null"}]}, {"object", "null"}),
        ({"oneOf": [ROW, {}]}, None),
        ({"allOf": [ROW, {"description": "x"}]}, {"object"}),
        ({"$ref": "#/components/schemas/Loop"}, None),
        ({"$ref": "#/components/schemas/Own"}, {"object"}),
        ({"$ref": "#/components/schemas/Gone"}, None),
    ],
)
def test_kinds(schema: dict[str, Any], kinds: set[str] | None) -> None:
    assert SHAPES.kinds(schema) == kinds


@pytest.mark.parametrize(
    ("schema", "key", "below"),
    [
        (ROW, "id", [{"type": "integer"}]),
        (ROW, "ID", []),
        ({"type": "array", "items": ROW}, "id", [{"type": "integer"}]),
        ({"type": "array", "items": {"type": "array", "items": ROW}}, "id", [{"type": "integer"}]),
        ({"type": "object"}, "x", [{}]),
        ({}, "x", [{}]),
        ({"type": "object", "additionalProperties": False}, "x", []),
        ({"type": "object", "additionalProperties": True, "properties": {"a": {}}}, "x", [{}]),
        ({"type": "object", "additionalProperties": ROW}, "x", [ROW]),
        ({"oneOf": [ROW, {"type": "string"}]}, "id", [{"type": "integer"}]),
        ({"oneOf": [ROW, {"type": "object"}]}, "x", [{}]),
        ({"oneOf": [ROW, {"type": "string"}]}, "x", []),
        ({"allOf": [ROW, {"type": "object"}]}, "x", []),
        ({"type": "string"}, "x", []),
        ({"properties": {"k": {"type": "string", "writeOnly": True}}}, "k", []),
        ({"$ref": "#/components/schemas/Own"}, "a", [{}]),
    ],
)
def test_below(schema: dict[str, Any], key: str, below: list[dict[str, Any]]) -> None:
    assert SHAPES.below(schema, key) == below


def test_compositions_that_multiply_are_read_once() -> None:
    components: dict[str, Any] = {
        f"C{n}": {"allOf": [{"$ref": f"#/components/schemas/C{n + 1}"}] * 2} for n in range(40)
    }
    components["C40"] = {"type": "object", "properties": {"a": {"type": "string"}}}
    shapes = Shapes(components)
    assert shapes.below({"$ref": "#/components/schemas/C0"}, "a") == [{"type": "string"}]
    assert shapes.kinds({"$ref": "#/components/schemas/C0"}) == {"object"}
