"""Run a function in a process of its own, with bounds on memory and time.

What a hostile text does to the process then is a line in a table, not a dead machine.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MEMORY = 2 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a function: its result (plain values), or the signal or text it died of."""

    seconds: float
    rss: int
    result: Any = None
    died: str = ""


def run(function: Callable[[], Any], seconds: float, memory: int = MEMORY) -> Outcome:
    """Fork, set the bounds, run. The caller has no threads."""
    reader, writer = os.pipe()
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(function, writer, seconds, memory)
    os.close(writer)
    text, late = _read(reader, start + seconds)
    os.close(reader)
    if late:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    took, rss = time.monotonic() - start, usage.ru_maxrss * 1024
    if late:
        return Outcome(took, rss, died=f"not done after {seconds:g} s")
    if os.WIFSIGNALED(status):
        return Outcome(took, rss, died=f"killed by {signal.Signals(os.WTERMSIG(status)).name}")
    if not text:
        return Outcome(took, rss, died=f"left with {os.waitstatus_to_exitcode(status)}")
    answer = json.loads(text)
    return Outcome(took, rss, answer.get("result"), answer.get("died", ""))


def _child(function: Callable[[], Any], writer: int, seconds: float, memory: int) -> None:
    """Run it and tell. Nothing comes back from here: it would go on in the caller's code."""
    try:
        unbound = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (memory, unbound))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 5,) * 2)
        try:
            answer = {"result": function()}
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            resource.setrlimit(resource.RLIMIT_AS, (unbound, unbound))  # to have room to tell
            last = traceback.extract_tb(error.__traceback__)[-3:]
            at = " < ".join(f"{one.filename.rpartition('/')[2]}:{one.lineno}" for one in last[::-1])
            answer = {"died": f"{type(error).__name__}: {str(error)[:300]} ({at})"}
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer, pipe)
    finally:
        os._exit(0)


def _read(reader: int, end: float) -> tuple[bytes, bool]:
    """All that is written, or too late."""
    pieces: list[bytes] = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return b"", True
        piece = os.read(reader, 1 << 16)
        if not piece:
            return b"".join(pieces), False
        pieces.append(piece)
