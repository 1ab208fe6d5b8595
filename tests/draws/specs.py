"""The specs that draws are made from: those beside the project, and GitHub's from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.listing import Listed, listed
from gateway.references import Parts, References, WantedError
from gateway.spec.parts import Library
from gateway.spec.source import Source, fetch

DATA = Path(__file__).parents[3] / "shared" / "data" / "specs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "plugin-gateway-draws"
GITHUB, GITHUB_PACKAGE = "github.json", "@octokit/openapi@23.0.2"
_GITHUB_MEMBER = "package/generated/api.github.com.json"
_SUFFIXES = (".json", ".yaml", ".yml")

Made = TypeVar("Made")


def names(data: Path = DATA) -> list[str]:
    """What there is, by name: files, and the main file of a folder; nothing without data."""
    if not data.is_dir():
        return []
    found = [
        path.name
        for path in data.iterdir()
        if path.suffix in _SUFFIXES and path.name != "manifest.json"
    ]
    found += [
        f"{path.parent.name}/{path.name}"
        for path in data.glob("*/openapi.*")
        if path.suffix in _SUFFIXES
    ]
    return sorted(found) + ([GITHUB] if (CACHE / GITHUB).is_file() else [])


def get_github() -> str | None:
    """Have GitHub's spec, once; why not, if it cannot be had."""
    target = CACHE / GITHUB
    if target.is_file():
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not there"
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--silent", "--pack-destination", str(CACHE), GITHUB_PACKAGE]
    packed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    if packed.returncode:
        return f"npm pack {GITHUB_PACKAGE}: {packed.stderr.strip()[-200:]}"
    archive = CACHE / packed.stdout.split()[-1]
    with tarfile.open(archive) as opened:
        member = opened.extractfile(_GITHUB_MEMBER)
        if member is None:
            return f"{GITHUB_PACKAGE} has no {_GITHUB_MEMBER}"
        half = target.with_suffix(".part")
        half.write_bytes(member.read())
        half.replace(target)
    archive.unlink()
    return None


def path_of(name: str) -> Path:
    """Where a spec of `names` stands."""
    return CACHE / GITHUB if name == GITHUB else DATA / name


@dataclass(slots=True)
class Opened:
    """A spec that was read, and as much of its other files as was needed so far."""

    source: Source
    library: Library
    operations: tuple[Listed, ...] = ()

    async def with_parts(self, make: Callable[[Parts], Made]) -> Made:
        """Make something of the spec, reading the files that turn out to be needed."""
        while True:
            try:
                return make(self.library.parts)
            except WantedError as wanted:
                await self.library.read(wanted.addresses)


async def opened(path: Path) -> Opened:
    """Read a spec and list its operations.

    Raises: SpecError, as `gateway` would say it.
    """
    source = await fetch(path.name, base=path.parent, headers={}, state=None)
    spec = Opened(source, Library(source, headers={}, state=None))

    def operations(parts: Parts) -> tuple[Listed, ...]:
        references = References(source.document, parts)
        found = listed(source.document, references)
        references.check()
        return found

    spec.operations = await spec.with_parts(operations)
    return spec
