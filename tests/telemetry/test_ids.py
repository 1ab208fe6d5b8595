"""Names of calls."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from gateway.telemetry.ids import LENGTH, call_id, foreign_id


def test_an_id_is_short_and_can_stand_anywhere() -> None:
    assert re.fullmatch(r"[0-9a-f]{20}", call_id())
    assert LENGTH == 20


def test_no_two_calls_have_the_same_in_any_process() -> None:
    code = "from gateway.telemetry.ids import call_id\nfor _ in range(1000): print(call_id())"
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout  # noqa: S603 - our own code
        for _ in range(2)
    ]
    ids = [*b"".join(said).split(), *[call_id().encode() for _ in range(1000)]]
    assert len(set(ids)) == len(ids) == 3000


@pytest.mark.parametrize("value", ["7c9e6679-7425-40de-944b", "Root=1-67891233-abcdef", "a/b+c="])
def test_a_proxys_id_is_taken_as_it_is(value: str) -> None:
    assert foreign_id(value) == value


@pytest.mark.parametrize("value", [None, "", "a b", "a\nb", "a" * 65, "é", "\x1b[31m", '"', "a;b"])
def test_of_a_proxys_id_nothing_odd_is_taken(value: str | None) -> None:
    assert foreign_id(value) == ""
