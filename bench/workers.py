"""`python -m bench workers`: one worker and two, on the same machine: does the second one count?

Each gateway has its store in a Redis of its own. One worker has a core for itself, the client and
the upstream have another one; two workers have all cores, which they share with these, so on two
cores the rate cannot double. What says whether workers stand in each other's way is CPU time per
call, of all processes of the gateway: the same for two as for one means that each further core
carries as much as the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
import uvloop
from rich.console import Console
from rich.table import Table

from bench.load import BadAnswer, Load, drive, get
from bench.race import TOKEN
from bench.servers import TICKS, NotStarted, Server, family, free_port

CONFIG = Path(__file__).parent / "players.yaml"
WARM_UP = 0.5
ASKED = {"proxied": ("/carried", 500), "stored in Redis": ("/stored", 20)}


@dataclass(frozen=True)
class Shown:
    """Of one kind of call: calls a second and CPU µs per call, for one worker and for two."""

    name: str
    rates: tuple[float, float]
    cpus_us: tuple[float, float]

    @property
    def rate_ratio(self) -> float:
        """Of two workers to one."""
        return self.rates[1] / self.rates[0]

    @property
    def cpu_ratio(self) -> float:
        """What a call costs with one worker over what it costs with two: 1 is no loss."""
        return self.cpus_us[0] / self.cpus_us[1]


def cpu_time(pid: int) -> float:
    """CPU seconds that a process and all below it have spent."""
    ticks = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{one}/stat").read_text()
            fields = stat.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


@contextmanager
def redis(directory: Path) -> Iterator[str]:
    """A Redis on a socket; gives its address."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise NotStarted("there is neither redis-server nor valkey-server on the PATH")
    options = ["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(  # noqa: S603 - the one on the path is meant
        [program, *options], cwd=directory, stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 10
        while not (directory / "s").exists():
            if process.poll() is not None or time.monotonic() > until:
                raise NotStarted("Redis did not start")
            time.sleep(0.02)
        yield f"unix://{directory}/s"
    finally:
        process.kill()
        process.wait()


@contextmanager
def gateway(workers: int, cores: set[int], upstream: str, directory: Path) -> Iterator[Gateway]:
    """A gateway of so many workers on these cores, with a Redis of its own."""
    home = directory / f"redis{workers}"
    home.mkdir()
    before = os.sched_getaffinity(0)
    with redis(home) as store:
        port = free_port()
        command = [sys.executable, "-m", "gateway", "serve", str(CONFIG), "--port", str(port)]
        command += ["--workers", str(workers), "--store", store, "--log", "no", "--admin", "no"]
        os.sched_setaffinity(0, cores)  # which the processes below inherit
        try:
            with (directory / f"{workers}.log").open("wb") as log:
                process = subprocess.Popen(  # noqa: S603 - our own command
                    [*command, "--state", str(directory / "state")],
                    env={**os.environ, "BENCH_UPSTREAM": upstream, "BENCH_TOKEN": TOKEN},
                    stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
        finally:
            os.sched_setaffinity(0, before)
        try:
            assert process.stdout is not None  # noqa: S101 - it is piped
            for line in process.stdout:
                if line.startswith("listening"):
                    break
            else:
                raise NotStarted((directory / f"{workers}.log").read_text())
            yield Gateway(process.pid, port)
        finally:
            process.terminate()
            process.wait(30)


@dataclass(frozen=True)
class Gateway:
    """One that runs."""

    pid: int
    port: int

    def turn(self, path: str, pages: int, seconds: float) -> Load:
        """Drive it once."""
        requests = [get(self.port, f"{path}?page={page}") for page in range(pages)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(
                drive(
                    self.port,
                    requests,
                    warm_up=WARM_UP,
                    seconds=seconds,
                    cpu_time=lambda: cpu_time(self.pid),
                )
            )


def measured(rounds: int, seconds: float) -> list[Shown]:
    """Both gateways in turn, round after round. Raises: NotStarted, BadAnswer."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        raise NotStarted("two cores are needed")
    first = {min(cores)}
    loads: dict[tuple[str, int], list[Load]] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        command = [sys.executable, "-m", "bench.upstream", str(port)]
        other = max(cores - first)
        stack.enter_context(Server(command, port, other, {}, directory / "upstream.log"))
        url = f"http://127.0.0.1:{port}"
        one = stack.enter_context(gateway(1, first, url, directory))
        two = stack.enter_context(gateway(2, cores, url, directory))
        for _ in range(rounds):
            for name, (path, pages) in ASKED.items():
                for number, running in ((1, one), (2, two)):
                    os.sched_setaffinity(0, {other} if number == 1 else cores)
                    loads.setdefault((name, number), []).append(running.turn(path, pages, seconds))
        os.sched_setaffinity(0, cores)

    def of(name: str, number: int) -> tuple[float, float]:
        own = loads[name, number]
        return median(one.calls / one.seconds for one in own), median(
            one.cpu / one.calls * 1e6 for one in own
        )

    shown = []
    for name in ASKED:
        (rate, cpu), (rate_of_two, cpu_of_two) = of(name, 1), of(name, 2)
        shown.append(Shown(name, (rate, rate_of_two), (cpu, cpu_of_two)))
    return shown


@click.command()
@click.option("--seconds", default=1.0, show_default=True, help="How long each is driven a round.")
@click.option("--rounds", default=6, show_default=True, help="How often each is driven.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(seconds: float, rounds: int, as_json: bool) -> None:
    """Measure two workers beside one."""
    try:
        with Console(stderr=True).status("one worker and two, in turn"):
            results = measured(rounds, seconds)
    except (NotStarted, BadAnswer) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        ratios = [{"rate_ratio": one.rate_ratio, "cpu_ratio": one.cpu_ratio} for one in results]
        told = [{**asdict(one), **more} for one, more in zip(results, ratios, strict=True)]
        click.echo(json.dumps(told, indent=2))
        return
    table = Table(title="Two workers beside one", box=None, padding=(0, 2, 0, 0))
    for name in ("call", "req/s: 1", "2", "ratio", "µs/call: 1", "2", "1 over 2"):
        table.add_column(name, justify="left" if name == "call" else "right")
    for one in results:
        table.add_row(
            one.name, *(f"{rate:,.0f}" for rate in one.rates), f"{one.rate_ratio:.2f}",
            *(f"{cpu:,.0f}" for cpu in one.cpus_us), f"{one.cpu_ratio:.2f}",
        )  # fmt: skip
    Console(highlight=False).print(table)
