from __future__ import annotations

from pathlib import Path

import pytest

from gateway.choose import MOST, choose
from gateway.config import read_configs
from gateway.listing import Listed

LISTED = (
    Listed("GET", "/x/a", "getA", "", ()),
    Listed("GET", "/x/b", "getB", "", ()),
    Listed("GET", "/y/*", "getStar", "", ()),
)


def chosen(directory: Path, operations: str) -> tuple[list[str], list[str]]:
    file = directory / "a.yaml"
    file.write_text(f"plugin: a\nspec: a.json\noperations:\n  {operations}\n")
    (loaded,) = read_configs([file], {})
    found, mistakes = choose(loaded, LISTED)
    return [one.name for one in found], [str(one).removeprefix(f"{file}:") for one in mistakes]


def test_a_name_stands_for_one_operation_so_a_glob_is_the_key_itself(tmp_path: Path) -> None:
    names, mistakes = chosen(tmp_path, 'named: {call: "GET /x/*"}')
    assert names == []
    (mistake,) = mistakes
    assert mistake.startswith("4:17: operations.named.call: a glob stands as the key itself")
    assert mistake.endswith("write 'GET /x/*': {…}")
    assert chosen(tmp_path, '"GET /x/*": {limit: 3/min}') == (["getA", "getB"], [])


@pytest.mark.parametrize("call", ["GET /y/*", "getStar"])
def test_a_path_that_holds_a_star_itself_can_be_named(tmp_path: Path, call: str) -> None:
    assert chosen(tmp_path, f'named: {{call: "{call}"}}') == (["named"], [])


@pytest.mark.parametrize("operations", ["operations: all", 'operations: ["GET /**"]'])
def test_more_operations_than_anybody_can_tell_apart_are_a_mistake(
    tmp_path: Path, operations: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"plugin: a\nspec: a.json\n{operations}\n")
    (loaded,) = read_configs([file], {})
    many = [Listed("GET", f"/p{number}") for number in range(MOST + 1)]
    chosen, mistakes = choose(loaded, many)
    assert (chosen, len(mistakes)) == ((), 1)
    assert "5,001 operations are chosen, and a plugin serves at most 5,000" in str(mistakes[0])
    assert len(choose(loaded, many[1:])[0]) == MOST
