from __future__ import annotations

from typing import Any

import pytest

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind
from gateway.request.body import content_type
from gateway.values import SpecBody, SpecOperation

FORM = "application/x-www-form-urlencoded"


def form(schema: Any, encoding: Any = None) -> Any:
    body = SpecBody(FORM, "form", schema, True, encoding=encoding or {})
    return bind(SpecOperation("POST", "/", "/", body=body), {}, {}).build("https://h")


SCHEMA = {
    "properties": {
        "list": {"type": "array", "items": {"type": "integer"}},
        "object": {"type": "object", "properties": {"a": {}}},
        "text": {"type": "string"},
    }
}


@pytest.mark.parametrize(
    ("encoding", "call", "wire"),
    [
        ({}, {"list": [1, 2], "text": "a b&c"}, "list=1&list=2&text=a%20b%26c"),
        ({}, {"object": {"a": 1}}, "object=%7B%22a%22%3A1%7D"),
        ({"list": {"explode": False}}, {"list": [1, 2]}, "list=1,2"),
        ({"list": {"style": "pipeDelimited"}}, {"list": [1, 2]}, "list=1%7C2"),
        ({"object": {"style": "deepObject"}}, {"object": {"a": 1}}, "object%5Ba%5D=1"),
        ({"object": {"style": "form"}}, {"object": {"a": 1}}, "a=1"),
        ({"text": {"allowReserved": True}}, {"text": "a/b"}, "text=a/b"),
        ({"text": 7, "list": {"style": 7}}, {"text": "a", "list": [1]}, "list=1&text=a"),
        ({}, {"text": None}, ""),
        ({}, {"text": ""}, "text="),
    ],
)  # fmt: skip
def test_a_form_is_written_by_its_encoding(encoding: Any, call: Any, wire: str) -> None:
    assert form(SCHEMA, encoding)(call, {}).body == wire.encode()


def test_an_object_of_a_form_never_stands_in_for_another_field() -> None:
    build = form(SCHEMA, {"object": {"style": "form", "explode": True}})
    with pytest.raises(BadArguments, match="must not hold 'text'"):
        build({"object": {"text": "x"}}, {})


@pytest.mark.parametrize(
    ("encoding", "call"),
    [
        ({}, {"list": []}),
        ({"object": {"style": "form"}}, {"object": {}}),
        ({"object": {"style": "deepObject"}}, {"object": {"a": []}}),
        ({"object": {"style": "deepObject"}}, {"object": {"a": {}}}),
    ],
)
def test_what_would_vanish_from_a_form_is_refused(encoding: Any, call: Any) -> None:
    with pytest.raises(BadArguments, match=r"is empty, and a form cannot say so|cannot be sent"):
        form(SCHEMA, encoding)(call, {})


@pytest.mark.parametrize(("required", "said"), [(True, "give one of its"), (False, "leave it out")])
def test_an_empty_object_that_is_required_is_not_to_be_left_out(required: bool, said: str) -> None:
    schema = {
        "properties": {"o": {"type": "object", "properties": {"a": {}, "b": {}}}},
        "required": ["o"] * required,
    }
    with pytest.raises(
        BadArguments, match=f"'o' is empty, and a form cannot say so: {said}"
    ) as told:
        form(schema, {"o": {"style": "deepObject"}})({"o": {}}, {})
    assert told.value.example is None or told.value.example == {}


@pytest.mark.parametrize(
    "given", [{"role[]": "x"}, {"Role": "x"}, {"role.a": "x"}, {"o": {"role": "x"}}]
)
def test_a_withheld_field_of_an_open_form_has_one_spelling(given: Any) -> None:
    schema = {"properties": {"role": {}, "o": {}}, "additionalProperties": True}
    body = SpecBody(FORM, "form", schema, True, encoding={"o": {"style": "form"}})
    op = SpecOperation("POST", "/", "/", body=body)
    build = bind(op, {}, {"body.role": Parameter(pin="user")}).build("https://h")
    with pytest.raises(BadArguments, match="must not hold"):
        build({"body": given}, {})
    assert build({"body": {"o": {"a": 1}}}, {}).body == b"a=1&role=user"


def test_an_open_form_names_the_field_that_cannot_be_sent() -> None:
    build = form({"type": "object", "additionalProperties": True})
    with pytest.raises(BadArguments, match="'body' holds 'tags', which is empty"):
        build({"body": {"tags": []}}, {})


def test_a_form_without_declared_fields_is_the_callers_object() -> None:
    build = form({"type": "object", "additionalProperties": {}})
    assert build({"body": {"a b": "1", "l": [1, 2], "o": {"x": 1}, "n": None}}, {}).body == (
        b"a%20b=1&l=1&l=2&o=%7B%22x%22%3A1%7D"
    )
    with pytest.raises(BadArguments, match="'body' expected an object, found 'a=1'"):
        build({"body": "a=1"}, {})


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("application/json", "application/json"),
        ("application/vnd.api+json; version=2", "application/vnd.api+json; version=2"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
    ],
)
def test_the_media_type_is_the_specs_own_unless_it_is_a_range(written: str, sent: str) -> None:
    assert content_type(SpecBody(written, "json", {})) == sent
