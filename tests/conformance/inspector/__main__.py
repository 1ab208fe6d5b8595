"""`python -m tests.conformance.inspector` (part of `make conformance-mcp`): tools that travel well.

MCP's Inspector lists the tools of every plugin in both eras of the protocol, and says what of
their schemas a model's platform would refuse: boolean schemas, unions of types, references to
elsewhere, values without a type.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.table import Table

from tests.clients.environments import Environment, NotInstalledError, environment
from tests.clients.serving import Served, Serving, serving

HERE = Path(__file__).parent
LAUNCHER = Path(
    *("node_modules", "@modelcontextprotocol", "inspector"),
    *("clients", "launcher", "build", "index.js"),
)
ERAS = ("modern", "legacy")
WITHIN = 60.0
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what every model's platform takes
# Over MCP nobody's own token is passed on.
AUTHS = ("none", "service")


@dataclass(frozen=True)
class Line:
    """What came of a plugin in an era: how many tools, and what was wrong."""

    plugin: str
    era: str
    tools: int
    wrong: str
    said: str

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.wrong


@click.command()
@click.argument("names", nargs=-1, metavar="[PLUGIN]...")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per plugin and era.")
def main(names: tuple[str, ...], as_json: bool) -> None:
    """Let the Inspector list the tools of every plugin of the project.

    Exit code 1 where it finds an error, or other tools than there are operations.
    """
    try:
        where = environment("inspector", below=HERE.parent)
    except NotInstalledError as error:
        raise click.ClickException(str(error)) from None
    lines = asyncio.run(_all(where, names))
    if as_json:
        for line in lines:
            click.echo(json.dumps(asdict(line)))
    else:
        _print(lines)
    click.get_current_context().exit(0 if lines and all(line.ok for line in lines) else 1)


async def _all(where: Environment, names: Sequence[str]) -> list[Line]:
    async with serving() as served:
        chosen = [
            one for one in served.plugins if one.auth in AUTHS and (not names or one.name in names)
        ]
        lines = [await _list(where, one, era) for one in chosen for era in ERAS]
        if not names:
            lines += [await _root(where, served, era) for era in ERAS]
        return lines


async def _list(where: Environment, plugin: Served, era: str) -> Line:
    """The tools of a plugin are its operations."""
    url = plugin.manifest.removesuffix("/.well-known/ai-plugin.json") + "/mcp"
    line, found = await _asked(where, plugin.name, url, plugin.headers, era)
    there = {name for name, _method, _path in plugin.operations}
    if line.ok and found != there:
        line = replace(line, wrong=f"found {sorted(found)}, there are {sorted(there)}")
    return line


async def _root(where: Environment, served: Serving, era: str) -> Line:
    """At the shared root are those of all plugins that nobody need prove himself to."""
    line, found = await _asked(where, "all at once", f"{served.url}/mcp", {}, era)
    there = sum(len(one.operations) for one in served.plugins if one.auth == "none")
    if line.ok and len(found) != there:
        line = replace(line, wrong=f"found {len(found)} tools, there are {there}")
    return line


async def _asked(
    where: Environment, name: str, url: str, headers: Mapping[str, str], era: str
) -> tuple[Line, set[str]]:
    """What the Inspector says of an address, and the tools that it found."""
    shown = [part for item in headers.items() for part in ("--header", ": ".join(item))]
    with TemporaryDirectory(prefix="inspector-") as home:
        process = await asyncio.create_subprocess_exec(
            *(*where.command, str(LAUNCHER), "--cli", url, "--transport", "http"),
            *("--protocol-era", era, "--method", "tools/list", "--strict", *shown),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=where.folder,
            env={**os.environ, "HOME": home, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), WITHIN)
        except TimeoutError:
            process.kill()
            await process.communicate()
            return Line(name, era, 0, f"not done after {WITHIN:.0f} s", ""), set()
    said = " ".join(err.decode(errors="replace").split())
    if process.returncode:
        return Line(name, era, 0, f"it ended with {process.returncode}", said), set()
    found = [tool["name"] for tool in json.loads(out)["tools"]]
    unfit = [one for one in found if not NAME.fullmatch(one)]
    wrong = f"names that not everyone takes: {unfit}" if unfit else ""
    return Line(name, era, len(found), wrong, said), set(found)


def _print(lines: Sequence[Line]) -> None:
    out = Console(highlight=False, width=150)
    table = Table(box=None, pad_edge=False)
    table.add_column("plugin")
    for era in ERAS:
        table.add_column(era)
    table.add_column("tools", justify="right")
    for name in dict.fromkeys(line.plugin for line in lines):
        found = {line.era: line for line in lines if line.plugin == name}
        words = ["ok" if found[era].ok else "[red]FAILED[/red]" for era in ERAS]
        table.add_row(name, *words, str(max(line.tools for line in found.values())))
    out.print(table)
    for line in lines:
        if not line.ok:
            text = f"FAILED {line.plugin}, {line.era}: {line.wrong}: {line.said[:1500]}"
            out.print(text, markup=False, soft_wrap=True)
        elif line.said:
            text = f"{line.plugin}, {line.era}: {line.said[:300]}"
            out.print(text, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
