"""Write the generated files: `python -m gateway.docs`; `--check` names those out of date.

A generated file is a line in `GENERATED`: its path in the repository and what makes its text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.config import reference
from gateway.config.schema import SCHEMA

ROOT = Path(__file__).parents[1]


def _schema() -> str:
    return json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    ("gateway/config/schema.json", _schema),
    ("docs/reference.md", reference.page),
)


def stale(root: Path = ROOT) -> list[str]:
    """The generated files that are missing or say something else than they should."""
    return [path for path, make in GENERATED if _text(root / path) != make()]


def write(root: Path = ROOT) -> list[str]:
    """Write what is out of date; gives the paths written."""
    paths = stale(root)
    for path, make in GENERATED:
        if path in paths:
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
