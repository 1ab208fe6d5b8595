"""`gateway explain`: what a plugin does with a call, without making it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gateway.cli.call import caller_headers, operation_of
from gateway.cli.common import (
    args_option,
    config_argument,
    json_option,
    out,
    parse_arguments,
    print_json,
    read_one,
    state_option,
)
from gateway.errors import Refusal
from gateway.faces.calls import read_named
from gateway.pipeline import mask_of, steps_of
from gateway.pipeline.call import Call
from gateway.pipeline.fetch import composer
from gateway.plugin import Operation, Plugin
from gateway.request import prove


@click.command()
@config_argument
@click.argument("operation", required=False)
@args_option
@click.option("--header", "headers", multiple=True, metavar="NAME: VALUE", help="Of the caller.")
@state_option
@json_option
def explain(
    config: Path,
    operation: str | None,
    arguments: str,
    headers: tuple[str, ...],
    state: Path | None,
    as_json: bool,
) -> None:
    """Show the plan of CONFIG's operations, or of one OPERATION with its exact request.

    Nothing is sent; secrets are masked.
    """
    plugin = read_one(config, state, as_json=as_json)
    if operation is None:
        plans = [_plan(plugin, one) for one in plugin.operations.values()]
        if as_json:
            print_json(plans)
        else:
            _print_plans(plans)
        return
    chosen = operation_of(plugin, operation, as_json=as_json)
    plan = _plan(plugin, chosen)
    try:
        call = Call(
            read_named(chosen, parse_arguments(arguments)), caller_headers(headers), "127.0.0.1"
        )
        plan["request"] = _request(plugin, chosen, call)
    except Refusal as refusal:
        plan["refused"] = {"code": refusal.code, "detail": refusal.detail}
        if refusal.example is not None:
            plan["refused"]["example"] = refusal.example
    if as_json:
        print_json(plan)
    else:
        _print_plans([plan])
        _print_request(plan)
    if "refused" in plan:
        click.get_current_context().exit(1)


def _plan(plugin: Plugin, operation: Operation) -> dict[str, Any]:
    return {
        "operation": operation.name,
        "served": f"{operation.method} /{plugin.name}{operation.address}",
        "upstream": f"{operation.method} {operation.spec.path}",
        "arguments": {
            one.name: f"{one.place} {'.'.join(one.source) or '(whole)'}"
            + (", required" if one.required else "")
            for one in operation.arguments
        },
        "withheld": dict(operation.withheld),
        "steps": dict(steps_of(plugin, operation)),
    }


def _request(plugin: Plugin, operation: Operation, call: Call) -> dict[str, Any]:
    """The request as it would go out, secrets masked."""
    proof = prove(plugin.config.upstream.credential)
    mask = mask_of(plugin, proof)
    request = operation.build(call.arguments, call.headers)
    url, headers = composer(operation, plugin, proof)(call, request)
    return {
        "method": request.method,
        "url": mask.text(url),
        "headers": dict(mask.headers(tuple(headers.items()))),
        "body": mask.body(request.body or b"").decode("utf-8", "replace"),
    }


def _print_plans(plans: list[dict[str, Any]]) -> None:
    for plan in plans:
        table = Table(title=plan["operation"], title_justify="left", show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        table.add_row("served", plan["served"])
        table.add_row("upstream", plan["upstream"])
        for name, where in plan["arguments"].items():
            table.add_row("argument", f"{name} → {where}")
        for name, reason in plan["withheld"].items():
            table.add_row("withheld", f"{name}: {reason}")
        for step, what in plan["steps"].items():
            table.add_row(step, what)
        out.print(table)
        out.print()


def _print_request(plan: dict[str, Any]) -> None:
    if "refused" in plan:
        out.print(f"refused: {plan['refused']['detail']}", markup=False, style="red")
        return
    request = plan["request"]
    out.print(f"{request['method']} {request['url']}", markup=False, style="bold")
    for name, value in request["headers"].items():
        out.print(f"{name}: {value}", markup=False)
    if request["body"]:
        out.print()
        out.print(request["body"], markup=False)
