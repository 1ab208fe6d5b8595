"""`python -m bench specs`: what reading a spec costs, and what is left of it.

Every spec has a process of its own. Times are CPU time, the best of some; the ratio is to what
the standard library's `json.loads` needs for the same document as JSON, in the same process.
Memory is what the process grew by while it read, trimmed and served it once.
"""

from __future__ import annotations

import dataclasses
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "specs"
SUFFIXES = (".json", ".yaml", ".yml")
# What the figures in docs/performance.md are of, where a spec has them; else five are drawn.
KNOWN = (
    ("repos/get", "issues/list-for-repo", "issues/create", "pulls/list", "search/repos"),
    ("GetCustomers", "PostCustomers", "GetCharges", "GetInvoices", "PostRefunds"),
)
# Of `json.loads`: JSON has to be decoded from bytes and looked through, YAML is another matter.
GOALS = {".json": 3.0, ".yaml": 16.0, ".yml": 16.0}


@dataclass(frozen=True)
class Figures:
    """One spec: milliseconds of CPU, MiB, tokens; `ratio` is of reading and trimming."""

    name: str
    operations: int
    bytes: int
    loads: float
    read: float
    trim: float
    serve: float
    ratio: float
    memory: float
    tokens: int
    served: int


@click.command("specs")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(paths: tuple[Path, ...], as_json: bool) -> None:
    """Measure reading, trimming and serving five operations of each spec in PATHS."""
    files = list(_files(paths or (DATA,)))
    if not files:
        raise click.ClickException("no specs: name files or folders that hold .json or .yaml")
    err = Console(stderr=True)
    results, skipped = [], {}
    for file in track(files, "measuring", console=err, transient=True):
        command = [sys.executable, "-m", "bench.specs", "--one", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
        if done.returncode:
            skipped[file.name] = (done.stderr.strip().splitlines() or ["?"])[-1]
        else:
            results.append(Figures(**json.loads(done.stdout)))
    if as_json:
        figures = [dataclasses.asdict(one) for one in results]
        click.echo(json.dumps({"specs": figures, "skipped": skipped}, indent=2))
        return
    out = Console(highlight=False)
    out.print(_table(results))
    for name, why in skipped.items():
        out.print(f"{name}: {why}", markup=False, style="dim")


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                one for one in path.iterdir() if one.suffix in SUFFIXES and one.stem != "manifest"
            )
        else:
            yield path


def _table(results: list[Figures]) -> Table:
    shown = Table(
        title="CPU ms; (read + trim) / json.loads, at most 3 of JSON and 16 of YAML; tokens"
    )
    shown.add_column("spec", no_wrap=True, overflow="fold", max_width=28)
    for name in ("ops", "MB", "loads", "read", "trim", "serve", "ratio", "MiB", "tokens", "served"):
        shown.add_column(name, justify="right")
    for one in results:
        goal = GOALS[Path(one.name).suffix]
        # Of a small file, what is measured is the clock.
        fair = one.loads >= 1
        colour = "" if not fair else "green" if one.ratio <= goal else "red"
        ratio = f"{one.ratio:.1f}"
        shown.add_row(
            one.name,
            f"{one.operations:,}",
            f"{one.bytes / 1e6:.2f}",
            f"{one.loads:.1f}",
            f"{one.read:.1f}",
            f"{one.trim:.1f}",
            f"{one.serve:.0f}",
            f"[{colour}]{ratio}[/]" if colour else ratio,
            f"{one.memory:.0f}",
            f"{one.tokens:,}",
            f"{one.served:,}",
        )
    return shown


# --- one spec, in a process of its own ----------------------------------------------------------


def measure(file: Path) -> Figures:
    """Measure one spec."""
    from gateway.config import read_configs
    from gateway.faces import openapi
    from gateway.listing import listed
    from gateway.plugin import build
    from gateway.shrinking import count
    from gateway.spec.document import parse
    from gateway.spec_filter import trim

    text = file.read_bytes()
    count(b"the tokenizer is read before anything is measured")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = parse(text, file.name)
    every = listed(document)
    chosen = five(every)
    trim(document, chosen)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "measured.yaml"
        entries = "".join(f"  - {json.dumps(f'{m} {p}')}\n" for m, p in chosen)
        config.write_text(
            f"plugin: measured\nspec: {json.dumps(str(file.resolve()))}\n"
            f"upstream: {{url: https://api.example.com}}\noperations:\n{entries}"
        )
        (loaded,) = read_configs([config], {})
    plugin = build(loaded, document, file.name)
    served = openapi.describe(plugin, "https://gateway.example/measured")["3.0"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    as_json = json.dumps(document, default=str)

    def ready() -> None:
        openapi.describe(build(loaded, document, file.name), "https://gateway.example/measured")

    loads = _best(lambda: json.loads(as_json))
    read = _best(lambda: parse(text, file.name))
    trimming = _best(lambda: (listed(document), trim(document, chosen)))
    return Figures(
        name=file.name,
        operations=len(every),
        bytes=len(text),
        loads=loads,
        read=read,
        trim=trimming,
        serve=_best(ready),
        ratio=(read + trimming) / loads,
        memory=memory / 1024,
        tokens=count(as_json.encode("utf-8", "replace")),
        served=served.tokens,
    )


def five(every: Any) -> list[tuple[str, str]]:
    """The five that are known, else five drawn by a fixed seed."""
    by_id = {one.operation_id: (one.method, one.path) for one in every}
    for known in KNOWN:
        if all(name in by_id for name in known):
            return [by_id[name] for name in known]
    places = [(one.method, one.path) for one in every]
    if not places:
        raise click.ClickException("it has no operations")
    return random.Random(5).sample(places, min(5, len(places)))  # noqa: S311 - the same each time


def _best(work: Callable[[], object]) -> float:
    """CPU milliseconds of the best of some runs: more of them, the shorter they are."""
    spent, best = 0.0, float("inf")
    for _ in range(30):
        start = time.process_time()
        work()
        took = time.process_time() - start
        best, spent = min(best, took), spent + took
        if spent > 2:
            break
    return best * 1000


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        sys.stdout.write(json.dumps(dataclasses.asdict(measure(Path(sys.argv[2])))))
    else:
        main()
