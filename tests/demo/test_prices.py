from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest

from gateway.demo import instruments
from gateway.demo.prices import AS_OF, DAYS, INTERVALS, Walk, days, newest_first
from gateway.demo.stocks import END

WALKS = [instruments.walk_of(one) for one in instruments.every()]
SHARE = next(walk for walk in WALKS if walk.name == "AAPL:NASDAQ")
COIN = next(walk for walk in WALKS if walk.name == "BTC/USD:Coinbase Pro")


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.name)
def test_every_bar_holds_its_own_prices(walk: Walk) -> None:
    for interval in INTERVALS:
        for bar in islice(newest_first(walk, interval, END), 300):
            assert 0 < bar.low <= min(bar.open, bar.close)
            assert max(bar.open, bar.close) <= bar.high


def test_the_last_day_is_the_day_of_the_price() -> None:
    last = days(SHARE)[-1]
    assert (last.at.date(), last.close) == (AS_OF, pytest.approx(205.17))
    assert len(days(SHARE)) == DAYS


def test_prices_do_not_change_from_run_to_run() -> None:
    bar = next(newest_first(SHARE, "1day", datetime(2025, 6, 24)))  # noqa: DTZ001 - no zone
    assert f"{bar.at.date()} {bar.open:.2f} {bar.close:.2f}" == "2025-06-23 223.14 222.27"


def test_shares_rest_at_weekends_and_coins_do_not() -> None:
    assert {bar.at.weekday() for bar in days(SHARE)} == {0, 1, 2, 3, 4}
    assert {bar.at.weekday() for bar in days(COIN)} == {0, 1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("walk", [SHARE, COIN], ids=["share", "coin"])
@pytest.mark.parametrize("interval", ["1min", "45min", "1h", "4h", "8h"])
def test_the_bars_within_a_day_lead_from_its_open_to_its_close(walk: Walk, interval: str) -> None:
    day = days(walk)[-1]
    bars = [bar for bar in islice(newest_first(walk, interval, END), 1440) if bar.at >= day.at]
    assert bars[-1].open == pytest.approx(day.open)
    assert bars[0].close == pytest.approx(day.close)
    assert day.low <= min(bar.low for bar in bars)
    assert max(bar.high for bar in bars) <= day.high


@pytest.mark.parametrize("interval", ["1week", "1month"])
def test_a_longer_bar_sums_up_its_days(interval: str) -> None:
    bar = list(islice(newest_first(SHARE, interval, END), 3))[2]
    after = list(islice(newest_first(SHARE, interval, END), 2))[1].at
    inside = [day for day in days(SHARE) if bar.at <= day.at < after]
    assert (bar.open, bar.close) == (inside[0].open, inside[-1].close)
    assert bar.high == max(day.high for day in inside)
    assert bar.low == min(day.low for day in inside)
    assert bar.volume == sum(day.volume or 0 for day in inside)


@pytest.mark.parametrize("interval", INTERVALS)
def test_bars_come_newest_first_and_begin_before_the_moment(interval: str) -> None:
    before = datetime(2025, 5, 14, 12, 0)  # noqa: DTZ001 - no zone
    moments = [bar.at for bar in islice(newest_first(SHARE, interval, before), 20)]
    assert moments == sorted(moments, reverse=True)
    assert moments[0] < before
