"""`make bounds`: every case at its full size, each against a gateway of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.bounds.cases import CASES
from tests.bounds.running import MIB, running


async def main(wanted: list[str]) -> int:
    wrong = 0
    for case in CASES:
        if wanted and not any(word in case.name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as directory:
            async with running(Path(directory)) as gateway:
                began = time.monotonic()
                seen = await gateway.run(case, case.size)
                took = time.monotonic() - began
        holds = seen.holds(case)
        wrong += not holds
        print(  # noqa: T201
            f"{'' if holds else 'WRONG '}{case.name} ({case.target}): {seen.status or 'cut'}, "
            f"{seen.grown / MIB:.0f} MiB, {took:.1f} s, then {seen.then}",
            flush=True,
        )
    return wrong


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(sys.argv[1:])) else 0)
