"""`make soak`: minutes of mixed load before an upstream that fails, and what the gateway holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.redis_server import RedisServer, binary
from tests.soak.load import HOW
from tests.soak.plot import plot
from tests.soak.running import MOST_GROWTH, Run, soak

MIB = 1024 * 1024
SHOWN = 20  # of what was wrong


@click.command()
@click.option("--seconds", default=300, show_default=True, type=click.IntRange(3), help="How long.")
@click.option(
    "--store",
    default="memory",
    show_default=True,
    metavar="memory|redis|URL",
    help="`redis` starts one for the run.",
)
@click.option("--seed", default=1, show_default=True, help="Of the dice.")
@click.option(
    "--plot",
    "drawn",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw memory and rates into this SVG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(seconds: int, store: str, seed: int, drawn: Path | None, as_json: bool) -> None:
    """Let callers loose on a gateway before an upstream that fails, and judge every answer.

    Exits with 1 where an answer was wrong, or memory grew.
    """
    err = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = "" if store == "memory" else store
        if store == "redis":
            url = _redis(directory, stack)
        status = stack.enter_context(err.status("starting"))
        run = asyncio.run(
            soak(
                directory,
                seconds,
                seed=seed,
                store=url,
                tell=lambda run: status.update(_progress(run, seconds)),
            )
        )
    if drawn is not None:
        drawn.write_text(plot(run))
    if as_json:
        click.echo(json.dumps(_report(run, store)))
    else:
        out = Console(highlight=False)
        out.print(_table(run, store))
        for one in run.wrong[:SHOWN]:
            out.print(f"WRONG {one}", style="red", markup=False)
        if run.growth > MOST_GROWTH:
            out.print(f"GROWN {run.growth:.3f}, at most {MOST_GROWTH:g}", style="red")
    sys.exit(1 if run.wrong or run.growth > MOST_GROWTH else 0)


def _redis(directory: Path, stack: contextlib.ExitStack) -> str:
    """Start one that is as full as our own store may be."""
    if binary() is None:
        raise click.ClickException("there is neither redis-server nor valkey-server on the PATH")
    home = directory / "redis"
    home.mkdir()
    server = RedisServer(home, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    stack.callback(server.kill)
    server.start()
    return server.url


def _progress(run: Run, seconds: int) -> str:
    last = run.seconds[-1]
    return (
        f"{len(run.seconds)} of {seconds} s: {last.seen['reads']} reads/s, "
        f"{last.resident / MIB:.0f} MiB, {len(run.wrong)} wrong"
    )


def _report(run: Run, store: str) -> dict[str, object]:
    return {
        "store": store,
        "seen": run.seen,
        "upstream": run.upstream,
        "growth": round(run.growth, 4),
        "wrong": run.wrong,
        "seconds": [{"resident": one.resident, **one.seen} for one in run.seconds],
    }


def _table(run: Run, store: str) -> Table:
    """The run for people."""
    seen, reads = run.seen, run.seen["reads"] + run.seen["mcp"]
    held = [one.resident / MIB for one in run.seconds]
    third = len(held) // 3
    thirds = (held[:third], held[third:-third], held[-third:])
    shown = Table(title=f"{len(held)} s, store: {store}", box=None, show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column()
    for name, text in (
        ("reads", f"{reads:,} ({seen['mcp']:,} over MCP), writes {seen['writes']:,}"),
        ("of which", ", ".join(f"{seen[name]:,} {name}" for name in HOW)),
        ("getMore", f"{seen['more']:,}"),
        ("versions unseen", f"{seen['aside']:,} made behind the gateway's back"),
        (
            "upstream",
            ", ".join(f"{count:,} {name}" for name, count in sorted(run.upstream.items())),
        ),
        (
            "answers",
            ", ".join(f"{seen[name]:,} of {name}" for name in sorted(seen) if name[0] in "25"),
        ),
        ("cut, and said so", f"{seen['cut']:,}"),
        (
            "held, MiB",
            ", ".join(f"{max(part):.0f}" for part in thirds) + " at the most in each third",
        ),
        ("last third / second", f"{run.growth:.3f}, at most {MOST_GROWTH:g}"),
        ("wrong", f"{len(run.wrong):,}"),
    ):
        shown.add_row(name, text)
    return shown


if __name__ == "__main__":
    main(prog_name="python -m tests.soak")
