from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.request.check import checker
from gateway.request.schemas import ANYTHING, at, edit, kinds, properties, resolve
from gateway.request.text import decode_json

COMPONENTS: dict[str, Any] = {
    "Name": {"type": "string"},
    "Alias": {"$ref": "#/components/schemas/Name", "description": "Mine."},
    "Loop": {"$ref": "#/components/schemas/Loop"},
    "Ping": {"allOf": [{"$ref": "#/components/schemas/Pong"}]},
    "Pong": {"allOf": [{"$ref": "#/components/schemas/Ping"}]},
    "Tree": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Tree"}}},
    "a/b": {"type": "integer"},
}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_reference_is_followed_and_what_stands_beside_it_wins() -> None:
    assert resolve(ref("Alias"), COMPONENTS) == {"type": "string", "description": "Mine."}
    assert resolve(ref("a~1b"), COMPONENTS) == {"type": "integer"}


@pytest.mark.parametrize("schema", [ref("Loop"), ref("Gone"), True, False, None, {"$ref": 7}])
def test_a_reference_that_leads_nowhere_lets_anything_through(schema: Any) -> None:
    assert kinds(schema, COMPONENTS) == ANYTHING


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": "number"}, {"number", "integer"}),
        ({"type": ["array", "null"]}, {"array", "null"}),
        ({"type": [[], 7]}, set()),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"properties": {}}, {"object"}),
        ({"items": {}}, {"array"}),
        ({}, ANYTHING),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, {"array", "null"}),
        ({"oneOf": [{"type": "string"}, ref("a~1b")]}, {"string", "integer"}),
        ({"allOf": [ref("Alias"), {"maxLength": 3}]}, {"string"}),
        ({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]}, {"string"}),
        (ref("Ping"), ANYTHING),
    ],
)
def test_kinds_are_the_types_a_schema_lets_through(schema: Any, expected: set[str]) -> None:
    assert kinds(schema, COMPONENTS) == expected


def test_properties_are_gathered_through_references_and_all_of() -> None:
    components = {
        "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "Whole": {
            "allOf": [
                {"$ref": "#/components/schemas/Base"},
                {"properties": {"note": {"type": "string"}}, "required": ["note"]},
            ]
        },
    }
    assert properties(ref("Whole"), components) == (
        {"id": {"type": "string"}, "note": {"type": "string"}},
        {"id", "note"},
    )


def test_a_property_said_twice_must_fit_both() -> None:
    schema = {
        "allOf": [
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"a": {"maxLength": 3}}},
        ]
    }
    assert properties(schema, {}) == (
        {"a": {"allOf": [{"type": "string"}, {"maxLength": 3}]}},
        set(),
    )


def test_read_only_properties_are_not_for_callers() -> None:
    components = {"Id": {"type": "string", "readOnly": True}}
    schema = {
        "required": ["id", "name"],
        "properties": {"id": {"$ref": "#/components/schemas/Id"}, "name": {}},
    }
    assert properties(schema, components) == ({"name": {}}, {"name"})


def test_a_required_property_that_is_never_declared_can_be_sent() -> None:
    assert properties({"required": ["a"], "properties": {"b": {}}}, {}) == (
        {"a": {}, "b": {}},
        {"a"},
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "array", "items": {}},
        {"type": "string"},
        {"properties": {"a": {}}, "additionalProperties": True},
        {"properties": {"a": {}}, "additionalProperties": {}},
        {"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"properties": {"a": {}}, "patternProperties": {"^x": {}}},
        {"properties": {"a": {}}, "oneOf": [{"properties": {"b": {}}}, {"properties": {"c": {}}}]},
        {"properties": {"a": {}}, "anyOf": [{"type": "object"}]},
        {"allOf": [{"properties": {"a": {}}}, {"additionalProperties": True}]},
        ref("Ping"),
        ref("Loop"),
        True,
    ],
)
def test_an_open_object_is_not_spread(schema: Any) -> None:
    assert properties(schema, COMPONENTS) is None


def test_a_choice_of_what_is_required_is_no_choice_of_shape() -> None:
    schema = {"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert properties(schema, {}) == ({"a": {}, "b": {}}, set())


def test_an_edit_leaves_the_original_alone() -> None:
    inner = {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}}
    components = {"Inner": inner}
    schema = {"properties": {"a": {"$ref": "#/components/schemas/Inner"}}}

    def remove(owner: dict[str, Any], name: str) -> None:
        del owner["properties"][name]
        owner["required"].remove(name)

    edited = edit(schema, ("a", "b"), remove, components)
    assert edited == {"properties": {"a": {"type": "object", "properties": {}}}}
    assert inner["properties"] == {"b": {"type": "string"}}
    assert edit(schema, ("a", "c"), remove, components) is None
    assert edit(schema, ("c",), remove, components) is None


def test_a_nested_property_is_found_through_any_composition() -> None:
    schema = {"allOf": [{"oneOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}]}]}
    assert at(schema, ("a",), {}) == ({"type": "string"}, True)
    assert at(ref("Tree"), ("next", "next", "next"), COMPONENTS) == (ref("Tree"), False)
    assert at(ref("Ping"), ("a",), COMPONENTS) is None


def test_a_check_says_what_is_wrong_and_the_value_only_where_it_may() -> None:
    schema = {"type": "integer", "maximum": 5}
    check = checker(schema, {})
    assert check(5) is None
    assert check(12345) == "expected at most 5, found 12345"
    assert check("x" * 1_000) == f"expected an integer, found '{'x' * 59}…'"
    check = checker(schema, {}, shows=False)
    assert "12345" not in str(check(12345))
    assert "geheim" not in str(check("geheim"))


def test_a_check_names_the_place_inside_a_value() -> None:
    check = checker({"properties": {"a": {"items": {"type": "boolean"}}}}, {})
    assert check({"a": [True, "no"]}) == "at 'a.1': expected true or false, found 'no'"


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": ["integer", "null"]}, "x", "expected null or an integer, found 'x'"),
        ({"const": 4}, 5, "expected 4, found 5"),
        ({"minimum": 2}, 1, "expected at least 2, found 1"),
        ({"exclusiveMinimum": 2}, 2, "expected more than 2, found 2"),
        ({"exclusiveMaximum": 2}, 2, "expected less than 2, found 2"),
        ({"multipleOf": 2}, 3, "expected a multiple of 2, found 3"),
        ({"minLength": 2}, "a", "expected at least 2 characters, found 'a'"),
        ({"minItems": 2}, [1], "expected at least 2 items, found [1]"),
        ({"maxItems": 1}, [1, 2], "expected at most 1 items, found [1,2]"),
        ({"pattern": "^a"}, "b", "expected text that matches ^a, found 'b'"),
        ({"required": ["a"]}, {}, "lacks 'a'"),
    ],
)
def test_a_check_says_what_a_keyword_wants(schema: Any, value: Any, message: str) -> None:
    assert checker(schema, {})(value) == message


def test_a_check_reads_numbers_that_keep_their_text() -> None:
    check = checker({"items": {"type": "number", "maximum": 5}}, {})
    assert check(decode_json("[1e0, -0, 1.50]")) is None
    assert check(decode_json("[7.5]")) == "at '0': expected at most 5, found 7.5"


def test_a_check_follows_references_into_components() -> None:
    check = checker({"items": ref("Alias")}, COMPONENTS)
    assert check(["a"]) is None
    assert check([1]) is not None


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, ref("Gone"), {"pattern": "("}, {"$ref": "http://127.0.0.1:9/x"},
     {"$ref": "file:///etc/passwd"}, {"properties": {"a": {"$ref": "https://example.com/x"}}}],
)  # fmt: skip
def test_a_schema_that_cannot_be_compiled_checks_nothing_and_fetches_nothing(schema: Any) -> None:
    assert checker(schema, COMPONENTS)("anything") is None


def test_a_file_that_a_schema_refers_to_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"type": "integer"}')
    assert checker({"$ref": (tmp_path / "x.json").as_uri()}, {})("text") is None
