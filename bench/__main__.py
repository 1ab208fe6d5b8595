"""`python -m bench` (or `make bench`): run the race, print a table, keep the figures.

`python -m bench specs` (or `make bench-specs`) measures the reading of specs instead (`specs`),
`python -m bench request` the checking of arguments (`request`), `python -m bench policy` the
decision that a stored reply answers a call (`policy`), `python -m bench savings` what shrinking
leaves of answers (`savings`), `python -m bench shrinking` what it costs (`shrinking`),
`python -m bench mcp` (or `make bench-mcp`) calls of tools beside FastMCP (`mcp`),
`python -m bench workers` what a second worker adds (`workers`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import mcp, policy, request, savings, shrinking, specs, workers
from bench.load import BadAnswer
from bench.plot import PLOT, plot
from bench.race import Result, Unfair, race
from bench.rivals import RIVALS, Rival
from bench.servers import NotStarted

RESULTS = Path(__file__).parent / "results"
NAMES = [rival.name for rival in RIVALS]


@click.command()
@click.option("--seconds", default=1.0, show_default=True, help="How long each is driven a round.")
@click.option("--rounds", default=12, show_default=True, help="How often each is driven.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(NAMES),
    help="Only this one and what it is measured against. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--plot", "as_plot", is_flag=True, help=f"Draw the ratios into {PLOT.name}, too.")
def main(seconds: float, rounds: int, only: tuple[str, ...], as_json: bool, as_plot: bool) -> None:
    """Measure the gateway beside its peers: calls per second and CPU time per call."""
    err = Console(stderr=True)
    try:
        with err.status("looking for the peers") as status:
            rivals = [rival for rival in _chosen(only) if _is_here(rival, err)]
            results = race(rivals, rounds=rounds, seconds=seconds, progress=status.update)
    except (NotStarted, BadAnswer, Unfair) as error:
        raise click.ClickException(str(error)) from None
    now = datetime.now(UTC)
    report = {
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "results": [dataclasses.asdict(result) for result in results],
    }
    text = json.dumps(report, indent=2)
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{now:%Y-%m-%dT%H-%M-%S}.json"
    kept.write_text(text + "\n")
    if as_plot:
        PLOT.write_text(plot(results))
    if as_json:
        click.echo(text)
        return
    out = Console(highlight=False)
    out.print(table(results))
    out.print(f"{machine()}; {rounds} rounds of {seconds:g} s; kept in {os.path.relpath(kept)}")


def _chosen(only: Sequence[str]) -> list[Rival]:
    wanted = set(only or NAMES)
    wanted |= {rival.against for rival in RIVALS if rival.name in wanted}
    return [rival for rival in RIVALS if rival.name in wanted]


def _is_here(rival: Rival, err: Console) -> bool:
    if rival.missing:
        err.print(f"{rival.name} is left out: {rival.missing}", style="yellow", markup=False)
    return not rival.missing


def machine() -> str:
    """What it ran on, in a line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop"))
    return (
        f"{next(models, platform.machine())}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {libraries}"
    )


def table(results: Sequence[Result]) -> Table:
    """The results for people."""
    shown = Table(
        title="CPU time per call, ratios to the bare one above it, shares of the cores used",
        box=None,
        padding=(0, 2, 0, 0),
    )
    shown.add_column("rival", no_wrap=True)
    for name in ("req/s", "µs/call", "by CPU", "by req/s", "goal", "server", "client"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in results:
        good = one.ratio_cpu is None or one.ratio_cpu >= one.goal
        shown.add_row(
            one.name,
            f"{one.rate:,.0f}",
            f"{one.cpu_us:,.0f}" if one.cpu_us >= 100 else f"{one.cpu_us:.1f}",
            _ratio(one.ratio_cpu, good=good),
            _ratio(one.ratio_rate, good=good),
            f"≥ {one.goal:g}" if one.goal else "",
            f"{one.server:.0%}",
            f"{one.client:.0%}",
        )
    return shown


def _ratio(value: float | None, *, good: bool) -> str:
    if value is None:
        return ""
    colour = "green" if good else "red"
    return f"[{colour}]{value:.2f}[/{colour}]"


if __name__ == "__main__":
    if sys.argv[1:2] == ["specs"]:
        specs.main(sys.argv[2:], prog_name="python -m bench specs")
    if sys.argv[1:2] == ["request"]:
        request.main(sys.argv[2:], prog_name="python -m bench request")
    if sys.argv[1:2] == ["policy"]:
        policy.main(sys.argv[2:], prog_name="python -m bench policy")
    if sys.argv[1:2] == ["savings"]:
        savings.main(sys.argv[2:], prog_name="python -m bench savings")
    if sys.argv[1:2] == ["mcp"]:
        mcp.main(sys.argv[2:], prog_name="python -m bench mcp")
    if sys.argv[1:2] == ["workers"]:
        workers.main(sys.argv[2:], prog_name="python -m bench workers")
    if sys.argv[1:2] == ["shrinking"]:
        shrinking.main(sys.argv[2:], prog_name="python -m bench shrinking")
    main()
