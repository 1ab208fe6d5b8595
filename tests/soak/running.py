"""A gateway between an upstream that fails and callers that judge, each in a process of its own.

Linux: memory is what the kernel says is resident, of the gateway and of the processes below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from textwrap import dedent

import aiohttp

from bench.servers import family
from tests.bounds.running import resident_share

# The last third of a run may hold so much more than the second.
MOST_GROWTH = 1.05
_BY_PATH = ("item", "list", "file", "wide")


def config(plugin: str, url: str) -> str:
    """The plugin of a name: all share `exact` and `lenient`, which may be stale; to `own` callers
    bring keys of their own."""
    service = 'auth: {service: {tokens: {me: "token-of-a-service"}}}'
    rules = "ttl: 1s, stale: 2s" if plugin == "lenient" else "ttl: 1s"
    shared = f", credential: {{bearer: upstream-key-of-{plugin}}}" if plugin != "own" else ""
    text = f"""\
        plugin: {plugin}
        contact: a@example.com
        upstream: {{url: "{url}", forward: [Accept-Language], timeout: 5s{shared}}}
        {"auth: {user: {}}" if plugin == "own" else service}
        cache: {{{rules}}}
    """
    lines = [dedent(text).rstrip(), "operations:"]
    key = "parameters: {key: {in: path, type: string, required: true, description: Which}}"
    for kind in _BY_PATH:
        budget = "1000" if kind == "list" else "no"
        lines.append(
            f'  get_{kind}: {{call: "GET /{kind}/{{key}}", description: Read., budget: {budget}, '
            f"{key}}}"
        )
        lines.append(
            f'  put_{kind}: {{call: "PUT /{kind}/{{key}}", description: Write., {key}, '
            "body: {type: object}}"
        )
    lines.append(
        "  get_found: {call: POST /found, description: Read., budget: no, "
        "body: {type: object, required: [key], properties: {key: {type: string}}}, "
        f"cache: {{{rules}, post: true}}}}"
    )
    purged = ", ".join(f"get_{kind}" for kind in (*_BY_PATH, "found"))
    lines.append(
        f'  touch: {{call: "POST /touch/{{key}}", description: Write., {key}, '
        f"body: {{type: object}}, purges: [{purged}]}}"
    )
    return "\n".join(lines) + "\n"


@dataclass
class Second:
    """What was seen in one second: of the callers, and resident bytes of the gateway."""

    seen: Counter[str]
    resident: int


@dataclass
class Run:
    """A run so far."""

    seconds: list[Second] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    upstream: dict[str, int] = field(default_factory=dict)

    @property
    def seen(self) -> Counter[str]:
        """All that was seen."""
        return sum((one.seen for one in self.seconds), Counter())

    @property
    def growth(self) -> float:
        """What the gateway held in the last third over what it held in the second: medians."""
        third = len(self.seconds) // 3
        if not third:
            return 1.0
        held = [one.resident for one in self.seconds]
        return median(held[-third:]) / median(held[third : len(held) - third])


async def soak(
    directory: Path,
    seconds: float,
    *,
    seed: int = 1,
    store: str = "",
    program: Sequence[str] = ("-m", "gateway"),
    tell: Callable[[Run], None] = lambda _: None,
) -> Run:
    """Let callers loose on a gateway for some seconds.

    Args:
        directory: For configs and state.
        seconds: How long.
        seed: Of the dice of callers and upstream.
        store: A URL for `--store`; memory where empty.
        program: What runs the gateway's commands.
        tell: Called each second.

    Raises:
        RuntimeError: a process of the run ended by itself.
    """
    run = Run()
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(
            process("-m", "tests.soak.upstream", str(seed), log=directory / "upstream.log")
        )
        url = f"http://127.0.0.1:{int(await line_of(upstream))}"
        for plugin in ("exact", "lenient", "own"):
            (directory / f"{plugin}.yaml").write_text(config(plugin, url))
        paths = [str(directory / f"{plugin}.yaml") for plugin in ("exact", "lenient", "own")]
        options = ["--port", "0", "--json", "--state", str(directory / "state")]
        options += ["--store", store] if store else []
        gateway = await stack.enter_async_context(
            process(*program, "serve", *paths, *options, log=directory / "gateway.log")
        )
        own = await announced(gateway)
        load = await stack.enter_async_context(
            process(
                *("-m", "tests.soak.load", own, url, str(seconds), str(seed)),
                log=directory / "load.log",
            )
        )
        while line := await line_of(load):
            told = json.loads(line)
            resident = sum(map(resident_share, family(gateway.pid)))
            run.seconds.append(Second(Counter(told["seen"]), resident))
            run.wrong += told["wrong"]
            tell(run)
        await load.wait()
        for name, one in (("gateway", gateway), ("upstream", upstream), ("load", load)):
            if one.returncode:
                raise RuntimeError(f"{name}: {(directory / f'{name}.log').read_text()[-2000:]}")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/done") as response:
            run.upstream = await response.json()
    log = (directory / "gateway.log").read_text()
    if "Traceback" in log:
        run.wrong.append(f"the gateway's log: {log[log.index('Traceback') :][:2000]}")
    return run


@contextlib.asynccontextmanager
async def process(*arguments: str, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python that writes to a file what it has to say, ended at the end."""
    with log.open("wb") as errors:
        running = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=errors,
            cwd=Path(__file__).parents[2], limit=2**24,
        )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
        await running.communicate()


async def line_of(running: asyncio.subprocess.Process) -> bytes:
    """The next line that it prints."""
    assert running.stdout is not None
    return await running.stdout.readline()


async def announced(running: asyncio.subprocess.Process) -> str:
    """Where it listens, as `serve --json` prints it."""
    text = b""
    while True:
        line = await line_of(running)
        if not line:
            raise RuntimeError("the gateway did not start")
        text += line
        with contextlib.suppress(ValueError):
            told = json.loads(text)
            if "url" not in told:
                raise RuntimeError(f"the gateway does not take its configs: {text.decode()}")
            return str(told["url"])
