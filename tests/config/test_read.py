from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Loaded, read_configs
from gateway.config.check import check
from gateway.errors import Mistake, Mistakes
from tests.config.test_cases import CASES, ENV

SHORT = "plugin: {name}\nspec: a.yaml\noperations: all\n"


def read(directory: Path, text: str | bytes, env: Mapping[str, str] | None = None) -> Loaded:
    file = directory / "plugin.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return read_configs([file], env or {})[0]


def mistakes(*paths: Path) -> list[Mistake]:
    with pytest.raises(Mistakes) as caught:
        read_configs(paths, {})
    return list(caught.value.mistakes)


# --- files --------------------------------------------------------------------------------------


def test_a_directory_means_its_yaml_files_in_order(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "readme.md", "c.json"):
        (tmp_path / name).write_text(SHORT.format(name=name[0]) if name[0] != "." else "[")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "spec.yaml").write_text("openapi: 3.1.0")
    assert [one.plugin.plugin for one in read_configs([tmp_path], {})] == ["a", "b"]


def test_a_spec_beside_its_config_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("plugin: a\nspec: part.yaml\noperations: all\n")
    (tmp_path / "part.yaml").write_text("$ref: 'more.json'\n")  # only its name tells
    (tmp_path / "spec.yaml").write_text("info: {title: A}\nopenapi: 3.1.0\n")
    (tmp_path / "old.yml").write_text('{"swagger": "2.0"}')
    (tmp_path / "large.yaml").write_text("openapi: 3.1.0\n#" + "a" * 1024 * 1024)
    assert [one.plugin.plugin for one in read_configs([tmp_path], {})] == ["a"]
    for name in ("spec.yaml", "old.yml", "large.yaml"):
        (one,) = mistakes(tmp_path / name)
        assert one.message == (
            "this is an OpenAPI document, not a config; `gateway init` writes a config for one"
        )
        assert len(mistakes(tmp_path, tmp_path / name)) == 1
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "part.yaml").unlink()
    (one,) = mistakes(tmp_path)
    assert (one.file, one.message.partition(":")[0]) == (
        str(tmp_path), "no config is in this directory, only specs",
    )  # fmt: skip


def test_a_config_that_another_names_as_its_spec_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("plugin: a\nspec: b.yaml\noperations: all\n")
    (tmp_path / "b.yaml").write_text(SHORT.format(name="b"))
    assert [one.plugin.plugin for one in read_configs([tmp_path], {})] == ["a", "b"]


def test_links_that_lead_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")
    (one,) = mistakes(tmp_path / "a.yaml")
    assert "ircle" in one.message or "loop" in one.message or "links" in one.message


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SHORT.format(name="a"))
    (tmp_path / "link.yaml").symlink_to(file)
    assert len(read_configs([file, tmp_path, file], {})) == 1


def test_what_is_no_readable_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("a" * (1024 * 1024 + 1))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "binary.yaml").write_bytes(b"plugin: \xff")
    (tmp_path / "none").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    names = ["big.yaml", "empty.yaml", "binary.yaml", "pipe.yaml", "absent.yaml", "none"]
    found = mistakes(*(tmp_path / name for name in names))
    texts = {Path(one.file).name: one.message for one in found}
    assert texts.keys() == set(names)
    assert "bytes" in texts["big.yaml"]
    assert "empty" in texts["empty.yaml"]
    assert "UTF-8" in texts["binary.yaml"]
    assert "regular file" in texts["pipe.yaml"]
    assert "No such file" in texts["absent.yaml"]


def test_mistakes_of_all_files_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "z.yaml").write_text("plugin: z\nlimit: lots\nspec: a\noperations: []\n")
    (tmp_path / "a.yaml").write_text("- a")
    found = mistakes(tmp_path / "z.yaml", tmp_path / "a.yaml")
    assert [(Path(one.file).name, one.line) for one in found] == [
        ("z.yaml", 2), ("z.yaml", 4), ("a.yaml", 1),
    ]  # fmt: skip


def test_names_and_hosts_are_unique_across_files_whatever_the_case(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SHORT.format(name="weather") + "hosts: [A.example, '*']\n")
    (tmp_path / "b.yaml").write_text("hosts: ['*', a.example]\n" + SHORT.format(name="Weather"))
    found = mistakes(tmp_path)
    assert [(Path(one.file).name, one.line, one.column, one.path) for one in found] == [
        ("b.yaml", 1, 9, "hosts"), ("b.yaml", 1, 14, "hosts"), ("b.yaml", 2, 9, "plugin"),
    ]  # fmt: skip
    assert f"{tmp_path / 'a.yaml'}:1:9" in found[2].message


def test_windows_line_ends_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    text = "\ufeff" + SHORT.format(name="a").replace("\n", "\r\n")
    assert read(tmp_path, text).plugin.plugin == "a"


# --- places -------------------------------------------------------------------------------------


def test_a_mistake_told_later_stands_at_its_place_or_the_nearest_there_is(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "plugin: a\nspec: a.yaml\noperations:\n  getA:\n    fields:\n      - a.b\n  getB:\n",
    )
    places = {
        ("spec",): (2, 7),
        ("operations", "getA"): (4, 3),
        ("operations", "getA", "fields"): (5, 5),
        ("operations", "getA", "fields", 0): (6, 9),
        ("operations", "getA", "limit_items", "data"): (4, 3),
        ("operations", "getC"): (3, 1),
        ("upstream", "url"): (1, 1),
    }
    for path, place in places.items():
        one = loaded.mistake(path, "x")
        assert (one.line, one.column) == place, path
    assert loaded.mistake(("operations", "getA", "fields", 0), "x").path == "operations.getA.fields"


# --- cascade of what is read ---------------------------------------------------------------------


def test_scalars_are_read_into_plain_units(tmp_path: Path) -> None:
    text = (
        SHORT.format(name="a")
        + "limit: 30/min\ncache: 1d\nupstream: {timeout: 500ms, max_bytes: 2KiB}"
    )
    plugin = read(tmp_path, text + "\nbudget: no\ndrop: no\n").plugin
    assert plugin.limit is not None
    assert (plugin.limit.count, plugin.limit.seconds) == (30, 60.0)
    assert (plugin.cache.ttl, plugin.upstream.timeout.total, plugin.upstream.max_bytes) == (
        86400,
        0.5,
        2048,
    )
    assert not plugin.budget
    assert plugin.drop == ()


def test_yaml_1_2_words_stay_words(tmp_path: Path) -> None:
    text = (
        "plugin: NO\nspec: on\noperations:\n  off:\n    parameters:\n"
        "      p: {values: {a: no, b: 18:00, c: 012, d: 2024-01-01, e: yes, f: 1.0}}\n"
    )
    plugin = read(tmp_path, text).plugin
    assert (plugin.plugin, plugin.spec) == ("NO", "on")
    assert isinstance(plugin.operations, dict)
    operation = plugin.operations["off"]
    assert operation is not None
    entry = operation.parameters["p"]
    assert entry != "hide"
    assert entry.values == {
        "a": "no", "b": "18:00", "c": "012", "d": "2024-01-01", "e": "yes", "f": 1.0,
    }  # fmt: skip


# --- nothing but mistakes ------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["plugin", "spec", "operations", "upstream", "auth", "service", "tokens", "credential",
     "header", "bearer", "url", "headers", "name", "value", "limit", "30/min", "cache", "no", "all",
     "hide", "parameters", "pin", "from", "in", "path", "GET /a/{b}", "call", "body", "returns",
     "${TOKEN}",
     "${UNSET}", "${", "$${", "https://a.example", "*", "", "a\n", "drop", "budget", "hosts",
     "fields", "limit_items", "forward", "type", "string", "minimum", "items", "properties",
     "oauth", "user"]
)  # fmt: skip
LEAVES = (
    WORDS
    | st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text("ab ", max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)
VALID = [yaml.safe_load((CASES / f"{name}.yaml").read_text()) for name in ("long_form", "in_place")]


def paths(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    return [path, *(below for key, one in items for below in paths(one, (*path, key)))]


def changed(tree: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(tree[path[0]], path[1:], new)
    return copy


def is_blamed_or_loaded(directory: Path, text: str | bytes) -> None:
    found: tuple[Mistake, ...] = ()
    try:
        assert read(directory, text, ENV).plugin.plugin
        return
    except Mistakes as caught:
        found = caught.mistakes
    assert found
    for one in found:
        assert one.line >= 1
        assert one.column >= 1
        assert "\n" not in str(one)
        assert "s3cr3t" not in str(one)


FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_any_text_is_loaded_or_blamed(tmp_path: Path, text: str | bytes) -> None:
    is_blamed_or_loaded(tmp_path, text)


@FUZZ
@given(TREES)
def test_any_tree_is_loaded_or_blamed(tmp_path: Path, tree: Any) -> None:
    is_blamed_or_loaded(tmp_path, yaml.safe_dump(tree, allow_unicode=True))


@FUZZ
@given(st.data())
def test_any_change_of_a_good_config_is_loaded_or_blamed(
    tmp_path: Path, data: st.DataObject
) -> None:
    tree = data.draw(st.sampled_from(VALID))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(tree)[1:]))
        tree = changed(tree, path, data.draw(TREES))
        if not paths(tree)[1:]:
            break
    is_blamed_or_loaded(tmp_path, yaml.safe_dump(tree, allow_unicode=True))


@FUZZ
@given(st.data())
def test_what_is_blamed_has_its_place_in_the_tree(tmp_path: Path, data: st.DataObject) -> None:
    tree = data.draw(st.sampled_from(VALID))
    path = data.draw(st.sampled_from(paths(tree)[1:]))
    new = data.draw(LEAVES)
    known = set(paths(changed(tree, path, new)))
    assert all(fault.path in known for fault in check(changed(tree, path, new)))
