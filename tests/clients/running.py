"""Running a reader's script over what is served, and what it said."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tests.clients.environments import HERE, Environment
from tests.clients.serving import Served

# For one reader and all plugins; each plugin has a bound of its own in the reader's script.
WITHIN = 900.0


@dataclass(frozen=True)
class Line:
    """What came of one plugin in one version. `reason` is why the reader cannot read it: a fact
    of the reader. What is neither ok nor has a reason was not expected."""

    reader: str
    plugin: str
    version: str
    ok: bool
    reason: str
    detail: str

    @property
    def unexpected(self) -> bool:
        """Whether it is a fault: ours, the reader's, or of what its script says of it."""
        return not self.ok and not self.reason


def readers() -> list[str]:
    """The readers' names: the folders that have a script."""
    return sorted(one.parent.name for one in HERE.glob("*/run.*"))


async def read(reader: str, environment: Environment, plugins: Sequence[Served]) -> list[Line]:
    """Let a reader read every plugin. A plugin it says nothing of is a line that is not ok."""
    (script,) = (HERE / reader).glob("run.*")
    process = await asyncio.create_subprocess_exec(
        *environment.command,
        str(script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=environment.folder,
        env=_variables(),
    )
    job = json.dumps([_told(one) for one in plugins]).encode()
    try:
        out, err = await asyncio.wait_for(process.communicate(job), WITHIN)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    lines = list(_lines(reader, out.decode()))
    missing = {one.name for one in plugins} - {line.plugin for line in lines}
    if missing or process.returncode:
        said = " ".join(err.decode(errors="replace")[-600:].split())
        ended = f"the reader's script ended with {process.returncode}: {said}"
        lines += [Line(reader, name, "", False, "", ended) for name in sorted(missing) or ["all"]]
    return lines


def _variables() -> dict[str, str]:
    quiet = {"REDOCLY_TELEMETRY": "off", "SCARF_ANALYTICS": "false", "DO_NOT_TRACK": "1"}
    here = {"PYTHONPATH": str(HERE / "shared"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {**os.environ, **quiet, **here, "PYTHONDONTWRITEBYTECODE": "1"}


def _told(plugin: Served) -> dict[str, object]:
    """A plugin as the scripts read it; their words are the spec's."""
    operations = [
        {"operationId": name, "method": method, "path": path}
        for name, method, path in plugin.operations
    ]
    calls = []
    for one in plugin.calls:
        told = asdict(one)
        calls.append({"operationId": told.pop("operation"), **told})
    return {**asdict(plugin), "operations": operations, "calls": calls}


def _lines(reader: str, text: str) -> Iterator[Line]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield Line(reader=reader, **json.loads(line))
