from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from gateway import yaml12
from gateway.config import types
from gateway.errors import NotFound
from gateway.faces.openapi import describe, documents
from gateway.plugin import Operation, Plugin
from gateway.request import bind
from gateway.shrinking import TEXT
from gateway.spec.render import _as_31 as as_31
from gateway.values import Argument, Degraded, Schema, SpecBody, SpecOperation, SpecReply

BASE = "https://gw.example/sportStats"
VALIDATORS = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}
LONG = "A first sentence. " + "And much more of it. " * 30
PLAYER = {"$ref": "#/components/schemas/Player"}
AWKWARD: dict[str, Schema] = {
    "Player": {
        "type": "object",
        "required": ["id", "name"],
        "description": LONG,
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": ["string", "null"], "example": "James", "x-internal": 1},
            "team": {"$ref": "#/components/schemas/The Team"},
            # Names of properties that are keywords elsewhere.
            "example": {"type": "string"},
            "readOnly": {"type": "boolean"},
            "x-rate": {"type": "number", "exclusiveMinimum": 0},
            "$ref": {"type": "string"},
            "no": {"enum": ["no", "NO", "1e3", "012", None]},
        },
    },
    "The Team": {
        "type": "object",
        "properties": {"players": {"type": "array", "items": PLAYER}, "tag": {"const": 1}},
        "discriminator": {"propertyName": "tag", "mapping": {"a": "#/components/schemas/Gone"}},
    },
    "Error": {"type": "object", "properties": {"message": {"type": "string"}}},
    "Error_2": {"type": "string"},
    "Unused": {"type": "string"},
}


@pytest.fixture
def rich(plugin: Callable[..., Plugin], operation: Callable[..., Operation]) -> Plugin:
    player_id = Argument("id", "path", ("id",), {"type": "integer"}, True, served="path")
    answer = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": PLAYER},
            "error": {"$ref": "#/components/schemas/Error"},
            "other": {"$ref": "#/components/schemas/Error_2"},
        },
    }
    string = {"type": "string"}
    nullable = {"type": ["string", "null"], "enum": ["a", None]}
    ranged = {"anyOf": [{"type": "object", "properties": {"gt": {}}}, {"type": "integer"}]}
    return plugin(
        operation(
            arguments=(
                Argument("query", "query", ("search",), string, True, "Part.", "james"),
                Argument("ids", "query", ("ids[]",), {"type": "array", "items": string}),
                Argument("maybe", "query", ("m",), {"type": ["array", "null"], "items": string}),
                Argument("since", "query", ("since",), ranged, description="When."),
                Argument("filter", "query", ("filter",), PLAYER),
                Argument("several", "query", ("s",), {"type": "array", "items": PLAYER}),
                Argument("kind", "query", ("k",), nullable),
            ),
            returns=answer,
            components=AWKWARD,
        ),
        operation(
            "getPlayer", path="/players/{id}", arguments=(player_id,), returns=PLAYER,
            components=AWKWARD, description=LONG,
        ),
        operation(
            "putPlayer", "PUT", "/players/{id}",
            arguments=(
                player_id,
                Argument("name", "body", ("name",), string, True, "Name.", "Ada", served="body"),
                Argument("next", "body", ("next",), PLAYER, served="body"),
            ),
            reply=SpecReply("204"),
            body=SpecBody("application/json", "json", PLAYER),
        ),
        operation(
            "addPlayers", "POST", "/players",
            arguments=(
                Argument("body", "body", (), {"type": "array", "items": PLAYER}, True, "All.",
                         served="body"),
            ),
            reply=SpecReply("201", "Made.", "text/csv; charset=utf-8"),
            consequential=False,
        ),
        components=AWKWARD,
    )  # fmt: skip


def served(plugin: Plugin, version: str = "3.1") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(documents(plugin)["/openapi.json"](BASE, version).body)
    return document


def written(plugin: Plugin) -> tuple[dict[str, Any], tuple[Degraded, ...]]:
    one = describe(plugin, BASE)["3.1"]
    return one.document, one.ledger


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_both_versions_are_valid_and_every_reference_resolves(rich: Plugin, version: str) -> None:
    document = served(rich, version)
    assert document["openapi"].startswith(version)
    assert list(VALIDATORS[version](document).iter_errors()) == []
    found = set(references(document))
    assert len(found) > 5
    for reference in found:
        at: Any = document
        for key in reference.removeprefix("#/").split("/"):
            at = at[key]


@pytest.mark.parametrize("version", ["", "3.0", "3.0.3", "3.1", "3.1.1"])
def test_yaml_and_json_are_the_same_document_for_every_reader(rich: Plugin, version: str) -> None:
    made = documents(rich)
    text = made["/openapi.yaml"](BASE, version).body.decode()
    expected = json.loads(made["/openapi.json"](BASE, version).body)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == expected
    assert yaml12.load(text) == expected
    assert expected["servers"] == [{"url": BASE}]


def test_without_a_version_the_one_that_every_client_reads_is_served(rich: Plugin) -> None:
    assert served(rich, "")["openapi"] == "3.0.3"


@pytest.mark.parametrize("version", ["2.0", "3.2", "3", "x" * 10_000])
def test_an_unknown_version_is_refused_with_those_there_are(rich: Plugin, version: str) -> None:
    for path in ("/openapi.yaml", "/openapi.json"):
        with pytest.raises(NotFound, match=r"\?version=3\.0 .* \?version=3\.1") as refusal:
            documents(rich)[path](BASE, version)
        assert len(refusal.value.detail) < 200


def test_only_the_chosen_operations_are_in_it_and_what_they_reach(rich: Plugin) -> None:
    document = served(rich)
    assert {path: sorted(item) for path, item in document["paths"].items()} == {
        "/players": ["get", "post"],
        "/players/{id}": ["get", "put"],
    }
    assert sorted(document["components"]["schemas"]) == [
        "Error", "Error_2", "Player", "PlayerInput", "Shrunk", "The_Team", "The_TeamInput",
    ]  # fmt: skip
    # Ours is the plain `Error`; of the upstream's two one has found another name,
    # and one of answers alone is said in fewer words than a name has.
    assert document["components"]["schemas"]["Error"]["required"][0] == "code"


def test_parameters_are_served_in_the_simplest_form(rich: Plugin) -> None:
    by_name = {one["name"]: one for one in served(rich)["paths"]["/players"]["get"]["parameters"]}
    assert by_name["query"] == {
        "name": "query",
        "in": "query",
        "description": "Part.",
        "required": True,
        "schema": {"type": "string"},
        "example": "james",
    }
    of_strings = {"type": "array", "items": {"type": "string"}}
    for name in ("ids", "maybe"):
        assert by_name[name] == {
            "name": name, "in": "query", "style": "form", "explode": True, "schema": of_strings,
        }  # fmt: skip
    assert by_name["since"]["schema"] == {"type": "string"}
    assert by_name["since"]["description"] == "When. Or JSON text of an object with gt."
    assert by_name["filter"]["schema"] == {"type": "string"}
    assert by_name["filter"]["description"].startswith("JSON text of an object with id, name,")
    assert by_name["several"]["schema"] == of_strings
    assert by_name["several"]["description"].startswith("Each item is the JSON text of an object")
    assert by_name["kind"]["schema"] == {"type": "string", "enum": ["a"]}


def test_bodies_are_json(rich: Plugin) -> None:
    paths = served(rich)["paths"]
    assert paths["/players/{id}"]["put"]["requestBody"] == {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "description": "Name.", "examples": ["Ada"]},
                        "next": {"$ref": "#/components/schemas/PlayerInput"},
                    },
                    "required": ["name"],
                }
            }
        },
    }
    whole = paths["/players"]["post"]["requestBody"]
    assert whole["description"] == "All."
    items = whole["content"]["application/json"]["schema"]["items"]
    assert items == {"$ref": "#/components/schemas/PlayerInput"}


def test_a_request_has_no_read_only_properties_and_no_noise(rich: Plugin) -> None:
    player = served(rich)["components"]["schemas"]["PlayerInput"]
    assert "id" not in player["properties"]
    assert player["required"] == ["name"]
    assert {"example", "readOnly", "x-rate", "$ref", "no"} <= player["properties"].keys()
    assert "example" not in player["properties"]["name"]
    assert "x-internal" not in player["properties"]["name"]
    assert "discriminator" not in json.dumps(served(rich))


def test_responses_are_the_answer_and_one_error(rich: Plugin) -> None:
    paths = served(rich)["paths"]
    for item in paths.values():
        for operation in item.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}
    assert list(paths["/players"]["get"]["responses"]) == ["200", "default"]
    assert "content" not in paths["/players/{id}"]["put"]["responses"]["204"]
    assert paths["/players"]["post"]["responses"]["201"] == {
        "description": "Made.",
        "content": {"application/json": {"schema": as_31(TEXT)}},
    }


@pytest.mark.parametrize(
    ("reply", "status"), [(SpecReply("2XX"), "200"), (SpecReply("default"), "200")]
)
def test_a_status_that_is_no_number_is_served_as_200(
    plugin: Callable[..., Plugin],
    operation: Callable[..., Operation],
    reply: SpecReply,
    status: str,
) -> None:
    responses = served(plugin(operation(reply=reply)))["paths"]["/players"]["get"]["responses"]
    assert list(responses) == [status, "default"]


def test_consequence_is_said_of_every_operation(rich: Plugin) -> None:
    said = {
        operation["operationId"]: operation["x-openai-isConsequential"]
        for item in served(rich)["paths"].values()
        for operation in item.values()
    }
    assert said == {"getPlayers": False, "getPlayer": False, "putPlayer": True, "addPlayers": False}


def test_the_specs_words_are_shortened_with_a_line_in_the_ledger(rich: Plugin) -> None:
    document, ledger = written(rich)
    short = document["paths"]["/players/{id}"]["get"]["description"]
    assert short.endswith("more of it.")
    assert 100 < len(short) <= 200
    lines = [(line.operation, line.what) for line in ledger]
    shortened = "shortened to at most 200 characters: its description (647)"
    assert ("GET /players/{id}", shortened) in lines
    assert any("shared schemas" in what for place, what in lines if place == "")
    assert not any(line.lost for line in ledger)


def test_the_operators_words_are_never_shortened_however_deep(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string", "description": LONG + "4"}}}
    config = types.Operation(
        description=LONG + "1",
        parameters={"query": types.Parameter(description=LONG + "2")},
        returns={"type": "object", "properties": {"a": {"description": LONG + "3"}}},
    )
    made = plugin(
        operation(
            method="POST",
            description=LONG + "1",
            written=True,
            arguments=(
                Argument("query", "query", ("q",), {}, description=LONG + "2"),
                Argument("a", "body", ("a",), inner, served="body"),
            ),
            returns={"type": "object", "properties": {"a": {"description": LONG + "3"}}},
        ),
        operations={"getPlayers": config},
        parameters={"body.a.b": types.Parameter(description=LONG + "4")},
    )
    document, ledger = written(made)
    text = json.dumps(document)
    for number in "1234":
        assert LONG + number in text
    assert ledger == ()


def test_two_forms_of_one_component_do_not_clash(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    other: dict[str, Schema] = {"Player": {"type": "object", "properties": {"only": {}}}}
    document = served(
        plugin(
            operation("a", path="/a", returns=PLAYER, components=AWKWARD),
            operation("b", path="/b", returns=PLAYER, components=other),
            operation("c", path="/c", returns=PLAYER, components=AWKWARD),
        )
    )
    refs = [
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for path in ("/a", "/b", "/c")
    ]
    assert refs[0] == refs[2] != refs[1]


AUTHS = [
    (
        types.Auth(service=types.ServiceAuth(tokens={"a": "s"})),
        {"type": "http", "scheme": "bearer"},
    ),
    (types.Auth(user=types.UserAuth(scheme="basic")), {"type": "http", "scheme": "basic"}),
    (
        types.Auth(
            oauth=types.OAuth(client_url="https://a.example/a", token_url="https://a.example/t",
                              scope="read write")
        ),
        {
            "type": "oauth2",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": "https://a.example/a",
                    "tokenUrl": "https://a.example/t",
                    "scopes": {"read": "", "write": ""},
                }
            },
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize("version", ["3.0", "3.1"])
@pytest.mark.parametrize(("auth", "scheme"), AUTHS)
def test_our_own_auth_is_declared(
    plugin: Callable[..., Plugin], auth: types.Auth, scheme: dict[str, Any], version: str
) -> None:
    document = served(plugin(auth=auth), version)
    assert document["components"]["securitySchemes"] == {"auth": scheme}
    assert document["security"] == [{"auth": ["read", "write"] if auth.oauth else []}]
    assert list(VALIDATORS[version](document).iter_errors()) == []


def test_without_auth_nothing_of_security_is_said(plugin: Callable[..., Plugin]) -> None:
    assert "ecurity" not in json.dumps(served(plugin()))


def test_what_no_json_can_hold_costs_no_document(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    odd = {"type": "number", "default": float("inf"), "description": "\ud800 lone"}
    made = plugin(operation(arguments=(Argument("a", "query", ("a",), odd),)))
    document = json.loads(
        documents(made)["/openapi.json"](BASE, "").body, parse_constant=pytest.fail
    )
    assert document["paths"]["/players"]["get"]["parameters"][0]["description"] == "? lone"
    assert yaml12.load(documents(made)["/openapi.yaml"](BASE, "").body) == document


def test_a_base_url_is_only_ever_a_server(plugin: Callable[..., Plugin]) -> None:
    base = 'https://a.example/"}], "x": [{"y": "'
    made = documents(plugin())
    assert json.loads(made["/openapi.json"](base, "").body)["servers"] == [{"url": base}]
    assert yaml12.load(made["/openapi.yaml"](base, "").body)["servers"] == [{"url": base}]


def test_a_component_that_only_a_text_of_json_would_use_is_left_out(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    texts = (
        Argument("one", "query", ("one",), PLAYER),
        Argument("many", "query", ("many",), {"type": "array", "items": PLAYER}),
    )
    made = plugin(operation(arguments=texts), components=AWKWARD)
    assert set(served(made)["components"]["schemas"]) == {"Error", "Shrunk"}


@pytest.mark.parametrize("words", ["", "Short.", LONG, "x" * 200, "ä" * 5000])
@pytest.mark.parametrize("names", [1, 12, 40])
def test_a_description_fits_together_with_the_hint_behind_it(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation], words: str, names: int
) -> None:
    properties = {f"a_rather_long_name_{number}": {"type": "string"} for number in range(names)}
    filters = {"type": "object", "properties": properties}
    lists = {"type": "array", "items": filters}
    either = {"anyOf": [{"type": "string"}, filters]}
    arguments = tuple(
        Argument(name, "query", (name,), schema, description=words)
        for name, schema in (("filter", filters), ("several", lists), ("either", either))
    )
    document = served(plugin(operation(arguments=arguments)))
    for parameter in document["paths"]["/players"]["get"]["parameters"]:
        assert "JSON text of an object with a_rather_long_name_0" in parameter["description"]
        assert len(parameter["description"]) <= 200


def test_the_example_of_an_object_in_the_query_is_text_as_its_schema_says(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    between = {"type": "object", "properties": {"from": {"type": "string"}}}
    lists = {"type": "array", "items": between}
    either = {"anyOf": [{"type": "string"}, between]}
    day = {"from": "2024-01-01"}
    arguments = (
        Argument("between", "query", ("b",), between, example=day),
        Argument("several", "query", ("s",), lists, example=[day, day]),
        Argument("either", "query", ("e",), either, example="today"),
        Argument("whole", "body", ("w",), between, example=day, served="body"),
    )
    document = served(plugin(operation(method="POST", arguments=arguments)))
    found = document["paths"]["/players"]["post"]
    text = '{"from": "2024-01-01"}'
    assert [one["example"] for one in found["parameters"]] == [text, [text, text], "today"]
    (body,) = found["requestBody"]["content"].values()
    assert body["schema"]["properties"]["whole"]["examples"] == [day]


@pytest.mark.parametrize(
    ("parameters", "is_sent", "required"),
    [
        ({}, False, ["criteria", "version"]),
        # What the config sends by itself makes a body of every call.
        ({"version": types.Parameter(default="v1")}, True, ["criteria"]),
    ],
)
def test_an_optional_body_says_what_it_needs_once_it_is_sent(
    plugin: Callable[..., Plugin],
    operation: Callable[..., Operation],
    parameters: dict[str, types.Parameter],
    is_sent: bool,
    required: list[str],
) -> None:
    properties = {name: {"type": "string"} for name in ("criteria", "version", "rows")}
    schema = {"type": "object", "required": ["criteria", "version"], "properties": properties}
    sent = SpecBody("application/json", "json", schema)
    bound = bind(SpecOperation("POST", "/search", "/search", body=sent), {}, parameters)
    search = operation("search", "POST", "/search", arguments=bound.arguments, body=sent)
    body = served(plugin(search))["paths"]["/search"]["post"]["requestBody"]
    assert body.get("required", False) is is_sent
    assert body["content"]["application/json"]["schema"]["required"] == required
