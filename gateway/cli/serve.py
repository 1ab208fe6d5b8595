"""`gateway serve`: run the gateway."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import logging
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from gateway.app import Gateway, Options
from gateway.caching.stores import StoreError, store_of
from gateway.cli.common import (
    err,
    fail,
    json_option,
    leave,
    out,
    print_json,
    read,
    run,
    state_directory,
    state_option,
)
from gateway.config import Loaded
from gateway.config.scalars import Bytes
from gateway.errors import Mistakes
from gateway.proxy import MAX_BODY, MAX_CALLS

# Objects that come to be before garbage is looked for. A few calls make Python's own 700 of them:
# what is under way would be walked over and over, and calls leave nothing to be found.
COLLECTED_AFTER = 10_000
_ORIGIN = re.compile(r"https?://[^/?#@\s]+", re.IGNORECASE)


class _Port(click.IntRange):
    """A port, and what to do about the one clash of names that is not the reader's doing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value).startswith(("tcp://", "udp://")):
            text = (
                f"{value!r} is what Kubernetes sets for a Service called gateway; "
                "set GATEWAY_PORT in the container, or `enableServiceLinks: false` in the pod"
            )
            self.fail(text, param, ctx)
        return super().convert(value, param, ctx)


host_option = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="GATEWAY_HOST",
    show_envvar=True,
    help="The address to listen on.",
)
port_option = click.option(
    "--port",
    default=8080,
    show_default=True,
    type=_Port(0, 65535),
    envvar="GATEWAY_PORT",
    show_envvar=True,
    help="The port to listen on; 0 takes a free one.",
)


def _url(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and not value.startswith(("https://", "http://")):
        raise click.BadParameter("an absolute address, such as https://gateway.example")
    return value


public_url_option = click.option(
    "--public-url",
    default="",
    envvar="GATEWAY_PUBLIC_URL",
    show_envvar=True,
    callback=_url,
    help="The address that the world sees; written into the documents.",
)


def cannot_listen(host: str, port: int, error: OSError, *, as_json: bool) -> NoReturn:
    """Say why there is nothing to listen on, and leave with 1."""
    text = f"cannot listen on {host}:{port}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE:
        text = f"port {port} of {host} is in use; choose another with --port or GATEWAY_PORT"
    leave(text, 1, as_json=as_json)


def _network(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return values


def _origins(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _ORIGIN.fullmatch(value):
            text = "an origin is a scheme and a host, without a path: https://app.example"
            raise click.BadParameter(f"{value!r}: {text}")
    return tuple(value.lower() for value in values)  # as browsers write them


def _size(_: click.Context, __: click.Parameter, value: str) -> int:
    try:
        return Bytes.read(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _store(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        store_of(value, 0)
    except StoreError as error:
        raise click.BadParameter(str(error)) from None
    return value


def _configs(_: click.Context, __: click.Parameter, values: tuple[Path, ...]) -> tuple[Path, ...]:
    if values:
        return values
    if not Path("configs").is_dir():
        raise click.UsageError("name a config file or a directory of them; ./configs is not there")
    return (Path("configs"),)


@click.command()
@click.argument(
    "configs",
    nargs=-1,
    metavar="[FILE|DIR]...",
    type=click.Path(path_type=Path, exists=True),
    callback=_configs,
)
@host_option
@port_option
@public_url_option
@click.option(
    "--origin",
    "origins",
    multiple=True,
    envvar="GATEWAY_ORIGIN",
    show_envvar=True,
    callback=_origins,
    help="A browser origin to let in, beside the chat front ends. May be repeated.",
)
@click.option(
    "--trusted-proxy",
    "trusted",
    multiple=True,
    envvar="GATEWAY_TRUSTED_PROXY",
    show_envvar=True,
    callback=_network,
    help="Addresses whose X-Forwarded-For, -Proto and -Host or Forwarded count, as a CIDR; where "
    "both are there and differ, neither does. May be repeated.",
)
@click.option(
    "--max-body",
    default=Bytes(MAX_BODY).written,
    show_default=True,
    metavar="SIZE",
    envvar="GATEWAY_MAX_BODY",
    show_envvar=True,
    callback=_size,
    help="Bytes that a call may send, such as 10MiB; files need more than the default.",
)
@click.option(
    "--max-calls",
    default=MAX_CALLS,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    envvar="GATEWAY_MAX_CALLS",
    show_envvar=True,
    help="Calls that may be under way at once; more are told to come back (503).",
)
@click.option(
    "--store",
    default="",
    metavar="URL",
    envvar="GATEWAY_STORE",
    show_envvar=True,
    callback=_store,
    help="Where replies are stored that several gateways share: redis://, rediss:// or unix://. A "
    "password is better kept in the environment, and so is GATEWAY_STORE_KEY, a secret that makes "
    "what others write there worthless. By default each gateway keeps its own in memory.",
)
@state_option
@json_option
def serve(
    configs: tuple[Path, ...],
    host: str,
    port: int,
    public_url: str,
    origins: tuple[str, ...],
    trusted: tuple[str, ...],
    max_body: int,
    max_calls: int,
    store: str,
    state: Path | None,
    as_json: bool,
) -> None:
    """Serve plugins.

    Of config files, or of directories of them; by default of ./configs.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    loaded = read(configs, state, as_json=as_json)
    directory = state_directory(state)
    options = Options(
        host,
        port,
        public_url,
        origins,
        trusted,
        directory,
        store=store,
        store_key=os.environ.get("GATEWAY_STORE_KEY", ""),  # a secret is no option
        max_body=max_body,
        max_calls=max_calls,
    )
    try:
        run(_serve(loaded, options, as_json=as_json))
    except Mistakes as mistakes:
        fail(mistakes, as_json=as_json)
    except OSError as error:
        cannot_listen(host, port, error, as_json=as_json)


async def _serve(loaded: Sequence[Loaded], options: Options, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Gateway(loaded, options) as gateway:
        announce(gateway, as_json=as_json)
        # What was loaded stays for the process's life: the collector need not walk it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECTED_AFTER)
        await stop.wait()
        if not as_json:
            err.print("stopping: calls in flight may end", style="dim")


def announce(gateway: Gateway, *, as_json: bool) -> None:
    """Say what is served where."""
    base = gateway.options.public_url.rstrip("/") or gateway.url
    if as_json:
        sites = {
            site.name: {
                "url": f"{base}/{site.name}",
                "ready": site.plugin is not None,
                "operations": list(site.plugin.operations) if site.plugin else [],
            }
            for site in gateway.door.sites
        }
        print_json({"url": gateway.url, "plugins": sites})
        return
    for site in gateway.door.sites:
        state = _counted(len(site.plugin.chosen)) if site.plugin else site.waiting
        out.print(f"[bold]{site.name}[/bold]  {base}/{site.name}/  [dim]{state}[/dim]")
        if site.plugin is not None:
            for warning in site.plugin.warnings:
                err.print(str(warning), markup=False, style="yellow")
    out.print(f"listening on {gateway.url}", style="green")


def _counted(operations: int) -> str:
    return "1 operation" if operations == 1 else f"{operations} operations"
