"""`python -m tests.hostile` (or `make hostile`): hostile specs in their jails, and a table."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.hostile.cases import CASES
from tests.hostile.checking import Verdict, check, warm
from tests.hostile.server import files

# Seconds that one may take: ten times what the slowest one takes.
SMALL, FULL = 30.0, 300.0


@click.command()
@click.option("--small", is_flag=True, help="At the sizes that every run of the tests takes.")
@click.option("--case", "only", multiple=True, help="Only cases with this in their name.")
@click.option("--seconds", default=0.0, help="The longest that one may take.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(small: bool, only: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Check hostile specs: each is refused with a message or read, in bounded time and memory."""
    warm()
    err = Console(stderr=True)
    verdicts: list[Verdict] = []
    chosen = [one for one in CASES if not only or any(part in one.name for part in only)]
    with tempfile.TemporaryDirectory(prefix="hostile-") as name, files(Path(name)) as url:
        for number, one in enumerate(chosen, 1):
            size = one.small if small else one.full
            longest = seconds or (SMALL if small else FULL)
            verdicts.append(check(one, size, Path(name) / one.name, longest, url))
            err.print(f"{number} of {len(chosen)}: {_line(verdicts[-1])}", markup=False)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in verdicts], indent=1))
    else:
        _print(verdicts)
    click.get_current_context().exit(1 if any(one.wrong for one in verdicts) else 0)


def _line(one: Verdict) -> str:
    return f"{one.name}: {one.seconds:.1f} s, {one.rss / 1e6:,.0f} MB, {one.verdict[:100]}"


def _print(verdicts: list[Verdict]) -> None:
    out = Console(highlight=False, width=170, soft_wrap=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("case")
    for column in ("size", "s", "MB"):
        table.add_column(column, justify="right")
    table.add_column("verdict", overflow="ellipsis", no_wrap=True, max_width=100)
    for one in verdicts:
        table.add_row(
            one.name,
            f"{one.size:,}",
            f"{one.seconds:.1f}",
            f"{one.rss / 1e6:,.0f}",
            one.verdict[:200].replace("[", "("),
            style="red" if one.wrong else "",
        )
    out.print(table)
    for one in verdicts:
        if one.wrong:
            out.print(f"{one.name}: {one.wrong}", markup=False, style="red")


if __name__ == "__main__":
    main()
