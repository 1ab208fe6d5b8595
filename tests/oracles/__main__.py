"""`python -m tests.oracles` (or `make oracles`): do the vendors' packages take our tools?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import click

from tests.clients.environments import NotInstalledError, environment
from tests.oracles.collecting import HERE, documents


@click.command()
def main() -> None:
    """Give every tool to the packages of OpenAI, Anthropic and Google.

    Exit code 1 where one is refused.
    """
    try:
        command = environment(HERE.name, below=HERE.parent).command
    except NotInstalledError as error:
        raise click.ClickException(str(error)) from None
    given = [json.dumps(one) for one in documents()]
    ran = subprocess.run(  # noqa: S603 - our own command
        [*command, str(HERE / "accept.py")],
        input="\n".join(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    refused = [one for one in lines if one["fault"]]
    taken = Counter(one["for"] for one in lines if not one["fault"])
    for target, count in taken.items():
        click.echo(f"{target}: {count:,} tools taken")
    for one in refused:
        click.echo(f"FAILED {one['for']}, {one['from']} {one['name']}: {one['fault']}")
    sys.exit(1 if refused or len(lines) != len(given) else 0)


if __name__ == "__main__":
    main()
