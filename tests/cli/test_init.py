from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.config import read_configs
from tests.cli.specs import SHOP, run, shop

ROOT = Path(__file__).parents[2]
FILES = (
    "adyen_terminal_noopid.json",
    "alertmanager_swagger2.yaml",
    "balldontlie_multi/openapi.yml",
    "cafe_3.2.yaml",
    "figma_3.1.yaml",
    "grpcgw_abe_swagger2.json",
    "harbor_swagger2.yaml",
    "museum_3.1.yaml",
    "nytimes_most_popular_swagger2.json",
    "oai_callback_3.0.yaml",
    "oai_link_3.0.yaml",
    "oai_uspto_3.0.yaml",
    "openai_plugins_quickstart.yaml",
    "petstore_3.0.4.yaml",
    "petstore_3.2.yaml",
    "readme_callbacks_3.0.json",
    "readme_circular_3.0.json",
    "readme_circular_paths_3.0.json",
    "readme_discriminators_3.0.json",
    "readme_parameters_style_3.0.json",
    "readme_security_3.1.json",
    "readme_server_variables_3.0.json",
    "redocly_lint_3.2.yaml",
    "restbase_lists_anchors_fragment.yaml",
    "slack_swagger2.json",
    "spotify_fixed.yml",
    "spotify_restbench.json",
    "sse_3.2.yaml",
    "tmdb_restbench.json",
    "xero_accounting.yaml",
    "xero_bankfeeds_country_NO.yaml",
)


@pytest.mark.parametrize("file", FILES)
def test_what_is_written_of_a_real_spec_is_accepted_at_once(
    specs: Path, tmp_path: Path, file: str
) -> None:
    state = ("--state", tmp_path / "state")
    config = tmp_path / "plugin.yaml"
    made = run("init", specs / file, "-o", config, *state, "--json")
    assert made.exit_code == 0, made.output
    checked = run("check", config, *state, "--json")
    assert checked.exit_code == 0, checked.output
    (report,) = json.loads(checked.stdout)
    assert list(report["operations"]) == [*json.loads(made.stdout)["operations"], "getMore"]
    assert len(report["warnings"]) <= 2, report["warnings"]
    assert len(report["unset"]) == len(json.loads(made.stdout)["environment"])


def test_the_file_is_named_after_the_plugin_and_names_the_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = shop(tmp_path)
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path / "configs")
    result = run("init", os.path.relpath(spec), "--state", tmp_path / "state")
    assert result.exit_code == 0, result.output
    assert "wrote shop.yaml; now: gateway check shop.yaml" in result.stderr
    assert "export SHOP_API_KEY=…" in result.stderr
    (loaded,) = read_configs([Path("shop.yaml")], {"SHOP_API_KEY": "a-key-of-mine"})
    assert (loaded.plugin.plugin, loaded.plugin.spec) == ("shop", "../shop.yaml")
    assert loaded.plugin.upstream.url is None
    assert list(loaded.plugin.operations) == ["listInvoices", "addInvoice", "getInvoice"]


def test_a_directory_gets_a_file_named_after_the_plugin(tmp_path: Path) -> None:
    spec = shop(tmp_path)
    (tmp_path / "configs").mkdir()
    command = ("init", spec, "-o", tmp_path / "configs", "--state", tmp_path / "state")
    assert run(*command).exit_code == 0
    text = (tmp_path / "configs" / "shop.yaml").read_text()
    assert "\nspec: ../shop.yaml\n" in text or '\nspec: "../shop.yaml"\n' in text
    assert run(*command).exit_code == 2


def test_editors_find_the_schema(tmp_path: Path) -> None:
    spec, config = shop(tmp_path), tmp_path / "mine.yaml"
    run("init", spec, "-o", config, "--state", tmp_path / "state")
    first = config.read_text().partition("\n")[0]
    schema = Path(first.removeprefix("# yaml-language-server: $schema=file://"))
    assert schema == ROOT / "gateway" / "config" / "schema.json"
    here = run("init", spec, "-o", "-", "--state", tmp_path / "state").stdout
    assert Path.cwd() != ROOT or here.startswith(
        "# yaml-language-server: $schema=gateway/config/schema.json\n"
    )


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    spec, config = shop(tmp_path), tmp_path / "mine.yaml"
    config.write_text("mine")
    command = ("init", spec, "-o", config, "--state", tmp_path / "state")
    result = run(*command)
    assert (result.exit_code, config.read_text()) == (2, "mine")
    assert "--force" in result.stderr
    assert run(*command, "--force").exit_code == 0
    assert "plugin: shop" in config.read_text()


def test_a_dash_prints_it_and_writes_nothing(tmp_path: Path) -> None:
    spec = shop(tmp_path)
    before = set(tmp_path.iterdir())
    result = run("init", spec, "-o", "-", "--state", tmp_path.parent / "state")
    assert result.stdout.startswith("# yaml-language-server: $schema=")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--search", "add invoice"], ["addInvoice"]),
        (["--search", "add invoice", "--limit", 2], ["addInvoice", "listInvoices"]),
        (["--operations", "getInvoice"], ["getInvoice"]),
        (["--operations", "GET /invoices,addInvoice"], ["listInvoices", "addInvoice"]),
        (["--operations", "GET /**"], ["listInvoices", "getInvoice"]),
        (["--operations", "all"], ["listInvoices", "addInvoice", "getInvoice"]),
        (["--limit", 1], ["listInvoices"]),
    ],
)
def test_operations_are_chosen_as_one_likes(
    tmp_path: Path, options: list[object], names: list[str]
) -> None:
    said = run("init", shop(tmp_path), "-o", "-", "--state", tmp_path, "--json", *options)
    assert said.exit_code == 0, said.output
    assert list(json.loads(said.stdout)["operations"]) == names


def test_a_path_may_have_commas_of_its_own(tmp_path: Path) -> None:
    paths = "  /at/{lat},{lon}: {get: {}}\n  /b: {get: {operationId: b}}\n"
    spec = shop(tmp_path, f"openapi: 3.0.3\npaths:\n{paths}")
    command = ("init", spec, "-o", "-", "--state", tmp_path, "--json", "--operations")
    said = run(*command, "GET /at/{lat},{lon},b")
    assert list(json.loads(said.stdout)["operations"].values()) == ["GET /at/{lat},{lon}", "GET /b"]


def test_of_many_operations_the_first_that_only_read_are_taken_and_it_says_so(
    tmp_path: Path,
) -> None:
    paths = "".join(f"  /p{n}: {{post: {{}}, get: {{}}}}\n" for n in range(20))
    spec = shop(tmp_path, f"openapi: 3.0.3\ninfo: {{title: Many}}\npaths:\n{paths}")
    result = run("init", spec, "-o", "-", "--state", tmp_path)
    assert "the first 8 of 20 that only read; choose with --search or --operations" in result.stderr
    assert result.stdout.count("\n    call: GET /p") == 8
    assert "  # 32 more, left out:\n" in result.stdout
    assert "The spec names no server" in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--search", "weather"], 1, "none of 3 operations matches 'weather'"),
        (["--operations", "listInvoice"], 2, "did you mean 'listInvoices'?"),
        (["--operations", "traceHealth"], 2, "cannot be served"),
        (["--search", "a", "--operations", "b"], 2, "give one of them"),
        (["--operations", "listInvoices,addInvoice", "--limit", "1"], 2, "--limit goes without"),
        (["--operations", "list*"], 2, "ids take no `*`; a glob is a method and a path, such as"),
        (["--operations", "list*"], 2, "'GET /list*'"),
    ],
)
def test_a_wrong_choice_says_the_way_out(
    tmp_path: Path, options: list[str], code: int, text: str
) -> None:
    result = run("init", shop(tmp_path), "-o", tmp_path / "new.yaml", "--state", tmp_path, *options)
    assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "new.yaml").exists()


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = run("init", shop(tmp_path), "-o", tmp_path / "no" / "x.yaml", "--state", tmp_path)
    assert result.exit_code == 2
    assert "cannot be written: No such file" in result.stderr


def test_a_directory_that_ends_in_a_slash_is_made(tmp_path: Path) -> None:
    made = run("init", shop(tmp_path), "-o", f"{tmp_path}/new/", "--state", tmp_path / "state")
    assert made.exit_code == 0, made.output
    assert '\nspec: "../shop.yaml"\n' in (tmp_path / "new" / "shop.yaml").read_text()


@pytest.mark.parametrize("name", ["a" * 300, "loop/x.yaml", "loop/"])
def test_a_file_that_cannot_be_named_so_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    result = run("init", shop(tmp_path), "-o", f"{tmp_path}/{name}", "--state", tmp_path / "state")
    assert (result.exit_code, "cannot be written: " in result.stderr) == (2, True), result.output


def test_the_address_that_stands_for_none_is_warned_of(tmp_path: Path) -> None:
    text = "openapi: 3.0.3\ninfo: {title: None}\npaths: {/a: {get: {operationId: a}}}\n"
    state = ("--state", tmp_path / "state")
    run("init", shop(tmp_path, text), "-o", tmp_path / "none.yaml", *state)
    result = run("check", "--strict", tmp_path / "none.yaml", *state)
    assert result.exit_code == 1
    assert "upstream.url: a placeholder, where nobody answers" in result.stdout


PROOF = """
openapi: 3.0.3
info: {title: Chat}
servers: [{url: "https://chat.example"}]
paths:
  /a:
    get:
      operationId: a
      parameters:
        - {name: token, in: query, required: true, description: Authentication token., schema: {}}
        - {name: api_key, in: header, required: true, schema: {type: string}}
        - {name: page_token, in: query, required: true, schema: {type: string}}
        - {name: on, in: query, schema: {type: boolean, default: true}}
  /b: {get: {parameters: [{name: token, in: query, required: true, schema: {type: string}}]}}
"""


def test_a_proof_is_not_the_models_to_know(tmp_path: Path) -> None:
    config, state = tmp_path / "chat.yaml", ("--state", tmp_path / "state")
    made = run("init", shop(tmp_path, PROOF), "-o", config, *state)
    assert "to do  token: the model is asked for it" in made.stderr
    text = config.read_text()
    assert '    #   token: {pin: "${CHAT_TOKEN}"}   # not the model' in text
    assert "    #   page_token: {}   # required, string\n" in text
    assert "{}   # boolean, default true\n" in text
    (report,) = json.loads(run("check", config, *state, "--json").stdout)
    asked = [one for one in report["warnings"] if "the model is asked for" in one]
    assert [one.partition("the model is asked for ")[2][:20] for one in asked] == [
        "'token' in 1 operati", "'api_key' in 1 opera",
    ]  # fmt: skip
    pins = "parameters: {token: {pin: my-token-of-chat}, api_key: {pin: my-key-of-chat}}\n"
    config.write_text(text + pins)
    (report,) = json.loads(run("check", config, *state, "--json").stdout)
    assert not any("the model is asked for" in one for one in report["warnings"])


async def test_of_a_fetched_spec_another_host_is_written_down_to_be_looked_at(
    tmp_path: Path, aiohttp_server: Any
) -> None:
    async def document(_: web.Request) -> web.Response:
        return web.Response(text=SHOP)

    app = web.Application()
    app.router.add_get("/openapi.yaml", document)
    server = await aiohttp_server(app)
    url = str(server.make_url("/openapi.yaml"))
    made = await asyncio.to_thread(run, "init", url, "-o", tmp_path / "s.yaml", "--state", tmp_path)
    assert made.exit_code == 0, made.output
    assert "to do  upstream.url: The spec names this host, which is not its own" in made.stderr
    (loaded,) = read_configs([tmp_path / "s.yaml"], {"SHOP_API_KEY": "a-key-of-mine"})
    assert (loaded.plugin.spec, loaded.plugin.upstream.url) == (url, "https://shop.example/v1")
    checked = await asyncio.to_thread(run, "check", tmp_path / "s.yaml", "--state", tmp_path)
    assert checked.exit_code == 0, checked.output
