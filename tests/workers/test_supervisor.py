"""The supervisor alone, with workers that do no more than is asked here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

from gateway import workers
from gateway.errors import Mistake
from gateway.telemetry.counts import Counts
from gateway.workers import Supervisor, WorkerFailed
from tests.workers.conftest import lives, until

# What every worker here begins with: its end of the channel, and its first message.
BEGIN = """
import json, os, socket, sys, time
place = json.loads(os.environ["GATEWAY_WORKER"])
channel = socket.socket(fileno=place["channel"])
lines = channel.makefile("r")
first = json.loads(lines.readline())
def tell(**message): channel.sendall(json.dumps(message).encode() + b"\\n")
"""


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], Supervisor]:
    """Workers are the command that this process was started with: here, some lines of Python."""

    def make(count: int, code: str) -> Supervisor:
        monkeypatch.setattr(sys, "orig_argv", ["python", "-c", BEGIN + dedent(code)])
        return Supervisor(count, list)

    return make


async def test_a_worker_that_cannot_start_for_the_first_time_is_the_end(
    supervise: Callable[[int, str], Supervisor],
) -> None:
    mistake = Mistake("one.yaml", 2, 1, "", "no")
    code = """
        if place["number"] == 2:
            one = {"file": "one.yaml", "line": 2, "column": 1, "path": "", "message": "no"}
            tell(**{"is": "failed", "error": "one.yaml:2:1: no", "mistakes": [one]})
            sys.exit(2)
        tell(**{"is": "ready"})
        lines.readline()
    """
    supervisor = supervise(2, code)
    with pytest.raises(WorkerFailed, match=r"worker 2 ended with 2: one\.yaml:2:1: no") as caught:
        await supervisor.start()
    assert caught.value.mistakes == [mistake]
    assert supervisor.workers() == []
    with pytest.raises(WorkerFailed, match="worker 1 ended with 3"):
        await supervise(1, "sys.exit(3)").start()


async def test_one_that_dies_is_started_again_and_what_it_did_still_counts(
    supervise: Callable[[int, str], Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway")
    code = """
        counts = {"sum": {"shed": {"load": 5}, "reloads": {"ok": 1}}, "now": {"calls": 1}}
        tell(**{"is": "ready"})
        tell(**{"is": "facts", "readiness": {}, "counts": {**counts, "most": {}}})
        lines.readline()  # whatever it is
    """
    supervisor = supervise(2, code)
    await supervisor.start()
    own = Counts()
    own.reloads("ok", at=7.0)

    def snapshot() -> dict[str, dict[str, object]]:
        return supervisor.snapshot(own.snapshot())

    def shed() -> object:
        sum_ = snapshot()["sum"]
        return sum_.get("shed")

    await until(lambda: shed() == {"load": 10})
    assert snapshot()["now"] == {"calls": 2}
    assert snapshot()["sum"]["reloads"] == {"ok": 1}  # one for all
    assert snapshot()["most"]["reloaded"] == 7
    supervisor.reload()  # these workers end at that
    await until(lambda: shed() == {"load": 20} and snapshot()["now"] == {"calls": 2})
    assert "worker 1 ended with 0; it is started again now" in caplog.text
    pids = [one["pid"] for one in supervisor.workers()]
    await supervisor.stop(5)
    assert not any(map(lives, pids))
    assert supervisor.workers() == []


async def test_one_that_hangs_is_killed_and_one_that_leaves_is_not(
    supervise: Callable[[int, str], Supervisor],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(workers, "_SILENCE", 0.2)
    code = """
        time.sleep(0.5)  # before it serves it may take its time
        tell(**{"is": "ready"})
        if place["number"] == 1: tell(**{"is": "leaves"})
        while True: time.sleep(1)
    """
    supervisor = supervise(2, code)
    starting = asyncio.create_task(supervisor.start())
    await until(lambda: "worker 2 was ended by SIGKILL; it is started again" in caplog.text)
    assert "worker 2 hangs" in caplog.text
    assert "worker 1" not in caplog.text
    starting.cancel()
    await supervisor.stop(0.1)


async def test_one_that_does_not_end_when_it_is_told_to_is_killed(
    supervise: Callable[[int, str], Supervisor],
) -> None:
    code = """
        tell(**{"is": "ready"})
        while True: time.sleep(1)
    """
    supervisor = supervise(1, code)
    await supervisor.start()
    ((pid,),) = [[one["pid"] for one in supervisor.workers()]]
    async with asyncio.timeout(30):
        await supervisor.stop(0.1)
    assert not lives(pid)
