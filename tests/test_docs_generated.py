from __future__ import annotations

from pathlib import Path

import pytest

from gateway import docs


def test_generated_files_are_up_to_date() -> None:
    assert docs.stale() == []


def test_what_is_out_of_date_is_named_and_written(tmp_path: Path) -> None:
    for path, _ in docs.GENERATED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    every = [path for path, _ in docs.GENERATED]
    assert docs.stale(tmp_path) == every
    assert docs.write(tmp_path) == every
    assert docs.stale(tmp_path) == []
    (tmp_path / every[0]).write_text("something else")
    assert docs.stale(tmp_path) == every[:1]


def test_the_command_knows_two_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0
    assert docs.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
