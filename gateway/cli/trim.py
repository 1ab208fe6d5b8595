"""`gateway trim`: the document of some operations, as the gateway would serve it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.authoring.catalogue import pick
from gateway.authoring.settle import Trimmed, config_of, settle
from gateway.authoring.words import one_line
from gateway.cli.common import err, json_option, leave, state_option
from gateway.cli.spec import Spec, spec_argument, spec_headers_option, with_spec
from gateway.errors import Mistakes
from gateway.spec.render import Version


@click.command()
@spec_argument
@click.argument("operations", metavar="OPERATION...", nargs=-1, required=True)
@click.option(
    "--openapi",
    "version",
    type=click.Choice(["3.0", "3.1"]),
    default="3.0",
    show_default=True,
    help="The version that is written.",
)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML, which is the default.")
@spec_headers_option
@json_option
@state_option
def trim(
    spec: str,
    operations: tuple[str, ...],
    version: Version,
    as_yaml: bool,
    headers: tuple[str, ...],
    as_json: bool,
    state: Path | None,
) -> None:
    """Print the document of some operations.

    OPERATION is a name, 'METHOD /path', a glob such as 'GET /users/**', or all. What was degraded
    and what it costs stand on stderr.
    """
    if as_yaml and as_json:
        raise click.UsageError("--yaml and --json are two forms; choose one")
    try:
        got = with_spec(
            spec,
            state,
            lambda one: _trim(one, operations, version),
            headers=headers,
            as_json=as_json,
        )
    except Mistakes as mistakes:  # there is no file that they could be about
        leave("\n".join(one.message for one in mistakes.mistakes), 1, as_json=as_json)
    if isinstance(got, str):
        leave(got, 2, as_json=as_json)
    served = got.settled
    if as_json:
        click.echo(json.dumps(served.document, ensure_ascii=False, indent=2))
    else:
        click.echo(served.text, nl=False)
    for line in (*got.plugin.ledger, *got.first.ledger):
        where = f"{one_line(line.operation)}: " if line.operation else ""
        text = f"{'lost  ' if line.lost else 'ledger'}  {where}{one_line(line.what)}"
        err.print(text, markup=False, style="red" if line.lost else "dim")
    served_ones = len(got.plugin.chosen)
    word = "operation" if served_ones == 1 else "operations"
    err.print(f"{served_ones} {word}, {served.tokens:,} tokens", style="dim")


def _trim(spec: Spec, operations: tuple[str, ...], version: Version) -> Trimmed | str:
    """The document, or what is wrong with the names."""
    picked, faults = pick(spec.entries, operations)
    faults += [f"{one.place!r} cannot be served" for one in picked if not one.is_servable]
    if faults:
        return "\n".join(faults)
    spec.progress(f"compiling {len(picked)} operations")
    return settle(spec.plugin(config_of(picked, spec.title)), version)
