"""The command line: one file per command.

Exit codes: 0 it is well; 1 it ran and the outcome is bad (a call refused, a warning under
`--strict`); 2 a mistake in a config or in the command itself.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.call import call
from gateway.cli.check import check
from gateway.cli.demo import demo
from gateway.cli.explain import explain
from gateway.cli.init import init
from gateway.cli.ops import ops
from gateway.cli.serve import serve
from gateway.cli.trim import trim


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """Turn an HTTP API into a plugin for language models, by configuration alone."""


for command in (serve, check, explain, call, demo, init, ops, trim):
    main.add_command(command)
