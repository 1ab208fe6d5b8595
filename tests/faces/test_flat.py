from __future__ import annotations

from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.faces.flat import Full, answer, flat
from gateway.shrinking import Shapes

REF = "#/components/schemas/"
COMPONENTS: dict[str, Any] = {
    "Colour": {"type": "string", "enum": ["red", "blue"]},
    "Size": {"allOf": [{"type": "integer"}, {"minimum": 1}]},
    "Box": {"type": "object", "properties": {"width": {}, "height": {}}},
    "Node": {"type": "object", "properties": {"next": {"$ref": REF + "Node"}}},
    "Loop": {"anyOf": [{"$ref": REF + "Loop"}, {"$ref": REF + "Loop"}]},
}
TEXT = {"type": "string"}
BOX = "JSON text of an object with width, height."


@pytest.mark.parametrize(
    ("schema", "form", "told", "exact"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1}, "", True),
        ({"type": ["number", "null"]}, {"type": "number"}, "", True),
        ({"type": ["integer", "number"]}, {"type": "number"}, "", True),
        ({"$ref": REF + "Size"}, {"type": "integer", "minimum": 1}, "", True),
        ({"$ref": REF + "Colour"}, {**TEXT, "enum": ["red", "blue"]}, "", True),
        ({"anyOf": [{"$ref": REF + "Colour"}, {"type": "null"}]},
         {**TEXT, "enum": ["red", "blue"]}, "", True),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {**TEXT, "enum": ["a", "b"]}, "", True),
        ({"type": "integer", "enum": [1, 2, None]}, {"type": "integer"}, "One of 1, 2.", True),
        ({"type": "string", "default": "a"}, {**TEXT, "default": "a"}, "", True),
        ({"type": "string", "default": {"a": 1}}, TEXT, "", True),
        ({"type": "boolean"}, {"type": "boolean"}, "", True),
        ({"type": ["string", "integer"]}, TEXT, "", True),
        ({"type": ["boolean", "integer"]}, TEXT, "", False),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1},
         {"type": "array", "items": {"type": "integer"}, "minItems": 1}, "", True),
        ({"anyOf": [TEXT, {"type": "array", "items": TEXT}]}, {"type": "array", "items": TEXT},
         "", True),
        ({"type": "array", "items": {"type": "array", "items": TEXT}},
         {"type": "array", "items": TEXT}, "Each item is the JSON text of a list.", False),
        ({"type": "array", "items": {"$ref": REF + "Box"}}, {"type": "array", "items": TEXT},
         f"Each item: {BOX}", False),
        ({"$ref": REF + "Box"}, TEXT, BOX, False),
        ({"anyOf": [TEXT, {"$ref": REF + "Box"}]}, TEXT, f"Or {BOX}", False),
        ({"$ref": REF + "Node"}, TEXT, "JSON text of an object with next.", False),
        ({"type": "object"}, TEXT, "JSON text of an object.", False),
        ({}, TEXT, "A text, or the JSON text of any other value.", False),
        ({"$ref": REF + "Loop"}, TEXT, "A text, or the JSON text of any other value.", False),
        ({"type": "string", "enum": ["a" * 50, "b" * 50] * 40}, TEXT,
         f"One of 80, e.g. {'a' * 50}.", True),
    ],
)  # fmt: skip
def test_every_argument_has_one_plain_form(schema: Any, form: Any, told: str, exact: bool) -> None:
    found = flat(schema, COMPONENTS)
    assert (found.schema, found.told, found.exact) == (form, told, exact)


leaves = st.sampled_from(
    [{}, True, {"type": "string"}, {"type": "null"}, {"enum": [1, None]}, {"const": {}},
     {"type": ["array", "null"]}, *({"$ref": REF + name} for name in (*COMPONENTS, "None"))]
)  # fmt: skip
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.dictionaries(st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1)),
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("abc"), inner)}),
    ),
    max_leaves=12,
)
SCALARS = ("string", "integer", "number", "boolean")


@given(schemas)
def test_whatever_the_schema_the_form_is_plain(schema: Any) -> None:
    found = flat(schema, COMPONENTS).schema
    if found["type"] == "array":
        found = found["items"]
    assert found["type"] in SCALARS
    assert not found.keys() & {"anyOf", "oneOf", "allOf", "$ref", "properties"}


@given(schemas, st.integers(0, 5))
def test_answers_are_never_deeper_than_was_asked_for(schema: Any, depth: int) -> None:
    def levels(node: dict[str, Any]) -> int:
        assert not node.keys() & {"anyOf", "oneOf", "allOf", "$ref"}
        inner = [*node.get("properties", {}).values()]
        inner += [node["items"]] if node.get("items") else []
        return 1 + max(map(levels, inner), default=0)

    found = answer(schema, Shapes(COMPONENTS), depth, str, repeat(None))
    assert levels(found) <= depth + 1
    assert "nullable" not in found


def test_what_an_answer_holds_may_be_null_and_says_its_words() -> None:
    schema = {
        "type": "object",
        "properties": {"rows": {"items": {"properties": {"a": {"description": "integer"}}}}},
    }
    row = {"type": "object", "nullable": True, "properties": {"a": {"description": "integer"}}}
    assert answer(schema, Shapes({}), 5, str, repeat(None)) == {
        "type": "object",
        "properties": {"rows": {"type": "array", "nullable": True, "items": row}},
    }
    assert answer(schema, Shapes({}), 1, str, repeat(None)) == {
        "type": "object",
        "properties": {"rows": {"type": "array", "nullable": True, "items": {}}},
    }


def test_where_everything_has_everything_in_it_the_room_is_the_bound() -> None:
    components = {
        f"S{i}": {"properties": {f"p{j}": {"$ref": f"{REF}S{j}"} for j in range(50)}}
        for i in range(50)
    }
    schema = {"$ref": REF + "S0"}
    assert len(answer(schema, Shapes(components), 1, str, repeat(None, 51))["properties"]) == 50
    with pytest.raises(Full):
        answer(schema, Shapes(components), 9, str, repeat(None, 10_000))


def test_lists_of_lists_are_texts_however_deep() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    assert flat(schema, {}).schema == {"type": "array", "items": {"type": "string"}}
