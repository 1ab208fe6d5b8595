"""`gateway ops`: the operations of a spec, before there is any config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from gateway.authoring.catalogue import Entry, in_memory, settings
from gateway.authoring.cost import Cost, costs
from gateway.authoring.search import Hit, Index
from gateway.authoring.words import one_line, prose
from gateway.cli.common import err, json_option, leave, out, print_json, state_option
from gateway.cli.spec import Spec, spec_argument, spec_headers_option, with_spec
from gateway.errors import Mistakes

# Counting means to compile and to write an operation: milliseconds each, in some specs a tenth
# of a second.
COUNTED = 50
_LONGEST = 160  # characters of a summary where no terminal says how wide it is
_ADDRESS = 56
_NUMBERS, _SUMMARY = (1, 2), 4


@dataclass(frozen=True, slots=True)
class _Found:
    """`hits` are None where the words match nothing; `nearest` is then what they may mean."""

    total: int
    matched: int
    hits: list[Hit] | None
    costs: Mapping[str, Cost]
    nearest: Sequence[str] = ()


@click.command()
@spec_argument
@click.option("--search", metavar="WORDS", help="Only those that fit WORDS, the best first.")
@click.option("--limit", type=click.IntRange(1), help="At most so many. [default: 20 of a search]")
@spec_headers_option
@state_option
@json_option
def ops(
    spec: str,
    search: str | None,
    limit: int | None,
    headers: tuple[str, ...],
    state: Path | None,
    as_json: bool,
) -> None:
    """List a spec's operations.

    Under the names that a model would see, with the tokens that each costs.
    """
    if search is not None and not search.strip():
        raise click.BadParameter("no words are given", param_hint="--search")
    found = with_spec(
        spec, state, lambda one: _find(one, search, limit), headers=headers, as_json=as_json
    )
    if found.hits is None:
        leave(no_match(search or "", found.nearest, found.total), 1, as_json=as_json)
    if as_json:
        print_json(_report(found))
    else:
        _print(found, search)


def no_match(words: str, nearest: Sequence[str], total: int) -> str:
    """What to say where no operation fits."""
    near = f"; nearest words: {', '.join(nearest)}" if nearest else ""
    return f"none of {total:,} operations matches {one_line(words, 80)!r}{near}"


def _find(spec: Spec, search: str | None, limit: int | None) -> _Found:
    hits = [Hit(entry, 0.0) for entry in spec.entries]
    total = len(hits)
    if search is not None:
        spec.progress(f"searching {total:,} operations")
        index = Index(spec.entries)
        hits = index.search(search)
        if not hits:
            return _Found(total, 0, None, {}, index.nearest(search))
        limit = limit or 20
    shown = hits[:limit]
    counted: Mapping[str, Cost] = {}
    if len(shown) <= COUNTED:
        spec.progress(f"counting tokens of {len(shown)} operations")
        counted = _costs(spec, [hit.entry for hit in shown])
    return _Found(total, len(hits), shown, counted)


def _costs(spec: Spec, entries: Sequence[Entry]) -> dict[str, Cost]:
    servable = [one for one in entries if one.is_servable]
    lost = {
        one.place: Cost(None, ("its method or its path cannot be served",))
        for one in entries
        if not one.is_servable
    }
    try:
        loaded = in_memory(settings(servable), url="https://upstream.example")
        plugin = spec.plugin(loaded)
    except Mistakes as mistakes:  # none of them can be served
        why = tuple(one.message for one in mistakes.mistakes)
        return lost | {one.place: Cost(None, why) for one in servable}
    return lost | costs(plugin, servable)


def _report(found: _Found) -> dict[str, Any]:
    return {
        "total": found.total,
        "matched": found.matched,
        "operations": [_row(hit, found.costs.get(hit.entry.place)) for hit in found.hits or ()],
    }


def _row(hit: Hit, cost: Cost | None) -> dict[str, Any]:
    entry = hit.entry
    return {
        "name": entry.name,
        "method": entry.method,
        "path": entry.path,
        "summary": entry.summary,
        "tags": entry.tags,
        "deprecated": entry.deprecated,
        **({"score": hit.score} if hit.score else {}),
        **({"tokens": cost.tokens, "degraded": cost.degraded} if cost else {}),
    }


def _print(found: _Found, search: str | None) -> None:
    hits = found.hits or []
    rows = [_cells(hit.entry, found) for hit in hits]
    head = ["operation", "tokens", "degraded", "address", "summary"]
    kept = [number for number, _ in enumerate(head) if any(row[number] for row in rows)]
    widths = {number: max(cell_len(row[number]) for row in [head, *rows]) for number in kept}
    rest = sum(widths[number] + 2 for number in kept if number != _SUMMARY)
    widths[_SUMMARY] = max(20, out.width - rest) if out.is_terminal else _LONGEST
    out.print(_line(head, kept, widths), style="dim", markup=False)
    for hit, row in zip(hits, rows, strict=True):
        style = "dim" if hit.entry.deprecated else None
        out.print(_line(row, kept, widths), style=style, markup=False)
    said = f"{len(rows):,} of {found.matched:,} that match, " if search is not None else ""
    err.print(f"{said}{found.total:,} operations", style="dim")
    if not found.costs:
        text = f"tokens are counted for at most {COUNTED}: narrow with --search or --limit"
        err.print(text, style="dim")


def _cells(entry: Entry, found: _Found) -> list[str]:
    cost = found.costs.get(entry.place)
    tokens = "" if cost is None else "lost" if cost.tokens is None else f"{cost.tokens:,}"
    degraded = str(len(cost.degraded) or "") if cost else ""
    words = prose(entry.summary or entry.description)
    words = f"(deprecated) {words}" if entry.deprecated else words
    return [entry.name, tokens, degraded, one_line(entry.place, _ADDRESS), words]


def _line(cells: Sequence[str], kept: Sequence[int], widths: Mapping[int, int]) -> str:
    """One row: numbers to the right, the summary cut to its room."""
    shown = []
    for number in kept:
        cell, width = cells[number], widths[number]
        if cell_len(cell) > width:
            cell = set_cell_size(cell, width - 1).rstrip() + "…"
        shown.append(cell.rjust(width) if number in _NUMBERS else set_cell_size(cell, width))
    return "  ".join(shown).rstrip()
