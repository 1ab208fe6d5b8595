"""Entries for properties inside a body's properties: `body.address.country`."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import Bound, bind
from gateway.request.schemas import at
from gateway.values import SpecBody, SpecOperation

COMPONENTS: dict[str, Any] = {
    "Address": {
        "type": "object",
        "required": ["street", "country"],
        "properties": {
            "street": {"type": "string"},
            "country": {"type": "string", "maxLength": 2},
            "note": {"type": "string"},
        },
    }
}
SCHEMA = {
    "required": ["address"],
    "properties": {"address": {"$ref": "#/components/schemas/Address"}, "name": {"type": "string"}},
}


def bound(schema: Any = SCHEMA, **entries: Any) -> Bound:
    body = SpecBody("application/json", "json", schema, True)
    written = {key.replace("__", "."): entry for key, entry in entries.items()}
    return bind(SpecOperation("POST", "/", "/", body=body), COMPONENTS, written, own=written.keys())


def body_of(found: Bound, **call: Any) -> bytes | None:
    assert found.faults == ()
    return found.build("https://h")(call, {}).body


def shown(found: Bound, *path: str) -> Any:
    return at(found.arguments[0].schema, path, COMPONENTS)


def test_a_nested_pin_is_always_sent_never_shown_and_refused() -> None:
    found = bound(body__address__country=Parameter(pin="CH"))
    assert shown(found, "country") is None
    assert shown(found, "street") == ({"type": "string"}, True)
    given = {"street": "x"}
    assert body_of(found, address=given) == b'{"address":{"street":"x","country":"CH"}}'
    assert given == {"street": "x"}, "the caller's own value is not touched"
    with pytest.raises(BadArguments, match="country"):
        body_of(found, address={"street": "x", "country": "DE"})
    for wrong in ("text", ["x"]):
        with pytest.raises(BadArguments, match="'address' expected an object"):
            body_of(found, address=wrong)


def test_a_nested_pin_from_a_secret_fits_a_number() -> None:
    schema = {"properties": {"a": {"properties": {"n": {"type": "integer"}, "m": {}}}}}
    assert body_of(bound(schema, body__a__n=Parameter(pin="12"))) == b'{"a":{"n":12}}'


def test_a_nested_pin_is_sent_where_its_parent_is_not() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"properties": {"c": {}, "d": {}}}}}}}
    found = bound(schema, body__a__b__c=Parameter(pin=1))
    assert body_of(found) == b'{"a":{"b":{"c":1}}}'
    assert body_of(found, a={"b": {"d": 2}}) == b'{"a":{"b":{"d":2,"c":1}}}'


def test_an_object_of_pins_only_is_not_shown() -> None:
    schema = {"required": ["a"], "properties": {"a": {"properties": {"b": {}}}, "c": {}}}
    found = bound(schema, body__a__b=Parameter(pin=1))
    assert [one.name for one in found.arguments] == ["c"]
    assert body_of(found, c=2) == b'{"a":{"b":1},"c":2}'
    with pytest.raises(BadArguments, match="'a' is set by this plugin"):
        body_of(found, a={"b": 2})


@pytest.mark.parametrize("more", [{"additionalProperties": True}, {"patternProperties": {"x": {}}}])
def test_an_open_object_of_pins_only_takes_the_rest(more: Any) -> None:
    found = bound(
        {"properties": {"a": {"properties": {"b": {}}, **more}}}, body__a__b=Parameter(pin=1)
    )
    assert [one.name for one in found.arguments] == ["a"]
    assert body_of(found, a={"x": 2}) == b'{"a":{"x":2,"b":1}}'
    assert body_of(found) == b'{"a":{"b":1}}'
    with pytest.raises(BadArguments, match="'a' must not hold 'b'"):
        body_of(found, a={"b": 2})


def test_a_nested_hide_is_refused_and_never_shown() -> None:
    found = bound(body__address__note="hide")
    assert shown(found, "note") is None
    with pytest.raises(BadArguments, match="'address' must not hold 'note'"):
        body_of(found, address={"street": "x", "country": "CH", "note": "y"})
    [(path, message)] = bound(body__address__street="hide").faults
    assert path == ("body.address.street",)
    assert "required upstream" in message


def test_a_nested_default_fills_the_object_that_is_sent() -> None:
    found = bound(body__address__country=Parameter(default="CH"))
    assert shown(found, "country") == ({"type": "string", "maxLength": 2, "default": "CH"}, False)
    assert body_of(found, address={"street": "x"}) == b'{"address":{"street":"x","country":"CH"}}'
    given = {"street": "x", "country": "DE"}
    assert body_of(found, address=given) == b'{"address":{"street":"x","country":"DE"}}'


def test_a_nested_entry_describes_and_tightens() -> None:
    found = bound(body__address__note=Parameter(description="Floor.", example="3rd", required=True))
    schema = {"type": "string", "description": "Floor.", "examples": ["3rd"]}
    assert shown(found, "note") == (schema, True)
    assert COMPONENTS["Address"]["properties"]["note"] == {"type": "string"}


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (Parameter(values={"a": "b"}), ("body.address.country", "values")),
        (Parameter(header="X-A"), ("body.address.country", "header")),
        (Parameter(pin="CHE"), ("body.address.country", "pin")),
        (Parameter(default="CHE"), ("body.address.country", "default")),
        (Parameter(example=1), ("body.address.country", "example")),
        (Parameter(required=False), ("body.address.country", "required")),
    ],
)
def test_what_a_nested_entry_cannot_do_is_a_fault(entry: Parameter, path: tuple[str, ...]) -> None:
    assert [where for where, _ in bound(body__address__country=entry).faults] == [path]


def test_a_property_of_an_open_object_is_not_renamed() -> None:
    schema = {"properties": {"a": {"properties": {"n": {}}, "additionalProperties": True}}}
    [(path, message)] = bound(schema, number=Parameter(source="body.a.n")).faults
    assert path == ("number", "from")
    assert "stays whole" in message


def test_a_body_that_is_one_argument_takes_nested_entries_too() -> None:
    schema = {"properties": {"kind": {}, "x": {}}, "additionalProperties": True}
    found = bound(schema, body__kind=Parameter(pin="a"))
    assert body_of(found, body={"x": 1, "free": 2}) == b'{"x":1,"free":2,"kind":"a"}'
    with pytest.raises(BadArguments, match="must not hold 'kind'"):
        body_of(found, body={"kind": "b"})


FREE = {"properties": {"role": {}, "x": {}}, "additionalProperties": True}


@pytest.mark.parametrize("entry", ["hide", Parameter(pin="user")])
@pytest.mark.parametrize(
    "given",
    [{"role": "admin"}, {"Role": "admin"}, {"ROLE ": "x"}, [{"role": "admin"}], "role", 7],
)
def test_what_is_withheld_cannot_be_sent_in_another_spelling_or_shape(
    entry: Any, given: Any
) -> None:
    found = bound(FREE, body__role=entry)
    with pytest.raises(BadArguments, match="role"):
        body_of(found, body=given)


@pytest.mark.parametrize(
    "given", [{"a": {"b": 1}}, {"a": {"B": 1}}, {"A": {"b": 1}}, {"a": [{"b": 1}]}, {"a": "b"}]
)
def test_nor_can_it_be_deeper_down(given: Any) -> None:
    inner = {"properties": {"b": {}}, "additionalProperties": True}
    schema = {"properties": {"a": inner}, "additionalProperties": True}
    found = bound(schema, body__a__b="hide")
    with pytest.raises(BadArguments, match=r"a\.b"):
        body_of(found, body=given)
    assert body_of(found, body={"a": {"c": 1}, "b": 2}) == b'{"a":{"c":1},"b":2}'
    assert body_of(found, body={"a": None}) == b'{"a":null}'


def test_where_a_list_may_stand_its_items_are_looked_into() -> None:
    found = bound({"anyOf": [FREE, {"type": "array", "items": FREE}]}, body__role="hide")
    assert body_of(found, body=[{"x": 1}, 2]) == b'[{"x":1},2]'
    with pytest.raises(BadArguments, match="must not hold 'Role'"):
        body_of(found, body=[{"x": 1}, {"Role": "admin"}])


def test_a_path_that_leads_nowhere_is_a_fault() -> None:
    [(path, message)] = bound(body__address__city="hide").faults
    assert path == ("body.address.city",)
    assert "takes no 'body.address.city'" in message
