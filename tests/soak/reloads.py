"""`python -m tests.soak.reloads`: reloads under load, half of them broken; no call may fail.

A gateway in a process of its own serves a folder; here are its upstream, callers, and who rewrites
the folder's files and sends SIGHUP. What is right must be served, what is broken must be told, and
meanwhile every call has to be answered. Memory and open files are looked at after each reload.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import click
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from rich.console import Console
from rich.table import Table

from bench.servers import family
from tests.bounds.running import resident_share
from tests.soak.running import announced, process

MIB = 1024 * 1024
MOST_GROWTH = 1.05  # of the last third over the second
CALLERS = 4
OPERATIONS = 12
KEYS = 199  # as many addresses: stored replies fill no memory that reloads could be blamed for
PATIENCE = 60.0  # seconds for one reload
SLOW = 0.3  # seconds of one answer in 20: such a call is under way while a plugin is replaced
_KEY = "parameters: {key: {in: path, type: string, required: true, description: Which}}"
_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}


@dataclass
class Run:
    """What was seen: after each reload, bytes resident and files open in the gateway."""

    resident: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def thirds(self, of: list[int]) -> tuple[float, float, float]:
        """Medians."""
        third = len(of) // 3
        return median(of[:third]), median(of[third:-third]), median(of[-third:])

    @property
    def growth(self) -> float:
        """What was held in the last third over the second."""
        _, second, last = self.thirds(self.resident)
        return last / second


def document(number: int, operations: int = OPERATIONS) -> dict[str, Any]:
    """A spec, another one for each number."""
    item = {"type": "object", "properties": {f"p{one}": {"type": "string"} for one in range(20)}}
    schema = {"$ref": "#/components/schemas/Item"}
    reply = {"200": {"description": "It.", "content": {"application/json": {"schema": schema}}}}
    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Items", "version": f"1.{number}"},
        "paths": {
            f"/items{one}/{{key}}": {
                "get": {
                    "operationId": f"get{one}",
                    "summary": f"Item {one} as of {number}.",
                    "parameters": [key],
                    "responses": reply,
                }
            }
            for one in range(operations)
        },
        "components": {"schemas": {"Item": item}},
    }


def turning(url: str, number: int) -> str:
    """The plugin with a spec in a file."""
    names = ", ".join(f"get{one}" for one in range(OPERATIONS))
    return f"""\
plugin: turning
contact: a@example.com
legal: https://example.com/legal
description: Version {number}.
spec: specs/turning.json
cache: no
upstream: {{url: "{url}"}}
operations: [{names}]
"""


def written(name: str, url: str, number: int) -> str:
    """A plugin that is written in place."""
    return f"""\
plugin: {name}
contact: a@example.com
legal: https://example.com/legal
description: Version {number}.
cache: 1s
upstream: {{url: "{url}"}}
operations:
  getItem: {{call: "GET /items/{{key}}", description: Read., {_KEY}}}
"""


@dataclass
class Folder:
    """The folder that is served."""

    path: Path
    url: str

    def begin(self) -> None:
        """What is served first."""
        (self.path / "specs").mkdir(parents=True)
        self.right(0)
        self.write("steady.yaml", written("steady", self.url, 0))

    def write(self, name: str, text: str) -> None:
        """A new file in the place of the old one."""
        new = self.path / f".{Path(name).name}.new"
        new.write_text(text)
        new.replace(self.path / name)

    def right(self, number: int) -> None:
        """Another version; `moving` has another upstream each time, and so another client."""
        for broken in self.path.glob("wrong*.yaml"):
            broken.unlink()
        url = self.url if number % 4 == 1 else self.url.replace("127.0.0.1", "localhost")
        self.write("specs/turning.json", json.dumps(document(number)))
        self.write("turning.yaml", turning(self.url, number))
        self.write("moving.yaml", written("moving", url, number))

    def wrong(self, number: int) -> None:
        """Something broken, each time in another way."""
        self.write("moving.yaml", written("moving", self.url, number))
        match number % 3:
            case 0:
                self.write(f"wrong{number}.yaml", "plugin: new\noperations: [\n")
            case 1:
                self.write("turning.yaml", turning(self.url, number) + f"wrong{number}: 1\n")
            case _:
                few = document(number, operations=3)
                self.write("specs/turning.json", json.dumps(few))
                text = turning(self.url, number).replace("[get0", f"[wrong{number}, get0")
                self.write("turning.yaml", text)


async def soak(directory: Path, reloads: int, tell: Any = lambda _: None) -> Run:
    """Reload so often. Raises: RuntimeError, where a reload does not come to its end."""
    run = Run()
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(RawTestServer(_answer))
        folder = Folder(directory / "configs", f"http://127.0.0.1:{upstream.port}")
        folder.begin()
        admin = f"127.0.0.1:{_free_port()}"
        options = ("--port", "0", "--json", "--admin", admin, "--state", str(directory / "state"))
        gateway = await stack.enter_async_context(
            process("-m", "gateway", "serve", str(folder.path), *options, log=directory / "log")
        )
        url = await announced(gateway)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        numbers = itertools.count()
        callers = [asyncio.create_task(_calls(session, url, run, numbers)) for _ in range(CALLERS)]
        try:
            for number in range(1, reloads + 1):
                is_wrong = number % 2 == 0
                (folder.wrong if is_wrong else folder.right)(number)
                gateway.send_signal(signal.SIGHUP)
                await _done(session, url, admin, number, is_wrong=is_wrong)
                run.resident.append(sum(map(resident_share, family(gateway.pid))))
                run.files.append(_open_files(gateway.pid))
                tell(run)
        finally:
            for task in callers:
                task.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
    log = (directory / "log").read_text()
    if "Traceback" in log:
        run.failed.append(f"the gateway's log: {log[log.index('Traceback') :][:2000]}")
    return run


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    key = request.path.rpartition("/")[2]
    if int(key) % 20 == 0:
        await asyncio.sleep(SLOW)
    return web.json_response({"p0": key})


async def _done(
    session: aiohttp.ClientSession, url: str, admin: str, number: int, *, is_wrong: bool
) -> None:
    """Wait until a reload shows: what is right is served, what is wrong is told."""
    address = f"http://{admin}/readyz" if is_wrong else f"{url}/turning/openapi.json"
    said = f"wrong{number}" if is_wrong else f"Version {number}."
    async with asyncio.timeout(PATIENCE):
        while True:
            async with session.get(address) as response:
                if response.status != 200:
                    raise RuntimeError(f"{address}: {response.status}: {await response.text()}")
                if said in await response.text():
                    return
            await asyncio.sleep(0.01)


async def _calls(
    session: aiohttp.ClientSession, url: str, run: Run, numbers: Iterator[int]
) -> None:
    """Call, one after the other; each must be answered, and rightly."""
    for number in numbers:
        key = str(number % KEYS)
        ways = {
            "turning": ("GET", f"/turning/items{number % OPERATIONS}/{key}", None),
            "moving": ("GET", f"/moving/items/{key}", None),
            "steady": ("GET", f"/steady/items/{key}", None),
            "by name": ("POST", f"/turning/call/get{number % OPERATIONS}", {"key": key}),
            "fitted": ("GET", f"/turning/as/actions/items{number % OPERATIONS}/{key}", None),
            "mcp": (
                "POST",
                "/moving/mcp",
                {**_CALL, "params": {"name": "getItem", "arguments": {"key": key}}},
            ),
        }
        name = list(ways)[number % len(ways)]
        method, target, body = ways[name]
        try:
            async with session.request(method, url + target, json=body) as response:
                text = await response.text()
            if response.status != 200 or key not in text or '"isError":true' in text:
                run.failed.append(f"{method} {target}: {response.status} {text[:200]}")
        except (aiohttp.ClientError, OSError) as error:
            run.failed.append(f"{method} {target}: {error!r}")
        run.seen[name] += 1
        await asyncio.sleep(0.002)


def _open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- the command ------------------------------------------------------------------------------


@click.command()
@click.option(
    "--reloads", default=1000, show_default=True, type=click.IntRange(6), help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(reloads: int, as_json: bool) -> None:
    """Reload under load, half of it broken. Exits with 1 where a call failed, or memory grew."""
    err = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name, err.status("starting") as status:
        run = asyncio.run(
            soak(
                Path(name),
                reloads,
                lambda run: status.update(
                    f"{len(run.resident)} of {reloads}: {sum(run.seen.values()):,} calls, "
                    f"{len(run.failed)} failed, {run.resident[-1] / MIB:.0f} MiB"
                ),
            )
        )
    if as_json:
        click.echo(
            json.dumps(
                {
                    "reloads": reloads,
                    "calls": run.seen,
                    "failed": run.failed,
                    "resident": run.thirds(run.resident),
                    "files": run.thirds(run.files),
                    "growth": round(run.growth, 4),
                }
            )
        )
    else:
        out = Console(highlight=False)
        out.print(_table(run))
        for one in run.failed[:20]:
            out.print(f"FAILED {one}", style="red", markup=False)
    sys.exit(1 if run.failed or run.growth > MOST_GROWTH else 0)


def _table(run: Run) -> Table:
    shown = Table(title=f"{len(run.resident):,} reloads, half broken", box=None, show_header=False)
    shown.add_column(no_wrap=True)
    shown.add_column()
    calls = ", ".join(f"{count:,} {name}" for name, count in sorted(run.seen.items()))
    shown.add_row("calls", f"{sum(run.seen.values()):,}: {calls}")
    shown.add_row("failed", f"{len(run.failed):,}")
    held = ", ".join(f"{one / MIB:.1f}" for one in run.thirds(run.resident))
    shown.add_row("MiB resident, by thirds", held)
    shown.add_row("growth", f"{run.growth:.3f}, at most {MOST_GROWTH:g}")
    shown.add_row("open files, by thirds", ", ".join(f"{one:g}" for one in run.thirds(run.files)))
    return shown


if __name__ == "__main__":
    main()
