"""What the examples' pages tell their readers is so: the commands, the configs, the scripts."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.conftest import Client
from tests.examples.conftest import (
    CONFIGS,
    EXAMPLES,
    FOLDERS,
    Running,
    Serving,
    Start,
    commands,
    environment,
    loaded,
    script,
)

# Their upstream is no script of ours, and is run in a test file of their own.
ELSEWHERE = {"database"}
SCRIPTS = sorted(
    str(path.relative_to(EXAMPLES))
    for folder in FOLDERS
    for path in (EXAMPLES / folder).glob("*.py")
)
HERE = "http://127.0.0.1:8080"


@dataclass
class Reader:
    """Somebody who types the commands of a page, one after the other."""

    start: Start
    serving: Serving
    running: dict[int, Running] = field(default_factory=dict)  # by the port they name
    client: Client | None = None

    async def types(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        env = {}
        while re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
            name, _, env[name] = words.pop(0).partition("=")
        match words:
            case [".venv/bin/python", path, *arguments]:
                await self._starts(path, arguments)
            case [".venv/bin/gateway", "serve", path]:
                await self._serves(Path(path), env)
            case ["curl", *options]:
                expected = re.search(r"  # (\d{3})", line)
                await self._asks(options, expected[1] if expected else "200")
            case _:
                pytest.fail(f"a command of which this test knows nothing: {line}")

    async def _starts(self, path: str, arguments: list[str]) -> None:
        running = await self.start(path.removeprefix("examples/"), *arguments)
        ports = getattr(running.module, "PORTS", {})
        self.running[ports[arguments[0]] if arguments else running.module.PORT] = running

    async def _serves(self, path: Path, env: dict[str, str]) -> None:
        place = EXAMPLES.parent / path
        files = sorted(place.glob("*.yaml")) if place.is_dir() else [place]
        assert files
        configs = []
        for file in files:
            name = str(file.relative_to(EXAMPLES))
            url = loaded(name, env).plugin.upstream.url
            port = urlsplit(url).port if url else next(iter(self.running))
            assert port is not None
            configs.append(loaded(name, env, self.running[port].url))
        self.client = await self.serving(*configs)

    async def _asks(self, options: list[str], expected: str) -> None:
        assert self.client is not None
        moved = {HERE: self.client.base}
        moved |= {f"http://127.0.0.1:{port}": one.url for port, one in self.running.items()}
        for written, real in moved.items():
            options = [option.replace(written, real) for option in options]
        process = await asyncio.create_subprocess_exec(
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"),
            *options,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert (options, said.decode()) == (options, expected)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands are made of curl")
@pytest.mark.parametrize("page", [one for one in FOLDERS if one not in ELSEWHERE])
async def test_the_commands_of_a_page_do_what_it_says(
    page: str, start: Start, serving: Serving
) -> None:
    reader = Reader(start, serving)
    lines = commands((EXAMPLES / page / "README.md").read_text())
    assert sum("curl" in line for line in lines) >= 3
    for line in lines:
        await reader.types(line)


@pytest.mark.parametrize("path", [one for one in SCRIPTS if one.partition("/")[0] not in ELSEWHERE])
async def test_a_script_runs_by_itself_on_the_port_it_is_given(
    path: str, unused_tcp_port: int
) -> None:
    first = [*getattr(script(path), "PORTS", {})][:1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / path), *first, str(unused_tcp_port)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said = await process.stdout.readline()  # once it listens
        assert str(unused_tcp_port) in said.decode()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{unused_tcp_port}/") as response,
        ):
            assert response.status < 500
    finally:
        process.terminate()
        await process.communicate()


@pytest.mark.parametrize("path", [one for one in CONFIGS if one.partition("/")[0] not in ELSEWHERE])
def test_a_config_has_neither_mistake_nor_warning(path: str, tmp_path: Path) -> None:
    arguments = ["check", "--strict", "--state", str(tmp_path), str(EXAMPLES / path)]
    arguments += ["--for", "chatgpt-plugin", "--for", "actions"]
    result = CliRunner().invoke(main, arguments, env=environment(path.partition("/")[0]))
    assert (result.exit_code, "warning" in result.output) == (0, False), result.output


def test_no_two_examples_listen_at_one_port() -> None:
    ports: list[int] = []
    for path in SCRIPTS:
        module = script(path)
        ports += getattr(module, "PORTS", {}).values() or [getattr(module, "PORT", 0)]
    ports = [port for port in ports if port]
    assert len(set(ports)) == len(ports) >= 8


def test_every_example_has_a_page_that_the_list_of_examples_links() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    for name in FOLDERS:
        assert (EXAMPLES / name / "README.md").exists()
        assert f"]({name}/README.md)" in listed, name
