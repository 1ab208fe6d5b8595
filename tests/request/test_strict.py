"""Schemas as they bind a request."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.request.check import BACKTRACKS, checker_of, checker_of_all
from gateway.request.strict import strict
from gateway.values import Argument

CAT = {"type": "object", "required": ["kind"], "properties": {"kind": {}, "lives": {"maximum": 9}}}
DOG = {"type": "object", "required": ["kind", "breed"], "properties": {"kind": {}, "breed": {}}}
COMPONENTS: dict[str, Any] = {
    "Cat": CAT,
    "Dog": DOG,
    "Id": {"type": "integer", "readOnly": True},
    "Tree": {
        "type": "object",
        "required": ["id", "name"],
        "properties": {
            "id": {"$ref": "#/components/schemas/Id"},
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
    },
}
PETS = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]
ANIMAL = {"oneOf": PETS, "discriminator": {"propertyName": "kind", "mapping": {}}}
MAPPED = {
    "oneOf": PETS,
    "discriminator": {
        "propertyName": "kind",
        "mapping": {"katze": PETS[0]["$ref"], "gone": "#/components/schemas/Gone"},
    },
}


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        # What binds.
        ({"type": "integer", "minimum": 3}, [3, 4, 10**30], [2, "3", 3.5, None]),
        ({"type": "number", "exclusiveMinimum": 0}, [0.1, 1], [0, -1]),
        ({"type": ["string", "null"], "maxLength": 2}, ["é!", None], ["abc", 1]),
        ({"const": {"a": [1]}}, [{"a": [1]}], [{"a": []}]),
        ({"propertyNames": {"pattern": "^a"}}, [{"ab": 1}], [{"b": 1}]),
        ({"dependentRequired": {"a": ["b"]}}, [{"b": 1}, {"a": 1, "b": 1}], [{"a": 1}]),
        ({"prefixItems": [{"type": "integer"}], "items": False}, [[1]], [["a"], [1, 2]]),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, [{"a": 1}], [{"b": 1}]),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {}}, ["ab", 1], ["a"]),
        ({"not": {"type": "string"}}, [1], ["a"]),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
        # `$ref` with siblings: both bind.
        ({"$ref": "#/components/schemas/Id", "minimum": 5}, [5], [4, "5"]),
        # Formats.
        ({"type": "integer", "format": "int32"}, [2**31 - 1, -(2**31)], [2**31, -(2**31) - 1]),
        ({"type": "integer", "format": "int64", "minimum": 0}, [2**63 - 1], [2**63, -1]),
        ({"type": "number", "format": "int32"}, [2**40, 0.5], []),
        ({"type": "string", "format": "date"}, ["2025-02-28"], ["2025-02-30", "yesterday"]),
        ({"type": "string", "format": "uri"}, ["not one", "https://a"], []),
        ({"type": "string", "format": "our-own"}, ["x"], []),
        # Recursion, and what only an answer has.
        (
            {"$ref": "#/components/schemas/Tree"},
            [{"name": "a"}, {"name": "a", "id": 1, "children": [{"name": "b"}]}],
            [{}, {"name": "a", "children": [{}]}, {"name": "a", "children": [{"name": 1}]}],
        ),
        (
            {
                "required": ["id", "n"],
                "allOf": [{"properties": {"id": {"readOnly": True}, "n": {}}}],
            },
            [{"n": 1}],
            [{"id": 1}],
        ),
        # Forms that overlap: one that fits is enough, though `oneOf` would have none of it.
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, [5, 0.5], ["5"]),
        ({"oneOf": [{"minimum": 1}], "anyOf": [{"maximum": 5}]}, [1, 5], [0, 6]),
        # A discriminator: the form that is named, whatever else would fit.
        (ANIMAL, [{"kind": "Cat"}, {"kind": "Dog", "breed": 1}, {"kind": "?"}], [{"kind": "Dog"}]),
        (ANIMAL, [], [None, 1, {}, {"kind": "Cat", "lives": 10}]),
        (MAPPED, [{"kind": "katze", "lives": 9}], [{"kind": "katze", "lives": 10}]),
        # Regular expressions of other languages than Python's.
        ({"pattern": r"^\p{Lu}\d+$"}, ["Ä1"], ["ä1"]),
        ({"pattern": r"^(?!con$)(?<!x)[a-z]+$"}, ["com"], ["con"]),
        ({"pattern": r"^(a+)+$"}, ["a" * 50], ["a" * 50 + "b"]),
    ],
)
def test_what_binds_a_request(schema: Any, right: list[Any], wrong: list[Any]) -> None:
    checker = checker_of(schema, COMPONENTS)
    assert checker is not None
    assert [value for value in right if not checker.valid(value)] == []
    assert [value for value in wrong if checker.valid(value)] == []
    assert [value for value in wrong if not checker.faults(value)] == []


def test_words_are_left_out() -> None:
    worded = {"title": "t", "description": "d", "default": 1, "example": 2, "type": "integer"}
    assert strict({"properties": {"a": worded}}, {}) == {"properties": {"a": {"type": "integer"}}}


def test_what_a_pattern_cannot_decide_in_time_is_taken_as_right() -> None:
    checker = checker_of({"pattern": r"^(?:(a+)+\1?)+(?=b)$"}, {})
    assert checker is not None
    assert BACKTRACKS <= 100_000
    assert checker.faults("a" * 40) == []
    assert checker.valid([1]), "a pattern speaks of text alone"


def test_one_schema_that_cannot_be_compiled_costs_only_its_own_argument() -> None:
    bad = {"$ref": "https://elsewhere.example/schema.json"}
    arguments = [
        Argument("n", "query", ("n",), {"type": "integer"}),
        Argument("odd", "query", ("odd",), bad),
    ]
    checker, unchecked = checker_of_all(arguments, {})
    assert unchecked == ("odd",)
    assert checker is not None
    assert checker.valid({"n": 1, "odd": "anything"})
    assert not checker.valid({"n": "x"})


def test_where_there_is_nothing_to_check_there_is_no_check() -> None:
    assert checker_of_all([Argument("any", "query", ("any",), {})], {}) == (None, ())
    assert checker_of_all([], {}) == (None, ())
