"""Schemas of the older dialects become 2020-12 and accept what they accepted."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from gateway.spec.schema import convert

VALUES: list[Any] = [None, True, 0, 1, 2.5, "", "a", "abc", [], [1, None], {}, {"a": "abc"}]


def converted(raw: Any) -> tuple[Any, list[str]]:
    lines: list[str] = []
    return convert(raw, lines.append), lines


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (True, {}),
        (False, {"not": {}}),
        ({"type": "file"}, {"type": "string", "contentMediaType": "application/octet-stream"}),
        ({"nullable": True}, {}),  # counts only beside a type
        ({"nullable": True, "type": ["string"]}, {"type": ["string", "null"]}),
        ({"exclusiveMaximum": True}, {}),
        ({"exclusiveMaximum": 3.0}, {"exclusiveMaximum": 3.0}),
        ({"additionalProperties": True}, {"additionalProperties": True}),
        ({"items": True}, {"items": {}}),
        (
            {"$ref": "#/definitions/A", "title": "t"},
            {"$ref": "#/components/schemas/A", "title": "t"},
        ),
        ({"uniqueItems": "true", "readOnly": True}, {"uniqueItems": True, "readOnly": True}),
        ({"xml": {}, "example": 1, "x-a": 2}, {}),
        (
            {"discriminator": {"propertyName": "a", "mapping": {"b": "#/definitions/B"}}},
            {"discriminator": {"propertyName": "a", "mapping": {"b": "#/components/schemas/B"}}},
        ),
        ({"maxLength": 3.0, "minLength": "2"}, {"maxLength": 3, "minLength": 2}),
        ({"type": "string", "format": "byte"}, {"type": "string", "contentEncoding": "base64"}),
        ({"minimum": 2**70}, {"minimum": 2**70}),
        ({"pattern": r"^\p{L}{1,20}$"}, {"pattern": r"^\p{L}{1,20}$"}),
        ({"patternProperties": {"^x-": True}}, {"patternProperties": {"^x-": {}}}),
    ],
)
def test_converted_without_a_word(raw: Any, expected: Any) -> None:
    assert converted(raw) == (expected, [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("x", {}),
        ({"type": "int"}, {"type": "integer"}),
        ({"type": ["string", "any", 3]}, {"type": "string"}),
        ({"maximum": 1e400}, {}),
        ({"pattern": "(a{999}){999}"}, {}),
        ({"pattern": "a" * 3000}, {}),
        ({"pattern": "^a{0,20000}$"}, {}),
        ({"patternProperties": {"(": {}}}, {"patternProperties": {}}),
        ({"$ref": "other.yaml"}, {}),
        ({"type": "string", "enum": [1, "a"]}, {"type": "string", "enum": ["1", "a"]}),
        ({"items": []}, {"items": {}}),
    ],
)
def test_faults_are_mended_with_a_line(raw: Any, expected: Any) -> None:
    schema, lines = converted(raw)
    assert schema == expected
    assert lines


OLD = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["boolean", "integer", "number", "string", "array", "object"]),
            "nullable": st.booleans(),
            "minimum": st.integers(0, 2),
            "exclusiveMinimum": st.booleans(),
            "maximum": st.integers(0, 2),
            "exclusiveMaximum": st.booleans(),
            "maxLength": st.integers(0, 2),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "properties": st.dictionaries(st.just("a"), inner),
            "items": inner,
            "not": inner,
        },
    ),
    max_leaves=4,
)


REF = {"$ref": "#/components/schemas/A"}
NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"nullable": True, "allOf": [REF]}, {"anyOf": [{"allOf": [REF]}, NULL]}),
        ({"nullable": True, "oneOf": [REF]}, {"anyOf": [{"oneOf": [REF]}, NULL]}),
        ({"nullable": True, "anyOf": [REF]}, {"anyOf": [REF, NULL]}),
        ({"x-nullable": True, "anyOf": [REF, NULL]}, {"anyOf": [REF, NULL]}),
        (
            {**REF, "nullable": True, "description": "d"},
            {"description": "d", "anyOf": [REF, NULL]},
        ),
        ({**REF, "x-nullable": True}, {"anyOf": [REF, NULL]}),
        (
            {"type": "object", "nullable": True, "allOf": [REF]},
            {"anyOf": [{"type": "object", "allOf": [REF]}, NULL]},
        ),
        (
            {"type": ["object", "null"], "allOf": [REF], "title": "t"},
            {"title": "t", "anyOf": [{"type": "object", "allOf": [REF]}, NULL]},
        ),
        ({"type": "string", "x-nullable": True}, {"type": ["string", "null"]}),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
        ({"type": ["object", "null"], "anyOf": [REF, NULL]}, None),
        ({"nullable": False, "allOf": [REF]}, None),
    ],
)
def test_null_is_allowed_wherever_the_spec_means_it(raw: Any, expected: Any) -> None:
    schema, lines = converted(raw)
    if expected is None:
        expected = {key: value for key, value in raw.items() if key != "nullable"}
    assert (schema, lines) == (expected, [])


def by_the_letter(raw: dict[str, Any]) -> dict[str, Any]:
    """A schema without the `nullable` that counts here, but by the letter does not."""
    out = {key: value for key, value in raw.items() if key != "nullable" or "anyOf" not in raw}
    for key in ("items", "not"):
        if key in out:
            out[key] = by_the_letter(out[key])
    if "anyOf" in out:
        out["anyOf"] = [by_the_letter(one) for one in out["anyOf"]]
    if "properties" in out:
        out["properties"] = {name: by_the_letter(one) for name, one in out["properties"].items()}
    return out


@settings(deadline=None)
@given(OLD)
def test_a_3_0_schema_accepts_the_same_values_afterwards(raw: dict[str, Any]) -> None:
    raw = by_the_letter(raw)
    schema, lines = converted(raw)
    assert not lines
    new = jsonschema.Draft202012Validator(schema)
    old = OAS30Validator(raw)
    for value in VALUES:
        assert new.is_valid(value) == old.is_valid(value), value
