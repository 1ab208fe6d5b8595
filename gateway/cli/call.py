"""`gateway call`: make one call, the way every caller's goes, without a server."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import click
from multidict import CIMultiDict

from gateway.authoring.words import one_line
from gateway.caching.flights import Flights
from gateway.caching.stores.memory import MemoryStore
from gateway.cli.common import (
    args_option,
    caller_headers,
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
from gateway.clients import new_client, written_by_operator
from gateway.config import suggest
from gateway.errors import BadArguments, Refusal
from gateway.faces.calls import read_named
from gateway.pipeline import Call, Shared, mask_of, plans
from gateway.pipeline.exchange import host_of
from gateway.plugin import Operation, Plugin
from gateway.request import prove
from gateway.shrinking import count
from gateway.values import Answer


@click.command()
@config_argument
@click.argument("operation")
@args_option
@click.option(
    "-H",
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
    """Make one call and print the answer.

    OPERATION of CONFIG goes the way of every caller's call, without a server.
    """
    own = caller_headers(headers)
    plugin = read_one(config, state, as_json=as_json)
    chosen = operation_of(plugin, operation, as_json=as_json)
    given = arguments_of(chosen, arguments)
    try:
        answer = run(_call(plugin, chosen, given, own))
    except Refusal as refusal:
        said = {"status": refusal.status, "code": refusal.code, "detail": refusal.detail}
        cause = cause_of(refusal, plugin)
        if as_json:
            print_json({**said, "cause": cause} if cause else said)
        else:
            err.print(f"{refusal.status} {refusal.code}: {refusal.detail}", markup=False)
            if cause:
                err.print(f"cause: {cause}", markup=False)
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
        meant = suggest(name, plugin.operations)
        it_has = f" It has {known}" if meant else f"; it has {known}"
        text = f"{plugin.name} has no operation {name!r}{meant}{it_has}"
        leave(text, 2, as_json=as_json)
    return plugin.operations[name]


def arguments_of(operation: Operation, text: str) -> dict[str, Any]:
    """What `--args` holds. Raises: BadParameter, where that is no JSON object."""
    try:
        return read_named(operation, parse_arguments(text))
    except BadArguments as error:
        what = error.detail.removeprefix("the body ")
        raise click.BadParameter(f"it {what}", param_hint="--args") from None


def cause_of(refusal: Refusal, plugin: Plugin) -> str:
    """What lies behind a refusal, for whoever runs the gateway; "" where there is nothing.

    Callers are never told: it names the upstream's host.
    """
    cause = refusal.__cause__
    if cause is None:
        return ""
    reason = re.sub(r" ssl:\S+", "", str(cause)) or type(cause).__name__  # said of http, too
    host = host_of(plugin.base)
    mask = mask_of(plugin, prove(plugin.config.upstream.credential))
    return mask.text(one_line(reason if host in reason else f"{host}: {reason}", 300))


async def _call(
    plugin: Plugin, operation: Operation, arguments: dict[str, Any], headers: CIMultiDict[str]
) -> Answer:
    shared = Shared(time.time, time.monotonic, MemoryStore(1), Flights())
    async with new_client(*written_by_operator(plugin)) as client:
        plan = plans(plugin, client, shared)[operation.name]
        try:
            return await plan(Call(arguments, headers, "127.0.0.1", heals=True))
        finally:
            shared.aside.close()
