"""A Dockerfile as values: as much of its language as ours uses, and a mistake for the rest.

The image's steps are read once, here, for the tests that compare it with the examples and for
`python -m tests.container`, which runs them.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Those that a stage runs, in order; the others describe the image.
STEPS = {"RUN", "COPY", "WORKDIR"}
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"  # of the base


@dataclass(frozen=True)
class Step:
    """RUN with a shell command, COPY with its words, WORKDIR with a path; `env` as it is then."""

    kind: str
    text: str
    env: Mapping[str, str]


@dataclass
class Stage:
    """One FROM and what follows it."""

    base: str
    name: str = ""
    steps: list[Step] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = ""
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction and what follows it, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def stages(text: str) -> list[Stage]:
    """What each stage does and how its image is started."""
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for word, rest in instructions(text):
        if word == "ARG":
            name, _, default = rest.partition("=")
            arguments[name] = default
        elif word == "FROM":
            base, _, name = filled(rest, arguments).partition(" AS ")
            found.append(Stage(base, name, env={"PATH": PATH}))
        else:
            _take(found[-1], word, rest)
    return found


def _take(stage: Stage, word: str, rest: str) -> None:
    if word in STEPS:
        stage.steps.append(Step(word, rest, dict(stage.env)))
    elif word in ("ENV", "LABEL"):
        into, known = (stage.env, dict(stage.env)) if word == "ENV" else (stage.labels, {})
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            into[name] = filled(value, known)
    elif word == "EXPOSE":
        stage.ports += map(int, rest.split())
    elif word == "VOLUME":
        stage.volumes += rest.split()
    elif word == "USER":
        stage.user = rest
    elif word == "STOPSIGNAL":
        stage.stop_signal = rest
    elif word == "HEALTHCHECK":
        stage.health = json.loads(rest.partition("CMD ")[2])  # the exec form, nothing else
    elif word in ("ENTRYPOINT", "CMD"):
        argv = json.loads(rest)
        if word == "CMD":
            stage.command = argv
        else:
            stage.entrypoint = argv
    else:
        raise ValueError(f"{word} is not an instruction that is known here")


def filled(text: str, values: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], text)


def ignored(patterns: str, path: Path) -> bool:
    """Whether a `.dockerignore` keeps a path, relative to the context, out of the build."""
    out = False
    for line in patterns.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        kept, pattern = pattern.startswith("!"), pattern.removeprefix("!")
        if _matches(pattern, path):
            out = not kept
    return out


def _matches(pattern: str, path: Path) -> bool:
    """The path or a folder above it, as Docker has it."""
    tries = [path, *path.parents][:-1]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(one.name, pattern[3:]) for one in tries)
    return any(
        len(one.parts) == pattern.count("/") + 1 and fnmatch.fnmatchcase(one.as_posix(), pattern)
        for one in tries
    )
