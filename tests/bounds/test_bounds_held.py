"""The gateway's memory under what nobody should send; the full sizes are in `make bounds`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bounds.cases import CASES
from tests.bounds.running import MIB, running


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_what_nobody_should_send_is_refused_within_the_memory_that_is_said(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as gateway:
        for case in CASES:
            if case.slow:
                continue
            seen = await gateway.run(case, case.short)
            assert seen.holds(case, short=True), f"{case.name}: {seen}"


@pytest.mark.skipif(sys.platform != "linux", reason="as the test above")
async def test_the_event_loop_is_not_held_while_a_long_answer_is_made(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.shrunk and case.target == "/clean")
    async with running(tmp_path, beating=True) as gateway:
        status, lag = await gateway.lag(case, 6 * MIB)
    assert status == 200
    assert lag < 0.4, "as long as the work itself: 20 ms is what `make bounds` holds it to"
