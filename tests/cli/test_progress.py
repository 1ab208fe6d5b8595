"""What is shown to somebody who waits: on a terminal only, and only if it takes long."""

from __future__ import annotations

import io
import threading
from pathlib import Path

from aiohttp import web
from rich.console import Console

from gateway.cli.progress import progress
from gateway.spec.source import fetch
from tests.conftest import Upstream


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    said = io.StringIO()
    return Console(file=said, force_terminal=terminal, width=80), said


def test_what_is_done_is_shown_and_taken_away_again() -> None:
    screen, said = console(terminal=True)
    shown = threading.Event()

    class Noticing(io.StringIO):
        def write(self, text: str) -> int:
            if "parsing 13.0 MB" in text:
                shown.set()
            return said.write(text)

    screen.file = Noticing()
    with progress(screen, "reading [b]x", after=0.0) as tell:
        tell("parsing 13.0 MB\x1b[31m")
        assert shown.wait(10)
    assert "\x1b[31m" not in said.getvalue()
    assert said.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[2K" in said.getvalue()


def test_what_is_quick_shows_nothing() -> None:
    screen, said = console(terminal=True)
    with progress(screen, "reading", after=60.0) as tell:
        tell("parsing")
    assert said.getvalue() == ""


def test_elsewhere_than_on_a_terminal_nothing_is_shown() -> None:
    screen, said = console(terminal=False)
    with progress(screen, "reading", after=0.0) as tell:
        tell("parsing")
    assert said.getvalue() == ""


async def test_fetching_tells_its_bytes_and_then_its_parsing(
    upstream: Upstream, tmp_path: Path
) -> None:
    body = '{"openapi": "3.0.3", "paths": {}, "x": "' + "x" * 300_000 + '"}'

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text=body)

    upstream.answer = answer
    told: list[str] = []
    url = f"{upstream.url}/openapi.json?key=secret"
    await fetch(url, base=tmp_path, headers={}, state=None, progress=told.append)
    assert told[0] == f"fetching {upstream.url}/openapi.json"
    assert told[-2] == f"fetching {upstream.url}/openapi.json: {len(body):,} bytes"
    assert told[-1] == "parsing 0.3 MB"


async def test_of_a_file_its_parsing_is_told(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"openapi": "3.0.3", "paths": {}}')
    told: list[str] = []
    await fetch("spec.json", base=tmp_path, headers={}, state=None, progress=told.append)
    assert told == ["parsing 33 bytes"]
