"""Several processes on one port: real ones, killed, reloaded and told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

from gateway.app import Gateway, Options
from gateway.cli import main
from gateway.cli.several import _joined
from gateway.config import Loaded
from gateway.workers import VARIABLE, Place, place_of
from tests.conftest import Upstream
from tests.redis_server import RedisServer
from tests.reload.conftest import document
from tests.workers.conftest import PLUGIN, Gate, Running, Start, lives, until


@pytest.fixture
async def several(start: Start, redis: RedisServer) -> Running:
    return await start("--workers", "2", "--store", redis.url)


class Load:
    """Callers, each of whom calls again and again, on a new connection each time."""

    def __init__(self, url: str) -> None:
        self.url, self.answered, self.lost = url, 0, 0

    async def call(self, session: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with session.get(self.url, headers={"Connection": "close"}) as response:
                    await response.read()
                    assert response.status == 200
                    self.answered += 1
            except aiohttp.ClientConnectorError:
                continue  # nothing was asked
            except aiohttp.ClientError:
                self.lost += 1

    @asynccontextmanager
    async def of(self, callers: int) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            tasks = [asyncio.create_task(self.call(session)) for _ in range(callers)]
            yield
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in results), results


async def counted(gateway: Running, name: str = "gateway_calls_total{") -> int:
    """Calls that ended, or something else, of all workers together."""
    async with aiohttp.ClientSession() as session, session.get(f"{gateway.admin}/metrics") as got:
        lines = (await got.text()).splitlines()
    found = [line for line in lines if line.startswith(name)]
    return int(sum(float(line.rpartition(" ")[2]) for line in found))


async def test_a_worker_that_ends_takes_no_more_than_its_own_calls_along_and_is_replaced(
    several: Running, gate: Gate
) -> None:
    before = await several.workers()
    assert set(before) == {1, 2}
    # A config that is broken meanwhile keeps no worker from coming back.
    good = several.config.read_text()
    several.config.write_text(good + "nonsense: 1\n")

    async def is_told() -> bool:
        _, said = await several.ready()
        return any("nonsense" in one for one in said["plugins"]["one"]["mistakes"])

    await until(is_told)
    assert (await several.ready())[0] == 200
    load = Load(several.url + "/one/it")
    async with load.of(10):
        await until(lambda: load.answered > 50)
        os.kill(before[1], signal.SIGKILL)

        async def another() -> bool:
            now = await several.workers()
            return len(now) == 2 and now[1] != before[1]

        await until(another)
        enough = load.answered + 100
        await until(lambda: load.answered > enough)
    assert load.lost <= 10  # each caller had one call under way
    assert (await several.workers())[2] == before[2]
    assert "worker 1 was ended by SIGKILL; it is started again now" in several.said
    assert f"worker 2 serves, process {before[2]}" in several.said

    # What a worker did is still counted when it is no more; what it did last is not always told.
    async def all_told() -> bool:
        return await counted(several) >= load.answered - 100

    await until(all_told)

    # One that is told to stop finishes its calls.
    load = Load(several.url + "/one/it")
    async with load.of(5):
        await until(lambda: load.answered > 50)
        os.kill(before[2], signal.SIGTERM)

        async def replaced() -> bool:
            return (await several.workers()).get(2, before[2]) != before[2]

        await until(replaced)
    # What the kernel gave to its socket as that was closed (docs/operating.md).
    assert load.lost <= 1


async def test_all_reload_what_is_good_and_end_together(several: Running, gate: Gate) -> None:
    good = several.config.read_text()
    several.config.write_text(good + "nonsense: 1\n")
    await until(lambda: "nothing is taken over" in several.said)
    assert several.said.count("unknown key 'nonsense'") == 1  # the workers were not even asked
    several.config.write_text(good.replace("putIt", "changeIt"))

    async def all_have_it() -> bool:
        """Each new connection is one of either worker's."""
        seen = set()
        async with aiohttp.ClientSession(headers={"Connection": "close"}) as session:
            for _ in range(20):
                async with session.get(several.url + "/one/openapi.yaml") as got:
                    seen.add("changeIt" in await got.text())
        return seen == {True}

    await until(all_have_it)

    async def told() -> bool:
        """One reload for all counts as one."""
        return await counted(several, "gateway_reloads_total{") == 2

    await until(told)

    # The end is that of all, and no call in flight is lost.
    workers = list((await several.workers()).values())
    async with aiohttp.ClientSession() as session:

        async def slow() -> int:
            async with session.get(several.url + "/one/slow") as response:
                await response.read()
                return response.status

        calls = [asyncio.create_task(slow()) for _ in range(8)]
        await until(lambda: gate.waiting == 8)
        several.signal(signal.SIGTERM)

        async def draining() -> bool:
            status, said = await several.ready()
            return status == 503 and said["draining"]

        await until(draining)
        gate.opened.set()
        assert await asyncio.gather(*calls) == [200] * 8
    assert await several.ended() == 0
    assert not any(map(lives, workers))


async def test_a_port_that_workers_share_is_taken_for_others_and_free_when_they_end(
    several: Running, redis: RedisServer, start: Start
) -> None:
    port = several.url.rpartition(":")[2]
    words = ("--workers", "2", "--store", redis.url, "--port", port)
    for more in ((), words):
        other = await start("--port", port, *more, waits=False, name="other")
        assert await other.ended() == 1
        assert other.process.stdout is not None
        said = (await other.process.stdout.read()).decode()
        assert f"port {port} of 127.0.0.1 is in use" in said
    # Nobody stays behind on it, however the supervisor ends.
    workers = list((await several.workers()).values())
    several.signal(signal.SIGKILL)
    await several.ended()
    try:
        await until(lambda: not any(map(lives, workers)))
    finally:
        for pid in filter(lives, workers):
            os.kill(pid, signal.SIGKILL)


async def test_over_a_unix_socket_the_workers_accept_from_one_queue(
    start: Start, redis: RedisServer, gate: Gate, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    gateway = await start("--workers", "2", "--store", redis.url, "--unix", path)
    assert gateway.url == f"unix:{path}"
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://localhost/one/it") as response,
    ):
        assert response.status == 200
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert not path.exists()


def test_several_workers_need_a_store(tmp_path: Path, upstream: Upstream) -> None:
    config = tmp_path / "one.yaml"
    config.write_text(PLUGIN % upstream.url)
    result = CliRunner().invoke(main, ["serve", str(config), "--workers", "2"])
    assert result.exit_code == 2
    assert "--workers: more than one needs --store redis://" in result.stderr


async def test_a_mistake_is_told_once_and_no_worker_is_started(
    start: Start, redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "one.yaml").write_text("plugin: one\nsumary: x\n")
    gateway = await start("--workers", "2", "--store", redis.url, waits=False)
    assert await gateway.ended() == 2
    assert gateway.process.stdout is not None
    said = (await gateway.process.stdout.read()).decode()
    assert said.count("unknown key 'sumary'") == 1


def test_a_place_is_told_to_the_worker_alone_and_not_to_its_children() -> None:
    env = {VARIABLE: '{"number":2,"channel":7,"port":8080}'}
    assert place_of(env) == Place(2, 7, 8080)
    assert env == {}
    assert place_of({}) is None


def test_the_workers_variable_is_not_taken_for_their_number(tmp_path: Path) -> None:
    env = {VARIABLE: "4"}
    result = CliRunner().invoke(main, ["serve", str(tmp_path)], env=env)
    assert result.exit_code == 2
    assert "set GATEWAY_WORKERS" in result.stderr


def test_of_a_plugin_the_worker_is_shown_that_is_worst_off() -> None:
    good: dict[str, object] = {"ready": True, "reason": "", "mistakes": []}
    old = {**good, "reason": "its host answers 503"}
    refused = {**good, "mistakes": ["a.yaml:1:1: no"]}
    waits = {**good, "ready": False}
    for worse, better in ((old, good), (refused, old), (waits, refused)):
        for told in ((worse, better), (better, worse)):
            assert _joined([{"a": one} for one in told]) == {"a": worse}


async def test_a_spec_that_a_worker_could_not_have_is_taken_over_by_it_later(
    start: Start, redis: RedisServer, upstream: Upstream, tmp_path: Path
) -> None:
    asked = 0

    async def host(request: web.BaseRequest) -> web.StreamResponse:
        """The supervisor has the new spec; whoever comes next, for a moment, nothing."""
        nonlocal asked
        asked += 1
        if asked in (3, 4, 5, 6):
            return web.Response(status=503)
        names = ["getOne", "getTwo"] if asked else ["getOne"]
        return web.json_response(document(*names))

    upstream.answer = host
    text = f"plugin: one\nspec: {upstream.url}/openapi.json\noperations: all\n"
    (tmp_path / "one.yaml").write_text(text)
    asked = -3  # the supervisor and two workers have the old one
    gateway = await start("--workers", "2", "--store", redis.url)
    asked = 0
    gateway.signal(signal.SIGHUP)

    async def all_have_it() -> bool:
        async with aiohttp.ClientSession(headers={"Connection": "close"}) as session:
            for _ in range(20):
                async with session.get(gateway.url + "/one/openapi.yaml") as got:
                    if "getTwo" not in await got.text():
                        return False
        return True

    await until(all_have_it)
    assert asked > 4


def test_what_one_worker_asked_back_another_one_takes() -> None:
    """A confirmation over MCP comes on whatever connection the client has then."""
    loaded: list[Loaded] = []
    options = Options(store="redis://127.0.0.1:1/0", key="of all workers")
    one, other = (Gateway(loaded, options).door.confirmations for _ in range(2))
    assert other.take(one.state(b"this call"), b"this call")
