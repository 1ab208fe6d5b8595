"""The client: connections that each send the next request when the last answer is whole.

Raw asyncio protocols, no pipelining, no parsing beyond the status line and Content-Length:
some 15 µs per call, several times less than the cheapest server here needs. How busy it was is
part of every result, since a client that is itself the limit measures nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

# Enough that a server always has a next call: with fewer, client and server wait for each other
# and what is measured is how fast the machine wakes an idle core.
CONNECTIONS = 128
LENGTH = b"\r\nContent-Length: "
LOWER = LENGTH.lower()  # as some servers write it


class BadAnswer(Exception):
    """A server answered something else than 200 with a length."""


@dataclass
class Run:
    """What all connections share: the requests to send, how many were answered."""

    requests: Iterator[bytes]
    calls: int = 0
    failure: str = ""
    over: bool = False
    transports: list[asyncio.Transport] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    __slots__ = ("_received", "_run", "_transport")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.transports.append(self._transport)
        self._transport.write(next(self._run.requests))

    def data_received(self, data: bytes) -> None:
        run = self._run
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._received = data
            return
        at = data.find(LENGTH, 0, end)
        if at < 0:
            at = data.find(LOWER, 0, end)
        if not data.startswith(b"HTTP/1.1 200 ") or at < 0:
            self._fail(data.decode("latin-1")[:500])
            return
        at += len(LENGTH)
        length = int(data[at : data.find(b"\r\n", at, end + 2)])
        if len(data) < end + 4 + length:
            self._received = data
            return
        self._received = b""
        run.calls += 1
        if not run.over and self._transport is not None:
            self._transport.write(next(run.requests))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._run.over:
            self._fail(f"the server closed a connection: {exc}")

    def _fail(self, text: str) -> None:
        self._run.failure = self._run.failure or text
        self._run.over = True


@dataclass(frozen=True)
class Load:
    """What was answered in a window. `seconds` are the window's, `cpu` the server's in it;
    `busy` is the client's own share of its core."""

    calls: int
    seconds: float
    cpu: float
    busy: float


async def drive(
    port: int,
    requests: Sequence[bytes],
    *,
    warm_up: float,
    seconds: float,
    cpu_time: Callable[[], float],
) -> Load:
    """Keep a server busy for a while and measure a window of it.

    Args:
        port: Of the server, on the loopback interface.
        requests: Whole requests, sent in turn (`get`, `post`).
        warm_up: Seconds before the window.
        seconds: The window.
        cpu_time: CPU seconds that the server has spent.

    Raises:
        BadAnswer: anything but 200 with a Content-Length.
    """
    run = Run(cycle(requests))
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", port)
    try:
        await asyncio.sleep(warm_up)
        calls, cpu, own, start = run.calls, cpu_time(), time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        calls, cpu, own = run.calls - calls, cpu_time() - cpu, time.process_time() - own
        lasted = time.perf_counter() - start
    finally:
        run.over = True
        for transport in run.transports:
            transport.close()
    if run.failure:
        raise BadAnswer(run.failure)
    return Load(calls, lasted, cpu, own / lasted)


def get(port: int, target: str) -> bytes:
    """A request for a target."""
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()


def post(port: int, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request that brings a body."""
    said = {"Host": f"127.0.0.1:{port}", **headers, "Content-Length": str(len(body))}
    lines = (f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()))
    return "\r\n".join((*lines, "", "")).encode() + body
