"""Work aside: in a process of its own, so that nobody waits for it and its memory is bounded.

A thread does not do for ten megabytes of JSON: one call of the reader's C code holds Python's
lock for a quarter of a second.

    Aside ── a socket for each job ──► nursery ── fork ──► worker: one job, one result, the end

The nursery starts with the first job, has loaded what jobs need, and only forks. A worker is
bounded in memory (where the kernel does that: Linux) and in seconds, and what it took is gone with
it. The nursery sees neither environment nor configs; when the gateway ends, however it does, so do
all.

What goes through the sockets is pickled, which is only safe because both ends are this code: a
worker is as trusted as the gateway, no more is known of its input than of any body.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import IO, Any, TypeVar

T = TypeVar("T")

# Below this a thread does: 20 ms of work at worst, and a fork and two copies are not free.
LONG = 512 * 1024
SECONDS = 30.0
_SPARE = 64 * 1024 * 1024
_AT_ONCE = 4  # or as many as there are processors
_NICE = 5  # what calls wait for goes first
_BESIDE = 64 * 1024  # bytes from which a part is sent as it is instead of copied
_HEAD = struct.Struct("!QdQI")  # memory, seconds, size of the pickle, number of parts beside it
_PART = struct.Struct("!Q")
_FORKS = hasattr(os, "fork")


class TooDear(Exception):
    """The job was given up; the text says why: "it takes longer than 30 seconds"."""


class Aside:
    """Workers at need. `prepare` is called in the nursery, so that it has loaded what jobs need;
    `modules` are what else they need."""

    def __init__(self, prepare: Callable[[], object], *modules: str) -> None:
        self._prepare = (f"{prepare.__module__}:{prepare.__qualname__}", *modules)
        self._lock = threading.Lock()
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def wait(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that calls `run`, in a thread; only so many at once."""
        if self._threads is None:
            number = max(1, min(_AT_ONCE, os.cpu_count() or 1))
            self._threads = ThreadPoolExecutor(number, thread_name_prefix="aside")
        run = partial(contextvars.copy_context().run, function, *args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    def run(self, job: Callable[..., T], *args: Any, memory: int) -> T:
        """Do a job in a worker; for any thread but the event loop's.

        Args:
            job: Can be pickled, as can its arguments and its result. Long texts cost least as
                arguments of their own, and as parts of a tuple that is the result.
            args: The arguments.
            memory: The most bytes of memory that it may take.

        Raises:
            TooDear: it was not done.
            Exception: whatever the job raises.
        """
        if not _FORKS:
            return job(*args)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._hand_over(theirs)
            ours.settimeout(SECONDS + 5)  # it ends by itself; this is for one that cannot
            _send(ours, (job, tuple(map(_beside, args))), memory)
            with ours.makefile("rb") as stream:
                done, result = _receive(stream)
        except TimeoutError:
            raise TooDear(f"it takes longer than {SECONDS:g} seconds") from None
        except (OSError, EOFError):
            # By a signal, so nobody could say why: its time, or memory that Rust could not get.
            raise TooDear("it takes too long or too much memory") from None
        finally:
            ours.close()
        if done:
            return result  # type: ignore[no-any-return] # the job's
        if isinstance(result, MemoryError):
            raise TooDear(f"it takes more than {memory // 1024**2} MiB of memory")
        raise result

    def close(self) -> None:
        """End all workers; whoever waits for one gets `TooDear`."""
        with self._lock:
            self._stop()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None

    def _hand_over(self, end: socket.socket) -> None:
        """Have a worker made that listens to a socket."""
        with self._lock:
            if self._control is not None:
                with contextlib.suppress(OSError):  # it was killed: there will be another
                    socket.send_fds(self._control, [b"+"], [end.fileno()])
                    return
            self._stop()
            socket.send_fds(self._start(), [b"+"], [end.fileno()])

    def _start(self) -> socket.socket:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._nursery = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), *self._prepare],
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C is the gateway's to handle
            )
        return self._control

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._nursery is not None:
            self._nursery.wait()
            self._nursery = None


# --- on the other side ------------------------------------------------------------------------


def nurse(control: socket.socket) -> None:
    """Fork a worker for each socket that comes; at the end of them all, end all workers."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    gc.collect()
    gc.freeze()  # what is shared with workers stays shared
    while True:
        message, ends, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            os.killpg(0, signal.SIGKILL)
        with socket.socket(fileno=ends[0]) as end:
            if os.fork() == 0:
                control.close()
                _work(end)


def _work(end: socket.socket) -> None:
    """Do one job and end."""
    os.nice(_NICE)
    gc.disable()  # whatever is left lying ends with the process
    try:
        with end.makefile("rb") as stream:
            job, args = _receive(stream, bound=True)
        try:
            done = (True, _beside(job(*args)))
        except Exception as error:  # noqa: BLE001 - it is raised where the job was asked for
            done = (False, error.with_traceback(None))
        _send(end, done)
    finally:
        os._exit(0)


def _bound(memory: int, seconds: float) -> None:
    """End this process after a while, and let it have no more memory than that."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    said = Path("/proc/self/status")
    if said.exists():
        import resource

        data = next(one for one in said.read_text().splitlines() if one.startswith("VmData:"))
        most = int(data.split()[1]) * 1024 + memory
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


# --- on the wire ------------------------------------------------------------------------------


def _beside(value: Any) -> Any:
    """A value whose long texts are not copied into the pickle."""
    if type(value) is bytes and len(value) > _BESIDE:
        return pickle.PickleBuffer(value)
    if isinstance(value, tuple):
        parts = map(_beside, value)
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return value


def _send(end: socket.socket, value: Any, memory: int = 0) -> None:
    beside: list[pickle.PickleBuffer] = []
    text = pickle.dumps(value, 5, buffer_callback=beside.append)
    parts = [one.raw() for one in beside]
    end.sendall(_HEAD.pack(memory, SECONDS, len(text), len(parts)))
    end.sendall(b"".join(_PART.pack(len(part)) for part in parts) + text)
    for part in parts:
        end.sendall(part)


def _receive(stream: IO[bytes], *, bound: bool = False) -> Any:
    """What was sent. Raises: EOFError, OSError."""
    memory, seconds, size, number = _HEAD.unpack(_read(stream, _HEAD.size))
    if bound:
        _bound(memory, seconds)
    sizes = [_PART.unpack(_read(stream, _PART.size))[0] for _ in range(number)]
    text = _read(stream, size)
    return pickle.loads(text, buffers=[_read(stream, one) for one in sizes])  # noqa: S301 - ours


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def memory_for(size: int, max_bytes: int) -> int:
    """What a worker may take for a body, where no body is beyond `max_bytes`: with the body in
    pieces, whole, and a result of its size in the gateway, 64 MiB and three times that."""
    return _SPARE + 3 * max(0, max_bytes - size)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as own:
        resolve_name(sys.argv[2])()
        for module in sys.argv[3:]:
            resolve_name(module)
        nurse(own)
