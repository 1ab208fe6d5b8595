"""Gateways as processes of their own, started as people start them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.conftest import Upstream

WITHIN = 60.0  # seconds for anything to happen, however busy the machine
PLUGIN = """
plugin: one
contact: a@example.com
upstream: {url: "%s"}
cache: no
operations:
  getIt: {call: GET /it, description: It., returns: {type: object}}
  getSlow: {call: GET /slow, description: Later., returns: {type: object}}
  putIt: {call: POST /it, description: Puts it., body: {type: object}, returns: {type: object}}
"""


@dataclass
class Gate:
    """Holds the calls of getSlow back until it is opened."""

    waiting: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/slow":
            self.waiting += 1
            await self.opened.wait()
        return web.json_response({"path": request.path})


@pytest.fixture
def gate(upstream: Upstream) -> Gate:
    made = Gate()
    upstream.answer = made.answer
    return made


@dataclass
class Running:
    """A gateway, and what it said of itself."""

    process: asyncio.subprocess.Process
    log: Path
    config: Path
    url: str = ""
    admin: str = ""

    @property
    def said(self) -> str:
        return self.log.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(WITHIN):
            return await self.process.wait()

    async def ready(self) -> tuple[int, Any]:
        """What the admin's /readyz says."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.admin}/readyz") as got:
            return got.status, await got.json()

    async def workers(self) -> dict[int, int]:
        """The processes of the workers that serve, by their numbers."""
        _, said = await self.ready()
        return {one["number"]: one["pid"] for one in said["workers"] if one["ready"]}


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Start]:
    """Start `gateway serve`, and wait until it serves unless `waits` is False."""
    async with AsyncExitStack() as stack:

        async def begin(
            *words: object,
            waits: bool = True,
            name: str = "one",
            stdin: int = asyncio.subprocess.DEVNULL,
        ) -> Running:
            config = tmp_path / f"{name}.yaml"
            if not config.exists():
                config.write_text(PLUGIN % upstream.url)
            log = tmp_path / f"{name}.log"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "serve", str(config), "--json"),
                *("--port", "0", "--admin", "127.0.0.1:0", "--state", str(tmp_path / "state")),
                *map(str, words),
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=stack.enter_context(log.open("wb")),
            )
            stack.push_async_callback(_end, process)
            running = Running(process, log, config)
            if waits:
                said = await _announced(running)
                running.url, running.admin = said["url"], said["admin"]
            return running

        yield begin


async def _announced(running: Running) -> Any:
    assert running.process.stdout is not None
    text = b""
    async with asyncio.timeout(WITHIN):
        while not text.rstrip().endswith(b"\n}"):
            line = await running.process.stdout.readline()
            assert line, f"it left: {running.said}"
            text += line
    return json.loads(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.communicate()


async def until(happens: Callable[[], Any]) -> Any:
    """Ask until it is so: other processes set no event of ours."""
    async with asyncio.timeout(WITHIN):
        while True:
            got = happens()
            if asyncio.iscoroutine(got):
                got = await got
            if got:
                return got
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
