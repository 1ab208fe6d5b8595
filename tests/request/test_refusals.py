"""What a model reads when its call cannot be made."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind, expected
from gateway.values import SpecBody, SpecOperation, SpecParameter

OPERATION = SpecOperation(
    "POST",
    "/teams/{id}",
    "/teams/{id}",
    parameters=(
        SpecParameter("id", "path", {"type": "integer"}, True, style="simple"),
        SpecParameter("season", "query", {"type": "string"}, True, example="2024"),
        SpecParameter("cursor", "query", {"type": "string"}),
    ),
    body=SpecBody("application/json", "json", {"required": ["n"], "properties": {"n": {}}}, True),
)
BUILD = bind(OPERATION, {}, {"cursor": "hide", "season": Parameter()}).build(
    "https://secret.example"
)


def refusal(call: dict[str, Any]) -> BadArguments:
    with pytest.raises(BadArguments) as caught:
        BUILD(call, {})
    return caught.value


def test_all_faults_are_told_at_once() -> None:
    told = refusal({"id": {"a": 1}, "saeson": "x", "cursor": "y", "n": "\ud800"})
    assert told.detail == (
        "'saeson' is not an argument of this operation; did you mean 'season'? "
        "'cursor' is not offered by this plugin. "
        "'id' expected an integer, found {\"a\":1}. "
        "'n' holds text that is not valid Unicode. "
        "'season' is required."
    )


def test_a_right_call_is_shown_and_is_right() -> None:
    example = refusal({}).example
    assert example == {"id": 1, "season": "2024", "n": "text"}
    assert BUILD(example, {}).url == "https://secret.example/teams/1?season=2024"


def test_a_refusal_never_tells_the_upstreams_address() -> None:
    assert "secret.example" not in refusal({"id": "..", "season": "x", "n": 1}).detail


def test_a_flood_of_names_is_told_shortly() -> None:
    told = refusal({"x" * 10_000 + str(number): 1 for number in range(1_000)})
    assert len(told.detail) < 2_000
    assert "992 more names" in told.detail


def test_of_a_flood_of_faults_only_what_is_told_is_looked_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(expected, "nearest", lambda word, _: looked.append(word) or "")
    row = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    schema = {"properties": {"rows": {"type": "array", "items": row}}}
    op = SpecOperation("POST", "/x", "/x", body=SpecBody("application/json", "json", schema, True))
    with pytest.raises(
        BadArguments, match=r"'rows' at '7': takes no 'b'.* \d+ more cannot be sent"
    ):
        bind(op, {}, {}).build("https://h")({"rows": [{"b": 1}] * 100}, {})
    assert len(looked) == 8


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "query"),
        ({"type": "string", "const": " "}, "header"),
        ({"type": "array", "items": {"required": ["x"], "properties": {}, "type": "object"},
          "examples": [[{}]]}, "query"),
    ],
)  # fmt: skip
def test_an_example_that_is_wrong_is_left_out(schema: Any, place: Any) -> None:
    style = "form" if place == "query" else "simple"
    wrong = SpecParameter("a", place, schema, True, style=style)
    op = SpecOperation("GET", "/", "/", parameters=(wrong,))
    build = bind(op, {}, {"a": Parameter()}).build("https://h")
    with pytest.raises(BadArguments) as told:
        build({"b": 1}, {})
    assert told.value.example is None


def test_an_object_that_was_taken_apart_lists_its_parts() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    filters = SpecParameter("filter", "query", inner, style="deepObject")
    body = SpecBody("application/json", "json", {"properties": {"who": inner}}, True)
    op = SpecOperation("POST", "/", "/", parameters=(filters,), body=body)
    build = bind(op, {}, {}, flat=True).build("https://h")
    with pytest.raises(BadArguments) as told:
        build({"filter": {"a": "1"}, "who": {"a": "1"}}, {})
    assert told.value.detail == (
        "'filter' is given in parts here: filter_a, filter_b. 'who' is given in parts here: a, b."
    )


REFS = "#/components/schemas/"
PETS: dict[str, Any] = {
    name: {
        "type": "object",
        "required": ["kind", member],
        "properties": {"kind": {"type": "string"}, member: {"type": "integer"}},
    }
    for name, member in (("Cat", "lives"), ("Dog", "tricks"))
}
PET = {
    "oneOf": [{"$ref": REFS + name} for name in PETS],
    "discriminator": {"propertyName": "kind", "mapping": {"cat": REFS + "Cat"}},
}
KINDS = "one of 'Cat', 'Dog', 'cat'"
LONE = {"type": "object", "additionalProperties": False}
ONE_OF_SIX = {"anyOf": [{**LONE, "required": [one], "properties": {one: {}}} for one in "abcdef"]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pet": {"kind": "cow"}}, f"'pet' at 'kind': expected {KINDS}, found 'cow'."),
        ({"pets": [{"kind": 5}]}, f"'pets' at '0.kind': expected {KINDS}, found 5."),
        ({"pet": {"kind": "cat"}}, "'pet' lacks 'lives'."),
        (
            {"any": {"a": 1, "b": 2}},
            "'any' fits none of 6 forms; the nearest: takes no 'b'; it takes a.",
        ),
    ],
)
def test_of_several_forms_it_is_said_which_there_are_or_which_is_nearest(
    given: Any, said: str
) -> None:
    pets = {"type": "array", "items": PET}
    schema = {"properties": {"pet": {"$ref": REFS + "Pet"}, "pets": pets, "any": ONE_OF_SIX}}
    op = SpecOperation("POST", "/", "/", body=SpecBody("application/json", "json", schema, True))
    with pytest.raises(BadArguments) as told:
        bind(op, {**PETS, "Pet": PET}, {}).build("https://h")(given, {})
    assert told.value.detail == said


def test_an_operation_without_arguments_says_so() -> None:
    build = bind(SpecOperation("GET", "/", "/"), {}, {}).build("https://h")
    with pytest.raises(BadArguments, match="it takes none"):
        build({"x": 1}, {})
