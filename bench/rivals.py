"""Who is measured, and against whom. A further rival is a line in `RIVALS`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.load import get
from bench.outside import OUTSIDE
from bench.payload import BODIES, BODY

HERE = Path(__file__).parent


def gateway(config: str, log: str = "no") -> tuple[str, ...]:
    """Our own server of a config that lies here."""
    return (
        *("-c", "from gateway.cli import main; main()"),
        *("serve", str(HERE / config), "--port", "{port}", "--state", "{state}-" + config),
        *("--log", log, "--admin", "no"),
    )


GATEWAY = gateway("players.yaml")
ALL_ON = gateway("players_on.yaml", "json")


@dataclass(frozen=True)
class Rival:
    """A way to be asked of a server that is measured.

    `python` are the arguments for the interpreter, with {port}, {upstream} and {state} filled
    in. `path` is what is asked of it; `carries` says that every call must reach the upstream,
    else none may, once warm. `goal` is the least ratio to `against` that is good enough. `pages`
    are the different addresses asked in turn. `outside` names what it needs that is not of this
    environment (`outside`).
    """

    name: str
    python: tuple[str, ...]
    path: str
    carries: bool
    against: str = ""
    goal: float = 0.0
    pages: int = 500  # different addresses: identical calls in flight could share one upstream call
    outside: str = ""

    @property
    def body(self) -> bytes:
        """What it must answer."""
        return BODIES.get(self.path, BODY)

    def requests(self, port: int) -> list[bytes]:
        """What it is asked, in turn."""
        return [get(port, f"{self.path}?page={page}") for page in range(self.pages)]

    def read(self, answer: bytes) -> bytes:
        """What of an answer must be `body`."""
        return answer

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        return OUTSIDE[self.outside].found[1] if self.outside else ""

    def command(self, port: int, upstream: str, state: Path) -> list[str]:
        """What to run."""
        values = {"port": port, "upstream": upstream, "state": state}
        interpreter = OUTSIDE[self.outside].found[0] if self.outside else sys.executable
        return [interpreter, *(part.format_map(values) for part in self.python)]


_PROXY = ("-m", "bench.peers.aiohttp_proxy", "{port}", "{upstream}")
_HANDLER = ("-m", "bench.peers.aiohttp_handler", "{port}")
_APP = ("-m", "bench.peers.aiohttp_app", "{port}")
_NGINX = ("-m", "bench.peers.nginx_proxy", "{port}", "{upstream}", "{state}")
_NGINX_CACHE = (*_NGINX, "cache")
_REDIS = (
    *("-m", "bench.peers.gateway_on_redis"),
    *(str(HERE / "players.yaml"), "{port}", "{state}-redis"),
)
_FASTAPI = (str(HERE / "peers" / "fastapi_proxy.py"), "{port}", "{upstream}")


def _proxies(path: str, suffix: str) -> tuple[Rival, ...]:
    """The proxies of a path, with what they are measured against before them."""
    bare = f"bare proxy{suffix}"
    return (
        Rival(bare, _PROXY, path, carries=True),
        Rival(f"proxied{suffix}", GATEWAY, path, carries=True, against=bare, goal=0.8),
        Rival(f"nginx{suffix}", _NGINX, path, carries=True, against=bare, outside="nginx"),
        Rival(f"FastAPI{suffix}", _FASTAPI, path, carries=True, against=bare, outside="FastAPI"),
    )


RIVALS = (
    *_proxies("/carried", ""),
    Rival("app proxy", (*_APP, "{upstream}"), "/carried", carries=True, against="bare proxy"),
    *_proxies("/small", ", 300 B"),
    *_proxies("/large", ", 50 KB"),
    # With the log, the metrics and the limits, beside peers that write a log as well.
    Rival("bare proxy, log", (*_PROXY, "log"), "/carried", carries=True),
    Rival("proxied, all on", ALL_ON, "/carried", carries=True, against="bare proxy, log", goal=0.7),
    Rival("bare handler", _HANDLER, "/stored", carries=False, pages=20),
    Rival("cached", GATEWAY, "/stored", carries=False, against="bare handler", goal=0.6, pages=20),
    # A megabyte of answers in turn: what leaves the processor's caches between two hits.
    Rival("cached, 500", GATEWAY, "/stored", carries=False, against="bare handler", goal=0.6),
    # Its processor time is the gateway's alone: Redis has some of its own, on another core.
    Rival(
        "cached, redis",
        _REDIS,
        "/stored",
        carries=False,
        against="bare handler",
        pages=20,
        outside="Redis",
    ),
    Rival(
        "nginx cache",
        _NGINX_CACHE,
        "/stored",
        carries=False,
        against="bare handler",
        pages=20,
        outside="nginx",
    ),
    Rival("app handler", _APP, "/stored", carries=False, against="bare handler", pages=20),
    Rival("bare handler, log", (*_HANDLER, "log"), "/stored", carries=False, pages=20),
    Rival(
        "cached, all on",
        ALL_ON,
        "/stored",
        carries=False,
        against="bare handler, log",
        goal=0.5,
        pages=20,
    ),
)
