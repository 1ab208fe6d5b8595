"""Schemas of answers have one form: what is served, taken as a spec itself, is served the same."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.faces.schemas import Rewriter, World
from gateway.faces.texts import Words
from gateway.values import Schema
from tests.draws.checks import difference, invalid
from tests.draws.drawing import VERSIONS, config, serve

Schemas = dict[str, Schema]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def spec(components: Schemas, answer: str = "Top") -> dict[str, Any]:
    content = {"application/json": {"schema": ref(answer)}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "", "content": content}}}}},
        "components": {"schemas": components},
    }


def served(components: Schemas, version: str = "3.1", **more: Any) -> dict[str, Any]:
    document = serve(config("all", budget="no", **more), spec(components)).document(version)
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def an(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


TEXT: Schema = {"type": "string"}
CASES: dict[str, tuple[Schemas, Schema]] = {
    # What a component is made of, and what it then is where it is used.
    "of what leads back": (
        {"One": {"allOf": [ref("Top")]}, "A": {"anyOf": [ref("One"), ref("Top")]}},
        {"description": "object"},
    ),
    "of what is few words": (
        {"One": TEXT, "Two": {"allOf": [ref("One"), TEXT]}, "A": {"anyOf": [ref("Two")]}},
        {"description": "string"},
    ),
    "of what is alike": (
        {"One": TEXT, "Two": TEXT, "A": {"anyOf": [ref("One"), ref("Two")]}},
        {"description": "string"},
    ),
    "of one and of what says nothing": (
        {"One": {}, "Two": an(x=TEXT), "A": {"anyOf": [ref("One"), ref("Two")]}},
        ref("Two"),
    ),
    "of one under two names": (
        {
            "One": {"allOf": [ref("Two")]},
            "Two": an(x=TEXT),
            "A": {"anyOf": [ref("One"), ref("Two")]},
        },
        ref("Two"),
    ),
    "of both alike": (
        {"One": TEXT, "A": {"allOf": [ref("One")], "anyOf": [ref("One"), TEXT, {"title": "t"}]}},
        ref("A"),
    ),
    "of words of its own": (
        {"One": TEXT, "A": {"description": "Mine.", "anyOf": [ref("One"), TEXT]}},
        {"description": "Mine."},
    ),
    "of many words": (
        {"A": {"description": "More than the way to it is long, so that it stands once."}},
        ref("A"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_component_is_written_as_what_it_turns_out_to_be(case: str) -> None:
    components, expected = CASES[case]
    top = an(a=ref("A"), b={"type": "array", "items": ref("A")}, c={"anyOf": [ref("A"), ref("B")]})
    found = served({**components, "Top": top, "B": an(y=TEXT)})
    properties = found["Top"]["properties"]
    assert properties["a"] == properties["b"]["items"] == expected
    assert properties["c"] == {"anyOf": [expected, ref("B")]}
    assert ("A" in found) == (expected == ref("A"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_served_is_served_the_same_again(case: str, version: str) -> None:
    components, _ = CASES[case]
    top = an(a=ref("A"), c={"anyOf": [ref("A"), ref("Top")]}, d={"description": "D.", **ref("A")})
    first = serve(config("all", budget="no"), spec({**components, "Top": top})).document(version)
    assert list(invalid(first, version)) == []
    again = serve(config("all", budget="no"), first).document(version)
    assert difference(first, again) is None


@pytest.mark.parametrize(
    "link",
    [
        lambda one: {"description": "D.", "allOf": [one, one]},
        lambda one: {"anyOf": [one, {"title": "T"}]},
        lambda one: {
            "anyOf": [one, {"title": "T", "allOf": [one]}, {"title": "U", "allOf": [one]}]
        },
    ],
)
def test_a_long_chain_of_components_is_looked_through_without_recursion(link: Any) -> None:
    chain = {f"A{n}": link(ref(f"A{n + 1}")) for n in range(10_000)} | {"A10000": {"title": "Z"}}
    words = Words(serve(config("all"), spec({"Top": TEXT})).plugin.config)
    rewriter = Rewriter(World(chain, "writeOnly", {name: name for name in chain}), words)
    found = rewriter.schema(ref("A0"))
    assert found == ref("A0") or found == {"title": "Z", "description": "D."}
    assert list(rewriter.met) == [name for name in chain if found == ref(name)]


def test_what_is_only_named_says_so_on_every_scale() -> None:
    """A gateway that reads it again has no more room for words."""
    many = {f"p{n}": {"type": "string", "description": "Words. " * 30} for n in range(200)}
    found = served(
        {"Top": an(a=ref("A"), b={"type": "object"}, c=TEXT), "A": an(**many)}, spec_budget=600
    )
    object_ = {"description": "object"}
    assert found["Top"]["properties"] == {"a": object_, "b": object_, "c": {}}
