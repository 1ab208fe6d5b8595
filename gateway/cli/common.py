"""What the commands share: reading configs, running the loop, printing."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec
from multidict import CIMultiDict
from rich.console import Console
from rich.text import Text

from gateway.cli.progress import progress
from gateway.config import Loaded, ReadMistakes, read_configs
from gateway.errors import Mistakes, SpecUnavailable
from gateway.loading import load_plugin
from gateway.plugin import Plugin
from gateway.spec.source import Progress

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="GATEWAY_STATE",
    show_envvar=True,
    help="Directory for caches: fetched specs are kept there, so that a restart offline works. "
    "[default: $XDG_CACHE_HOME/plugin-gateway, else ~/.cache/plugin-gateway]",
)
configs_argument = click.argument(
    "configs",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
)
config_argument = click.argument("config", type=click.Path(path_type=Path, exists=True))
args_option = click.option(
    "--args",
    "arguments",
    default="{}",
    metavar="JSON",
    help="The operation's arguments as one JSON object.",
)

# Line feeds and tabs are ours to print; an escape sequence in a spec is not the spec's to send.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class _Console(Console):
    """Shows control characters of what it prints, instead of letting a terminal obey them."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text that is printed comes through here, those of tables too."""
        shown = _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
        return super().render_str(shown, **options)


out = _Console(highlight=False, soft_wrap=True)
err = _Console(highlight=False, soft_wrap=True, stderr=True)


def state_directory(chosen: Path | None) -> Path:
    """The chosen directory, or the user's cache (XDG Base Directory Specification)."""
    if chosen is not None:
        return chosen
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "plugin-gateway"


def read(
    paths: Sequence[Path],
    state: Path | None,
    *,
    as_json: bool,
    env: Mapping[str, str] = os.environ,
) -> list[Loaded]:
    """Read configs; with mistakes, show them all and leave with 2.

    What is right about a config with mistakes is checked against its spec all the same, so that
    nobody mends one round only to see the next.
    """
    try:
        return read_configs(paths, env)
    except ReadMistakes as mistakes:
        fail(run(_with_those_of_specs(mistakes, state_directory(state))), as_json=as_json)


async def _with_those_of_specs(mistakes: ReadMistakes, state: Path) -> Mistakes:
    try:
        await compile_all(mistakes.partial, state)
    except Mistakes as more:
        return mistakes.joined(more.mistakes)
    return mistakes


async def compile_all(
    loaded: Sequence[Loaded], state: Path, tell: Progress = lambda _: None
) -> list[Plugin | SpecUnavailable]:
    """Every plugin, or why its spec cannot be had.

    Raises:
        Mistakes: those of all files.
    """
    got = await asyncio.gather(*(_compile(one, state, tell) for one in loaded))
    mistakes = [one for error in got if isinstance(error, Mistakes) for one in error.mistakes]
    if mistakes:
        raise Mistakes(mistakes)
    return [one for one in got if not isinstance(one, Mistakes)]


async def _compile(
    loaded: Loaded, state: Path, tell: Progress
) -> Plugin | SpecUnavailable | Mistakes:
    try:
        return await load_plugin(loaded, state, tell)
    except (Mistakes, SpecUnavailable) as error:
        return error


def read_one(config: Path, state: Path | None, *, as_json: bool) -> Plugin:
    """Read and compile the plugin of one file."""
    loaded = read([config], state, as_json=as_json)
    return compiled(loaded, config, state, as_json=as_json)


def compiled(
    loaded: Sequence[Loaded], config: Path, state: Path | None, *, as_json: bool
) -> Plugin:
    """Compile the one plugin that was read of a file."""
    if len(loaded) != 1:
        raise click.UsageError(f"{config} holds {len(loaded)} plugins; name one file")
    try:
        with progress(err, f"reading the spec of {loaded[0].plugin.plugin}") as tell:
            return run(load_plugin(loaded[0], state_directory(state), tell))
    except Mistakes as mistakes:
        fail(mistakes, as_json=as_json)
    except SpecUnavailable as error:
        leave(str(error), 1, as_json=as_json)


def fail(mistakes: Mistakes, *, as_json: bool) -> NoReturn:
    """Show mistakes and leave with 2."""
    if as_json:
        print_json({"mistakes": mistakes.mistakes})
    else:
        for one in mistakes.mistakes:
            err.print(str(one), markup=False, style="red")
        count = len(mistakes.mistakes)
        err.print(f"{count} mistake{'s' if count != 1 else ''}", style="bold red")
    sys.exit(2)


def leave(message: str, code: int, *, as_json: bool) -> NoReturn:
    """Say why and leave."""
    if as_json:
        print_json({"error": message})
    else:
        err.print(message, markup=False, style="red")
    sys.exit(code)


def print_json(value: Any) -> None:
    """Print for programs: one JSON document."""
    encoded = msgspec.json.encode(value, enc_hook=_plain)
    click.echo(msgspec.json.format(encoded, indent=2).decode())


def parse_arguments(text: str) -> bytes:
    """The text of --args; `-` reads standard input."""
    return sys.stdin.buffer.read() if text == "-" else text.encode()


def caller_headers(headers: Sequence[str]) -> CIMultiDict[str]:
    """`NAME: VALUE` texts as headers. Raises: BadParameter, where there is no colon."""
    found: CIMultiDict[str] = CIMultiDict()
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            # What stands there may be a secret: it is not repeated.
            raise click.BadParameter("write NAME: VALUE, with a colon", param_hint="--header")
        found.add(name.strip(), value.strip())
    return found


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one: a third more calls per second than asyncio's own."""
    results: list[T] = []

    async def kept() -> None:
        # A runner has its task described in words at its end, the task's result included: of
        # plugins with all their components that takes longer than to make them.
        results.append(await coroutine)

    try:
        import uvloop
    except ImportError:
        asyncio.run(kept())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(kept())
    return results[0]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
