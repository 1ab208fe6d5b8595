"""The answers that are measured: of a folder, or what the demo's upstreams say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from gateway.config import read_configs
from gateway.demo import DEMO_PLUGINS, configs_dir, nba, start, stocks
from gateway.yaml12 import load

HERE = Path(__file__).parent
RULES = HERE / "rules.yaml"
QUESTIONS = HERE / "questions.yaml"
_NO_ANSWERS = frozenset({"manifest.json"})
# What is asked of the demo's upstreams; the rules are those of the operations in `configs/`.
_ASKED = (
    ("sportstats.yaml", "getPlayers", "/players?per_page=100"),
    ("sportstats.yaml", "getPlayer", "/players/237"),
    ("sportstats.yaml", "getTeams", "/teams"),
    ("sportstats.yaml", "getGames", "/games?per_page=100"),
    ("sportstats.yaml", "getStats", "/stats?per_page=100"),
    ("sportstats.yaml", "getSeasonAverages", "/season_averages?player_id=237&season=2023"),
    ("stocks.yaml", "getQuote", "/quote?symbol=AAPL"),
    ("stocks.yaml", "getHistory", "/time_series?symbol=AAPL&interval=1day&outputsize=250"),
    ("stocks.yaml", "findSymbol", "/symbol_search?symbol=a"),
)


@dataclass(frozen=True)
class Saving:
    """An answer, and the keys of an operation that choose what is wanted of it; none: unknown."""

    name: str
    body: bytes
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What somebody asks of an answer, and the places in it that have to be seen for that."""

    ask: str
    needs: Sequence[Sequence[str | int]]


def of_folder(folder: Path, rules: Path = RULES) -> list[Saving]:
    """The answers in a folder, by name."""
    known = load(rules.read_bytes())
    return [
        Saving(file.stem, file.read_bytes(), known.get(file.stem, {}))
        for file in sorted(folder.glob("*.json"))
        if file.name not in _NO_ANSWERS
    ]


def questions() -> dict[str, list[Question]]:
    """The questions, by the answer's name."""
    read = load(QUESTIONS.read_bytes())
    return {name: [Question(**one) for one in several] for name, several in read.items()}


def of_demo() -> list[Saving]:
    """What the demo's upstreams answer, with the fields that `configs/` takes."""
    env = {key: value for one in DEMO_PLUGINS.values() for key, value in one.env.items()}
    loaded = read_configs([configs_dir() / name for name in DEMO_PLUGINS], env)
    operations = {one.file.name: one.plugin.operations for one in loaded}
    return asyncio.run(_asked(operations))


async def _asked(operations: Mapping[str, Any]) -> list[Saving]:
    headers = {
        "sportstats.yaml": {"Authorization": nba.KEY},
        "stocks.yaml": {"Authorization": f"apikey {stocks.KEY}"},
    }
    found = []
    async with start() as demo, aiohttp.ClientSession() as client:
        bases = {name: getattr(demo, one.upstream) for name, one in DEMO_PLUGINS.items()}
        for config, name, path in _ASKED:
            url = bases[config] + path
            async with client.get(url, headers=headers[config], raise_for_status=True) as reply:
                body = await reply.read()
            fields = operations[config][name].fields
            found.append(Saving(name, body, {"fields": fields} if fields else {}))
    return found
