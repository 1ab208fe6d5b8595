"""How long a plugin waits for its spec. That it is served in the end is in `test_proxy`."""

from __future__ import annotations

import asyncio
from itertools import accumulate, takewhile

import pytest

from gateway import app
from gateway.reloading import LAST_RETRY, pauses
from tests.conftest import Serve, Upstream


@pytest.mark.parametrize("late", [0.0, 0.5, 1, 3, 5, 10, 19.9, 20, 30, 60, 120, 300, 3600])
def test_a_plugin_is_ready_at_most_a_fifth_and_a_second_after_its_service(late: float) -> None:
    """And at most a minute, however late the service is."""
    tried = next(at for at in accumulate(pauses()) if at >= late)
    assert tried - late <= min(late / 5 + 1, LAST_RETRY)


def test_a_service_that_stays_away_is_not_asked_more_and_more() -> None:
    in_an_hour = sum(1 for _ in takewhile(lambda at: at < 3600, accumulate(pauses())))
    assert in_an_hour < 3600 / LAST_RETRY + 25


async def test_free_memory_is_given_back_now_and_then(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(app, "TRIM_SECONDS", 0.01)
    monkeypatch.setattr(app, "trimmer", lambda: lambda _: loop.call_soon_threadsafe(given.set))
    await serve(
        f"""
        plugin: p
        upstream: {{url: "{upstream.url}"}}
        operations: {{a: {{call: GET /a, description: A.}}}}
        """
    )
    await asyncio.wait_for(given.wait(), 10)


def test_the_c_library_trims_or_is_left_alone() -> None:
    trim = app.trimmer()
    assert trim is None or trim(0) in (0, 1)
