"""What a path of `drop` takes away is not described, wherever a component is used."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.shrinking.drop_schema import without_dropped
from gateway.shrinking.shapes import Shapes
from gateway.values import Schema

TREE: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
    },
}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def keys(schema: Schema, way: str, shapes: Shapes) -> set[str]:
    """The keys that are named at a way of keys."""
    places = [schema]
    for key in way.split(".") if way else ():
        places = [one for place in places for one in shapes.below(place, key)]
    return {name for place in places for name in shapes.names(place)}


def test_nothing_changes_without_a_path() -> None:
    shapes = Shapes({"Tree": TREE})
    for entries in ((), ("empty", "nulls", "urls"), ("url",)):  # the last is misspelt
        assert without_dropped(ref("Tree"), entries, shapes) == (ref("Tree"), shapes)
    assert without_dropped(None, ("..name",), shapes) == (None, shapes)


def test_a_key_anywhere_is_in_no_component() -> None:
    shapes = Shapes({"Tree": TREE})
    left, less = without_dropped(ref("Tree"), ("..name", "empty"), shapes)
    assert left == ref("Tree")
    assert less.components["Tree"]["properties"].keys() == {"children"}
    assert shapes.components["Tree"] is TREE


def test_one_component_may_lose_different_things_at_different_places() -> None:
    schema: Schema = {"type": "object", "properties": {"tree": ref("Tree"), "other": ref("Tree")}}
    shapes = Shapes({"Tree": TREE, "Tree_less": {"type": "string"}})
    left, less = without_dropped(schema, ("tree.children.name",), shapes)
    assert left is not None
    assert keys(left, "tree", less) == {"name", "children"}
    assert keys(left, "tree.children", less) == {"children"}
    assert keys(left, "tree.children.children", less) == {"name", "children"}
    assert keys(left, "other", less) == {"name", "children"}
    assert less.components["Tree_less"] == {"type": "string"}, "a name of the spec stays its own"


def test_operations_with_the_same_paths_share_what_is_left() -> None:
    shapes = Shapes({"Tree": TREE})
    _, one = without_dropped(ref("Tree"), ("..name", "empty"), shapes)
    other: Schema = {"type": "array", "items": ref("Tree")}
    left, same = without_dropped(other, ("nulls", "..name"), shapes)
    assert same is one
    assert left == other
    assert without_dropped(other, ("..children",), shapes)[1] is not one


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("rates.*", {"type": "object", "properties": {"rates": {"type": "object"}}}),
        ("*.EUR", None),
        ("rates", {"type": "object", "properties": {}}),
    ],
)
def test_maps(path: str, left: Any) -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"rates": {"type": "object", "additionalProperties": {"type": "number"}}},
    }
    assert without_dropped(schema, (path,), Shapes({}))[0] == (left or schema)


def test_parts_of_a_composition_and_places_of_a_tuple_lose_it_as_well() -> None:
    part: Schema = {"properties": {"a": {}, "b": {}}}
    rest: Schema = {"properties": {"b": {}}}
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        assert without_dropped({keyword: [part]}, ("a",), Shapes({}))[0] == {keyword: [rest]}
    assert without_dropped({"items": part}, ("a",), Shapes({}))[0] == {"items": rest}
