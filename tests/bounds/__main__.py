"""`make bounds`: every case at its full size, each against a gateway of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.bounds.cases import CASES
from tests.bounds.running import LONG, MIB, MOST_LAG, running


async def main(wanted: list[str]) -> int:
    wrong = 0
    if wanted[:1] == ["heartbeat"]:
        return await heartbeat(wanted[1:])
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
    return wrong + (0 if wanted else await heartbeat([]))


async def heartbeat(wanted: list[str]) -> int:
    """How long the event loop is held while a long answer is made."""
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        async with running(Path(directory), beating=True) as gateway:
            await gateway.lag(LONG, LONG.size)
            for case in CASES:
                if not case.shrunk or (wanted and not any(word in case.name for word in wanted)):
                    continue
                tries = [await gateway.lag(case, case.size) for _ in range(3)]
                status, lag = min(tries, key=lambda one: one[1])  # others use the machine as well
                wrong += lag > MOST_LAG
                print(  # noqa: T201
                    f"{'WRONG ' if lag > MOST_LAG else ''}heartbeat, {case.name} ({case.target}): "
                    f"{status}, at most {lag * 1000:.0f} ms late",
                    flush=True,
                )
    return wrong


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(sys.argv[1:])) else 0)
