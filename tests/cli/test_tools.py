from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.specs import run

CONFIG = """
plugin: notes
upstream: {url: "https://notes.example", credential: {bearer: "${NOTES_KEY}"}}
operations:
  findNotes:
    call: GET /notes
    description: Find notes.
    parameters: {word: {in: query, type: string}}
"""
LOOSE = """
  addNote:
    call: POST /notes
    description: Add a note.
    body: {type: object, properties: {labels: {type: object}}}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.yaml"
    file.write_text(CONFIG)
    return file


def test_it_prints_the_document_without_the_secrets_and_the_cost_beside_it(notes: Path) -> None:
    result = run("tools", notes, "--for", "openai")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [one["name"] for one in document] == ["findNotes", "getMore"]
    head, *rows = result.stderr.splitlines()
    assert head.split() == ["tool", "tokens", "strict"]
    assert [row.split()[0] for row in rows] == ["findNotes", "getMore", "all"]
    tokens = [int(row.split()[1]) for row in rows]
    assert tokens[0] + tokens[1] == tokens[2]


def test_the_table_can_be_had_alone(notes: Path) -> None:
    result = run("tools", notes, "--for", "gemini", "--table")
    assert result.stdout.split()[:2] == ["tool", "tokens"]
    assert "strict" not in result.stdout
    assert result.stderr == ""


def test_for_programs_document_and_notes_stand_in_one(notes: Path) -> None:
    notes.write_text(CONFIG + LOOSE)
    got = json.loads(run("tools", notes, "--for", "openai", "--json").stdout)
    assert (got["plugin"], got["for"], len(got["document"])) == ("notes", "openai", 3)
    by_name = {one["name"]: one for one in got["tools"]}
    assert by_name["findNotes"]["strict"] is True
    assert by_name["addNote"]["strict"] is False
    assert by_name["addNote"]["notes"][-1].startswith("not strict: 'labels'")


def test_strict_leaves_with_1_where_a_tool_is_not(notes: Path) -> None:
    assert run("tools", notes, "--for", "openai", "--strict").exit_code == 0
    notes.write_text(CONFIG + LOOSE)
    result = run("tools", notes, "--for", "openai", "--strict", "--table")
    assert result.exit_code == 1
    assert "addNote: not strict: 'labels' is an object whose members" in result.stdout
    assert run("tools", notes, "--for", "openai").exit_code == 0
    assert run("tools", notes, "--for", "anthropic", "--strict").exit_code == 0


def test_check_says_what_cannot_be_strict(notes: Path) -> None:
    notes.write_text(CONFIG + LOOSE)
    result = run("check", notes)
    assert "POST /notes: as a tool not strict: 'labels'" in " ".join(result.stdout.split())


def test_whom_it_is_for_has_to_be_said(notes: Path) -> None:
    result = run("tools", notes)
    assert result.exit_code == 2
    assert "--for" in result.output
