"""The imports point one way, as the drawing in docs/architecture.md says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gateway"


def layers() -> list[set[str]]:
    """The drawing's layers, the outermost first: the words of each line between the fences."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.search(r"```layers\n(.*?)```", text, re.DOTALL)
    assert drawing, "docs/architecture.md has no drawing of the layers"
    lines = [line.split("#")[0] for line in drawing[1].splitlines()]
    return [set(re.findall(r"[a-z_0-9]+", line)) for line in lines if line.strip(" ↓")]


def part_of(module: str) -> str | None:
    """`gateway.spec.model` belongs to the part `spec`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "gateway" else None


def imports() -> Iterator[tuple[str, str, str]]:
    """Every import inside the package: (importing part, imported part, file)."""
    for file in sorted(PACKAGE.rglob("*.py")):
        relative = file.relative_to(PACKAGE)
        part = relative.parts[0].removesuffix(".py")
        if part == "__main__":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
                if node.module == "gateway":
                    names = [f"gateway.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                imported = part_of(name)
                if imported and imported != part and imported != "__version__":
                    yield part, imported, str(relative)


def test_every_part_of_the_package_has_its_place_in_the_drawing() -> None:
    drawn = set().union(*layers())
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix != ".json"}
    parts -= {"__init__", "__pycache__", "py.typed", "__main__"}
    assert parts == drawn


def test_imports_point_one_way() -> None:
    level = {part: number for number, parts in enumerate(layers()) for part in parts}
    wrong = [
        f"{file}: {part} imports {imported}"
        for part, imported, file in imports()
        if part not in ("__init__", "__main__") and level[imported] <= level[part]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "part",
    ["spec_filter.py", "listing.py", "addresses.py", "servers.py", "choose.py",
     "inplace.py", "plugin.py", "values.py", "routes.py",
     "references.py", "forwarded.py", "request", "shrinking", "catalog.py", "profiles.py",
     "caching/deciding.py", "caching/storing.py", "caching/validating.py",
     "limits/window.py", "limits/callers.py", "limits/headers.py",
     "caching/answering.py", "caching/meanwhile.py", "caching/freshness.py", "spec/model.py",
     "spec/render.py", "authoring/search.py", "authoring/needs.py",
     "authoring/draft.py", "authoring/likeness.py", "authoring/rivals.py"],
)  # fmt: skip
def test_pure_modules_touch_no_socket_file_environment_or_clock(part: str) -> None:
    path = PACKAGE / part
    banned = {"aiohttp", "socket", "os", "time", "pathlib", "subprocess", "urllib.request"}
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            assert not names & banned, f"{file}: {names & banned}"
