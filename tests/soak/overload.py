"""Twice as many calls as a gateway can answer, for minutes: what it still answers, and how fast.

`python -m tests.soak.overload --seconds 120`. The gateway has a core of its own; the callers and
the upstream have another one. In one run: the most that is answered (callers who wait), the
latency of a gateway with little to do, then the load at twice the most, while somebody asks for
its health.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.soak.plot import Panel, draw
from tests.soak.running import announced, line_of, process

# What must hold.
LEAST_GOODPUT, MOST_SLOWER, MOST_HEALTH = 0.8, 3.0, 100.0
CONFIG = """\
plugin: {name}
contact: a@example.com
upstream: {{url: "{url}", timeout: 10s}}
cache: no
operations:
  getThing:
    call: "GET /{path}/{{id}}"
    description: A thing.
    parameters: {{id: {{in: path, type: integer, required: true, description: Which}}}}
"""
# Of the most: a gateway with little to do, and too much.
_LITTLE = 0.1


@dataclass
class Told:
    """What a run showed; times in milliseconds, rates in calls a second."""

    peak: float = 0.0
    unloaded: dict[str, Any] = field(default_factory=dict)
    loaded: dict[str, Any] = field(default_factory=dict)
    seconds: list[dict[str, Any]] = field(default_factory=list)
    health: list[float | None] = field(default_factory=list)
    log: str = ""

    @property
    def goodput(self) -> float:
        """What was answered of the most."""
        return float(self.loaded["good"]) / self.peak

    @property
    def slower(self) -> float:
        """The 99th percentile of what was answered over that of a gateway with little to do."""
        return float(self.loaded["p99"]) / float(self.unloaded["p99"])

    @property
    def slowest_health(self) -> float:
        """Infinite where one had no answer."""
        return max((float("inf") if one is None else one for one in self.health), default=0.0)

    def wrong(self) -> list[str]:
        """What should not be."""
        seen = self.loaded["seen"]
        others = {name: count for name, count in seen.items() if name not in ("200", "503")}
        found = [f"answers other than 200 and 503: {others}"] if others else []
        if self.goodput < LEAST_GOODPUT:
            found.append(f"goodput {self.goodput:.2f} of the peak, at least {LEAST_GOODPUT}")
        if self.slower > MOST_SLOWER:
            found.append(f"p99 {self.slower:.2f} times the unloaded one, at most {MOST_SLOWER:g}")
        if self.slowest_health > MOST_HEALTH:
            found.append(f"health took {self.slowest_health:.0f} ms, at most {MOST_HEALTH:g}")
        return found


def cores() -> tuple[set[int], set[int]]:
    """That of the gateway, and those of all else; the same where there is one only."""
    mine = sorted(os.sched_getaffinity(0))
    return {mine[0]}, set(mine[1:]) or {mine[0]}


def cpu_time(pid: int) -> float:
    """Seconds of a core that a process has spent, all threads (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Callers:
    """The process of `open_loop`, which has the upstream as well."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self._running = running
        self.upstream = 0
        self.gateway = 0  # its process

    async def start(self, others: set[int]) -> None:
        os.sched_setaffinity(self._running.pid, others)
        self.upstream = json.loads(await line_of(self._running))["upstream"]

    async def run(
        self, tell: Callable[[dict[str, Any]], None] = lambda _: None, **asked: Any
    ) -> dict[str, Any]:
        """One phase."""
        assert self._running.stdin is not None
        pids, began = (self.gateway, self._running.pid), time.perf_counter()
        before = [cpu_time(pid) for pid in pids]
        self._running.stdin.write(json.dumps(asked).encode() + b"\n")
        await self._running.stdin.drain()
        while line := await line_of(self._running):
            told: dict[str, Any] = json.loads(line)
            if "done" in told:
                done: dict[str, Any] = told["done"]
                lasted = time.perf_counter() - began
                spent = [cpu_time(pid) - was for pid, was in zip(pids, before, strict=True)]
                done["busy"], done["callers_busy"] = (one / lasted for one in spent)
                return done
            tell(told)
        raise RuntimeError("the callers ended")


@contextlib.asynccontextmanager
async def gateway(
    directory: Path, configs: Sequence[Path], core: set[int], *options: str
) -> AsyncIterator[tuple[int, int]]:
    """A gateway on a core; gives its port and its process."""
    arguments = ["serve", *map(str, configs), "--port", "0", "--json"]
    arguments += ["--state", str(directory / "state"), *options]
    log = directory / "gateway.log"
    async with process("-m", "gateway", *arguments, log=log) as running:
        os.sched_setaffinity(running.pid, core)
        try:
            url = await announced(running)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {log.read_text()[-2000:]}") from None
        yield int(url.rpartition(":")[2]), running.pid


async def overload(
    directory: Path,
    seconds: float,
    *,
    times: float = 2.0,
    upstream_ms: float = 5.0,
    short: float = 8.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Told:
    """Run it.

    Args:
        directory: For configs and logs.
        seconds: Of the load.
        times: The load, in what can be answered at most.
        upstream_ms: What the upstream takes.
        short: Seconds of each phase before.
        tell: Called with what is done.
    """
    core, others = cores()
    told = Told()
    async with contextlib.AsyncExitStack() as stack:
        made = process(
            *("-m", "tests.soak.open_loop", str(upstream_ms / 1000)), log=directory / "callers.log"
        )
        callers = Callers(await stack.enter_async_context(made))
        await callers.start(others)
        config = directory / "things.yaml"
        url = f"http://127.0.0.1:{callers.upstream}"
        config.write_text(CONFIG.format(name="things", url=url, path="things"))
        made = gateway(directory, [config], core)
        port, callers.gateway = await stack.enter_async_context(made)
        where = {"port": port, "target": "/things/things"}
        tell("warming up")
        await callers.run(seconds=short / 4, connections=32, **where)

        async def most() -> float:
            tell("looking for the most that is answered")
            done = [
                await callers.run(seconds=short / 2, connections=connections, **where)
                for connections in (32, 64)
            ]
            return max(float(one["good"]) for one in done)

        before = told.peak = await most()
        tell("little to do")
        told.unloaded = await callers.run(seconds=short, rate=told.peak * _LITTLE, **where)
        made = process(
            *("-m", "tests.soak.probe", str(port), str(seconds)), log=directory / "probe.log"
        )
        probe = await stack.enter_async_context(made)
        os.sched_setaffinity(probe.pid, others)

        def seen(second: dict[str, Any]) -> None:
            told.seconds.append(second)
            tell(f"{second['second']} s: {second['good']:.0f}/s, p99 {second['p99']:.1f} ms")

        told.loaded = await callers.run(seen, seconds=seconds, rate=told.peak * times, **where)
        told.health = json.loads(await line_of(probe))
        told.peak = (before + await most()) / 2  # the machine is another one after minutes
    told.log = (directory / "gateway.log").read_text()
    return told


def plot(told: Told) -> str:
    """An SVG: what became of the calls, and how long they took."""
    per_second = [
        (one["good"], one["seen"].get("503", 0) / one["lasted"], one["p50"], one["p99"])
        for one in told.seconds
    ]
    good, refused, p50, p99 = (list(column) for column in zip(*per_second, strict=True))
    each = len(told.health) // max(1, len(told.seconds)) or 1
    health = [
        max(MOST_HEALTH if one is None else one for one in told.health[at : at + each])
        for at in range(0, len(told.health), each)
    ]
    peak = [told.peak] * len(good)
    least = [told.peak * LEAST_GOODPUT] * len(good)
    most = [told.unloaded["p99"] * MOST_SLOWER] * len(good)
    panels: list[Panel] = [
        ("Calls a second", {"answered": good, "refused": refused, "peak": peak, "0.8 peak": least}),
        ("Latency of answered calls, ms", {"p50": p50, "p99": p99, "3 x unloaded": most}),
        ("Slowest health check of each second, ms", {"health": health}),
    ]
    return draw(panels, len(good))


def _report(told: Told, wrong: list[str]) -> dict[str, Any]:
    ratios = {"goodput": told.goodput, "slower": told.slower, "slowest_health": told.slowest_health}
    rounded = {name: round(value, 3) for name, value in ratios.items()}
    return {**rounded, "wrong": wrong, **asdict(told)}


def _table(told: Told) -> Table:
    loaded, unloaded = told.loaded, told.unloaded
    shown = Table(box=None, show_header=False)
    for name, text in (
        ("most that is answered", f"{told.peak:.0f}/s"),
        ("of twice as many", f"{loaded['good']:.0f}/s: {told.goodput:.2f} of it"),
        ("answers", ", ".join(f"{count:,} of {one}" for one, count in loaded["seen"].items())),
        ("p50, p99 with little to do", f"{unloaded['p50']:.2f}, {unloaded['p99']:.2f} ms"),
        ("p50, p99 under load", f"{loaded['p50']:.2f}, {loaded['p99']:.2f} ms"),
        ("p99 / p99", f"{told.slower:.2f}"),
        (
            "busy, gateway and callers",
            f"{loaded['busy']:.2f}, {loaded['callers_busy']:.2f} of a core each",
        ),
        ("health, slowest", f"{told.slowest_health:.0f} ms of {len(told.health)}"),
    ):
        shown.add_row(name, text)
    return shown


@click.command()
@click.option("--seconds", default=120, show_default=True, type=click.IntRange(3), help="Of load.")
@click.option("--times", default=2.0, show_default=True, help="The load, in peaks.")
@click.option("--upstream-ms", default=5.0, show_default=True, help="What the upstream takes.")
@click.option("--short", default=8.0, show_default=True, help="Seconds of the phases before.")
@click.option(
    "--plot",
    "drawn",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw rates and latencies into this SVG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(
    seconds: int, times: float, upstream_ms: float, short: float, drawn: Path | None, as_json: bool
) -> None:
    """Call a gateway more than it can answer, and judge what it does.

    Exits with 1 where it answers too little, or too late.
    """
    err = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name, err.status("starting") as status:
        run = overload(
            Path(name),
            seconds,
            times=times,
            upstream_ms=upstream_ms,
            short=short,
            tell=status.update,
        )
        told = asyncio.run(run)
    wrong = told.wrong()
    if drawn is not None:
        drawn.write_text(plot(told))
    if as_json:
        click.echo(json.dumps(_report(told, wrong)))
    else:
        Console(highlight=False).print(_table(told))
        for one in wrong:
            err.print(f"WRONG {one}", style="red", markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.soak.overload")
