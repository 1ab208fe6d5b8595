from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.config import read_configs, types
from tests.cli.specs import OPERATIONS, SHOP, run, shop


def test_it_lists_what_a_model_would_see_and_what_it_costs(tmp_path: Path) -> None:
    result = run("ops", shop(tmp_path), "--state", tmp_path)
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["operation", "tokens", "degraded", "address", "summary"]
    assert [line.split()[0] for line in lines] == OPERATIONS
    assert "(deprecated)" in lines[2]
    assert lines[3].split()[1:3] == ["lost", "1"]
    assert result.stderr == "4 operations\n"


def test_programs_get_all_of_it(tmp_path: Path) -> None:
    file = shop(tmp_path)
    said = json.loads(run("ops", file, "--state", tmp_path, "--json").stdout)
    assert (said["total"], said["matched"]) == (4, 4)
    first, *_, last = said["operations"]
    assert first["tokens"] > 50
    assert (first["method"], first["path"], first["degraded"]) == ("GET", "/invoices", [])
    assert last["tokens"] is None
    assert "cannot be served" in last["degraded"][0]


def test_a_search_ranks_and_limits(tmp_path: Path) -> None:
    file = shop(tmp_path)
    said = json.loads(
        run(
            "ops", file, "--search", "add invoice", "--limit", 2, "--state", tmp_path, "--json"
        ).stdout
    )
    assert said["matched"] == 3
    assert said["operations"][0]["name"] == "addInvoice"
    assert len(said["operations"]) == 2


def test_words_that_match_nothing_are_1_with_the_nearest(tmp_path: Path) -> None:
    result = run("ops", shop(tmp_path), "--search", "invocie", "--state", tmp_path)
    assert result.exit_code == 1
    assert "nearest words: invoice" in result.stderr
    assert run("ops", shop(tmp_path), "--search", " ").exit_code == 2


def test_a_spec_that_cannot_be_read_is_2_and_one_that_may_be_had_later_is_1(tmp_path: Path) -> None:
    result = run("ops", tmp_path / "none.yaml")
    assert (result.exit_code, "is not there" in result.stderr) == (2, True)
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><html></html>")
    result = run("ops", page, "--state", tmp_path, "--json")
    assert (result.exit_code, "a web page" in json.loads(result.stdout)["error"]) == (2, True)
    result = run("ops", "http://127.0.0.1:1/openapi.json", "--state", tmp_path)
    assert (result.exit_code, "cannot be reached" in result.stderr) == (1, True)
    assert "ssl" not in result.stderr


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (".", "is a directory; give the file"),
        ("", "no spec is named"),
        ("a" * 300, "cannot be read: File name too long"),
        ("loop/openapi.yaml", "cannot be read: Too many levels of symbolic links"),
        ("config.yaml", "is a plugin's config, not an OpenAPI document"),
    ],
)
def test_what_is_no_spec_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "config.yaml").write_text("plugin: shop\nspec: shop.yaml\noperations: all\n")
    result = run("ops", spec, "--state", tmp_path)
    assert (result.exit_code, text in result.stderr) == (2, True), result.stderr


async def test_a_spec_behind_a_key_is_had_with_a_header(
    tmp_path: Path, aiohttp_server: Any
) -> None:
    async def document(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer a-key-of-mine":
            return web.Response(status=401)
        return web.Response(text=SHOP.replace("List invoices", "List a-key-of-mine"))

    app = web.Application()
    app.router.add_get("/openapi.yaml", document)
    server = await aiohttp_server(app)
    url, state = str(server.make_url("/openapi.yaml")), ("--state", tmp_path / "state")
    key = ("-H", "Authorization: Bearer a-key-of-mine")
    without = await asyncio.to_thread(run, "ops", url, *state)
    assert "answers 401, not a spec; if it wants a key, give --header" in without.stderr
    wrong = await asyncio.to_thread(run, "ops", url, "-H", "Authorization: Bearer wrong", *state)
    assert "the headers given were refused" in wrong.stderr
    assert (without.exit_code, wrong.exit_code) == (2, 2)
    for command in (("ops", url), ("trim", url, "all"), ("init", url, "-o", tmp_path / "s.yaml")):
        got = await asyncio.to_thread(run, *command, *key, *state)
        assert got.exit_code == 0, got.output
        assert "a-key-of-mine" not in got.output
    (loaded,) = read_configs(
        [tmp_path / "s.yaml"],
        {"SHOP_API_KEY": "another-key", "SHOP_SPEC_AUTHORIZATION": "Bearer a-key-of-mine"},
    )
    spec = loaded.plugin.spec
    assert isinstance(spec, types.SpecSource)
    assert (spec.url, spec.headers) == (url, {"Authorization": "Bearer a-key-of-mine"})
    assert "export SHOP_SPEC_AUTHORIZATION=… before" in got.stderr
    assert run("ops", shop(tmp_path), *key).exit_code == 2  # a file is asked for nothing


def test_texts_of_a_spec_do_not_steer_the_terminal(tmp_path: Path) -> None:
    text = SHOP.replace("summary: List invoices", 'summary: "a\\e[31m\\x9b[bold]x\\u202E\\r\\nb"')
    result = run("ops", shop(tmp_path, text), "--state", tmp_path)
    assert "a [31m [bold]x b" in result.stdout
    assert len(result.stdout.splitlines()) == 5


def test_a_spec_in_several_files_is_listed_whole(tmp_path: Path) -> None:
    (tmp_path / "paths.yaml").write_text("get: {operationId: far, summary: Far away}\n")
    text = SHOP.replace("  /health:", "  /far: {$ref: paths.yaml}\n  /health:")
    result = run("ops", shop(tmp_path, text), "--search", "away", "--state", tmp_path)
    assert "far " in result.stdout, result.output


@pytest.mark.parametrize("count", [50, 51])
def test_tokens_are_counted_of_few_only(tmp_path: Path, count: int) -> None:
    paths = "".join(f"  /p{n}: {{get: {{summary: P{n}}}}}\n" for n in range(count))
    file = shop(tmp_path, f"openapi: 3.0.3\npaths:\n{paths}")
    result = run("ops", file, "--state", tmp_path)
    assert ("tokens" in result.stdout) == (count == 50)
    assert ("narrow with --search" in result.stderr) == (count == 51)
    assert len(result.stdout.splitlines()) == count + 1
