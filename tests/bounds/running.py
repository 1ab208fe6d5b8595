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

from tests.bounds.cases import Case

MIB = 1024 * 1024
MAX_BYTES = 10 * MIB
# What a call may cost: some answers of the largest size, and what the allocator keeps.
MOST = 64 * MIB + 3 * MAX_BYTES
# What it may cost to read and shrink an answer that is within its bounds, of the smallest values.
MOST_DEAR = 64 * MIB + 24 * MAX_BYTES

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

    def holds(self, case: Case) -> bool:
        """Whether it is what a case says."""
        most = MOST_DEAR if case.dear else MOST
        return self.status in case.statuses and self.grown <= most and self.then == 200


@dataclass
class Gateway:
    """A running gateway and the upstream before which it stands."""

    pid: int
    port: int
    case: Case | None = None
    size: int = 0

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
        self.forget()
        before = self.resident("VmRSS")
        self.case, self.size = case, size
        try:
            status = await self.asks(*[piece async for piece in case.head()], body=case, size=size)
        finally:
            self.case = None
        grown = self.resident("VmHWM") - before
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

    def forget(self) -> None:
        """Begin anew to keep the most that is resident."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def resident(self, field: str) -> int:
        """A size that the kernel tells of the process, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(field)


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
async def running(directory: Path) -> AsyncIterator[Gateway]:
    """Start a gateway in a process of its own, and its upstream here."""
    gateway = Gateway(0, 0)
    server = await asyncio.start_server(gateway.upstream, "127.0.0.1", 0)
    config = directory / "shop.yaml"
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    config.write_text(CONFIG.format(url=url))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", str(config), "--port", "0", "--json",
        "--state", str(directory / "state"),
        env={"KEY": "topsecret-4711", "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
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
        gateway.pid = process.pid
        yield gateway
        assert process.returncode is None, "the gateway died"
    finally:
        server.close()
        if process.returncode is None:
            process.terminate()
        await process.communicate()
