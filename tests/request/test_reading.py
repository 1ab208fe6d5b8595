"""Text where a value is meant."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind
from gateway.request.check import checker_of
from gateway.request.reading import reader_of
from gateway.request.text import decode_json, json_text
from gateway.values import Argument, Build, SpecBody, SpecOperation, SpecParameter

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}
LIST = {"type": "array", "items": INTEGER}


def read(schema: Any, *texts: str) -> Any:
    return reader_of(Argument("a", "query", ("a",), schema), {})(list(texts))


@pytest.mark.parametrize(
    ("schema", "texts", "value"),
    [
        (INTEGER, ["25"], "25"),
        (INTEGER, ["1.50"], "1.50"),
        ({"type": "number"}, ["1e400"], "1e400"),
        (INTEGER, ["12345678901234567890123"], "12345678901234567890123"),
        (INTEGER, ["-0"], "-0"),
        # What it cannot be stays text, for the check to refuse.
        (INTEGER, ["012"], '"012"'),
        (INTEGER, ["+5"], '"+5"'),
        (INTEGER, ["abc"], '"abc"'),
        (INTEGER, [""], '""'),
        (INTEGER, ['"5"'], r'"\"5\""'),
        (INTEGER, ["NaN"], '"NaN"'),
        ({"type": "boolean"}, ["true"], "true"),
        ({"type": "boolean"}, ["False"], "false"),
        ({"type": "boolean"}, ["yes"], '"yes"'),
        # Text is text, whatever it says.
        (TEXT, ["25"], '"25"'),
        (TEXT, ["NO"], '"NO"'),
        (TEXT, ["[1]"], '"[1]"'),
        ({}, ["25"], '"25"'),
        ({"type": ["string", "integer"]}, ["25"], '"25"'),
        # Text where it may stand; else what it says.
        ({"anyOf": [{"enum": ["all"]}, INTEGER]}, ["25"], "25"),
        ({"anyOf": [{"enum": ["all"]}, INTEGER]}, ["all"], '"all"'),
        ({"anyOf": [{"enum": ["all"]}, INTEGER]}, ["none"], '"none"'),
        ({"anyOf": [{"enum": [""]}, {"type": "object"}]}, ['{"gt": 1.50}'], '{"gt":1.50}'),
        ({"type": ["integer", "null"]}, ["null"], "null"),
        (INTEGER, ["null"], '"null"'),
        (LIST, ["1", "null"], '[1,"null"]'),
        ({"type": "object"}, ['{"a": 1}'], '{"a":1}'),
        ({"type": "object"}, ["{a"], '"{a"'),
        (LIST, ["1", "2"], "[1,2]"),
        (LIST, ["1", "x"], '[1,"x"]'),
        (LIST, ["[1, 2]"], "[1,2]"),
        ({"type": "array", "items": TEXT}, ["[1]"], '["[1]"]'),
        ({"type": "array"}, ["1"], '["1"]'),
        ({"anyOf": [LIST, {"type": "null"}]}, ["3"], "[3]"),
    ],
)
def test_text_is_read_as_what_the_argument_takes(schema: Any, texts: list[str], value: str) -> None:
    assert json_text(read(schema, *texts)) == value


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_digits(number: float) -> None:
    text = json.dumps(number)
    assert json_text(read({"type": "number"}, text)) == text


# --- what a model writes in JSON --------------------------------------------------------------

BODY = {
    "type": "object",
    "properties": {
        "count": INTEGER,
        "title": TEXT,
        "tags": {"type": "array", "items": TEXT},
        "rows": {"type": "array", "items": {"properties": {"n": INTEGER}, "type": "object"}},
        "either": {"anyOf": [{"type": "object", "properties": {"n": INTEGER}}, INTEGER]},
    },
    "required": ["count"],
}
QUERY = [
    SpecParameter("limit", "query", {**INTEGER, "maximum": 100}),
    SpecParameter("ids", "query", LIST),
    SpecParameter("season", "query", TEXT),
    SpecParameter("active", "query", {"type": "boolean"}),
    SpecParameter("filter", "query", {"type": "object"}, style="deepObject"),
]
OPERATION = SpecOperation(
    "POST",
    "/x",
    "/x",
    parameters=tuple(QUERY),
    body=SpecBody("application/json", "json", BODY, True),
)


@pytest.fixture(scope="module")
def build() -> Build:
    return bind(OPERATION, {}, {}).build("https://h")


@pytest.mark.parametrize(
    ("call", "query", "body"),
    [
        ('{"count": "25"}', "", '{"count":25}'),
        ('{"count": "1e2"}', "", '{"count":1e2}'),
        ('{"count": 1, "rows": "[{\\"n\\": \\"5\\"}]"}', "", '{"count":1,"rows":[{"n":5}]}'),
        (
            '{"count": 1, "rows": [{"n": "5"}, {"n": 6}]}',
            "",
            '{"count":1,"rows":[{"n":5},{"n":6}]}',
        ),
        ('{"count": 1, "either": {"n": "5"}}', "", '{"count":1,"either":{"n":5}}'),
        ('{"count": 1, "either": "5"}', "", '{"count":1,"either":5}'),
        ('{"count": 1, "limit": "25"}', "?limit=25", '{"count":1}'),
        ('{"count": 1, "ids": 5}', "?ids=5", '{"count":1}'),
        ('{"count": 1, "ids": "5"}', "?ids=5", '{"count":1}'),
        ('{"count": 1, "ids": ["5", 6]}', "?ids=5&ids=6", '{"count":1}'),
        ('{"count": 1, "season": 2024}', "?season=2024", '{"count":1}'),
        ('{"count": 1, "season": 1.50}', "?season=1.50", '{"count":1}'),
        ('{"count": 1, "season": true}', "?season=true", '{"count":1}'),
        ('{"count": 1, "active": "True"}', "?active=true", '{"count":1}'),
        ('{"count": 1, "filter": "{\\"a\\": \\"5\\"}"}', "?filter%5Ba%5D=5", '{"count":1}'),
        ('{"count": 1, "season": null}', "", '{"count":1}'),
    ],
)
def test_what_was_meant_is_sent(build: Build, call: str, query: str, body: str) -> None:
    arguments = decode_json(call)
    request = build(arguments, {}, heals=True)
    assert (request.url, request.body) == (f"https://h/x{query}", body.encode())
    assert arguments == decode_json(call), "the caller's own arguments are not touched"


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ('{"count": "many"}', "'count' expected an integer, found 'many'."),
        # In a JSON body a number is no text, nor one value a list.
        ('{"count": 1, "title": 5}', "'title' expected text, found 5."),
        ('{"count": 1, "tags": "a"}', "'tags' expected a list, found 'a'."),
        ('{"count": 1, "tags": [1]}', "'tags' at '0': expected text, found 1."),
        ('{"count": null}', "'count' expected an integer, found null."),
        ('{"count": 1, "limit": "101"}', "'limit' expected at most 100, found 101."),
        # What can be mended is no fault beside what cannot.
        ('{"count": "5", "limit": 1e3}', "'limit' expected at most 100, found 1e3."),
        ('{"count": 1, "ids": ["5", "x"]}', "'ids' at '1': expected an integer, found 'x'."),
    ],
)
def test_what_nobody_can_mean_is_refused(build: Build, call: str, fault: str) -> None:
    with pytest.raises(BadArguments) as refusal:
        build(decode_json(call), {}, heals=True)
    assert refusal.value.detail == fault
    assert refusal.value.example == {"count": 1}


def test_a_body_at_an_operations_own_address_is_never_mended(build: Build) -> None:
    with pytest.raises(BadArguments, match="'count' expected an integer, found '25'"):
        build({"count": "25"}, {})


def test_every_fault_is_told_at_once(build: Build) -> None:
    call = {"limit": 101, "active": 3, "seson": "x", "rows": [{"n": "a"}, 5], "either": []}
    with pytest.raises(BadArguments) as refusal:
        build(call, {})
    assert refusal.value.detail == (
        "'seson' is not an argument of this operation; did you mean 'season'? "
        "'limit' expected at most 100, found 101. "
        "'active' expected true or false, found 3. "
        "'rows' at '0.n': expected an integer, found 'a'. "
        "'rows' at '1': expected an object, found 5. "
        "'either' expected an object or an integer, found []. "
        "'count' is required."
    )


def test_an_unknown_property_is_told_with_the_nearest_one() -> None:
    closed = {"type": "object", "properties": {"name": TEXT}, "additionalProperties": False}
    operation = SpecOperation("GET", "/x", "/x", parameters=(SpecParameter("o", "query", closed),))
    build = bind(operation, {}, {"o": Parameter(description="Whole.")}).build("https://h")
    for key, said in (("nam", "; did you mean 'name'?"), ("q", "; it takes name.")):
        with pytest.raises(BadArguments) as refusal:
            build({"o": {key: "x"}}, {})
        assert refusal.value.detail == f"'o' takes no '{key}'{said}"


def test_an_empty_text_is_read_as_itself_where_it_is_allowed() -> None:
    ids = {"type": "array", "items": {"type": "integer"}}
    for allowed, read in ((True, ""), (False, [""])):
        parameter = SpecParameter("ids", "query", ids, allow_empty=allowed)
        found = bind(SpecOperation("GET", "/x", "/x", parameters=(parameter,)), {}, {})
        assert found.readers["ids"]([""]) == read
        assert found.readers["ids"](["5", "6"]) == [5, 6]


@pytest.mark.parametrize(
    ("schema", "given", "told"),
    [
        ({"type": "string", "enum": ["a", "b"]}, "3", "one of 'a', 'b', found '3'"),
        ({"type": "integer", "enum": [1, 2]}, "3", "an integer, found '3'"),
        ({"type": "integer", "maximum": 2}, "3", "at most 2, found 3"),
        ({"type": "object"}, "[1]", "an object, found '[1]'"),
    ],
)
def test_what_cannot_be_mended_is_told_as_it_was_given(schema: Any, given: str, told: str) -> None:
    body = SpecBody("application/json", "json", {"properties": {"s": schema}}, True)
    build = bind(SpecOperation("POST", "/", "/", body=body), {}, {}).build("https://h")
    with pytest.raises(BadArguments) as refusal:
        build({"s": given}, {}, heals=True)
    assert f"'s' expected {told}" in refusal.value.detail
    assert told.endswith("found 3") or "found 3" not in refusal.value.detail


def test_what_is_mended_is_what_needs_the_fewest_changes() -> None:
    point = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER, "z": INTEGER}}
    line = {"type": "object", "properties": {"x": TEXT, "y": INTEGER, "z": TEXT}}
    either = {"properties": {"p": {"anyOf": [point, line]}}}
    body = SpecBody("application/json", "json", either, True)
    build = bind(SpecOperation("POST", "/", "/", body=body), {}, {}).build("https://h")
    request = build({"p": {"x": "1", "y": "2", "z": "3"}}, {}, heals=True)
    assert request.body == b'{"p":{"x":"1","y":2,"z":"3"}}'


# --- what cannot be checked -------------------------------------------------------------------

DEEP = "[" * 300 + "]" * 300


@pytest.mark.parametrize("heals", [True, False])
@pytest.mark.parametrize(
    ("call", "named"),
    [
        ({"arr": DEEP, "limit": 999}, "'arr' expected a list"),
        ({"arr": "[" + "1," * 100_000 + "1]", "limit": 999}, "'arr' expected a list"),
        ({"count": "9" * 4_301, "limit": 999}, "'count' expected an integer"),
        ({"free": "[" * 99 + '"' + "[" * 9 + "]" * 9 + '"' + "]" * 99, "limit": 999}, "'limit'"),
    ],
)
def test_a_text_beyond_the_bounds_is_refused_and_lets_nothing_else_through(
    call: Any, named: str, heals: bool
) -> None:
    members = {"arr": LIST, "count": INTEGER, "free": {"type": "array", "items": {}}}
    body = SpecBody("application/json", "json", {"properties": members}, True)
    op = SpecOperation("POST", "/x", "/x", parameters=(QUERY[0],), body=body)
    build = bind(op, {}, {}).build("https://h")
    with pytest.raises(BadArguments) as refusal:
        build(call, {}, heals=heals)
    assert named in refusal.value.detail
    assert "'limit' expected at most 100, found 999" in refusal.value.detail


def test_what_the_validator_cannot_read_is_never_right() -> None:
    known = {"n": {**INTEGER, "maximum": 5}, "m": INTEGER, "t": INTEGER}
    check = checker_of({"properties": known}, {})
    assert check is not None
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    for value, names in (
        ({"n": Decimal("9" * 4_301), "m": 1}, ["n"]),
        ({"n": 1, "t": deep}, ["t"]),
        ({"n": object(), "t": deep}, ["n", "t"]),
    ):
        assert not check.valid(value)
        assert [list(one.instance_path) for one in check.faults(value)] == [
            [name] for name in names
        ]
        assert {one.message.partition(":")[0] for one in check.faults(value)} == {
            "cannot be checked"
        }


@pytest.mark.parametrize("levels", [5, 15])
def test_what_is_mended_is_no_deeper_than_a_body_may_be(levels: int) -> None:
    tree = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}
    body = SpecBody("application/json", "json", {"properties": {"t": tree}}, True)
    op = SpecOperation("POST", "/x", "/x", body=body)
    build = bind(op, {"Tree": tree}, {}).build("https://h")
    value: Any = "[" * levels + "]" * levels
    for _ in range(90):
        value = [value]
    if levels == 5:
        assert (build({"t": value}, {}, heals=True).body or b"").count(b"[") == 95
    else:
        with pytest.raises(BadArguments, match="expected a list"):
            build({"t": value}, {}, heals=True)


def test_a_text_in_a_query_beyond_the_bounds_stays_a_text() -> None:
    assert read(LIST, DEEP) == DEEP
    assert read(INTEGER, "9" * 1_001) == "9" * 1_001
    assert json_text(read(INTEGER, "9" * 1_000)) == "9" * 1_000


@pytest.mark.parametrize("many", [True, False])
def test_only_what_is_small_is_mended(many: bool) -> None:
    body = SpecBody("application/json", "json", {"properties": {"l": LIST, "t": TEXT}}, True)
    build = bind(SpecOperation("POST", "/x", "/x", body=body), {}, {}).build("https://h")
    call = {"l": "[5]", "t": "x" * (70_000 if many else 10)}
    if many:
        with pytest.raises(BadArguments, match="'l' expected a list"):
            build(call, {}, heals=True)
    else:
        assert b'"l":[5]' in (build(call, {}, heals=True).body or b"")


def test_what_the_model_sees_is_what_is_checked() -> None:
    entries = {"limit": Parameter(source="season", values={"this": "2024"}), "season": Parameter()}
    operation = SpecOperation(
        "GET", "/x", "/x", parameters=(SpecParameter("season", "query", TEXT),)
    )
    build = bind(operation, {}, {"year": entries["limit"]}).build("https://h")
    assert build({"year": "this"}, {}).url == "https://h/x?season=2024"
    with pytest.raises(BadArguments, match="'year' expected one of 'this', found '2024'"):
        build({"year": "2024"}, {})
