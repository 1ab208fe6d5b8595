"""Who is measured, and against whom. A further rival is a line in `RIVALS`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
GATEWAY = (
    *("-c", "from gateway.cli import main; main()"),
    *("serve", str(HERE / "players.yaml"), "--port", "{port}", "--state", "{state}"),
)


@dataclass(frozen=True)
class Rival:
    """A server to measure.

    `python` are the arguments for the interpreter, with {port}, {upstream} and {state} filled
    in. `path` is what is asked of it; `carries` says that every call must reach the upstream,
    else none may, once warm. `goal` is the least ratio to `against` that is good enough. `pages`
    are the different addresses asked in turn.
    """

    name: str
    python: tuple[str, ...]
    path: str
    carries: bool
    against: str = ""
    goal: float = 0.0
    pages: int = 500  # different addresses: identical calls in flight could share one upstream call

    def command(self, port: int, upstream: str, state: Path) -> list[str]:
        """What to run."""
        values = {"port": port, "upstream": upstream, "state": state}
        return [sys.executable, *(part.format_map(values) for part in self.python)]


_PROXY = ("-m", "bench.peers.aiohttp_proxy", "{port}", "{upstream}")
_HANDLER = ("-m", "bench.peers.aiohttp_handler", "{port}")
_APP = ("-m", "bench.peers.aiohttp_app", "{port}")

RIVALS = (
    Rival("bare proxy", _PROXY, "/carried", carries=True),
    Rival("proxied", GATEWAY, "/carried", carries=True, against="bare proxy", goal=0.8),
    Rival("app proxy", (*_APP, "{upstream}"), "/carried", carries=True, against="bare proxy"),
    Rival("bare handler", _HANDLER, "/stored", carries=False, pages=20),
    Rival("cached", GATEWAY, "/stored", carries=False, against="bare handler", goal=0.6, pages=20),
    # A megabyte of answers in turn: what leaves the processor's caches between two hits.
    Rival("cached, 500", GATEWAY, "/stored", carries=False, against="bare handler"),
    Rival("app handler", _APP, "/stored", carries=False, against="bare handler", pages=20),
)
