"""examples/weather: renamed, mapped, filled in, and shrunk."""

from __future__ import annotations

import json

import pytest

from gateway.shrinking import count
from tests.conftest import Client
from tests.examples.conftest import Parameters, Running, Serving, Start, environment, loaded, seen

KEY = environment("weather")["WEATHER_API_KEY"]


@pytest.fixture
async def upstream(start: Start) -> Running:
    return await start("weather/upstream.py")


@pytest.fixture
async def weather(upstream: Running, serving: Serving) -> Client:
    return await serving(loaded("weather/weather.yaml", environment("weather"), upstream.url))


async def test_a_model_sees_one_operation_in_its_own_words(weather: Client) -> None:
    assert await seen(weather) == {"getForecast": Parameters({"city"}, {"units", "days"})}
    text = (await weather.get("/openapi.yaml")).body.decode()
    assert "celsius" in text
    assert "metric" not in text
    assert "appid" not in text


async def test_the_api_gets_its_own_words_and_the_key(weather: Client, upstream: Running) -> None:
    answer = await weather.get("/v2/forecast?city=Oslo&units=fahrenheit&days=1")
    assert answer.status == 200
    target = f"/v2/forecast?q=Oslo&units=imperial&days=1&mode=json&appid={KEY}"
    assert upstream.last.target == target
    assert KEY not in answer.body.decode() + repr(answer.headers)


async def test_defaults_are_sent_where_the_model_says_nothing(
    weather: Client, upstream: Running
) -> None:
    await weather.post("/call/getForecast", json={"city": "Oslo"})
    assert "units=metric&days=2" in upstream.last.target


async def test_the_region_of_the_user_decides_between_places_of_one_name(
    weather: Client, upstream: Running
) -> None:
    for region, temperature in (("US-OR", 6.0), ("US-ME", -2.0)):
        headers = {"openai-subdivision-1-iso-code": region}
        answer = await weather.get("/v2/forecast?city=Portland", headers=headers)
        assert answer.json()["place"] == {"name": "Portland", "subdivision": region}
        assert answer.json()["list"][0]["temp"] == temperature
    assert len(upstream.received) == 2  # what one region is told is not told another
    assert (await weather.get("/v2/forecast?city=Portland&near=US-OR")).status == 400


async def test_six_values_are_left_of_every_moment(weather: Client, upstream: Running) -> None:
    answer = await weather.get("/v2/forecast?city=Oslo&days=5")
    assert answer.json()["list"][1] == {
        "time": "2026-01-01 03:00",
        "temp": -2.5,
        "feels_like": -5.0,
        "sky": ["clear sky"],
        "wind": 6,
        "pop": 0,
    }
    async with weather.session.get(upstream.url + upstream.last.target) as response:
        raw = await response.text()
    assert len(json.loads(raw)["list"]) == 40
    assert count(answer.body.decode()) * 3 < count(raw)


async def test_the_same_question_asks_the_api_once(weather: Client, upstream: Running) -> None:
    for _ in range(3):
        await weather.get("/v2/forecast?city=Oslo")
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/v2/forecast", 400, "city"),
        ("/v2/forecast?city=Oslo&units=metric", 400, "celsius"),
        ("/v2/forecast?city=Oslo&days=9", 400, "days"),
        ("/v2/forecast?city=Oslo&appid=mine", 400, "appid"),
        ("/v2/forecast?city=Oslo&mode=xml", 400, "mode"),
        ("/v2/forecast?city=Atlantis", 404, "city not found"),
        ("/v2/alerts?q=Oslo", 404, ""),
        ("/v2/stations", 404, ""),
    ],
)
async def test_what_is_not_offered_is_refused_in_words(
    weather: Client, target: str, status: int, said: str
) -> None:
    answer = await weather.get(target)
    assert (answer.status, said in answer.body.decode()) == (status, True)


async def test_a_wrong_key_is_the_operators_affair(upstream: Running, serving: Serving) -> None:
    env = {"WEATHER_API_KEY": "not-the-right-key"}
    client = await serving(loaded("weather/weather.yaml", env, upstream.url))
    answer = await client.get("/v2/forecast?city=Oslo")
    assert (answer.status, answer.json()["code"]) == (502, "credential_refused")
    assert "not-the-right-key" not in answer.body.decode()
