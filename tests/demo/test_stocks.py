from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway.demo import stocks
from gateway.demo.upstream import listening


async def get(api: aiohttp.ClientSession, path: str, **query: str) -> Any:
    async with api.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_a_price_is_text_with_five_places(stocks_api: aiohttp.ClientSession) -> None:
    assert await get(stocks_api, "price", symbol="AAPL") == {"price": "205.17000"}
    assert await get(stocks_api, "price", symbol="aapl", dp="2") == {"price": "205.17"}


async def test_price_quote_and_history_agree(stocks_api: aiohttp.ClientSession) -> None:
    for symbol in ("AAPL", "BTC/USD", "EUR/USD"):
        price = (await get(stocks_api, "price", symbol=symbol))["price"]
        quote = await get(stocks_api, "quote", symbol=symbol)
        bars = (await get(stocks_api, "time_series", symbol=symbol, interval="1day"))["values"]
        assert price == quote["close"] == bars[0]["close"]
        assert quote["previous_close"] == bars[1]["close"]


async def test_only_crypto_trades_around_the_clock(stocks_api: aiohttp.ClientSession) -> None:
    coin = await get(stocks_api, "quote", symbol="BTC/USD")
    share = await get(stocks_api, "quote", symbol="AAPL")
    assert coin["is_market_open"] is True
    assert share["is_market_open"] is False
    assert "volume" not in coin
    assert share["volume"].isdigit()


async def test_a_day_begins_with_the_opening_of_the_exchange(
    stocks_api: aiohttp.ClientSession,
) -> None:
    daily = await get(stocks_api, "quote", symbol="AAPL")
    hourly = await get(stocks_api, "quote", symbol="AAPL", interval="1h")
    assert daily["timestamp"] == 1751290200  # 2025-06-30 09:30 in New York
    assert (hourly["datetime"], hourly["timestamp"]) == ("2025-06-30 15:30:00", 1751311800)


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("quote", {"symbol": "NOPE"}, "**symbol** not found: NOPE."),
        ("price", {"symbol": "AAPL,MSFT"}, "**symbol** not found: AAPL,MSFT."),
        ("price", {"symbol": "AAPL", "country": "Japan"}, "**symbol** not found: AAPL."),
        ("price", {}, "**symbol** is required."),
        ("symbol_search", {"symbol": " "}, "**symbol** is required."),
        ("time_series", {"symbol": "AAPL"}, "**interval** must be one of 1min, "),
        ("time_series", {"symbol": "AAPL", "interval": "daily"}, "**interval** must be one of"),
        ("time_series", {"symbol": "AAPL", "interval": "1day", "outputsize": "5001"}, "outputsize"),
        ("time_series", {"symbol": "AAPL", "interval": "1day", "order": "up"}, "**order**"),
        ("time_series", {"symbol": "AAPL", "interval": "1day", "end_date": "now"}, "**end_date**"),
        (
            "time_series",
            {"symbol": "AAPL", "interval": "1day", "start_date": "2025-02-30"},
            "**start_date** is no date",
        ),
        (
            "time_series",
            {"symbol": "AAPL", "interval": "1day", "start_date": "2030-01-01"},
            "There are no bars",
        ),
    ],
)
async def test_an_error_is_the_apis_own_body(
    stocks_api: aiohttp.ClientSession, path: str, query: dict[str, str], words: str
) -> None:
    async with stocks_api.get(path, params=query) as response:
        body = await response.json()
    assert response.status == 400
    assert set(body) == {"code", "message", "status"}
    assert (body["code"], body["status"]) == (400, "error")
    assert words in body["message"]


async def test_the_key_may_stand_in_the_query() -> None:
    async with listening(stocks.make_app()) as base, aiohttp.ClientSession(base + "/") as api:
        async with api.get("price", params={"symbol": "AAPL", "apikey": stocks.KEY}) as response:
            assert response.status == 200
        async with api.get("price", params={"symbol": "AAPL", "apikey": "x"}) as response:
            assert (response.status, (await response.json())["code"]) == (401, 401)


async def test_a_symbol_on_several_exchanges_is_told_apart(
    stocks_api: aiohttp.ClientSession,
) -> None:
    asked: list[tuple[dict[str, str], str]] = [
        ({"symbol": "SAP"}, "XETR"),
        ({"symbol": "SAP", "exchange": "nyse"}, "XNYS"),
        ({"symbol": "SAP", "country": "United States"}, "XNYS"),
        ({"symbol": "SAP", "type": "American Depositary Receipt"}, "XNYS"),
        ({"symbol": "SAP:NYSE"}, "XNYS"),
        ({"symbol": "SHOP", "mic_code": "XTSE"}, "XTSE"),
    ]
    for query, mic in asked:
        assert (await get(stocks_api, "quote", **query))["mic_code"] == mic


async def test_history_has_thirty_bars_newest_first_unless_asked_otherwise(
    stocks_api: aiohttp.ClientSession,
) -> None:
    body = await get(stocks_api, "time_series", symbol="AAPL", interval="1day")
    moments = [bar["datetime"] for bar in body["values"]]
    assert len(moments) == 30
    assert moments == sorted(moments, reverse=True)
    rising = await get(
        stocks_api, "time_series", symbol="AAPL", interval="1day", outputsize="30", order="ASC"
    )
    assert rising["values"] == body["values"][::-1]


async def test_the_end_date_is_not_included_and_dates_lift_the_size(
    stocks_api: aiohttp.ClientSession,
) -> None:
    query = {"start_date": "2025-01-01", "end_date": "2025-06-03"}
    body = await get(stocks_api, "time_series", symbol="AAPL", interval="1day", **query)
    moments = [bar["datetime"] for bar in body["values"]]
    assert (moments[0], moments[-1]) == ("2025-06-02", "2025-01-01")
    assert len(moments) > 30


async def test_five_thousand_bars_come_when_asked_for(stocks_api: aiohttp.ClientSession) -> None:
    for interval in ("1day", "1min"):
        body = await get(
            stocks_api, "time_series", symbol="NVDA", interval=interval, outputsize="5000"
        )
        assert len({bar["datetime"] for bar in body["values"]}) == 5000


async def test_meta_of_a_pair_names_its_currencies(stocks_api: aiohttp.ClientSession) -> None:
    body = await get(stocks_api, "time_series", symbol="BTC/USD", interval="1h", outputsize="1")
    assert body["meta"] == {
        "symbol": "BTC/USD",
        "interval": "1h",
        "currency_base": "BTC",
        "currency_quote": "USD",
        "exchange": "Coinbase Pro",
        "type": "Digital Currency",
    }
    assert set(body["values"][0]) == {"datetime", "open", "high", "low", "close"}


async def test_search_puts_the_best_match_first(stocks_api: aiohttp.ClientSession) -> None:
    found = (await get(stocks_api, "symbol_search", symbol="v"))["data"]
    assert found[0]["symbol"] == "V"
    assert found[1]["symbol"] == "VOW3"
    (apple,) = (await get(stocks_api, "symbol_search", symbol="apple"))["data"]
    assert apple["symbol"] == "AAPL"
    assert (await get(stocks_api, "symbol_search", symbol="zzz"))["data"] == []
    assert len((await get(stocks_api, "symbol_search", symbol="s", outputsize="2"))["data"]) == 2
