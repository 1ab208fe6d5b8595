"""Answers that are not JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import count
from gateway.shrinking.exact import encode
from gateway.shrinking.text import JSON, shrink_other
from gateway.shrinking.tokens import fits
from tests.shrinking.generated import TEXTS, shrinker

NO = Budget(0, 0)
LONG = b"Some words, and some more. " * 1000


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/html; charset=utf-8", "application/xml", "application/atom+xml"],
)
def test_a_text_is_served_as_json_and_a_long_one_keeps_its_beginning(content_type: str) -> None:
    assert shrink_other(b"OK", content_type, Budget(500)) == (b'{"text":"OK"}', JSON)
    assert shrink_other(LONG, content_type, NO)[0] == encode({"text": LONG.decode()})
    body, now = shrink_other(LONG, content_type, Budget(500))
    answer = json.loads(body)
    kept = answer["_shrunk"]["text"]
    assert kept == {"kept": len(answer["text"]) - 1, "total": len(LONG)}
    assert LONG.decode().startswith(answer["text"][:-1])
    assert now == JSON
    assert 400 < count(body) <= 500


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "application/pdf", "x-anything", ""]
)
def test_what_no_type_tells_is_text_where_it_reads_as_text(content_type: str) -> None:
    body, now = shrink_other(LONG, content_type, Budget(500))
    assert (body[:11], now) == (b'{"_shrunk":', JSON)
    assert count(body) <= 500
    assert shrink_other(b"short", content_type, Budget(500)) == (b'{"text":"short"}', JSON)
    unsure = (b"short", content_type) if content_type else (b'{"text":"short"}', JSON)
    assert shrink_other(b"short", content_type, NO) == unsure


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/png", LONG),
        ("video/mp4; codecs=x", b"x"),
        ("application/octet-stream", b"words and a \0"),
        ("application/pdf", b"%PDF \xe2\xe3"),
        ("", b"\xff"),
        ("x/" + "y" * 5000, b"\xff"),
    ],
)
def test_binary_is_described_where_there_is_a_budget(content_type: str, body: bytes) -> None:
    answer, now = shrink_other(body, content_type, Budget(100, 300))
    described = json.loads(answer)
    assert now == "application/json"
    assert described["bytes"] == len(body)
    assert described["content_type"] in (content_type.partition(";")[0][:80], "unknown")
    assert fits(answer, Budget(100, 300))
    assert shrinker().shrink_other(body, content_type) == (body, content_type)


def test_the_charset_is_read_and_an_unknown_one_is_no_error() -> None:
    for charset in ("utf-16-le", "nonsense", "idna", "unicode_escape"):
        body = ("äöü " * 5000).encode("utf-16-le")
        cut, _ = shrink_other(body, f'text/plain; charset="{charset}"', Budget(100))
        assert count(cut) <= 100
    assert "äöü äöü" in shrink_other(body, "text/plain; charset=utf-16-le", Budget(100))[0].decode()
    latin = "é".encode("latin-1") * 5
    assert shrink_other(latin, "text/plain; charset=latin-1", NO)[0].decode() == '{"text":"ééééé"}'


@given(
    st.lists(TEXTS, max_size=10).map("".join),
    st.sampled_from([100, 300]),
    st.sampled_from([100, 9000]),
)
def test_a_text_never_costs_more_than_its_budget(text: str, tokens: int, chars: int) -> None:
    body, _ = shrink_other(text.encode(), "text/plain", Budget(tokens, chars))
    assert count(body) <= tokens
    assert len(body.decode()) <= chars


def test_a_file_that_is_expected_is_given_as_it_is() -> None:
    for body, media in ((b"\x89PNG\0", "image/png"), (b"plain words", "application/pdf")):
        assert shrink_other(body, media, Budget(100), file=True) == (body, media)
    # What the upstream calls a text is one, whatever was expected.
    assert shrink_other(b"no", "text/plain", Budget(100), file=True)[0] == b'{"text":"no"}'


def test_of_a_page_the_text_in_it_is_served() -> None:
    page = b"<html><head><style>p {}</style></head><p>Hello <b>you</b><ul><li>one</ul></html>"
    for media in ("text/html; charset=utf-8", "application/xhtml+xml"):
        assert shrink_other(page, media, Budget(0, 0))[0] == b'{"text":"Hello you\\n- one"}'
    assert b"<b>" in shrink_other(page, "text/plain", Budget(0, 0))[0]


def test_a_text_is_cleaned_and_masked_before_it_is_cut() -> None:
    def clean(text: Any) -> tuple[Any, dict[str, Any]]:
        return text.replace("\u200b", ""), {"$": {"removed": text.count("\u200b")}}

    def mask(text: bytes) -> bytes:
        return text.replace(b"secret" * 20, b"[masked]")

    hidden = ("secret\u200b" * 20 + " word" * 900).encode()
    for budget in (NO, Budget(100)):
        body, _ = shrink_other(hidden, "text/plain", budget, clean=clean, mask=mask)
        answer = json.loads(body)
        assert answer["_shrunk"]["$"] == {"removed": 20}
        assert answer["text"].startswith("[masked] word")
        assert budget is NO or count(body) <= 100
