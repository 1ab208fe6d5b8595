"""Server processes: started on one core, waited for, their CPU time read, ended.

Linux only: CPU time is utime + stime of /proc/PID/stat (proc(5), fields 14 and 15), which no
scheduler and no busy neighbour falsifies the way they do wall-clock figures.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
READY_WITHIN = 30.0


class NotStarted(Exception):
    """A server that ended or did not listen; the text holds what it printed."""


class Server:
    """A process that listens on a port of the loopback interface, on one core."""

    def __init__(
        self, command: Sequence[str], port: int, core: int, env: Mapping[str, str], log: Path
    ) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                command, env={**os.environ, **env}, stdout=output, stderr=output
            )
        os.sched_setaffinity(self._process.pid, {core})

    def __enter__(self) -> Self:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        self.__exit__(None, None, None)
        raise NotStarted(self._log.read_text(errors="replace"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_time(self) -> float:
        """CPU seconds spent so far, all threads."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
        return (int(fields[11]) + int(fields[12])) / TICKS


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
