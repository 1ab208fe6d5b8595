"""Operations as tools: what is said of them, and schemas that every client digests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gateway.config import Loaded
from gateway.config.sound import convert
from gateway.errors import BadArguments
from gateway.faces.portable import Portable
from gateway.faces.tool import Tool, tools_of
from gateway.faces.tool_schemas import object_of
from gateway.plugin import Plugin, build
from tests.oracles.rules import faults

UPSTREAM = "https://api.example.com"


def in_place(**operations: Any) -> Plugin:
    tree = {"plugin": "p", "upstream": {"url": UPSTREAM}, "operations": operations}
    return build(Loaded(Path("p.yaml"), convert(tree)), None)


def of_spec(paths: dict[str, Any], schemas: dict[str, Any] | None = None, **more: Any) -> Plugin:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas or {}},
    }
    tree = {
        "plugin": "p",
        "spec": "spec.json",
        "upstream": {"url": UPSTREAM},
        "operations": "all",
        **more,
    }
    return build(Loaded(Path("p.yaml"), convert(tree)), document, "spec.json")


def tool(plugin: Plugin, name: str) -> Tool:
    return next(one for one in tools_of(plugin) if one.name == name)


def taking(schema: Any, schemas: dict[str, Any] | None = None, **more: Any) -> Tool:
    """A tool whose one argument, `x`, has a schema."""
    body = {"type": "object", "properties": {"x": schema}}
    operation = {
        "operationId": "send",
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"204": {"description": "Done"}},
    }
    return tool(of_spec({"/x": {"post": operation}}, schemas, **more), "send")


def portable(schema: Any, schemas: dict[str, Any] | None = None) -> Any:
    one = taking(schema, schemas)
    assert faults(one.parameters) == []
    return one.parameters["properties"]["x"]


# --- what is said of an operation ---------------------------------------------------------------


def test_what_a_tool_does_follows_from_its_method_and_from_what_the_operator_says() -> None:
    plugin = in_place(
        read={"call": "GET /a"},
        look={"call": "HEAD /a"},
        ask={"call": "QUERY /a"},
        add={"call": "POST /a"},
        note={"call": "POST /b", "confirm": False},
        put={"call": "PUT /a"},
        drop={"call": "DELETE /a", "confirm": False},
        change={"call": "PATCH /a"},
        fire={"call": "GET /fire", "confirm": True},
    )
    hints = {
        one.name: (one.read_only, one.destructive, one.idempotent, one.open_world)
        for one in tools_of(plugin)
    }
    assert hints == {
        "read": (True, False, True, True),
        "look": (True, False, True, True),
        "ask": (True, False, True, True),
        "add": (False, True, False, True),
        "note": (False, False, False, True),
        "put": (False, True, True, True),
        "drop": (False, True, True, True),
        "change": (False, True, False, True),
        "fire": (False, True, True, True),
        "getMore": (True, False, True, False),
    }


def test_tools_are_made_once_and_stand_in_the_order_of_the_plugin() -> None:
    plugin = in_place(zebra={"call": "GET /z"}, ant={"call": "GET /a"})
    assert [one.name for one in tools_of(plugin)] == ["zebra", "ant", "getMore"]
    assert tools_of(plugin) is tools_of(plugin)


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("Find players by name. Returns ids.", "Find players by name"),
        ("All of them", "All of them"),
        ("Word " * 30 + "and so on. More.", "Get all players"),
    ],
)
def test_a_title_is_one_line_in_which_no_word_of_the_operator_is_cut(
    description: str, title: str
) -> None:
    one = tool(
        in_place(getAllPlayers={"call": "GET /a", "description": description}), "getAllPlayers"
    )
    assert (one.title.lower(), one.description) == (title.lower(), description.strip())


def test_a_long_summary_of_the_spec_is_cut_at_a_word() -> None:
    paths = {"/a": {"get": {"operationId": "a", "summary": "Reads what " * 12, "responses": {}}}}
    title = tool(of_spec(paths), "a").title
    assert len(title) <= 60
    assert title.endswith(("Reads…", "what…"))


def test_arguments_stand_in_their_json_form_whatever_their_place() -> None:
    parameters = [
        {"name": "filter", "in": "query", "content": {"application/json": {"schema": {
            "type": "object", "properties": {"a": {"type": "object", "properties": {}}},
            "additionalProperties": True}}}},
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
    ]  # fmt: skip
    get = {"operationId": "get", "parameters": parameters, "responses": {}}
    schema = tool(of_spec({"/x/{id}": {"get": get}}), "get").parameters
    assert {name: one["type"] for name, one in schema["properties"].items()} == {
        "id": "integer",
        "filter": "object",
        "tags": "array",
    }
    assert schema["required"] == ["id"]
    assert schema["additionalProperties"] is False


def test_a_tool_without_arguments_takes_nothing() -> None:
    schema = tool(in_place(ping={"call": "GET /ping"}), "ping").parameters
    assert schema == {"type": "object", "additionalProperties": False}


def test_a_file_says_how_it_is_given() -> None:
    schema = {"type": "object", "properties": {"photo": {"type": "string", "format": "binary"}}}
    post = {
        "operationId": "send",
        "requestBody": {"content": {"multipart/form-data": {"schema": schema}}},
        "responses": {},
    }
    photo = tool(of_spec({"/x": {"post": post}}), "send").parameters["properties"]["photo"]
    assert photo["type"] == "string"
    assert "data URL" in photo["description"]


# --- portable schemas ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "served"),
    [
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": ["integer", "string"], "minimum": 1, "maxLength": 3, "description": "D."},
            {
                "description": "D.",
                "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "maxLength": 3}],
            },
        ),
        (
            {"enum": ["a", None], "type": ["string", "null"]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        ({"type": "integer", "exclusiveMaximum": 2.5}, {"type": "integer", "maximum": 2}),
        ({"type": "integer", "exclusiveMinimum": 2.5}, {"type": "integer", "minimum": 3}),
        ({"type": "integer", "exclusiveMaximum": 2}, {"type": "integer", "maximum": 1}),
        (
            {"type": "number", "exclusiveMinimum": 0, "description": "A price"},
            {"type": "number", "minimum": 0, "description": "A price. More than 0."},
        ),
        (
            {"type": "integer", "multipleOf": 5},
            {"type": "integer", "description": "A multiple of 5."},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "integer"}}},
            ]},
            {"type": "object", "required": ["a"],
             "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
        ),
        (
            {"allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}},
                 "additionalProperties": False},
                {"type": "object", "properties": {"b": {"type": "string"}}},
            ]},
            {"type": "object", "additionalProperties": False,
             "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        ),
        (
            {"allOf": [
                {"type": "object", "additionalProperties": {"type": "string"}},
                {"type": "object", "additionalProperties": False},
            ]},
            {"type": "object", "additionalProperties": False},
        ),
        (
            {"allOf": [{"type": "integer", "minimum": 1, "maximum": 9},
                       {"minimum": 3, "maximum": 12}]},
            {"type": "integer", "minimum": 3, "maximum": 9},
        ),
        ({"type": "string", "format": "byte"}, {"type": "string", "description": "Base64."}),
        ({"type": "object", "additionalProperties": True}, {"type": "object"}),
        (
            {"type": "object", "patternProperties": {"^a": {"type": "string"}}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        ({"type": "string", "examples": ["a"]}, {"type": "string"}),
    ],
)  # fmt: skip
def test_a_schema_says_the_same_in_the_plainest_keywords(schema: Any, served: Any) -> None:
    assert portable(schema) == served


def test_what_properties_are_needed_together_is_said_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}],
    }
    assert portable(schema)["description"] == "Needs a, or b and c."


def test_an_array_without_items_and_a_schema_without_anything_say_what_they_take() -> None:
    for schema in (
        {"type": "array"},
        {},
        True,
        {"description": "Whatever."},
        {"type": "array", "items": True},
    ):
        portable(schema)  # the rules hold


def test_what_cannot_be_said_is_noted() -> None:
    one = taking(
        {"type": "object", "properties": {"a": {"type": "string"}}, "not": {"required": ["a"]}}
    )
    assert any("does not say not" in line.what for line in one.notes)


def test_references_are_replaced_by_what_they_lead_to() -> None:
    schemas = {
        "Pet": {"type": "object", "properties": {"owner": {"$ref": "#/components/schemas/Owner"}}},
        "Owner": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "description": "Who.",
        },
    }
    served = portable({"$ref": "#/components/schemas/Pet"}, schemas)
    assert served["properties"]["owner"]["properties"]["name"] == {"type": "string"}
    assert "$ref" not in json.dumps(served)


def test_only_what_contains_itself_stays_a_reference() -> None:
    tree = {
        "type": "object",
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
            "leaf": {"$ref": "#/components/schemas/Leaf"},
        },
    }
    one = taking(
        {"$ref": "#/components/schemas/Tree", "description": "The top."},
        {"Tree": tree, "Leaf": {"type": "object", "properties": {"a": {"type": "string"}}}},
    )
    assert faults(one.parameters) == []
    assert list(one.parameters["$defs"]) == ["Tree"]
    assert one.parameters["properties"]["x"]["anyOf"] == [{"$ref": "#/$defs/Tree"}]
    assert "a" in one.parameters["$defs"]["Tree"]["properties"]["leaf"]["properties"]
    value = {"x": {"children": [{"children": [], "leaf": {"a": "b"}}]}}
    jsonschema_rs.Draft202012Validator(one.parameters).validate(value)


def test_a_part_of_a_recursive_whole_is_joined_with_the_rest() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Node"},
            {"type": "object", "properties": {"own": {"type": "string"}}},
        ]
    }
    assert set(portable(schema, {"Node": node})["properties"]) == {"next", "own"}


def test_schemas_that_double_with_every_level_end() -> None:
    """Sixty levels, each of which leads to the next in three ways: 3^60 if all were written."""
    schemas: dict[str, Any] = {
        f"L{level}": {
            "type": "object",
            "properties": {
                name: {"$ref": f"#/components/schemas/L{level + 1}"} for name in ("a", "b", "c")
            },
        }
        for level in range(60)
    }
    schemas["L60"] = {"type": "string"}
    one = taking({"$ref": "#/components/schemas/L0"}, schemas)
    assert faults(one.parameters) == []
    assert len(json.dumps(one.parameters)) < 60_000
    assert any("named" in line.what for line in one.notes)


def test_a_circle_of_many_is_written_once() -> None:
    names = [f"C{number}" for number in range(30)]
    schemas = {
        name: {
            "type": "object",
            "properties": {one: {"$ref": f"#/components/schemas/{one}"} for one in names},
        }
        for name in names
    }
    one = taking({"$ref": "#/components/schemas/C0"}, schemas, spec_budget=50_000)
    assert faults(one.parameters) == []
    assert sorted(one.parameters["$defs"]) == sorted(names)


def test_a_circle_that_is_too_long_is_only_named() -> None:
    schemas = {
        name: {"type": "object", "properties": {
            f"{name}_{number}": {"$ref": f"#/components/schemas/{other}"} for number in range(400)
        }}
        for name, other in (("A", "B"), ("B", "A"))
    }  # fmt: skip
    portable_ = Portable(schemas, 2_000, answers=False)
    made = portable_.made({"$ref": "#/components/schemas/A"})
    assert "$ref" not in json.dumps(made.schema)
    assert portable_.named


def test_a_chain_deeper_than_any_reader_follows_is_cut() -> None:
    schemas: dict[str, Any] = {
        f"L{level}": {
            "type": "object",
            "properties": {"a": {"$ref": f"#/components/schemas/L{level + 1}"}},
        }
        for level in range(300)
    }
    schemas["L300"] = {"type": "string"}
    made = Portable(schemas, 10**6, answers=False).made({"$ref": "#/components/schemas/L0"})
    assert made.height <= 32


def test_many_long_arguments_are_only_named_the_longest_first() -> None:
    big = {
        "type": "object",
        "properties": {f"p{number}": {"type": "string"} for number in range(500)},
    }
    arguments = {f"a{number}": {"$ref": "#/components/schemas/Big"} for number in range(200)}
    operation = {
        "operationId": "send",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {**arguments, "small": {"type": "integer"}},
                    }
                }
            }
        },
        "responses": {},
    }
    one = tool(of_spec({"/x": {"post": operation}}, {"Big": big}), "send")
    assert one.parameters["properties"]["small"] == {"type": "integer"}
    assert len(json.dumps(one.parameters)) < 60_000


def test_recursive_schemas_that_are_too_long_together_are_only_named() -> None:
    schemas = {
        f"N{number}": {
            "type": "object",
            "properties": {
                "next": {"$ref": f"#/components/schemas/N{number}"},
                **{f"p{one}": {"type": "string"} for one in range(300)},
            },
        }
        for number in range(20)
    }
    parts = Portable(schemas, 60_000, answers=False)
    arguments = {name: {"$ref": f"#/components/schemas/{name}"} for name in schemas}
    operation = in_place(ping={"call": "GET /ping"}).operations["ping"]
    schema, notes = object_of(operation, arguments, parts)
    assert len(json.dumps(schema)) < 60_000
    assert notes == ["20 schemas of its tool are only named"]
    assert set(map(str, schema["properties"].values())) == {"{'type': 'object'}"}


def test_arguments_keep_within_the_budget_of_the_spec() -> None:
    big = {
        "type": "object",
        "properties": {
            f"p{number}": {
                "type": "object",
                "description": "Words of the spec. " * 20,
                "properties": {f"q{inner}": {"type": "string"} for inner in range(30)},
            }
            for number in range(40)
        },
    }
    whole = taking(big, spec_budget=100_000)
    small = taking(big, spec_budget=1_500)
    assert "properties" in whole.parameters["properties"]["x"]["properties"]["p39"]
    assert len(json.dumps(small.parameters)) < 12_000
    assert any("spec_budget" in line.what for line in small.notes)
    assert not any("spec_budget" in line.what for line in whole.notes)


def test_what_no_json_can_hold_is_made_plain() -> None:
    schema = {"type": "number", "default": float("inf"), "description": "Half \ud800 a character."}
    get = {
        "operationId": "get",
        "summary": "Half \ud800",
        "parameters": [{"name": "x", "in": "query", "schema": schema}],
        "responses": {},
    }
    one = tool(of_spec({"/x": {"get": get}}), "get")
    texts = [one.title, one.description, one.parameters]
    json.dumps(texts, ensure_ascii=False, allow_nan=False).encode()


# --- answers ------------------------------------------------------------------------------------


def test_an_answer_stands_whole_by_itself_and_is_never_narrower_than_it_was() -> None:
    row = {"type": "object", "properties": {"id": {"type": "integer", "exclusiveMinimum": 0},
                                            "kind": {"enum": ["a", "b"]}}}  # fmt: skip
    content = {
        "application/json": {
            "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
        }
    }
    get = {"operationId": "get", "responses": {"200": {"description": "ok", "content": content}}}
    returns = tool(of_spec({"/x": {"get": get}}, {"Row": row}), "get").returns
    assert returns is not None
    assert faults(returns, answer=True) == []
    validator = jsonschema_rs.Draft202012Validator(returns)
    for answer in ({"items": [{"id": 1, "kind": "a"}]}, {"items": [{"id": None, "kind": "zzz"}]}):
        assert validator.is_valid(answer)


def test_of_an_answer_nobody_knows_nothing_is_said() -> None:
    plugin = in_place(
        get={"call": "GET /a"},
        known={"call": "GET /b", "returns": {"type": "object", "properties": {"a": {}}}},
    )
    assert tool(plugin, "get").returns is None
    assert tool(plugin, "getMore").returns is None
    assert tool(plugin, "known").returns is not None


# --- bodies written in place, and headers -------------------------------------------------------

WHOLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "line": {"$anchor": "line", "type": "object", "properties": {"sku": {"type": "string"}}}
    },
    "properties": {
        "kind": {"type": ["string", "null"]},
        "line": {"$ref": "#line"},
        "other": {"$ref": "#/$defs/line"},
    },
    "allOf": [{"anyOf": [{"required": ["kind"]}, {"required": ["line"]}]}],
    "if": {"required": ["kind"]},
    "then": {"required": ["line"]},
    "additionalProperties": False,
}  # fmt: skip


def test_a_body_that_names_its_dialect_is_kept_whole() -> None:
    one = tool(in_place(order={"call": "POST /orders", "body": WHOLE}), "order")
    assert one.parameters == WHOLE
    assert faults(one.portable) == []
    assert set(one.portable["properties"]) == {"kind", "line", "other"}


@pytest.mark.parametrize(
    "more",
    [
        {"parameters": {"kind": "hide"}},
        {"parameters": {"sort": {"from": "kind"}}},
        {"parameters": {"q": {"in": "query", "type": "string"}}},
    ],
)
def test_a_body_of_which_callers_send_something_else_is_not(more: dict[str, Any]) -> None:
    one = tool(in_place(order={"call": "POST /orders", "body": WHOLE, **more}), "order")
    assert one.parameters is one.portable
    assert faults(one.parameters) == []


def test_definitions_in_a_body_bind_its_callers() -> None:
    plugin = in_place(order={"call": "POST /orders", "body": WHOLE})
    send = plugin.operations["order"].build
    assert send({"line": {"sku": "a"}}, {}).body == b'{"line":{"sku":"a"}}'
    for argument in ("line", "other"):
        with pytest.raises(BadArguments):
            send({argument: {"sku": 1}}, {})


def test_a_header_stands_where_clients_of_mcp_accept_it_and_nowhere_else() -> None:
    body = {
        "type": "object",
        "properties": {
            "good": {"type": "string", "x-mcp-header": "Good"},
            "again": {"type": "integer", "x-mcp-header": "gOOd"},
            "number": {"type": "number", "x-mcp-header": "Number"},
            "nullable": {"type": ["string", "null"], "x-mcp-header": "Nullable"},
            "bad": {"type": "string", "x-mcp-header": "not a token"},
            "deep": {
                "type": "object",
                "properties": {"in": {"type": "boolean", "x-mcp-header": "Deep"}},
            },
            "list": {"type": "array", "items": {"type": "string", "x-mcp-header": "List"}},
        },
    }  # fmt: skip
    region = {"in": "query", "type": "string", "x-mcp-header": "Region"}
    one = tool(
        in_place(send={"call": "POST /x", "body": body, "parameters": {"region": region}}), "send"
    )
    properties = one.parameters["properties"]
    kept = {
        name: each["x-mcp-header"] for name, each in properties.items() if "x-mcp-header" in each
    }
    assert kept == {"good": "Good", "region": "Region"}
    assert properties["deep"]["properties"]["in"]["x-mcp-header"] == "Deep"
    assert json.dumps(one.parameters).count("x-mcp-header") == 3
    left_out = [line.what for line in one.notes if "x-mcp-header" in line.what]
    assert len(left_out) == 5


def test_a_header_of_a_spec_is_kept() -> None:
    parameter = {
        "name": "region",
        "in": "query",
        "schema": {"type": "string", "x-mcp-header": "Region"},
    }
    plugin = of_spec(
        {"/x": {"get": {"operationId": "get", "parameters": [parameter], "responses": {}}}}
    )
    assert tool(plugin, "get").parameters["properties"]["region"]["x-mcp-header"] == "Region"
