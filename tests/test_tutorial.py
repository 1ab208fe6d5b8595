"""The tutorial works as it is written: its blocks are run in order, by bash, in an empty directory.

After a `bash` or `python` block stands what it says, as `text`: `…` stands for anything on a line,
alone on a line for any lines, and numbers of three digits and more may be others (tokens). The YAML
of a block is what the reader puts into the file. The two ports are replaced by free ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway import yaml12
from gateway.config import read_configs

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
FENCED = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
PORTS = ("5004", "8080")
ADMIN = "127.0.0.1:9090"  # the default, which another gateway on this machine may have
CONFIG = "nba.yaml"
SECONDS = 60  # for what takes one


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


class Reader:
    """Somebody who follows the page: a shell, its environment, what it started."""

    def __init__(self, directory: Path, bash: str) -> None:
        self.bash = bash
        self.directory = directory
        self.started: list[subprocess.Popen[str]] = []
        commands = directory / "bin"
        commands.mkdir()
        self._command(commands / "gateway", "-m gateway")
        self._command(commands / "python3", "")
        self.work = directory / "work"
        self.work.mkdir()
        path = f"{commands}{os.pathsep}{os.environ['PATH']}"
        self.env = {"PATH": path, "HOME": str(directory), "XDG_CACHE_HOME": str(directory)}

    def _command(self, path: Path, arguments: str) -> None:
        root = PAGE.parents[1]
        path.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} {arguments} "$@"\n')
        path.chmod(0o755)

    def runs(self, block: str) -> str:
        """What a block of commands says; variables that it exports stay."""
        for name, value in re.findall(r"(?m)^export (\w+)=(\S+)$", block):
            self.env[name] = value
        done = subprocess.run(  # noqa: S603 - the page's own commands
            [self.bash, "-eu", "-c", block],
            cwd=self.work,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout

    def starts(self, command: str, lines: int) -> str:
        """What a server says once it listens: so many lines."""
        process = subprocess.Popen(  # noqa: S603 - the page's own commands
            [self.bash, "-c", f"exec {command}"],
            cwd=self.work,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        assert process.stdout is not None
        return "".join(process.stdout.readline() for _ in range(lines))

    def edits(self, block: str) -> None:
        """Put the values of a YAML block into the config, where the same keys stand."""
        file = self.work / CONFIG
        for path, value in leaves(yaml12.load(block)):
            text = file.read_text()
            _, marks = yaml12.load_marked(text)
            line, column = marks.value(path)
            lines = text.split("\n")
            lines[line - 1] = f"{lines[line - 1][: column - 1]}{value}"
            file.write_text("\n".join(lines))

    def stops(self) -> None:
        for process in self.started:
            process.send_signal(signal.SIGTERM)
            with process:
                assert process.wait(SECONDS) == 0


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def says(wanted: str, got: str) -> bool:
    """Whether an output is what a block shows, whatever its blanks and long numbers."""
    lines = [r"(?:.*\n)*?" if line == "…" else _line(line) for line in wanted.splitlines()]
    return re.fullmatch("".join(lines), got) is not None


def _line(line: str) -> str:
    pattern = re.escape(line.rstrip()).replace("…", ".*")
    pattern = re.sub(r"[\d,]*\d{3}", r"[\\d,]+", pattern)
    return re.sub(r"(\\ ){2,}", " +", pattern) + r" *\n"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None:
        pytest.skip("the page is for a shell with curl")
    one = Reader(tmp_path, bash)
    try:
        yield one
    finally:
        one.stops()


def test_every_block_of_the_tutorial_does_what_the_page_says(reader: Reader) -> None:
    page = PAGE.read_text()
    for port in PORTS:
        page = page.replace(port, free_port())
    reader.env["GATEWAY_ADMIN"] = f"127.0.0.1:{free_port()}"
    page = page.replace(ADMIN, reader.env["GATEWAY_ADMIN"])
    said = ""
    blocks = FENCED.findall(page)
    for (kind, block), (_, after) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "bash" and block.rstrip().endswith("&"):
            said = reader.starts(block.rstrip().removesuffix("&"), after.count("\n"))
        elif kind == "bash":
            said = reader.runs(block)
        elif kind == "python":
            (reader.work / "client.py").write_text(block)
            said = reader.runs("python3 client.py")
        elif kind == "text":
            assert says(block, said), f"the page says\n{block}\nbut it is\n{said}"
        elif "auth:" in block:  # beside the rest of the config
            config = reader.work / "guarded.yaml"
            config.write_text((reader.work / CONFIG).read_text() + block)
            env = {**reader.env, "MY_GPT_TOKEN": "a-token-of-mine"}
            assert read_configs([config], env)
        else:
            assert kind == "yaml"
            reader.edits(block)
    assert (
        "get_players"
        in yaml12.load((reader.work / "trimmed.yaml").read_text())["paths"]["/players"]["get"][
            "operationId"
        ]
    )


def test_what_is_compared_can_differ() -> None:
    assert says("a\n…\nb …d\n", "a\nx\ny\nb c d\n")
    assert says("a  943  b\n", "a 1,024  b  \n")
    assert not says("a\nb\n", "a\nx\nb\n")
    assert not says("a\n", "a\nb\n")
    assert not says("a\n…\nb\n", "a\nx\n")
    assert not says("a 12\n", "a 13\n")
