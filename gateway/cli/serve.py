"""`gateway serve`: run the gateway."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from gateway import __version__
from gateway.admin import DEFAULT, Address, address_of
from gateway.app import Options
from gateway.caching.stores import StoreError, store_of
from gateway.cli.common import (
    fail,
    json_option,
    leave,
    read,
    run,
    state_directory,
    state_option,
)
from gateway.cli.log import begin, log_level_option, log_option
from gateway.cli.serving import CannotListen, Serving, serve_alone
from gateway.cli.several import supervise, work
from gateway.config import read_configs
from gateway.config.scalars import Bytes
from gateway.errors import Mistakes
from gateway.incoming import MAX_BODY
from gateway.listening import Tls, TlsError, can_share
from gateway.proxy import MAX_CALLS
from gateway.telemetry.logs import Kind, Level
from gateway.telemetry.traces import open_traces
from gateway.workers import WorkerFailed, place_of

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


def cannot_listen(
    host: str, port: int, error: OSError, *, option: str = "--port", as_json: bool
) -> NoReturn:
    """Say why there is nothing to listen on, and leave with 1."""
    where = f"port {port} of {host}"
    if option == "--unix":
        where = host
    text = f"cannot listen on {where}: {error.strerror or error}"
    if error.errno == errno.EADDRINUSE:
        variable = option.replace("--", "GATEWAY_").upper()
        text = f"{where} is in use; choose another with {option} or {variable}"
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


def _address(_: click.Context, __: click.Parameter, value: str) -> Address | None:
    try:
        return address_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    envvar="GATEWAY_WORKERS",
    show_envvar=True,
    help="Processes that serve, on one port; more than one needs --store.",
)
@click.option(
    "--unix",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GATEWAY_UNIX",
    show_envvar=True,
    help="Listen on a unix socket at this path instead of host and port.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    envvar="GATEWAY_TLS_CERT",
    show_envvar=True,
    help="Serve https with this certificate chain (PEM); read again when it changes.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path),
    envvar="GATEWAY_TLS_KEY",
    show_envvar=True,
    help="The certificate's private key (PEM, no password).",
)
@click.option(
    "--drain",
    default=8.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    envvar="GATEWAY_DRAIN",
    show_envvar=True,
    help="What calls in flight have when the gateway is told to stop.",
)
@click.option(
    "--admin",
    "admin",
    default=DEFAULT,
    show_default=True,
    metavar="HOST:PORT",
    envvar="GATEWAY_ADMIN",
    show_envvar=True,
    callback=_address,
    help="Where the operator finds /metrics, /report and /readyz with reasons; `no` for nowhere.",
)
@log_option
@log_level_option
@state_option
@json_option
@click.pass_context
def serve(
    context: click.Context,
    configs: tuple[Path, ...],
    host: str,
    port: int,
    public_url: str,
    origins: tuple[str, ...],
    trusted: tuple[str, ...],
    max_body: int,
    max_calls: int,
    store: str,
    workers: int,
    unix: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    drain: float,
    admin: Address | None,
    kind: Kind | None,
    level: Level,
    state: Path | None,
    as_json: bool,
) -> None:
    """Serve plugins.

    Of config files, or of directories of them; by default of ./configs.
    """
    store_key = os.environ.get("GATEWAY_STORE_KEY", "")  # a secret is no option
    try:
        place = place_of(os.environ)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    key = store_key or (place.key.hex() if place is not None else "")
    log = begin(kind, level, key)
    serves = workers == 1 or place is not None
    if workers > 1:
        _may_be_several(store)
    serving = Serving(
        Options(
            host,
            port,
            public_url,
            origins,
            trusted,
            state_directory(state),
            store=store,
            store_key=store_key,
            key=key,
            max_body=max_body,
            max_calls=max_calls,
            log=log,
            traces=open_traces(os.environ, __version__) if serves else None,
        ),
        partial(read_configs, configs, os.environ),
        configs,
        workers=workers,
        unix=unix,
        tls=_tls(tls_cert, tls_key, unix),
        drain=drain,
        admin=admin,
        admin_asked=context.get_parameter_source("admin") is not ParameterSource.DEFAULT,
        as_json=as_json,
    )
    if place is not None:
        run(work(serving, place))
        return
    loaded = read(configs, state, as_json=as_json)
    try:
        run((supervise if workers > 1 else serve_alone)(loaded, serving))
    except Mistakes as mistakes:
        fail(mistakes, as_json=as_json)
    except CannotListen as error:
        cannot_listen(error.host, error.port, error.error, option=error.option, as_json=as_json)
    except WorkerFailed as error:
        if error.mistakes:
            fail(Mistakes(error.mistakes), as_json=as_json)
        leave(str(error), 1, as_json=as_json)


def _may_be_several(store: str) -> None:
    """Raises: UsageError, where several processes would not serve as one."""
    if not can_share():
        raise click.UsageError("--workers: several processes cannot share a port on this system")
    if not store:
        raise click.UsageError(
            "--workers: more than one needs --store redis://…, or each would count limits, keep "
            "handles and fetch for itself; with one worker no store is needed"
        )


def _tls(certificate: Path | None, key: Path | None, unix: Path | None) -> Tls | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together")
    if unix is not None:
        raise click.UsageError("--unix: nobody listens in on a unix socket; leave --tls-cert out")
    try:
        return Tls(certificate, key)
    except TlsError as error:
        raise click.UsageError(f"--tls-cert: {error}") from None
