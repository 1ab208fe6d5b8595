"""The gateway's memory under what nobody should send; the full sizes are in `make bounds`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bounds.cases import CASES
from tests.bounds.running import running


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_what_nobody_should_send_is_refused_within_the_memory_that_is_said(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as gateway:
        for case in CASES:
            if case.slow:
                continue
            seen = await gateway.run(case, case.short)
            assert seen.holds(case), f"{case.name}: {seen}"
