"""How long a plugin waits for its spec. That it is served in the end is in `test_proxy`."""

from __future__ import annotations

from itertools import accumulate, takewhile

import pytest

from gateway.app import LAST_RETRY, pauses


@pytest.mark.parametrize("late", [0.0, 0.5, 1, 3, 5, 10, 19.9, 20, 30, 60, 120, 300, 3600])
def test_a_plugin_is_ready_at_most_a_fifth_and_a_second_after_its_service(late: float) -> None:
    """And at most a minute, however late the service is."""
    tried = next(at for at in accumulate(pauses()) if at >= late)
    assert tried - late <= min(late / 5 + 1, LAST_RETRY)


def test_a_service_that_stays_away_is_not_asked_more_and_more() -> None:
    in_an_hour = sum(1 for _ in takewhile(lambda at: at < 3600, accumulate(pauses())))
    assert in_an_hour < 3600 / LAST_RETRY + 25
