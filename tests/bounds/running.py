"""A gateway in a process of its own, an upstream and a caller without manners, and its memory.

Needs Linux: the memory is read from /proc, as the most that was resident at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.servers import family
from tests.bounds.cases import Case, many_members

MIB = 1024 * 1024
MAX_BYTES = 10 * MIB
# What a call may cost: some answers of the largest size, and what the allocator keeps.
MOST = 64 * MIB + 3 * MAX_BYTES
# What a heartbeat of the event loop may lag: `make bounds` says so, on a machine that idles.
MOST_LAG = 0.02

CONFIG = """
plugin: shop
contact: a@example.com
upstream:
  url: "{url}"
  timeout: 3s
  max_bytes: 10MiB
  credential: {{header: {{name: X-Key, value: "${{KEY}}"}}}}
operations:
  shrunk:
    call: GET /things
    description: Read whole, kept and shrunk.
  whole:
    call: GET /whole
    description: Read whole and only read.
    budget: no
  rows:
    call: GET /rows
    description: A part of it.
    fields: [a, items.b]
    limit_items: {{items: 5}}
  clean:
    call: GET /clean
    description: Cleaned and shrunk.
    drop: [empty, urls]
    untrusted: all
    strings: {{a: {{html: text}}}}
  passed:
    call: GET /passed
    description: Passed on as it comes.
    budget: no
    cache: no
  add:
    call: POST /things
    description: Add one.
    body: {{type: object}}
"""


@dataclass
class Seen:
    """What came of one case."""

    status: int  # 0 where the connection was cut
    grown: int  # bytes, at the most
    then: int  # the status of an ordinary call after it

    def holds(self, case: Case, *, short: bool = False) -> bool:
        """Whether it is what a case says."""
        statuses = (case.may_be if short else ()) or case.statuses
        return self.status in statuses and self.grown <= MOST and self.then == 200


@dataclass
class Gateway:
    """A running gateway and the upstream before which it stands."""

    pid: int
    port: int
    case: Case | None = None
    size: int = 0
    process: asyncio.subprocess.Process | None = None
    warm: bool = False
    most: int = 0  # bytes, of the gateway and the processes below it; pages that are shared once

    async def _most(self) -> None:
        self.most = 0
        while True:
            shares = await asyncio.to_thread(lambda: [*map(resident_share, family(self.pid))])
            self.most = max(self.most, sum(shares))
            await asyncio.sleep(0.01)

    async def upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or b"0"))
                if self.case is None or self.case.answer is None:
                    writer.write(ORDINARY)
                else:
                    async for piece in self.case.answer(self.size):
                        writer.write(piece)
                        await writer.drain()
                await writer.drain()
        writer.transport.abort()

    async def run(self, case: Case, size: int) -> Seen:
        """Do what a case says and see what it costs."""
        assert await self.asks(b"GET /things HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") == 200
        if not self.warm:  # from its first long answer on there is a process more, for good
            self.warm, self.case, self.size = True, LONG, LONG.short
            assert await self.asks(*[piece async for piece in LONG.head()]) == 200
        self.forget()
        before, shared = self.resident("VmRSS"), sum(map(resident_share, family(self.pid)))
        self.case, self.size = case, size
        most = asyncio.create_task(self._most())
        try:
            status = await self.asks(*[piece async for piece in case.head()], body=case, size=size)
        finally:
            self.case = None
            most.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await most
        grown = max(self.resident("VmHWM") - before, self.most - shared)
        then = await self.asks(b"GET /things HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return Seen(status, grown, then)

    async def asks(self, *head: bytes, body: Case | None = None, size: int = 0) -> int:
        """The status of an answer that comes whole; 0 where it is cut off."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = asyncio.create_task(_status(reader))
        with contextlib.suppress(ConnectionError):
            writer.write(b"".join(head))
            if body is not None and body.sends is not None:
                async for piece in body.sends(size):
                    writer.write(piece)
                    await writer.drain()
                    if answer.done():
                        break
        try:
            async with asyncio.timeout(60):
                return await answer
        finally:
            writer.transport.abort()

    async def lag(self, case: Case, size: int) -> tuple[int, float]:
        """Do what a case says: its status, and how many seconds a heartbeat lagged at the most."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        await asyncio.sleep(0.2)
        self.process.stdin.write(b"\n")  # begin anew
        await self.process.stdout.readline()
        self.case, self.size = case, size
        status = await self.asks(*[piece async for piece in case.head()])
        self.process.stdin.write(b"\n")
        return status, float(await self.process.stdout.readline())

    def forget(self) -> None:
        """Begin anew to keep the most that is resident."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def resident(self, field: str) -> int:
        """A size that the kernel tells of the process, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(field)


LONG = Case("long", (200,), 100_000, 100_000, answer=many_members)


def resident_share(pid: int) -> int:
    """What is resident of a process, what it shares in parts; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line[:4] == "Pss:")


ORDINARY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'


async def _status(reader: asyncio.StreamReader) -> int:
    """The status, once the body has come to its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            while size := int(await reader.readline(), 16):
                while size:
                    piece = await reader.read(min(size, 65536))
                    if not piece:
                        return 0
                    size -= len(piece)
                await reader.readexactly(2)
        else:
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        return 0
    return int(head.split()[1])


@contextlib.asynccontextmanager
async def running(directory: Path, *, beating: bool = False) -> AsyncIterator[Gateway]:
    """Start a gateway in a process of its own, and its upstream here.

    With `beating` it has a heartbeat; `Gateway.lag` tells of it.
    """
    gateway = Gateway(0, 0)
    server = await asyncio.start_server(gateway.upstream, "127.0.0.1", 0)
    config = directory / "shop.yaml"
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    config.write_text(CONFIG.format(url=url))
    serve = ("gateway", "serve", str(config), "--port", "0", "--json",
             "--state", str(directory / "state"))  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *(("tests.bounds.beating", str(config)) if beating else serve),
        env={"KEY": "topsecret-4711", "PATH": "/usr/bin:/bin"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        text = b""
        async with asyncio.timeout(60):
            while True:
                text += await process.stdout.readline()
                with contextlib.suppress(ValueError):
                    gateway.port = int(json.loads(text)["url"].rpartition(":")[2])
                    break
        gateway.pid, gateway.process = process.pid, process
        yield gateway
        assert process.returncode is None, "the gateway died"
    finally:
        server.close()
        if process.returncode is None:
            process.terminate()
        await process.communicate()
