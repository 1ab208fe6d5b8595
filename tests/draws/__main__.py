"""`python -m tests.draws` (or `make draws`): draw from every spec, print what is wrong."""

from __future__ import annotations

import json
import re
import statistics
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context

import click
from rich.console import Console
from rich.table import Table

from tests.draws import known, specs
from tests.draws.run import Result, run

_PIECE = 25  # draws for one process at a time


@click.command()
@click.option("--draws", default=200, show_default=True, help="Of each spec.")
@click.option("--spec", "only", multiple=True, help="Only specs with this in their name.")
@click.option("--quick", is_flag=True, help="Do not make all draws again in another process.")
@click.option("--processes", default=2, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(draws: int, only: tuple[str, ...], quick: bool, processes: int, as_json: bool) -> None:
    """Draw operations from real specs and look for faults in what is served of them."""
    err = Console(stderr=True)
    if missing := specs.get_github():
        err.print(f"without GitHub's spec: {missing}")
    names = [one for one in specs.names() if not only or any(part in one for part in only)]
    if not names:
        raise click.ClickException(f"no such spec below {specs.DATA}")
    results, unlike = _all(names, draws, err, again=not quick, processes=processes)
    unknown, unused = known.sorted_out(results)
    if only or draws < known.DRAWS:
        unused = []
    if as_json:
        report = {
            "specs": [asdict(one) for one in results],
            "nondeterministic": unlike,
            "unknown": [(name, asdict(one)) for name, _, one in unknown],
            "unused": unused,
        }
        click.echo(json.dumps(report, indent=1))
    else:
        _print(results, unknown, unlike, unused)
    click.get_current_context().exit(1 if unknown or unlike or unused else 0)


def _all(
    names: list[str], draws: int, err: Console, *, again: bool, processes: int
) -> tuple[list[Result], list[str]]:
    """Every draw, and once more in the opposite order in another process, whose hashes differ."""
    results = {name: Result(name) for name in names}
    others: dict[tuple[str, int], str] = {}
    pieces = [list(range(start, min(start + _PIECE, draws))) for start in range(0, draws, _PIECE)]
    with (
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
        err.status("starting") as status,
    ):
        jobs = {pool.submit(run, name, one): True for name in names for one in pieces}
        if again:
            jobs |= {
                pool.submit(run, name, one[::-1], checked=False, digest_only=True): False
                for name in names
                for one in pieces
            }
        for done, job in enumerate(as_completed(jobs), 1):
            got = job.result()
            status.update(f"{done} of {len(jobs)} pieces, {got.name}")
            if not err.is_terminal and done * 10 // len(jobs) != (done - 1) * 10 // len(jobs):
                err.print(f"{done * 100 // len(jobs)} %")
            if jobs[job]:
                whole = results[got.name]
                whole.refused, whole.operations = got.refused, got.operations
                whole.draws += got.draws
            else:
                others |= {(got.name, one.number): one.digest for one in got.draws}
    unlike = [
        f"{name}:{one.number}"
        for name, whole in results.items()
        for one in whole.draws
        if others.get((name, one.number), one.digest) != one.digest
    ]
    for whole in results.values():
        whole.draws.sort(key=lambda one: one.number)
    return list(results.values()), unlike


def _print(
    results: list[Result],
    unknown: list[known.Found],
    unlike: list[str],
    unused: list[str],
) -> None:
    out = Console(highlight=False, width=150)
    table = Table(box=None, pad_edge=False)
    for column in ("spec", "faults"):
        table.add_column(column)
    for column in (
        "ops",
        "draws",
        "good",
        "refused",
        "lost",
        "tokens",
        "p90",
        "max",
        "json max",
        "ms",
    ):
        table.add_column(column, justify="right")
    for one in results:
        table.add_row(one.name, *_row(one))
    out.print(table)
    groups: dict[tuple[str, str, str], list[known.Found]] = defaultdict(list)
    for found in unknown:
        groups[found[2].kind, found[2].version, _general(found[2].what)].append(found)
    for (kind, version, _), members in sorted(groups.items(), key=lambda each: -len(each[1])):
        name, draw, fault = members[0]
        several = len({each[0] for each in members})
        out.print(
            f"\n[bold]{kind}[/] {version}: {len(members)} times in {several} specs", markup=True
        )
        out.print(f"  {fault.what}", markup=False)
        out.print(f"  {name}:{draw.number} {list(draw.entries)}", markup=False)
    for one in results:
        if one.refused:
            out.print(f"refused: {one.refused}", markup=False)
        for why in sorted({each.refused for each in one.draws if each.refused})[:3]:
            out.print(f"refused: {one.name}: {why}", markup=False)
    for one in unlike:
        out.print(f"not the same again: {one}")
    for one in unused:
        out.print(f"known.py: this does not occur any more: {one}")


def _row(one: Result) -> list[str]:
    if one.refused:
        return ["refused", *[""] * 10]
    kinds = sorted({f"{fault.kind}" for each in one.draws for fault in each.faults})
    served = [each for each in one.draws if not each.refused]
    tokens = sorted(each.tokens[0] for each in served) or [0]
    return [
        ", ".join(kinds),
        str(one.operations),
        str(len(one.draws)),
        str(sum(1 for each in served if not each.faults)),
        str(len(one.draws) - len(served)),
        str(sum(1 for each in served if each.lost)),
        f"{statistics.median(tokens):,.0f}",
        f"{tokens[int(len(tokens) * 0.9)]:,}",
        f"{tokens[-1]:,}",
        f"{max([each.tokens[1] for each in served] or [0]):,}",
        f"{statistics.median([each.ms for each in served] or [0]):.0f}",
    ]


def _general(text: str) -> str:
    """A fault without its names, so that faults of one cause stand together."""
    text = (
        re.sub(r"(?<=/)[^/:]*(?=[/:])", "*", text.partition(":")[0] + "/:") + text.partition(":")[2]
    )
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "_", text)[:160]


if __name__ == "__main__":
    main()
