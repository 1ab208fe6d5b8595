"""`python -m tests.conformance.mcp` (or `make conformance-mcp`): MCP's own suite; a table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from tests.clients.environments import NotInstalledError
from tests.conformance.mcp.judging import Verdict
from tests.conformance.mcp.running import REVISIONS, SuiteError, gateway, installed, run


@click.command()
@click.argument("revisions", nargs=-1, metavar="[REVISION]...", type=click.Choice(REVISIONS))
@click.option("--url", help="Ask this server, instead of a gateway with the fixture's plugin.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per scenario.")
def main(revisions: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Run the conformance suite of the Model Context Protocol over the gateway.

    Exit code 1 where a check fails that is not in the revision's expected failures, and where one
    of those passes.
    """
    try:
        verdicts = asyncio.run(_run(revisions or REVISIONS, url))
    except (NotInstalledError, SuiteError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        for one in verdicts:
            click.echo(json.dumps(asdict(one)))
    else:
        _print(verdicts)
    click.get_current_context().exit(1 if any(one.wrong for one in verdicts) else 0)


async def _run(revisions: Sequence[str], url: str | None) -> list[Verdict]:
    where = await asyncio.to_thread(installed)
    verdicts: list[Verdict] = []
    async with AsyncExitStack() as stack:
        server = url or await stack.enter_async_context(gateway())
        for revision in revisions:
            verdicts += await run(where, server, revision)
    return verdicts


def _print(verdicts: Sequence[Verdict]) -> None:
    out = Console(highlight=False, width=160)
    table = Table(box=None, pad_edge=False)
    table.add_column("revision")
    table.add_column("scenario")
    for column in ("passed", "failed", "expected"):
        table.add_column(column, justify="right")
    table.add_column("")
    for one in verdicts:
        failed = len(one.expected) + len(one.unexpected)
        counts = (str(one.passed), str(failed), str(len(one.expected)))
        table.add_row(one.revision, one.scenario, *counts, _word(one))
    out.print(table)
    for one in verdicts:
        if one.counts:
            for what in one.unexpected:
                said = f"FAILED {one.revision} {one.scenario}: {what[:400]}"
                out.print(said, markup=False, soft_wrap=True)
            for what in one.stale:
                said = f"FAILED {one.revision}: {what} passes; take it out of the expected failures"
                out.print(said, markup=False, soft_wrap=True)
    asked = [one for one in verdicts if one.counts]
    whole = sum(not one.expected and not one.wrong for one in asked)
    wrong = sum(one.wrong for one in asked)
    out.print(
        f"{whole} of {len(asked)} scenarios pass whole, {sum(one.passed for one in asked)} checks; "
        f"{wrong} not as expected"
    )


def _word(one: Verdict) -> str:
    if not one.counts:
        return "not asked for"
    return "[red]FAILED[/red]" if one.wrong else "expected" if one.expected else "ok"


if __name__ == "__main__":
    main()
