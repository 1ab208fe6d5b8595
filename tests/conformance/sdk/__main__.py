"""`python -m tests.conformance.sdk` (part of `make conformance-mcp`): pipes and persons.

The clients of the two official SDKs start `gateway mcp` themselves, in each era, and answer for a
person whom the gateway asks before it does what is consequential. What they read over HTTP is
`make clients`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console

from gateway.demo.upstream import listening
from tests.clients.environments import NotInstalledError, environment
from tests.conformance.mcp import running
from tests.conformance.mcp.upstream import make_app

HERE = Path(__file__).parent
SCRIPTS = {"mcp-python": "run.py", "mcp-typescript": "run.mjs"}
WRITTEN = "http://127.0.0.1:5099"
WITHIN = 300.0


@dataclass(frozen=True)
class Line:
    """What came of one thing that a client tried."""

    client: str
    what: str
    ok: bool
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per thing tried.")
def main(as_json: bool) -> None:
    """Let the SDKs' clients start the gateway, and be asked. Exit code 1 where something fails."""
    try:
        lines = asyncio.run(_all())
    except NotInstalledError as error:
        raise click.ClickException(str(error)) from None
    out = Console(highlight=False, width=150)
    for line in lines:
        if as_json:
            click.echo(json.dumps(line.__dict__))
        else:
            said = "ok" if line.ok else f"FAILED {line.detail}"
            out.print(f"{line.client:15} {line.what:24} {said}", markup=False, soft_wrap=True)
    click.get_current_context().exit(0 if lines and all(line.ok for line in lines) else 1)


async def _all() -> list[Line]:
    lines: list[Line] = []
    async with running.gateway() as url, listening(make_app()) as upstream:
        with TemporaryDirectory(prefix="conformance-") as folder:
            command = _command(Path(folder), upstream)
            job = {"url": url, "command": command, "env": dict(os.environ)}
            for name, script in SCRIPTS.items():
                lines += await _tried(name, HERE / script, job)
    return lines


def _command(folder: Path, upstream: str) -> list[str]:
    """What starts `gateway mcp` with the fixture's plugin."""
    text = (running.HERE / "fixture.yaml").read_text()
    assert WRITTEN in text
    config = folder / "fixture.yaml"
    config.write_text(text.replace(WRITTEN, upstream))
    state = str(folder / "state")
    return [sys.executable, "-m", "gateway", "mcp", str(config), "--state", state]


async def _tried(name: str, script: Path, job: Mapping[str, Any]) -> list[Line]:
    where = await asyncio.to_thread(environment, name)
    process = await asyncio.create_subprocess_exec(
        *where.command,
        str(script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=where.folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
    )
    try:
        work = process.communicate(json.dumps(job).encode())
        out, err = await asyncio.wait_for(work, WITHIN)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    found = list(_lines(name, out.decode()))
    if process.returncode or not found:
        said = err.decode(errors="replace")[-600:]
        found.append(Line(name, script.name, False, f"it ended with {process.returncode}: {said}"))
    return found


def _lines(name: str, text: str) -> Iterator[Line]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield Line(client=name, **json.loads(line))


if __name__ == "__main__":
    main()
