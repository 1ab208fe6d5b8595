"""What is rendered is valid, and means in 3.0.3 and 3.1.1 what it meant."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway.listing import listed
from gateway.spec.document import parse
from gateway.spec.model import normalise
from gateway.spec.render import render
from gateway.spec_filter import trim
from gateway.values import Schema, SpecModel

SPECS = Path(__file__).parents[3] / "shared" / "data" / "specs"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}  # of 3.1
REAL = sorted(
    path
    for path in SPECS.glob("*.*")
    if path.suffix in (".json", ".yaml", ".yml") and path.name != "manifest.json"
)
VALIDATORS: dict[Literal["3.0", "3.1"], Any] = {
    "3.0": OpenAPIV30SpecValidator,
    "3.1": OpenAPIV31SpecValidator,
}


def document(schemas: dict[str, Schema], paths: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "openapi": "3.1.1",
        "info": {"title": "T", "version": "1"},
        "paths": paths or {},
        "components": {"schemas": schemas},
    }


def as_30(schema: Any) -> Any:
    return render(document({"A": schema}), "3.0")["components"]["schemas"]["A"]


def as_31(schema: Any) -> Any:
    return render(document({"A": schema}), "3.1")["components"]["schemas"]["A"]


def assert_valid(doc: dict[str, Any], most: int = 0) -> None:
    for version, validator in VALIDATORS.items():
        errors = list(validator(render(doc, version)).iter_errors())
        assert len(errors) <= most, errors[0]


# --- single keywords --------------------------------------------------------------------------

NULL_30 = {"type": "object", "nullable": True, "enum": [None]}
REF = {"$ref": "#/components/schemas/A"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "string", "nullable": True, "enum": ["a", None]},
        ),
        ({"type": "null"}, NULL_30),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        (
            {"anyOf": [{"type": "object"}, {"type": "null"}], "description": "d"},
            {"type": "object", "nullable": True, "description": "d"},
        ),
        ({"anyOf": [REF, {"type": "null"}]}, {"anyOf": [REF, NULL_30]}),
        (
            {"oneOf": [REF, {"type": "string"}, {"type": "null"}]},
            {"oneOf": [REF, {"type": "string", "nullable": True}]},
        ),
        (
            {"type": ["string", "integer"], "minLength": 2, "minimum": 3, "title": "t"},
            {
                "title": "t",
                "anyOf": [{"type": "string", "minLength": 2}, {"type": "integer", "minimum": 3}],
            },
        ),
        (
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, NULL_30]},
        ),
        (
            {"oneOf": [{"type": "null"}, {"type": "null"}, {"type": "string"}]},
            {"oneOf": [NULL_30, NULL_30, {"type": "string"}]},
        ),
        ({"type": "null", "const": True, "title": "t"}, {"title": "t", "not": {}}),
        ({"enum": [None], "const": True}, {"not": {}}),
        ({"enum": [1, True, 1.0, 1]}, {"enum": [1, True]}),
        ({"const": 3}, {"enum": [3]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"exclusiveMinimum": 3, "minimum": 5}, {"minimum": 5}),
        ({"exclusiveMaximum": 3, "maximum": 5}, {"maximum": 3, "exclusiveMaximum": True}),
        ({"examples": [1, 2]}, {"example": 1}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        ),
        ({"type": "array", "prefixItems": [REF]}, {"type": "array", "items": {}}),
        ({**REF, "description": "d"}, {"description": "d", "allOf": [REF]}),
        (REF, REF),
        (True, {}),
        (False, {"not": {}}),
        ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}, "b": {"not": {}}}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": False, "title": "t"},
            {"title": "t"},
        ),
        ({"if": {}, "then": {}, "else": {}, "contains": {}, "title": "t"}, {"title": "t"}),
        ({"contentEncoding": "base64"}, {"format": "byte"}),
        ({"contentMediaType": "application/octet-stream"}, {"format": "binary"}),
    ],
)
def test_in_3_0(schema: Any, expected: Any) -> None:
    assert as_30(schema) == expected
    assert_valid(document({"A": {"type": "string"}, "B": schema}))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string"]}, {"type": "string"}),
        (
            {"type": ["string", "null"], "maxLength": 3, "description": "d"},
            {"description": "d", "anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
        ),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        (
            {"type": ["object", "null"], "anyOf": [REF], "properties": {"a": {}}},
            {
                "anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "null"}],
                "allOf": [{"anyOf": [REF]}],
            },
        ),
        ({"const": 3, "examples": [3], **REF}, {"const": 3, "examples": [3], **REF}),
        ({"prefixItems": [True], "items": False}, {"prefixItems": [{}], "items": False}),
    ],
)
def test_in_3_1(schema: Any, expected: Any) -> None:
    assert as_31(schema) == expected
    assert_valid(document({"A": {"type": "string"}, "B": schema}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "default": "many"},
        {"type": "string", "format": "date", "default": "today"},
        {"type": "integer", "format": "int32", "default": 2**40},
        {"allOf": [{"$ref": "#/components/schemas/Kind"}], "default": "c"},
        {"$ref": "#/components/schemas/Gone/x", "default": "c"},
        {"type": "string", "contentEncoding": "base64", "default": "§"},
    ],
)
def test_a_default_that_its_own_schema_refuses_is_left_out(schema: Schema) -> None:
    doc = document({"A": schema, "Kind": {"enum": ["a", "b"]}})
    for version in VALIDATORS:
        assert "default" not in render(doc, version)["components"]["schemas"]["A"]


def test_a_good_default_stays() -> None:
    doc = document(
        {
            "A": {"allOf": [{"$ref": "#/components/schemas/Kind"}], "default": "b"},
            "Kind": {"enum": ["a", "b"]},
            "N": {"type": ["integer", "null"], "default": None},
            "T": {"type": "string", "format": "date-time", "default": "2024-01-01T00:00:00Z"},
        }
    )
    for version in VALIDATORS:
        schemas = render(doc, version)["components"]["schemas"]
        assert [schemas[name]["default"] for name in "ANT"] == ["b", None, "2024-01-01T00:00:00Z"]
    assert_valid(doc)


@pytest.mark.parametrize("pattern", ["([a-z", r"\p{L}+", "[[a-z]", "(?<n>a)", "a{99999999999}"])
def test_a_pattern_that_validators_cannot_read_is_left_out(pattern: str) -> None:
    assert as_31({"type": "string", "pattern": pattern}) == {"type": "string"}


def test_required_names_beside_allof_are_among_the_properties() -> None:
    schema = {"allOf": [REF], "required": ["a", "b"], "properties": {"b": {"type": "string"}}}
    assert_valid(document({"A": {"type": "object"}, "B": schema}))
    assert as_30(schema)["properties"] == {"a": {}, "b": {"type": "string"}}
    closed = {"allOf": [REF], "required": ["a"], "additionalProperties": {"type": "string"}}
    assert as_30(closed)["properties"] == {"a": {"type": "string"}}


def test_only_schemas_are_converted() -> None:
    data = {"schema": {"type": ["string", "null"]}, "examples": [1]}
    operation = {
        "x-own": data,
        "parameters": [
            {"name": "a", "in": "query", "schema": {"const": 1}, "examples": {"a": {"value": 1}}}
        ],
        "responses": {"200": {"description": "", "content": {"a/b": {"example": data}}}},
    }
    doc = document({"schema": {"properties": {"schema": {"const": 1}}}}, {"/a": {"get": operation}})
    rendered = render(doc, "3.0")
    got = rendered["paths"]["/a"]["get"]
    assert got["x-own"] == data
    assert got["parameters"][0]["schema"] == {"enum": [1]}
    assert got["parameters"][0]["examples"] == {"a": {"value": 1}}
    assert got["responses"]["200"]["content"]["a/b"]["example"] == data
    assert rendered["components"]["schemas"]["schema"] == {"properties": {"schema": {"enum": [1]}}}


def test_what_only_3_1_has_is_left_out_of_3_0() -> None:
    doc = {**document({}), "webhooks": {}, "jsonSchemaDialect": "x"}
    assert render(doc, "3.0").keys() == document({}).keys()
    assert render({"info": {}}, "3.0") == {"info": {}, "paths": {}, "openapi": "3.0.3"}


# --- the meaning stays ------------------------------------------------------------------------

VALUES: list[Any] = [
    None, True, 0, 1, 3, 3.5, -2, "", "a", "abc", [], [1], ["a", "a"], [None, 1, "a"], {}, {"a": 1},
    {"a": "abc", "b": None}, {"b": [1]},
]  # fmt: skip
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)
        ),
        "enum": st.lists(st.sampled_from(VALUES), min_size=1, max_size=4),
        "const": st.sampled_from(VALUES),
        "minimum": st.integers(-2, 3),
        "exclusiveMinimum": st.integers(-2, 3),
        "maximum": st.integers(-2, 3),
        "exclusiveMaximum": st.integers(-2, 3),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
        "title": st.just("t"),
        "default": st.sampled_from(VALUES),
    },
)


def composed(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    several = st.lists(inner, min_size=1, max_size=3)
    parts: dict[Any, Any] = {
        "anyOf": several,
        "oneOf": several,
        "allOf": several,
        "not": inner,
        "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        "items": st.one_of(inner, st.booleans()),
        "prefixItems": several,
        "additionalProperties": st.one_of(inner, st.booleans()),
        "contains": inner,
        "if": inner,
        "then": inner,
    }
    return st.tuples(LEAVES, st.fixed_dictionaries({}, optional=parts)).map(
        lambda two: {**two[0], **two[1]}
    )


SCHEMAS = st.recursive(LEAVES, composed, max_leaves=6)
NOT_IN_30 = ("contains", "if", "prefixItems")


def holds(schema: Any, words: tuple[str, ...]) -> bool:
    if isinstance(schema, list):
        return any(holds(one, words) for one in schema)
    if not isinstance(schema, dict):
        return False
    return any(word in schema for word in words) or any(
        holds(value, words)
        for key, value in schema.items()
        if key not in ("enum", "const", "default")
    )


def accepted(schema: Schema, validator: Any) -> list[Any]:
    return [value for value in VALUES if validator(schema).is_valid(value)]


@settings(deadline=None, max_examples=200)
@given(SCHEMAS)
def test_3_1_1_accepts_the_very_same_values(schema: Schema) -> None:
    before = copy.deepcopy(schema)
    rendered = as_31(schema)
    assert schema == before
    validator = jsonschema.Draft202012Validator
    assert accepted(rendered, validator) == accepted(schema, validator)
    assert "'type': [" not in str(rendered)


@settings(deadline=None, max_examples=200)
@given(SCHEMAS)
def test_3_0_3_accepts_the_same_values_or_more_where_it_lacks_the_words(schema: Schema) -> None:
    rendered = accepted(as_30(schema), OAS30Validator)
    meant = accepted(schema, jsonschema.Draft202012Validator)
    if holds(schema, NOT_IN_30):
        assume(not holds(schema, ("not", "oneOf")))  # what allows more inside allows less outside
        assert not [value for value in meant if value not in rendered]
    else:
        assert rendered == meant


@settings(deadline=None, max_examples=60)
@given(st.lists(SCHEMAS, min_size=1, max_size=3))
def test_whatever_is_rendered_is_valid(schemas: list[Schema]) -> None:
    assert_valid(document({f"S{i}": schema for i, schema in enumerate(schemas)}))


# --- real specs -------------------------------------------------------------------------------


def served(model: SpecModel) -> dict[str, Any]:
    """A document as a face writes it, with the upstream's own schemas."""
    paths: dict[str, Any] = {}
    for number, one in enumerate(model.operations):
        schema = {} if one.reply.schema is None else one.reply.schema
        operation: dict[str, Any] = {
            "operationId": f"op{number}",
            "parameters": [
                {"name": p.name, "in": p.place, "required": p.required, "schema": p.schema}
                for p in one.parameters
            ],
            "responses": {
                one.reply.status: {
                    "description": "",
                    "content": {"application/json": {"schema": schema}},
                }
            },
        }
        if one.body:
            content = {one.body.content_type: {"schema": one.body.schema}}
            operation["requestBody"] = {"content": content, "required": one.body.required}
        paths.setdefault(one.path, {})[one.method.lower()] = operation
    return document(dict(model.components), paths)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_of_real_specs_both_renders_are_valid(path: Path) -> None:
    parsed = parse(path.read_bytes(), path.name)
    operations = [(one.method, one.path) for one in listed(parsed) if one.method in METHODS]
    chance = random.Random(path.name)  # noqa: S311 - a sample, the same every time
    few = 1 if "stripe" in path.name else 4
    trimmed, _ = trim(parsed, chance.sample(operations, min(few, len(operations))))
    assert_valid(served(normalise(trimmed, "")))
