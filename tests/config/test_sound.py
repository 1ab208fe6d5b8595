"""What is checked on when a part of a config is broken, and that nothing is blamed for it twice."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Loaded, ReadMistakes, read_configs
from gateway.errors import Mistakes
from gateway.plugin import build
from tests.config.test_read import LEAVES, TREES, VALID, changed, paths

SPEC: dict[str, Any] = yaml.safe_load("""
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: "https://api.example.com"}]
paths:
  /items/{id}:
    get:
      operationId: getItem
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: api_key, in: query, required: true, schema: {type: string}}
      responses:
        "200":
          description: ""
          content:
            application/json:
              schema:
                type: object
                properties: {name: {type: string}, tags: {type: array, items: {type: string}}}
""")
NO_SERVER = {**SPEC, "servers": []}


def partial(directory: Path, text: str) -> tuple[Loaded | None, ReadMistakes]:
    file = directory / "shop.yaml"
    file.write_text(text)
    with pytest.raises(ReadMistakes) as caught:
        read_configs([file], {})
    assert len(caught.value.partial) <= 1
    return next(iter(caught.value.partial), None), caught.value


def more(directory: Path, text: str, document: dict[str, Any] | None = SPEC) -> list[str]:
    """What the spec adds to the mistakes of the reading, as places and messages."""
    loaded, found = partial(directory, text)
    assert loaded is not None
    assert not loaded.whole
    try:
        build(loaded, document)
    except Mistakes as mistakes:
        told = found.joined(mistakes.mistakes).mistakes
        assert list(told) == sorted(set(told), key=lambda one: (one.line, one.column))
        new = [one for one in told if one not in found.mistakes]
        return [f"{one.line}:{one.column}: {one.path}: {one.message}" for one in new]
    return []


def test_what_only_the_spec_can_tell_is_found_beside_other_mistakes(tmp_path: Path) -> None:
    text = """plugin: shop
spec: spec.yaml
limit: lots
operations:
  getItem: {fields: [name, zzz]}
  getAll:
"""
    assert more(tmp_path, text) == [
        "5:28: operations.getItem.fields: 'zzz' is not in the response; there: name, tags",
        "6:10: operations.getAll: no operation is 'getAll' in the spec",
    ]


def test_of_a_list_only_the_broken_items_are_left_out(tmp_path: Path) -> None:
    start = "plugin: shop\nspec: spec.yaml\n"
    assert more(tmp_path, start + "operations: [7, getItem, {}, getItems]\n")[0][:5] == "3:30:"
    text = start + "operations: {getItem: {fields: [7, name, zzz]}}\n"
    assert more(tmp_path, text)[0][:5] == "3:42:"


@pytest.mark.parametrize(
    "rest",
    [
        "operations: 5",
        "operations: {}",
        "operations: {getItem: 5}",
        "operations: {getItem: GET /items}",
        "operations: {item: {call: [GET, /items]}}",
        "operations: {item: {cal: GET /items/{id}}}",
        "operations: {getItem: {returns: 5, fields: [sum], limit_items: {sums: 1}}}",
        "operations: {getItem: {returns: {type: 5}, fields: [sum]}}",
        "operations: {getItem: {feilds: [tags as t], limit_items: {t: 1}}}",
        "operations: {getItem: {fields: 'tags as t', limit_items: {t: 1}}}",
        "operations: {getItem: {parameters: {item: {from: 7, default: 1}}}}",
        "operations: {getItem: {parameters: {item: {form: id, default: 1}}}}",
        "operations: {getItem: {parameters: {id: {values: 5, default: red}}}}",
        "operations: {getItem: {parameters: {id: {pin: '${UNSET}'}}}}",
        "operation: [getItem]",
    ],
)
def test_nothing_is_blamed_for_a_mistake_told_already(tmp_path: Path, rest: str) -> None:
    text = f"plugin: shop\nspec: spec.yaml\n{rest}\n"
    assert more(tmp_path, text.replace("/{id}", "")) == []


def test_parameters_of_a_broken_body_are_not_missed_in_it(tmp_path: Path) -> None:
    text = """plugin: shop
upstream: {url: "https://api.example.com"}
operations:
  add: {call: POST /items, body: BODY, parameters: {name: {description: Its name}}}
limit: lots
"""
    assert more(tmp_path, text.replace("BODY", "{type: 5}"), None) == []
    other = "{type: object, properties: {title: {type: string}}}"
    assert "takes no 'name'" in more(tmp_path, text.replace("BODY", other), None)[0]


@pytest.mark.parametrize(
    "upstream",
    ["{url: nope}", "https://api.example.com", "{url: '${UNSET}'}", "'${UNSET}'", "{ulr: nope}"],
)
def test_an_upstream_that_is_broken_is_not_looked_for_in_the_spec(
    tmp_path: Path, upstream: str
) -> None:
    start = "plugin: shop\nspec: spec.yaml\noperations: all\n"
    (found,) = more(tmp_path, start + "limit: lots\n", NO_SERVER)
    assert "names no server" in found
    assert more(tmp_path, start + f"upstream: {upstream}\n", NO_SERVER) == []


@pytest.mark.parametrize(
    "credential",
    ["{query: {name: api_key, value: '${UNSET}'}}", "{query: {name: api_key}}", "5"],
)
def test_what_a_broken_credential_would_send_may_still_be_hidden(
    tmp_path: Path, credential: str
) -> None:
    text = f"""plugin: shop
spec: spec.yaml
upstream: {{credential: {credential}}}
operations: {{getItem: {{parameters: {{api_key: hide}}}}}}
"""
    assert more(tmp_path, text) == []


@pytest.mark.parametrize(
    "spec", ["spec: 5", "spec: {}", "spec: ftp://a.example", "sepc: a.yaml",
             "spec: {url: 'https://a.example', headers: {A: '${UNSET}'}}"],
)  # fmt: skip
def test_without_its_spec_nothing_can_be_checked_against_it(tmp_path: Path, spec: str) -> None:
    assert partial(tmp_path, f"plugin: shop\n{spec}\noperations: [getItem]\n")[0] is None


def test_files_without_mistakes_are_among_what_is_checked_on(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("plugin: a\nspec: a.yaml\noperations: all\n")
    (tmp_path / "b.yaml").write_text("plugin: a\nspec: a.yaml\noperations: all\nlimit: lots\n")
    (tmp_path / "c.yaml").write_text("{")
    with pytest.raises(ReadMistakes) as caught:
        read_configs([tmp_path], {})
    assert [(one.file.name, one.whole) for one in caught.value.partial] == [
        ("a.yaml", True), ("b.yaml", False),
    ]  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_what_is_left_of_any_config_compiles_or_is_blamed(
    tmp_path: Path, data: st.DataObject
) -> None:
    tree = data.draw(st.sampled_from(VALID))
    path = data.draw(st.sampled_from(paths(tree)[1:]))
    file = tmp_path / "shop.yaml"
    file.write_text(
        yaml.safe_dump(changed(tree, path, data.draw(LEAVES | TREES)), allow_unicode=True)
    )
    try:
        read_configs([file], {"TOKEN": "a-stand-in"})
    except ReadMistakes as mistakes:
        for loaded in mistakes.partial:
            with contextlib.suppress(Mistakes):
                build(loaded, SPEC if loaded.plugin.spec else None)
