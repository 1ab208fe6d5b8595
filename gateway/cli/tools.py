"""`gateway tools`: a plugin's operations as an API's `tools`, and what each costs."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.authoring.words import one_line
from gateway.cli.common import config_argument, err, json_option, out, print_json, state_option
from gateway.cli.saved import plugin_of
from gateway.faces.tools import TARGETS, Listing, listing


@click.command()
@config_argument
@click.option(
    "--for",
    "target",
    required=True,
    type=click.Choice(list(TARGETS)),
    help="The API whose `tools` they shall be.",
)
@click.option("--table", "only_table", is_flag=True, help="Print the table alone.")
@click.option(
    "--strict",
    is_flag=True,
    help="Leave with 1 where a tool says less than the spec, or cannot be strict.",
)
@state_option
@json_option
def tools(
    config: Path, target: str, only_table: bool, strict: bool, state: Path | None, as_json: bool
) -> None:
    """Print CONFIG's operations as function tools.

    It is what /tools.json?for=… serves. What each tool costs, and what of it could not be said,
    stands on stderr.
    """
    plugin = plugin_of(config, state, as_json=as_json)
    found = listing(plugin, target)
    if as_json:
        print_json(
            {
                "plugin": plugin.name,
                "for": target,
                "tools": [
                    {
                        "name": one.tool.name,
                        "tokens": one.tokens,
                        "strict": one.strict,
                        "notes": one.notes,
                    }
                    for one in found.tools
                ],
                "document": found.document,
            }
        )
    elif only_table:
        _print(found, out)
    else:
        click.echo(json.dumps(found.document, ensure_ascii=False, indent=2))
        _print(found, err)
    noted = any(one.notes for one in found.tools)
    click.get_current_context().exit(1 if strict and noted else 0)


def _print(found: Listing, console: Console) -> None:
    """Tokens of each tool, and notes below."""
    has_strict = any(one.strict is not None for one in found.tools)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("tool", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    table.add_column("strict" if has_strict else "", no_wrap=True)
    for one in found.tools:
        mark = "" if one.strict is None else "yes" if one.strict else "no"
        table.add_row(escape(one.tool.name), f"{one.tokens:,}", mark)
    table.add_row("all", f"{sum(one.tokens for one in found.tools):,}", "", style="bold")
    console.print(table)
    for one in found.tools:
        for note in one.notes:
            console.print(f"{one.tool.name}: {one_line(note)}", markup=False, style="dim")
