"""`gateway shrink`: what an operation's rules make of a saved answer, step by step."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click
from rich.table import Table

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
from gateway.cli.saved import Size, answer_of, bar, name_of, percent, plugin_of, size_of
from gateway.media import charset, kind
from gateway.plugin import Operation
from gateway.shrinking import ReshapeError, Shrinker

_AS_SENT = "as sent"
_JSON = "application/json"


class Step(NamedTuple):
    """What is left after a rule."""

    step: str
    text: bytes
    size: Size


@click.command()
@config_argument
@click.argument("operation")
@click.argument("file")
@click.option(
    "--content-type",
    default=_JSON,
    show_default=True,
    metavar="TYPE",
    help="What the upstream calls it, such as 'text/html; charset=utf-8'.",
)
@click.option("--answer", "with_answer", is_flag=True, help="Print the answer, too.")
@state_option
@json_option
def shrink(
    config: Path,
    operation: str,
    file: str,
    content_type: str,
    with_answer: bool,
    state: Path | None,
    as_json: bool,
) -> None:
    """Show what the rules save of a saved answer.

    FILE is a reply of CONFIG's OPERATION as the upstream sent it; `-` reads standard input.
    Tokens are exact (o200k_base), after each rule. Nothing is sent.
    """
    body = answer_of(file, as_json=as_json)
    plugin = plugin_of(config, state, as_json=as_json)
    chosen = operation_of(plugin, operation, as_json=as_json)
    try:
        steps = _steps(chosen, body, content_type)
    except ValueError as error:
        leave(f"{name_of(file)}: {error}", 2, as_json=as_json)
    answer = steps[-1].text.decode("utf-8", "replace")
    if as_json:
        report = {
            "operation": chosen.name,
            "rules": chosen.shrinker.words,
            "budget": _budget(chosen.shrinker),
            "steps": [{"step": one.step, **asdict(one.size)} for one in steps],
        }
        print_json({**report, "answer": answer} if with_answer else report)
        return
    _print(chosen.shrinker, steps, to_stderr=with_answer)
    if with_answer:
        click.echo(answer)


def _steps(operation: Operation, body: bytes, content_type: str) -> list[Step]:
    """What is left after each rule, what came first. Raises: ValueError, where the rules cannot
    be applied."""
    shrinker = operation.shrinker
    texts = [(_AS_SENT, body)]
    if kind(content_type) == "json":
        try:
            texts += shrinker.stages(body, charset(content_type))
        except ReshapeError:
            raise
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            text = "it is not JSON; say what it is with --content-type, such as text/html"
            raise ValueError(text) from None
    elif shrinker.take is not None:
        raise ValueError(
            f"{content_type} is not JSON, so there is nothing that `fields` or `jmespath` of "
            f"{operation.name} could be taken out of"
        )
    else:
        texts.append(("answer", shrinker.shrink_other(body, content_type)[0]))
    return [Step(step, text, size_of(text)) for step, text in texts]


def _budget(shrinker: Shrinker) -> dict[str, int] | None:
    budget = shrinker.budget
    return {"tokens": budget.tokens, "chars": budget.chars} if budget else None


def _print(shrinker: Shrinker, steps: list[Step], *, to_stderr: bool) -> None:
    """The table; beside an answer on stderr, so that the answer can be piped."""
    first = steps[0].size.tokens
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("step", no_wrap=True)
    for name in ("tokens", "bytes", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in steps:
        tokens, size = one.size.tokens, one.size.bytes
        left = percent(tokens, first)
        table.add_row(one.step, f"{tokens:,}", f"{size:,}", left, bar(tokens / max(1, first)))
    console = err if to_stderr else out
    console.print(table)
    budget, last = shrinker.budget, steps[-1].size.tokens
    said = shrinker.describe()
    if budget.tokens:
        said += f"; the answer fills {percent(last, budget.tokens)} of the budget"
    console.print(said, markup=False, style="dim")
