"""`gateway check`: what is wrong, doubtful or degraded in configs, and what they cost a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gateway.app import load_plugin
from gateway.cli.common import (
    configs_argument,
    err,
    fail,
    json_option,
    out,
    print_json,
    read,
    run,
    state_directory,
    state_option,
)
from gateway.config import Loaded
from gateway.errors import Mistake, Mistakes, SpecUnavailable
from gateway.faces import FACES, openapi
from gateway.faces.limits import Limit, limits
from gateway.faces.manifest import MANIFEST
from gateway.pipeline.mask import MIN_SECRET
from gateway.plugin import Plugin
from gateway.shrinking import count
from gateway.values import Degraded

BASE = "https://gateway.example"
# What a model is given: the manifest's words and one form of the spec.
COUNTED = (MANIFEST, "/openapi.yaml", "/openapi.json")


@click.command()
@configs_argument
@click.option("--strict", is_flag=True, help="Leave with 1 where there is a warning.")
@state_option
@json_option
def check(configs: tuple[Path, ...], strict: bool, state: Path | None, as_json: bool) -> None:
    """Check CONFIGS: mistakes, warnings, the ledger, tokens, platforms' limits."""
    loaded = read(configs, as_json=as_json)
    try:
        plugins = run(_load(loaded, state_directory(state)))
    except Mistakes as mistakes:
        fail(mistakes, as_json=as_json)
    reports = [_report(one, plugin) for one, plugin in zip(loaded, plugins, strict=True)]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print(report)
    waiting = any(report["waiting"] for report in reports)
    warned = any(report["warnings"] for report in reports)
    click.get_current_context().exit(1 if waiting or (strict and warned) else 0)


async def _load(loaded: list[Loaded], state: Path) -> list[Plugin | SpecUnavailable]:
    """Every plugin, or why its spec cannot be had. Raises: Mistakes, those of all files."""
    got: list[Plugin | SpecUnavailable] = []
    mistakes: list[Mistake] = []
    with err.status("reading specs"):
        for one in loaded:
            try:
                got.append(await load_plugin(one, state))
            except Mistakes as error:
                mistakes += error.mistakes
            except SpecUnavailable as error:
                got.append(error)
    if mistakes:
        raise Mistakes(mistakes)
    return got


def _report(loaded: Loaded, plugin: Plugin | SpecUnavailable) -> dict[str, Any]:
    if isinstance(plugin, SpecUnavailable):
        return {
            "plugin": loaded.plugin.plugin,
            "waiting": str(plugin),
            "warnings": list(map(str, loaded.warnings)),
        }
    documents = {
        path: maker(f"{BASE}/{plugin.name}", "")
        for face in FACES.values()
        for path, maker in face(plugin).items()
    }
    tokens = {path: count(documents[path].body) for path in COUNTED}
    rows = limits(plugin, documents)
    warnings = [*map(str, plugin.warnings), *_doubts(loaded, plugin, tokens, rows)]
    return {
        "plugin": plugin.name,
        "waiting": "",
        "operations": {
            one.name: f"{one.method} {one.address}" for one in plugin.operations.values()
        },
        "warnings": warnings,
        "ledger": [asdict(line) for line in (*plugin.ledger, *openapi.describe(plugin, BASE)[1])],
        "tokens": tokens,
        "limits": [{**asdict(row), "over": row.over} for row in rows],
    }


def _doubts(
    loaded: Loaded, plugin: Plugin, tokens: Mapping[str, int], rows: tuple[Limit, ...]
) -> list[str]:
    """What only the finished documents and secrets tell."""
    found = []
    budget = plugin.config.spec_budget
    if tokens["/openapi.json"] > budget:
        found.append(
            loaded.mistake(
                ("spec_budget",),
                f"the served spec costs {tokens['/openapi.json']:,} tokens, more than "
                f"{budget:,}; choose fewer operations, or narrow answers with `fields`",
            )
        )
    found += [
        loaded.mistake(
            (),
            f"{row.platform}: {row.item} is {row.value:,} {row.unit}, at most {row.allowed:,} "
            "are taken",
        )
        for row in rows
        if row.over
    ]
    if any(len(secret) < MIN_SECRET for secret in plugin.secrets):
        text = f"a secret has fewer than {MIN_SECRET} characters: answers are not searched for it"
        found.append(loaded.mistake(("upstream",), text))
    return list(map(str, found))


def _print(report: dict[str, Any]) -> None:
    out.rule(f"[bold]{report['plugin']}", align="left", style="dim")
    for warning in report["warnings"]:
        out.print(f"warning  {warning}", markup=False, style="yellow")
    if report["waiting"]:
        out.print(f"waiting  {report['waiting']}", markup=False, style="yellow")
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, address in report["operations"].items():
        table.add_row(name, address)
    out.print(table)
    for line in report["ledger"]:
        _print_degraded(Degraded(**line))
    table = Table(box=None, pad_edge=False)
    table.add_column("document")
    table.add_column("tokens", justify="right")
    for path, tokens in report["tokens"].items():
        table.add_row(path, f"{tokens:,}")
    out.print(table)
    _print_limits(report["limits"])


def _print_degraded(line: Degraded) -> None:
    word = "lost    " if line.lost else "ledger  "
    where = f"{line.operation}: " if line.operation else ""
    out.print(f"{word} {where}{line.what}", markup=False, style="red" if line.lost else "dim")


def _print_limits(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("platform", "limit"):
        table.add_column(column)
    table.add_column("is", justify="right")
    table.add_column("takes", justify="right")
    table.add_column("")
    for row in rows:
        style = "yellow" if row["over"] else "green"
        mark = f"[{style}]{'over' if row['over'] else 'ok'}[/]"
        item = f"{row['item']}"
        table.add_row(row["platform"], item, f"{row['value']:,}", f"{row['allowed']:,}", mark)
    out.print(table)
