"""Every file of cases/config: YAML, `# ---`, and the exact mistakes as comment lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import read_configs
from gateway.errors import Mistakes

CASES = Path(__file__).parents[1] / "cases" / "config"
SECRET = "s3cr3t-t0k3n-value"
ENV = {"TOKEN": SECRET, "EMPTY": "", "BROKEN": "s3cr3t\nt0k3n"}


@pytest.mark.parametrize("file", sorted(CASES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_config_gives_exactly_its_mistakes(file: Path) -> None:
    expected = file.read_text().partition("# ---\n")[2].splitlines()
    try:
        loaded = read_configs([file], ENV)
    except Mistakes as mistakes:
        found = ["# " + str(one).removeprefix(f"{file}:") for one in mistakes.mistakes]
    else:
        found = [
            f"# {one.line}:{one.column}: warning: {one.path}: {one.message}"
            for one in loaded[0].warnings
        ]
    assert found == expected
    text = "\n".join(found)
    assert not any(secret in text for secret in ("s3cr3t", "hunter2", "4711"))


def test_there_are_enough_cases() -> None:
    assert len(list(CASES.glob("*.yaml"))) >= 40


def test_ten_different_mistakes_are_shown_at_once() -> None:
    expected = (CASES / "ten_mistakes.yaml").read_text().partition("# ---\n")[2].splitlines()
    assert len(expected) == 10
    assert len({line.split(":")[1] for line in expected}) > 1
    assert sum("did you mean" in line for line in expected) >= 3
