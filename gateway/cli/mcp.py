"""`gateway mcp`: serve plugins over MCP to the one client that starts this process."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from gateway import stdio
from gateway.app import Gateway, Options
from gateway.cli.common import (
    configs_argument,
    err,
    fail,
    leave,
    read,
    run,
    state_directory,
    state_option,
)
from gateway.cli.log import begin
from gateway.cli.mcp_clients import CLIENTS, Server, this_program
from gateway.cli.unset import read_without_secrets, variables_of
from gateway.config import Loaded, types
from gateway.errors import Mistakes

_KEY = "GATEWAY_KEY"
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


@click.command()
@configs_argument
@state_option
@click.option(
    "--print-config",
    "client",
    type=click.Choice(list(CLIENTS)),
    help="Print what this client's configuration needs, and stop.",
)
def mcp(configs: tuple[Path, ...], state: Path | None, client: str | None) -> None:
    """Serve plugins over MCP, by stdio.

    A client starts this with config files, or directories of them, and speaks MCP on standard
    input and output; --print-config says what to tell it. Over HTTP `gateway serve` serves MCP.

    Where a plugin's callers bring the upstream's own key, GATEWAY_KEY_<PLUGIN> holds it, or
    GATEWAY_KEY where there is one such plugin.
    """
    if client is not None:
        _print(configs, state, client)
        return
    outgoing = _apart()
    begin("text", "info")
    env = _FilledIn()
    loaded = read(configs, state, as_json=False, env=env)
    proofs = _proofs(loaded, env)
    loaded = [_keeping(one, proofs.get(one.plugin.plugin, "")) for one in loaded]
    try:
        run(_serve(loaded, proofs, Options(state=state_directory(state)), outgoing))
    except Mistakes as mistakes:
        fail(mistakes, as_json=False)


def _apart() -> int:
    """Standard output for messages alone; whatever else is written there goes to standard error."""
    outgoing = os.dup(1)
    os.dup2(2, 1)
    return outgoing


async def _serve(
    loaded: Sequence[Loaded], proofs: Mapping[str, str], options: Options, outgoing: int
) -> None:
    stop = asyncio.Event()
    _on_signals(stop)
    gateway = Gateway(loaded, options)
    local = stdio.Local(lambda: gateway.door.sites, proofs, alone=len(loaded) == 1)

    async def load() -> None:
        await gateway.load()
        for site in gateway.door.sites:
            for warning in site.plugin.warnings if site.plugin is not None else ():
                err.print(str(warning), markup=False, style="yellow")

    try:
        await stdio.converse(local.answer, load, 0, outgoing, stop)
    finally:
        await gateway.close()


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


# --- the keys of the environment --------------------------------------------------------------


class _FilledIn(Mapping[str, str]):
    """The environment without placeholders, which some clients pass on as they are."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = os.environ[name]
        if not _PLACEHOLDER.fullmatch(value):
            return value
        if name not in self._told:
            self._told.add(name)
            text = f"{name} holds a placeholder: write the value into the client's "
            err.print(f"{text}configuration, or set it in its environment", markup=False)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _with_keys(loaded: Sequence[Loaded]) -> dict[str, types.Scheme]:
    """The plugins whose callers bring the upstream's own key, and how it is shown there."""
    found: dict[str, types.Scheme] = {}
    for one in loaded:
        auth = one.plugin.auth
        if isinstance(auth, types.Auth) and auth.service is None:
            found[one.plugin.plugin] = auth.user.scheme if auth.user is not None else "bearer"
    return found


def _variable(plugin: str) -> str:
    return f"{_KEY}_{plugin.upper()}"


def _proofs(loaded: Sequence[Loaded], env: Mapping[str, str]) -> dict[str, str]:
    """What stands in Authorization, by plugin; leaves where a key is missing."""
    schemes = _with_keys(loaded)
    proofs: dict[str, str] = {}
    wrong: list[str] = []
    for name, scheme in schemes.items():
        variable = _variable(name)
        if len(schemes) == 1 and variable not in env and _KEY in env:
            variable = _KEY
        key = env.get(variable, "").strip()
        if not key:
            text = f"{name}: its callers bring the upstream's own key; set {variable}"
            wrong.append(text + (f" or {_KEY}" if len(schemes) == 1 else ""))
        elif " " in key or not key.isprintable():
            wrong.append(f"{name}: {variable} holds a space or what no header may hold")
        else:
            if scheme == "basic" and ":" in key:
                key = base64.b64encode(key.encode()).decode()
            proofs[name] = f"{scheme.title()} {key}"
    if wrong:
        leave("\n".join(wrong), 2, as_json=False)
    return proofs


def _keeping(loaded: Loaded, proof: str) -> Loaded:
    """A config whose key is kept out of logs and answers, as its own secrets are."""
    shown = proof.partition(" ")[2]
    return replace(loaded, secrets=loaded.secrets | {shown}) if shown else loaded


# --- what a client's configuration needs ------------------------------------------------------


def _print(configs: tuple[Path, ...], state: Path | None, client: str) -> None:
    loaded, _ = read_without_secrets(configs, state, as_json=False)
    names = [one.plugin.plugin for one in loaded]
    variables = [*variables_of(configs), *map(_variable, _with_keys(loaded))]
    command, *rest = this_program()
    kept = ["--state", str(state.absolute())] if state is not None else []
    paths = [str(path.absolute()) for path in configs]
    server = Server(
        name=names[0] if len(names) == 1 else "plugin-gateway",
        command=command,
        args=(*rest, "mcp", *kept, *paths),
        variables=tuple(dict.fromkeys(variables)),
    )
    text, told = CLIENTS[client](server)
    click.echo(text)
    err.print(told, markup=False, style="dim")
