"""`check` of several plugins, and where no secrets are."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.specs import run

ROOT = Path(__file__).parents[2]
ONE = """plugin: one
contact: a@example.com
description: Prices of stocks and funds on the exchanges of Europe, not of America.
upstream: {url: "http://127.0.0.1:1"}
operations:
  getPrice:
    call: GET /price
    description: The latest price of one stock by its ticker, and nothing else.
  findCompany:
    call: GET /find
    description: Companies by a part of their names, with their tickers.
"""


def reports(tmp_path: Path, *texts: str, **env: str) -> list[dict[str, Any]]:
    files = []
    for number, text in enumerate(texts):
        files.append(tmp_path / f"plugin{number}.yaml")
        files[-1].write_text(text)
    result = run("check", *files, "--state", tmp_path / "state", "--json", **env)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def other(text: str = ONE, **changes: str) -> str:
    """A second plugin, as one copies and changes a first."""
    text = text.replace("plugin: one", "plugin: two")
    for old, new in changes.items():
        assert old.replace("_", " ") in text
        text = text.replace(old.replace("_", " "), new)
    return text


OTHER_WORDS = {
    "getPrice": "getRate",
    "findCompany": "findBank",
    "Prices_of_stocks_and_funds_on_the_exchanges_of_Europe,_not_of_America.": "Rates of banks.",
    "The_latest_price_of_one_stock_by_its_ticker,_and_nothing_else.": "Interest of a bank.",
    "Companies_by_a_part_of_their_names,_with_their_tickers.": "Banks near to an address.",
}


def test_plugins_about_different_things_are_fine(tmp_path: Path) -> None:
    first, second = reports(tmp_path, ONE, other(**OTHER_WORDS))
    assert first["warnings"] == second["warnings"] == []


def test_the_repository_s_own_plugins_are_fine(tmp_path: Path) -> None:
    files = sorted((ROOT / "configs").glob("*.yaml"))
    found = json.loads(run("check", *files, "--state", tmp_path, "--json").stdout)
    assert [one["warnings"] for one in found] == [[], []]


def test_operations_of_one_name_are_warned_of_with_both_places(tmp_path: Path) -> None:
    words = {**OTHER_WORDS, "getPrice": "getprice"}
    first, second = reports(tmp_path, ONE, other(**words))
    (warning,) = second["warnings"]
    assert first["warnings"] == []
    assert "plugin1.yaml:6:3: operations.getprice: one has an operation 'getPrice'" in warning
    assert "plugin0.yaml:6:" in warning
    assert "give one of them a name" in warning


def test_descriptions_that_are_nearly_the_same_are_warned_of(tmp_path: Path) -> None:
    words = {
        **OTHER_WORDS,
        "Prices_of_stocks_and_funds_on_the_exchanges_of_Europe,_not_of_America.":
            "Prices of stocks and funds on all the exchanges of Europe, not America.",
        "The_latest_price_of_one_stock_by_its_ticker,_and_nothing_else.":
            "The latest price of a stock by its ticker and nothing else at all.",
    }  # fmt: skip
    _, second = reports(tmp_path, ONE, other(**words))
    plugin, operation = second["warnings"]
    assert "plugin1.yaml:3:14: description: two is described nearly as one is, at" in plugin
    assert "plugin1.yaml:8:18: operations.getRate.description: 'getRate' is described" in operation
    assert "plugin0.yaml:8 (" in operation
    assert "say in each description what only this one does" in operation


def test_a_whole_copy_is_no_flood(tmp_path: Path) -> None:
    operations = "".join(
        f"  get{n}: {{call: GET /{n}, description: Tells about number {n} of them all.}}\n"
        for n in range(20)
    )
    text = ONE + operations
    _, second = reports(tmp_path, text, other(text))
    assert len(second["warnings"]) == 11
    assert "13 more of its operations are like those of one" in second["warnings"][-1]


SECRETS = """plugin: one
contact: a@example.com
upstream:
  url: "${URL}"
  credential: [{basic: {username: "${USER_NAME}", password: "${PASSWORD}"}}, {query: {name: k, value: "${K}"}}]
  headers: {X-Place: "${PLACE}"}
auth: {service: {scheme: basic, tokens: {a: "${TOKEN}", b: "${OTHER}"}}}
operations:
  getPrice: {call: GET /price, description: The price.}
"""  # noqa: E501


def test_secrets_that_are_not_set_are_notes_and_no_mistakes(tmp_path: Path) -> None:
    (report,) = reports(tmp_path, SECRETS)
    assert report["warnings"] == []
    assert len(report["unset"]) == 7
    assert (
        "plugin0.yaml:4:8: upstream.url: the environment variable URL is not set: `serve` needs it"
        in report["unset"][0]
    )
    file = tmp_path / "plugin0.yaml"
    assert run("check", file, "--strict", "--state", tmp_path).exit_code == 0
    assert run("serve", file, "--port", 0, "--state", tmp_path).exit_code == 2


def test_a_mistake_beside_a_secret_that_is_not_set_is_the_only_one(tmp_path: Path) -> None:
    file = tmp_path / "plugin.yaml"
    file.write_text(SECRETS.replace("contact", "contcat"))
    result = run("check", file, "--state", tmp_path, "--json")
    assert result.exit_code == 2
    (mistake,) = json.loads(result.stdout)["mistakes"]
    assert "did you mean 'contact'?" in mistake["message"]


def test_where_nothing_can_stand_in_the_variable_is_the_mistake(tmp_path: Path) -> None:
    file = tmp_path / "plugin.yaml"
    file.write_text(SECRETS.replace('"${URL}"', '"ftp://${URL}"'))
    result = run("check", file, "--state", tmp_path, "--json")
    assert result.exit_code == 2
    first, *_ = json.loads(result.stdout)["mistakes"]
    assert first["message"] == "the environment variable URL is not set"


def test_a_pin_of_the_wrong_type_is_not_blamed_on_what_stands_in(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "openapi: 3.0.3\nservers: [{url: 'http://127.0.0.1:1'}]\n"
        "paths: {/a: {get: {operationId: a, parameters: [\n"
        "  {name: n, in: query, schema: {type: string, enum: [x, y]}}]}}}\n"
    )
    file = tmp_path / "plugin.yaml"
    file.write_text(
        'plugin: one\nspec: spec.yaml\noperations: {a: {parameters: {n: {pin: "${N}"}}}}\n'
    )
    result = run("check", file, "--state", tmp_path, "--json")
    assert result.exit_code == 2
    (mistake,) = json.loads(result.stdout)["mistakes"]
    assert "N is not set" in mistake["message"]


@pytest.mark.parametrize("name", ["a.yaml", "b.yaml"])
def test_each_note_stands_with_its_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SECRETS)
    (tmp_path / "c.yaml").write_text(other())
    found = json.loads(run("check", tmp_path, "--state", tmp_path / "s", "--json").stdout)
    assert {one["plugin"]: len(one["unset"]) for one in found} == {"one": 7, "two": 0}


def test_a_client_secret_that_is_not_set_is_no_client_without_one(tmp_path: Path) -> None:
    auth = """auth:
  oauth:
    client_url: https://login.example/authorize
    token_url: https://login.example/token
    client_id: gateway
    client_secret: "${UNSET_SECRET}"
    redirect_uris: [https://chatgpt.com/aip/g-1/oauth/callback]
"""
    (report,) = reports(tmp_path, ONE + auth)
    (note,) = report["unset"]
    assert "UNSET_SECRET is not set" in note


async def test_a_key_of_a_spec_that_is_not_set_is_named(tmp_path: Path, upstream: Any) -> None:
    upstream.says({}, status=401)
    spec = f'{{url: "{upstream.url}/openapi.json", headers: {{X-Key: "${{SPEC_KEY}}"}}}}'
    file = tmp_path / "a.yaml"
    file.write_text(f"plugin: a\nspec: {spec}\noperations: all\n")
    command = ("check", file, "--state", tmp_path / "state")
    unset = await asyncio.to_thread(run, *command)
    assert unset.exit_code == 2
    assert "spec.headers.X-Key: the environment variable SPEC_KEY is not set" in unset.stderr
    assert "and without it" in unset.stderr
    assert "answers 401" in unset.stderr
    wrong = await asyncio.to_thread(run, *command, SPEC_KEY="a-wrong-key")
    assert "the headers given were refused" in wrong.stderr
    assert "write spec:" not in wrong.stderr
