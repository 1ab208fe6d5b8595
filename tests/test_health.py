"""The check that the container's engine runs, as the engine runs it: by its exit code."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.health import ill
from tests.conftest import Serve, Upstream

ROOT = Path(__file__).parents[1]
HERE = {"GATEWAY_HOST": "127.0.0.1"}
PLUGIN = "plugin: one\nupstream: {{url: {url}}}\noperations: {{getIt: {{call: GET /it}}}}\n"


def check(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run it in an environment that also names a proxy, which it must not use."""
    proxies = {"http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
    path = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "gateway.health"],
        env={**path, **proxies, **env},
        check=False,
        capture_output=True,
        text=True,
    )


async def test_it_is_0_while_the_gateway_lives(serve: Serve, upstream: Upstream) -> None:
    client = await serve(PLUGIN.format(url=upstream.url), host="0.0.0.0")  # noqa: S104
    env = {"GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": str(client.gateway.port)}  # noqa: S104
    done = await asyncio.to_thread(check, env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_1_and_says_why_where_nobody_listens(unused_tcp_port: int) -> None:
    done = check({**HERE, "GATEWAY_PORT": str(unused_tcp_port)})
    assert done.returncode == 1
    assert f"127.0.0.1 port {unused_tcp_port}" in done.stderr
    assert "refused" in done.stderr
    assert "Traceback" not in done.stderr


async def test_it_is_1_where_something_else_listens(upstream: Upstream) -> None:
    upstream.says("no", status=503)
    env = {**HERE, "GATEWAY_PORT": upstream.url.rpartition(":")[2]}
    assert "/healthz answers 503" in await asyncio.to_thread(ill, env)


@pytest.mark.parametrize("port", ["http", "-1", "70000", "tcp://10.0.0.1:80"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    assert ill({**HERE, "GATEWAY_PORT": port}).startswith(f"127.0.0.1 port {port}: ")


def test_every_address_is_asked_at_the_loopback_one(unused_tcp_port: int) -> None:
    for host, asked in {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.items():  # noqa: S104
        env = {"GATEWAY_HOST": host, "GATEWAY_PORT": str(unused_tcp_port)}
        assert ill(env).startswith(f"{asked} port ")


def test_it_loads_nothing_but_the_standard_library() -> None:
    """It runs every few seconds: the whole gateway would cost ten times as much."""
    code = (
        "import sys, runpy\n"
        "try: runpy.run_module('gateway.health', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    env = {"PATH": os.environ["PATH"], "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": "1"}
    argv = [sys.executable, "-S", "-c", code]
    done = subprocess.run(  # noqa: S603 - our own command
        argv, env={**env, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True
    )
    assert set(done.stdout.split()) <= {"gateway", "__main__"}, done.stdout + done.stderr
    assert "gateway" in done.stdout
