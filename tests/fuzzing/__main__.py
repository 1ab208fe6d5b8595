"""`python -m tests.fuzzing` (or `make fuzz`): Schemathesis over every served document; a table."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from tests.clients.environments import NotInstalledError, environment
from tests.clients.serving import VERSIONS, Served, serving
from tests.fuzzing.known import ANY, EXAMPLES, sorted_out
from tests.fuzzing.running import HERE, Finding, Run, fuzz

_SHOWN = 5  # of the failures of one check in one operation


@click.command()
@click.argument("names", nargs=-1, metavar="[PLUGIN]...")
@click.option("--examples", default=EXAMPLES, show_default=True, help="Cases of each operation.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per document.")
def main(names: tuple[str, ...], examples: int, as_json: bool) -> None:
    """Ask all operations of every plugin at random, by its own document in 3.0 and in 3.1.

    Exit code 1 where a check fails that no line of known.py leaves out, or where one of its
    lines is no longer needed.
    """
    try:
        good = asyncio.run(_fuzz(names, examples, as_json=as_json))
    except NotInstalledError as error:
        raise click.ClickException(str(error)) from None
    click.get_current_context().exit(0 if good else 1)


async def _fuzz(names: Sequence[str], examples: int, *, as_json: bool) -> bool:
    err = Console(stderr=True, highlight=False)
    tool = await asyncio.to_thread(environment, "schemathesis", below=HERE)
    async with serving() as served:
        plugins = [one for one in served.plugins if not names or one.name in names]
        if unknown := sorted(set(names) - {one.name for one in plugins}):
            there = ", ".join(one.name for one in served.plugins)
            raise click.UsageError(f"no plugin {unknown[0]!r}; there are {there}")
        runs: list[Run] = []
        for number, plugin in enumerate(plugins, 1):
            for version in VERSIONS:
                err.print(f"{number} of {len(plugins)}: {plugin.name} {version}", end=" ")
                run = await fuzz(tool, plugin, version, examples)
                err.print(_told(run))
                if as_json:
                    click.echo(json.dumps(asdict(run)))
                runs.append(run)
    found = sorted_out(runs)
    asked = [one.name for one in plugins] + ([] if names else [ANY])
    unused = found.unused(asked) if examples >= EXAMPLES else []
    if not as_json:
        _print(plugins, runs)
        for what, why in served.left_out:
            click.echo(f"not served: {what}: {why}")
    for line in unused:
        said = f"{line.check} {line.operation}: {line.what}{line.code}{line.fault}"
        told = f"FAILED known.py, {line.plugin or 'any'}: nothing fits {said}"
        err.print(told, markup=False, soft_wrap=True)
    return not (found.failures or unused or any(run.errors for run in runs))


def _told(run: Run) -> str:
    failures = len(sorted_out([run]).failures) + len(run.errors)
    wrong = f", {failures} FAILED" if failures else ""
    return f"{run.cases:,} cases{wrong}, {run.seconds:.0f} s"


def _print(plugins: Sequence[Served], runs: Sequence[Run]) -> None:
    out = Console(highlight=False, width=170, soft_wrap=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("plugin")
    for column in ("operations", "cases", "refused upstream", "left out", "failures", "s"):
        table.add_column(column, justify="right")
    for plugin in plugins:
        own = [run for run in runs if run.plugin == plugin.name]
        found = sorted_out(own)
        failures = len(found.failures) + sum(len(run.errors) for run in own)
        table.add_row(
            plugin.name,
            str(len(plugin.operations)),
            f"{sum(run.cases for run in own):,}",
            f"{found.upstreams.total():,}",
            f"{found.known.total():,}",
            f"[red]{failures:,}[/red]" if failures else "0",
            f"{sum(run.seconds for run in own):.0f}",
        )
    out.print(table)
    found = sorted_out(runs)
    lines: Counter[tuple[str, str]] = Counter()
    for (_, line), times in found.known.items():
        lines[line.check, line.reason] += times
    for (check, reason), times in sorted(lines.items()):
        out.print(f"- {check}, {times:,} times: {reason}", markup=False, soft_wrap=True)
    for run in runs:
        for error in run.errors:
            said = f"FAILED {run.plugin} {run.version}: {error}"
            out.print(said, markup=False, soft_wrap=True)
    told: Counter[tuple[str, str, str]] = Counter()
    for one in found.failures:
        key = (one.plugin, one.operation, one.check)
        told[key] += 1
        if told[key] <= _SHOWN:
            out.print(_failure(one), markup=False, soft_wrap=True)
    for (plugin_name, operation, check), times in told.items():
        if times > _SHOWN:
            more = f"{times - _SHOWN:,} more of {plugin_name}, {operation}, {check}"
            out.print(more, markup=False, soft_wrap=True)


def _failure(one: Finding) -> str:
    return (
        f"FAILED {one.plugin} {one.version}, {one.operation}, {one.check}: {one.what}\n"
        f"  {one.answered}\n  {one.request}"
    )


if __name__ == "__main__":
    main()
