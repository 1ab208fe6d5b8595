"""Answers that are not JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.shrinking import count
from gateway.shrinking.exact import encode
from gateway.shrinking.html import readable
from gateway.shrinking.slices import sliced
from gateway.shrinking.text import JSON, PATH, Other, form_of, shrink_other
from gateway.shrinking.tokens import fits
from gateway.shrinking.untrusted import compile_untrusted
from tests.shrinking.generated import TEXTS, shrinker
from tests.shrinking.recounting import strict, tokens

NO = Budget(0, 0)
LONG = b"Some words, and some more. " * 1000


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/html; charset=utf-8", "application/xml", "application/atom+xml"],
)
def test_a_text_is_served_as_json_and_a_long_one_keeps_its_beginning(content_type: str) -> None:
    assert shrink_other(b"OK", content_type, Budget(500)) == Other(b'{"text":"OK"}', JSON)
    assert shrink_other(LONG, content_type, NO)[0] == encode({"text": LONG.decode()})
    body, now = shrink_other(LONG, content_type, Budget(500))[:2]
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
    body, now = shrink_other(LONG, content_type, Budget(500))[:2]
    assert (body[:11], now) == (b'{"_shrunk":', JSON)
    assert count(body) <= 500
    assert shrink_other(b"short", content_type, Budget(500))[:2] == (b'{"text":"short"}', JSON)
    unsure = (b"short", content_type) if content_type else (b'{"text":"short"}', JSON)
    assert shrink_other(b"short", content_type, NO)[:2] == unsure


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
    answer, now = shrink_other(body, content_type, Budget(100, 300))[:2]
    described = json.loads(answer)
    assert now == "application/json"
    assert described["bytes"] == len(body)
    assert described["content_type"] in (content_type.partition(";")[0][:80], "unknown")
    assert fits(answer, Budget(100, 300))
    assert shrinker().shrink_other(body, content_type) == Other(body, content_type)


def test_the_charset_is_read_and_an_unknown_one_is_no_error() -> None:
    for charset in ("utf-16-le", "nonsense", "idna", "unicode_escape"):
        body = ("äöü " * 5000).encode("utf-16-le")
        cut = shrink_other(body, f'text/plain; charset="{charset}"', Budget(100)).body
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
    body = shrink_other(text.encode(), "text/plain", Budget(tokens, chars)).body
    assert count(body) <= tokens
    assert len(body.decode()) <= chars


def test_a_file_that_is_expected_is_given_as_it_is() -> None:
    for body, media in ((b"\x89PNG\0", "image/png"), (b"plain words", "application/pdf")):
        assert shrink_other(body, media, Budget(100), file=True) == Other(body, media)
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
        body = shrink_other(hidden, "text/plain", budget, clean=clean, mask=mask).body
        answer = json.loads(body)
        assert answer["_shrunk"]["$"] == {"removed": 20}
        assert answer["text"].startswith("[masked] word")
        assert budget is NO or count(body) <= 100


# --- the rest ---------------------------------------------------------------------------------


def followed(body: bytes, content_type: str, budget: Budget, **rules: Any) -> list[str]:
    """What a caller gets who goes on as it is told: the beginning, then slice by slice. Each is
    within the budget, and the same however often it is asked for."""
    asked = {**rules, "more": "getMore", "sign": lambda _: "h" * 16}
    answer = shrink_other(body, content_type, budget, **asked)
    assert shrink_other(body, content_type, budget, **asked) == answer
    within(answer.body, budget)
    found = strict(answer.body)
    if answer.whole is None:
        return [found["text"]]
    told = found["_shrunk"]
    arguments = told["more"]
    kept = int(told["text"]["kept"])
    assert (arguments.pop("operation"), arguments.pop("handle")) == ("getMore", answer.handle)
    assert arguments == {"path": PATH, "offset": told["text"]["kept"]}
    assert found["text"][-1] == "…"
    assert len(found["text"]) == kept + 1
    texts, offset, end = [found["text"][:-1]], kept, int(told["text"]["total"])
    is_csv = form_of(content_type) == "csv"
    while offset < end:
        piece = sliced(answer.whole, PATH, offset, None, budget, rows=is_csv)
        assert sliced(answer.whole, PATH, offset, None, budget, rows=is_csv) == piece
        within(piece, budget)
        found = strict(piece)
        assert (int(found["offset"]), int(found["total"])) == (offset, end)
        assert found["text"]
        texts.append(found["text"])
        offset = int(found.get("next", end))
    return texts


def within(answer: bytes, budget: Budget) -> None:
    assert len(answer.decode()) <= budget.chars
    assert len(answer) <= budget.tokens or tokens(answer) <= budget.tokens


LETTERS = st.sampled_from(
    [*'ab ,"', "\n", "\r\n", "\r", "\t", "e\u0301", "\u0301" * 40, "👨\u200d👩\u200d👧", "👍🏽",
     "🇩🇪", "\u200d", "\ufeff", "\0", "\x1b[1m", "日本", "ﷺ", "\U0010ffff", "<|endoftext|>", "\\",
     "…", "&amp;", "x" * 300, "some words of a sentence. ", '1,"a\nb",2\n', "<p>", "</p>", "<li>"]
)  # fmt: skip
LONG_TEXTS = st.builds(
    lambda parts, times: ("".join(parts) * times)[:4000],
    st.lists(LETTERS | TEXTS, min_size=1, max_size=12),
    st.integers(1, 60),
)
BUDGETS = st.builds(Budget, st.integers(100, 1200), st.integers(300, 9000))


@settings(max_examples=100, deadline=None)
@given(LONG_TEXTS, st.sampled_from(["text/plain", "text/csv", "application/xml"]), BUDGETS)
def test_whoever_goes_on_gets_the_whole_text(text: str, content_type: str, budget: Budget) -> None:
    assert "".join(followed(text.encode(), content_type, budget)) == text


@settings(max_examples=100, deadline=None)
@given(LONG_TEXTS, BUDGETS)
def test_of_html_it_is_the_whole_text_in_it(page: str, budget: Budget) -> None:
    page = f"<html><body>{page}</body></html>"
    assert "".join(followed(page.encode(), "text/html", budget)) == readable(page)


@settings(max_examples=100, deadline=None)
@given(LONG_TEXTS, BUDGETS)
def test_of_what_strangers_wrote_it_is_what_people_see(text: str, budget: Budget) -> None:
    clean, *_ = compile_untrusted("all")
    assert clean is not None
    got = "".join(followed(text.encode(), "text/plain", budget, clean=clean))
    assert got == clean(text)[0]
    assert "\x1b" not in got


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.text(st.sampled_from('ab",\n é'), max_size=9), min_size=2, max_size=4)),
    st.integers(1, 40),
    BUDGETS,
)
def test_each_slice_of_csv_is_whole_rows(rows: list[list[str]], times: int, budget: Budget) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["id", "note"], *rows * times])
    texts = followed(out.getvalue().encode(), "text/csv; charset=utf-8", budget)
    read = [row for text in texts for row in csv.reader(io.StringIO(text, newline=""))]
    assert read == [["id", "note"], *rows * times]


def test_where_nobody_keeps_it_there_is_no_handle() -> None:
    for more, sign in (("", lambda _: "h"), ("getMore", None)):
        answer = shrink_other(LONG, "text/plain", Budget(500), more=more, sign=sign)
        assert (answer.whole, answer.handle) == (None, "")
        assert json.loads(answer.body)["_shrunk"].keys() == {"text"}


def test_nor_is_there_one_where_there_is_no_room_for_it() -> None:
    said = {"more": "getMore", "sign": lambda _: "h" * 16}
    answer = shrink_other(LONG, "text/plain", Budget(100, 100), **said)
    assert answer.whole is None
    assert len(answer.body.decode()) <= 100
    assert json.loads(answer.body)["text"].startswith("Some")
    assert shrink_other(LONG, "text/plain", Budget(0, 0), **said).whole is None
    assert shrink_other(b"OK", "text/plain", Budget(100), **said).whole is None


def test_a_text_fills_its_budget() -> None:
    words = " ".join(f"word{n * 7919 % 1000}" for n in range(40_000)).encode()
    for budget in (Budget(100), Budget(2000), Budget(8000), Budget(25_000)):
        answer = shrink_other(words, "text/plain", budget)
        free = budget.tokens - tokens(answer.body)
        assert 0 <= free < 30 or budget.chars - len(answer.body.decode()) < 60


def test_half_of_a_character_is_none() -> None:
    answer = shrink_other(b"a+2AA-b", "text/plain; charset=utf-7", Budget(100))
    assert strict(answer.body) == {"text": "a\ufffdb"}


def test_a_long_text_takes_no_longer_than_what_is_seen_of_it() -> None:
    for text in ("\u0301", "🇩", "\u200d", '"', "\n", "\r\n", " ", "a"):
        whole = encode({"text": text * 2_000_000})
        for offset in (0, 1_999_000):
            for rows in (False, True):
                piece = sliced(whole, PATH, offset, None, Budget(200), rows=rows)
                assert fits(piece, Budget(200))
