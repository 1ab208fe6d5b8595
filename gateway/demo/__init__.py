"""The demo's upstreams: the two APIs of `configs/`, embedded, with sample data. No network.

    async with start() as demo:
        demo.nba      # http://127.0.0.1:PORT/v1
        demo.stocks   # http://127.0.0.1:PORT

`upstream` is how an API behaves over HTTP, `nba` and `stocks` are what each answers, from
`data/` and, for what nobody wants to bundle, from a seed (`box_scores`, `prices`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.demo import nba, stocks
from gateway.demo.upstream import listening


@dataclass(frozen=True, slots=True)
class Demo:
    """The base URLs of the running upstreams, as a config's `upstream.url` names them."""

    nba: str
    stocks: str


@dataclass(frozen=True, slots=True)
class DemoPlugin:
    """How a config meets its embedded upstream.

    `upstream` is the attribute of `Demo` that holds its base URL; `env` is what the config's
    `${NAME}` stand for.
    """

    upstream: str
    env: Mapping[str, str]


DEMO_PLUGINS: Mapping[str, DemoPlugin] = {
    "sportstats.yaml": DemoPlugin("nba", {"BALLDONTLIE_API_KEY": nba.KEY}),
    "stocks.yaml": DemoPlugin("stocks", {"TWELVEDATA_API_KEY": stocks.KEY}),
}


@asynccontextmanager
async def start() -> AsyncIterator[Demo]:
    """Run both upstreams on free ports of the loopback interface."""
    async with listening(nba.make_app()) as one, listening(stocks.make_app()) as other:
        yield Demo(nba=one + "/v1", stocks=other)


def configs_dir() -> Path:
    """Where the repository's configs are: in the wheel, else in the checkout."""
    here = Path(__file__).resolve().parent
    bundled = here / "configs"
    return bundled if bundled.is_dir() else here.parent.parent / "configs"


__all__ = ["DEMO_PLUGINS", "Demo", "DemoPlugin", "configs_dir", "start"]
