"""Two small servers in processes of their own: one gives files, one only notes who asks."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CANARY = "CANARY-7c1f"  # in every answer and file that nobody may ask for


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


class _Canary(BaseHTTPRequestHandler):
    def __init__(self, hits: Path, *arguments: Any) -> None:
        self.hits = hits
        super().__init__(*arguments)

    def _note(self) -> None:
        with self.hits.open("a") as opened:
            opened.write(f"{self.command} {self.path}\n")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'{{"type": "string", "title": "{CANARY}"}}'.encode())

    do_GET = do_HEAD = do_POST = do_OPTIONS = _note  # noqa: N815 - the names it looks for

    def log_message(self, *arguments: Any) -> None:
        pass


@contextlib.contextmanager
def files(folder: Path) -> Iterator[str]:
    """Serve a folder; yields the base URL."""
    with _running("files", folder) as url:
        yield url


@contextlib.contextmanager
def canary(hits: Path) -> Iterator[str]:
    """Note every request, one a line, in `hits`; yields the base URL."""
    hits.touch()
    with _running("canary", hits) as url:
        yield url


class _Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: Any) -> None:
        """A client that has read enough hangs up."""


@contextlib.contextmanager
def _running(kind: str, path: Path) -> Iterator[str]:
    # A new interpreter, never a fork: the caller may have threads, and handlers for the signal.
    command = [sys.executable, "-m", __name__, kind, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _serve(kind: str, path: str) -> None:
    handlers = {"files": partial(_Files, directory=path), "canary": partial(_Canary, Path(path))}
    server = _Server(("127.0.0.1", 0), handlers[kind])
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - what the parent reads
    server.serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
