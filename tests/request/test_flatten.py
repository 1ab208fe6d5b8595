"""`flatten: true`: all objects inside a JSON body taken apart, and put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import Parameter
from gateway.errors import BadArguments, Mistakes
from gateway.request import Bound, bind
from gateway.values import SpecBody, SpecOperation, SpecParameter
from tests.conftest import Serve, Upstream

TEXT = {"type": "string"}
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["customer"],
    "properties": {
        "note": TEXT,
        "customer": {
            "type": "object",
            "required": ["email"],
            "properties": {
                "email": TEXT,
                "address": {
                    "type": "object",
                    "required": ["city"],
                    "properties": {"city": TEXT, "zip": TEXT, "id": {**TEXT, "readOnly": True}},
                },
            },
        },
        "items": {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT}}},
        "labels": {"type": "object", "additionalProperties": TEXT},
    },
}


def bound(schema: Any, entries: Any = None, components: Any = None, **more: Any) -> Bound:
    body = SpecBody("application/json", "json", schema, **{"required": True, **more})
    operation = SpecOperation("POST", "/", "/", body=body)
    return bind(operation, components or {}, entries or {}, own=entries or (), flat=True)


def sent(found: Bound, **call: Any) -> Any:
    assert (found.faults, found.not_flat) == ((), ())
    body = found.build("https://h")(call, {}).body
    return None if body is None else json.loads(body)


def refusal(found: Bound, **call: Any) -> str:
    with pytest.raises(BadArguments) as caught:
        found.build("https://h")(call, {})
    return caught.value.detail


def shown(found: Bound) -> dict[str, bool]:
    return {one.name: one.required for one in found.arguments}


def test_every_property_however_deep_is_an_argument_and_lists_and_maps_stay_whole() -> None:
    assert shown(bound(ORDER)) == {
        "note": False,
        "email": True,
        "city": False,
        "zip": False,
        "items": False,
        "labels": False,
    }


def test_the_objects_are_put_together_in_the_specs_order() -> None:
    call = {"labels": {"a": "b"}, "zip": "8000", "city": "Z", "email": "e", "items": [{"sku": "s"}]}
    assert sent(bound(ORDER), **call) == {
        "customer": {"email": "e", "address": {"city": "Z", "zip": "8000"}},
        "items": [{"sku": "s"}],
        "labels": {"a": "b"},
    }


def test_an_optional_object_is_sent_only_if_something_in_it_is_given() -> None:
    found = bound(ORDER)
    assert sent(found, email="e") == {"customer": {"email": "e"}}
    assert refusal(found, email="e", zip="8000") == "'city' is required beside what was given."
    assert sent(bound({**ORDER, "required": []}), note="n") == {"note": "n"}


def test_entries_speak_of_what_was_taken_apart() -> None:
    found = bound(
        ORDER,
        {
            "zip": Parameter(pin="8000"),
            "town": Parameter(source="city"),
            "body.customer.email": Parameter(default="x@example.com"),
            "note": "hide",
        },
    )
    assert shown(found) == {"email": False, "town": True, "items": False, "labels": False}
    assert sent(found, town="Z") == {
        "customer": {"email": "x@example.com", "address": {"city": "Z", "zip": "8000"}}
    }
    assert "'zip' is set by this plugin" in refusal(found, town="Z", zip="1")
    assert "'customer'" in refusal(found, town="Z", customer={"email": "e"})


NODE = {"type": "object", "properties": {"name": TEXT, "next": {"$ref": "#/components/schemas/N"}}}


def test_an_object_inside_its_own_kind_stays_whole() -> None:
    whole = bound({"$ref": "#/components/schemas/N"}, components={"N": NODE})
    assert list(shown(whole)) == ["name", "next"]
    inside = bound({"properties": {"at": NODE["properties"]["next"]}}, components={"N": NODE})  # type: ignore[index]
    assert list(shown(inside)) == ["name", "next"]
    assert sent(inside, name="a", next={"name": "b"}) == {
        "at": {"name": "a", "next": {"name": "b"}}
    }
    composed = {"N": {**NODE, "allOf": [{"$ref": "#/components/schemas/M"}]}, "M": NODE}
    assert list(shown(bound({"$ref": "#/components/schemas/N"}, components=composed)))[-1] == "next"


def test_one_component_in_two_places_is_taken_apart_in_both() -> None:
    ref = {"$ref": "#/components/schemas/A"}
    schema = {"type": "object", "properties": {"from": ref, "to": ref}}
    components = {"A": {"type": "object", "properties": {"id": TEXT}}}
    found = bound(schema, components=components)
    (said,) = found.not_flat
    assert said == (
        "body.from.id and body.to.id would both be called 'id'; "
        "write parameters: {from_id: {from: body.from.id}}"
    )
    mended = bound(schema, {"from_id": Parameter(source="body.from.id")}, components)
    assert sent(mended, from_id="a", id="b") == {"from": {"id": "a"}, "to": {"id": "b"}}
    assert bound(schema, {"body.from.id": "hide"}, components).not_flat == ()


def test_a_property_beside_the_objects_clashes_as_well() -> None:
    schema = {"properties": {"a": {"properties": {"x": TEXT}}, "x": TEXT}}
    (said,) = bound(schema).not_flat
    assert said.endswith("write parameters: {a_x: {from: body.a.x}}")
    assert sent(bound(schema, {"a_x": Parameter(source="body.a.x")}), a_x="1", x="2") == {
        "a": {"x": "1"},
        "x": "2",
    }


def test_a_parameter_of_another_place_keeps_its_name() -> None:
    body = SpecBody("application/json", "json", ORDER, required=True)
    city = SpecParameter("city", "query", TEXT)
    operation = SpecOperation("POST", "/", "/", parameters=(city,), body=body)
    found = bind(operation, {}, {}, flat=True)
    assert found.not_flat == ()
    assert [one.name for one in found.arguments][:4] == ["city", "note", "email", "body_city"]


def test_a_body_that_grows_without_end_is_a_mistake() -> None:
    ref = "#/components/schemas/"
    components: dict[str, Any] = {
        f"A{n}": {"properties": {key: {"$ref": f"{ref}A{n + 1}"} for key in "xy"}}
        for n in range(30)
    }
    (said,) = bound({"$ref": f"{ref}A0"}, components=components).not_flat
    assert said.startswith("the body has more than 200 properties")


@given(
    st.recursive(
        st.just({"type": "integer"}),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(
            lambda members: {"type": "object", "properties": dict(enumerate(members))}
        ),
        max_leaves=20,
    ),
    st.data(),
)
def test_what_is_given_flat_is_sent_nested(drawn: dict[str, Any], data: st.DataObject) -> None:
    count = iter(range(1000))

    def named(schema: dict[str, Any]) -> dict[str, Any]:
        members = schema.get("properties")
        if members is None:
            return schema
        return {
            "type": "object",
            "properties": {f"p{next(count)}": named(one) for one in members.values()},
        }

    def flat(value: Any, name: str = "") -> dict[str, Any]:
        if not isinstance(value, dict):
            return {name: value}
        return {k: v for key, member in value.items() for k, v in flat(member, key).items()}

    def value_of(schema: dict[str, Any]) -> Any:
        members = schema.get("properties")
        if members is None:
            return data.draw(st.integers(0, 9))
        return {key: value_of(one) for key, one in members.items() if data.draw(st.booleans())}

    def without_empty(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        pruned = {key: without_empty(member) for key, member in value.items()}
        return {key: member for key, member in pruned.items() if member != {}}

    schema = named({"type": "object", "properties": {"top": drawn}})
    value = value_of(schema)
    assert sent(bound(schema), **flat(value)) == without_empty(value)


SPEC = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /orders:
    get: {operationId: list, responses: {"200": {description: ok}}}
    post:
      operationId: order
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                customer: {type: object, required: [id], properties: {id: {type: string}}}
                product: {type: object, properties: {id: {type: string}, colour: {type: string}}}
      responses: {"200": {description: ok}}
    put:
      operationId: form
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {a: {type: object}}}
      responses: {"200": {description: ok}}
"""
CONFIG = """
plugin: t
spec: spec.yaml
upstream: {url: "%s"}
operations:
  %s
"""


async def test_a_flat_body_is_served_and_sent_nested(serve: Serve, upstream: Upstream) -> None:
    order = "order: {flatten: true, parameters: {customer_id: {from: body.customer.id}}}"
    client = await serve(CONFIG % (upstream.url, order), files={"spec.yaml": SPEC})
    post = (await client.get("/openapi.json")).json()["paths"]["/orders"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == ["customer_id", "id", "colour"]
    call = {"customer_id": "c", "colour": "red"}
    assert (await client.post("/orders", json=call)).status == 200
    assert json.loads(upstream.last.body) == {"customer": {"id": "c"}, "product": {"colour": "red"}}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("list", "only a JSON body can be made flat; this operation takes no body"),
        ("form", "this operation takes a body of application/x-www-form-urlencoded"),
        ("order", "write parameters: {customer_id: {from: body.customer.id}}"),
    ],
)
async def test_what_cannot_be_flat_is_a_mistake_at_its_line(
    serve: Serve, operation: str, said: str
) -> None:
    config = CONFIG % ("https://h", f"{operation}: {{flatten: true}}")
    with pytest.raises(Mistakes) as caught:
        await serve(config, files={"spec.yaml": SPEC})
    (mistake,) = caught.value.mistakes
    assert said in mistake.message
    assert mistake.line == 6
