"""A TCP proxy that fails as networks and upstreams do: between a gateway and a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_RESET = struct.pack("ii", 1, 0)  # what SO_LINGER takes: on, and no second of it


@dataclass(frozen=True)
class Fault:
    """What happens to a connection. Bytes are those of the server's reply.

    `stall_after`: no more comes, and the connection stays. `trickle`: one byte at a time, with so
    many seconds between. `cut_after`: an orderly end. `reset_after`: RST. `says`: these bytes in
    the place of all that the server would have said.
    """

    delay: float = 0.0
    stall_after: int | None = None
    trickle: float | None = None
    cut_after: int | None = None
    reset_after: int | None = None
    says: bytes | None = None


FINE = Fault()


@dataclass
class FaultProxy:
    """Give it a `fault`, or a `script` of faults, one for each connection and then `fault`."""

    port: int = 0
    fault: Fault = FINE
    script: list[Fault] = field(default_factory=list)
    connections: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(
        self, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        fault = self.script.pop(0) if self.script else self.fault
        try:
            await self._pass(fault, target, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pass(
        self, fault: Fault, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault.says is not None:
            await reader.read(1)
            writer.write(fault.says)
            await writer.drain()
            return
        theirs, to_server = await asyncio.open_connection("127.0.0.1", target)
        forth = asyncio.create_task(_copy(reader, to_server))
        try:
            sent = 0
            while data := await theirs.read(1 if fault.trickle else 65536):
                if fault.delay and not sent:
                    await asyncio.sleep(fault.delay)
                bound = _bound(fault)
                kept = data if bound is None else data[: max(0, bound - sent)]
                writer.write(kept)
                await writer.drain()
                sent += len(kept)
                if fault.trickle:
                    await asyncio.sleep(fault.trickle)
                if bound is not None and sent >= bound:
                    break
            if fault.stall_after is not None:
                await forth  # until the gateway gives up
            if fault.reset_after is not None:
                ours = writer.get_extra_info("socket")
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
        finally:
            forth.cancel()
            to_server.close()

    async def close(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


def _bound(fault: Fault) -> int | None:
    bounds = (fault.stall_after, fault.cut_after, fault.reset_after)
    return next((one for one in bounds if one is not None), None)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@asynccontextmanager
async def fault_proxy(target: int) -> AsyncIterator[FaultProxy]:
    """A proxy before the server on a port of this machine."""
    proxy = FaultProxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await proxy.serve(target, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


@asynccontextmanager
async def deaf() -> AsyncIterator[int]:
    """A port on which connections are never made: its queue is full (Linux)."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(server.getsockname())
        await asyncio.sleep(0.05)
        yield server.getsockname()[1]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
