from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.shrinking import count
from tests.cli.specs import run

CONFIG = """
plugin: club
contact: a@example.com
upstream: {url: "https://club.example", credential: {bearer: "${CLUB_KEY}"}}
operations:
  getMembers:
    call: GET /members
    description: The members.
    returns:
      type: object
      properties:
        total: {type: integer}
        members:
          type: array
          items: {type: object, properties: {id: {type: integer}, name: {}, about: {}, note: {}}}
    fields: ["members.{id,name,about}"]
    drop: [empty]
    strings: {members.about: {max: 60}}
    limit_items: {members: 20}
    encode: table
    budget: 300
  getPage:
    call: GET /page
    description: A page.
    budget: 100
"""
WHOLE = {
    "total": 50,
    "members": [
        {"id": n, "name": f"Member {n}", "about": f"was the {n}th to come " * 10, "note": None}
        for n in range(50)
    ],
}


@pytest.fixture
def club(tmp_path: Path) -> Path:
    file = tmp_path / "club.yaml"
    file.write_text(CONFIG)
    (tmp_path / "members.json").write_text(json.dumps(WHOLE, indent=1))
    return file


def test_it_shows_what_each_rule_leaves_without_the_secrets(club: Path) -> None:
    result = run("shrink", club, "getMembers", club.parent / "members.json")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["step", "tokens", "bytes", "left"]
    steps = [line.partition("  ")[0].strip() for line in lines]
    assert steps[:3] == ["as sent", "minified", "fields"]
    assert "answer" in steps
    assert "100 %  ████████████████████████" in lines[0]
    assert "of the budget" in lines[-1]


def test_programs_get_exact_counts_and_the_answer_on_request(club: Path) -> None:
    file = club.parent / "members.json"
    said = json.loads(run("shrink", club, "getMembers", file, "--json").stdout)
    assert "answer" not in said
    assert said["budget"] == {"tokens": 300, "chars": 95_000}
    first, *_, last = said["steps"]
    assert first == {
        "step": "as sent",
        "tokens": count(file.read_bytes()),
        "bytes": file.stat().st_size,
    }
    assert last["step"] == "answer"
    assert last["tokens"] <= 300 < said["steps"][2]["tokens"] < first["tokens"]
    said = json.loads(run("shrink", club, "getMembers", file, "--json", "--answer").stdout)
    answer = said["answer"]
    assert (count(answer), len(answer.encode())) == (last["tokens"], last["bytes"])
    assert next(iter(json.loads(answer))) == "_shrunk"


def test_the_answer_alone_is_on_stdout_so_that_it_can_be_piped(club: Path) -> None:
    result = run("shrink", club, "getMembers", club.parent / "members.json", "--answer")
    assert "_shrunk" in json.loads(result.stdout)
    assert "as sent" in result.stderr


def test_what_is_not_json_is_shrunk_as_what_it_is_called(club: Path) -> None:
    file = club.parent / "page.html"
    file.write_text("<p>" + "One more sentence. " * 200)
    result = run("shrink", club, "getPage", file)
    assert result.exit_code == 2
    assert "page.html: it is not JSON; say what it is with --content-type" in result.stderr
    kind = ("--content-type", "text/html; charset=utf-8")
    result = run("shrink", club, "getPage", file, *kind, "--answer")
    assert result.exit_code == 0, result.output
    assert count(result.stdout.strip()) <= 100
    result = run("shrink", club, "getMembers", file, *kind)
    assert (result.exit_code, "nothing that `fields`" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("operation", "file", "told"),
    [
        ("getMembres", "members.json", "did you mean 'getMembers'? It has getMembers, getPage"),
        ("zzz", "members.json", "club has no operation 'zzz'; it has getMembers, getPage"),
        ("getMembers", "nothing.json", "nothing.json cannot be read: No such file"),
        ("getMembers", ".", "cannot be read: Is a directory"),
        ("getMembers", "empty.json", "empty.json is empty"),
        ("getMembers", "half.json", "half.json: it is not JSON"),
        ("getMembers", "deep.json", "deep.json: it is nested too deeply"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_cannot_be_done_is_2_and_told(
    club: Path, operation: str, file: str, told: str, form: tuple[str, ...]
) -> None:
    folder = club.parent
    (folder / "empty.json").write_text(" \n")
    (folder / "half.json").write_text('{"members": [1,')
    (folder / "deep.json").write_text("[" * 20_000 + "]" * 20_000)
    for command in (("shrink", club, operation, folder / file),
                    ("suggest", club, operation, "--from", folder / file)):  # fmt: skip
        result = run(*command, *form)
        assert result.exit_code == 2
        said = json.loads(result.stdout)["error"] if form else result.stderr
        assert told in said


def test_standard_input_is_read_and_several_plugins_are_refused(club: Path) -> None:
    arguments = ["shrink", str(club), "getPage", "-", "--json"]
    result = CliRunner().invoke(main, arguments, input=b'{"a": 1}')
    assert [one["bytes"] for one in json.loads(result.stdout)["steps"]] == [8, 7, 7]
    (club.parent / "other.yaml").write_text(CONFIG.replace("plugin: club", "plugin: other"))
    result = run("shrink", club.parent, "getPage", club.parent / "members.json")
    assert (result.exit_code, "holds 2 plugins; name one file" in result.stderr) == (2, True)
