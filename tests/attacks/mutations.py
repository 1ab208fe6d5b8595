"""`make attacks`, `python -m tests.attacks.mutations`: each guard taken out, and who notices.

A mutation replaces a function or constant of the gateway, in this process, by what lets everything
through. The tables it names are run against that gateway; if no case turns red, nobody holds the
guard, and that is a failure.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import click
from rich.console import Console

import gateway.cli  # noqa: F401 - so that whoever took a function over has been imported
from tests.attacks.guards import MUTATIONS, Mutation
from tests.attacks.running import run
from tests.attacks.tables import TABLES

# --- taken out --------------------------------------------------------------------------------


def reached(mutation: Mutation) -> bool:
    """Whether all that a mutation takes out is there to be taken out."""
    return all(_found(target) is not None for target in mutation.takes)


def _found(target: str) -> tuple[Any, str] | None:
    module, _, path = target.partition(":")
    owner: Any = import_module(module)
    *above, name = path.split(".")
    for step in above:
        owner = getattr(owner, step, None)
    return (owner, name) if hasattr(owner, name) else None


@contextmanager
def without(mutation: Mutation) -> Iterator[None]:
    """The gateway without this guard."""
    with ExitStack() as stack:
        for target, make in mutation.takes.items():
            found = _found(target)
            assert found is not None, f"{target} is not there any more"
            owner, name = found
            original = vars(owner)[name] if name in vars(owner) else getattr(owner, name)
            plain = getattr(owner, name)
            changed = make(plain)
            places = [(owner, name)]
            if isinstance(owner, ModuleType) and not mutation.here:
                places = [*_known_as(plain)]
            for where, key in places:
                stack.callback(_set, where, key, original)
                _set(where, key, changed)
        stack.callback(_forget)
        _forget()
        yield


def _known_as(value: Any) -> Iterator[tuple[Any, str]]:
    """Every place in the gateway where this very object is known: modules, and tables in them."""
    for module in [one for name, one in sys.modules.items() if name.split(".")[0] == "gateway"]:
        for name, known in list(vars(module).items()):
            if known is value:
                yield module, name
            elif isinstance(known, dict) and not name.startswith("__"):
                yield from ((known, key) for key, one in known.items() if one is value)


def _set(where: Any, name: str, value: Any) -> None:
    if isinstance(where, dict):
        where[name] = value
    else:
        setattr(where, name, value)


def _forget() -> None:
    """Forget what was worked out with a guard, or without it."""
    for module in [one for name, one in sys.modules.items() if name.split(".")[0] == "gateway"]:
        for known in list(vars(module).values()):
            if callable(getattr(known, "cache_clear", None)):
                known.cache_clear()


# --- shown ------------------------------------------------------------------------------------


def caught(mutation: Mutation, most: int = 1) -> list[tuple[str, str]]:
    """The cases that turn red, and why; those of a table stop after so many."""
    found: list[tuple[str, str]] = []
    with without(mutation):
        for table in mutation.tables:
            verdicts = run(TABLES[table], most)
            found += [(name, faults[0]) for name, faults in verdicts.items() if faults]
    return found


@click.command()
@click.option("--only", multiple=True, help="Only mutations with this in their name.")
@click.option(
    "--all", "every", is_flag=True, help="Count every case, not the first that are found."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(only: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Take each guard out of the gateway, and say which attack gets through."""
    logging.disable(logging.CRITICAL)  # failures of the gateway are what is looked for
    out = Console(highlight=False, soft_wrap=True, stderr=as_json)
    chosen = [one for one in MUTATIONS if not only or any(part in one.name for part in only)]
    told = []
    wrong = {name for table in TABLES.values() for name, faults in run(table).items() if faults}
    if wrong:
        out.print(
            f"red with every guard in place: {', '.join(sorted(wrong))}", style="red", markup=False
        )
    for mutation in chosen:
        start = time.process_time()
        red = [one for one in caught(mutation, 0 if every else 1) if one[0] not in wrong]
        seconds = time.process_time() - start
        told.append(
            {
                "mutation": mutation.name,
                "takes": list(mutation.takes),
                "red": [dict(zip(("case", "why"), one, strict=True)) for one in red],
                "seconds": round(seconds, 2),
            }
        )
        first = f"{red[0][0]}: {red[0][1]}"[:150] if red else "NOBODY NOTICES"
        out.print(
            f"{mutation.name} | {len(red)} red | {first}", style="" if red else "red", markup=False
        )
    missed = [one["mutation"] for one in told if not one["red"]]
    out.print(f"{len(told)} guards taken out, {len(told) - len(missed)} noticed", markup=False)
    if as_json:
        click.echo(json.dumps(told, indent=1))
    click.get_current_context().exit(1 if missed or wrong else 0)


if __name__ == "__main__":
    main()
