"""Dictionaries of Structured Fields, strictly: RFC 9651 section 4.2."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.caching.directives import targeted
from gateway.caching.structured import dictionary


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("max-age=60", {"max-age": 60}),
        ("max-age=60, no-store", {"max-age": 60, "no-store": True}),
        ("  a=1 ,\tb=2  ", {"a": 1, "b": 2}),
        ("a=-5", {"a": -5}),
        ("a=1.5", {"a": 1.5}),
        ('a="x, \\"y\\" \\\\"', {"a": 'x, "y" \\'}),
        ("a=token/x:y", {"a": "token/x:y"}),
        ("a=?0, b=?1", {"a": False, "b": True}),
        ("a=1;x;y=2;z=?0, b;w", {"a": 1, "b": True}),
        ('a=("x" 1;p  y), b', {"a": (), "b": True}),
        ("a=()", {"a": ()}),
        ("a=:aGk=:, b=@1659578233", {"a": (), "b": ()}),
        ('a=%"caf%c3%a9"', {"a": ()}),
        ("a=1, a=2", {"a": 2}),
        ("*a-b_c.d*=1", {"*a-b_c.d*": 1}),
    ],
)
def test_a_dictionary(text: str, members: dict[str, object]) -> None:
    assert dictionary(text) == members


@pytest.mark.parametrize(
    "text",
    [
        "A=1", "a=1,", ",a=1", "a=1,,b=2", "a =1", "a= 1", "a=", "a=1 b=2", "a=1;", "a=&", "&",
        "a=?2", "a=01.", "a=1.2345", "a=1234567890123456", "a=--1", 'a="x', 'a="\\x"', 'a="\x80"',
        "a=(1", "a=(1,2)", "a=(1(2))", "a=:a", "a=@1.5", 'a=%"%C3"', "1a=1", "a='1'", "\ta=1",
        "a=(1)b", "é=1",
    ],
)  # fmt: skip
def test_a_fault_anywhere_voids_it(text: str) -> None:
    assert dictionary(text) is None


@settings(deadline=None)
@given(st.text(alphabet='ab=,;()"\\?:@%01.- \t*Aé', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = dictionary(text)
    assert found is None or all(isinstance(key, str) for key in found)


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("", None),
        ("max-age=60;x=1, no-store", {"max-age": "60", "no-store": None}),
        ('max-age="60", public', {"public": None}),
        ("max-age=1.5", {}),
        ("max-age", {}),
        ("max-age=?1", {}),
        ("max-age=-1", {"max-age": "-1"}),
        ("no-store=?0, private=?1", {"private": None}),
        ('private="a, b", no-cache=1', {"private": "a, b"}),
        ("max-age=60,", None),
    ],
)
def test_a_targeted_fields_directives(text: str, directives: dict[str, object] | None) -> None:
    """RFC 9213 section 2.2: what is of a wrong type is ignored."""
    assert targeted(text) == directives
