from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.common import out
from gateway.demo import configs_dir
from tests.cli.specs import run

SPEC = """
openapi: 3.1.0
info: {title: Club, version: "1"}
servers: [{url: "https://club.example"}]
paths:
  /members:
    get:
      operationId: getMembers
      responses:
        "200":
          description: ""
          content:
            application/json:
              schema:
                type: object
                properties:
                  total: {type: integer}
                  members: {type: array, items: {$ref: "#/components/schemas/Member"}}
  /members/{card}:
    get:
      operationId: getMember
      parameters: [{name: card, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: ""}}
components:
  schemas:
    Member:
      type: object
      properties:
        card: {type: string}
        name: {type: string}
        url: {type: string}
        joined: {type: string}
"""
CONFIG = """
plugin: club
contact: a@example.com
spec: spec.yaml
operations:
  getMembers: {}
  getMember: {}
"""
WHOLE = {
    "total": 120,
    "members": [
        {
            "card": f"c{n}x{n}",
            "name": f"Member {n}",
            "url": f"https://club.example/members/with/a/long/address/{n}",
            "joined": None,
            "title": "M.",
        }
        for n in range(120)
    ],
}


@pytest.fixture
def club(tmp_path: Path) -> Path:
    file = tmp_path / "club.yaml"
    file.write_text(CONFIG)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "members.json").write_text(json.dumps(WHOLE))
    return file


def suggested(club: Path, *more: Any) -> Any:
    return run("suggest", club, "getMembers", "--from", club.parent / "members.json", *more)


def test_it_ranks_paths_by_their_tokens(club: Path) -> None:
    result = suggested(club, "--top", 3)
    assert result.exit_code == 0, result.output
    head, first, second, _, rest, sent, *_ = result.stdout.splitlines()
    assert head.split() == ["path", "values", "tokens", "of", "all"]
    assert first.split()[:2] == ["members.url", "120"]
    assert first.endswith("█" * 24)
    assert second.split()[0] == "members.card"
    assert rest.startswith("3 more paths, ")
    assert sent.endswith("tokens as sent")


def test_the_ids_that_others_take_are_kept_and_what_the_spec_lacks_is_told(club: Path) -> None:
    result = suggested(club)
    assert "members.{card,name}" in result.stdout
    assert "ids that other operations take: members.card" in result.stderr
    assert "members.title; `returns:` declares them" in result.stderr


def test_the_lines_can_be_pasted_and_check_takes_them(club: Path) -> None:
    lines = suggested(club).stdout.partition("# below operations:")[2].splitlines()[1:]
    own = "\n".join(f"    {line}" for line in lines)
    club.write_text(CONFIG.replace("getMembers: {}", f"getMembers:\n{own}"))
    result = run("check", "--strict", club)
    assert result.exit_code == 0, result.output
    together = int(lines[-1].removeprefix("# together: ").partition(" ")[0].replace(",", ""))
    file = club.parent / "members.json"
    said = json.loads(run("shrink", club, "getMembers", file, "--json").stdout)
    assert said["steps"][-1]["tokens"] == together


def test_programs_get_weights_and_lines(club: Path) -> None:
    said = json.loads(suggested(club, "--json").stdout)
    assert said["weights"][0]["path"] == "members.url"
    assert said["proposed"]["fields"] == ["total", "members.{card,name}"]
    assert said["leaves"].keys() == said["proposed"].keys()
    assert said["together"] < min(said["leaves"].values()) < said["tokens"]
    assert said["unknown"] == ["members.title"]


def test_check_warns_of_an_id_that_is_taken_away(club: Path) -> None:
    club.write_text(CONFIG.replace("getMembers: {}", 'getMembers: {fields: ["members.name"]}'))
    (report,) = json.loads(run("check", club, "--json").stdout)
    (warning,) = report["warnings"]
    assert warning.startswith(f"{club}:6:")
    assert "'members.card' is taken away, which getMember (card) needs: keep it" in warning
    assert run("check", "--strict", club).exit_code == 1


def test_the_repositorys_configs_have_no_such_warning() -> None:
    for report in json.loads(run("check", configs_dir(), "--json").stdout):
        assert not [one for one in report["warnings"] if "taken away" in one]


def test_nothing_to_save_is_said(club: Path) -> None:
    (club.parent / "members.json").write_text('{"total": 0}')
    assert "nothing to propose" in suggested(club).stdout


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_figures_are_whole_however_long_paths_are(
    club: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", columns)
    long = "a_rather_long_name_of_a_member_" * 3
    file = club.parent / "members.json"
    file.write_text(json.dumps({"members": [{f"{long}{n}": "x" * 900 for n in range(5)}] * 1200}))
    said = json.loads(suggested(club, "--json").stdout)["weights"]
    rows = suggested(club).stdout.splitlines()[1 : len(said) + 1]
    for row, weight in zip(rows, said, strict=True):
        assert {f"{weight['values']:,}", f"{weight['tokens']:,}"} <= set(row.split())
        assert " % " in row
        assert "█" in row
        assert len(row.rstrip()) <= columns


def test_a_saved_answer_may_begin_with_a_byte_order_mark(club: Path) -> None:
    file = club.parent / "members.json"
    plain = suggested(club, "--json").stdout
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert json.loads(suggested(club, "--json").stdout)["proposed"] == json.loads(plain)["proposed"]
    file.write_bytes('{"total": 0}'.encode("utf-8-sig"))
    assert "nothing to propose" in suggested(club).stdout
