"""`python -m bench shrinking` (or `make bench-shrinking`): what making answers small costs.

Projection is measured beside orjson and jmespath, which do the same work in a process of their own
(`peers/orjson_jmespath.py`) and must come to the very same bytes. Both take turns; a figure is the
best of the rounds, in CPU time, so what else the machine does meets both and hardly counts.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from bench.outside import OUTSIDE
from bench.savings.measure import compiled
from bench.shrinking.answers import EXPRESSION, FIELDS, RUNGS, rows
from bench.shrinking.growth import PLOT, plot
from gateway.config.scalars import Budget
from gateway.shrinking import count
from gateway.shrinking.exact import tidy

GOAL = 3.0
TOKENS = 8_000
SIZES = (1_000_000, 10_000_000)
GROWTH = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
PEER = Path(__file__).parents[1] / "peers" / "orjson_jmespath.py"
Shrink = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Projected:
    """Milliseconds of CPU for an answer of so many bytes; `ratio` is the peer's over ours."""

    bytes: int
    ours: float
    peer: float
    ratio: float
    goal: float = GOAL


@dataclass(frozen=True)
class Fitted:
    """Of an answer that a rung decides: milliseconds of CPU for all of it, and which share of them
    is fitting, the rest being reading; `ratio` is all of it over reading by `json.loads`."""

    rung: str
    bytes: int
    tokens: int
    whole: float
    share: float
    ratio: float


@dataclass(frozen=True)
class Grown:
    """Milliseconds of CPU for an answer of so many bytes."""

    bytes: int
    fields: float
    budget: float


@click.command("shrinking")
@click.option("--rounds", default=7, show_default=True, help="How often each has its turn.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--plot", "as_plot", is_flag=True, help=f"Draw the growth into {PLOT.name}, too.")
def main(rounds: int, as_json: bool, as_plot: bool) -> None:
    """Measure projection beside orjson and jmespath, and fitting a budget."""
    err = Console(stderr=True)
    python, why = OUTSIDE["orjson"].found
    if why:
        err.print(f"orjson and jmespath are left out: {why}", style="yellow", markup=False)
    with err.status("measuring"):
        projected = [_projected(size, python, rounds) for size in SIZES] if python else []
        fitted = [measured_fit(rung, make(), rounds) for rung, make in RUNGS.items()]
        grown = [measured_growth(size, rounds) for size in GROWTH]
    points = [(one.bytes, one.fields, one.budget) for one in grown]
    if as_plot:
        PLOT.write_text(plot(points))
    if as_json:
        parts = {"projection": projected, "fit": fitted, "growth": grown}
        report = {name: [dataclasses.asdict(one) for one in of] for name, of in parts.items()}
        click.echo(json.dumps(report, indent=2))
        return
    out = Console(highlight=False, soft_wrap=True)
    for line in _said(projected, fitted, grown):
        out.print(line)


def _said(
    projected: Sequence[Projected], fitted: Sequence[Fitted], grown: Sequence[Grown]
) -> Iterator[str]:
    if projected:
        yield f"Projection, ms of CPU; orjson + jmespath over ours, goal ≥ {GOAL:g}:"
    for one in projected:
        colour = "green" if one.ratio >= one.goal else "red"
        yield (
            f"  {one.bytes / 1e6:5.2f} MB {one.ours:7.1f} {one.peer:8.1f}  "
            f"[{colour}]{one.ratio:.1f}[/]"
        )
    yield f"Fitted to {TOKENS:,} tokens, ms of CPU; the fit's share of that; all over json.loads:"
    for fit in fitted:
        yield (
            f"  {fit.rung:8} {fit.bytes / 1e6:.2f} MB {fit.tokens:6,} tokens {fit.whole:6.1f} "
            f"{fit.share:5.0%} {fit.ratio:5.2f}"
        )
    yield "Growth, ms of CPU by fields and to a budget:"
    for size in grown:
        yield f"  {size.bytes / 1e6:6.3f} MB {size.fields:8.2f} {size.budget:8.2f}"
    for name in ("fields", "budget"):
        yield f"  {name}: size to the power of {power(grown, name):.2f} from 1 MB to 10 MB"


def power(grown: Sequence[Grown], name: str) -> float:
    """How time grows with size over the last tenfold: 1 is linear."""
    *_, last = grown
    first = next(one for one in grown if one.bytes * 12 > last.bytes)
    times = getattr(last, name) / getattr(first, name)
    return math.log(times) / math.log(last.bytes / first.bytes)


# --- measuring ----------------------------------------------------------------------------------


def _projected(size: int, python: str, rounds: int) -> Projected:
    body = rows(size)
    shrink = _shrink(fields=FIELDS)
    with _peer(body, python) as (turn, answer):
        if answer != shrink(body):
            raise click.ClickException("the two projections differ: nothing would be measured")
        times = max(1, 5_000_000 // size)
        ours = peer = math.inf
        for _ in range(rounds):
            ours = min(ours, _taken(lambda: shrink(body), times))
            peer = min(peer, turn(times))
    return Projected(len(body), ours, peer, peer / ours)


@contextmanager
def _peer(body: bytes, python: str) -> Iterator[tuple[Callable[[int], float], bytes]]:
    """The peer: what gives it a turn and its milliseconds per projection, and what it makes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        file.write_bytes(body)
        command = [python, str(PEER), str(file), EXPRESSION]
        with subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            if process.stdin is None or process.stdout is None or not process.stdout.readline():
                raise click.ClickException("orjson and jmespath do not run")
            asked, said = process.stdin, process.stdout

            def turn(times: int) -> float:
                asked.write(f"{times}\n")
                return float(said.readline()) / times * 1000

            yield turn, Path(f"{file}.out").read_bytes()
            asked.close()


def measured_fit(rung: str, body: bytes, rounds: int) -> Fitted:
    shrink = _shrink(budget=Budget(TOKENS))
    tokens = count(shrink(body))  # the tokenizer is read before anything is measured
    whole = reading = loads = math.inf
    for _ in range(rounds):
        whole = min(whole, _taken(lambda: shrink(body), 1))
        reading = min(reading, _taken(lambda: tidy(body), 1))
        loads = min(loads, _taken(lambda: json.loads(body), 1))
    return Fitted(rung, len(body), tokens, whole, 1 - reading / whole, whole / loads)


def measured_growth(size: int, rounds: int) -> Grown:
    body = rows(size)
    times = max(1, 1_000_000 // size)
    by_fields, to_budget = _shrink(fields=FIELDS), _shrink(budget=Budget(TOKENS))
    fields = budget = math.inf
    for _ in range(rounds):
        fields = min(fields, _taken(lambda: by_fields(body), times))
        budget = min(budget, _taken(lambda: to_budget(body), times))
    return Grown(len(body), fields, budget)


def _shrink(**rules: object) -> Shrink:
    shrinker = compiled(rules)
    return lambda body: shrinker.shrink(body).body


def _taken(work: Callable[[], object], times: int) -> float:
    """CPU milliseconds of one call."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1000
