"""Media types and charsets, as upstreams write them."""

from __future__ import annotations

import pytest

from gateway.media import charset, decoded, kind


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/json", "json"),
        ("Application/Problem+JSON; charset=utf-8", "json"),
        ("application/x-json", "json"),
        ("*/*", "json"),
        ("application/x-www-form-urlencoded", "form"),
        ("multipart/form-data; boundary=x", "multipart"),
        ("text/csv", "text"),
        ("image/svg+xml", "text"),
        ("application/vnd.oai.openapi+yaml", "text"),
        ("image/png", "binary"),
        ("application/jsonx", "binary"),
        ("", "binary"),
    ],
)
def test_how_a_value_is_written(media_type: str, expected: str) -> None:
    assert kind(media_type) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html; charset=latin-1", "latin-1"),
        ('application/json; a=b; CHARSET = "windows-1252"', "windows-1252"),
        ("application/json", ""),
        ("text/plain; xcharset=a", ""),
    ],
)
def test_the_charset_of_a_content_type(content_type: str, expected: str) -> None:
    assert charset(content_type) == expected


@pytest.mark.parametrize("name", ["", "nonsense", "base64", "punycode", "idna", "undefined", "a\0"])
def test_what_is_no_charset_is_utf_8(name: str) -> None:
    assert decoded("ä".encode() + b"\xff", name) == "ä\ufffd"
    assert decoded(b"\xe4", "latin-1") == "ä"
