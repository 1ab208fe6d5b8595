"""MCP over stdio: one client at the other end of two pipes, a message a line.

The client started this process, so it is the user's own: nobody is asked for a proof, and what
would stand in Authorization comes from the environment. The messages are answered by the code that
answers them over HTTP. Each request is a task, so that answers come as they are ready; a client
takes one back with `notifications/cancelled`, and leaves by closing the pipe.

Two threads read and write, since what is at the other end may be a pipe, a file or a terminal, on
any system; they end with the process. Source: MCP 2026-07-28, "stdio", "Cancellation".
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET
from multidict import CIMultiDict

from gateway.errors import Unauthorized
from gateway.faces import mcp
from gateway.faces.mcp import wire
from gateway.faces.tool import tools_of
from gateway.incoming import MAX_BODY
from gateway.pipeline import Call
from gateway.plugin import Plugin
from gateway.site import Site
from gateway.streams import one_line
from gateway.telemetry.ids import call_id
from gateway.values import Answer, Caller

log = logging.getLogger("gateway")

# Requests that are worked on, and those that wait; what comes besides is refused. All is read:
# behind it come what takes a request back, and the end. Only who does not read what he is told is
# not read any more, once so many refusals have not been written.
MOST_RUNNING, MOST_WAITING, MOST_REFUSED = 64, 192, 64
# For requests under way when the client leaves. The SDKs send SIGTERM after 2 s of waiting.
LAST_SECONDS = 2.0
CALLER = "stdio"
_ADDRESS = "127.0.0.1"
_PIECE = 64 * 1024
_CANCELLED = "notifications/cancelled"


class Lines:
    """Bytes as they come → lines of at most `most` bytes, None for each one that is longer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._skips = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that end in `data`; of one that is too long nothing is kept."""
        start = 0
        while True:
            end = data.find(b"\n", start)
            piece = data[start : end if end >= 0 else len(data)]
            self._size += len(piece)
            if self._size <= self._most:
                self._parts.append(piece)
            elif not self._skips:
                self._skips = True
                self._parts.clear()
                yield None
            if end < 0:
                return
            yield from self.rest()
            start = end + 1

    def rest(self) -> Iterator[bytes | None]:
        """The line that has begun, which nothing more belongs to."""
        line, skipped = b"".join(self._parts), self._skips
        self._parts, self._size, self._skips = [], 0, False
        if line and not skipped:
            yield line


@dataclass(slots=True)
class Local:
    """The plugins as the client of this process sees them.

    Args:
        sites: Those that there are; the list changes when a plugin becomes ready.
        proofs: By plugin, what stands in Authorization where its callers bring a credential.
        alone: Whether there is one config only: then its tools have their own names.
    """

    sites: Callable[[], Sequence[Site]]
    proofs: Mapping[str, str]
    alone: bool
    _seen: Sequence[Site] | None = None
    _endpoint: mcp.Endpoint | None = None
    _opened: dict[str, tuple[Site, Caller]] = field(default_factory=dict)
    _confirmations: mcp.Confirmations = field(
        default_factory=lambda: mcp.Confirmations(time.monotonic)
    )

    async def answer(self, line: bytes) -> bytes:
        """The answer to a line; b"" is none."""
        try:
            exchange = mcp.Exchange(self._listed(), self._run, self._confirmations, caller=_client)
            return (await mcp.answer(exchange, line)).body
        except Exception:
            reference = call_id()
            log.exception("call %s failed", reference)
            text = f"The gateway failed; its log says why under {reference}."
            return wire.error_message(wire.id_of(line), wire.Fault(wire.INTERNAL_ERROR, text))

    async def _run(self, served: mcp.Served, asked: mcp.Asked) -> Answer:
        site, caller = self._opened[served.plugin]
        nothing: CIMultiDict[str] = CIMultiDict()
        call = Call(asked.arguments, nothing, _ADDRESS, heals=True, shows=True, caller=caller)
        return await site.spoken[served.tool.operation.name](call)

    def _listed(self) -> mcp.Endpoint:
        """What is served, written anew when the sites have changed."""
        sites = self.sites()
        if self._endpoint is None or sites is not self._seen:
            self._opened = {}
            ready: list[Plugin] = []
            for site in sites:
                caller = _caller(site, self.proofs.get(site.name))
                if site.plugin is not None and caller is not None:
                    self._opened[site.name] = site, caller
                    ready.append(site.plugin.shown)
            if self.alone and ready:
                self._endpoint = mcp.of_plugin(ready[0], tools_of(ready[0]))
            else:
                plugins = [(plugin, tools_of(plugin)) for plugin in ready]
                self._endpoint = mcp.of_several(plugins, private=bool(self.proofs))
            self._seen = sites
        return self._endpoint


def _client() -> str:
    return CALLER


def _caller(site: Site, proof: str | None) -> Caller | None:
    """Who calls; None where the credential of the environment can be none."""
    if proof is None or site.check is None:
        return Caller(CALLER)
    try:
        return site.check(CIMultiDict({"Authorization": proof}))
    except Unauthorized:
        log.error("%s: the key of the environment is no credential; it is left out", site.name)
        return None


async def converse(
    answer: Callable[[bytes], Awaitable[bytes]],
    load: Callable[[], Awaitable[object]],
    incoming: int,
    outgoing: int,
    stop: asyncio.Event,
    last: float = LAST_SECONDS,
) -> None:
    """Answer the lines of one file descriptor on another, until they end or `stop` is set.

    `answer` gives what is said to a line, b"" for nothing. What comes while `load` brings the
    plugins up is answered after it; what it raises is raised. When the lines end, what is under
    way has `last` seconds.
    """
    session = _Session(answer, outgoing)
    session.start(incoming)
    working = asyncio.ensure_future(_work(session, load, last))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
        await session.close()


async def _work(session: _Session, load: Callable[[], Awaitable[object]], last: float) -> None:
    await load()
    session.ready.set()
    await session.ended.wait()
    await session.finish(last)


class _Session:
    """The requests of one client, and its two pipes."""

    def __init__(self, answer: Callable[[bytes], Awaitable[bytes]], outgoing: int) -> None:
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()  # nothing more comes, or nobody reads any more
        self._answer = answer
        self._outgoing = outgoing
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.Semaphore(MOST_RUNNING)
        self._room = threading.Semaphore(MOST_RUNNING + MOST_WAITING + MOST_REFUSED)
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_id: dict[wire.Id, asyncio.Task[None]] = {}
        self._outbox: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None]
        self._outbox = queue.SimpleQueue()

    def start(self, incoming: int) -> None:
        """Begin to read and to write."""
        for work in (lambda: self._read(incoming), self._send):
            threading.Thread(target=work, daemon=True).start()

    async def finish(self, last: float) -> None:
        """Let what is under way come to its end, for so many seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=last)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outbox.put(None)

    # --- in threads of their own --------------------------------------------------------------

    def _read(self, incoming: int) -> None:
        lines = Lines(MAX_BODY)
        with suppress(RuntimeError):  # the loop is gone: nobody listens any more
            with suppress(OSError):
                while data := os.read(incoming, _PIECE):
                    for line in lines.feed(data):
                        self._room.acquire()
                        self._loop.call_soon_threadsafe(self._take, line)
            for line in lines.rest():
                self._room.acquire()
                self._loop.call_soon_threadsafe(self._take, line)
            self._loop.call_soon_threadsafe(self.ended.set)

    def _send(self) -> None:
        with suppress(RuntimeError):
            while (item := self._outbox.get()) is not None:
                left = memoryview(item[0])
                try:
                    while left:
                        left = left[os.write(self._outgoing, left) :]
                except OSError:
                    self._loop.call_soon_threadsafe(self._lost)
                    return
                self._loop.call_soon_threadsafe(_done, item[1])

    # --- in the loop --------------------------------------------------------------------------

    def _lost(self) -> None:
        """Nobody reads what is written."""
        for task in self._tasks:
            task.cancel()
        self.ended.set()

    def _take(self, line: bytes | None) -> None:
        making, id_ = self._understood(line)
        if making is None:
            self._room.release()
            return
        task = self._loop.create_task(making)
        self._tasks.add(task)
        if id_ is not None:
            self._by_id[id_] = task

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if self._by_id.get(id_) is task:
                del self._by_id[id_]
            self._room.release()

        task.add_done_callback(over)

    def _understood(self, line: bytes | None) -> tuple[Coroutine[Any, Any, None] | None, wire.Id]:
        """What is to be done for a line, if anything, and under which id it may be taken back."""
        if line is None:
            text = f"A message has at most {MAX_BODY:,} bytes; this one was left out."
            return self._refuse(wire.INVALID_REQUEST, text), None
        if not line.strip() or wire.is_response(line):
            return None, None  # answering an answer could go on for ever
        try:
            line.decode()
        except UnicodeDecodeError as error:
            text = f"The line is not UTF-8 at byte {error.start}."
            return self._refuse(wire.PARSE_ERROR, text), None
        if self._takes_back(line):
            return None, None
        if len(self._tasks) >= MOST_RUNNING + MOST_WAITING:
            return self._too_many(line), None
        return self._respond(line), wire.id_of(line)

    def _takes_back(self, line: bytes) -> bool:
        """Whether a message cancels a request, which is then given up."""
        try:
            message = wire.envelope_of(line)
            if message.method != _CANCELLED or message.id is not UNSET:
                return False
            id_ = wire.params_of(message).request_id
        except wire.Fault:
            return False  # who answers says what is wrong with it
        task = self._by_id.get(id_) if wire.is_id(id_) else None
        if task is not None:
            task.cancel()
        return True

    async def _respond(self, line: bytes) -> None:
        await self.ready.wait()
        async with self._running:
            answer = await self._answer(line)
        if answer:
            await self._say(answer)

    async def _too_many(self, line: bytes) -> None:
        with suppress(wire.Fault):
            if wire.envelope_of(line).id is UNSET:
                return  # what asks nothing is told nothing
        many = MOST_RUNNING + MOST_WAITING
        text = f"{many} requests are under way already; nothing was done. Send it again later."
        await self._refuse(wire.INTERNAL_ERROR, text, wire.id_of(line))

    async def _refuse(self, code: int, text: str, id_: wire.Id = None) -> None:
        await self._say(wire.error_message(id_, wire.Fault(code, text)))

    async def _say(self, message: bytes) -> None:
        written = self._loop.create_future()
        self._outbox.put((one_line(message) + b"\n", written))
        await written


def _done(written: asyncio.Future[None]) -> None:
    if not written.done():
        written.set_result(None)
