"""`make conformance-cache SUITE=…`: the gateway's cache under the public suite for HTTP caches.

The suite is a checkout of http-tests/cache-tests. Its origin, a gateway with the plugin of
`tests.passthrough` and its client run here; its own judge says what passed. Verdicts are pinned in
`verdicts.json`: any change is a failure, and `--write` pins what is found.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.passthrough import passing

HERE = Path(__file__).parent
PINNED = HERE / "verdicts.json"
KINDS = ("required", "optimal", "check")
WITHIN = 300.0  # a run takes a minute
# What a client would send its requests through.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Verdict:
    """What came of one test."""

    group: str
    id: str
    kind: str
    passed: bool
    why: str


@click.command()
@click.argument("suite", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--store", default="", help="As that of `serve`; in memory by default.")
@click.option("--times", default=1, show_default=True, help="How often it is run.")
@click.option("--write", is_flag=True, help="Pin the verdicts.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def main(suite: Path, store: str, times: int, *, write: bool, as_json: bool) -> None:
    """Run a checkout of http-tests/cache-tests against the gateway.

    Exit code 1 where a verdict is not the pinned one.
    """
    asyncio.run(_install(suite))
    pinned = json.loads(PINNED.read_text()) if PINNED.exists() else {}
    changed: list[str] = []
    for _ in range(times):
        verdicts = asyncio.run(judged(suite.resolve(), store))
        if write:
            text = json.dumps({one.id: one.passed for one in verdicts}, indent=0, sort_keys=True)
            PINNED.write_text(text + "\n")
            pinned = json.loads(text)
        changed = differences(verdicts, pinned)
        if as_json:
            click.echo(json.dumps([asdict(one) for one in verdicts]))
        else:
            _show(verdicts, changed)
        if changed:
            sys.exit(1)


def differences(verdicts: Sequence[Verdict], pinned: Mapping[str, bool]) -> list[str]:
    """The tests whose verdict is not the pinned one, in words."""
    words = {True: "passes", False: "fails", None: "is not there"}
    found = {one.id: one.passed for one in verdicts}
    why = {one.id: one.why for one in verdicts}
    return [
        f"{name}: {words[found.get(name)]}, pinned {words[pinned.get(name)]}. {why.get(name, '')}"
        for name in sorted(found.keys() | pinned.keys())
        if found.get(name) is not pinned.get(name)
    ]


def scores(verdicts: Sequence[Verdict]) -> dict[str, dict[str, tuple[int, int]]]:
    """By group and kind: how many passed, of how many. The group "" is all of them."""
    counted: dict[str, dict[str, list[int]]] = defaultdict(lambda: {one: [0, 0] for one in KINDS})
    for one in verdicts:
        for group in (one.group, ""):
            counted[group][one.kind][0] += one.passed
            counted[group][one.kind][1] += 1
    return {
        group: {kind: (done, of) for kind, (done, of) in kinds.items()}
        for group, kinds in counted.items()
    }


def _show(verdicts: Sequence[Verdict], changed: Sequence[str]) -> None:
    table = Table("group", *KINDS)
    found = scores(verdicts)
    for group in (*[one for one in found if one], ""):
        cells = [f"{done}/{of}" if of else "" for done, of in found[group].values()]
        table.add_row(group or "[bold]all", *cells, end_section=not group)
    console = Console(highlight=False)
    console.print(table)
    for one in verdicts:
        if not one.passed and one.kind != "check":
            console.print(f"{one.kind}: {one.id}: {one.why}", markup=False)
    for line in changed:
        console.print(f"changed: {line}", markup=False)


# --- running --------------------------------------------------------------------------------------


async def _install(suite: Path) -> None:
    """The suite's own dependencies, once."""
    if not (suite / "node_modules" / "undici").is_dir():
        await _said("npm", "install", "--omit=dev", "--no-audit", "--no-fund", cwd=suite)


async def judged(suite: Path, store: str) -> list[Verdict]:
    """Run the whole suite once."""
    with TemporaryDirectory() as folder:
        async with (
            _origin(suite, Path(folder)) as upstream,
            passing(upstream, Path(folder), store=store) as gateway,
        ):
            env = {"npm_config_base": gateway.url, "npm_config_id": "", "npm_package_config_id": ""}
            client = ("node", "--no-warnings", "test-engine/cli.mjs")
            results = Path(folder) / "results.json"
            results.write_bytes(await _said(*client, cwd=suite, env=env))
        said = await _said("node", str(HERE / "score.mjs"), str(suite), str(results), cwd=suite)
        return [Verdict(**one) for one in json.loads(said)]


@asynccontextmanager
async def _origin(suite: Path, folder: Path) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        "npm_config_protocol": "http",
        "npm_config_port": str(port),
        "npm_config_pidfile": str(folder / "origin.pid"),
    }
    process = await asyncio.create_subprocess_exec(
        *("node", "test-engine/server/server.mjs"),
        cwd=suite,
        env=dict(_environment(env)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        if not await asyncio.wait_for(process.stdout.readline(), 20.0):
            raise click.ClickException("the suite's origin does not start")
        reading = asyncio.ensure_future(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
        reading.cancel()
    finally:
        process.terminate()
        await process.wait()


def _environment(more: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((name, value) for name, value in os.environ.items() if name not in _PROXIES)
    yield from more.items()


async def _said(*command: str, cwd: Path, env: Mapping[str, str] | None = None, **_: Any) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=dict(_environment(env or {})), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WITHIN):
        said, _error = await process.communicate()
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}")
    return said


if __name__ == "__main__":
    main()
