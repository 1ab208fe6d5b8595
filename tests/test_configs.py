"""The repository's own configs: they load without a word of complaint, and they read well."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app import Gateway, Options
from gateway.cli.demo import demo_configs
from gateway.config import Loaded, read_configs
from gateway.demo import DEMO_PLUGINS, configs_dir, start
from gateway.plugin import Plugin, build
from gateway.spec.document import parse

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGS = [
    *(configs_dir() / name for name in DEMO_PLUGINS),
    *sorted(
        path
        for path in (REPOSITORY / "examples").glob("*/*.yaml")
        if re.search(r"^plugin:", text := path.read_text(encoding="utf-8"), re.MULTILINE)
        # A spec behind a URL is there only while its server runs: see tests/examples.
        and not re.search(r"^spec: http", text, re.MULTILINE)
    ),
]
ENV = {name: value for plugin in DEMO_PLUGINS.values() for name, value in plugin.env.items()}

config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)


def loaded(path: Path) -> Loaded:
    names = re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8"))
    (one,) = read_configs([path], {**dict.fromkeys(names, "a-stand-in-for-a-secret"), **ENV})
    return one


def built(path: Path) -> Plugin:
    one = loaded(path)
    if one.plugin.spec is None:
        return build(one, None)
    spec = path.parent / str(one.plugin.spec)
    return build(one, parse(spec.read_bytes(), spec.name), str(spec))


@config
def test_a_config_becomes_a_plugin_without_warning_or_loss(path: Path) -> None:
    plugin = built(path)
    assert plugin.warnings == ()
    assert plugin.ledger == ()
    assert list(plugin.operations) == [*plugin.config.operations, "getMore"]


@config
def test_every_operation_and_every_argument_is_described(path: Path) -> None:
    for operation in built(path).operations.values():
        assert operation.written, operation.name
        for argument in operation.arguments:
            assert argument.description, f"{operation.name}.{argument.name}"
            assert "[]" not in argument.name


@config
def test_the_words_fit_what_platforms_take(path: Path) -> None:
    plugin = loaded(path).plugin
    assert 0 < len(plugin.title or "") <= 20
    assert 0 < len(plugin.summary or "") <= 100
    assert 0 < len(plugin.description or "") <= 8000


@config
def test_the_first_line_names_the_schema_for_editors(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    marker, _, where = first.partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (path.parent / where).resolve() == REPOSITORY / "gateway/config/schema.json"


@config
def test_files_beside_a_config_are_there(path: Path) -> None:
    plugin = loaded(path).plugin
    for name in (plugin.logo, plugin.spec):
        assert name is None or (path.parent / str(name)).is_file()


def test_a_secret_of_the_environment_reaches_the_credential() -> None:
    for name, plugin in DEMO_PLUGINS.items():
        secrets = loaded(configs_dir() / name).secrets
        assert all(any(value in one for one in secrets) for value in plugin.env.values())


# --- what they answer, over the demo's upstreams ----------------------------------------------

Get = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def get() -> AsyncIterator[Get]:
    """Call an operation by name: its answer, which is a 200."""
    async with (
        start() as upstreams,
        Gateway(demo_configs(upstreams), Options(port=0)) as gateway,
        aiohttp.ClientSession(gateway.url) as client,
    ):

        async def ask(operation: str, **arguments: Any) -> dict[str, Any]:
            url = f"/{operation.replace('.', '/call/')}"
            async with client.post(url, data=json.dumps(arguments)) as response:
                answer: dict[str, Any] = await response.json()
                assert response.status == 200, answer
                return answer

        yield ask


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("sportStats.getPlayers", {"query": "nobody"}),
        ("sportStats.getTeams", {"conference": "East", "division": "Pacific"}),
        ("sportStats.getGames", {"dates": ["1999-01-01"]}),
        ("sportStats.getStats", {"dates": ["1999-01-01"]}),
        ("sportStats.getSeasonAverages", {"player_id": 237, "season": 1990}),
        ("stocks.findSymbol", {"query": "no such company"}),
    ],
)
async def test_a_search_without_hits_answers_an_empty_list(
    get: Get, operation: str, arguments: dict[str, Any]
) -> None:
    assert (await get(operation, **arguments))["data"] == []


@pytest.mark.parametrize(
    ("operation", "rows", "arguments"),
    [
        ("sportStats.getPlayers", "data", {"limit": 100}),
        ("sportStats.getGames", "data", {"limit": 100}),
        ("sportStats.getStats", "data", {"limit": 100}),
        ("stocks.findSymbol", "data", {"query": "a", "limit": 120}),
        ("stocks.getHistory", "values", {"symbol": "AAPL", "interval": "minutely", "limit": 80}),
        ("stocks.getHistory", "values", {"symbol": "BTC/USD", "interval": "hourly", "limit": 80}),
    ],
)
async def test_a_page_of_the_greatest_limit_that_is_told_comes_whole(
    get: Get, operation: str, rows: str, arguments: dict[str, Any]
) -> None:
    answer = await get(operation, **arguments)
    assert "_shrunk" not in answer
    assert len(answer[rows]) >= 20


async def test_all_pages_together_hold_every_row_once(get: Get) -> None:
    seen: list[tuple[int, int]] = []
    page = await get("sportStats.getStats", limit=100)
    while True:
        seen += [(row["game"]["id"], row["player"]["id"]) for row in page["data"]]
        if "next_cursor" not in page["meta"]:
            break
        cursor = page["meta"]["next_cursor"]
        page = await get("sportStats.getStats", limit=100, cursor=cursor)
    assert len(seen) == len(set(seen)) > 100


async def test_history_that_is_cut_goes_on_where_it_ended(get: Get) -> None:
    asked = {"symbol": "AAPL", "interval": "daily", "start_date": "2025-01-01"}
    first = await get("stocks.getHistory", **asked)
    assert first["_shrunk"]
    last = first["values"][-1]["datetime"]
    second = await get("stocks.getHistory", **asked, end_date=last)
    days = [row["datetime"] for row in first["values"] + second["values"]]
    assert days == sorted(set(days), reverse=True)
    assert "_shrunk" not in second


async def test_what_an_answer_says_may_be_sent_back(get: Get) -> None:
    """A model asks next with the words of the answer before."""
    for found in (await get("stocks.findSymbol", query="a"))["data"]:
        arguments = {name: found[name] for name in ("symbol", "exchange", "country", "type")
                     if found.get(name)}  # fmt: skip
        assert await get("stocks.getPrice", **arguments)
    team = (await get("sportStats.getTeams"))["data"][0]
    same = await get(
        "sportStats.getTeams", conference=team["conference"], division=team["division"]
    )
    assert team in same["data"]
