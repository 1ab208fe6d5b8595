"""Replacing in long texts, as the standard library does it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.replacing import one_blank, replaced

LONG = st.builds(
    lambda head, piece, tail: head + piece * (80_000 // len(piece)) + tail,
    st.text("ab \n", max_size=3),
    st.text("abc \n\u3000", min_size=1, max_size=9),
    st.text("ab \n", max_size=3),
)


@given(st.one_of(st.text(), LONG))
def test_it_is_what_the_standard_library_gives(text: str) -> None:
    assert one_blank(text) == " ".join(text.split())
    pattern = re.compile("a+|^b")
    assert replaced(pattern, text, lambda match: f"<{match[0]}>") == pattern.sub(r"<\g<0>>", text)


@pytest.mark.parametrize("text", ["b", "b" * 100_000])
def test_a_text_without_a_match_is_itself(text: str) -> None:
    assert replaced(re.compile("a"), text, lambda _: "") is text


def test_the_end_of_a_part_may_be_anywhere_in_a_blank() -> None:
    for first in (65_534, 65_535, 65_536, 65_537):
        text = "x" * first + "  " + "y" * 70_000 + " " * 200_000 + "z"
        assert one_blank(text) == " ".join(text.split())
