"""The page on security names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.attacks.tables import TABLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_is_named_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert (ROOT / path).exists()
    assert not name or f"def {name}(" in (ROOT / path).read_text()


def test_every_table_holds_a_promise() -> None:
    section = PAGE.partition("## What holds them")[2].partition("`make attacks`")[0]
    assert all(f"`{table}`" in section for table in TABLES)
