from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import yaml12
from tests.cli.specs import SHOP, run, shop
from tests.cli.test_init import FILES


def test_it_prints_the_document_of_the_named_operations(tmp_path: Path) -> None:
    result = run("trim", shop(tmp_path), "listInvoices", "--state", tmp_path)
    assert result.exit_code == 0, result.output
    document = yaml12.load(result.stdout)
    assert document["openapi"] == "3.0.3"
    assert list(document["paths"]) == ["/invoices"]
    assert list(document["paths"]["/invoices"]) == ["get"]
    assert "1 operation, " in result.stderr
    assert "tokens" in result.stderr


def test_both_versions_and_both_forms(tmp_path: Path) -> None:
    command = ("trim", shop(tmp_path), "GET /**", "addInvoice", "--openapi", "3.1")
    said = run(*command, "--state", tmp_path, "--json")
    document = json.loads(said.stdout)
    assert document["openapi"] == "3.1.1"
    assert list(document["paths"]) == ["/invoices", "/invoices/{id}"]
    assert yaml12.load(run(*command, "--state", tmp_path, "--yaml").stdout) == document
    assert run(*command, "--yaml", "--json").exit_code == 2


def test_all_is_every_operation_that_can_be_served(tmp_path: Path) -> None:
    result = run("trim", shop(tmp_path), "all", "--state", tmp_path)
    assert list(yaml12.load(result.stdout)["paths"]) == ["/invoices", "/invoices/{id}"]


def test_html_in_a_spec_is_not_served(tmp_path: Path) -> None:
    said = '"<p>Lists <a href=\\"https://a.example\\">the invoices</a> &amp; more, by <id>.</p>"'
    text = SHOP.replace("summary: List invoices", f"description: {said}")
    result = run("trim", shop(tmp_path, text), "listInvoices", "--state", tmp_path)
    served = yaml12.load(result.stdout)["paths"]["/invoices"]["get"]
    assert served["description"] == served["summary"] == "Lists the invoices & more, by <id>."
    assert "shortened" not in result.stderr


def test_a_wrong_name_is_2_with_the_nearest(tmp_path: Path) -> None:
    result = run("trim", shop(tmp_path), "listInvoice", "--state", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'listInvoices'?" in result.stderr


def test_a_call_that_changes_nothing_stays_one_when_it_is_served_as_a_post(tmp_path: Path) -> None:
    spec = "openapi: 3.2.0\npaths: {/a: {query: {operationId: ask}, delete: {operationId: drop}}}\n"
    text = ""
    for name in ("first.yaml", "second.yaml"):
        (tmp_path / name).write_text(text or spec)
        text = run("trim", tmp_path / name, "ask", "drop", "--state", tmp_path).stdout
        paths = yaml12.load(text)["paths"]
        assert paths["/ask"]["post"]["x-openai-isConsequential"] is False
        assert paths["/a"]["delete"]["x-openai-isConsequential"] is True


@pytest.mark.parametrize("version", ["3.0", "3.1"])
@pytest.mark.parametrize("file", FILES)
def test_what_is_trimmed_trims_to_itself(
    specs: Path, tmp_path: Path, file: str, version: str
) -> None:
    options = ("--openapi", version, "--state", tmp_path)
    listed = json.loads(
        run("ops", specs / file, "--limit", 12, "--json", "--state", tmp_path).stdout
    )
    names = [one["name"] for one in listed["operations"] if one["tokens"] is not None]
    first = run("trim", specs / file, *names, *options)
    assert first.exit_code == 0, first.output
    again = tmp_path / "again.yaml"
    again.write_text(first.stdout)
    assert run("trim", again, *names, *options).stdout == first.stdout
