"""What is pinned of the public suite for caches, and what is said of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.conformance.cache.__main__ import PINNED, Verdict, differences, scores

DOCUMENT = Path(__file__).parents[3] / "docs" / "caching.md"


def test_every_miss_that_is_explained_is_pinned_as_one() -> None:
    pinned = json.loads(PINNED.read_text())
    text = DOCUMENT.read_text()
    table = text.partition("What is missing:")[2]
    missing = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
               for name in re.findall(r"`([^`]+)`", row)}  # fmt: skip
    assert missing
    assert all(pinned[name] is False for name in missing)


def test_the_score_in_the_document_is_the_pinned_one() -> None:
    pinned = json.loads(PINNED.read_text())
    row = re.search(r"\*\*this gateway\*\*.*", DOCUMENT.read_text())
    assert row is not None
    found = [int(number) for number in re.findall(r"(\d+) of", row[0])]
    assert sum(found) == sum(pinned.values())
    assert len(pinned) == 365


def test_any_change_of_a_verdict_is_told() -> None:
    found = [Verdict("g", "a", "required", True, ""), Verdict("g", "b", "check", False, "why")]
    assert differences(found, {"a": True, "b": False}) == []
    assert differences(found, {"a": False, "b": False}) == ["a: passes, pinned fails. "]
    assert differences(found, {"a": True, "b": True}) == ["b: fails, pinned passes. why"]
    assert differences(found[:1], {"a": True, "b": False}) == ["b: is not there, pinned fails. "]
    assert scores(found)[""]["required"] == (1, 1)
