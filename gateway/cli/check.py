"""`gateway check`: what is wrong, doubtful or degraded in configs, and what they cost a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from gateway.authoring.asked import asked
from gateway.authoring.ids import lost
from gateway.authoring.rivals import rivals
from gateway.authoring.unseen_names import unseen_names
from gateway.authoring.words import one_line
from gateway.cli.common import (
    compile_all,
    configs_argument,
    err,
    fail,
    json_option,
    out,
    print_json,
    run,
    state_directory,
    state_option,
)
from gateway.cli.deep import add_deep, deep_option
from gateway.cli.progress import progress
from gateway.cli.unset import read_without_secrets
from gateway.config import Loaded, types
from gateway.errors import Mistake, Mistakes, SpecUnavailable
from gateway.faces import FACES, Document, openapi, tools
from gateway.faces.limits import Limit
from gateway.faces.manifest import MANIFEST
from gateway.faces.platforms import PLATFORMS, limits
from gateway.faces.weight import advice, heaviest
from gateway.pipeline.mask import MIN_SECRET
from gateway.plugin import Plugin
from gateway.shrinking import count
from gateway.spec.render import Version
from gateway.values import Degraded

BASE = "https://gateway.example"
# What a model is given: the manifest's words and one form of the spec.
COUNTED = (MANIFEST, "/openapi.yaml", "/openapi.json")


@click.command()
@configs_argument
@click.option("--strict", is_flag=True, help="Leave with 1 where there is a warning.")
@click.option(
    "--for",
    "platforms",
    multiple=True,
    type=click.Choice(list(PLATFORMS)),
    help="What this platform does not take is a mistake, what it takes badly a warning. May be "
    "repeated.",
)
@deep_option
@state_option
@json_option
def check(
    configs: tuple[Path, ...],
    strict: bool,
    platforms: tuple[str, ...],
    deep: bool,
    state: Path | None,
    as_json: bool,
) -> None:
    """Check configs: mistakes, warnings, tokens.

    Also what was degraded in the spec (the ledger), and the limits of platforms.
    """
    loaded, unset = read_without_secrets(configs, state, as_json=as_json)
    try:
        with progress(err, "reading specs") as tell:
            plugins = run(compile_all(loaded, state_directory(state), tell))
        documents = [_documents(one) if isinstance(one, Plugin) else {} for one in plugins]
        rows = [
            limits(plugin, own, platforms) if isinstance(plugin, Plugin) else ()
            for plugin, own in zip(plugins, documents, strict=True)
        ]
        _refuse_over(loaded, rows, platforms)
    except Mistakes as mistakes:
        fail(_mistakes(mistakes, unset), as_json=as_json)
    reports = list(map(_report, loaded, plugins, documents, rows))
    _warn(reports, loaded, plugins, unset)
    if deep:
        add_deep(reports, loaded, state_directory(state))
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print(report)
    waiting = any(report["waiting"] for report in reports)
    warned = any(report["warnings"] for report in reports)
    click.get_current_context().exit(1 if waiting or (strict and warned) else 0)


def _mistakes(mistakes: Mistakes, unset: Sequence[Mistake]) -> Mistakes:
    """What stands in for a secret is not blamed, but that the secret is not set."""
    by_place = {(one.file, one.line, one.column): one for one in unset}
    of_spec = {one.file: one for one in unset if one.path.startswith("spec.headers")}
    found = []
    for one in mistakes.mistakes:
        note = by_place.get((one.file, one.line, one.column), one)
        if note is one and one.path == "spec" and one.file in of_spec:
            note = of_spec[one.file]
            without = one.message.partition(";")[0]
            note = replace(note, message=f"{note.message}, and without it {without}")
        found.append(note)
    return Mistakes(dict.fromkeys(found))


def _warn(
    reports: Sequence[dict[str, Any]],
    loaded: Sequence[Loaded],
    plugins: Sequence[Plugin | SpecUnavailable],
    unset: Sequence[Mistake],
) -> None:
    """Add the warnings that need more than one plugin, and what is not set here."""
    found = rivals(
        [
            (one, plugin)
            for one, plugin in zip(loaded, plugins, strict=True)
            if isinstance(plugin, Plugin)
        ]
    )
    for report, one in zip(reports, loaded, strict=True):
        report["warnings"] += map(str, found.get(one.plugin.plugin, ()))
        # No fault of the file, so no warning either: `--strict` is for where no secrets are.
        report["unset"] = [str(note) for note in unset if note.file == str(one.file)]


def _refuse_over(
    loaded: Sequence[Loaded], rows: Sequence[Sequence[Limit]], platforms: Collection[str]
) -> None:
    """Raises: Mistakes, where a platform that the configs are meant for does not take a text."""
    found = [
        _over(one, row)
        for one, own in zip(loaded, rows, strict=True)
        for row in own
        if row.over and not row.soft and row.platform in platforms
    ]
    if found:
        order = {str(one.file): number for number, one in enumerate(loaded)}
        raise Mistakes(sorted(found, key=lambda one: (order[one.file], one.line, one.column)))


def _over(loaded: Loaded, row: Limit) -> Mistake:
    return loaded.mistake(row.path, row.text)


def _documents(plugin: Plugin) -> dict[str, Document]:
    return {
        path: maker(f"{BASE}/{plugin.name}", "")
        for face in FACES.values()
        for path, maker in face(plugin).items()
        if path != tools.PATH  # one for each API, and none for nobody
    }


def _report(
    loaded: Loaded,
    plugin: Plugin | SpecUnavailable,
    documents: Mapping[str, Document],
    rows: Sequence[Limit],
) -> dict[str, Any]:
    if isinstance(plugin, SpecUnavailable):
        return {
            "plugin": loaded.plugin.plugin,
            "waiting": str(plugin),
            "warnings": list(map(str, loaded.warnings)),
        }
    served = openapi.describe(plugin, f"{BASE}/{plugin.name}")
    tokens = {path: count(documents[path].body) for path in COUNTED}
    warnings = [*map(str, plugin.warnings), *_doubts(loaded, plugin, served, rows)]
    return {
        "plugin": plugin.name,
        "waiting": "",
        "operations": {
            one.name: f"{one.method} {one.address}" for one in plugin.operations.values()
        },
        "shown": list(plugin.shown.operations),
        "warnings": warnings,
        "ledger": [
            asdict(line)
            for line in (
                *plugin.ledger,
                *served["3.0"].ledger,
                *tools.not_strict(plugin),
                *unseen_names(plugin),
            )
        ],
        "tokens": tokens,
        "limits": [{**asdict(row), "over": row.over} for row in rows],
    }


def _doubts(
    loaded: Loaded,
    plugin: Plugin,
    versions: Mapping[Version, openapi.Served],
    rows: Sequence[Limit],
) -> list[str]:
    """What only the finished documents and secrets tell."""
    found = []
    budget = plugin.config.spec_budget
    version, served = max(versions.items(), key=lambda one: one[1].tokens)
    if served.tokens > budget:
        heavy = ", ".join(
            f"{part.what} of {part.operation} {part.tokens:,}" for part in heaviest(served.document)
        )
        hint = advice(plugin.shown)
        text = (
            f"the served spec costs {served.tokens:,} tokens (as {version}), more than {budget:,}, "
            "though it is shortened as far as it can be; the heaviest: "
            f"{heavy}. Choose fewer operations, hide "
            "parameters, or narrow answers" + (f": {hint}" if hint else " with `fields`")
        )
        found.append(loaded.mistake(("spec_budget",), text))
    # The reader has told of those texts already that the YAML itself gives.
    told = types.LENGTHS.keys() & {one.path for one in plugin.warnings}
    found += [
        _over(loaded, row) for row in rows if row.over and not told.intersection(row.path[:1])
    ]
    for name, some in asked(plugin).items():
        number = "1 operation" if len(some) == 1 else f"{len(some)} operations"
        text = (
            f"the model is asked for {name!r} in {number}, which proves who calls: write "
            f'parameters: {{{name}: {{pin: "${{…}}"}}}}, or hide it where a credential sends it; '
            "describe it there if it is for callers to give"
        )
        found.append(loaded.mistake(("operations", some[0].name), text))
    found += [
        loaded.mistake(("operations", one.operation, one.rule), str(one)) for one in lost(plugin)
    ]
    if any(len(secret) < MIN_SECRET for secret in plugin.secrets):
        text = f"a secret has fewer than {MIN_SECRET} characters: answers are not searched for it"
        found.append(loaded.mistake(("upstream",), text))
    return list(map(str, found))


def _print(report: dict[str, Any]) -> None:
    out.rule(f"[bold]{report['plugin']}", align="left", style="dim")
    for note in report["unset"]:
        out.print(f"unset    {note}", markup=False, style="dim")
    for warning in report["warnings"]:
        out.print(f"warning  {warning}", markup=False, style="yellow")
    if report["waiting"]:
        out.print(f"waiting  {report['waiting']}", markup=False, style="yellow")
        return
    # No table: it would be cut to a terminal's width where there is none.
    widest = max(map(len, report["operations"]), default=0)
    for name, address in report["operations"].items():
        out.print(f"[bold]{escape(name.ljust(widest))}[/]  {escape(address)}")
    if len(report["shown"]) < len(report["operations"]):
        some, every = len(report["shown"]), len(report["operations"])
        listed = ", ".join(report["shown"])
        out.print(
            f"shown    {some} of {every}; by them the others are found: {listed}", markup=False
        )
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
    out.print(
        f"{word} {one_line(where + line.what)}", markup=False, style="red" if line.lost else "dim"
    )


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
        value = "no bound" if row["value"] is None else f"{row['value']:,}"
        # An item may hold a name of the spec's.
        table.add_row(row["platform"], escape(row["item"]), value, f"{row['allowed']:,}", mark)
    out.print(table)
