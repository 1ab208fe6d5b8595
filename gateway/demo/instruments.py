"""The instruments and exchanges of the embedded market-data API: symbols, hours, zones.

Instruments, exchanges and currencies are facts, the prices of June 30, 2025 are near the real
ones; how much they move and trade is a rough figure for `prices`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gateway.demo.prices import INTRADAY, Bar, Walk
from gateway.demo.upstream import ApiError, Query, sample

Row = dict[str, Any]


class Exchange(NamedTuple):
    """When it is open: minutes after midnight, for how long, and its hours ahead of UTC in June."""

    zone: str
    opens: int = 0
    minutes: int = 24 * 60
    ahead: int = 0


EXCHANGES = {
    "NASDAQ": Exchange("America/New_York", 570, 390, -4),
    "NYSE": Exchange("America/New_York", 570, 390, -4),
    "TSX": Exchange("America/Toronto", 570, 390, -4),
    "XETR": Exchange("Europe/Berlin", 540, 510, 2),
    "JPX": Exchange("Asia/Tokyo", 540, 390, 9),
    "Coinbase Pro": Exchange("UTC"),
    "Forex": Exchange("UTC"),
}


FILTERS = {
    "exchange": "exchange", "mic_code": "mic_code", "country": "country",
    "type": "instrument_type",
}  # fmt: skip


def find(query: Query) -> Row:
    """The first instrument of the symbol that fits; `AAPL:NASDAQ` names the exchange, too."""
    given = query.get("symbol", "").strip()
    if not given:
        raise ApiError("**symbol** is required.")
    symbol, _, exchange = given.partition(":")
    wanted = {column: query[name] for name, column in FILTERS.items() if query.get(name)}
    wanted |= {"exchange": exchange} if exchange else {}
    for row in every():
        fits = all(row[name].casefold() == text.casefold() for name, text in wanted.items())
        if row["symbol"].casefold() == symbol.casefold() and fits:
            return row
    raise ApiError(f"**symbol** not found: {given}. /symbol_search lists the ones there are.")


def every() -> list[Row]:
    """All instruments; of those that share a symbol, the one that it means first."""
    rows: list[Row] = sample("instruments.json")
    return rows


def walk_of(instrument: Row) -> Walk:
    """What its prices are made from."""
    exchange = EXCHANGES[instrument["exchange"]]
    return Walk(
        name=f"{instrument['symbol']}:{instrument['exchange']}",
        price=instrument["price"],
        volatility=instrument["volatility"],
        growth=instrument["growth"],
        volume=instrument["volume"],
        opens=exchange.opens,
        minutes=exchange.minutes,
        weekends=instrument["instrument_type"] == "Digital Currency",
    )


def timestamp(instrument: Row, bar: Bar, interval: str) -> int:
    """Seconds since 1970 in UTC; a bar of a day or longer counts from the exchange's opening."""
    exchange = EXCHANGES[instrument["exchange"]]
    opening = timedelta() if interval in INTRADAY else timedelta(minutes=exchange.opens)
    moment = bar.at + opening - timedelta(hours=exchange.ahead)
    return int((moment - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - no zone


def shown(instrument: Row) -> Row:
    """An instrument as a search shows it."""
    names = ("symbol", "instrument_name", "exchange", "mic_code")
    more = ("instrument_type", "country", "currency")
    zone = {"exchange_timezone": EXCHANGES[instrument["exchange"]].zone}
    return {n: instrument[n] for n in names} | zone | {n: instrument[n] for n in more}
