from __future__ import annotations

from pathlib import Path

from gateway.config import read_configs, types
from gateway.config.cascade import Settings, settings

TEXT = """
plugin: weather
spec: a.yaml
upstream: {timeout: 8s, max_bytes: 1MiB}
limit: 30/min
cache: 60s
budget: 4000
drop: [empty]
parameters:
  a: {pin: 1}
  b: {description: The plugin's., default: 5}
operations:
  plain:
  off: {limit: no, cache: no, budget: no, drop: []}
  own:
    limit: 5/s
    cache: 1d
    budget: {tokens: 500, chars: 2000}
    timeout: 2s
    max_bytes: 10KiB
    parameters: {b: {description: The operation's.}, c: hide}
"""


def of(tmp_path: Path, name: str, text: str = TEXT) -> Settings:
    file = tmp_path / "plugin.yaml"
    file.write_text(text)
    plugin = read_configs([file], {})[0].plugin
    assert isinstance(plugin.operations, dict)
    return settings(plugin, plugin.operations[name] or types.Operation())


def test_what_an_operation_does_not_say_is_the_plugins(tmp_path: Path) -> None:
    found = of(tmp_path, "plain")
    assert (found.limit.count, found.cache, found.budget.tokens) == (30, 60.0, 4000)
    assert (found.drop, found.timeout, found.max_bytes) == (("empty",), 8.0, 1024**2)
    assert set(found.parameters) == {"a", "b"}


def test_what_an_operation_says_replaces_the_plugins_whole(tmp_path: Path) -> None:
    found = of(tmp_path, "own")
    assert (found.limit.count, found.limit.seconds, found.cache) == (5, 1.0, 86400.0)
    assert (found.budget.tokens, found.budget.chars) == (500, 2000)
    assert (found.timeout, found.max_bytes) == (2.0, 10 * 1024)


def test_no_and_an_empty_list_switch_off(tmp_path: Path) -> None:
    found = of(tmp_path, "off")
    assert (bool(found.limit), found.cache, bool(found.budget), found.drop) == (
        False,
        0.0,
        False,
        (),
    )


def test_only_parameters_merge_by_name_and_an_entry_replaces_the_whole_entry(
    tmp_path: Path,
) -> None:
    found = of(tmp_path, "own").parameters
    assert set(found) == {"a", "b", "c"}
    assert found["c"] == "hide"
    entry = found["b"]
    assert isinstance(entry, types.Parameter)
    assert (entry.description, entry.default) == ("The operation's.", types.UNSET)


def test_nothing_said_anywhere_is_no_limit_and_no_word_on_freshness(tmp_path: Path) -> None:
    text = "plugin: a\nspec: a.yaml\noperations: {x: {}}\n"
    found = of(tmp_path, "x", text)
    assert (bool(found.limit), found.cache, found.budget.tokens) == (False, None, 8000)
    assert (found.drop, found.timeout, found.max_bytes) == ((), 30.0, 10 * 1024**2)
