"""A weather API such as many are: a key in the query, short names, and far more than was asked.

GET /v2/forecast and /v2/alerts, JSON. The weather is made up, and the same on every day.
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

PORT = 5004
KEY = "demo-weather-key"
START = 1_767_225_600  # 2026-01-01T00:00Z

# Name, subdivision (ISO 3166-2), latitude, longitude, degrees Celsius at midnight.
PLACES = [
    ("Oslo", "NO-03", 59.91, 10.75, -4),
    ("Lisbon", "PT-11", 38.72, -9.14, 12),
    ("Portland", "US-OR", 45.52, -122.68, 6),
    ("Portland", "US-ME", 43.66, -70.26, -2),
]


async def forecast(request: web.Request) -> web.Response:
    """The weather every three hours; of places with one name the nearest to `near`."""
    query = request.query
    found = [place for place in PLACES if place[0].lower() == query.get("q", "").lower()]
    found.sort(key=lambda place: place[1] != query.get("near"))
    if not found:
        return web.json_response({"cod": "404", "message": "city not found"}, status=404)
    name, subdivision, latitude, longitude, celsius = found[0]
    imperial, days = query.get("units") == "imperial", query.get("days", "5")
    if days not in ("1", "2", "3", "4", "5"):
        return web.json_response({"cod": "400", "message": "days must be 1 to 5"}, status=400)
    hours = range(0, 24 * int(days), 3)
    body = {
        "cod": "200",
        "message": 0,
        "cnt": len(hours),
        "place": {
            "id": 1000 + PLACES.index(found[0]),
            "name": name,
            "subdivision": subdivision,
            "coord": {"lat": latitude, "lon": longitude},
            "timezone": 0,
            "population": 650_000,
            "sun": {"rise": START + 28_800, "set": START + 57_600},
        },
        "list": [_moment(hour, celsius, imperial=imperial) for hour in hours],
    }
    return web.json_response(body)


def _moment(hour: int, celsius: int, *, imperial: bool) -> dict[str, Any]:
    def temperature(value: float) -> float:
        return round(value * 9 / 5 + 32 if imperial else value, 1)

    degrees = celsius + 6 - abs(12 - hour % 24) / 2
    wet = hour % 9 == 0
    return {
        "dt": START + hour * 3600,
        "main": {
            "temp": temperature(degrees),
            "feels_like": temperature(degrees - 2.5),
            "temp_min": temperature(degrees - 0.5),
            "temp_max": temperature(degrees + 0.5),
            "pressure": 1013 + hour % 7,
            "sea_level": 1013 + hour % 7,
            "grnd_level": 1001 + hour % 7,
            "humidity": 60 + hour % 30,
            "temp_kf": 0,
        },
        "weather": [
            {
                "id": 500 if wet else 800,
                "main": "Rain" if wet else "Clear",
                "description": "light rain" if wet else "clear sky",
                "icon": "10d" if wet else "01d",
            }
        ],
        "clouds": {"all": 90 if wet else 5},
        "wind": {"speed": 3 + hour % 5, "deg": hour * 7 % 360, "gust": 6 + hour % 5},
        "visibility": 10_000,
        "pop": 0.8 if wet else 0,
        "rain": {"3h": 0.6} if wet else None,
        "sys": {"pod": "d" if 8 <= hour % 24 < 16 else "n"},
        "dt_txt": f"2026-01-{1 + hour // 24:02} {hour % 24:02}:00",
    }


async def alerts(_request: web.Request) -> web.Response:
    """Nothing is ever wrong here."""
    return web.json_response({"alerts": []})


@web.middleware
async def keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    """Ask for the key, in the query."""
    if request.query.get("appid") != KEY:
        return web.json_response({"cod": 401, "message": "Invalid API key."}, status=401)
    response: web.StreamResponse = await handler(request)
    return response


def make_app() -> web.Application:
    """The service."""
    app = web.Application(middlewares=[keyed])
    app.router.add_get("/v2/forecast", forecast)
    app.router.add_get("/v2/alerts", alerts)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int((sys.argv[1:] or [PORT])[0]))
