"""Pieces of texts."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.pieces import beginning, piece_end, row_end


@pytest.mark.parametrize(
    ("text", "start", "end", "found"),
    [
        ("a,b\n1,2\n3,4\n", 0, 11, 8),
        ("a,b\n1,2\n3,4\n", 0, 12, 12),
        ("a,b\n1,2\n3,4\n", 8, 11, 0),  # what stands before is not looked at
        ('a\n1,"x\ny\nz"\n2\n', 0, 9, 2),
        ('a\n1,"x\ny\nz"\n2\n', 0, 12, 12),
        ('a\n1,"x\ny\nz"\n2\n', 6, 14, 14),
        ('a\n1,"x\ny\nz"\n2\n', 6, 11, 0),
        ('a,"say ""\n"""\nb\n', 0, 14, 14),
        ("no line", 0, 7, 0),
        ("", 0, 0, 0),
    ],
)
def test_rows_end_where_csv_has_them_end(text: str, start: int, end: int, found: int) -> None:
    assert row_end(text, start, end) == found


CELLS = st.text(st.sampled_from('ab",\n é'), max_size=5)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=8), st.integers(0, 200))
def test_what_a_cut_leaves_are_rows_as_a_reader_of_csv_has_them(
    rows: list[list[str]], end: int
) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    text = out.getvalue()
    kept = list(csv.reader(io.StringIO(text[: row_end(text, 0, min(end, len(text)))], newline="")))
    assert kept == rows[: len(kept)]
    assert len(kept) == len(rows) or len(text) > end


@pytest.mark.parametrize(
    ("text", "start", "end", "found"),
    [
        ("one two three", 0, 9, 8),
        ("one two three", 0, 8, 8),
        ("one two three", 4, 7, 7),  # a piece is not empty
        ("a" * 40, 0, 20, 20),
        ("one\r\ntwo", 0, 4, 3),
        ("one\r\ntwo", 0, 5, 5),
        ("a \u0301bc", 0, 4, 4),  # a mark stands on the blank
        ("ab👍🏽", 0, 3, 2),
        ("👍🏽👍🏽", 2, 3, 3),  # less than a letter is better than nothing
    ],
)
def test_a_piece_ends_behind_a_word_and_parts_no_letter(
    text: str, start: int, end: int, found: int
) -> None:
    assert piece_end(text, start, end) == found


def test_the_beginning_of_csv_is_of_whole_rows() -> None:
    text = 'id,note\n1,"a\nb"\n2,c\n'
    assert beginning(text, 17, rows=True) == 'id,note\n1,"a\nb"\n…'
    assert beginning(text, 16, rows=True) == "id,note\n…"
    assert beginning(text, 6, rows=True) == "id,no…"
    assert beginning(text, 14) == 'id,note\n1,"a…'
