"""`gateway explain`: what a plugin does with a call, without making it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import click
from click.core import ParameterSource
from msgspec import UNSET
from rich.markup import escape
from rich.table import Table

from gateway.cli.call import arguments_of, operation_of
from gateway.cli.common import (
    args_option,
    caller_headers,
    config_argument,
    json_option,
    out,
    print_json,
    read_one,
    state_option,
)
from gateway.config import types
from gateway.errors import Refusal
from gateway.pipeline import mask_of, steps_of
from gateway.pipeline.call import Call
from gateway.pipeline.fetch import composer
from gateway.pipeline.mask import MASKED
from gateway.plugin import Operation, Plugin
from gateway.request import Proof, prove
from gateway.values import Argument


@click.command()
@config_argument
@click.argument("operation", required=False)
@args_option
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME: VALUE", help="Of the caller."
)
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
    """Show what a call does, and sends.

    The plan of CONFIG's operations, or of one OPERATION with its exact request. Nothing is sent;
    secrets are masked.
    """
    if operation is None:
        for name, option in (("arguments", "--args"), ("headers", "--header")):
            if (
                click.get_current_context().get_parameter_source(name)
                is ParameterSource.COMMANDLINE
            ):
                text = "goes with an OPERATION, which is not given"
                raise click.BadParameter(text, param_hint=option)
    own = caller_headers(headers)
    plugin = read_one(config, state, as_json=as_json)
    if operation is None:
        plans = [_plan(plugin, one) for one in plugin.operations.values()]
        if as_json:
            print_json(plans)
        else:
            _print_plans(plans)
        return
    chosen = operation_of(plugin, operation, as_json=as_json)
    call = Call(arguments_of(chosen, arguments), own, "127.0.0.1", heals=True)
    plan = _plan(plugin, chosen)
    try:
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
    hide = _Hide(plugin, prove(plugin.config.upstream.credential))
    return {
        "operation": operation.name,
        "served": f"{operation.method} /{plugin.name}{operation.address}",
        "upstream": f"{operation.spec.method} {operation.spec.path}",
        "arguments": {one.name: _argument(operation, one) for one in operation.arguments},
        "withheld": dict(_withheld(plugin, operation)),
        "steps": {
            step: what.replace(plugin.base, hide.url(plugin.base))
            for step, what in steps_of(plugin, operation)
        },
    }


def _argument(operation: Operation, argument: Argument) -> str:
    """Where an argument goes, and what the config makes of it."""
    facts = [f"{argument.place} {'.'.join(argument.source) or '(whole)'}"]
    if argument.required:
        facts.append("required")
    elif argument.together:
        facts.append("required with a body")
    source = ".".join(argument.source)
    names = (argument.name, source, f"{argument.place}.{source}")
    entry = next((operation.parameters[n] for n in names if n in operation.parameters), None)
    if isinstance(entry, types.Parameter):
        if entry.default is not UNSET:
            facts.append(f"default {_text(entry.default)}")
        if entry.values:
            words = (f"{word} → {_text(value)}" for word, value in entry.values.items())
            facts.append(f"values {', '.join(words)}")
    return ", ".join(facts)


def _withheld(plugin: Plugin, operation: Operation) -> Iterator[tuple[str, str]]:
    """Why each name that callers may not send is refused, and what is sent for it."""
    told: set[str] = set()
    for key, entry in operation.parameters.items():
        if not isinstance(entry, types.Parameter):
            continue
        if entry.pin is not UNSET:
            is_secret = any(one in str(entry.pin) for one in plugin.secrets)
            yield key, f"= {MASKED if is_secret else _text(entry.pin)} (pinned)"
        elif entry.header is not None:
            yield key, f"is filled from the caller's header {entry.header}"
        else:
            continue
        source = entry.source or key
        told |= {key, source, source.partition(".")[2]}
    yield from ((name, why) for name, why in operation.withheld.items() if name not in told)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _request(plugin: Plugin, operation: Operation, call: Call) -> dict[str, Any]:
    """The request as it would go out, secrets masked."""
    proof = prove(plugin.config.upstream.credential)
    request = operation.build(call.arguments, call.headers, heals=call.heals)
    url, headers = composer(operation, plugin, proof)(call, request)
    hide = _Hide(plugin, proof)
    return {
        "method": request.method,
        "url": hide.url(url),
        "headers": {name: hide.header(name, value) for name, value in headers.items()},
        "body": hide.body(request.body or b""),
    }


class _Hide:
    """Masks secrets by their places, too.

    An answer is only searched for secrets that are long enough to tell them from other words;
    what we send ourselves must not show the short ones either.
    """

    def __init__(self, plugin: Plugin, proof: Proof) -> None:
        self._mask = mask_of(plugin, proof)
        self._secrets = plugin.secrets
        self._taken = {(place, name.lower()) for place, name in proof.taken}

    def url(self, url: str) -> str:
        address, mark, query = url.partition("?")
        scheme, _, host, *path = address.split("/")
        segments = "/".join([scheme, "", host, *map(self._value, path)])
        return segments + mark + "&".join(self._pair("query", part) for part in query.split("&"))

    def header(self, name: str, value: str) -> str:
        name = name.lower()
        if name == "cookie":
            return "; ".join(self._pair("cookie", part) for part in value.split("; "))
        if name != "authorization" and ("header", name) not in self._taken:
            return self._value(value)
        scheme, space, _ = value.partition(" ")
        shown = space and not any(scheme in one for one in self._secrets)
        return f"{scheme} {MASKED}" if shown else MASKED

    def body(self, body: bytes) -> str:
        text = self._mask.body(body).decode("utf-8", "replace")
        for one in self._secrets:
            text = text.replace(json.dumps(one), json.dumps(MASKED))
        return text

    def _pair(self, place: str, pair: str) -> str:
        name, mark, value = pair.partition("=")
        if (place, unquote_plus(name).lower()) in self._taken:
            return f"{name}={MASKED}"
        return name + mark + self._value(value)

    def _value(self, value: str) -> str:
        masked = self._mask.text(value)
        rest = unquote_plus(masked.replace(MASKED, ""))
        return MASKED if any(one in rest for one in self._secrets) else masked


def _print_plans(plans: list[dict[str, Any]]) -> None:
    for plan in plans:
        table = Table(title=plan["operation"], title_justify="left", show_header=False, box=None)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        table.add_row("served", escape(plan["served"]))
        table.add_row("upstream", escape(plan["upstream"]))
        for name, where in plan["arguments"].items():
            table.add_row("argument", escape(f"{name} → {where}"))
        for name, reason in plan["withheld"].items():
            table.add_row("withheld", escape(f"{name} {reason}"))
        for step, what in plan["steps"].items():
            table.add_row(step, escape(what))
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
