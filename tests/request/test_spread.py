"""Flat objects in a query: an argument for each property, the same on the wire as the object."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import Bound, bind
from gateway.values import SpecOperation, SpecParameter
from tests.conftest import Serve, Upstream

TEXT = {"type": "string"}
FILTER: dict[str, Any] = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "description": "Which.", "enum": ["open", "shut"]},
        "since": {"type": "integer"},
        "tags": {"type": "array", "items": TEXT},
    },
}
BASE = "https://h/x"
LISTS = st.lists(st.text("ab&=%", max_size=3), min_size=1)


def deep(schema: Any = FILTER, **more: Any) -> SpecParameter:
    return SpecParameter("filter", "query", schema, style="deepObject", **more)


def form(schema: Any = FILTER, name: str = "filter", **more: Any) -> SpecParameter:
    return SpecParameter(name, "query", schema, **more)


def bound(*parameters: SpecParameter, entries: Any = None, **more: Any) -> Bound:
    operation = SpecOperation("GET", "/x", "/x", parameters=parameters)
    return bind(operation, {}, entries or {}, own=entries or (), **more)


def url(found: Bound, **call: Any) -> str:
    assert found.faults == ()
    return found.build("https://h")(call, {}).url.removeprefix(BASE)


def refusal(found: Bound, **call: Any) -> str:
    with pytest.raises(BadArguments) as caught:
        found.build("https://h")(call, {})
    return caught.value.detail


def names(found: Bound) -> list[str]:
    return [one.name for one in found.arguments]


def test_each_property_of_a_deep_object_is_an_argument_under_its_own_name() -> None:
    found = bound(deep())
    assert names(found) == ["filter_status", "filter_since", "filter_tags"]
    assert found.arguments[0].description == "Which."
    assert url(found, filter_status="open", filter_since=5, filter_tags=["a", "b"]) == (
        "?filter%5Bstatus%5D=open&filter%5Bsince%5D=5"
        "&filter%5Btags%5D%5B%5D=a&filter%5Btags%5D%5B%5D=b"
    )


def test_each_property_of_an_exploded_form_is_an_argument() -> None:
    found = bound(form())
    assert names(found) == ["status", "since", "tags"]
    call = {"status": "open", "since": 5, "tags": ["a", "b"]}
    assert url(found, **call) == "?status=open&since=5&tags=a&tags=b"


@given(
    st.fixed_dictionaries(
        {"status": st.sampled_from(["open", "shut"])},
        optional={"since": st.integers(), "tags": LISTS},
    ),
    st.booleans(),
)  # fmt: skip
def test_what_is_sent_is_what_the_object_as_a_whole_would_be(
    value: dict[str, Any],
    is_deep: bool,
) -> None:
    parameter = deep() if is_deep else form()
    prefix = "filter_" if is_deep else ""
    whole = bound(parameter, entries={"filter": Parameter(description="Whole.")})
    spread = {prefix + key: member for key, member in value.items()}
    as_whole, as_spread = url(whole, filter=value), url(bound(parameter), **spread)
    assert sorted(parse_qsl(as_whole[1:])) == sorted(parse_qsl(as_spread[1:]))


def test_an_optional_object_is_left_out_or_has_all_it_needs() -> None:
    found = bound(deep())
    assert [one.required for one in found.arguments] == [False, False, False]
    assert url(found) == ""
    assert refusal(found, filter_since=5) == "'filter_status' is required beside what was given."
    needed = bound(deep(required=True))
    assert [one.required for one in needed.arguments] == [True, False, False]
    assert refusal(needed) == "'filter_status' is required."


def test_what_the_config_puts_into_an_optional_object_sends_it() -> None:
    found = bound(deep(), entries={"filter.since": Parameter(pin=5)})
    assert [(one.name, one.required) for one in found.arguments] == [
        ("filter_status", True),
        ("filter_tags", False),
    ]
    assert url(found, filter_status="open") == "?filter%5Bstatus%5D=open&filter%5Bsince%5D=5"


@pytest.mark.parametrize(
    "key", ["filter.since", "query.filter.since", "filter_since", "filter[since]"]
)
def test_the_config_names_a_property_by_its_path_or_its_names(key: str) -> None:
    found = bound(deep(), entries={key: "hide"})
    assert names(found) == ["filter_status", "filter_tags"]
    assert "is not offered" in refusal(found, filter_status="open", filter_since=1)


@pytest.mark.parametrize("source", ["since", "filter.since", "query.since", "query.filter.since"])
def test_a_property_is_renamed(source: str) -> None:
    renamed = bound(form(), entries={"from_year": Parameter(source=source)})
    assert names(renamed) == ["status", "from_year", "tags"]
    assert url(renamed, status="open", from_year=1) == "?status=open&since=1"
    assert "'since' is called 'from_year' here" in refusal(renamed, status="open", since=1)


@pytest.mark.parametrize(
    "entries",
    [
        {"what": Parameter(source="filter")},
        {"what": Parameter(source="query.filter")},
        {"filter": Parameter(description="Which ones.")},
    ],
)
def test_an_object_that_the_config_names_stays_whole(entries: dict[str, Any]) -> None:
    (name,) = names(bound(deep(), entries=entries))
    assert name == next(iter(entries))


def test_an_object_is_hidden_and_pinned_as_a_whole() -> None:
    assert names(bound(deep(), entries={"filter": "hide"})) == []
    pinned = bound(deep(), entries={"filter": Parameter(pin={"status": "open"})})
    assert url(pinned) == "?filter%5Bstatus%5D=open"
    assert "set by this plugin" in refusal(pinned, filter={"status": "shut"})


@pytest.mark.parametrize(
    "schema",
    [
        {**FILTER, "additionalProperties": TEXT},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a[b]": TEXT}},
        {"anyOf": [FILTER, TEXT]},
        {"type": "object"},
        TEXT,
    ],
)
def test_an_object_that_is_not_flat_stays_one_argument(schema: Any) -> None:
    assert names(bound(deep(schema))) == ["filter"]


def test_an_object_that_is_not_exploded_or_is_json_stays_one_argument() -> None:
    assert names(bound(form(explode=False))) == ["filter"]
    assert names(bound(form(content_type="application/json"))) == ["filter"]
    header = SpecParameter("filter", "header", FILTER, required=True, style="simple")
    assert names(bound(header)) == ["filter"]


@pytest.mark.parametrize("name", ["status", "Status", "status[]", "since"])
def test_a_property_never_stands_in_for_another_parameter(name: str) -> None:
    """A hidden `status` could be sent by the property of that name."""
    found = bound(form(), form(TEXT, name), entries={name: "hide"})
    assert names(found) == ["filter"]
    assert f"must not hold {name[:6].lower().rstrip('[')!r}" in refusal(
        found, filter={"status": "open", "since": 1}
    )


def test_a_property_never_stands_in_for_what_is_sent_anyway() -> None:
    found = bound(form(), taken=[("query", "since")])
    assert names(found) == ["filter"]
    assert "must not hold 'since'" in refusal(found, filter={"status": "open", "since": 1})
    deeper = bound(deep(), taken=[("query", "filter[since]")])
    assert names(deeper) == ["filter"]
    assert names(bound(deep(), taken=[("query", "filter")])) == []
    # A served name is no name on the wire.
    assert names(bound(deep(), taken=[("query", "filter_since")])) == [
        "filter_status", "filter_since", "filter_tags",
    ]  # fmt: skip


def test_an_open_object_never_stands_in_for_a_spread_property() -> None:
    found = bound(
        form(), form({"type": "object"}, "more"), entries={"status": Parameter(pin="open")}
    )
    assert names(found) == ["since", "tags", "more"]
    for name in ("status", "Status", "status[]", "filter"):
        assert f"must not hold {name!r}" in refusal(found, more={name: "shut"})
    assert url(found, more={"other": 1}) == "?status=open&other=1"


@pytest.mark.parametrize("entry", ["hide", Parameter(pin={"status": "open"})])
def test_no_other_object_brings_in_what_a_withheld_object_holds(entry: Any) -> None:
    """Exploded, its members stand alone on the wire."""
    found = bound(form(), form({"type": "object"}, "more"), entries={"filter": entry})
    assert names(found) == ["more"]
    for name in ("status", "Since", "tags[]"):
        assert f"must not hold {name!r}" in refusal(found, more={name: "x"})
    assert url(found, more={"a": 1}).endswith("a=1")


@given(st.text("sStTaAuU[].[]_ x", min_size=1, max_size=9))
def test_no_spelling_of_a_pinned_property_gets_through(name: str) -> None:
    """What a caller may send never reads as the pinned one, whichever way a server folds names."""
    found = bound(
        deep(), form({"type": "object"}, "more"), entries={"filter.status": Parameter(pin="open")}
    )
    key = f"filter[{name}]"
    try:
        sent = url(found, more={key: "x"})
    except BadArguments:
        return
    folded = parse_qsl(sent[1:])[-1][0].casefold().replace(" ", "_").replace(".", "_")
    assert not folded.startswith(("filter[status]", "filter_status"))


def test_a_served_name_is_no_name_on_the_wire() -> None:
    found = bound(deep(), form({"type": "object"}, "more"))
    assert url(found, more={"filter_status": "x"}) == "?filter_status=x"


def test_names_that_clash_are_told_apart_by_their_place() -> None:
    filter_status = SpecParameter("filter_status", "query", TEXT)
    found = bound(deep(), filter_status)
    assert set(names(found)) >= {"filter_status", "query_filter_status"}


def test_two_objects_with_one_property_on_the_wire() -> None:
    found = bound(form(), form(name="other"))
    assert names(found) == ["status", "since", "tags", "other"]
    assert "must not hold 'status'" in refusal(found, other={"status": "open"})


def test_an_objects_example_is_that_of_its_properties() -> None:
    found = bound(deep(example={"status": "open", "since": 5}))
    assert [one.example for one in found.arguments] == ["open", 5, None]


SPEC = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /x:
    get:
      operationId: list
      parameters:
        - name: filter
          in: query
          style: deepObject
          schema:
            type: object
            properties: {status: {type: string}, ids: {type: array, items: {type: integer}}}
      responses: {"200": {description: ok}}
"""


async def test_flat_objects_are_served_as_query_parameters(
    serve: Serve, upstream: Upstream
) -> None:
    config = f'{{plugin: t, spec: spec.yaml, upstream: {{url: "{upstream.url}"}}, operations: all}}'
    client = await serve(config, files={"spec.yaml": SPEC})
    (get,) = (await client.get("/openapi.json")).json()["paths"]["/x"].values()
    assert [(one["name"], one["schema"]["type"]) for one in get["parameters"]] == [
        ("filter_status", "string"),
        ("filter_ids", "array"),
    ]
    assert (await client.get("/x?filter_status=a%20b&filter_ids=1&filter_ids=2")).status == 200
    assert upstream.last.target == (
        "/x?filter%5Bstatus%5D=a%20b&filter%5Bids%5D%5B%5D=1&filter%5Bids%5D%5B%5D=2"
    )
    assert (await client.get("/x?filter%5Bstatus%5D=a")).status == 400
