from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import BadArguments, Refusal, UnsupportedBody
from gateway.faces.calls import MOST_FIELDS, read_call, read_named
from gateway.plugin import Operation
from gateway.request.text import json_text, text_of
from gateway.values import Argument

STRING = {"type": "string"}
INTEGERS = {"type": "array", "items": {"type": "integer"}}
ARGUMENTS = (
    Argument("id", "path", ("id",), {"type": "integer"}, True, served="path"),
    Argument("query", "query", ("search",), STRING),
    Argument("price", "query", ("price",), {"type": "number"}),
    Argument("ids", "query", ("ids[]",), INTEGERS),
    Argument("maybe", "query", ("maybe",), {"anyOf": [INTEGERS, {"type": "null"}]}),
    Argument("since", "query", ("since",), {"anyOf": [{"type": "object"}, {"type": "integer"}]}),
    Argument("name", "body", ("name",), STRING, served="body"),
    Argument("count", "body", ("count",), {"type": "integer"}, served="body"),
    Argument("marks", "body", ("marks",), INTEGERS, served="body"),
)


@pytest.fixture
def spread(operation: Callable[..., Operation]) -> Operation:
    return operation("put", "PUT", "/players/{id}", arguments=ARGUMENTS)


@pytest.fixture
def whole(operation: Callable[..., Operation]) -> Operation:
    body = Argument("body", "body", (), {}, True, served="body")
    return operation("put", "PUT", "/players", arguments=(body, ARGUMENTS[1]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("query=james", {"query": "james"}),
        ("query=le+bron%20j%C3%A4mes%26%3D", {"query": "le bron jämes&="}),
        ("query=", {"query": ""}),
        ("query", {"query": ""}),
        ("query=a=b", {"query": "a=b"}),
        ("&&query=a&", {"query": "a"}),
        # Read as what the argument takes; a number keeps its digits. What it cannot be stays text.
        ("price=1.50", {"price": Decimal("1.50")}),
        ("price=dear", {"price": "dear"}),
        ("price=", {"price": ""}),
        ("ids=1", {"ids": [1]}),
        ("ids=1&query=x&ids=2&ids=", {"ids": [1, 2, ""], "query": "x"}),
        ("ids=1,2", {"ids": ["1,2"]}),
        ("ids=[1,2]", {"ids": [1, 2]}),
        ("maybe=1&maybe=2", {"maybe": [1, 2]}),
        ("since=5", {"since": 5}),
        ('since={"gt":1.50}', {"since": {"gt": Decimal("1.50")}}),
        ("since={not json", {"since": "{not json"}),
        # The builder refuses these, all at once; the served name is the only one.
        ("search=x&ids[]=1&zzz=", {"search": "x", "ids[]": "1", "zzz": ""}),
        # A body's argument in the query: unambiguous, and read as its type.
        ("count=5&name=5", {"count": 5, "name": "5"}),
        ("count=five&marks=1&marks=2", {"count": "five", "marks": [1, 2]}),
    ],
)
def test_a_query_is_read(spread: Operation, query: str, expected: dict[str, Any]) -> None:
    assert read_call(spread, {}, query, b"", "") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", {}),
        (b"{}", {}),
        (b'{"count": 1.50}', {"count": Decimal("1.50")}),
        (b'{"count": 123456789012345678901234567890}', {"count": 123456789012345678901234567890}),
        (b'{"count": -7}', {"count": -7}),
        (b'{"name": null}', {"name": None}),
        (b'\xef\xbb\xbf{"count": 1}', {"count": 1}),
        (b'{"query": "x", "zzz": 1}', {"query": "x", "zzz": 1}),
    ],
)
def test_a_body_is_read(spread: Operation, body: bytes, expected: dict[str, Any]) -> None:
    assert read_call(spread, {}, "", body, "application/json; charset=utf-8") == expected
    assert read_named(spread, body) == expected


@pytest.mark.parametrize(
    "text", ["0.1000", "1e5", "1E-07", "-0", "-0.0", "1e400", "7" * 1_000, "12345678901234567890"]
)
def test_numbers_keep_their_text(spread: Operation, text: str) -> None:
    for read in (
        read_call(spread, {}, "", f'{{"count": {text}}}'.encode(), ""),
        read_named(spread, f'{{"count": {text}}}'.encode()),
        read_call(spread, {}, f"count={text}", b"", ""),
    ):
        assert text_of(read["count"]) == json_text(read["count"]) == text


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ({"id": "1"}, "id=2", b""),
        ({"id": "1"}, "", b'{"id": 2}'),
        ({"id": "1"}, "%69d=2", b""),
        ({}, "id=1&id=2", b""),
        ({}, "id=1", b'{"id": 1}'),
        ({}, "ids=1", b'{"ids": [2]}'),
        ({}, "unknown=1&unknown=2", b""),
    ],
)
def test_a_name_that_is_given_twice_is_refused_by_name(
    spread: Operation, path: dict[str, str], query: str, body: bytes
) -> None:
    with pytest.raises(BadArguments, match=r"'(id|ids|unknown)' is given more than once"):
        read_call(spread, path, query, body, "")


def test_a_list_in_a_path_is_separated_by_commas(operation: Callable[..., Operation]) -> None:
    ids = Argument("ids", "path", ("ids",), INTEGERS, True, served="path")
    one = operation(path="/players/{ids}", arguments=(ids,))
    assert read_call(one, {"ids": "1,2"}, "", b"", "") == {"ids": [1, 2]}
    assert read_call(one, {"ids": "x%20y,b%2Cc"}, "", b"", "") == {"ids": ["x y", "b,c"]}


def test_what_stands_in_a_path_is_decoded_once(spread: Operation) -> None:
    assert read_call(spread, {"id": "a%2Fb+%2541"}, "", b"", "") == {"id": "a/b+%41"}
    with pytest.raises(BadArguments, match="the path is not UTF-8 at '%FF'"):
        read_call(spread, {"id": "%FF"}, "", b"", "")


def test_a_body_as_a_whole_is_one_argument(whole: Operation) -> None:
    assert read_call(whole, {}, "query=x", b"[1]", "") == {"query": "x", "body": [1]}
    assert read_call(whole, {}, "", b"null", "") == {"body": None}
    assert read_call(whole, {}, "", b"", "") == {}
    assert read_named(whole, b'{"body": [1]}') == {"body": [1]}
    with pytest.raises(BadArguments, match="'body' is given more than once"):
        read_call(whole, {}, "body=1", b"[1]", "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1,\n "b" 2}', "expecting ':' delimiter, line 2 column 6"),
        (b'{"a": [', "expecting value, line 1 column 8"),
        (b"a=1", "expecting value, line 1 column 1"),
        (b'"\xff"', "not UTF-8 in line 1"),
        (b"NaN", "NaN is not a number of JSON"),
        (b'{"a": 1e9999999999999999999}', "a number is out of range"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 10_000, "a number has more than 1,000 digits"),
        (b"[1]", "not a list; the arguments are id, query"),
        (b"null", "not null"),
        (b'"x"', "not a text"),
        (b"1", "not a number"),
        (b"true", "not true or false"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(
    spread: Operation, body: bytes, message: str
) -> None:
    with pytest.raises(BadArguments) as refusal:
        read_call(spread, {}, "", body, "")
    assert message in refusal.value.detail
    with pytest.raises(BadArguments) as refusal:
        read_named(spread, body)
    assert message in refusal.value.detail


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"],
)
def test_a_body_that_is_not_json_is_refused(spread: Operation, content_type: str) -> None:
    with pytest.raises(UnsupportedBody, match="send JSON as application/json"):
        read_call(spread, {}, "", b"a=1", content_type)
    assert read_call(spread, {}, "", b"", content_type) == {}


def test_a_query_is_bounded_and_must_be_utf8(spread: Operation) -> None:
    fine = "&".join(f"a{number}=1" for number in range(MOST_FIELDS))
    assert len(read_call(spread, {}, fine, b"", "")) == MOST_FIELDS
    with pytest.raises(BadArguments, match="more than 1000 fields"):
        read_call(spread, {}, fine + "&b=1", b"", "")
    with pytest.raises(BadArguments, match="not UTF-8"):
        read_call(spread, {}, "query=%FF", b"", "")


def test_a_message_does_not_grow_with_what_was_sent(spread: Operation) -> None:
    name = "x" * 100_000
    with pytest.raises(BadArguments) as refusal:
        read_call(spread, {}, f"{name}=1&{name}=2", b"", "")
    assert len(refusal.value.detail) < 200


@given(
    query=st.text(), body=st.binary(), content_type=st.sampled_from(["", "application/json", "a"])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_is_read_or_refused(
    spread: Operation, query: str, body: bytes, content_type: str
) -> None:
    try:
        arguments = read_call(spread, {"id": "1"}, query, body, content_type)
    except Refusal:
        return
    assert arguments["id"] == 1
