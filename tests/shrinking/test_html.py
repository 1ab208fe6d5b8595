"""HTML as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway.shrinking.html import readable
from tests.shrinking.generated import PAYLOADS


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # Blocks are lines, and white space is one blank.
        ("<p>Hi <b>there</b>, you</p><p>Next</p>", "Hi there, you\nNext"),
        ("<div><div>\n a\n  b </div></div><h2>c</h2>", "a b\nc"),
        ("a<br>b<BR/>c<br><br>d<hr>e", "a\nb\nc\nd\ne"),
        ("a <b>b</b> c<i> d</i>e", "a b c de"),
        ("<html><head><title>T</title></head><body>x", "T\nx"),
        ("<p>a\u00a0b&nbsp;c</p>", "a b c"),
        # Lists and tables.
        (
            "x<ul><li>one<li><p>two</p><p>more</p><ol><li>in</ol></ul>after",
            "x\n- one\n- two\nmore\n  - in\nafter",
        ),
        ("<ul><li></li><li>a</li></ul>", "- a"),
        (
            "<table><tr><th>A</th><th>B</th></tr>\n<tr><td>1</td>\n<td><p>2</p></td></tr></table>z",
            "A | B\n1 | 2\nz",
        ),
        ("<tr><td></td><td>x</td><td></td><td>y</td></tr><tr><td>b", "| x | | y\nb"),
        ("<tr><td>a</td><td></td></tr><tr><td>b</td></tr>", "a\nb"),
        ("<tr><td><p>a</p></td><td><p>b</p><p>c</p></td><td>d</td></tr>", "a | b\nc | d"),
        ("<dl><dt>a<dd>b</dl><select><option>c<option>d</select>", "a\nb\nc\nd"),
        # Preformatted text keeps its lines.
        ("<pre>\n  a\n    b\n\n</pre>x  y", "  a\n    b\nx y"),
        ("a<pre>b<br>c\r\n\r\n<b> d</b></pre><pre>e</pre>", "a\nb\nc\n\n d\ne"),
        # What is no text of the page.
        ("<script>if (a<b) '</p>'</script>ok<style>x{}</style><!-- c > <b> -->!", "ok!"),
        ("a<!---->b<!-->c<!--->d<!--x--!>e<!doctype html><?xml version='1'?>f", "abcdef"),
        ("<svg><path d='x'/>t</svg>q<svg/>r<iframe>s</iframe><noscript>t</noscript>", "qr"),
        ("<svg/>a<svg>b</svg>c<iframe src=x />d<iframe></iframe>", "acd"),
        ("<SCRIPT>x</Script >y<script>z", "y"),
        ("a<svg>b<b>c</b>", "abc"),
        ("a<!-- never closed <b>b</b>", "a"),
        # Tags are what HTML says is one.
        ("<a href='x>y' title=\"<b>\">link</a> <img src=x alt='a'>", "link"),
        ("<p it's>a</p><a title=\"x>b</a>", "a\nb"),
        ("a<b ", "a"),
        ("see <https://x.example/> or <a@x.example>, List<int>, <user-id>, 1</3<p>", None),
        ("<x-y a=b>t</x-y><o:p>u</o:p><a.b>v", "tu<a.b>v"),
        # Character references.
        ("<p>&lt;b&gt; &amp;amp; &eacute;&#233;&#xE9; &#x1F600;", "<b> &amp; ééé 😀"),
        (
            "<p>?a=1&copy=2&lt &bogus; &#0; &#x110000; &#99999999;",
            "?a=1&copy=2&lt &bogus; � � &#99999999;",
        ),
    ],
)
def test_html_reads_as_it_looks(html: str, text: str | None) -> None:
    assert readable(html) == (html.removesuffix("<p>") if text is None else text)


@pytest.mark.parametrize(
    "text",
    ["", "x", "a\n\n  b", "1 < 2 > 0", "x <y and z> &", "List<String> m", "&copy=1 & 2", "<",
     "</", "<!", "<3 </3 <->", "<https://x.example>"],
)  # fmt: skip
def test_what_is_no_html_stays(text: str) -> None:
    assert readable(text) is text


def test_without_tags_only_references_are_resolved_and_lines_stay() -> None:
    assert readable("Tom &amp; Jerry\n\n  &quot;x&quot; &#39;") == 'Tom & Jerry\n\n  "x" \''


_PIECES = [
    "<p>", "</p>", "<br>", "<ul>", "<li>", "</li>", "</ul>", "<table>", "<tr>", "<td>", "</td>",
    "</table>", "<pre>", "</pre>", "<script>", "</script>", "<svg>", "</svg>", "<!--", "-->",
    "<b>", "<", ">", "&", "&amp;", "&#1;", "<a", "href='", '"', "=", "<td", "</", "<!", "<?",
    "<x-y", "<textarea>",
]  # fmt: skip
PIECES = st.lists(
    st.one_of(
        st.sampled_from(_PIECES),
        st.text(max_size=4),
    ),
    max_size=30,
)


@given(PIECES)
def test_anything_is_read(pieces: list[str]) -> None:
    html = "".join(pieces)
    text = readable(html)
    assert len(text) <= 2 * len(html) + 10 * html.count("<li")
    if "<pre" not in html and text != html and readable(html + "<p>") == text:
        assert not re.search(r"\n\n|^\n|\n$", text)


WORDS = st.text("abcdefgh", min_size=1, max_size=5)
NODES: st.SearchStrategy[str] = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.builds(
            lambda tag, parts: f"<{tag} class='x>y'>{''.join(parts)}</{tag}>",
            st.sampled_from(["div", "span", "b", "section", "i", "blockquote", "code"]),
            st.lists(inner, max_size=4),
        ),
        st.builds(
            lambda rows: f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>",
            st.lists(inner, max_size=3),
        ),
        st.builds(
            lambda word: f"<script>{word}<b></script><!-- {word} --><style>a>b</style>", WORDS
        ),
    ),
    max_leaves=15,
)


def letters(text: str) -> str:
    return re.sub(r"[\s|-]", "", text)


def seen_by_lexbor(html: str) -> str:
    page = LexborHTMLParser(html)
    page.strip_tags(["script", "style", "template", "svg", "noscript", "iframe", "object"])
    return page.text()


@given(NODES)
def test_the_letters_are_those_that_a_parser_of_the_standard_finds(html: str) -> None:
    assert letters(readable(f"<p></p>{html}")) == letters(seen_by_lexbor(html))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_real_html_loses_no_letter(path: Any) -> None:
    for text in texts(json.loads(path.read_bytes())):
        if re.search(r"</?(p|a|div|br|li|ul|span)\b", text):
            assert letters(readable(text)) == letters(seen_by_lexbor(text))


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<b>x", "<ul><li>x", "<table><tr><td>", "<a ", '<a b="', "<a b='x ", "<!--",
     "<svg>", "<svg/>", "<svg></svg>x", "<", "&", "&#", "&#0", "<a =", "<pre>\n",
     "<x-y a>", "</p>", "<script>", "<td>"],
)  # fmt: skip
def test_twenty_thousand_of_anything_is_no_trouble(piece: str) -> None:
    for end in ("", "</svg>", '">', "'>", "-->"):
        html = piece * 20_000 + end
        assert len(readable(html)) <= 2 * len(html)
