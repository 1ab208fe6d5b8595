"""The announcement of cuts."""

from __future__ import annotations

import json
from typing import Any

from gateway.shrinking.announce import Cuts, Mark, Unit, announcement, cuts, written
from gateway.shrinking.exact import encode
from gateway.shrinking.squeeze import Node


def told(whole: Any, sent: Any, tokens: int = 8000) -> dict[str, dict[str, int]]:
    found = cuts(Node(encode(whole)), Node(encode(sent)))
    return json.loads(announcement(found, tokens, {}))


def test_each_unit_is_counted_at_its_path() -> None:
    whole = {
        "rows": [{"id": 1, "text": "abcdef"}, {"id": 2, "text": "ghijkl"}, 3],
        "x": 1,
        "y": [1],
    }
    sent = {"rows": [{"id": 1, "text": "abc…"}, {"id": 2, "text": "g…"}], "y": []}
    assert told(whole, sent) == {
        "$": {"kept": 2, "total": 3},
        "rows": {"kept": 2, "total": 3},
        "rows[].text": {"kept": 4, "total": 12},
        "y": {"kept": 0, "total": 1},
    }


def test_nothing_cut_is_nothing_told() -> None:
    assert told({"a": [1, "x"]}, {"a": [1, "x"]}) == {}


def test_two_units_at_one_path_are_told_apart() -> None:
    whole = [{"a": "abc"}, {"a": [1, 2]}]
    sent = [{"a": "a…"}, {"a": [1]}]
    assert told({"r": whole}, {"r": sent}) == {
        "r[].a (characters)": {"kept": 1, "total": 3},
        "r[].a (rows)": {"kept": 1, "total": 2},
    }


def test_odd_keys_are_quoted_and_endless_ones_are_data() -> None:
    assert written(("a.b", Mark.ROW, "é")) == '"a.b"[].é'
    assert written(()) == "$"
    assert told({"k" * 100: "abc"}, {"k" * 100: "a…"}) == {"*": {"kept": 1, "total": 3}}


def test_many_siblings_are_one_entry_where_it_would_be_long() -> None:
    whole = {"row": {f"field{n}": "abc" for n in range(30)}, "x": [1, 2]}
    sent = {"row": {f"field{n}": "a…" for n in range(30)}, "x": [1]}
    assert told(whole, sent) == {"row.*": {"kept": 30, "total": 90}, "x": {"kept": 1, "total": 2}}


def test_an_announcement_stays_small_whatever_was_cut() -> None:
    found: Cuts = {
        ((f"a{n}", Mark.ROW, f"b{n % 7}", f"c{n}" * 8), unit): (n, n + 1)
        for n in range(500)
        for unit in Unit
    }
    for tokens, longest in ((100, 150), (2000, 500), (1 << 30, 2000)):
        text = announcement(found, tokens, {})
        assert len(text) <= longest
        entries = json.loads(text).values()
        assert sum(entry["kept"] for entry in entries) == sum(kept for kept, _ in found.values())
        assert sum(entry["total"] for entry in entries) == sum(total for _, total in found.values())
