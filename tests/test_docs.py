"""What the documents show is run: every YAML block loads, every key and kind has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import errors
from gateway.cli import main
from gateway.config import read_configs, types

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("examples/**/*.md")]


def blocks() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for number, block in enumerate(
            re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
        ):
            if re.search(r"^plugin:", block, re.MULTILINE):
                found.append((f"{page.relative_to(ROOT)}-{number}", block))
    return found


@pytest.mark.parametrize(("name", "block"), blocks(), ids=[name for name, _ in blocks()])
def test_every_yaml_block_loads(tmp_path: Path, name: str, block: str) -> None:
    """Files, URLs and secrets that it names are stand-ins."""
    file = tmp_path / "plugin.yaml"
    file.write_text(block)
    names = re.findall(r"\$\{(\w+)\}", block)
    (loaded,) = read_configs([file], dict.fromkeys(names, "a-stand-in"))
    assert loaded.plugin.plugin


def test_the_readme_shows_yaml() -> None:
    assert sum(name.startswith("README") for name, _ in blocks()) >= 3


def test_every_key_and_kind_has_its_row_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text()
    for struct in (types.Plugin, types.Upstream, types.Operation, types.Parameter, types.Auth,
                   types.Credential, types.ServiceAuth, types.OAuth):  # fmt: skip
        for name in struct.__struct_encode_fields__:
            assert f"`{name}`" in page, name


def test_every_command_of_the_program_is_in_the_readme() -> None:
    page = (ROOT / "README.md").read_text()
    for name in main.commands:
        assert f"`gateway {name}" in page, name


def test_every_refusal_is_in_the_tree_at_the_top_of_its_module() -> None:
    tree = errors.__doc__ or ""
    kinds = errors.Refusal.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert re.search(rf"{kind.__name__}\s+(\d+|\*)\s", tree), kind.__name__
        status = re.search(rf"{kind.__name__}\s+(\d+|\*)", tree)
        assert status
        assert status[1] in (str(kind.status), "*")


def test_the_readme_names_only_files_that_are_there() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+?)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
