"""The log of a command that runs for long: its options, and where it goes."""

from __future__ import annotations

import hashlib
import sys

import click

from gateway.telemetry.logs import KINDS, LEVELS, Kind, Level, Log, close_log, open_log

log_option = click.option(
    "--log",
    "kind",
    type=click.Choice(KINDS),
    envvar="GATEWAY_LOG",
    show_envvar=True,
    help="How a line for each call, and all else, is logged on standard error: `json`, the default "
    "where that is no terminal; `text`; or `no`, without the calls.",
)
log_level_option = click.option(
    "--log-level",
    "level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    envvar="GATEWAY_LOG_LEVEL",
    show_envvar=True,
    help="The least that is logged. A call is `info`, one that the upstream failed `warning`.",
)


def begin(kind: Kind | None, level: Level, secret: str = "") -> Log:
    """Log on standard error until the command ends.

    Args:
        kind: None is what suits standard error.
        level: The least.
        secret: What processes share that shall write the same digest for the same caller.
    """
    key = hashlib.blake2b(secret.encode(), person=b"log").digest() if secret else b""
    log = open_log(sys.stderr, kind, level, key=key)
    click.get_current_context().call_on_close(lambda: close_log(log))
    return log
