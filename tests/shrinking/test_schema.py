"""The served schema: lenient, projected, and true of whatever is sent."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import Rules, Shrinker, compile_shrinker
from gateway.values import Schema
from tests.shrinking.generated import NO_BUDGET, SCALARS, TEXTS, shrinker, text_of

COMPONENTS: dict[str, Schema] = {
    "Tree": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 2000},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
        "additionalProperties": False,
    },
    "Texts": {"type": "object", "additionalProperties": {"type": "string"}},
    "Color": {"type": "string", "enum": ["red", "green", "rather long a word for a color"]},
    "Rows/x~y": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Texts"}},
    "Named": {"allOf": [{"$ref": "#/components/schemas/Texts"}, {"required": ["id"]}]},
}
REFS = [f"#/components/schemas/{name.replace('~', '~0').replace('/', '~1')}" for name in COMPONENTS]
NAMES = st.sampled_from(["id", "name", "data", "items", "value", "_shrunk", "x.y"])

LEAVES = st.sampled_from(
    [
        {"type": "string", "minLength": 1, "pattern": "^[^0]*$"},
        {"type": ["string", "null"], "description": "Words."},
        {"type": "integer", "minimum": 0, "multipleOf": 1},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["a", 1, None]},
        {"const": "fixed"},
        {},
        *({"$ref": ref} for ref in REFS),
    ]
)


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.builds(
        lambda properties, more, required: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[:required],
            **more,
        },
        st.dictionaries(NAMES, inner, max_size=4),
        st.one_of(
            st.just({}),
            st.just({"additionalProperties": False}),
            st.builds(lambda schema: {"additionalProperties": schema}, inner),
        ),
        st.integers(0, 2),
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 500}, inner),
        st.builds(lambda items: {"type": ["array", "null"], "items": items}, inner),
        st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part, more: {"allOf": [part, more]}, objects(inner), objects(inner)),
    ),
    max_leaves=8,
)


def values(schema: Schema, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that a schema probably allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        return values(COMPONENTS[name], depth + 1)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return st.one_of([values(branch, depth) for branch in schema[keyword]])
    if "allOf" in schema:
        return st.builds(
            lambda *parts: {
                key: one for part in parts if isinstance(part, dict) for key, one in part.items()
            },
            *[values(part, depth) for part in schema["allOf"]],
        )
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    choices = [one for kind in kinds for one in _of_kind(kind, schema, depth)]
    return st.one_of(choices) if choices else SCALARS


def _of_kind(kind: str, schema: Schema, depth: int) -> list[st.SearchStrategy[Any]]:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            if depth > 4:
                return [st.just({})]
            each = {key: values(one, depth + 1) for key, one in properties.items()}
            needed = set(schema.get("required", ()))
            known = st.fixed_dictionaries(
                {key: one for key, one in each.items() if key in needed},
                optional={key: one for key, one in each.items() if key not in needed},
            )
            more = schema.get("additionalProperties")
            if not isinstance(more, dict):
                return [known]
            others = st.dictionaries(
                st.sampled_from(["id", "k1", "k2"]), values(more, depth + 1), max_size=3
            )
            return [st.builds(lambda one, two: {**two, **one}, known, others)]
        case "array":
            if depth > 4:
                return [st.just([])]
            item = values(schema["items"], depth + 1)
            return [
                st.lists(item, max_size=4),
                st.builds(lambda one, times: [one] * times, item, st.integers(1, 100)),
            ]
        case "string":
            return [TEXTS]
        case "integer":
            return [st.integers(0, 10**20)]
        case "number":
            return [st.floats(allow_nan=False, allow_infinity=False)]
        case "boolean":
            return [st.booleans()]
    return [st.none()]


def validator(schema: Schema, components: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": {"schemas": dict(components)}}
    )


def assert_true_of(rules: Shrinker, answer: bytes) -> None:
    fault = next(validator(rules.schema, rules.components).iter_errors(json.loads(answer)), None)
    assert fault is None, (fault, rules.schema, answer)


RULES = st.fixed_dictionaries(
    {
        "drop": st.sampled_from([(), ("empty",)]),
        "limit_items": st.sampled_from([{}, {"$": 2}, {"data": 1}, {"id": 1, "data.id": 2}]),
        "budget": st.sampled_from([NO_BUDGET, Budget(100), Budget(300)]),
        "fields": st.sampled_from(
            [
                (),
                ("id",),
                ("id", "data.name"),
                ("data.{id,name.value as value}",),
                ("*.id",),
                ("name.*",),
            ]
        ),
    }
)


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.data(), SCHEMAS, RULES)
def test_whatever_is_sent_of_a_valid_answer_is_valid_as_served(
    data: st.DataObject, schema: Schema, rules: dict[str, Any]
) -> None:
    value = data.draw(values(schema))
    if not validator(schema, COMPONENTS).is_valid(value):
        return
    compiled, faults = compile_shrinker(schema, COMPONENTS, Rules(**rules))
    if any(fault.key == "fields" for fault in faults):
        compiled, _ = compile_shrinker(schema, COMPONENTS, Rules(**{**rules, "fields": ()}))
    assert_true_of(compiled, compiled.shrink(text_of(value)).body)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), SCHEMAS, RULES)
def test_the_schema_of_an_unknown_answer_is_true_of_all(
    data: st.DataObject, schema: Schema, rules: dict[str, Any]
) -> None:
    value = data.draw(values(schema))
    if isinstance(value, dict) and "_shrunk" in value:
        return  # of a member that no schema announces nobody can know that it is not ours
    compiled, _ = compile_shrinker(None, COMPONENTS, Rules(**rules))
    assert_true_of(compiled, compiled.shrink(text_of(value)).body)


STRICT = {
    "type",
    "nullable",
    "required",
    "enum",
    "const",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "oneOf",
    "not",
    "if",
    "discriminator",
    "default",
    "example",
    "examples",
    "readOnly",
    "writeOnly",
    "multipleOf",
    "propertyNames",
    "dependentRequired",
}


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, RULES)
def test_a_served_schema_is_lenient_and_its_references_lead_somewhere(
    schema: Schema, rules: dict[str, Any]
) -> None:
    compiled, _ = compile_shrinker(schema, COMPONENTS, Rules(**rules))
    top = dict(compiled.schema)
    assert top.pop("type", "object") == "object"
    waiting: list[Any] = [top, *compiled.components.values()]
    while waiting:
        one = waiting.pop()
        assert isinstance(one, dict)
        assert not one.keys() & STRICT
        assert one.get("additionalProperties") is not False
        if "$ref" in one:
            assert one["$ref"] in (*REFS, "#/components/schemas/Shrunk")
            name = one["$ref"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            assert name in compiled.components
        waiting += one.get("properties", {}).values()
        waiting += [one[key] for key in ("items", "additionalProperties") if key in one]
        waiting += [part for key in ("allOf", "anyOf") for part in one.get(key, ())]


PLAYERS: Schema = {
    "type": "object",
    "required": ["data"],
    "description": "A page.",
    "properties": {
        "data": {
            "type": "array",
            "description": "The players.",
            "items": {
                "type": "object",
                "properties": {
                    "id": {
                        "type": "integer",
                        "format": "int64",
                        "minimum": 1,
                        "description": "Its id.",
                    },
                    "team": {"$ref": "#/components/schemas/Team"},
                    "secret": {"type": "string", "writeOnly": True},
                },
            },
        }
    },
}
TEAM: Schema = {
    "type": "object",
    "properties": {
        "full_name": {"type": "string", "maxLength": 80, "description": "City and name."},
        "games": {"type": "array", "items": {"$ref": "#/components/schemas/Game"}},
    },
}
PARTS = {
    "Team": TEAM,
    "Game": {"type": "object", "properties": {"team": {"$ref": "#/components/schemas/Team"}}},
}


def test_words_stay_and_strictness_goes() -> None:
    rules = shrinker(PLAYERS, PARTS)
    assert rules.schema == {
        "description": "A page.",
        "properties": {
            "data": {
                "description": "The players.",
                "items": {
                    "properties": {
                        "id": {"description": "Its id."},
                        "team": {"$ref": "#/components/schemas/Team"},
                    },
                },
            }
        },
    }
    assert set(rules.components) == {"Team", "Game"}
    assert rules.components["Team"]["properties"]["full_name"] == {
        "description": "City and name.",
    }
    for sent in ({"data": None}, {"data": [None]}, {"data": [{"team": None}]}):
        assert_true_of(rules, text_of(sent))


def test_a_reference_that_may_be_null_stays_a_reference() -> None:
    team = {"$ref": "#/components/schemas/Team"}
    for union in ("anyOf", "oneOf"):
        written = {"description": "Or none.", union: [team, {"type": "null"}]}
        rules = shrinker({"type": "object", "properties": {"team": written}}, PARTS)
        assert rules.schema["properties"] == {"team": {**team, "description": "Or none."}}
        assert_true_of(rules, b'{"team":null}')


@pytest.mark.parametrize("fields", [(), ("data.team",), ("data.{id,team.games.team}",)])
def test_below_the_top_upstreams_may_send_null_for_anything(fields: tuple[str, ...]) -> None:
    for budget in (NO_BUDGET, Budget(100)):
        rules = shrinker(PLAYERS, PARTS, fields=fields, budget=budget)
        assert ("type" in rules.schema) is bool(budget)
        for sent in ({"games": None}, {"games": [None]}, {"games": [{"team": None}]}, None):
            for data in ([{"team": sent}], [None], None):
                assert_true_of(rules, rules.shrink(text_of({"data": data})).body)


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "string"])
def test_an_answer_that_is_not_the_scalar_it_should_be_is_valid_as_served(kind: str) -> None:
    rules = shrinker({"type": kind}, budget=Budget(100))
    sent: list[Any] = [{"a": 1}, [1], {}, None]
    sent.append({"string": "word " * 1000, "boolean": True}.get(kind, 10**2000))
    for value in sent:
        assert_true_of(rules, rules.shrink(text_of(value)).body)


def test_fields_rename_nest_and_leave_components_behind() -> None:
    rules = shrinker(
        PLAYERS, PARTS, fields=("data.{id,team.full_name as team}",), budget=Budget(100)
    )
    assert list(rules.components) == ["Shrunk"]
    assert rules.schema == {
        "type": "object",
        "description": "A page.",
        "properties": {
            "_shrunk": {"$ref": "#/components/schemas/Shrunk"},
            "data": {
                "description": "The players.",
                "items": {
                    "properties": {
                        "id": {"description": "Its id."},
                        "team": {"description": "City and name."},
                    },
                },
            },
        },
    }


def test_an_array_is_served_as_items_where_something_can_cut_it() -> None:
    array = {"type": "array", "items": {"$ref": "#/components/schemas/Team"}}
    rows = {"items": array["items"]}
    assert shrinker(array, PARTS).schema == rows
    for rules in (
        shrinker(array, PARTS, budget=Budget(100)),
        shrinker(array, PARTS, limit_items={"$": 5}),
    ):
        assert rules.schema == {
            "type": "object",
            "properties": {
                "_shrunk": {"$ref": "#/components/schemas/Shrunk"},
                "items": rows,
            },
        }


@pytest.mark.parametrize("schema", [None, {}, {"type": ["object", "array"]}])
def test_where_nothing_is_known_the_schema_is_an_open_object(schema: Schema | None) -> None:
    assert shrinker(schema, budget=Budget(100)).schema == {
        "type": "object",
        "properties": {"_shrunk": {"$ref": "#/components/schemas/Shrunk"}},
    }


def test_a_map_at_the_top_lets_the_announcement_be() -> None:
    rules = shrinker(
        {"allOf": [{"$ref": "#/components/schemas/Texts"}]}, COMPONENTS, budget=Budget(100)
    )
    assert_true_of(rules, rules.shrink(text_of({"a": "word " * 1000})).body)
    rules = shrinker({"$ref": "#/components/schemas/Texts"}, COMPONENTS, budget=Budget(100))
    assert rules.schema["additionalProperties"] == {"description": "string"}
    assert_true_of(rules, rules.shrink(text_of({"a": "word " * 1000})).body)
