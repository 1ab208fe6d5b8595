"""Write the generated files: `python -m gateway.docs`; `--check` names those out of date.

A generated file is a line in `GENERATED`: its path in the repository and what makes its text.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from gateway.config import read_configs, reference
from gateway.config.schema import SCHEMA
from gateway.demo import DEMO_PLUGINS
from gateway.faces import FACES, Maker
from gateway.loading import load_plugin

ROOT = Path(__file__).parents[1]


def _schema() -> str:
    return json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


# Golden copies of what the repository's configs serve: they change only with a line in CHANGELOG.
CONFIGS = ("sportstats", "stocks")
SERVED = (
    ("ai-plugin.json", "/.well-known/ai-plugin.json", ""),
    ("openapi.yaml", "/openapi.yaml", "3.0"),
    ("openapi-3.1.yaml", "/openapi.yaml", "3.1"),
)
BASE = "https://gateway.example"


@cache
def _makers(config: str) -> dict[str, Maker]:
    """Every document of one of the repository's configs, with the demo's keys."""
    file = f"{config}.yaml"
    (loaded,) = read_configs([ROOT / "configs" / file], DEMO_PLUGINS[file].env)
    plugin = asyncio.run(load_plugin(loaded))
    return {path: maker for face in FACES.values() for path, maker in face(plugin).items()}


def _served(config: str, path: str, version: str) -> str:
    return _makers(config)[path](f"{BASE}/{config}", version).body.decode()


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    ("gateway/config/schema.json", _schema),
    ("docs/reference.md", reference.page),
    *(
        (f"docs/served/{config}/{name}", partial(_served, config, path, version))
        for config in CONFIGS
        for name, path, version in SERVED
    ),
)


def stale(root: Path = ROOT) -> list[str]:
    """The generated files that are missing or say something else than they should."""
    return [path for path, make in GENERATED if _text(root / path) != make()]


def write(root: Path = ROOT) -> list[str]:
    """Write what is out of date; gives the paths written."""
    paths = stale(root)
    for path, make in GENERATED:
        if path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(make(), encoding="utf-8")
    return paths


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def main(arguments: Sequence[str]) -> int:
    """Run the command; gives the exit code."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m gateway.docs [--check]\n")
        return 2
    if not arguments:
        sys.stdout.writelines(f"wrote {path}\n" for path in write())
        return 0
    paths = stale()
    sys.stderr.writelines(f"{path} is out of date; run `make docs`\n" for path in paths)
    return 1 if paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
