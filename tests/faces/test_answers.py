"""The served schema of an answer accepts every answer, whatever the upstream sends."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from gateway.config import read_configs
from gateway.errors import Mistakes
from gateway.faces.openapi import Served, describe
from gateway.plugin import Plugin, build
from gateway.shrinking import ReshapeError
from gateway.values import Schema
from tests.shrinking.generated import VALUES, text_of
from tests.shrinking.test_schema import COMPONENTS, SCHEMAS

RULES = st.fixed_dictionaries(
    {
        "drop": st.lists(
            st.sampled_from(["empty", "nulls", "urls", "..id", "data.name", "$.value"]),
            unique=True,
            max_size=3,
        ),
        "encode": st.sampled_from(["json", "table"]),
        "budget": st.sampled_from(["no", 100, 300, 8000]),
    },
    optional={
        "fields": st.sampled_from(
            [["id"], ["data.{id,name.value as value}", "name"], ["*.id"], ["..id"], ["items.*"]]
        ),
        "strings": st.sampled_from([{"$": {"max": 20}}, {"$": {"html": "text"}}]),
        "untrusted": st.just("all"),
        "limit_items": st.sampled_from(
            [{"$": 2}, {"data": 1}, {"items": {"max": 1, "hard": True}}]
        ),
    },
)


def plugin_of(schema: Schema, rules: Mapping[str, Any], spec_budget: int = 5000) -> Plugin:
    """A plugin of one operation; a rule that the schema has no place for is left out."""
    reply = {"description": "ok", "content": {"application/json": {"schema": schema}}}
    spec = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {"/things": {"get": {"operationId": "things", "responses": {"200": reply}}}},
        "components": {"schemas": COMPONENTS},
    }
    config = {
        "plugin": "things",
        "spec": "spec.json",
        "spec_budget": spec_budget,
        "operations": {"things": rules},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "things.yaml"
        file.write_text(json.dumps(config))
        (loaded,) = read_configs([file], {})
        return build(loaded, spec, "spec.json")


def fitting(schema: Schema, rules: dict[str, Any], spec_budget: int) -> Plugin:
    """The same with as many of the rules as the schema takes."""
    for left in ({}, {"limit_items": None}, {"fields": None, "limit_items": None, "drop": None}):
        some = {key: one for key, one in rules.items() if key not in left}
        try:
            return plugin_of(schema, some, spec_budget)
        except Mistakes:
            continue
    raise AssertionError(rules)


def served_schema(served: Served) -> Schema:
    reply = served.document["paths"]["/things"]["get"]["responses"]["200"]
    schema: Schema = reply["content"]["application/json"]["schema"]
    return {**schema, "components": served.document["components"]}


def faults(plugin: Plugin, answer: bytes) -> list[str]:
    """What both versions of the served document have against an answer."""
    documents = describe(plugin, "https://gw.example/things")
    new, old = (served_schema(documents[version]) for version in ("3.1", "3.0"))
    value = json.loads(answer)
    told = [one.message for one in jsonschema_rs.Draft202012Validator(new).iter_errors(value)]
    return told + [one.message for one in OAS30Validator(old).iter_errors(value)]


@settings(
    deadline=None, max_examples=300, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(SCHEMAS, RULES, VALUES, st.sampled_from([300, 5000]))
def test_whatever_is_sent_is_what_the_served_schema_says(
    schema: Schema, rules: dict[str, Any], value: Any, spec_budget: int
) -> None:
    plugin = fitting(schema, rules, spec_budget)
    shrinker = plugin.operations["things"].shrinker
    try:
        answer = shrinker.shrink(text_of(value), sign=lambda _: "h" * 22).body
    except ReshapeError:
        return
    assert faults(plugin, answer) == [], (answer[:500], shrinker.schema)


LIES = [
    ({"type": "object", "properties": {"id": {"type": "integer"}}}, {"id": "x"}),
    ({"type": "object", "properties": {"to": {"type": "object"}}}, {"to": "a text"}),
    ({"type": "object", "properties": {"_shrunk": {"type": "object"}}}, {"_shrunk": [1]}),
    ({"type": "object"}, {"_shrunk": "the upstream's own"}),
    ({"type": "object"}, "no object"),
    ({"type": "array", "items": {"type": "object"}}, {"items": "no array"}),
    ({"type": "array", "items": {"type": "object"}}, [[1], "x"]),
    ({"type": "integer"}, {"a": "b"}),
    ({"type": "string"}, ["x"] * 300),
    ({"$ref": "#/components/schemas/Tree"}, {"name": 5, "children": {"name": [True]}}),
    ({"$ref": "#/components/schemas/Texts"}, {"a": {"b": 1}}),
    ({"$ref": "#/components/schemas/Color"}, 7),
    ({"type": "array", "items": {"type": "integer"}}, [{"id": n, "k": "v" * 9} for n in range(9)]),
]


@pytest.mark.parametrize("budget", ["no", 200])
@pytest.mark.parametrize("encode", ["json", "table"])
@pytest.mark.parametrize(("schema", "value"), LIES)
def test_no_lie_of_an_upstream_breaks_the_contract(
    schema: Schema, value: Any, budget: Any, encode: str
) -> None:
    plugin = plugin_of(schema, {"budget": budget, "encode": encode})
    answer = plugin.operations["things"].shrinker.shrink(text_of(value)).body
    assert faults(plugin, answer) == []


def test_an_answer_that_is_always_an_object_is_said_to_be_one() -> None:
    for kind in ("object", "array"):
        tops = [
            served_schema(describe(plugin_of({"type": kind}, {"budget": budget}), "")[version])
            for budget in (8000, "no")
            for version in ("3.0", "3.1")
        ]
        assert [top.get("type") for top in tops] == ["object", "object", None, None]


def test_both_versions_say_the_same() -> None:
    schema = {
        "type": "object",
        "properties": {
            "maybe": {"type": ["string", "null"], "format": "date-time"},
            "either": {"oneOf": [{"type": "integer"}, {"type": "boolean"}, {"type": "null"}]},
            "tree": {"$ref": "#/components/schemas/Tree"},
            "words": {"type": "string", "description": "Its words."},
            "list": {"type": "array", "items": {"type": "integer", "format": "int64"}},
            "bare": {"type": "array"},
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    }
    documents = describe(plugin_of(schema, {}), "")
    new, old = (served_schema(documents[version]) for version in ("3.1", "3.0"))
    assert new == old
    properties = new["properties"]
    del properties["_shrunk"]
    assert properties == {
        "maybe": {"description": "date-time string"},
        "either": {"description": "integer or boolean"},
        "tree": {"$ref": "#/components/schemas/Tree"},
        "words": {"description": "Its words."},
        "list": {"items": {"description": "integer"}},
        "bare": {"description": "array"},
        "map": {"additionalProperties": {"description": "number"}},
    }


def test_properties_that_a_path_drops_are_not_described() -> None:
    schema = {
        "type": "object",
        "properties": {
            "self": {"type": "string"},
            "urls": {"type": "string"},
            "a": {"type": "object", "properties": {"b": {"type": "string"}, "c": {}}},
            "tree": {"$ref": "#/components/schemas/Tree"},
        },
    }
    rules = {"drop": ["urls", "empty", "..self", "a.b", "tree.children.name"]}
    top = served_schema(describe(plugin_of(schema, rules), "")["3.1"])
    assert top["properties"].keys() == {"_shrunk", "urls", "a", "tree"}
    assert top["properties"]["a"] == {"properties": {"c": {}}}
    rules = {"drop": ["$.urls"]}
    top = served_schema(describe(plugin_of(schema, rules), "")["3.1"])
    assert top["properties"].keys() == {"_shrunk", "self", "a", "tree"}
