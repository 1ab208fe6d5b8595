"""Price bars of any instrument and interval, made up but coherent. Pure.

A day's bars are a random walk back from the instrument's price on `AS_OF`, seeded by its name:
the same on every machine. Weeks and months are summed up from the days; an intraday bar lies on
a path from its day's open to its close, within the day's high and low. Holidays are not
observed. Times are the exchange's own, without a zone, as the API writes them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

AS_OF = date(2025, 6, 30)  # the last day there is
DAYS = 6000  # about 23 years of trading days; the API gives at most 5,000 bars at once

# Minutes of an interval; what is a day or longer is made from days.
INTRADAY = {
    "1min": 1, "5min": 5, "15min": 15, "30min": 30, "45min": 45,
    "1h": 60, "2h": 120, "4h": 240, "8h": 480,
}  # fmt: skip
INTERVALS = (*INTRADAY, "1day", "1week", "1month")


class Walk(NamedTuple):
    """What an instrument's prices are made from; `volatility` and `growth` are per day.

    `volume` is the shares of a usual day, None where none is told. `opens` is minutes after
    midnight, `minutes` how long the exchange is open; around the clock also means weekends.
    """

    name: str
    price: float
    volatility: float
    growth: float
    volume: int | None
    opens: int
    minutes: int
    weekends: bool


class Bar(NamedTuple):
    """Prices from `at` on, for one interval."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int | None


@lru_cache(maxsize=64)
def days(walk: Walk) -> tuple[Bar, ...]:
    """The last `DAYS` days, oldest first."""
    rng = _rng(walk.name)
    closes = [walk.price]
    for _ in range(DAYS):
        closes.append(closes[-1] / math.exp(rng.gauss(walk.growth, walk.volatility)))
    closes.reverse()
    bars = []
    for at, (before, close) in zip(_dates(walk), pairwise(closes), strict=True):
        start = before * math.exp(rng.gauss(0, walk.volatility * 0.3))
        high = max(start, close) * math.exp(abs(rng.gauss(0, walk.volatility * 0.4)))
        low = min(start, close) / math.exp(abs(rng.gauss(0, walk.volatility * 0.4)))
        volume = walk.volume and round(walk.volume * math.exp(rng.gauss(0, 0.3)))
        bars.append(Bar(at, start, high, low, close, volume))
    return tuple(bars)


def _dates(walk: Walk) -> list[datetime]:
    found: list[datetime] = []
    day = AS_OF
    while len(found) < DAYS:
        if walk.weekends or day.weekday() < 5:
            found.append(datetime.combine(day, time()))
        day -= timedelta(days=1)
    return found[::-1]


def newest_first(walk: Walk, interval: str, before: datetime) -> Iterator[Bar]:
    """The bars of an interval that begin before a moment."""
    if interval in INTRADAY:
        for day in reversed(days(walk)):
            if day.at < before:
                bars = _within(walk, day, INTRADAY[interval])
                yield from (bar for bar in reversed(bars) if bar.at < before)
        return
    longer = days(walk) if interval == "1day" else _summed(days(walk), interval)
    yield from (bar for bar in reversed(longer) if bar.at < before)


def _summed(bars: tuple[Bar, ...], interval: str) -> tuple[Bar, ...]:
    def begins(bar: Bar) -> datetime:
        back = bar.at.weekday() if interval == "1week" else bar.at.day - 1
        return bar.at - timedelta(days=back)

    found = []
    for at, group in groupby(bars, begins):
        part = list(group)
        volumes = [bar.volume for bar in part if bar.volume is not None]
        high, low = max(bar.high for bar in part), min(bar.low for bar in part)
        volume = sum(volumes) if volumes else None
        found.append(Bar(at, part[0].open, high, low, part[-1].close, volume))
    return tuple(found)


def _within(walk: Walk, day: Bar, minutes: int) -> list[Bar]:
    """A day's bars: a path from open to close (a Brownian bridge), kept within high and low."""
    count = math.ceil(walk.minutes / minutes)
    rng = _rng(f"{walk.name} {day.at} {minutes}")
    step = walk.volatility / math.sqrt(count)
    drawn = [0.0]
    for _ in range(count):
        drawn.append(drawn[-1] + rng.gauss(0, step))
    rise = math.log(day.close / day.open)
    ends = [
        min(day.high, max(day.low, day.open * math.exp(one + (rise - drawn[-1]) * n / count)))
        for n, one in enumerate(drawn)
    ]
    bars = []
    for n, (start, close) in enumerate(pairwise(ends)):
        at = day.at + timedelta(minutes=walk.opens + n * minutes)
        high = min(day.high, max(start, close) * math.exp(abs(rng.gauss(0, step * 0.4))))
        low = max(day.low, min(start, close) / math.exp(abs(rng.gauss(0, step * 0.4))))
        volume = day.volume and round(day.volume / count * math.exp(rng.gauss(0, 0.3)))
        bars.append(Bar(at, start, high, low, close, volume))
    return bars


def _rng(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - sample data, not secrets
