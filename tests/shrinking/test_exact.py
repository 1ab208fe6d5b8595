"""JSON whose numbers keep their text, at the door and as a tree."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.exact import decode, encode, tidy
from tests.shrinking.generated import VALUES, text_of

NUMBERS = [
    b"0",
    b"-0",
    b"-0.0",
    b"1.10",
    b"1E5",
    b"1e+05",
    b"1e400",
    b"-1e-400",
    b"12345678901234567890",
    b"18446744073709551616",
    b"0.1000000000000000055511151231257827",
    b"9" * 5000,
    b"-" + b"8" * 400,
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda text: text[:12].decode())
@pytest.mark.parametrize("form", [b"%s", b"[%s]", b'{"a":%s,"b":[%s,%s]}'])
def test_a_number_keeps_its_text(number: bytes, form: bytes) -> None:
    text = form.replace(b"%s", number)
    assert tidy(b" " + text + b"\n") == text
    assert encode(decode(text)) == text


@pytest.mark.parametrize(
    ("body", "mended"),
    [
        (b'\xef\xbb\xbf{"a":1.10}', b'{"a":1.10}'),
        ('{"a":"é"}'.encode("utf-16"), '{"a":"é"}'.encode()),
        ('{"a":"é"}'.encode("utf-16-le"), '{"a":"é"}'.encode()),
        ('{"a":1.10}'.encode("utf-32"), b'{"a":1.10}'),
        (b'{"a":NaN,"b":[Infinity,-Infinity],"c":1.10}', b'{"a":null,"b":[null,null],"c":1.10}'),
        (rb'["\ud800","\ud83d\ude00","\\ud800"]', '["\ufffd","😀","\\\\ud800"]'.encode()),
        (b'["\xff",1e5]', '["\ufffd",1e5]'.encode()),
        (b'{"a":NaN,"n":' + b"7" * 5000 + b"}", b'{"a":null,"n":' + b"7" * 5000 + b"}"),
    ],
    ids=["bom", "utf-16 bom", "utf-16", "utf-32", "nan", "surrogates", "bad utf-8", "long and nan"],
)
def test_what_has_a_clear_meaning_is_mended(body: bytes, mended: bytes) -> None:
    assert tidy(body) == mended


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{'a':1}",
        b"[01]",
        b"[1.]",
        b"nul",
        b"[1] 2",
        b'["a\nb"]',
        b"<html>",
        b'{"a" 1}',
        b"\x00",
        b'["\\x"]',
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # any text of the libraries will do
        tidy(body)


@pytest.mark.parametrize("quote", [b'\\"', b'"\\', b'\\u0022"', b'NaN"'], ids=repr)
def test_a_string_that_is_not_closed_is_read_once(quote: bytes) -> None:
    # In a blink; minutes, where each quote begins a string anew.
    with pytest.raises(ValueError, match="not JSON"):
        tidy(b'{"a":"' + quote * 200_000)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_afterwards_or_refused(body: bytes) -> None:
    try:
        text = tidy(body)
    except ValueError:
        return
    json.loads(text)


@given(VALUES, st.booleans())
def test_tidy_says_the_same_in_fewer_bytes_and_is_settled(value: Any, spaced: bool) -> None:
    body = text_of(value, spaced=spaced)
    text = tidy(body)
    assert len(text) <= len(body)
    assert json.loads(text) == value
    assert tidy(text) == text
    assert encode(decode(text)) == text
    assert msgspec.json.format(text, indent=-1) == text


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a\ud800":1,"a\ud801":2,"a\ud802":3}',
        b'{"a\xff":1,"a\xfe":2,"a\xfd":3}',
        b'{"a\xff":1,"a\\ud801":2,"a\xff":3}',
    ],
)
def test_mended_keys_that_are_the_same_afterwards_are_all_kept(body: bytes) -> None:
    mended = {"a\ufffd": 1, "a\ufffd2": 2, "a\ufffd3": 3}
    assert json.loads(tidy(body)) == mended
    assert json.loads(tidy(b'{"o":[' + body + b"]}")) == {"o": [mended]}


def test_escapes_that_need_not_be_are_resolved() -> None:
    assert tidy(rb'{"\u00e9":"http:\/\/x\/\u4f60\ud83d\ude00\u0007\u0022\\u0041\n"}') == (
        '{"é":"http://x/你😀\\u0007\\"\\\\u0041\\n"}'.encode()
    )
