"""Trimming keeps the chosen operations and what they reach, and nothing else."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.listing import Listed, listed
from gateway.spec.document import parse
from gateway.spec_filter import MAX_DEPTH, MAX_SCHEMAS, trim

SPECS = Path(__file__).parents[2] / "shared" / "data" / "specs"
REAL = sorted(
    path
    for path in SPECS.glob("*.*")
    if path.suffix in (".json", ".yaml", ".yml") and path.name != "manifest.json"
)
# Keys below which every key is a name, not a keyword.
NAMES = {
    "properties", "patternProperties", "dependentSchemas", "schemas", "definitions", "paths",
    "content", "encoding", "responses", "requestBodies", "dependentRequired",
}  # fmt: skip
DATA = {"default", "enum", "const", "example"}

A = {"$ref": "#/components/schemas/A"}


def spec(*, version: str = "3.1.0", schema: Any = None, **rest: Any) -> dict[str, Any]:
    """A document with `GET /a`, which answers with `schema`, and `GET /b`."""
    content = {"application/json": {"schema": {} if schema is None else schema}}
    other = {"type": "object", "properties": {"b": {"type": "string"}}}
    document = {
        "openapi": version,
        "info": {"title": "T", "version": "1"},
        "paths": {
            "/a": {"get": {"responses": {"200": {"description": "", "content": content}}}},
            "/b": {"get": {"responses": {"200": {"content": {"a/b": {"schema": other}}}}}},
        },
    }
    document["paths"] |= rest.pop("paths", {})
    return {**document, **rest}


def schema_of(trimmed: dict[str, Any]) -> Any:
    answer = trimmed["paths"]["/a"]["get"]["responses"]["200"]
    return answer["content"]["application/json"]["schema"]


def trimmed_schema(schema: Any, **rest: Any) -> Any:
    return schema_of(trim(spec(schema=schema, **rest), [("GET", "/a")])[0])


def lines(document: dict[str, Any]) -> list[str]:
    return [line.what for line in trim(document, [("GET", "/a")])[1]]


def references(node: Any, *, names: bool = False) -> Iterator[str]:
    """What stands under `$ref` where that is a reference."""
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and not names:
                yield value
            elif names or key not in DATA:
                yield from references(value, names=not names and key in NAMES)


def assert_closed(trimmed: dict[str, Any]) -> None:
    """Every reference leads to a component, by its plain name."""
    for ref in references(trimmed):
        node: Any = trimmed
        for step in ref.removeprefix("#/").split("/"):
            assert step in node, ref
            node = node[step]


# --- listing ----------------------------------------------------------------------------------


def test_operations_are_listed_in_document_order_with_what_they_are_called() -> None:
    document = spec(
        paths={
            "/z": {
                "parameters": [],
                "put": {"operationId": "putZ", "summary": "Put.", "tags": ["x", 1]},
                "get": {"operationId": 7, "summary": None},
            }
        }
    )
    assert listed(document) == (
        Listed("GET", "/a"),
        Listed("GET", "/b"),
        Listed("PUT", "/z", "putZ", "Put.", ("x",)),
        Listed("GET", "/z"),
    )


@pytest.mark.parametrize("ref", ["#/components/pathItems/shared", "#/paths/~1b", "#/paths/%7E1b"])
def test_a_path_item_may_be_a_reference(ref: str) -> None:
    item = {"get": {"operationId": "shared", "responses": {}}}
    document = spec(
        paths={"/r": {"$ref": ref}, "/b": item}, components={"pathItems": {"shared": item}}
    )
    assert Listed("GET", "/r", "shared") in listed(document)
    trimmed, ledger = trim(document, [("GET", "/r")])
    assert trimmed["paths"] == {"/r": item}
    assert not ledger


@pytest.mark.parametrize(
    "odd", [None, "x", [], {"get": None}, {"$ref": "#/paths/~1odd"}, {"$ref": 1}]
)
def test_an_odd_path_item_has_no_operations_and_harms_no_other(odd: Any) -> None:
    document = spec(paths={"/odd": odd})
    assert [one.path for one in listed(document)] == ["/a", "/b"]
    assert list(trim(document, [("GET", "/a")])[0]["paths"]) == ["/a"]


def test_paths_in_other_documents_are_told_in_one_line() -> None:
    document = spec(paths={f"/{i}": {"$ref": f"paths.yaml#/{i}"} for i in range(5)})
    (line,) = lines(document)
    assert "(5): '/0', '/1', '/2', …" in line


def test_a_choice_that_is_not_there_is_lost() -> None:
    _, ledger = trim(spec(), [("POST", "/a"), ("GET", "/none")])
    assert [(line.operation, line.lost) for line in ledger] == [
        ("POST /a", True),
        ("GET /none", True),
    ]


# --- what is kept -----------------------------------------------------------------------------


def test_only_what_is_reached_is_kept() -> None:
    schemas = {
        "A": {"properties": {"b": {"$ref": "#/components/schemas/B"}, "a": A}},
        "B": {"type": "string"},
        "C": A,
    }
    document = spec(
        schema=A, components={"schemas": schemas, "securitySchemes": {"k": {}}}, tags=[]
    )
    trimmed, ledger = trim(document, [("GET", "/a")])
    assert list(trimmed) == ["openapi", "info", "paths", "components"]
    assert list(trimmed["paths"]) == ["/a"]
    assert trimmed["components"] == {"schemas": {"A": schemas["A"], "B": schemas["B"]}}
    assert not ledger


def test_replies_that_are_no_success_are_left_behind() -> None:
    replies = {"200": A, "201": A, "2XX": A, "302": A, "404": A, "default": A}
    document = spec(
        paths={"/a": {"get": {"responses": replies}}},
        components={"schemas": {"A": {"description": "an answer"}}},
    )
    trimmed, _ = trim(document, [("GET", "/a")])
    assert list(trimmed["paths"]["/a"]["get"]["responses"]) == ["200", "201", "2XX"]


def test_the_default_reply_is_kept_where_it_is_the_only_one_of_success() -> None:
    document = spec(paths={"/a": {"get": {"responses": {"default": {}, "404": {}}}}})
    assert list(trim(document, [("GET", "/a")])[0]["paths"]["/a"]["get"]["responses"]) == [
        "default"
    ]


def test_what_no_later_step_reads_is_left_behind() -> None:
    operation = {
        "operationId": "a",
        "tags": ["t"],
        "security": [],
        "callbacks": {"c": {"$ref": "other.yaml"}},
        "externalDocs": {},
        "x-own": 1,
        "responses": {"200": {"description": "", "links": {}, "headers": {"$ref": "nowhere"}}},
    }
    trimmed, ledger = trim(spec(paths={"/a": {"get": operation}}), [("GET", "/a")])
    assert trimmed["paths"]["/a"]["get"] == {
        "operationId": "a",
        "responses": {"200": {"description": ""}},
    }
    assert not ledger


def test_properties_keep_names_that_are_keywords_elsewhere() -> None:
    names = ["$ref", "example", "examples", "x-rate", "xml", "default", "properties", "$id"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert trimmed_schema(schema) == schema


def test_a_reference_inside_data_is_data() -> None:
    data = {"$ref": "#/components/schemas/A"}
    schema = {"default": data, "enum": [data], "const": data, "example": data, "x-a": data}
    document = spec(schema=schema, components={"schemas": {"A": {}}})
    trimmed, ledger = trim(document, [("GET", "/a")])
    assert schema_of(trimmed) == {"default": data, "enum": [data], "const": data}
    assert "components" not in trimmed
    assert not ledger


def test_keywords_that_change_what_references_mean_are_left_behind() -> None:
    schema = {"$id": "https://elsewhere.example/", "$schema": "x", "$defs": {"a": {}}, "title": "t"}
    assert trimmed_schema(schema) == {"title": "t"}


def test_one_short_example_of_a_parameter_is_kept() -> None:
    parameters = [
        {"name": "a", "in": "query", "example": "short"},
        {"name": "b", "in": "query", "examples": {"one": {"value": 3}}},
        {"name": "c", "in": "query", "schema": {"example": 1.5}},
        {"name": "d", "in": "query", "example": "x" * 101},
    ]
    document = spec(paths={"/a": {"get": {"parameters": parameters, "responses": {}}}})
    kept = trim(document, [("GET", "/a")])[0]["paths"]["/a"]["get"]["parameters"]
    assert [one.get("example") for one in kept] == ["short", 3, 1.5, None]


# --- references -------------------------------------------------------------------------------


def test_siblings_of_a_reference_count_from_3_1_on() -> None:
    schema = {**A, "description": "d", "properties": {"b": {"$ref": "#/components/schemas/B"}}}
    components = {"schemas": {"A": {}, "B": {}}}
    assert trimmed_schema(schema, components=components) == schema
    old = spec(version="3.0.3", schema=schema, components=components)
    trimmed, _ = trim(old, [("GET", "/a")])
    assert schema_of(trimmed) == A
    assert list(trimmed["components"]["schemas"]) == ["A"]


def test_a_component_that_is_only_a_reference_is_passed_over() -> None:
    b = {"$ref": "#/components/schemas/B"}
    schemas = {"A": b, "B": {"type": "string"}}
    assert trimmed_schema(A, components={"schemas": schemas}) == b
    said = {"A": {**b, "description": "said here"}, "B": {"type": "string"}}
    trimmed, _ = trim(spec(schema=A, components={"schemas": said}), [("GET", "/a")])
    assert schema_of(trimmed) == A
    assert trimmed["components"]["schemas"] == said


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (
            "#/paths/~1b/get/responses/200/content/a~1b/schema",
            "paths_b_get_responses_200_content_a_b",
        ),
        ("#/paths/%2Fb/get/responses/200/content/a%7E1b/schema/properties/b", None),
        ("#/components/schemas/D/properties/deep/items", "D_properties_deep_items"),
        ("#/components/schemas/D/allOf/0", "D_allOf_0"),
        ("#/components/schemas/Map%3CA,B~1C%3E", "Map_A_B_C"),
        ("#/definitions/Old", "definitions_Old"),
    ],
)
def test_what_is_no_component_becomes_one(ref: str, name: str | None) -> None:
    text = {"type": "string"}
    schemas = {
        "D": {"properties": {"deep": {"items": text}}, "allOf": [text]},
        "Map<A,B/C>": text,
    }
    document = spec(
        schema={"$ref": ref}, components={"schemas": schemas}, definitions={"Old": text}
    )
    trimmed, ledger = trim(document, [("GET", "/a")])
    if name is None:  # `%2F` is a slash that parts two steps (RFC 6901 §6): no such place
        assert schema_of(trimmed) == {}
        assert "leads nowhere" in ledger[0].what
        return
    (only,) = trimmed["components"]["schemas"]
    assert only.startswith(name)
    assert schema_of(trimmed) == {"$ref": f"#/components/schemas/{only}"}
    assert_closed(trimmed)
    assert not ledger


def test_a_made_name_never_takes_one_that_is_there() -> None:
    schemas = {"A": {"not": {"title": "deep"}}, "A_not": {"title": "own"}, "A.not": {}, "A not": {}}
    refs = ["A/not", "A_not", "A.not", "A%20not"]
    schema = {"allOf": [{"$ref": f"#/components/schemas/{ref}"} for ref in refs]}
    trimmed, _ = trim(spec(schema=schema, components={"schemas": schemas}), [("GET", "/a")])
    kept = trimmed["components"]["schemas"]
    assert len(kept) == 4
    assert kept["A_not"] == {"title": "own"}
    assert_closed(trimmed)


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("#/components/schemas/None", "leads nowhere"),
        ("#/components/schemas/A/required/7", "leads nowhere"),
        ("#anchor", "no path"),
        ("A", "another document"),
        ("other.yaml#/A", "another document"),
        ("file:///etc/passwd", "another document"),
        ("http://127.0.0.1/x.json", "another document"),
        ("#/components/schemas/Self", "leads to itself"),
        ("#/components/schemas/Ping", "leads to itself"),
    ],
)
def test_a_reference_that_leads_nowhere_is_any_value_and_the_operation_goes_on(
    ref: str, why: str
) -> None:
    schemas = {
        "A": {"required": ["a"]},
        "Self": {"$ref": "#/components/schemas/Self"},
        "Ping": {"$ref": "#/components/schemas/Pong"},
        "Pong": {"$ref": "#/components/schemas/Ping"},
    }
    document = spec(schema={"items": {"$ref": ref}}, components={"schemas": schemas})
    trimmed, ledger = trim(document, [("GET", "/a")])
    assert schema_of(trimmed) == {"items": {}}
    (line,) = ledger
    assert line.operation == "GET /a"
    assert not line.lost
    assert why in line.what


def test_a_parameter_body_or_reply_that_leads_nowhere_is_left_out() -> None:
    gone = {"$ref": "#/components/gone"}
    operation = {"parameters": [gone], "requestBody": gone, "responses": {"200": gone}}
    document = spec(paths={"/a": {"post": operation, "parameters": [gone, "x"]}})
    trimmed, ledger = trim(document, [("POST", "/a")])
    assert trimmed["paths"]["/a"] == {
        "post": {
            "requestBody": {"content": {"application/json": {"schema": {}}}},
            "responses": {},
        }
    }
    assert len(ledger) == 4


def test_a_chain_of_a_hundred_thousand_references_is_followed() -> None:
    count = 100_000
    schemas: dict[str, Any] = {
        f"A{i}": {"$ref": f"#/components/schemas/A{i + 1}"} for i in range(count)
    }
    schemas[f"A{count}"] = {"type": "string"}
    every = {"anyOf": [{"$ref": f"#/components/schemas/A{i}"} for i in range(0, count, 100)]}
    trimmed, ledger = trim(spec(schema=every, components={"schemas": schemas}), [("GET", "/a")])
    assert trimmed["components"]["schemas"] == {f"A{count}": {"type": "string"}}
    assert not ledger


def test_a_discriminator_pulls_nothing_in() -> None:
    mapping = {"cat": "#/components/schemas/Cat", "dog": "Dog", "far": "pets.yaml#/Far", "odd": 1}
    pet = {"discriminator": {"propertyName": "kind", "mapping": mapping}}
    schemas = {"Pet": pet, "Cat": {"title": "c"}, "Dog": {"title": "d"}}
    schema = {"oneOf": [{"$ref": "#/components/schemas/Pet"}, {"$ref": "#/components/schemas/Dog"}]}
    trimmed, _ = trim(spec(schema=schema, components={"schemas": schemas}), [("GET", "/a")])
    kept = trimmed["components"]["schemas"]
    assert kept.keys() == {"Pet", "Dog"}
    assert kept["Pet"]["discriminator"]["mapping"] == {"dog": "#/components/schemas/Dog"}


# --- hostile ----------------------------------------------------------------------------------


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": "bottom"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_a_schema_too_deep_is_cut() -> None:
    assert trimmed_schema(nested(MAX_DEPTH - 1)) == nested(MAX_DEPTH - 1)
    deep = spec(schema=nested(900))
    assert "deeper" in lines(deep)[0]
    assert "bottom" not in str(trim(deep, [("GET", "/a")])[0])


def test_a_literal_too_deep_is_left_out() -> None:
    assert trimmed_schema({"default": nested(900), "title": "t"}) == {"title": "t"}


ODD_SCHEMAS: list[Any] = ["x", 1, None, [], [{}]]
ODD_PARTS: list[Any] = [
    {"properties": []},
    {"allOf": {}},
    {"items": 3},
    {"discriminator": "kind"},
    {"additionalProperties": "no"},
    {"$ref": ["#"]},
]


@pytest.mark.parametrize("odd", [*ODD_SCHEMAS, *ODD_PARTS])
def test_an_odd_schema_is_any_value_there_and_the_rest_is_kept(odd: Any) -> None:
    schema = {"properties": {"odd": odd, "even": {"type": "string"}}}
    kept = trimmed_schema(schema)["properties"]
    assert kept["even"] == {"type": "string"}
    assert kept["odd"] in ({}, {"items": {}}, {"additionalProperties": {}})


def test_messages_show_what_the_document_holds_on_one_short_line() -> None:
    (line,) = lines(spec(schema={"$ref": "x\n" * 500}))
    assert len(line) < 250
    assert "\n" not in line


# --- properties -------------------------------------------------------------------------------


@cache
def real(path: Path) -> dict[str, Any]:
    return parse(path.read_bytes(), path.name)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_of_real_specs_whatever_is_chosen_is_closed_and_trims_to_itself(path: Path) -> None:
    document = real(path)
    operations = [(one.method, one.path) for one in listed(document)]
    chance = random.Random(path.name)  # noqa: S311 - a sample, the same every time
    for _ in range(5):
        chosen = chance.sample(operations, min(4, len(operations)))
        trimmed, _ = trim(document, chosen)
        assert_closed(trimmed)
        assert {(one.method, one.path) for one in listed(trimmed)} == set(chosen)
        assert trim(trimmed, chosen) == (trimmed, ())


def test_the_document_is_not_changed() -> None:
    schemas = {"A": {"discriminator": {"propertyName": "k", "mapping": {"a": "B"}}, "enum": [1]}}
    document = spec(schema=A, components={"schemas": schemas})
    before = copy.deepcopy(document)
    trim(document, [("GET", "/a"), ("GET", "/b")])
    assert document == before


def test_a_spec_of_more_schemas_than_can_be_held_is_cut_with_a_word() -> None:
    members = {
        f"p{number}": {"$ref": "#/components/schemas/A"} for number in range(MAX_SCHEMAS * 2)
    }
    content = {"application/json": {"schema": {"properties": members}}}
    operation = {"responses": {"200": {"description": "", "content": content}}}
    doc = {
        "openapi": "3.1.0",
        "paths": {"/a": {"get": operation}},
        "components": {"schemas": {"A": {"type": "string"}}},
    }
    trimmed, ledger = trim(doc, [("GET", "/a")])
    served = trimmed["paths"]["/a"]["get"]["responses"]["200"]["content"]["application/json"]
    values = served["schema"]["properties"].values()
    assert (len(values), sum(one == {} for one in values)) == (MAX_SCHEMAS, 1)
    assert [line.what for line in ledger] == [
        f"beyond {MAX_SCHEMAS:,} schemas the rest is taken as any value"
    ]
