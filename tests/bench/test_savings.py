"""What shrinking saves, and that what is left answers the questions. The payloads are shared and
no part of the project: without them those tests are skipped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.savings import main, said
from bench.savings.answers import Saving, of_folder, questions
from bench.savings.full import filled, nexts
from bench.savings.measure import (
    BUDGETS,
    FORMS,
    Cut,
    Saved,
    compiled,
    geometric,
    measure,
    rules_of,
)
from gateway.config.scalars import Budget
from gateway.shrinking import count
from gateway.shrinking.exact import tidy
from gateway.shrinking.table import tabled, untabled
from tests.conftest import DATA

PAYLOADS = DATA / "payloads"
QUESTIONS = questions()
here = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the shared payloads are not here")
MARK = "7f3c9e-marked"
MARKED_NUMBER = 987_654_321_012_345


def payloads() -> dict[str, Saving]:
    return {one.name: one for one in of_folder(PAYLOADS)} if PAYLOADS.is_dir() else {}


ALL = payloads()


def marked(value: Any, path: Sequence[str | int]) -> tuple[Any, str]:
    """A value with something at a path that stands nowhere else, and its text."""
    first, *rest = path
    changed = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        changed[first], text = marked(value[first], rest)
    elif isinstance(value[first], str):
        changed[first], text = MARK, MARK
    else:
        changed[first], text = MARKED_NUMBER, str(MARKED_NUMBER)
    return changed, text


@here
def test_there_are_five_questions_and_rules_for_each_payload() -> None:
    assert ALL.keys() == QUESTIONS.keys()
    assert all(one.rules for one in ALL.values())
    assert {len(several) for several in QUESTIONS.values()} == {5}


@here
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("form", ["fields", "with table"])
def test_what_the_fields_leave_answers_every_question(name: str, form: str) -> None:
    one = ALL[name]
    rules = rules_of(one, form)
    assert rules is not None
    shrinker = compiled(rules)
    whole = json.loads(one.body)
    answer = shrinker.shrink(one.body).body
    for question in QUESTIONS[name]:
        for path in question.needs:
            value: Any = whole
            for step in path:
                value = value[step]
            assert value not in (None, "", [], {}), path
            # The very value of this place comes through, not one like it from elsewhere.
            changed, mark = marked(whole, path)
            body = json.dumps(changed, ensure_ascii=False).encode()
            assert mark.encode() in shrinker.shrink(body).body, (question.ask, path)
            shown = untabled(answer).decode()
            assert json.dumps(value, ensure_ascii=False) in shown, (question.ask, path)


@here
def test_fields_and_tables_save_what_they_promise() -> None:
    rows = [measure(one) for one in ALL.values()]
    assert len(rows) == 16
    assert (geometric(rows, "table") or 1) <= 0.52
    assert (geometric(rows, "with table") or 1) <= 0.065
    # Once more, without what the command's table is made of.
    product = 1.0
    for one in ALL.values():
        rules = rules_of(one, "with table") or {}
        product *= count(compiled(rules).shrink(one.body).body) / count(one.body)
    assert product ** (1 / 16) == pytest.approx(geometric(rows, "with table"))
    full = [cut.filled for row in rows for cut in row.cuts.values()]
    assert len(full) == 37
    assert sorted(full)[len(full) // 2] >= 0.9
    assert min(full) >= 0.75


@here
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("tokens", BUDGETS)
def test_an_answer_fits_its_budget_and_nothing_that_comes_next_would(
    name: str, tokens: int
) -> None:
    body = ALL[name].body
    budget = Budget(tokens)
    text = compiled({"budget": budget}).shrink(body).body.decode()
    assert count(text) <= tokens
    assert len(text) <= budget.chars
    answer = json.loads(text)
    if "_shrunk" not in answer:
        assert text == tidy(body).decode() or text == '{"items":' + tidy(body).decode() + "}"
        return
    missing = nexts(json.loads(body), answer, budget)
    assert missing
    assert not [one for one in missing if one.fits]


@here
def test_tables_are_filled_as_well() -> None:
    """A row more of a table costs less than it does alone, so now and then one is missed."""
    full = []
    missed = 0
    for one in ALL.values():
        for tokens in BUDGETS:
            budget = Budget(tokens)
            text = compiled({"budget": budget, "encode": "table"}).shrink(one.body).body
            assert count(text) <= tokens
            answer = json.loads(text)
            told = answer.pop("_shrunk", None)
            if told is not None:
                plain = json.loads(untabled(tidy(json.dumps(answer).encode())))
                found = nexts(json.loads(one.body), {"_shrunk": told, **plain}, budget, tabled)
                missed += any(one.fits for one in found)
                full.append(filled(text.decode(), budget))
    assert len(full) == 28
    assert sorted(full)[14] >= 0.99
    assert missed <= 2


# --- of the measuring itself ------------------------------------------------------------------

ROWS = [{"id": number, "text": "word " * 20} for number in range(50)]


def cut(rows: list[Any]) -> dict[str, Any]:
    return {"_shrunk": {"items": {"kept": len(rows), "total": 50}}, "items": rows}


def test_a_row_that_would_fit_is_found() -> None:
    budget = Budget(500)
    (row,) = nexts(ROWS, cut(ROWS[:5]), budget)
    assert (row.path, row.what, row.fits) == (".items[5]", "row", True)


def test_a_row_that_would_not_fit_is_told_from_it() -> None:
    rows = 1
    while count(json.dumps(cut(ROWS[: rows + 1]), separators=(",", ":"))) <= 500:
        rows += 1
    (row,) = nexts(ROWS, cut(ROWS[:rows]), Budget(500))
    assert not row.fits
    assert row.cost < 1.1


def test_a_text_and_a_key_that_would_fit_are_found() -> None:
    whole = {"text": "word " * 20, "a": 1, "b": 2}
    found = nexts(whole, {"_shrunk": {}, "text": "word …", "a": 1}, Budget(500))
    assert {(one.path, one.what, one.fits) for one in found} == {
        (".text", "text", True),
        (".b", "key", True),
    }


def test_the_next_row_is_as_short_as_its_neighbours() -> None:
    long = [{"text": "word " * 2000} for _ in range(3)]
    (row, *_) = sorted(
        nexts(long, {"items": [{"text": "word " * 9 + "…"}]}, Budget(100)),
        key=lambda one: one.cost,
    )
    assert (row.what, row.fits) == ("row", True)


def test_fullness_is_by_tokens_or_characters() -> None:
    assert filled("word " * 10, Budget(100, 50)) == 1.0
    assert filled("word " * 10, Budget(22, 5000)) == 0.5


def test_the_command_measures_the_demos_answers() -> None:
    result = CliRunner().invoke(main, ["--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    rows = {one["name"]: one for one in said["answers"]}
    assert rows["getStats"]["forms"]["with table"] < rows["getStats"]["tokens"] / 3
    assert rows["getSeasonAverages"]["forms"]["fields"] is None
    assert rows["getStats"]["cuts"]["2000"]["tokens"] <= 2000
    assert said["geometric_means"]["with table"] < said["geometric_means"]["fields"] < 1
    assert said["cut"] == 7


def test_the_command_measures_a_folder_with_rules_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(ROWS))
    (tmp_path / "other.json").write_text("[1, 2]")
    rules = tmp_path / "rules.yaml"
    rules.write_text("list: {fields: [id]}")
    result = CliRunner().invoke(main, [str(tmp_path), "--rules", str(rules)])
    assert result.exit_code == 0, result.output
    head, first, second, means, *_ = result.stdout.splitlines()
    assert head.split()[:4] == ["answer", "tokens", "minified", "drop"]
    assert first.split()[0] == "list"
    assert len(second.split()) == 8  # no fields, no table of them
    assert means.startswith("geometric mean")


def test_a_folder_without_answers_and_rules_that_are_wrong_are_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert (result.exit_code, "holds no *.json" in result.output) == (2, True)
    (tmp_path / "page.json").write_text("<html>")
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert (result.exit_code, "page: it is not JSON" in result.output) == (1, True)
    (tmp_path / "page.json").write_text("{}")
    rules = tmp_path / "rules.yaml"
    rules.write_text('page: {fields: ["a{"]}')
    result = CliRunner().invoke(main, [str(tmp_path), "--rules", str(rules)])
    assert (result.exit_code, "page: fields: 'a{'" in result.output) == (1, True)


def test_an_answer_that_leaves_much_of_its_budget_free_is_explained() -> None:
    row = Saved("one", 9000, 9000, dict.fromkeys(FORMS), {8000: Cut(4000, 0.5, ".a", "row", 1.2)})
    assert said([row])[1:] == ["one, 8,000: 50% full; with the next row (.a) it would be 120%"]
