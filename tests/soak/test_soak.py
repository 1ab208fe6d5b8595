"""A short soak, and that it would see what it looks for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.soak.plot import plot
from tests.soak.running import Run, Second, soak
from tests.soak.upstream import FAULTS
from tests.soak.values import KINDS, Asked, Known, Name, WrongError, body_of, judged

# What a fault would be, put into the gateway's process before it starts.
BROKEN = {
    "old": "import gateway.pipeline.cache_ask as it; it.invalidated = lambda *_: ()",
    "another's": "import gateway.pipeline.cache_keys as it; it.partition_of = lambda *_: b'one'",
}


def whole(run: Run) -> None:
    """Nothing was wrong, and there was something to judge."""
    assert run.wrong == []
    for name in ("hit", "stored", "more", "mcp", "writes", "502"):
        assert run.seen[name], f"there was no {name}: {run.seen}"
    failed = {name: count for name, count in run.upstream.items() if name in FAULTS}
    assert sum(failed.values()) > len(FAULTS), run.upstream


async def test_no_answer_is_wrong_before_an_upstream_that_fails(tmp_path: Path) -> None:
    whole(await soak(tmp_path, 10))


async def test_nor_with_a_shared_store(tmp_path: Path, redis: RedisServer) -> None:
    whole(await soak(tmp_path, 5, seed=2, store=redis.url))


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_gateway_with_a_fault_is_found_out(tmp_path: Path, kind: str) -> None:
    program = ("-c", f"{BROKEN[kind]}\nfrom gateway.cli import main; main()")
    run = await soak(tmp_path, 4, program=program)
    assert any(f": {kind}: " in one for one in run.wrong), run.wrong


ASKED = Asked("list", "a", "alice", "en", 3)
NAME = Name("list", "a", "alice", "en", 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_taken_for_what_it_is(kind: str) -> None:
    name = NAME._replace(kind=kind)
    assert judged(json.loads(body_of(name)), ASKED._replace(kind=kind)) == name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (NAME._replace(key="b"), "another's"),
        (NAME._replace(tenant="bob"), "another's"),
        (NAME._replace(language="de"), "another's"),
        (NAME._replace(version=2), "old"),
    ],
)
def test_another_value_is_not_taken_for_it(given: Name, said: str) -> None:
    with pytest.raises(WrongError, match=said):
        judged(json.loads(body_of(given)), ASKED)


def test_a_part_is_not_taken_for_the_whole() -> None:
    body = json.loads(body_of(NAME))
    with pytest.raises(WrongError, match="torn"):
        judged({**body, "rows": body["rows"][:50]}, ASKED)
    with pytest.raises(WrongError, match="another's"):
        judged({**body, "rows": body["rows"][1:]}, ASKED)
    item = json.loads(body_of(NAME._replace(kind="item")))
    with pytest.raises(WrongError, match="torn"):
        judged({**item, "pad": item["pad"][:-1]}, ASKED._replace(kind="item"))


def test_a_version_must_be_had_from_its_time_on() -> None:
    known = Known()
    known.add("item", "a", "bob", 10.0, 2)
    known.add("item", "a", "bob", 13.0, 3)
    assert [known.least("item", "a", "bob", now) for now in (9.0, 11.0, 14.0)] == [0, 2, 3]
    for version in range(4, 200):
        known.add("item", "a", "bob", 10.0 + version, version)
    assert known.least("item", "a", "bob", 300.0) == 199
    assert known.least("item", "a", "alice", 300.0) == 0


def test_memory_of_the_last_third_is_held_against_the_second() -> None:
    held = [10, 20, 30, 100, 100, 102, 110, 110, 180]
    run = Run([Second(Counter(reads=1), one) for one in held])
    assert run.growth == 1.1
    assert plot(run).count("<polyline") == 4
