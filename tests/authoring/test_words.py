from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authoring.words import one_line, prose, split, stem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listPlayersByID", ["list", "players", "by", "id"]),
        ("HTTPServer2Config", ["http", "server", "2", "config"]),
        ("/season_averages/{player-id}", ["season", "averages", "player", "id"]),
        ("chat.postMessage", ["chat", "post", "message"]),
        ("Überprüfe größe", ["überprüfe", "größe"]),
        ("検索 API", ["検索", "api"]),
    ],
)
def test_words_end_where_a_name_is_joined(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    "forms",
    [
        ("query", "queries"), ("create", "creates", "creating", "created"), ("box", "boxes"),
        ("invoice", "invoices"), ("search", "searches", "searching"), ("status", "status"),
    ],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@given(st.text())
def test_a_line_has_nothing_in_it_that_breaks_or_steers(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not {char for char in line if ord(char) < 32 or 0x7F <= ord(char) < 0xA0}
    line.encode()


def test_html_becomes_words() -> None:
    said = "<p>Creates a <a href='/x'>payment</a>.</p>\n<ul><li>a &amp; b</li></ul>"
    assert prose(said) == "Creates a payment. a & b"
    assert prose("where 3 < 4 and x<y") == "where 3 < 4 and x<y"
