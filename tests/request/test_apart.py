"""`from: body.message.subject`: an object taken apart into arguments, and put together again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import Bound, bind
from gateway.values import SpecBody, SpecOperation

TEXT = {"type": "string"}
MESSAGE = {
    "type": "object",
    "required": ["subject", "body"],
    "properties": {
        "subject": {**TEXT, "description": "What it is about."},
        "body": {
            "type": "object",
            "required": ["content"],
            "properties": {"type": {"enum": ["text", "html"]}, "content": TEXT},
        },
        "to": {"type": "array", "items": TEXT},
    },
}
COMPONENTS = {"Message": MESSAGE}
MAIL = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "message": {"$ref": "#/components/schemas/Message"},
        "save": {"type": "boolean"},
    },
}
CONTENT = Parameter(source="body.message.body.content")
SUBJECT = Parameter(source="body.message.subject")


def bound(
    entries: dict[str, Any], schema: Any = MAIL, *, required: bool = True, kind: Any = "json"
) -> Bound:
    body = SpecBody("application/json", kind, schema, required)
    operation = SpecOperation("POST", "/", "/", body=body)
    return bind(operation, COMPONENTS, entries, own=entries.keys())


def sent(found: Bound, **call: Any) -> Any:
    assert found.faults == ()
    body = found.build("https://h")(call, {}).body
    return None if body is None else json.loads(body)


def refusal(found: Bound, **call: Any) -> str:
    with pytest.raises(BadArguments) as caught:
        found.build("https://h")(call, {})
    return caught.value.detail


def shown(found: Bound) -> dict[str, bool]:
    return {one.name: one.required for one in found.arguments}


def test_one_entry_takes_the_objects_around_its_property_apart() -> None:
    found = bound({"text": CONTENT})
    assert shown(found) == {
        "subject": True,
        "type": False,
        "text": True,
        "to": False,
        "save": False,
    }
    assert {one.name: one.source for one in found.arguments}["text"] == (
        "message",
        "body",
        "content",
    )


def test_the_objects_are_put_together_in_the_specs_order() -> None:
    found = bound({"text": CONTENT})
    assert sent(found, save=True, text="t", to=["a"], subject="s") == {
        "message": {"subject": "s", "body": {"content": "t"}, "to": ["a"]},
        "save": True,
    }
    body = found.build("https://h")({"save": True, "text": "t", "subject": "s"}, {}).body
    assert body == b'{"message":{"subject":"s","body":{"content":"t"}},"save":true}'


def test_only_the_objects_on_the_way_are_taken_apart() -> None:
    found = bound({"title": SUBJECT})
    assert shown(found) == {"title": True, "body": True, "to": False, "save": False}
    assert sent(found, title="s", body={"content": "t"}) == {
        "message": {"subject": "s", "body": {"content": "t"}}
    }


def test_without_such_an_entry_an_object_is_one_argument() -> None:
    assert list(shown(bound({}))) == ["message", "save"]
    assert list(shown(bound({"body.message.subject": Parameter(description="x")}))) == [
        "message",
        "save",
    ]


def test_the_other_properties_are_known_by_their_last_name_and_by_their_path() -> None:
    found = bound(
        {
            "text": CONTENT,
            "type": Parameter(pin="text"),
            "body.message.to": "hide",
            "subject": Parameter(description="Few words."),
        }
    )
    assert shown(found) == {"subject": True, "text": True, "save": False}
    assert found.arguments[0].description == "Few words."
    assert sent(found, subject="s", text="t") == {
        "message": {"subject": "s", "body": {"type": "text", "content": "t"}}
    }


@pytest.mark.parametrize("name", ["type", "to", "content", "message"])
def test_what_is_withheld_or_renamed_or_taken_apart_cannot_be_sent(name: str) -> None:
    found = bound({"text": CONTENT, "type": Parameter(pin="text"), "to": "hide"})
    assert name in refusal(found, subject="s", text="t", **{name: "x"})


def test_a_pin_deeper_down_stays_where_it_is() -> None:
    found = bound({"title": SUBJECT, "body.message.body.type": Parameter(pin="text")})
    assert sent(found, title="s", body={"content": "t"}) == {
        "message": {"subject": "s", "body": {"content": "t", "type": "text"}}
    }
    assert "type" in refusal(found, title="s", body={"content": "t", "type": "html"})


def test_a_mapped_word_and_a_default_reach_the_property() -> None:
    form = Parameter(source="body.message.body.type", values={"plain": "text"}, default="plain")
    found = bound({"form": form, "text": CONTENT})
    assert sent(found, subject="s", text="t")["message"]["body"] == {"type": "text", "content": "t"}


def test_two_properties_of_one_name_are_told_apart() -> None:
    schema = {
        "properties": {
            "a": {"properties": {"id": TEXT, "x": TEXT}},
            "b": {"properties": {"id": TEXT, "y": TEXT}},
        }
    }
    lifted = {"x": Parameter(source="body.a.x"), "y": Parameter(source="body.b.y")}
    found = bound(lifted, schema)
    assert list(shown(found)) == ["id", "x", "body_id", "y"]
    assert sent(found, id="1", body_id="2") == {"a": {"id": "1"}, "b": {"id": "2"}}
    [(path, text)] = bound({**lifted, "id": "hide"}, schema).faults
    assert path == ("id",)
    assert "body.a.id or body.b.id" in text


def test_a_property_of_the_body_is_not_taken_for_one_further_in() -> None:
    schema = {"properties": {"a": {"properties": {"n": TEXT, "m": TEXT}}, "m": TEXT}}
    found = bound({"x": Parameter(source="body.a.n"), "body.m": Parameter(pin="1")}, schema)
    assert sent(found, m="2", x="3") == {"a": {"n": "3", "m": "2"}, "m": "1"}


# --- objects that may be left out -------------------------------------------------------------

OPTIONAL = {**MAIL, "required": []}


def test_an_object_that_may_be_left_out_is_left_out_or_complete() -> None:
    found = bound({"title": SUBJECT}, OPTIONAL)
    assert shown(found) == {"title": False, "body": False, "to": False, "save": False}
    assert sent(found, save=True) == {"save": True}
    assert sent(found) == {}
    assert refusal(found, to=["a"]) == (
        "'title' is required beside what was given. 'body' is required beside what was given."
    )
    assert sent(found, title="s", body={"content": "t"}, to=["a"])["message"]["to"] == ["a"]


def test_what_another_object_lacks_is_not_asked_for() -> None:
    found = bound({"title": SUBJECT}, OPTIONAL)
    assert "is required" not in refusal(found, save=True, unknown=1)


def test_an_optional_body_is_left_out_or_complete() -> None:
    found = bound({"title": SUBJECT}, required=False)
    assert sent(found) is None
    assert refusal(found, save=True).startswith("'title' is required beside what was given.")


def test_a_pin_in_an_object_sends_it_always_so_that_the_rest_is_required() -> None:
    found = bound({"title": SUBJECT, "to": Parameter(pin=["a"])}, OPTIONAL)
    assert shown(found) == {"title": True, "body": True, "save": False}


def test_hiding_what_its_object_needs_is_a_fault() -> None:
    [(path, text)] = bound({"title": SUBJECT, "body": "hide"}, OPTIONAL).faults
    assert path == ("body",)
    assert "required upstream" in text


def test_a_needed_object_is_there_even_if_nothing_is_in_it() -> None:
    inner = {"type": "object", "properties": {"x": TEXT}}
    outer = {"type": "object", "required": ["inner"], "properties": {"inner": inner, "y": TEXT}}
    lifted = {"x": Parameter(source="body.outer.inner.x")}
    required = bound(lifted, {"required": ["outer"], "properties": {"outer": outer}})
    assert sent(required) == {"outer": {"inner": {}}}
    optional = bound(lifted, {"properties": {"outer": outer}})
    assert sent(optional) == {}
    assert sent(optional, y="1") == {"outer": {"inner": {}, "y": "1"}}


# --- where it cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [{"additionalProperties": True}, {"oneOf": [{"properties": {"n": {}}}, {"properties": {}}]}],
)
def test_an_object_that_does_not_declare_all_its_properties_stays_whole(more: Any) -> None:
    schema = {"properties": {"a": {"type": "object", "properties": {"n": TEXT}, **more}}}
    [(path, text)] = bound({"x": Parameter(source="body.a.n")}, schema).faults
    assert path == ("x", "from")
    assert "stays whole" in text


def test_a_form_has_no_objects_to_take_apart() -> None:
    schema = {"properties": {"a": {"type": "object", "properties": {"n": TEXT}}}}
    [(path, _)] = bound({"x": Parameter(source="body.a.n")}, schema, kind="form").faults
    assert path == ("x", "from")


def test_an_object_that_holds_itself_is_taken_apart_as_far_as_is_asked_for() -> None:
    loop = {"type": "object", "properties": {"n": TEXT, "next": {"$ref": "#/components/schemas/L"}}}
    body = SpecBody("application/json", "json", {"properties": {"l": loop}}, True)
    operation = SpecOperation("POST", "/", "/", body=body)
    entries = {"deep": Parameter(source="body.l.next.next.n")}
    found = bind(operation, {"L": loop}, entries, own=entries.keys())
    assert sent(found, deep="x") == {"l": {"next": {"next": {"n": "x"}}}}


# --- what holds for every object --------------------------------------------------------------

trees = st.recursive(
    st.just(None),
    lambda below: st.dictionaries(st.sampled_from("abcd"), below, min_size=1, max_size=3),
    max_leaves=8,
).filter(lambda tree: tree is not None)


@given(trees, st.data())
def test_whatever_is_taken_apart_comes_together_again(tree: Any, data: st.DataObject) -> None:
    def leaves(node: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        if node is None:
            return [path]
        return [leaf for name, below in node.items() for leaf in leaves(below, (*path, name))]

    def schema(node: Any) -> Any:
        if node is None:
            return {"type": "integer"}
        return {"type": "object", "properties": {name: schema(one) for name, one in node.items()}}

    paths = leaves(tree, ())
    entries = {
        f"p{number}": Parameter(source="body." + ".".join(path))
        for number, path in enumerate(paths)
    }
    given_ = data.draw(st.sets(st.integers(0, len(paths) - 1)))
    expected: dict[str, Any] = {}
    for number in sorted(given_):
        *owners, last = paths[number]
        place = expected
        for owner in owners:
            place = place.setdefault(owner, {})
        place[last] = number
    found = bound(entries, schema(tree))
    assert sent(found, **{f"p{number}": number for number in given_}) == expected
