"""The rules of the config's `parameters`, seen through `bind`."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import Bound, bind
from gateway.values import Argument, SpecBody, SpecOperation, SpecParameter, UpstreamRequest

BASE = "https://api.example/v1"
STRING = {"type": "string"}


def query(name: str, schema: Any = None, **more: Any) -> SpecParameter:
    return SpecParameter(name, "query", schema or STRING, **more)


def header(name: str, schema: Any = None, **more: Any) -> SpecParameter:
    return SpecParameter(name, "header", schema or STRING, style="simple", **more)


def operation(*parameters: SpecParameter, path: str = "/things", **more: Any) -> SpecOperation:
    return SpecOperation("GET", path, path, parameters=parameters, **more)


def writing(schema: Any, *parameters: SpecParameter, required: bool = True) -> SpecOperation:
    body = SpecBody("application/json", "json", schema, required)
    return SpecOperation("POST", "/things", "/things", parameters=parameters, body=body)


def entries(**written: Any) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (str, Parameter)) else Parameter(**value)
        for key, value in written.items()
    }


def bound(op: SpecOperation, parameters: dict[str, Any], **more: Any) -> Bound:
    found = bind(op, {}, parameters, own=frozenset(parameters), **more)
    assert found.faults == ()
    return found


def faults(op: SpecOperation, parameters: dict[str, Any], **more: Any) -> list[tuple[Any, str]]:
    return list(bind(op, {}, parameters, own=frozenset(parameters), **more).faults)


def send(found: Bound, headers: dict[str, str] | None = None, **arguments: Any) -> UpstreamRequest:
    return found.build(BASE)(arguments, headers or {})


def refusal(found: Bound, headers: dict[str, str] | None = None, **arguments: Any) -> str:
    with pytest.raises(BadArguments) as caught:
        send(found, headers, **arguments)
    return caught.value.detail


def names(found: Bound) -> list[str]:
    return [argument.name for argument in found.arguments]


def argument(found: Bound, name: str) -> Argument:
    return next(one for one in found.arguments if one.name == name)


# --- pin, hide, default, required, values, header, from ---------------------------------------


def test_a_pin_is_always_sent_never_shown_and_refused_from_callers() -> None:
    found = bound(operation(query("season"), query("q")), entries(season={"pin": "regular"}))
    assert names(found) == ["q"]
    assert send(found, q="x").url == f"{BASE}/things?season=regular&q=x"
    assert refusal(found, season="other") == "'season' is set by this plugin and cannot be sent."
    assert "season" in found.withheld


def test_a_pin_of_a_secret_fits_a_number_and_is_never_told() -> None:
    """What comes from `${NAME}` is always text."""
    op = operation(query("key", {"type": "integer"}))
    assert send(bound(op, entries(key={"pin": "12"}))).url.endswith("?key=12")
    [(path, message)] = faults(op, entries(key={"pin": "hunter2"}))
    assert path == ("key", "pin")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("schema", "pin", "message"),
    [
        ({"type": "integer"}, "a lot", "expected an integer, found 'a lot'"),
        ({"type": "integer", "maximum": 100}, 500, "expected at most 100, found 500"),
        ({"enum": ["asc", "desc"]}, "up", "expected one of 'asc', 'desc', found 'up'"),
        ({"type": "string", "maxLength": 2}, "CHE", "expected at most 2 characters, found 'CHE'"),
        (
            {"type": "array", "items": {"type": "integer"}},
            [1, "x"],
            "expected an integer, found another value, not shown here",
        ),
    ],
)
def test_a_pin_that_does_not_fit_is_told_with_what_was_expected_and_found(
    schema: Any, pin: Any, message: str
) -> None:
    op = operation(query("n", schema))
    assert faults(op, entries(n={"pin": pin}), secrets=["key-1"]) == [(("n", "pin"), message)]


@pytest.mark.parametrize("secrets", [None, ["hunter"], ["a", "unter2"]])
def test_a_pin_that_may_hold_a_secret_is_never_told(secrets: Any) -> None:
    op = operation(query("n", {"type": "integer"}))
    [(_, message)] = faults(op, entries(n={"pin": "hunter2"}), secrets=secrets)
    assert message == "expected an integer, found another value, not shown here"


def test_a_renamed_pin_is_refused_under_both_names() -> None:
    found = bound(
        operation(query("seasons[]")), entries(season={"source": "seasons[]", "pin": "1"})
    )
    assert found.withheld.keys() == {"season", "seasons[]"}


@pytest.mark.parametrize("key", ["default", "example"])
def test_beside_a_pin_nothing_else_acts(key: str) -> None:
    found = faults(operation(query("q")), entries(q={"pin": "a", key: "b"}))
    assert found == [(("q", key), f"{key!r} has no effect beside 'pin'")]


def test_what_is_hidden_is_never_sent_never_shown_and_refused() -> None:
    found = bound(operation(query("cursor"), query("q")), entries(cursor="hide"))
    assert names(found) == ["q"]
    assert send(found).url == f"{BASE}/things"
    assert refusal(found, cursor="x") == "'cursor' is not offered by this plugin."


def test_hiding_what_is_required_is_a_fault_unless_the_upstream_has_a_default() -> None:
    op = operation(query("q", required=True))
    assert faults(op, entries(q="hide")) == [
        (("q",), "'q' is required upstream: pin it to a value")
    ]
    op = operation(query("q", {"type": "string", "default": "x"}, required=True))
    assert send(bound(op, entries(q="hide"))).url == f"{BASE}/things"


def test_a_hidden_path_parameter_takes_the_upstreams_default() -> None:
    path = SpecParameter("v", "path", {"type": "string", "default": "2"}, True, style="simple")
    found = bound(operation(path, path="/{v}/things"), entries(v="hide"))
    assert send(found).url == f"{BASE}/2/things"


def test_a_default_makes_optional_and_is_sent_when_the_caller_gives_none() -> None:
    found = bound(
        operation(query("n", {"type": "integer"}, required=True)), entries(n={"default": 25})
    )
    shown = argument(found, "n")
    assert (shown.required, shown.schema) == (False, {"type": "integer", "default": 25})
    assert send(found).url.endswith("?n=25")
    assert send(found, n=None).url.endswith("?n=25")
    assert send(found, n=3).url.endswith("?n=3")


def test_required_only_tightens() -> None:
    found = bound(operation(query("q")), entries(q={"required": True}))
    assert argument(found, "q").required
    assert refusal(found) == "'q' is required."
    assert refusal(found, q=None) == "'q' is required."
    assert faults(operation(query("q", required=True)), entries(q={"required": False})) == [
        (("q", "required"), "'q' is required upstream: give it a default")
    ]
    assert faults(operation(query("q")), entries(q={"required": True, "default": "x"}))


def test_values_are_the_models_words_for_the_upstreams_values() -> None:
    op = operation(
        query("units", {"type": "string", "enum": ["metric", "imperial"]}, required=True)
    )
    found = bound(op, entries(units={"values": {"celsius": "metric", "fahrenheit": "imperial"}}))
    assert argument(found, "units").schema == {"type": "string", "enum": ["celsius", "fahrenheit"]}
    assert send(found, units="celsius").url.endswith("?units=metric")
    assert (
        refusal(found, units="metric")
        == "'units' expected one of 'celsius', 'fahrenheit', found 'metric'."
    )


def test_values_of_a_list_are_those_of_its_items() -> None:
    op = operation(query("days", {"type": "array", "items": {"type": "integer"}}))
    found = bound(op, entries(days={"values": {"mon": 1, "tue": 2}, "default": ["mon"]}))
    assert argument(found, "days").schema == {
        "type": "array",
        "items": {"type": "string", "enum": ["mon", "tue"]},
        "default": ["mon"],
    }
    assert send(found, days=["mon", "tue"]).url.endswith("?days=1&days=2")
    assert send(found).url.endswith("?days=1")
    assert (
        refusal(found, days=["wed"]) == "'days' at '0': expected one of 'mon', 'tue', found 'wed'."
    )


def test_pins_defaults_targets_of_values_and_examples_are_checked_against_the_schema() -> None:
    op = operation(query("n", {"type": "integer", "maximum": 5}))
    for key, value, path in [
        ("pin", 6, ("n", "pin")),
        ("default", "x", ("n", "default")),
        ("example", 6.5, ("n", "example")),
        ("values", {"many": 6}, ("n", "values", "many")),
    ]:
        assert [where for where, _ in faults(op, entries(n={key: value}))] == [path]


def test_a_default_beside_values_is_one_of_the_words() -> None:
    found = faults(operation(query("n")), entries(n={"values": {"a": "1"}, "default": "1"}))
    assert found == [(("n", "default"), "'1' is not one of the words in values: a")]


def test_description_and_example_replace_the_specs() -> None:
    op = operation(query("q", {"type": "string", "description": "old", "example": "o"}))
    shown = argument(bound(op, {}), "q")
    assert (shown.description, shown.example) == ("old", "o")
    assert "description" not in shown.schema
    shown = argument(bound(op, entries(q={"description": "new", "example": "n"})), "q")
    assert (shown.description, shown.example, shown.schema) == ("new", "n", {"type": "string"})


def test_a_header_of_the_caller_fills_a_parameter_that_is_never_shown() -> None:
    op = operation(query("region"), query("q"))
    found = bound(op, entries(region={"header": "OpenAI-Subdivision-1-Iso-Code"}))
    assert names(found) == ["q"]
    headers = {"openai-subdivision-1-iso-code": "US-CA"}
    assert send(found, headers).url.endswith("?region=US-CA")
    assert send(found).url == f"{BASE}/things"
    assert "is filled in by the gateway" in refusal(found, region="x")


def test_an_absent_header_is_the_default_or_if_required_a_refusal() -> None:
    op = operation(query("region", required=True))
    found = bound(op, entries(region={"header": "X-Region"}))
    assert refusal(found) == "the header 'X-Region' is required."
    found = bound(op, entries(region={"header": "X-Region", "default": "EU"}))
    assert send(found).url.endswith("?region=EU")
    assert send(found, {"x-region": "US"}).url.endswith("?region=US")


def test_a_header_is_mapped_by_values_too() -> None:
    entry = entries(region={"header": "X-Region", "values": {"US-CA": "california"}})
    found = bound(operation(query("region")), entry)
    assert send(found, {"x-region": "US-CA"}).url.endswith("?region=california")
    assert refusal(found, {"x-region": "DE"}) == (
        "the header 'X-Region' must be one of US-CA, found 'DE'."
    )


def test_a_header_fills_a_number_of_a_json_body_as_a_number() -> None:
    op = writing({"properties": {"n": {"type": "integer"}, "s": STRING}})
    found = bound(op, entries(n={"header": "X-N"}, s={"header": "X-S"}))
    assert send(found, {"x-n": "12", "x-s": "12"}).body == b'{"n":12,"s":"12"}'


@pytest.mark.parametrize(
    ("schema", "text", "fault"),
    [
        ({"type": "integer", "maximum": 100}, "999999", "expected at most 100, found 999999"),
        ({"type": "integer"}, "1; drop", "expected an integer, found '1; drop'"),
        ({"enum": ["asc", "desc"]}, "up", "expected one of 'asc', 'desc', found 'up'"),
        (
            {"type": "array", "items": {"type": "integer"}},
            "x",
            "at '0': expected an integer, found 'x'",
        ),
    ],
)
def test_a_header_is_checked_as_any_argument(schema: Any, text: str, fault: str) -> None:
    for op in (operation(query("limit", schema)), writing({"properties": {"limit": schema}})):
        found = bound(op, entries(limit={"header": "X-Limit"}))
        assert refusal(found, {"x-limit": text}) == f"the header 'X-Limit' {fault}."


def test_a_header_fills_a_list() -> None:
    op = operation(query("ids", {"type": "array", "items": {"type": "integer"}}))
    found = bound(op, entries(ids={"header": "X-Ids"}))
    assert send(found, {"x-ids": "7"}).url.endswith("?ids=7")
    assert send(found, {"x-ids": "[7, 8]"}).url.endswith("?ids=7&ids=8")


def test_a_header_whose_schema_nobody_can_compile_is_not_checked() -> None:
    op = operation(query("q", {"type": "string", "pattern": "("}))
    found = bound(op, entries(q={"header": "X-Q"}))
    assert found.unchecked == ("X-Q",)
    assert send(found, {"x-q": "a"}).url.endswith("?q=a")


# --- what steers a call -----------------------------------------------------------------------

STEERING = ["X-HTTP-Method-Override", "X-Forwarded-For", "Forwarded", "openai-ephemeral-user-id"]


@pytest.mark.parametrize("name", STEERING)
def test_what_steers_a_call_needs_an_entry(name: str) -> None:
    op = operation(header(name, required=True), query("q"))
    found = bind(op, {}, {})
    assert [one.name for one in found.arguments] == ["q"]
    assert f"header.{name} is not sent" in (found.lost or "")
    by_itself = bind(operation(header(name, {"const": "DELETE"}, required=True)), {}, {})
    assert by_itself.lost is None
    [note] = by_itself.notes
    assert f"header.{name} is not sent" in note
    assert send(by_itself).headers == ()
    said = bound(op, {name: Parameter(pin="PUT")})
    assert (said.lost, said.notes) == (None, ())
    assert send(said).headers == ((name, "PUT"),)
    assert names(bound(op, {name: Parameter(description="Whose.")})) == ["q", name]


def test_no_field_changes_the_method() -> None:
    anything = {"type": "object", "additionalProperties": True}
    form = SpecBody(
        "application/x-www-form-urlencoded", "form", {"properties": {"_method": {}, "a": {}}}
    )
    parameters = (query("_method"), query("free", anything))
    op = SpecOperation("POST", "/", "/", parameters=parameters, body=form)
    found = bind(op, {}, {})
    assert names(found) == ["free", "a"]
    assert len(found.notes) == 2
    assert found.lost is None
    assert "'_method' is not offered" in refusal(found, _method="DELETE")
    assert "must not hold '_METHOD'" in refusal(found, free={"_METHOD": "DELETE"})
    lone = bind(operation(query("free", anything)), {}, {})
    assert "must not hold '_method[]'" in refusal(lone, free={"_method[]": "DELETE"})
    whole = SpecBody("application/x-www-form-urlencoded", "form", anything)
    found = bind(SpecOperation("POST", "/", "/", body=whole), {}, {})
    assert "must not hold '_method'" in refusal(found, body={"_method": "DELETE"})
    allowed = bound(op, {"query._method": Parameter(description="How.")})
    assert send(allowed, _method="PUT").url.endswith("?_method=PUT")


def test_a_renamed_parameter_is_known_by_its_new_name_only() -> None:
    found = bound(operation(query("search")), entries(query={"source": "search"}))
    assert names(found) == ["query"]
    assert send(found, query="x").url.endswith("?search=x")
    assert refusal(found, search="x") == "'search' is called 'query' here."


# --- which parameter is meant -----------------------------------------------------------------


def test_a_name_with_brackets_or_dots_is_meant_as_it_stands() -> None:
    op = operation(query("team_ids[]"), query("page.size"), query("query.id"), query("id"))
    found = bound(
        op,
        entries(team_ids={"source": "team_ids[]"})
        | {"page.size": Parameter(default="5"), "query.id": Parameter(pin="exact")},
    )
    assert names(found) == ["team_ids", "page.size", "id"]
    assert send(found, id="1").url.endswith("?page.size=5&query.id=exact&id=1")


def test_a_name_in_two_places_must_be_said_with_its_place() -> None:
    path = SpecParameter("id", "path", STRING, True, style="simple")
    op = operation(path, query("id"), path="/things/{id}")
    [(where, message)] = faults(op, entries(id="hide"))
    assert where == ("id",)
    assert "path.id or query.id" in message
    found = bound(op, {"query.id": "hide", "thing": Parameter(source="path.id")})
    assert names(found) == ["thing"]


def test_two_places_with_one_name_are_served_under_two() -> None:
    path = SpecParameter("id", "path", STRING, True, style="simple")
    body = SpecBody("application/json", "json", {"properties": {"id": {}, "x": {}}}, False)
    op = SpecOperation("PUT", "/{id}", "/{id}", parameters=(query("id"), path), body=body)
    found = bound(op, {})
    assert names(found) == ["id", "query_id", "body_id", "x"]
    request = send(found, id="a", query_id="b", body_id="c")
    assert (request.url, request.body) == (f"{BASE}/a?id=b", b'{"id":"c"}')


def test_a_new_name_pushes_the_old_holder_aside() -> None:
    found = bound(operation(query("query"), query("search")), entries(query={"source": "search"}))
    assert names(found) == ["query_query", "query"]
    assert send(found, query="s", query_query="q").url.endswith("?query=q&search=s")


def test_a_name_that_means_nothing_is_a_fault_only_for_the_operations_own_keys() -> None:
    op = operation(query("limit"), query("q"))
    found = bind(op, {}, entries(limt="hide", q={"default": "x"}), own={"q"})
    assert found.faults == ()
    assert found.used == {"q"}
    assert faults(op, entries(limt="hide")) == [
        (("limt",), "the operation takes no 'limt'; did you mean 'limit'?")
    ]
    assert faults(op, entries(x={"source": "zzz"})) == [
        (("x", "from"), "the operation takes no 'zzz'; it takes limit, q")
    ]


def test_the_operations_entry_wins_over_the_plugins_for_the_same_parameter() -> None:
    op = operation(query("per_page"))
    both = entries(per_page={"pin": "5"}, limit={"source": "per_page"})
    assert names(bind(op, {}, both, own={"limit"})) == ["limit"]
    assert names(bind(op, {}, both, own={"per_page"})) == []
    [(where, message)] = faults(op, both)
    assert where == ("limit", "from")
    assert "'per_page'" in message


# --- headers and cookies ----------------------------------------------------------------------


def test_header_and_cookie_parameters_are_served_only_if_the_config_names_them() -> None:
    op = operation(header("X-Trace"), SpecParameter("sid", "cookie", STRING), query("q"))
    found = bound(op, {})
    assert names(found) == ["q"]
    assert "X-Trace" in refusal(found, **{"X-Trace": "x"})
    found = bound(op, {"x-trace": Parameter(description="For support."), "sid": Parameter()})
    assert [(one.name, one.place, one.served) for one in found.arguments] == [
        ("q", "query", "query"), ("X-Trace", "header", "query"), ("sid", "cookie", "query"),
    ]  # fmt: skip
    request = send(found, **{"X-Trace": "t", "sid": "a b"})
    assert request.headers == (("X-Trace", "t"), ("Cookie", "sid=a%20b"))


def test_a_required_header_is_served_or_takes_the_only_value_it_can_have() -> None:
    assert names(bound(operation(header("X-Tenant", required=True)), {})) == ["X-Tenant"]
    for schema in ({"default": "2022-11-28"}, {"const": "2022-11-28"}, {"enum": ["2022-11-28"]}):
        found = bound(operation(header("X-Version", schema, required=True)), {})
        assert names(found) == []
        assert send(found).headers == (("X-Version", "2022-11-28"),)


@pytest.mark.parametrize(
    "name", ["Host", "Content-Length", "Transfer-Encoding", "Authorization", "Content-Type",
             "Connection", "Cookie", "X Evil", "X:Evil", "X-Ümlaut", ""],
)  # fmt: skip
def test_headers_of_framing_routing_and_credentials_are_never_parameters(name: str) -> None:
    op = operation(header(name, required=True), query("q"))
    assert names(bound(op, {})) == ["q"]
    assert faults(op, {name: Parameter(pin="x")})


# --- bodies -----------------------------------------------------------------------------------


def test_the_properties_of_a_json_body_are_arguments() -> None:
    schema = {
        "type": "object",
        "required": ["title", "id"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "title": {"type": "string", "description": "What."},
            "tags": {"type": "array", "items": STRING},
        },
    }
    found = bound(writing(schema), {})
    assert [(a.name, a.place, a.source, a.required, a.served) for a in found.arguments] == [
        ("title", "body", ("title",), True, "body"),
        ("tags", "body", ("tags",), False, "body"),
    ]
    request = send(found, tags=["a"], title="x")
    assert request.body == b'{"title":"x","tags":["a"]}'
    assert request.headers == (("Content-Type", "application/json"),)
    assert refusal(found, id="x") == (
        "'id' is not an argument of this operation; it takes title, tags. 'title' is required."
    )


def test_another_body_is_one_argument() -> None:
    for schema in ({"type": "array", "items": {}}, {"additionalProperties": True}, {}):
        found = bound(writing(schema, query("body")), {})
        assert [(a.name, a.source, a.required) for a in found.arguments] == [
            ("body", ("body",), False), ("body_body", (), True),
        ]  # fmt: skip
        assert send(found, body_body=[1, {"a": None}]).body == b'[1,{"a":null}]'


def test_an_optional_body_is_left_out_or_complete() -> None:
    op = writing({"required": ["a"], "properties": {"a": {}, "b": {}}}, required=False)
    found = bound(op, {})
    assert not any(one.required for one in found.arguments)
    request = send(found)
    assert (request.body, request.headers) == (None, ())
    assert send(found, a=1).body == b'{"a":1}'
    assert refusal(found, b=1) == "'a' is required beside what was given."


def test_a_required_body_without_required_properties_is_sent_empty() -> None:
    assert send(bound(writing({"properties": {"a": {}}}), {})).body == b"{}"


def test_a_body_that_can_hold_nothing_is_no_argument() -> None:
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    found = bound(writing(nothing, required=False), {})
    assert (found.arguments, send(found).body) == ((), None)
    assert send(bound(writing(nothing), {})).body == b"{}"


def test_a_pin_in_a_body_is_sent_with_every_call() -> None:
    op = writing(
        {"required": ["a", "kind"], "properties": {"a": {}, "kind": STRING}}, required=False
    )
    found = bound(op, entries(kind={"pin": "x"}))
    assert argument(found, "a").required, "since the body is always sent"
    assert send(found, a=None).body == b'{"a":null,"kind":"x"}'


def test_a_multipart_body_that_is_no_form_loses_the_operation() -> None:
    body = SpecBody("multipart/mixed", "multipart", {})
    found = bind(SpecOperation("POST", "/", "/", body=body), {}, {})
    assert found.lost == "its request body is multipart/mixed, which is not sent"


# --- what is sent anyway ----------------------------------------------------------------------


def test_what_the_credential_sends_is_neither_shown_nor_accepted() -> None:
    free = query("filter", {"type": "object", "additionalProperties": True})
    op = operation(query("apikey", required=True), header("X-Key", required=True), free)
    found = bound(op, {}, taken={("query", "apikey"), ("header", "x-key")})
    assert names(found) == ["filter"]
    assert refusal(found, apikey="mine") == "'apikey' is set by this plugin and cannot be sent."
    assert "must not hold 'apikey'" in refusal(found, filter={"apikey": "mine"})
    assert send(found, filter={"a": 1}).url.endswith("?a=1")
    assert faults(op, entries(apikey={"pin": "x"}), taken={("query", "apikey")})


def test_a_pin_that_cannot_be_written_is_a_fault() -> None:
    path = SpecParameter("id", "path", {}, True, style="simple")
    found = faults(operation(path, path="/{id}"), entries(id={"pin": ""}))
    assert found == [(("id",), "the value must not be empty")]


def test_an_operation_whose_path_climbs_is_lost() -> None:
    for path in ("/a/../b", "/./a", "/a/%2e%2E"):
        assert "segment" in str(bind(operation(path=path), {}, {}).lost)
    assert bind(operation(path="/a..b/.well-known/{x}"), {}, {}).lost is None
