"""Long answers are made in a process of their own: the same answers, bounds, and an end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway import aside as made
from gateway.aside import Aside, TooDear
from gateway.shrinking import prepare

MIB = 1024 * 1024
PLENTY = 256 * MIB


@pytest.fixture
def aside() -> Iterator[Aside]:
    one = Aside(prepare)
    yield one
    one.close()


def nursery_of(aside: Aside) -> int:
    assert aside._nursery is not None
    return aside._nursery.pid


def test_a_job_is_done_elsewhere(aside: Aside) -> None:
    assert aside.run(os.getpid, memory=PLENTY) != os.getpid()


def test_long_texts_come_and_go_as_they_are(aside: Aside) -> None:
    text = os.urandom(3 * MIB)
    assert aside.run(bytes.swapcase, text, memory=PLENTY) == text.swapcase()
    assert aside.run(divmod_of, text, memory=PLENTY) == (text[:MIB], text[MIB:], 7)


def divmod_of(text: bytes) -> tuple[bytes, bytes, int]:
    return text[:MIB], text[MIB:], 7


def test_what_a_job_raises_is_raised(aside: Aside) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        aside.run(int, "no", memory=PLENTY)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux bounds memory")
def test_a_job_that_takes_too_much_memory_is_given_up_and_the_next_one_is_done(
    aside: Aside,
) -> None:
    with pytest.raises(TooDear, match="more than 64 MiB of memory"):
        aside.run(bytes, 128 * MIB, memory=64 * MIB)
    assert aside.run(len, b"abc", memory=64 * MIB) == 3


def test_a_job_that_takes_too_long_is_given_up(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "SECONDS", 0.2)
    with pytest.raises(TooDear, match="too long"):
        aside.run(time.sleep, 60, memory=PLENTY)


def test_a_worker_that_crashes_takes_nothing_with_it(aside: Aside) -> None:
    with pytest.raises(TooDear):
        aside.run(os.abort, memory=PLENTY)
    assert aside.run(len, b"abc", memory=PLENTY) == 3


def test_where_the_nursery_was_killed_there_is_a_new_one(aside: Aside) -> None:
    aside.run(len, b"abc", memory=PLENTY)
    first = nursery_of(aside)
    os.kill(first, signal.SIGKILL)
    assert aside._nursery is not None
    aside._nursery.wait()
    assert aside.run(len, b"abc", memory=PLENTY) == 3
    assert nursery_of(aside) != first


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux tells of children")
async def test_nothing_is_left_when_it_closes_and_who_waits_is_told(aside: Aside) -> None:
    parent = aside.run(os.getppid, memory=PLENTY)
    assert parent == nursery_of(aside)
    sleeps = partial(aside.run, time.sleep, 60, memory=PLENTY)
    task = asyncio.create_task(aside.wait(sleeps))
    while not (workers := await asyncio.to_thread(children_of, parent)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.to_thread(aside.close)
    with pytest.raises(TooDear):
        await task
    while any(map(is_alive, (parent, *workers))):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_it_sees_no_environment(aside: Aside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "topsecret-4711")
    assert aside.run(os.getenv, "UPSTREAM_KEY", memory=PLENTY) is None
