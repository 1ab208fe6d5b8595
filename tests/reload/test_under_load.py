"""Reloads under load, half of them broken: not one call fails. The long form is
`python -m tests.soak.reloads`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.soak.reloads import soak


@pytest.mark.skipif(sys.platform != "linux", reason="it is looked into /proc")
async def test_no_call_fails_while_plugins_are_replaced(tmp_path: Path) -> None:
    run = await soak(tmp_path, 30)
    assert run.failed == []
    assert len(run.resident) == 30
    assert min(run.seen[name] for name in ("turning", "moving", "steady", "mcp", "fitted")) > 10
