"""`strings`: HTML made readable and long texts cut, by path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import TextRule
from gateway.shrinking.exact import decode, encode
from gateway.shrinking.paths import join
from gateway.shrinking.strings import compile_strings, cut_text

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("one two three", 7, "one…"),
        ("one two three", 2, "o…"),
        ("one two three", 1, "…"),
        ("one  \n two", 7, "one…"),
        ("a " + "b" * 200, 100, "a " + "b" * 97 + "…"),  # the word is too long to lose
        ("日本語の文章です", 5, "日本語の…"),
        ("e\u0301" * 5, 4, "e\u0301…"),
        ("ab" + FAMILY, 6, "ab…"),
        ("ab👍🏽cd", 4, "ab…"),
        ("ab👍🏽cd", 5, "ab👍🏽…"),
        ("abc❤\ufe0fd", 5, "abc…"),
        ("abc🇩🇪d", 5, "abc…"),
        (FAMILY * 2, 4, "…"),
        ("a" + "\u0301" * 100, 60, "a" + "\u0301" * 58 + "…"),  # no writing has such a letter
    ],
)
def test_a_text_is_cut_between_words_and_never_in_a_letter(
    text: str, longest: int, cut: str
) -> None:
    assert cut_text(text, longest) == cut


@given(
    st.text(
        st.one_of(st.sampled_from("ab \n\u0301\u200d👍🏽🇩❤\ufe0f"), st.characters()), max_size=80
    ),
    st.integers(1, 60),
)
def test_a_cut_is_a_beginning_within_its_limit(text: str, longest: int) -> None:
    cut = cut_text(text, longest)
    assert len(cut) <= longest
    assert cut_text(cut, longest) is cut
    if len(text) <= longest:
        assert cut is text
    else:
        assert cut[-1] == "…"
        assert text.startswith(cut[:-1])


def both(value: Any, **rules: TextRule) -> Any:
    html, shorten, _, faults = compile_strings({k.replace("__", "."): v for k, v in rules.items()})
    assert not faults
    value = html(value) if html else value
    return shorten(value) if shorten else value


def test_html_is_made_text_before_it_is_cut() -> None:
    rule = TextRule(max=9, html="text")
    assert both({"body": "<p>one two</p><p>three"}, body=rule) == {"body": "one two…"}


def test_the_nearest_entry_counts_for_each_of_both() -> None:
    value = {"title": "<b>a long title</b>", "rows": [{"body": "<i>some words more</i>", "n": 1}]}
    rules = {
        "$": TextRule(max=8),
        "..body": TextRule(html="text"),
        "title": TextRule(max=200),
    }
    html, shorten, entries, faults = compile_strings(rules)
    assert not faults
    assert [(entry.index, join(entry.steps)) for entry in entries] == [
        ("$", "$"),
        ("..body", "..body"),
        ("title", "title"),
    ]
    assert html is not None
    assert shorten is not None
    assert html(value) == {**value, "rows": [{"body": "some words more", "n": 1}]}
    assert shorten(html(value)) == {**value, "rows": [{"body": "some…", "n": 1}]}


def test_what_nobody_asks_for_is_nothing_to_do() -> None:
    assert compile_strings({}) == (None, None, [], [])
    html, shorten, _, _ = compile_strings({"a": TextRule(max=3)})
    assert html is None
    assert shorten is not None
    html, shorten, _, _ = compile_strings({"a": TextRule(html="text")})
    assert html is not None
    assert shorten is None


def test_a_wrong_path_is_told_once() -> None:
    rule = TextRule(max=3, html="text")
    deep = "..a" + ".*" * 40
    _, _, _, faults = compile_strings({"a[0]": rule, deep: rule, "b as c": rule})
    assert [index for index, _ in faults] == ["a[0]", "b as c", deep]


def test_all_but_texts_stays_as_it_is() -> None:
    text = b'{"a":1.10,"b":[123456789012345678901234567890,null,true,"long text"],"long key":1E5}'
    html, shorten, _, _ = compile_strings({"$": TextRule(max=5, html="text")})
    assert html is not None
    assert shorten is not None
    assert encode(shorten(html(decode(text)))) == text.replace(b"long text", "long…".encode())
