"""What some rivals need that is not of this environment: whether it is here, how it gets here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"


@dataclass
class Need:
    """Something outside. `prepare` gives the interpreter of its peer, or raises OSError."""

    prepare: Callable[[], str]

    @cached_property
    def found(self) -> tuple[str, str]:
        """The interpreter that the peer's program runs under, and why there is none."""
        try:
            return self.prepare(), ""
        except OSError as error:
            return "", str(error)


def _nginx() -> str:
    if shutil.which("nginx") is None:
        raise OSError("nginx is not installed")
    return sys.executable


def _redis() -> str:
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        raise OSError("there is neither redis-server nor valkey-server on the PATH")
    if find_spec("redis") is None:
        raise OSError("its client is not installed: pip install 'plugin-gateway[redis]'")
    return sys.executable


def _environment(name: str) -> str:
    """An environment of its own, made once for each list of versions."""
    wanted = HERE / "peers" / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = CACHE / f"{name}-{digest}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
            if done.returncode:
                raise OSError(f"it cannot be installed: {done.stderr.strip()[-200:]}")
        (home / "ready").touch()
    return str(python)


OUTSIDE = {
    "nginx": Need(_nginx),
    "Redis": Need(_redis),
    "FastAPI": Need(partial(_environment, "fastapi")),
    "FastMCP": Need(partial(_environment, "fastmcp")),
    "orjson": Need(partial(_environment, "orjson")),
}
