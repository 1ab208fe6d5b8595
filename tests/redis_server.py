"""A real Redis or Valkey for tests: a process of its own, on a free port and a socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

# Another one than the PATH's: GATEWAY_TEST_REDIS=/opt/redis-6.2/bin/redis-server
NAMES = ("redis-server", "valkey-server")


def binary() -> str | None:
    """Where there is one."""
    named = os.environ.get("GATEWAY_TEST_REDIS")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class RedisServer:
    """A server that can be killed, frozen and started again, with or without its data."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory, self.options = directory, options
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.directory}/s"

    def start(self, *options: str) -> None:
        program = binary()
        assert program is not None
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", "s")
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [program, *own, "--save", "", "--appendonly", "no", *self.options, *options],
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
                one.sendall(b"PING\r\n")
                return bool(one.recv(64))
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As the kernel does where memory is short: it saves nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
