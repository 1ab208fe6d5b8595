"""docs/logs.md has the fields and words of the log, all of them and no others."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.telemetry.counted import CACHED
from gateway.telemetry.lines import CallLine, Record
from gateway.telemetry.logs import KINDS, LEVELS
from gateway.telemetry.writer import MOST

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_field_of_a_calls_line_has_its_row() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", section("The line of a call"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(CallLine.__struct_fields__)


def test_every_field_of_other_lines_is_named() -> None:
    said = section("The line of a call").split("All other lines", 1)[1]
    assert set(re.findall(r"`(\w+)`", said.split("In what others wrote")[0])) == set(
        Record.__struct_fields__
    )


def test_every_form_and_level_is_named() -> None:
    said = section("Where it goes")
    assert re.findall(r"^\| `(\w+)` \|", said, re.MULTILINE) == list(KINDS)
    assert all(f"`{level}`" in said for level in LEVELS)
    assert f"{MOST:,} lines" in said


def test_every_word_for_the_cache_is_named() -> None:
    row = next(one for one in PAGE.splitlines() if one.startswith("| `cache` |"))
    assert re.findall(r"`(\w+)`", row)[1:] == list(CACHED)
