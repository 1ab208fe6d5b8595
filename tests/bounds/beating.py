"""A gateway with a heartbeat: for each line that comes it says how late that was since the last.

`python -m tests.bounds.beating FILE`, for `running`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from gateway.app import Gateway, Options
from gateway.config import read_configs

_PAUSE = 0.001


async def main(config: Path) -> None:
    worst = 0.0

    async def beat() -> None:
        nonlocal worst
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(_PAUSE)
            worst = max(worst, loop.time() - began - _PAUSE)

    async with Gateway(read_configs([config], dict(os.environ)), Options(port=0)) as gateway:
        print(json.dumps({"url": gateway.url}), flush=True)  # noqa: T201
        beating = asyncio.create_task(beat())
        while await asyncio.to_thread(sys.stdin.readline):
            print(worst, flush=True)  # noqa: T201
            worst = 0.0
        beating.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
