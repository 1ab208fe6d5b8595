"""The suite, run over a server: a process of Node, and what it wrote down."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import yaml

from gateway.app import Gateway, Options
from gateway.config import read_configs
from gateway.demo.upstream import listening
from tests.clients.environments import Environment, environment
from tests.conformance.mcp.judging import Check, Verdict, judge
from tests.conformance.mcp.upstream import make_app

HERE = Path(__file__).parent
REVISIONS = ("2026-07-28", "2025-11-25")
PACKAGE = Path("node_modules", "@modelcontextprotocol", "conformance")
WITHIN = 300.0


class SuiteError(Exception):
    """The suite did not come to an end of its own."""


@asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """The fixture's plugin, served; where its tools are."""
    (one,) = read_configs([HERE / "fixture.yaml"], {})
    async with listening(make_app()) as upstream:
        behind = msgspec.structs.replace(one.plugin.upstream, url=upstream)
        plugin = msgspec.structs.replace(one.plugin, upstream=behind)
        with TemporaryDirectory(prefix="conformance-") as state:
            options = Options(port=0, state=Path(state))
            async with Gateway([replace(one, plugin=plugin)], options) as served:
                yield f"{served.url}/{plugin.plugin}/mcp"


def installed() -> Environment:
    """The suite's environment, made if it is not there. Raises: NotInstalledError."""
    return environment("mcp", below=HERE.parent)


def baseline(revision: str) -> list[str]:
    """What may fail of a revision."""
    text = (HERE / f"expected-failures-{revision}.yml").read_text()
    entries: list[str] = yaml.safe_load(text)["server"]
    return entries


async def run(where: Environment, url: str, revision: str) -> list[Verdict]:
    """Let the suite ask a server for everything that a revision requires. Raises: SuiteError."""
    with TemporaryDirectory(prefix="conformance-") as kept:
        process = await asyncio.create_subprocess_exec(
            *(*where.command, str(PACKAGE / "dist" / "index.js"), "server", "--url", url),
            *("--requirements", revision, "--output-dir", kept),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=where.folder,
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), WITHIN)
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise SuiteError(f"the suite was not done after {WITHIN:.0f} s") from None
        results = _results(Path(kept))
    if not results:
        raise SuiteError(f"the suite found nothing: {said.decode(errors='replace')[-800:]}")
    return list(judge(revision, results, baseline(revision), scored(where, revision)))


def scored(where: Environment, revision: str) -> list[str]:
    """The scenarios that a server of a revision must pass, as the suite says it."""
    text = (where.folder / PACKAGE / "requirements" / f"{revision}.yaml").read_text()
    scenarios: list[str] = yaml.safe_load(text)["server"]
    return scenarios


def _results(folder: Path) -> dict[str, Sequence[Check]]:
    found: dict[str, Sequence[Check]] = {}
    for file in sorted(folder.glob("server-*/checks.json")):
        named = re.match(r"server-(.+)-\d{4}-\d\d-\d\dT", file.parent.name)
        if named is not None:
            found[named[1]] = [
                Check(one["id"], one["status"], one.get("errorMessage") or "")
                for one in json.loads(file.read_text())
            ]
    return found
