"""`python -m tests.clients` (or `make clients`): real plugin readers over real plugins; a table."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from tests.clients.environments import NotInstalledError, environment
from tests.clients.running import Line, read, readers
from tests.clients.serving import Serving, serving


@click.command()
@click.argument("names", nargs=-1, metavar="[READER]...")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per finding.")
def main(names: tuple[str, ...], as_json: bool) -> None:
    """Let readers read every plugin that is served, in 3.0 and in 3.1, and call what they can.

    Exit code 1 where one fails and no fact of the reader says why, or where one reads what it is
    said not to.
    """
    if unknown := sorted(set(names) - set(readers())):
        raise click.UsageError(f"no reader {unknown[0]!r}; there are {', '.join(readers())}")
    lines = asyncio.run(_read(names or readers(), as_json=as_json))
    click.get_current_context().exit(1 if any(line.unexpected for line in lines) else 0)


async def _read(names: Sequence[str], *, as_json: bool) -> list[Line]:
    err = Console(stderr=True, highlight=False)
    lines: list[Line] = []
    async with serving() as served:
        for number, name in enumerate(names, 1):
            started = time.monotonic()
            err.print(f"{number} of {len(names)}: {name}", end=" ", style="bold")
            try:
                where = await asyncio.to_thread(environment, name)
                found = await read(name, where, served.plugins)
            except NotInstalledError as error:
                found = [Line(name, one.name, "", False, "", str(error)) for one in served.plugins]
            err.print(f"{_counted(found)}, {time.monotonic() - started:.0f} s")
            if as_json:
                for line in found:
                    click.echo(json.dumps(asdict(line)))
            lines += found
        if not as_json:
            _print(served, names, lines)
    return lines


def _counted(lines: Sequence[Line]) -> str:
    good, cannot = sum(line.ok for line in lines), sum(bool(line.reason) for line in lines)
    wrong = sum(line.unexpected for line in lines)
    return f"{good} read, {cannot} it cannot read" + (f", {wrong} FAILED" if wrong else "")


def _print(served: Serving, names: Sequence[str], lines: Sequence[Line]) -> None:
    out = Console(highlight=False, width=170, soft_wrap=False)
    table = Table(box=None, pad_edge=False)
    for column in ("plugin", *names):
        table.add_column(column, overflow="fold", max_width=14)
    for plugin in served.plugins:
        row = [
            _cell([line for line in lines if (line.reader, line.plugin) == (name, plugin.name)])
            for name in names
        ]
        table.add_row(plugin.name, *row)
    out.print(table)
    for reader, version, reason in sorted(
        {(o.reader, o.version, o.reason) for o in lines if o.reason}
    ):
        out.print(f"- {reader}, {version}: {reason}", markup=False)
    for what, why in served.left_out:
        out.print(f"not served: {what}: {why}", markup=False)
    for line in lines:
        if line.unexpected:
            said = f"FAILED {line.reader}, {line.plugin} {line.version}: {line.detail}"
            out.print(said, markup=False, soft_wrap=True)


def _cell(lines: Sequence[Line]) -> str:
    """`ok`, with the versions where they differ; `-` what it cannot read."""
    if not lines:
        return ""
    told = {
        line.version: "ok" if line.ok else "-" if line.reason else "[red]FAILED[/red]"
        for line in lines
    }
    words = set(told.values())
    return words.pop() if len(words) == 1 else ", ".join(f"{k} {v}" for k, v in told.items())


if __name__ == "__main__":
    main()
