"""Several processes behind one port: a supervisor starts them, watches them and adds up what they
tell.

    supervisor ── exec, once more if it dies ──► worker: a whole gateway, listens to the same port
               ◄──────── lines of JSON ────────►

The supervisor serves nothing itself. A worker is the same command again, told by its environment
what it is. Each message is one line; a worker's are `ready`, `failed` (it cannot serve, and why),
`facts` (each second, and at its end) and `leaves` (it takes no new calls); the supervisor's are
`configs`, first of all, `reload` and `stop`. What a worker starts with are the configs that the
supervisor has found good, so that it starts although somebody has broken a file meanwhile. A
closed end means that the other process has ended, by whatever: then a worker ends as well, and no
process is left over.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import pickle
import secrets
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.config import Loaded
from gateway.errors import Mistake
from gateway.telemetry.snapshots import Snapshot, merged, remains

log = logging.getLogger("gateway")

VARIABLE = "GATEWAY_WORKER"
FACTS_SECONDS = 1.0
# A message: the numbers of some thousand operations take a few MB.
_LONGEST = 64 * 1024 * 1024
# Not read for so long that this much waits: then facts are left out.
_FULL = 4 * 1024 * 1024
# Before a worker is started again, each time that it died within STEADY seconds of its start.
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_STEADY = 10.0
# A worker that serves and tells nothing for so long, twice in a row, hangs: it is killed. Twice,
# since what it told meanwhile is found only then where the supervisor itself was stopped.
_SILENCE = 15.0
# Beyond the deadline of its calls, what a worker has to close everything.
_CLOSING = 1.0

Message = dict[str, Any]  # {"is": its kind, …}


class WorkerFailed(Exception):
    """A worker that cannot serve; `mistakes` are those of the configs that it found."""

    def __init__(self, text: str, mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(text)
        self.mistakes = mistakes


class Place(msgspec.Struct, frozen=True):
    """What a worker is told at its start: who it is, and where it hears and listens.

    `channel` and `listener` are descriptors that it inherits; without a listener it binds `port`
    itself, together with the others. `key` is a secret of all workers of one supervisor: what one
    of them has asked for, another one may be given.
    """

    number: int
    channel: int
    port: int = 0
    listener: int | None = None
    key: bytes = b""


def place_of(env: MutableMapping[str, str]) -> Place | None:
    """What this process is told, if it is a worker; its own children are not told again."""
    text = env.pop(VARIABLE, "")
    try:
        return msgspec.json.decode(text, type=Place) if text else None
    except msgspec.DecodeError:
        text = f"{VARIABLE} is the gateway's own; for the number of processes set {VARIABLE}S"
        raise ValueError(text) from None


class Channel:
    """One end of the socket between a worker and its supervisor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, end: socket.socket) -> Channel:
        """Speak through a socket."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LONGEST))

    def tell(self, kind: str, **facts: Any) -> None:
        """Send a message; who has ended does not hear it."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _FULL:
            return
        self._writer.write(msgspec.json.encode({"is": kind, **facts}, enc_hook=str) + b"\n")

    async def hear(self) -> Message | None:
        """The next message; None when the other end is closed."""
        try:
            line = await self._reader.readline()
        except (ConnectionError, ValueError):
            return None
        if not line.endswith(b"\n"):
            return None
        message: Message = msgspec.json.decode(line, type=dict[str, Any])
        return message

    async def configs(self) -> list[Loaded] | None:
        """What a worker is to start with; None where there is no supervisor any more."""
        message = await self.hear()
        if message is None:
            return None
        # Of nobody but the process that started this one.
        loaded: list[Loaded] = pickle.loads(base64.b64decode(message["pickled"]))  # noqa: S301
        return loaded

    async def close(self) -> None:
        """Close this end when what was told has been sent."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@dataclass(slots=True, eq=False)
class Worker:
    """A worker as its supervisor knows it."""

    number: int
    process: Process
    channel: Channel
    is_ready: bool = False
    has_served: bool = False
    facts: Message = field(default_factory=dict)
    failure: Message | None = None


class Supervisor:
    """Keeps workers running."""

    def __init__(
        self,
        count: int,
        configs: Callable[[], Sequence[Loaded]],
        *,
        port: int = 0,
        listener: int | None = None,
    ) -> None:
        """`configs` gives what a worker starts with; see `Place` for the port and the listener."""
        self._count, self._port, self._listener = count, port, listener
        self._configs = configs
        self._key = secrets.token_bytes(32)
        self._workers: dict[int, Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._past: Snapshot = merged([])
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()  # a worker is ready, or the first ones cannot be
        self._again = asyncio.Event()  # what is pausing may try now
        self._failed: WorkerFailed | None = None

    async def start(self) -> None:
        """Start all workers and wait until they serve. Raises: WorkerFailed; none is left then."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep(number + 1)) for number in range(self._count)]
        while self.ready < self._count and not self._stopping.is_set():
            await self._changed.wait()
            self._changed.clear()
            if self._failed is not None:
                await self.stop(0.0)
                raise self._failed

    @property
    def ready(self) -> int:
        """How many workers serve."""
        return sum(worker.is_ready for worker in self._workers.values())

    def reload(self) -> None:
        """Have all workers read their configs again, also those that could not start."""
        for worker in self._workers.values():
            worker.channel.tell("reload")
        self._again.set()

    def workers(self) -> list[Message]:
        """Of each worker its number, its process, whether it serves, and what it told last."""
        return [
            {
                "number": one.number,
                "pid": one.process.pid,
                "ready": one.is_ready,
                "readiness": one.facts.get("readiness", {}),
            }
            for one in sorted(self._workers.values(), key=lambda one: one.number)
        ]

    def snapshot(self, own: Snapshot) -> Snapshot:
        """The numbers of all workers, those that have ended as well. `own` are the supervisor's,
        which takes no calls: of them the reloads count, where each worker would count one more."""
        now = [one.facts["counts"] for one in self._workers.values() if "counts" in one.facts]
        every = merged([self._past, *now, {"most": own["most"]}])
        return {**every, "sum": {**every["sum"], "reloads": own["sum"]["reloads"]}}

    async def stop(self, within: float) -> None:
        """End all workers, their calls in flight within so many seconds."""
        self._stopping.set()
        self._again.set()
        self._changed.set()
        for worker in self._workers.values():
            worker.channel.tell("stop", within=within)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within + _CLOSING)
        self.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End all workers at once."""
        self._stopping.set()
        for worker in self._workers.values():
            with suppress(ProcessLookupError):
                worker.process.kill()

    async def _keep(self, number: int) -> None:
        """Have a worker of this number, for as long as there are to be any."""
        loop = asyncio.get_running_loop()
        early = 0  # how often in a row it died soon
        was_ready = False
        while not self._stopping.is_set():
            began = loop.time()
            worker: Worker | None = None
            try:
                worker = await self._started(number)
            except OSError as error:  # no memory, no processes
                ended = f"cannot be started: {error.strerror}"
            else:
                ended = await self._followed(worker)
                was_ready = was_ready or worker.has_served
            if self._stopping.is_set():
                return
            if not was_ready:
                self._fail(number, ended, worker)
                return
            early = early + 1 if loop.time() - began < _STEADY else 0
            pause = _PAUSES[min(max(early - 1, 0), len(_PAUSES) - 1)]
            then = f"in {pause:g} s" if pause else "now"
            if worker is not None and worker.failure is not None:
                ended += f": {worker.failure['error']}"
            log.warning("worker %d %s; it is started again %s", number, ended, then)
            if pause:
                self._again.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._again.wait()

    def _fail(self, number: int, ended: str, worker: Worker | None) -> None:
        """A worker could not even be started for the first time."""
        failure = (worker.failure if worker else None) or {"error": "", "mistakes": []}
        reason = f": {failure['error']}" if failure["error"] else ""
        mistakes = msgspec.convert(failure["mistakes"], list[Mistake])
        self._failed = WorkerFailed(f"worker {number} {ended}{reason}", mistakes)
        self._changed.set()

    async def _started(self, number: int) -> Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            passed = [theirs.fileno(), *([] if self._listener is None else [self._listener])]
            place = Place(number, theirs.fileno(), self._port, self._listener, self._key)
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *sys.orig_argv[1:],
                    env={**os.environ, VARIABLE: msgspec.json.encode(place).decode()},
                    stdin=DEVNULL,
                    pass_fds=passed,
                    # A terminal's Ctrl-C is for the supervisor, which tells the workers.
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        worker = Worker(number, process, await Channel.open(ours))
        self._workers[number] = worker
        worker.channel.tell("configs", pickled=pickle.dumps(list(self._configs())))
        if self._stopping.is_set():  # it was not there yet when all were told
            worker.channel.tell("stop", within=0.0)
        return worker

    async def _followed(self, worker: Worker) -> str:
        """Hear what a worker tells until it has ended; gives how that was."""
        while (message := await self._heard(worker)) is not None:
            match message["is"]:
                case "ready":
                    worker.is_ready = worker.has_served = True
                    self._changed.set()
                    log.info("worker %d serves, process %d", worker.number, worker.process.pid)
                case "facts":
                    worker.facts = message
                case "failed":
                    worker.failure = message
                case "leaves":
                    worker.is_ready = False
        code = await self._ended(worker)
        del self._workers[worker.number]
        await worker.channel.close()
        if "counts" in worker.facts:
            self._past = merged([self._past, remains(worker.facts["counts"])])
        return _how(code)

    async def _heard(self, worker: Worker) -> Message | None:
        """Its next message; None where there are none any more, or it hangs."""
        silent = 0
        hearing = asyncio.ensure_future(worker.channel.hear())
        try:
            while not (await asyncio.wait([hearing], timeout=_SILENCE))[0]:
                silent = silent + 1 if worker.is_ready else 0
                if silent > 1:
                    log.warning("worker %d hangs: it has told nothing for long", worker.number)
                    return None
            return hearing.result()
        finally:
            hearing.cancel()

    async def _ended(self, worker: Worker) -> int:
        """Wait for the end of a worker that has closed its channel: it has nothing left to do."""
        try:
            async with asyncio.timeout(_CLOSING):
                return await worker.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                worker.process.kill()
            return await worker.process.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
