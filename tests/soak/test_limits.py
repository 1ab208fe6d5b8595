"""The short form of `python -m tests.soak.limits`, and that it would see what it looks for."""

from __future__ import annotations

import pytest

from gateway.config.scalars import Rate
from tests.conftest import Serve, Upstream
from tests.redis_server import RedisServer
from tests.soak.limits import CONFIG, Asked, Run, evenly, faults


@pytest.mark.usefixtures("patient")
async def test_two_gateways_let_in_what_one_would(
    serve: Serve, upstream: Upstream, redis: RedisServer
) -> None:
    text = CONFIG.format(limit="20/s", url=upstream.url)
    both = [await serve(text, store=redis.url) for _ in range(2)]
    done = await evenly([one.base for one in both], "20/s", seconds=6, pause=0.02)
    assert set(done.statuses) == {200, 429}
    assert done.most() <= 20
    assert 0.9 * done.alone() <= len(done.admitted) <= 1.1 * done.alone()


def test_too_many_and_too_few_are_seen() -> None:
    even = [Asked(n / 3, n / 3 + 0.01, 200) for n in range(600)]
    assert faults(Run(Rate(180, 60.0), even)) == []
    assert faults(Run(Rate(60, 60.0), even)) == ["180 were let in within 60 s"]
    assert faults(Run(Rate(300, 60.0), even)) == ["only 180 were let in within 60 s"]
    assert faults(Run(Rate(180, 60.0), [*even, Asked(9, 9.1, 500)])) == ["500 was answered"]
