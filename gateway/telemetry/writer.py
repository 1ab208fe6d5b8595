"""Writes the lines of the log, beside the calls: none waits for whoever reads it.

Lines are gathered and a thread writes them every 50 ms, errors at once. Where nobody reads, no
more than so many are kept; what is lost is counted, and told when somebody reads again.
"""

from __future__ import annotations

import atexit
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from gateway.telemetry.lines import Line, Record, Stamps

Form = Callable[[list[Line]], bytes]
Sink = Callable[[bytes], None]

# Between two writes: a person does not see it, and a busy process writes hundreds of lines at once.
EVERY = 0.05
# What waits to be written: some megabytes, and some seconds of all that one process can serve.
MOST = 20_000
# Written at once, so that not all the text of a full buffer is in memory.
_BATCH = 1_000
# What a pipe takes in one piece; 4 KiB on Linux, no less than 512 bytes anywhere.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
# For what is left when the process ends.
LAST_SECONDS = 2.0


class Writer:
    """Gathers lines and writes them.

    Args:
        form: Lines as bytes.
        sink: Takes bytes; may block, and raise OSError where nobody will ever read.
        most: Lines that may wait.
    """

    def __init__(self, form: Form, sink: Sink, *, most: int = MOST) -> None:
        self._form, self._sink, self._most = form, sink, most
        self._lines: deque[Line] = deque()  # both ends are atomic
        self._lost = 0
        self._is_idle = True  # the thread waits until something comes
        self._ends = False
        self._lock = threading.Lock()
        self._come, self._urgent = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._stamps = Stamps()

    def put(self, line: Line, *, urgent: bool = False) -> None:
        """Take a line; from any thread."""
        if len(self._lines) >= self._most:
            self._lost += 1
            return
        self._lines.append(line)
        if self._is_idle:
            self._wake()
        if urgent:
            self._urgent.set()

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Write what is left, for so long at most; what comes later is lost."""
        self._ends = True
        thread, self._thread = self._thread, None
        self._come.set()
        self._urgent.set()
        if thread is not None:
            thread.join(seconds)
        atexit.unregister(self.close)

    def _wake(self) -> None:
        with self._lock:
            self._is_idle = False
            if self._thread is None and not self._ends:
                # A daemon: one that hangs in a write shall not hold the process.
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        self._come.set()

    def _run(self) -> None:
        while True:
            self._come.wait()
            self._come.clear()
            while self._lines:
                self._urgent.wait(0 if self._ends else EVERY)
                self._urgent.clear()
                self._write()
            self._is_idle = True
            if self._lines:  # one came just now, and did not wake anybody
                self._come.set()
            elif self._ends:
                return

    def _write(self) -> None:
        take = self._lines.popleft
        lines = [take() for _ in range(len(self._lines))]
        lost, self._lost = self._lost, 0
        if lost:
            text = "lines of this log were lost: they were not read in time"
            lines.append(Record(self._stamps(time.time()), "warning", text, lost=lost))
        for start in range(0, len(lines), _BATCH):
            try:
                self._sink(self._form(lines[start : start + _BATCH]))
            except (OSError, ValueError):  # nobody reads any more, or it is closed
                self._lost += len(lines) - start
                return


def sink_of(stream: TextIO) -> Sink:
    """What writes to a stream: past its buffer, where there is a file descriptor behind it."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):

        def say(data: bytes) -> None:
            stream.write(data.decode("utf-8", "replace"))
            stream.flush()

        return say

    def write(data: bytes) -> None:
        start = 0
        while start < len(data):
            try:
                start += os.write(number, data[start : _end(data, start)])
            except BlockingIOError:  # a terminal that somebody else made so
                select.select([], [number], [])

    return write


def _end(data: bytes, start: int) -> int:
    """Where to end a write: several processes may have the same pipe, and only what is no larger
    than PIPE_BUF is not torn apart in one (POSIX, write). So whole lines go, as many as fit."""
    if len(data) - start <= _AT_ONCE:
        return len(data)
    return (
        data.rfind(b"\n", start, start + _AT_ONCE) + 1 or data.find(b"\n", start) + 1 or len(data)
    )
