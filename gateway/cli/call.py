"""`gateway call`: make one call, the way every caller's goes, without a server."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
from multidict import CIMultiDict

from gateway.app import new_client, written_by_operator
from gateway.caching import Flights, MemoryStore
from gateway.cli.common import (
    args_option,
    config_argument,
    err,
    json_option,
    leave,
    parse_arguments,
    print_json,
    read_one,
    run,
    state_option,
)
from gateway.errors import BadArguments, Refusal
from gateway.faces.calls import read_named
from gateway.pipeline import Call, Shared, plans
from gateway.plugin import Operation, Plugin
from gateway.shrinking import count
from gateway.values import Answer


@click.command()
@config_argument
@click.argument("operation")
@args_option
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME: VALUE",
    help="A header of the caller, such as 'Authorization: Bearer …'. May be repeated.",
)
@state_option
@json_option
def call(
    config: Path,
    operation: str,
    arguments: str,
    headers: tuple[str, ...],
    state: Path | None,
    as_json: bool,
) -> None:
    """Call OPERATION of CONFIG and print the answer."""
    own = caller_headers(headers)
    plugin = read_one(config, state, as_json=as_json)
    chosen = operation_of(plugin, operation, as_json=as_json)
    given = arguments_of(chosen, arguments)
    try:
        answer = run(_call(plugin, chosen, given, own))
    except Refusal as refusal:
        if as_json:
            print_json({"status": refusal.status, "code": refusal.code, "detail": refusal.detail})
        else:
            err.print(f"{refusal.status} {refusal.code}: {refusal.detail}", markup=False)
        sys.exit(1)
    text = answer.body.decode("utf-8", "replace")
    if as_json:
        print_json(
            {
                "status": answer.status,
                "headers": dict(answer.headers),
                "tokens": count(text),
                "body": text,
            }
        )
    else:
        click.echo(text)
        err.print(f"{answer.status}, {count(text):,} tokens", style="dim")
    sys.exit(0 if answer.status < 400 else 1)


def operation_of(plugin: Plugin, name: str, *, as_json: bool) -> Operation:
    """The operation of a name, or leave with what there is."""
    if name not in plugin.operations:
        known = ", ".join(plugin.operations)
        leave(f"{plugin.name} has no operation {name!r}; it has {known}", 2, as_json=as_json)
    return plugin.operations[name]


def arguments_of(operation: Operation, text: str) -> dict[str, Any]:
    """What `--args` holds. Raises: BadParameter, where that is no JSON object."""
    try:
        return read_named(operation, parse_arguments(text))
    except BadArguments as error:
        what = error.detail.removeprefix("the body ")
        raise click.BadParameter(f"it {what}", param_hint="--args") from None


def caller_headers(headers: tuple[str, ...]) -> CIMultiDict[str]:
    """`NAME: VALUE` texts as headers. Raises: BadParameter, where there is no colon."""
    found: CIMultiDict[str] = CIMultiDict()
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            # What stands there may be a secret: it is not repeated.
            raise click.BadParameter("write NAME: VALUE, with a colon", param_hint="--header")
        found.add(name.strip(), value.strip())
    return found


async def _call(
    plugin: Plugin, operation: Operation, arguments: dict[str, Any], headers: CIMultiDict[str]
) -> Answer:
    shared = Shared(time.time, time.monotonic, MemoryStore(1), Flights())
    async with new_client(*written_by_operator(plugin)) as client:
        plan = plans(plugin, client, shared)[operation.name]
        return await plan(Call(arguments, headers, "127.0.0.1", heals=True))
