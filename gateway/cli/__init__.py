"""The command line: one file per command.

Exit codes: 0 it is well; 1 it ran and the outcome is bad (a call refused, a warning under
`--strict`); 2 a mistake in a config or in the command itself.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from gateway import __version__
from gateway.authoring.words import one_line
from gateway.cli.call import call
from gateway.cli.check import check
from gateway.cli.common import print_json
from gateway.cli.demo import demo
from gateway.cli.explain import explain
from gateway.cli.export import export
from gateway.cli.init import init
from gateway.cli.mcp import mcp
from gateway.cli.ops import ops
from gateway.cli.report import report
from gateway.cli.serve import serve
from gateway.cli.shrink import shrink
from gateway.cli.suggest import suggest
from gateway.cli.tools import tools
from gateway.cli.trim import trim


class _Group(click.Group):
    """The one place where what no command has foreseen is told, in the form that is asked for."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> NoReturn:
        """Run a command and leave with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in given
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            # A terminal of another encoding lacks our `…`; that is no reason to say nothing.
            sys.stdout.reconfigure(errors="replace")
        options["standalone_mode"] = False
        try:
            left = super().main(given, *rest, **options)
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            _leave(error.format_message(), error.exit_code, as_json=as_json)
        except click.Abort:
            click.echo("stopped", err=True)
            _leave("stopped", 1, as_json=as_json)
        except OSError as error:
            _cannot_go_on(error, as_json=as_json)
        sys.exit(left if isinstance(left, int) else 0)


def _leave(message: str, code: int, *, as_json: bool) -> NoReturn:
    """What a program is told; a person has read it already."""
    if as_json:
        print_json({"error": message})
    sys.exit(code)


def _cannot_go_on(error: OSError, *, as_json: bool) -> NoReturn:
    """Of the machine: a full disk, a directory that may not be entered."""
    where = f"{one_line(str(error.filename), 80)}: " if error.filename else ""
    text = f"cannot go on: {where}{error.strerror or error}"
    with suppress(OSError):
        click.echo(text, err=True)
    with suppress(OSError):
        if error.filename is None:
            # What could not be written is not to be tried again while Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        elif as_json:
            print_json({"error": text})
    sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """Turn an HTTP API into a plugin for language models, by configuration alone."""


for command in (
    serve,
    mcp,
    check,
    explain,
    report,
    call,
    shrink,
    suggest,
    demo,
    init,
    ops,
    tools,
    trim,
    export,
):
    main.add_command(command)
