"""The race: all rivals run at once, each is driven in turn, round after round.

The server has a core of its own, the client and the upstream share the other. In every round
the order moves on by one, so that a slow minute of the machine strikes everybody; a ratio is
taken within a round, and the median of the rounds' ratios is the figure.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop

from bench.load import Load, drive, get
from bench.rivals import Rival
from bench.servers import Server, free_port

WARM_UP = 0.5
CHECKED = 20  # answers of each rival that are compared with the upstream's
TOKEN = "any-token-of-an-ordinary-length-4f2d"  # noqa: S105 - the plugin's, opens nothing


class Unfair(Exception):
    """A rival that does not do the work: another answer, or calls that miss the upstream."""


@dataclass(frozen=True)
class Result:
    """One rival's figures; the ratios are None where nothing stands against it in this run.

    `ratio_cpu` compares CPU time per call, `ratio_rate` calls per second; above 1 is better
    than what it stands against. `server` and `client` are the shares of their cores that both
    used: where the server had less than nearly all of its own, others ran on it, and the rate
    tells of them.
    """

    name: str
    against: str
    goal: float
    rate: float
    cpu_us: float
    server: float
    client: float
    ratio_cpu: float | None
    ratio_rate: float | None
    rates: tuple[float, ...]
    cpus_us: tuple[float, ...]


def race(
    rivals: Sequence[Rival],
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> list[Result]:
    """Drive all rivals and compare them.

    Args:
        rivals: With everyone that another one stands against.
        rounds: How often each is driven.
        seconds: How long each time, after the warm-up.
        progress: Told who is driven.

    Raises:
        NotStarted: a server did not come up.
        BadAnswer, Unfair: a server did not do its work.
    """
    server_core, client_core = _cores()
    os.sched_setaffinity(0, {client_core})
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        command = [sys.executable, "-m", "bench.upstream", str(port)]
        upstream = stack.enter_context(
            Server(command, port, client_core, {}, directory / "upstream.log")
        )
        url = f"http://127.0.0.1:{port}"
        servers = {}
        env = {"BENCH_UPSTREAM": url, "BENCH_TOKEN": TOKEN}
        running: dict[tuple[str, ...], Server] = {}  # one server for all that is asked of it
        for number, rival in enumerate(rivals):
            progress(f"starting {rival.name}")
            if rival.python not in running:
                port = free_port()
                command = rival.command(port, url, directory / "state")
                server = Server(command, port, server_core, env, directory / f"{number}.log")
                running[rival.python] = stack.enter_context(server)
            servers[rival.name] = running[rival.python]
            _check_answers(rival, servers[rival.name].port)
        loads: dict[str, list[Load]] = {rival.name: [] for rival in rivals}
        for number in range(rounds):
            first = number % len(rivals)
            for rival in (*rivals[first:], *rivals[:first]):
                progress(f"round {number + 1} of {rounds}: {rival.name}")
                load = _turn(rival, servers[rival.name], upstream, seconds)
                loads[rival.name].append(load)
    return [_result(rival, loads) for rival in rivals]


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Unfair("two cores are needed: one for the server, one for the client and upstream")
    return cores[0], cores[1]


def _check_answers(rival: Rival, port: int) -> None:
    for request in rival.requests(port)[:CHECKED]:
        body = rival.read(_ask(port, request))
        if json.loads(body) != json.loads(rival.body):
            raise Unfair(f"{rival.name} answers something else: {body[:200]!r}")


def _turn(rival: Rival, server: Server, upstream: Server, seconds: float) -> Load:
    """Drive one rival once; whether its calls reached the upstream is checked outside the
    measured window, so that asking costs nobody."""
    requests = rival.requests(server.port)
    for request in () if rival.carries else requests:
        _ask(server.port, request)
    before = _settled(upstream)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load = runner.run(
            drive(
                server.port,
                requests,
                warm_up=WARM_UP,
                seconds=seconds,
                cpu_time=server.cpu_time,
            )
        )
    carried = _count(upstream) - before
    if rival.carries and carried < load.calls:
        raise Unfair(f"{rival.name} carried {carried} of {load.calls} calls to the upstream")
    if not rival.carries and carried:
        raise Unfair(f"{rival.name} carried {carried} calls to the upstream and should not")
    return load


def _settled(upstream: Server) -> int:
    """The upstream's count, once what the rival before left in flight has arrived."""
    count = -1
    while count != (now := _count(upstream)):
        count = now
        time.sleep(0.05)
    return count


def _count(upstream: Server) -> int:
    return int(_ask(upstream.port, get(upstream.port, "/count")))


def _ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = response.read()
    if response.status != 200:
        raise Unfair(f"{request[:80]!r} is answered {response.status}: {body[:500]!r}")
    return body


def _result(rival: Rival, loads: dict[str, list[Load]]) -> Result:
    own = loads[rival.name]
    rates = tuple(load.calls / load.seconds for load in own)
    cpus = tuple(load.cpu / load.calls * 1e6 for load in own)
    ratio_cpu = ratio_rate = None
    if rival.against:
        pairs = list(zip(own, loads[rival.against], strict=True))
        ratio_cpu = median((them.cpu / them.calls) / (us.cpu / us.calls) for us, them in pairs)
        ratio_rate = median(
            (us.calls / us.seconds) / (them.calls / them.seconds) for us, them in pairs
        )
    return Result(
        name=rival.name,
        against=rival.against,
        goal=rival.goal,
        rate=median(rates),
        cpu_us=median(cpus),
        server=median(load.cpu / load.seconds for load in own),
        client=median(load.busy for load in own),
        ratio_cpu=ratio_cpu,
        ratio_rate=ratio_rate,
        rates=rates,
        cpus_us=cpus,
    )
