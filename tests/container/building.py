"""Run a Dockerfile's steps without an engine: in a chroot over a Debian root, as root.

FROM is a Debian of the same release with Debian's own Python of the same minor version, made by
debootstrap once and kept. Each stage is an overlay on it, so that the upper directory holds just
what the stage adds, as layers do. Mounts are made in a mount namespace of this process alone:
`python -m tests.container` enters it first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from tests.container.dockerfile import Stage, ignored, stages

MIRROR = "http://deb.debian.org/debian"
# What the machine lends to a build, so that it reaches the registry: names, roots of trust.
LENT = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
_BASE = re.compile(r"python:(3\.\d+)-slim-(\w+)")


@dataclass(frozen=True)
class Built:
    """A stage that was run: its root, and what it adds to the base."""

    stage: Stage
    root: Path
    added: Path


def build(context: Path, work: Path) -> Built:
    """Every stage of the context's Dockerfile; the last one."""
    done: dict[str, Built] = {}
    last: Built | None = None
    ignore = (context / ".dockerignore").read_text()
    for number, stage in enumerate(stages((context / "Dockerfile").read_text())):
        base = debian(stage.base, work)
        added, scratch, root = (work / f"stage{number}" / name for name in ("added", "tmp", "root"))
        shutil.rmtree(added.parent, ignore_errors=True)
        for folder in (added, scratch, root):
            folder.mkdir(parents=True)
        layers = f"lowerdir={base},upperdir={added},workdir={scratch}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, root)
        here = Path("/")
        for step in stage.steps:
            click.echo(f"{step.kind} {step.text}")
            if step.kind == "WORKDIR":
                here = here / step.text
                (root / here.relative_to("/")).mkdir(parents=True, exist_ok=True)
            elif step.kind == "COPY":
                _copy(step.text.split(), context, ignore, done, root, here)
            else:
                _run(step.text, step.env, root, here)
        last = done[stage.name] = Built(stage, root, added)
    assert last
    return last


def debian(base: str, work: Path) -> Path:
    """A root for `python:3.X-slim-RELEASE`: without compilers, without bytecode."""
    wanted = _BASE.fullmatch(base)
    assert wanted, f"{base} is no python:3.X-slim-RELEASE"
    version, release = wanted.groups()
    root = work / f"base-{release}"
    if not (root / "ready").exists():
        shutil.rmtree(root, ignore_errors=True)
        packages = "python3,python3-venv,ca-certificates"
        run("debootstrap", "--variant=minbase", f"--include={packages}", release, root, MIRROR)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for cached in (root / "usr/lib").rglob("*.pyc"):  # as the official image comes
            cached.unlink()
        for path in LENT:
            (root / path.lstrip("/")).touch()
        (root / "ready").touch()
    (said,) = run("chroot", root, "python", "--version").splitlines()
    assert said.startswith(f"Python {version}."), f"{release} has {said}, wanted {version}"
    return root


def run(*words: object) -> str:
    """Run a command; what it prints. CalledProcessError where it fails."""
    argv = [str(word) for word in words]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our own commands


def _run(command: str, env: Mapping[str, str], root: Path, here: Path) -> None:
    lent = [Path(path) for path in LENT if Path(path).exists()]
    own = {name: value for name, value in os.environ.items() if name == "PIP_CERT"}
    own["PIP_QUIET"] = "1"
    for path in lent:
        run("mount", "--bind", path.resolve(), root / path.relative_to("/"))
    run("mount", "-t", "proc", "proc", root / "proc")
    try:
        shell = ["/bin/sh", "-c", f"cd {here} && {{ {command}\n}}"]
        argv = ["/usr/sbin/chroot", root, *shell]
        subprocess.run(argv, check=True, env={**own, **env})  # noqa: S603 - the Dockerfile's own
    finally:
        for path in (Path("/proc"), *lent):
            run("umount", root / path.relative_to("/"))


def _copy(
    words: Sequence[str],
    context: Path,
    ignore: str,
    done: Mapping[str, Built],
    root: Path,
    here: Path,
) -> None:
    """Files as they are, the contents of folders, as COPY does it."""
    came_from = words[0].startswith("--from=")
    names, into = words[came_from:-1], here / words[-1]
    origin = done[words[0].removeprefix("--from=")].root if came_from else context
    target = root / into.relative_to("/")
    for name in names:
        source = origin / name.lstrip("/")
        if source.is_dir():
            shutil.copytree(
                source,
                target,
                symlinks=True,
                dirs_exist_ok=True,
                ignore=None if came_from else _left_out(context, ignore),
            )
        else:
            assert not ignored(ignore, Path(name)), f".dockerignore leaves {name} out"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _left_out(context: Path, ignore: str) -> Callable[[str, list[str]], set[str]]:
    def left_out(folder: str, names: list[str]) -> set[str]:
        at = Path(folder).relative_to(context)
        return {name for name in names if ignored(ignore, at / name)}

    return left_out
