"""Real upstreams from the package registry, each in an environment of its own.

An environment is made once and kept in pytest's cache, named after what is in it, so that a
changed requirement or another Python makes a new one. The servers run for the whole session.
Without the registry these tests fail, since a skipped test is easily taken for a passed one;
GATEWAY_TEST_OFFLINE=1 says that it is known.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Client, Serve

HERE = Path(__file__).parent
CONSTRAINTS = HERE / "constraints.txt"
INSTALL_WITHIN = 240.0
READY_WITHIN = 30.0
# The addresses that the plugins of this directory name; the servers here get free ports.
HTTPBIN = "http://127.0.0.1:5001"
KINTO = "http://127.0.0.1:8888"

GatewayFor = Callable[..., Awaitable[Client]]


# --- environments -----------------------------------------------------------------------------


def environment(kept: Path, requirement: str, constraints: Path = CONSTRAINTS) -> Path:
    """The Python of an environment in which a requirement is installed.

    Args:
        kept: The directory of environments.
        requirement: As pip reads it.
        constraints: A file of the versions of everything that comes with it.
    """
    text = "\n".join((requirement, constraints.read_text(), sys.version))
    name = requirement.partition("[")[0].partition("=")[0]
    place = kept / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    if python.exists():
        return python
    if os.environ.get("GATEWAY_TEST_OFFLINE") == "1":
        pytest.skip(f"{requirement} is not installed, and GATEWAY_TEST_OFFLINE=1 is set")
    # Made beside and then renamed: an environment is either whole or not there.
    fresh = kept / f"{place.name}.{os.getpid()}"
    try:
        _run(sys.executable, "-m", "venv", str(fresh))
        pip = (str(fresh / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
        _run(*pip, "install", "--quiet", "--constraint", str(constraints), requirement)
        fresh.rename(place)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        pytest.fail(
            f"{requirement} cannot be installed. These tests need the package registry, once; "
            f"set GATEWAY_TEST_OFFLINE=1 to skip them.\n{said[-2000:]}",
            pytrace=False,
        )
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return python


def _run(*command: str) -> None:
    subprocess.run(  # noqa: S603 - our own commands
        command, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN
    )


# --- servers ----------------------------------------------------------------------------------


@contextmanager
def running(command: Sequence[str], ready: str, directory: Path) -> Iterator[None]:
    """A server process, from when `ready` is answered with success until it has ended."""
    log = directory / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=directory, stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + READY_WITHIN
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > until:
                text = log.read_text(errors="replace")[-2000:]
                pytest.fail(f"{' '.join(command)} does not answer at {ready}:\n{text}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def environments(pytestconfig: pytest.Config) -> Path:
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("upstreams")


@pytest.fixture(scope="session")
def httpbin(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running httpbin."""
    python = environment(environments, "httpbin[mainapp]==0.10.4")
    at = f"127.0.0.1:{free_port()}"
    command = [
        *(str(python), "-m", "gunicorn", "httpbin:app", "--bind", at, "--threads", "8"),
        "--no-control-socket",  # it would be made in the home directory
    ]
    with running(command, f"http://{at}/spec.json", tmp_path_factory.mktemp("httpbin")):
        yield f"http://{at}"


@pytest.fixture(scope="session")
def kinto(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Kinto that keeps everything in memory and lets anyone sign in."""
    python = environment(environments, "kinto==26.5.0")
    port = free_port()
    start = "from kinto.__main__ import main; main()"  # scripts do not survive the renaming
    command = [
        *(str(python), "-c", start, "start"),
        *("--ini", str(HERE / "kinto.ini"), "--port", str(port)),
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/v1/__heartbeat__", tmp_path_factory.mktemp("kinto")):
        yield url


# --- the gateway in front ---------------------------------------------------------------------


@pytest.fixture
def gateway_for(serve: Serve) -> GatewayFor:
    """Serve a plugin of this directory, its upstream's address replaced by the real one."""

    async def start(name: str, at: dict[str, str], **options: Any) -> Client:
        text = (HERE / name).read_text()
        for written, real in at.items():
            assert written in text
            text = text.replace(written, real)
        return await serve(text, **options)

    return start
