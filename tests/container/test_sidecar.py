"""The processes of the pod: the gateway first, its service later, and both told to stop.

The very config of `examples/sidecar`, moved to free ports. Nothing waits for a time; all wait for
what must happen.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.demo import nba
from tests.conftest import Upstream

CONFIG = Path(__file__).parents[2] / "examples" / "sidecar" / "configs" / "players.yaml"
WITHIN = 60.0  # seconds for anything to happen, however busy the machine

Run = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """Start `gateway …`; what it says goes to a file."""
    async with AsyncExitStack() as stack:

        async def start(*words: object) -> asyncio.subprocess.Process:
            env = {**os.environ, "SERVICE_KEY": nba.KEY, "GATEWAY_STATE": str(tmp_path / "state")}
            out = stack.enter_context((tmp_path / f"{words[0]}.log").open("wb"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", *map(str, words)),
                env=env,
                stdout=out,
                stderr=out,
            )
            stack.push_async_callback(_ended, process)
            return process

        yield start


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def asking(base: str) -> AsyncIterator[Callable[..., Awaitable[tuple[int, Any]]]]:
    """Ask for JSON; status 0 where nobody listens."""
    async with aiohttp.ClientSession() as session:

        async def ask(path: str) -> tuple[int, Any]:
            try:
                async with session.get(base + path) as response:
                    return response.status, await response.json(content_type=None)
            except aiohttp.ClientConnectorError:
                return 0, None

        yield ask


async def until(
    happens: Callable[[], Awaitable[bool]], process: asyncio.subprocess.Process
) -> None:
    """Ask until it is so; a process that ended meanwhile will not bring it about."""
    async with asyncio.timeout(WITHIN):
        while not await happens():
            assert process.returncode is None, f"it left with {process.returncode}"
            await asyncio.sleep(0.05)  # other processes set no event of ours


def moved(tmp_path: Path, service: str) -> Path:
    """The example's config, for a service at another address."""
    folder = tmp_path / "configs"
    folder.mkdir()
    text = CONFIG.read_text().replace("http://127.0.0.1:5000", service)
    (folder / "players.yaml").write_text(text)
    return folder


async def test_the_gateway_waits_for_its_service_and_is_ready_without_a_restart(
    run: Run, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    here, there = unused_tcp_port_factory(), unused_tcp_port_factory()
    configs = moved(tmp_path, f"http://127.0.0.1:{there}")
    gateway = await run("serve", configs, "--port", here)
    async with asking(f"http://127.0.0.1:{here}") as ask:

        async def alive() -> bool:
            return (await ask("/healthz"))[0] == 200

        async def ready() -> bool:
            return (await ask("/readyz")) == (200, {"players": True})

        await until(alive, gateway)
        assert await ask("/readyz") == (503, {"players": False})
        status, body = await ask("/players/players?query=james")
        assert (status, body["code"]) == (503, "plugin_not_ready")
        assert "its API's description cannot be had yet" in body["detail"]
        assert (
            f"127.0.0.1:{there}/openapi.yaml cannot be reached"
            in (tmp_path / "serve.log").read_text()
        )

        service = await run("demo", "--api", "--port", there)
        await until(ready, service)
        status, body = await ask("/players/players?query=james")
        assert status == 200
        assert {row["last_name"] for row in body["data"]} >= {"James"}

        service.terminate()
        assert await asyncio.wait_for(service.wait(), WITHIN) == 0
        assert await ready(), "a service that goes is no reason to take the gateway away"
        status, body = await ask("/players/players?query=curry")
        assert (status, body["code"]) == (502, "upstream_failed")
    assert gateway.returncode is None
    gateway.terminate()
    assert await asyncio.wait_for(gateway.wait(), WITHIN) == 0


IN_PLACE = """
plugin: things
upstream: {{url: {url}}}
operations: {{getIt: {{call: GET /it}}}}
"""


async def test_a_plugin_written_in_place_is_ready_while_its_upstream_is_down(
    run: Run, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    """It lacks nothing of its own: each call says what is the matter with the upstream."""
    here, there = unused_tcp_port_factory(), unused_tcp_port_factory()
    file = tmp_path / "things.yaml"
    file.write_text(IN_PLACE.format(url=f"http://127.0.0.1:{there}"))
    gateway = await run("serve", file, "--port", here)
    async with asking(f"http://127.0.0.1:{here}") as ask:

        async def ready() -> bool:
            return (await ask("/readyz"))[0] == 200

        await until(ready, gateway)
        status, body = await ask("/it")
        assert (status, body["code"]) == (502, "upstream_failed")


async def test_a_call_in_flight_is_answered_before_the_gateway_stops(
    run: Run, tmp_path: Path, upstream: Upstream, unused_tcp_port: int
) -> None:
    """And connections that only wait do not keep it."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await answered.wait()
        return web.json_response({"late": True})

    upstream.answer = answer
    file = tmp_path / "things.yaml"
    file.write_text(IN_PLACE.format(url=upstream.url))
    gateway = await run("serve", file, "--port", unused_tcp_port)
    async with asking(f"http://127.0.0.1:{unused_tcp_port}") as ask:

        async def alive() -> bool:
            return (await ask("/healthz"))[0] == 200

        async def refused() -> bool:
            async with asking(f"http://127.0.0.1:{unused_tcp_port}") as anew:
                return (await anew("/healthz"))[0] == 0

        await until(alive, gateway)
        call = asyncio.create_task(ask("/it"))
        await asyncio.wait_for(asked.wait(), WITHIN)
        gateway.send_signal(signal.SIGTERM)
        await until(refused, gateway)
        assert gateway.returncode is None
        answered.set()
        assert await call == (200, {"late": True})
        assert await asyncio.wait_for(gateway.wait(), WITHIN) == 0
