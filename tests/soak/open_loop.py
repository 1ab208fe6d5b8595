"""Callers who do not wait: calls at a given rate, each timed from when it was to be sent.

A process of its own, with the upstream in it. Callers who only call again once they are answered
slow down with a slow server, and what they then measure looks well ("coordinated omission"); so
here calls begin at the times of a Poisson process, whatever became of the ones before, and one for
which no connection is free waits for one while its time runs.

`python -m tests.soak.open_loop` reads phases as JSON lines from its standard input and prints a
line each second and one at the end of a phase.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any, cast

import uvloop

# Callers, at several addresses: of one only so many may have calls under way.
CONNECTIONS, ADDRESSES = 1024, 8
_LENGTH = b"\r\ncontent-length: "
_END = b"\r\n\r\n"
_REPLY_BODY = json.dumps({"id": 1, "name": "Ada", "notes": ["of some length " * 4] * 8}).encode()
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_REPLY_BODY),
    _REPLY_BODY,
)


class Upstream(asyncio.Protocol):
    """Answers each request after a while; below `/hangs` none."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._received = seconds, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        while (end := data.find(_END)) >= 0:
            if data.startswith(b"GET /hangs"):
                pass
            elif self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._answer)
            else:
                self._answer()
            data = data[end + len(_END) :]
        self._received = data

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_REPLY)


class Phase:
    """What was seen of calls: `latencies` in seconds, of those that were answered."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.latencies = array("d")

    def ended(self, status: str, seconds: float) -> None:
        self.seen[status] += 1
        if status == "200":
            self.latencies.append(seconds)

    def told(self, lasted: float) -> dict[str, Any]:
        """Of all of it, in milliseconds and calls a second."""
        ordered = sorted(self.latencies)
        shares = {f"p{share}": quantile(ordered, share) for share in (50, 95, 99)}
        return {"lasted": lasted, "seen": dict(self.seen), "good": len(ordered) / lasted, **shares}


def quantile(ordered: list[float], percent: int) -> float:
    """In milliseconds."""
    if not ordered:
        return 0.0
    return 1e3 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Connection(asyncio.Protocol):
    """One keep-alive connection with one call at a time."""

    __slots__ = ("_at", "_crowd", "_received", "_transport")

    def __init__(self, crowd: Crowd) -> None:
        self._crowd, self._received, self._at = crowd, b"", -1.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._crowd.free(self)

    def send(self, request: bytes, at: float) -> None:
        """Send a request that was to be sent at a time."""
        self._at = at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(_END)
        if end >= 0:
            head = data[:end].lower() + b"\r\n"
            at = head.find(_LENGTH) + len(_LENGTH)
            length = int(head[at : head.find(b"\r", at)])
            if len(data) >= end + len(_END) + length:
                self._received = b""
                self._crowd.ended(data[9:12].decode(), time.perf_counter() - self._at)
                self._at = -1.0
                if b"\r\nconnection: close\r\n" not in head:
                    self._crowd.free(self)
                return
        self._received = data

    def connection_lost(self, _: Exception | None) -> None:
        self._crowd.lost(self, is_called=self._at >= 0)


class Crowd:
    """All connections, and the calls that wait for one."""

    def __init__(self, port: int, target: str, dice: Random) -> None:
        self._port, self._dice = port, dice
        self._request = (
            f"GET {target}/%d HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n"
        ).encode()
        self._free: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self.connections = 0
        self.phase = self.second = Phase()
        self.is_closed_loop = False

    async def grow(self, most: int) -> None:
        loop = asyncio.get_running_loop()
        while self.connections < most:
            self.connections += 1
            address = f"127.0.0.{1 + self.connections % ADDRESSES}", 0
            await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self._port, local_addr=address
            )

    def call(self, at: float) -> None:
        """One call that is to be sent at a time."""
        if self._free:
            self._free.popleft().send(self._request % self._dice.randrange(10_000_000), at)
        else:
            self._due.append(at)

    def free(self, connection: Connection) -> None:
        if self._due:
            at = self._due.popleft()
        elif self.is_closed_loop:
            at = time.perf_counter()
        else:
            self._free.append(connection)
            return
        connection.send(self._request % self._dice.randrange(10_000_000), at)

    def ended(self, status: str, seconds: float) -> None:
        self.phase.ended(status, seconds)
        self.second.ended(status, seconds)

    def lost(self, connection: Connection, *, is_called: bool) -> None:
        self.connections -= 1
        if is_called:
            self.ended("lost", 0.0)
        elif connection in self._free:
            self._free.remove(connection)

    @property
    def waiting(self) -> int:
        """Calls that were to be sent and could not."""
        return len(self._due)

    async def closed(self, seconds: float, connections: int) -> dict[str, Any]:
        """As many callers as given, each calling again once it is answered."""
        await self.grow(CONNECTIONS)
        self.phase = Phase()
        self.is_closed_loop = True
        began = time.perf_counter()
        for _ in range(connections):
            self.call(began)
        # Never idle, as when calls come by themselves: where two threads of the hardware share a
        # core, the gateway would have more of it now than then.
        until = began + seconds
        while (now := time.perf_counter()) < until:  # noqa: ASYNC110 - it is to be busy
            await asyncio.sleep(0)
        told = self.phase.told(now - began)
        self.is_closed_loop = False
        await asyncio.sleep(0.3)
        return told

    async def open(
        self,
        seconds: float,
        rate: float,
        tell: Callable[[dict[str, Any]], None],
        beside: Crowd | None = None,
    ) -> dict[str, Any]:
        """So many calls a second, whatever becomes of them, and as many of others `beside`."""
        crowds = [self] if beside is None else [self, beside]
        for crowd in crowds:
            await crowd.grow(CONNECTIONS)
            crowd.phase, crowd.second = Phase(), Phase()
        began = at = told = time.perf_counter()
        until = began + seconds
        while (now := time.perf_counter()) < until:
            while at <= now:
                for crowd in crowds:
                    crowd.call(at)
                at += self._dice.expovariate(rate)
            if now - told >= 1:
                tell({**self.second.told(now - told), "second": round(now - began)})
                self.second, told = Phase(), now
            await asyncio.sleep(0)  # what a timer could do is too coarse
        lasted = time.perf_counter() - began
        summary = self.phase.told(lasted)
        summary["waiting"] = self.waiting
        if beside is not None:
            summary["beside"] = beside.phase.told(lasted)
        for crowd in crowds:
            crowd._due.clear()
        await asyncio.sleep(0.5)
        return summary


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def main(upstream_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(upstream_seconds), "127.0.0.1", 0)
    _print({"upstream": server.sockets[0].getsockname()[1]})
    crowds: dict[str, Crowd] = {}
    dice = Random(1)  # noqa: S311 - no secret
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        for target in filter(None, (asked["target"], asked.get("beside"))):
            crowds.setdefault(target, Crowd(asked["port"], target, dice))
        crowd, beside = crowds[asked["target"]], crowds.get(asked.get("beside", ""))
        gc.collect()
        gc.freeze()
        gc.disable()
        if "rate" in asked:
            done = await crowd.open(asked["seconds"], asked["rate"], _print, beside)
        else:
            done = await crowd.closed(asked["seconds"], asked["connections"])
        _print({"done": done})


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))
