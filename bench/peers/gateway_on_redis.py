"""The gateway with its stored replies in a Redis of its own, on a socket.

    python -m bench.peers.gateway_on_redis CONFIG PORT STATE

Starts Redis and becomes the gateway, so that the process measured is that; Redis may use any core
and ends with it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)


def _beside() -> None:
    """In Redis' process, before it is Redis."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))


def main(config: str, port: str, state: str) -> None:
    home = Path(state).absolute() / f"redis-{port}"
    home.mkdir(parents=True)
    program = shutil.which("redis-server") or shutil.which("valkey-server") or ""
    options = ["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]
    redis = subprocess.Popen(  # noqa: S603 - the one on the path is meant
        [program, *options],
        cwd=home,
        preexec_fn=_beside,  # noqa: PLW1509 - there are no threads yet
    )
    while not (home / "s").exists():
        if redis.poll() is not None:
            sys.exit("Redis ended")
        time.sleep(0.02)
    serve = ["serve", config, "--port", port, "--state", state, "--store", f"unix://{home}/s"]
    serve += ["--log", "no", "--admin", "no"]
    os.execv(sys.executable, [sys.executable, "-m", "gateway", *serve])  # noqa: S606 - becomes it


if __name__ == "__main__":
    main(*sys.argv[1:4])
