"""Four endpoints of the API of Twelve Data (https://twelvedata.com), embedded.

Paths, parameters and bodies are that API's; `configs/specs/twelvedata.yaml` describes them.
The market stands still on June 30, 2025, and all prices before are made up (`prices`). One symbol
per call.

Numbers are strings. An error is `{code, message, status: "error"}`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice, takewhile

from aiohttp import web

from gateway.demo import instruments
from gateway.demo.instruments import Row
from gateway.demo.prices import INTERVALS, INTRADAY, Bar, days, newest_first
from gateway.demo.upstream import Answer, Api, ApiError, Query, app, integer

KEY = "demo-twelvedata-58b7e2d4"
MAX_POINTS = 5000
END = datetime(9999, 1, 1)  # noqa: DTZ001 - the API's times have no zone
BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - likewise


def make_app(*, key: str = KEY, per_minute: int = 600) -> web.Application:
    """The API at the root."""

    def shows_key(request: web.Request) -> bool:
        shown = request.headers.get("Authorization", "")
        shown = shown or "apikey " + request.query.get("apikey", "")
        given = shown.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"apikey {key}".encode())

    return app(Api(ROUTES, shows_key, _error, _limits), per_minute=per_minute)


def _error(status: int, message: str) -> Row:
    return {"code": status, "message": message, "status": "error"}


def _limits(allowed: int, left: int, _reset: float) -> dict[str, str]:
    return {"api-credits-used": str(allowed - left), "api-credits-left": str(left)}


# --- the endpoints ---------------------------------------------------------------------------


def price(_path: Mapping[str, str], query: Query) -> Answer:
    """The latest price."""
    last = days(instruments.walk_of(instruments.find(query)))[-1]
    return Answer({"price": _text(last.close, _places(query))}, "public, max-age=5")


def quote(_path: Mapping[str, str], query: Query) -> Answer:
    """The last bar with its change, its volume and the range of a year."""
    instrument, places = instruments.find(query), _places(query)
    interval = _interval(query, "1day")
    walk = instruments.walk_of(instrument)
    last, before = islice(newest_first(walk, interval, END), 2)
    volumes = [bar.volume for bar in islice(newest_first(walk, interval, END), 9)]
    row = {
        "symbol": instrument["symbol"],
        "name": instrument["instrument_name"],
        "exchange": instrument["exchange"],
        "mic_code": instrument["mic_code"],
        "currency": instrument["currency"],
        "datetime": _moment(last, interval),
        "timestamp": instruments.timestamp(instrument, last, interval),
        **_bar(last, places),
        "previous_close": _text(before.close, places),
        "change": _text(last.close - before.close, places),
        "percent_change": _text(100 * (last.close / before.close - 1), places),
        "is_market_open": walk.weekends,
        "fifty_two_week": _year(days(walk), places),
    }
    if last.volume is not None:
        row["average_volume"] = str(round(sum(v or 0 for v in volumes) / len(volumes)))
    return Answer(row)


def time_series(_path: Mapping[str, str], query: Query) -> Answer:
    """Bars of an interval, newest first. `end_date` itself is no longer in."""
    instrument, places = instruments.find(query), _places(query)
    interval = _interval(query, None)
    start = _date(query, "start_date", BEGINNING)
    end = _date(query, "end_date", END)
    dated = "start_date" in query or "end_date" in query
    size = integer(query, "outputsize", MAX_POINTS if dated else 30, 1, MAX_POINTS)
    order = query.get("order", "desc").lower()
    if order not in {"asc", "desc"}:
        raise ApiError("**order** must be asc or desc.")
    bars = takewhile(
        lambda bar: bar.at >= start, newest_first(instruments.walk_of(instrument), interval, end)
    )
    values = [
        {"datetime": _moment(bar, interval), **_bar(bar, places)} for bar in islice(bars, size)
    ]
    if not values:
        raise ApiError("There are no bars between **start_date** and **end_date**.")
    if order == "asc":
        values.reverse()
    body = {"meta": _meta(instrument, interval), "values": values, "status": "ok"}
    return Answer(body, "public, max-age=60")


def symbol_search(_path: Mapping[str, str], query: Query) -> Answer:
    """Instruments whose symbol or name holds the text, the best match first."""
    text = query.get("symbol", "").strip().casefold()
    if not text:
        raise ApiError("**symbol** is required.")
    size = integer(query, "outputsize", 30, 1, 120)

    def rank(row: Row) -> int:
        symbol, name = row["symbol"].casefold(), row["instrument_name"].casefold()
        tests = (symbol == text, symbol.startswith(text), name.startswith(text), text in name)
        return tests.index(True) if True in tests else len(tests)

    rows = sorted(instruments.every(), key=rank)  # stable: else as in the file
    found = [instruments.shown(row) for row in rows if rank(row) < 4]
    return Answer({"data": found[:size], "status": "ok"})


ROUTES = {
    "/price": price,
    "/quote": quote,
    "/time_series": time_series,
    "/symbol_search": symbol_search,
}


# --- the query, read -------------------------------------------------------------------------


def _interval(query: Query, default: str | None) -> str:
    interval = query.get("interval", default)
    if interval not in INTERVALS:
        raise ApiError(f"**interval** must be one of {', '.join(INTERVALS)}.")
    return interval


def _places(query: Query) -> int:
    return integer(query, "dp", 5, 0, 11)


def _date(query: Query, name: str, default: datetime) -> datetime:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?", text, re.ASCII):
        raise ApiError(f"**{name}** must be written 2025-06-30 or 2025-06-30 15:30:00.")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(f"**{name}** is no date of the calendar.") from None


# --- the answer, written ---------------------------------------------------------------------


def _text(value: float, places: int) -> str:
    return f"{value:.{places}f}"


def _bar(bar: Bar, places: int) -> dict[str, str]:
    row = {name: _text(getattr(bar, name), places) for name in ("open", "high", "low", "close")}
    return row | ({} if bar.volume is None else {"volume": str(bar.volume)})


def _moment(bar: Bar, interval: str) -> str:
    return str(bar.at) if interval in INTRADAY else str(bar.at.date())


def _meta(instrument: Row, interval: str) -> Row:
    symbol, exchange = instrument["symbol"], instrument["exchange"]
    if "/" in symbol:
        base, _, against = symbol.partition("/")
        money: Row = {"currency_base": base, "currency_quote": against, "exchange": exchange}
    else:
        zone = instruments.EXCHANGES[exchange].zone
        money = {"currency": instrument["currency"], "exchange_timezone": zone}
        money |= {"exchange": exchange, "mic_code": instrument["mic_code"]}
    return {"symbol": symbol, "interval": interval, **money, "type": instrument["instrument_type"]}


def _year(bars: tuple[Bar, ...], places: int) -> dict[str, str]:
    last = bars[-1]
    year = [bar for bar in bars if bar.at > last.at - timedelta(days=365)]
    low, high = min(bar.low for bar in year), max(bar.high for bar in year)
    return {
        "low": _text(low, places),
        "high": _text(high, places),
        "low_change": _text(last.close - low, places),
        "high_change": _text(last.close - high, places),
        "low_change_percent": _text(100 * (last.close / low - 1), places),
        "high_change_percent": _text(100 * (last.close / high - 1), places),
        "range": f"{_text(low, places)} - {_text(high, places)}",
    }
