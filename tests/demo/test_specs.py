"""The spec files beside the configs say what the embedded upstreams answer, and nothing less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest
import yaml
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator import validate

from gateway.demo import configs_dir

NBA = [
    "/teams",
    "/teams?conference=East",
    "/teams/14",
    "/teams/99",
    "/players?per_page=100",
    "/players?per_page=101",
    "/players?search=nobody",
    "/players/460",
    "/games?per_page=100",
    "/games/1001",
    "/stats?per_page=100",
    "/stats?player_ids[]=237&player_ids[]=115",
    "/season_averages?season=2023&player_id=237",
    "/season_averages?season=1990&player_id=237",
    "/season_averages",
]
STOCKS = [
    "/price?symbol=AAPL",
    "/price?symbol=NOPE",
    "/quote?symbol=7203",
    "/quote?symbol=BTC/USD&interval=1h",
    "/quote?symbol=SPY&interval=1month",
    "/time_series?symbol=VOW3&interval=1week&outputsize=5000",
    "/time_series?symbol=EUR/USD&interval=5min&order=asc",
    "/time_series?symbol=AAPL",
    "/symbol_search?symbol=s",
    "/symbol_search?symbol=zzz",
]


def spec(name: str) -> Any:
    return yaml.safe_load((configs_dir() / "specs" / name).read_bytes())


def schema_of(document: Any, path: str, status: int) -> dict[str, Any]:
    """The schema that the spec gives for an answer to GET of a path."""
    parts = path.partition("?")[0].split("/")
    for template, item in document["paths"].items():
        pattern = template.split("/")
        if len(pattern) == len(parts) and all(
            own == part or own.startswith("{") for own, part in zip(pattern, parts, strict=True)
        ):
            responses = item["get"]["responses"]
            response = resolve(document, responses.get(str(status), responses["default"]))
            schema: dict[str, Any] = response["content"]["application/json"]["schema"]
            return schema
    raise LookupError(path)


def resolve(document: Any, node: Any) -> Any:
    while "$ref" in node:
        target = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


def declared(document: Any, schema: Any) -> dict[str, Any]:
    """All properties of an object's schema, `allOf` included."""
    schema = resolve(document, schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        found |= declared(document, part)
    return found


def undeclared(document: Any, schema: Any, value: Any, where: str = "") -> Iterator[str]:
    """The paths of what is answered but not in the spec."""
    if isinstance(value, list):
        for one in value:
            yield from undeclared(document, resolve(document, schema)["items"], one, where + "[]")
    if isinstance(value, Mapping):
        properties = declared(document, schema)
        for name, one in value.items():
            if name in properties:
                yield from undeclared(document, properties[name], one, f"{where}.{name}")
            else:
                yield f"{where}.{name}"


@pytest.mark.parametrize("name", ["balldontlie.yaml", "twelvedata.yaml"])
def test_a_spec_is_a_valid_openapi_document(name: str) -> None:
    validate(spec(name))


async def test_every_kind_of_nba_answer_is_in_the_spec(nba_api: aiohttp.ClientSession) -> None:
    await hold(nba_api, spec("balldontlie.yaml"), OAS31Validator, NBA)


async def test_every_kind_of_stocks_answer_is_in_the_spec(
    stocks_api: aiohttp.ClientSession,
) -> None:
    await hold(stocks_api, spec("twelvedata.yaml"), OAS30Validator, STOCKS)


async def hold(
    session: aiohttp.ClientSession, document: Any, validator: Any, paths: list[str]
) -> None:
    """Each answer validates and has no property that its schema does not name."""
    for path in paths:
        async with session.get(path.removeprefix("/")) as response:
            body = await response.json()
        schema = schema_of(document, path, response.status)
        # The components go along, so that references resolve inside the one schema.
        validator({**schema, "components": document["components"]}).validate(body)
        assert not set(undeclared(document, schema, body)), path


@pytest.mark.parametrize(
    ("name", "paths"),
    [("balldontlie.yaml", NBA), ("twelvedata.yaml", STOCKS)],
    ids=["nba", "stocks"],
)
def test_every_path_of_a_spec_is_tried(name: str, paths: list[str]) -> None:
    document = spec(name)
    tried = {id(schema_of(document, path, 200)) for path in paths}
    every = {
        id(item["get"]["responses"]["200"]["content"]["application/json"]["schema"])
        for item in document["paths"].values()
    }
    assert tried == every
