"""Two plugins, and the upstream of one hangs: how much slower the other one is for it.

`python -m tests.soak.neighbours`. In each run: the latency of the one while the other is quiet,
then the same while the other is called as often and none of its calls is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console

from tests.soak.overload import CONFIG, Callers, cores, gateway
from tests.soak.running import process

MOST_SLOWER = 1.5
RUNS = 5


async def neighbours(
    directory: Path, seconds: float, rate: float, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """One run: what was seen of the one plugin `before` and `beside`, and of the other that hangs.

    Args:
        directory: For configs and logs.
        seconds: Of each half.
        rate: Calls a second, to each.
        tell: Called with what is done.
    """
    core, others = cores()
    async with contextlib.AsyncExitStack() as stack:
        made = process("-m", "tests.soak.open_loop", "0.005", log=directory / "callers.log")
        callers = Callers(await stack.enter_async_context(made))
        await callers.start(others)
        configs = []
        for name, path in (("well", "things"), ("hanging", "hangs")):
            url = f"http://127.0.0.1:{callers.upstream}"
            config = directory / f"{name}.yaml"
            config.write_text(CONFIG.format(name=name, url=url, path=path))
            configs.append(config)
        made_gateway = gateway(directory, configs, core)
        port, callers.gateway = await stack.enter_async_context(made_gateway)
        asked = {"port": port, "rate": rate, "target": "/well/things"}
        tell("before")
        await callers.run(**asked, seconds=seconds / 4)
        before = await callers.run(**asked, seconds=seconds)
        tell("beside one that hangs")
        asked["beside"] = "/hanging/hangs"
        await callers.run(**asked, seconds=seconds / 4)  # until it holds all that it may
        beside = await callers.run(**asked, seconds=seconds)
        return {"before": before, "beside": beside, "hanging": beside.pop("beside")}


def wrong(runs: list[dict[str, Any]]) -> list[str]:
    """What should not be."""
    found = []
    others = [
        name
        for run in runs
        for name in (*run["before"]["seen"], *run["beside"]["seen"])
        if name != "200"
    ]
    if others:
        found.append(f"calls of the one that is well were answered {sorted(set(others))}")
    if any(run["hanging"]["seen"].get("200") for run in runs):
        found.append("the one that hangs answered")
    if slower(runs) > MOST_SLOWER:
        found.append(f"p95 is {slower(runs):.2f} times as long, at most {MOST_SLOWER:g}")
    return found


def slower(runs: list[dict[str, Any]]) -> float:
    """The median of how much longer the 95th percentile is beside one that hangs."""
    return median(run["beside"]["p95"] / run["before"]["p95"] for run in runs)


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="Of each half of a run.")
@click.option("--rate", default=300.0, show_default=True, help="Calls a second, to each.")
@click.option("--runs", default=RUNS, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(seconds: float, rate: float, runs: int, as_json: bool) -> None:
    """Call two plugins, of which one gets no answers from its upstream.

    Exits with 1 where the other one suffers.
    """
    err, out = Console(stderr=True), Console(highlight=False)
    seen = []
    with err.status("starting") as status:
        for number in range(runs):
            with tempfile.TemporaryDirectory() as name:
                shown = f"run {number + 1} of {runs}: "
                run = neighbours(
                    Path(name), seconds, rate, lambda text, shown=shown: status.update(shown + text)
                )
                seen.append(asyncio.run(run))
    mistakes = wrong(seen)
    if as_json:
        ratio = round(slower(seen), 3)
        click.echo(json.dumps({"slower": ratio, "wrong": mistakes, "runs": seen}))
    else:
        for run in seen:
            before, beside, hanging = run["before"], run["beside"], run["hanging"]
            answers = ", ".join(f"{count:,} of {one}" for one, count in hanging["seen"].items())
            out.print(
                f"p95 {before['p95']:.2f} → {beside['p95']:.2f} ms "
                f"({beside['p95'] / before['p95']:.2f}); the one that hangs: {answers or 'nothing'}"
            )
        out.print(f"median {slower(seen):.2f}, at most {MOST_SLOWER:g}")
        for one in mistakes:
            err.print(f"WRONG {one}", style="red", markup=False)
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.soak.neighbours")
