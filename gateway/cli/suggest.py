"""`gateway suggest`: which fields of a saved answer cost most, and rules that would save it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from gateway.authoring.ids import needed
from gateway.authoring.proposals import Proposal, propose
from gateway.authoring.words import one_line
from gateway.cli.call import operation_of
from gateway.cli.common import (
    config_argument,
    err,
    json_option,
    leave,
    out,
    print_json,
    state_option,
)
from gateway.cli.saved import BAR, answer_of, bar, name_of, percent, plugin_of
from gateway.faces import yaml_text
from gateway.plugin import Operation, Plugin
from gateway.shrinking.paths import join
from gateway.values import Schema

_TOP = 20  # paths that are shown
_PATH = 60  # characters of one
_SHORTEST = 12  # characters that a path and a bar keep
_BETWEEN = 2  # blanks between columns


@click.command()
@config_argument
@click.argument("operation")
@click.option("--from", "file", required=True, metavar="FILE", help="The answer; `-` is stdin.")
@click.option(
    "--top", type=click.IntRange(1), default=_TOP, show_default=True, help="So many rows."
)
@state_option
@json_option
def suggest(
    config: Path, operation: str, file: str, top: int, state: Path | None, as_json: bool
) -> None:
    """Propose rules that make an answer small.

    Shows which fields of a saved reply of CONFIG's OPERATION cost how much, and lines to paste
    below the operation; each is checked, and comes with the tokens that it leaves.
    """
    body = answer_of(file, as_json=as_json)
    plugin = plugin_of(config, state, as_json=as_json)
    chosen = operation_of(plugin, operation, as_json=as_json)
    ids = needed(plugin, chosen.name)
    try:
        found = propose(
            body, _schema(plugin, chosen), plugin.components, ids, chosen.shrinker.budget
        )
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else "it is not JSON"
        leave(f"{name_of(file)}: {why}", 2, as_json=as_json)
    if as_json:
        print_json(_report(found))
        return
    _print_weights(found, top)
    _print_lines(found, chosen.name)
    if ids:
        kept = ", ".join(sorted(join(path) for path in ids))
        err.print(
            f"ids that other operations take: {one_line(kept, 200)}", style="dim", markup=False
        )
    if found.unknown:
        text = f"not in the response by the spec, so left out: {', '.join(found.unknown[:8])}"
        err.print(f"{one_line(text, 300)}; `returns:` declares them", style="dim", markup=False)


def _schema(plugin: Plugin, operation: Operation) -> Schema | None:
    """The schema that `fields` are checked against."""
    own = plugin.config.operations
    config = own.get(operation.name) if isinstance(own, dict) else None
    if config is not None and config.returns is not None:
        return config.returns
    return operation.spec.reply.schema


def _report(found: Proposal) -> dict[str, Any]:
    return {
        "tokens": found.tokens,
        "weights": [
            {"path": part.path, "tokens": part.tokens, "values": part.number}
            for part in found.parts
        ],
        "proposed": {line.key: line.value for line in found.lines},
        "leaves": {line.key: line.tokens for line in found.lines},
        "together": found.together,
        "unknown": found.unknown,
    }


def _print_weights(found: Proposal, top: int) -> None:
    shown = found.parts[:top]
    figures = [
        (f"{part.number:,}", f"{part.tokens:,}", percent(part.tokens, found.tokens))
        for part in shown
    ]
    titles = ("values", "tokens", "of all")
    widths = [max(map(len, column)) for column in zip(titles, *figures, strict=True)]
    # Where a terminal is narrow the bars are shorter, then the paths: figures never are.
    room = out.width - sum(widths) - _BETWEEN * (len(widths) + 1)
    longest = max((len(part.path) for part in shown), default=0)
    path = min(_PATH, longest, max(_SHORTEST, room - _SHORTEST))
    scale = max(0.0, min(1.0, (room - path) / BAR))
    table = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0))
    table.add_column("path", no_wrap=True)
    for name in titles:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    heaviest = found.parts[0].share if found.parts else 1.0
    for part, numbers in zip(shown, figures, strict=True):
        table.add_row(
            escape(one_line(part.path, path)),
            *numbers,
            bar(scale * part.share / max(heaviest, 1e-9)),
        )
    out.print(table)
    rest = found.parts[top:]
    if rest:
        tokens = sum(part.tokens for part in rest)
        out.print(f"{len(rest)} more paths, {tokens:,} tokens", style="dim")
    out.print(f"{found.tokens:,} tokens as sent", style="dim")


def _print_lines(found: Proposal, operation: str) -> None:
    out.print()
    if not found.lines:
        out.print("nothing to propose: no rule would save much of this answer")
        return
    out.print(f"# below operations: {operation}:", markup=False, style="dim")
    for line in found.lines:
        said = f"# alone leaves {line.tokens:,} ({percent(line.tokens, found.tokens)})"
        text = yaml_text.write({line.key: line.value}).rstrip("\n")
        out.print(f"{said}\n{text}", markup=False)
    share = percent(found.together, found.tokens)
    out.print(f"# together: {found.together:,} tokens ({share})", markup=False)
