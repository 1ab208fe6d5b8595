"""`check --for`: what a platform does not take, where, by how much, and what to write instead."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.faces.platforms import PLATFORMS
from tests.cli.specs import run
from tests.conftest import Serve, Upstream

CONFIG = """plugin: shop
contact: a@example.com
{more}upstream: {{url: "http://127.0.0.1:1"}}
operations:
  findItems:
    call: GET /items
    description: Find items by a part of their names.
    {own}returns:
      type: object
      properties: {{items: {{type: array, items: {{type: object, properties: {{name: {{}}}}}}}}}}
"""


def config(directory: Path, more: str = "", own: str = "") -> Path:
    file = directory / "shop.yaml"
    file.write_text(CONFIG.format(more=more, own=own and f"{own}\n    "))
    return file


def mistakes(file: Path, platform: str) -> list[tuple[int, str, str]]:
    result = run("check", "--for", platform, file, "--json")
    if result.exit_code != 2:
        assert result.exit_code == 0, result.output
        return []
    found = json.loads(result.stdout)["mistakes"]
    return [(one["line"], one["path"], one["message"]) for one in found]


def report(file: Path, *options: str) -> dict[str, Any]:
    result = run("check", file, "--json", *options)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    return dict(found)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_modest_plugin_is_taken_by_each(tmp_path: Path, platform: str) -> None:
    file = config(tmp_path, own="limit_items: {items: 25}")
    assert mistakes(file, platform) == []
    rows = report(file, "--for", platform)["limits"]
    assert not any(row["over"] for row in rows)
    assert {row["platform"] for row in rows} == {"chatgpt-plugin", "actions", platform}


def test_what_is_over_says_where_by_how_much_and_what_to_write(tmp_path: Path) -> None:
    file = config(tmp_path, "title: A name that is too long\n", "budget: 5000")
    source = "(Microsoft's documentation of Copilot plugins)"
    title = "name_for_human is 23 characters, at most 20 are taken, so 3 too many"
    budget = "budget of findItems is 5,000 tokens, at most 4,096 are taken, so 904 too many"
    assert mistakes(file, "copilot") == [
        (3, "title", f"copilot: {title} {source}; write a shorter `title`"),
        (9, "operations.findItems.budget", f"copilot: {budget} {source}; write budget: 4000"),
    ]
    assert mistakes(file, "claude") == []


def test_an_answer_without_a_bound_is_too_long_for_claude(tmp_path: Path) -> None:
    ((line, path, text),) = mistakes(config(tmp_path, "budget: no\n"), "claude")
    assert (line, path) == (3, "budget")
    assert "has no bound, at most 25,000 tokens are taken" in text
    assert text.endswith("write budget: 25000")


def test_what_is_taken_badly_is_a_warning_and_only_for_who_asks(tmp_path: Path) -> None:
    file = config(tmp_path)
    (warning,) = report(file, "--for", "copilot")["warnings"]
    assert warning.startswith(f"{file}:5:3: operations.findItems.limit_items: copilot: ")
    assert "limit_items of findItems has no bound, at most 25 items" in warning
    assert warning.endswith("write limit_items: {items: 25}")
    assert run("check", "--strict", "--for", "copilot", file).exit_code == 1
    assert run("check", "--strict", file).exit_code == 0
    assert report(file)["warnings"] == []


def test_a_reference_id_is_asked_for(tmp_path: Path) -> None:
    auth = 'auth: {service: {tokens: {a: "secret-of-ours"}%s}}\n'
    own = "limit_items: {items: 25}"
    ((line, path, text),) = mistakes(config(tmp_path, auth % "", own), "copilot")
    assert (line, path) == (3, "auth.service")
    assert "auth: service without a reference id is not taken" in text
    assert "secret-of-ours" not in text
    said = ", verification_tokens: {copilot: the-id}"
    assert mistakes(config(tmp_path, auth % said, own), "copilot") == []


def test_the_table_for_people_names_figures_and_no_bound(tmp_path: Path) -> None:
    result = run("check", config(tmp_path), "--for", "copilot", "--for", "cursor")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "copilot limit_items of findItems no bound 25 over" in lines
    assert "copilot name_for_human 4 20 ok" in lines
    assert any(line.startswith("cursor names shop and findItems 13 60 ok") for line in lines)


def test_a_platform_that_nobody_knows_is_told_with_those_there_are(tmp_path: Path) -> None:
    result = run("check", "--for", "gpt-actions", config(tmp_path))
    assert result.exit_code == 2
    for name in ("chatgpt-plugin", "actions", "copilot", "claude", "cursor"):
        assert f"'{name}'" in result.output


ODD = """openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: "%s"}]
paths:
  /items:
    get:
      operationId: findItems
      parameters:
      - {name: "ids[]", in: query, schema: {type: array, items: {type: string}}}
      - {name: ids, in: query, schema: {type: string}}
      - {name: $filter, in: query, schema: {type: string}}
      - {name: ünïcode, in: query, schema: {type: string}}
      - {name: "page.size", in: query, schema: {type: string}}
      responses: {"200": {description: ""}}
"""
SHORT = "plugin: shop\nspec: spec.yaml\noperations:\n  findItems:\n"
BETTER = """    parameters:
      ids_2: {from: "ids[]"}
      filter: {from: "$filter"}
      unicode: {from: "ünïcode"}
"""


async def test_a_name_for_which_claude_refuses_all_tools_has_a_better_one(
    tmp_path: Path, serve: Serve, upstream: Upstream
) -> None:
    (tmp_path / "spec.yaml").write_text(ODD % upstream.url)
    file = tmp_path / "shop.yaml"
    file.write_text(SHORT.replace(":\n  findItems:", ": [findItems]"))
    found = await asyncio.to_thread(mistakes, file, "claude")
    assert [text.partition(" (")[0] for _, _, text in found] == [
        f"claude: argument {name!r} of findItems is not taken"
        for name in ("ids[]", "$filter", "ünïcode")
    ]
    assert [text.rpartition("; ")[2] for _, _, text in found] == [
        'write parameters: {ids_2: {from: "ids[]"}}',
        'write parameters: {filter: {from: "$filter"}}',
        'write parameters: {unicode: {from: "ünïcode"}}',
    ]
    file.write_text(SHORT + BETTER)
    assert await asyncio.to_thread(mistakes, file, "claude") == []
    client = await serve(SHORT + BETTER, files={"spec.yaml": ODD % upstream.url})
    given = {"ids_2": ["1", "2"], "filter": "a", "unicode": "b"}
    answer = await client.request("POST", "/shop/call/findItems", json=given)
    assert answer.status == 200
    assert upstream.last.target == "/items?ids%5B%5D=1&ids%5B%5D=2&%24filter=a&%C3%BCn%C3%AFcode=b"
    file.write_text((SHORT + BETTER).replace("filter:", "$f:"))
    ((line, path, text),) = await asyncio.to_thread(mistakes, file, "claude")
    assert (line, path) == (7, "operations.findItems.parameters.$f")
    assert text.endswith("; name it f")
