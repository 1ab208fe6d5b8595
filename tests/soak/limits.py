"""One limit over two gateways on one Redis, in processes of their own: what is let in, and when.

    python -m tests.soak.limits --seconds 300

Who calls evenly, more often than he may, gets from 0.9 times the limit to all of it in any window:
a slot more of waiting is the price of the promise, in which he would have called a few times.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp
import click
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from gateway.config.scalars import Rate
from gateway.limits.window import Window
from tests.redis_server import RedisServer, binary
from tests.soak.running import announced, process

CONFIG = """\
plugin: shop
contact: a@example.com
limit: {limit}
cache: no
upstream: {{url: "{url}"}}
operations:
  getThing: {{call: GET /thing, description: A thing.}}
"""


class Asked(NamedTuple):
    """A call: when it was sent and answered, and with what."""

    sent: float
    answered: float
    status: int


@dataclass
class Run:
    """What was asked so far of a limit."""

    rate: Rate
    asked: list[Asked] = field(default_factory=list)

    @property
    def admitted(self) -> list[Asked]:
        """In the order they were sent."""
        return sorted(one for one in self.asked if one.status == 200)

    @property
    def statuses(self) -> Counter[int]:
        """How often each was the answer."""
        return Counter(one.status for one in self.asked)

    def most(self) -> int:
        """The most that were surely let in within one window."""
        admitted, seconds = self.admitted, self.rate.seconds
        return max(
            (
                sum(one.answered < first.sent + seconds for one in admitted[at : at + most])
                for at, first in enumerate(admitted)
                for most in [bisect_left(admitted, (first.sent + seconds,)) - at]
            ),
            default=0,
        )

    def fewest(self) -> int:
        """The fewest that were let in within a window that lies in the run."""
        starts = [one.sent for one in self.admitted]
        first, last = min(self.asked).sent, max(self.asked).sent
        edges = [first, *(one + 1e-6 for one in starts)]
        seconds = self.rate.seconds
        return min(
            (
                bisect_left(starts, one + seconds) - bisect_left(starts, one)
                for one in edges
                if one + seconds <= last
            ),
            default=0,
        )

    def alone(self) -> int:
        """How many one gateway would have let in of the same calls."""
        window = Window()
        return sum(not window.take(self.rate, one.sent).wait for one in sorted(self.asked))


async def run(directory: Path, store: str, limit: str, seconds: float, pause: float) -> Run:
    """Call two gateways, each in a process of its own, in turn.

    Args:
        directory: For configs and logs.
        store: Its URL.
        limit: Such as `60/min`.
        seconds: How long.
        pause: Between two calls, in seconds.
    """
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(RawTestServer(_answer))
        url = f"http://127.0.0.1:{upstream.port}"
        (directory / "shop.yaml").write_text(CONFIG.format(limit=limit, url=url))
        gateways = [
            await stack.enter_async_context(
                process(
                    *("-m", "gateway", "serve", str(directory / "shop.yaml"), "--port", "0"),
                    *("--json", "--store", store, "--state", str(directory / f"state{n}")),
                    log=directory / f"gateway{n}.log",
                )
            )
            for n in range(2)
        ]
        addresses = [await announced(one) for one in gateways]
        return await evenly(addresses, limit, seconds, pause)


async def evenly(addresses: Sequence[str], limit: str, seconds: float, pause: float) -> Run:
    """Call gateways in turn, whatever they answer."""
    so_far = Run(Rate.read(limit))
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as calls:

        async def call(address: str) -> None:
            sent = time.monotonic()
            async with session.get(f"{address}/thing") as response:
                so_far.asked.append(Asked(sent, time.monotonic(), response.status))

        began = time.monotonic()
        for n in range(int(seconds / pause)):
            await asyncio.sleep(began + n * pause - time.monotonic())
            calls.create_task(call(addresses[n % len(addresses)]))
    return so_far


async def _answer(_: web.BaseRequest) -> web.Response:
    return web.json_response({"a": 1})


@click.command()
@click.option(
    "--seconds", default=300, show_default=True, type=click.IntRange(62), help="How long."
)
@click.option("--limit", default="60/min", show_default=True, help="The limit.")
@click.option("--pause", default=0.33, show_default=True, help="Seconds between two calls.")
def main(seconds: int, limit: str, pause: float) -> None:
    """Call two gateways on one Redis; exits with 1 where their limit is not as that of one."""
    if binary() is None:
        raise click.ClickException("there is neither redis-server nor valkey-server on the PATH")
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        server = RedisServer(directory)
        server.start()
        try:
            done = asyncio.run(run(directory, server.url, limit, seconds, pause))
        finally:
            server.kill()
    print(f"{len(done.asked)} calls in {seconds} s: {_shown(done.statuses)}")  # noqa: T201
    print(f"one gateway would have let in {done.alone()}")  # noqa: T201
    print(f"in any {done.rate.seconds:g} s: {done.fewest()} to {done.most()}")  # noqa: T201
    sys.exit(int(bool(faults(done))))


def faults(done: Run) -> Sequence[str]:
    """What is not as it is promised."""
    count = done.rate.count
    wrong = [f"{status} was answered" for status in done.statuses.keys() - {200, 429}]
    if done.most() > count:
        wrong.append(f"{done.most()} were let in within {done.rate.seconds:g} s")
    if done.fewest() < 0.9 * count:
        wrong.append(f"only {done.fewest()} were let in within {done.rate.seconds:g} s")
    return wrong


def _shown(statuses: Counter[int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))


if __name__ == "__main__":
    main()
