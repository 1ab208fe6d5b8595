from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.faces.texts import readable, shorten


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Short.", "Short."),
        ("  Short.  ", "Short."),
        ("One is here. Two is here, too. Three does not fit.", "One is here. Two is here, too."),
        ("Exactly so long a sentence as fits. And more.", "Exactly so long a sentence as fits."),
        ("Ids, e.g. of players or of teams, as text.", "Ids, e.g. of players or of teams…"),
        ("Version 2.5 of the interface that nobody reads", "Version 2.5 of the interface that…"),
        ("Heading\n\nA paragraph that is too long for it", "Heading"),
        ("x" * 50, "x" * 34 + "…"),
        (
            "选手的编号。" + "以及其他很多" * 6,
            "选手的编号。",
        ),
    ],
)
def test_a_text_ends_at_a_sentence_or_else_at_a_word(text: str, short: str) -> None:
    assert shorten(text, 35) == short


@given(st.text(max_size=400))
def test_what_is_shortened_fits_and_stays(text: str) -> None:
    short = shorten(text)
    assert len(short) <= 200
    assert shorten(short) == short


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>One &amp; two.</p>\n<p>Three<br/>four</p>", "One & two.\nThree\nfour"),
        ("See <a href='https://a.example'>here</a> for <b>all</b>.", "See here for all."),
        ("Send <code> and <id>, a < b, R&amp;D", "Send <code> and <id>, a < b, R&amp;D"),
        ("<p <p <p " * 1000, "<p <p <p " * 1000),
    ],
)
def test_html_is_taken_out_and_placeholders_stay(text: str, plain: str) -> None:
    assert readable(text) == plain
