"""Headers that say what the body says."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.faces.mcp.headers import (
    Mirrored,
    decoded,
    expect,
    expect_arguments,
    mirrored,
    single,
)
from gateway.faces.mcp.wire import Fault

REGION = (Mirrored("Mcp-Param-Region", ("region",)),)


def is_refused(wanted: tuple[Mirrored, ...], arguments: Any, *headers: tuple[str, str]) -> bool:
    try:
        expect_arguments(CIMultiDict(headers), wanted, arguments)
    except Fault as fault:
        return (fault.code, fault.status) == (-32020, 400)
    return False


@pytest.mark.parametrize(
    ("value", "header", "accepted"),
    [
        ("Hello", "=?base64?SGVsbG8=?=", True),
        ("Hello", "=?base64?SGVsbG8?=", False),  # padding
        ("Hello", "=?base64?SGVsbG8==?=", False),
        ("Hello", "=?base64?SGVs!!!bG8=?=", False),
        ("Hello", "=?base64?SGVs bG8=?=", False),
        ("Hello", "=?BASE64?SGVsbG8=?=", False),  # literal, so another value
        ("SGVsbG8=", "SGVsbG8=", True),  # literal
        ("=?base64?SGVsbG8=", "=?base64?SGVsbG8=", True),  # literal without its end
        ("SGVsbG8=?=", "SGVsbG8=?=", True),
        ("", "=?base64??=", True),
        ("", "", True),
        ("\u00fc", "=?base64?w7w=?=", True),
        ("\u00fc", "=?base64?/A==?=", False),  # not UTF-8
        ("test-value", None, False),
        ("a", " \ta\t ", True),
        ("a", "A", False),
        (42, "42", True),
        (42, "42.0", True),
        (42, "4.2e1", True),
        (42, "=?base64?NDI=?=", True),
        (42, "43", False),
        (42, "forty", False),
        (42, "4_2", False),
        (42, "nan", False),
        (42, "", False),
        (42, "\u0664\u0662", False),
        (10**400, "1e400", True),
        (10**400 + 1, "1e400", False),
        (1, "1e99999999999999999999999", False),
        (1, "-1E-99999999999999999999999", False),
        (True, "true", True),
        (True, "True", False),
        (True, "1", False),
        (False, "false", True),
        (False, "0", False),
        (None, None, True),
        (None, "null", False),
        ([1], "[1]", False),
        ({"a": 1}, '{"a": 1}', False),
    ],
)
def test_an_argument_and_its_header_say_the_same(
    value: Any, header: str | None, accepted: bool
) -> None:
    headers = [("mcp-param-region", header)] if header is not None else []
    assert is_refused(REGION, {"region": value}, *headers) is not accepted


def test_a_header_of_no_argument_is_refused_and_one_of_no_meaning_is_not() -> None:
    assert is_refused(REGION, {}, ("Mcp-Param-Region", "x"))
    assert not is_refused(REGION, {}, ("Mcp-Param-Other", "x"))


def test_a_header_that_is_there_twice_is_refused() -> None:
    twice = ("Mcp-Param-Region", "x"), ("MCP-PARAM-REGION", "x")
    assert is_refused(REGION, {"region": "x"}, *twice)
    with pytest.raises(Fault) as caught:
        single(CIMultiDict([("Mcp-Method", "a"), ("mcp-method", "a")]), "Mcp-Method")
    assert caught.value.code == -32020


@pytest.mark.parametrize("arguments", [{}, {"a": None}, {"a": {}}, {"a": "x"}, {"a": {"b": None}}])
def test_an_argument_inside_objects_may_be_absent_on_every_level(arguments: Any) -> None:
    inner = (Mirrored("Mcp-Param-B", ("a", "b")),)
    assert not is_refused(inner, arguments)
    assert is_refused(inner, arguments, ("Mcp-Param-B", "x"))
    assert not is_refused(inner, {"a": {"b": "x"}}, ("Mcp-Param-B", "x"))


def test_only_what_properties_lead_to_is_mirrored() -> None:
    one = {"type": "string", "x-mcp-header": "A"}
    schema = {
        "properties": {
            "a": one,
            "in": {"properties": {"b": {**one, "x-mcp-header": "B"}}},
            "list": {"items": one},
            "any": {"anyOf": [one]},
            "odd": {"x-mcp-header": 3},
            "true": True,
        },
        "$defs": {"x": {"properties": {"y": one}}},
    }
    assert list(mirrored(schema)) == [
        Mirrored("Mcp-Param-A", ("a",)),
        Mirrored("Mcp-Param-B", ("in", "b")),
    ]
    assert list(mirrored({"properties": []})) == []


def test_names_are_coded_and_methods_are_not() -> None:
    coded = CIMultiDict({"Mcp-Name": "=?base64?SGVsbG8=?="})
    expect(coded, "Mcp-Name", "Hello", coded=True)
    with pytest.raises(Fault):
        expect(coded, "Mcp-Name", "Hello")


@given(st.text(max_size=30))
def test_whatever_is_coded_is_decoded(text: str) -> None:
    coded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    wanted = text.encode("utf-8", "replace").decode()
    assert decoded("X", f"=?base64?{coded}?=") == wanted


@given(st.text(max_size=30).map("=?base64?{}?=".format) | st.text(max_size=30))
def test_whatever_a_header_says_is_decoded_or_refused(text: str) -> None:
    with suppress(Fault):
        assert isinstance(decoded("X", text), str)
