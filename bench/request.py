"""`python -m bench request`: what a call costs before it is sent, without any server.

Its arguments are checked and made a request of, beside what jsonschema, which is Python alone,
needs to check the same arguments against the same schemas. Both take turns in one process; the
figure is the best of the rounds, in CPU time.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from jsonschema import Draft202012Validator
from rich.console import Console

from gateway.config import read_configs
from gateway.inplace import document
from gateway.plugin import Operation, build
from gateway.request.check import checker_of_all

CONFIG = Path(__file__).with_name("request.yaml")
ARGUMENTS = {
    "shop": "north end",
    "reference": "AB-123456",
    "limit": 25,
    "ids": [1, 22, 333, 4444],
    "paid": True,
}
GOAL = 25.0
_CALLS = 2000  # of a round: some milliseconds


@dataclass(frozen=True)
class Figures:
    """Microseconds of CPU per call: `whole` is checking and building, `check` that part of it
    alone. `ratio` is the check by jsonschema over our check."""

    whole: float
    check: float
    jsonschema: float
    ratio: float
    goal: float = GOAL


@click.command("request")
@click.option("--rounds", default=20, show_default=True, help="How often each has its turn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(rounds: int, as_json: bool) -> None:
    """Measure the checking of five arguments and the building of the request together."""
    found = measure(rounds)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found)))
        return
    out = Console(highlight=False)
    colour = "green" if found.whole <= found.goal else "red"
    out.print("µs of CPU per call with five parameters:")
    out.print(f"  checked and built  [{colour}]{found.whole:.1f}[/{colour}], goal ≤ {found.goal:g}")
    out.print(f"  the check alone    {found.check:.1f}")
    out.print(f"  jsonschema's check {found.jsonschema:.1f}, {found.ratio:.0f} times ours")


def measure(rounds: int) -> Figures:
    """Let both take turns, so that whatever else the machine does meets both."""
    operation = _operation()
    names = {name: one.schema for name, one in operation.by_name.items()}
    ours, _ = checker_of_all(operation.arguments, {})
    if ours is None:
        raise click.ClickException("the arguments are not checked: nothing would be measured")
    valid = ours.valid
    theirs = Draft202012Validator(
        {
            "type": "object",
            "properties": names,
            "required": [one.name for one in operation.arguments if one.required],
            "additionalProperties": False,
        }
    )
    if not theirs.is_valid(ARGUMENTS):
        raise click.ClickException("the arguments are wrong: nothing would be measured")
    best = dict.fromkeys(("whole", "check", "jsonschema"), float("inf"))
    for _ in range(rounds):
        for name, work, times in (
            ("whole", lambda: operation.build(ARGUMENTS, {}), _CALLS),
            ("check", lambda: valid(ARGUMENTS), _CALLS),
            ("jsonschema", lambda: theirs.is_valid(ARGUMENTS), _CALLS // 10),
        ):
            best[name] = min(best[name], _taken(work, times))
    return Figures(**best, ratio=best["jsonschema"] / best["check"])


def _operation() -> Operation:
    (loaded,) = read_configs([CONFIG], {})
    (operation,) = build(loaded, document(loaded.plugin)).chosen
    return operation


def _taken(work: Callable[[], Any], times: int) -> float:
    """CPU microseconds of one call."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e6
