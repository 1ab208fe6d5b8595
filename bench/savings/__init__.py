"""`python -m bench savings` (or `make bench-savings`): what is left of answers, rule by rule.

Over a folder of saved answers, or those of the demo's upstreams, which anybody can make. Tokens
are exact (o200k_base), shares are of the answer as it was sent. `questions.yaml` and `rules.yaml`
beside this file are of the shared payloads: what people would ask of each, and the rules that
leave what it takes to answer. A test holds that they do.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.savings.answers import RULES, of_demo, of_folder
from bench.savings.measure import BUDGETS, FORMS, Saved, geometric, measure

_WIDTH = 140  # characters; where there is no terminal, nothing is to be cut to one
LEAST = 0.75  # of a budget; an emptier answer is explained


@click.command("savings")
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--rules",
    default=RULES,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML: by a file's name without .json, the keys of its operation.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(folder: Path | None, rules: Path, as_json: bool) -> None:
    """Measure what is left of the answers in FOLDER (*.json), by default the demo's."""
    answers = of_demo() if folder is None else of_folder(folder, rules)
    if not answers:
        raise click.UsageError(f"{folder} holds no *.json")
    err = Console(stderr=True)
    rows = []
    with err.status("counting") as status:
        for one in answers:
            status.update(f"counting {escape(one.name)}")
            try:
                rows.append(measure(one))
            except ValueError as error:
                raise click.ClickException(f"{one.name}: {error}") from None
    if as_json:
        click.echo(json.dumps(report(rows), indent=2))
        return
    out = Console(highlight=False, soft_wrap=True, width=max(err.width, _WIDTH))
    out.print(table(rows))
    for line in said(rows):
        out.print(line, markup=False)


def report(rows: Sequence[Saved]) -> dict[str, object]:
    """All of it, for programs."""
    full = [cut.filled for row in rows for cut in row.cuts.values()]
    return {
        "answers": [asdict(row) for row in rows],
        "geometric_means": {form: geometric(rows, form) for form in FORMS},
        "cut": len(full),
        "next_would_fit": sum(cut.next_cost <= 1 for row in rows for cut in row.cuts.values()),
        "median_filled": statistics.median(full) if full else None,
    }


def table(rows: Sequence[Saved]) -> Table:
    """Shares of the tokens as sent; of budgets what the answer costs."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("answer", no_wrap=True)
    for name in ("tokens", *FORMS, *(f"{budget // 1000}k" for budget in BUDGETS)):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        shares = [_share(row.share(form)) for form in FORMS]
        budgets = [_budget(row, budget) for budget in BUDGETS]
        shown.add_row(escape(row.name), f"{row.tokens:,}", *shares, *budgets)
    means = [_share(geometric(rows, form)) for form in FORMS]
    shown.add_row("[bold]geometric mean", "", *(f"[bold]{mean}" for mean in means))
    return shown


def said(rows: Sequence[Saved]) -> list[str]:
    """How full the budgets are."""
    cuts = [(row, budget, cut) for row in rows for budget, cut in row.cuts.items()]
    if not cuts:
        return ["every answer fits every budget"]
    full = [cut.filled for *_, cut in cuts]
    median, least = statistics.median(full), min(full)
    room = sum(cut.next_cost <= 1 for *_, cut in cuts)
    lines = [f"cut {len(cuts)} times, to {median:.1%} of the budget (median), at least {least:.1%}"]
    lines += [f"{room} times the least of what was left out next would have fitted"] if room else []
    for row, budget, cut in cuts:
        if cut.filled < LEAST:
            lines.append(
                f"{row.name}, {budget:,}: {cut.filled:.0%} full; with the next {cut.next_what} "
                f"({cut.next_path}) it would be {cut.next_cost:.0%}"
            )
    return lines


def _share(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:.2f}" if share >= 0.1 else f"{share:.3f}"


def _budget(row: Saved, budget: int) -> str:
    cut = row.cuts.get(budget)
    return "·" if cut is None else f"{cut.tokens:,} {cut.filled:.0%}"
