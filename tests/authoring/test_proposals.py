from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.authoring.proposals import Proposal, propose
from gateway.config.scalars import Budget
from gateway.shrinking import Rules, compile_shrinker, count
from gateway.shrinking.paths import Step
from tests.conftest import DATA

PAYLOADS = sorted((DATA / "payloads").glob("*.json"))
ROWS = [
    {
        "id": number,
        "name": f"Somebody {number}",
        "url": f"https://api.example/people/{number}",
        "avatar_url": f"https://pictures.example/of/{number}.png",
        "node_key": f"MDQ6VXNlcjE{number:08}",
        "group_id": number % 3,
        "score": number * 1.5,
        "type": "person",
        "note": None,
        "extra": {"a": "", "b": []},
    }
    for number in range(200)
]


def proposed(value: Any, schema: Any = None, **options: Any) -> tuple[Proposal, dict[str, Any]]:
    found = propose(json.dumps(value).encode(), schema, {}, **options)
    return found, {line.key: line.value for line in found.lines}


def test_telling_fields_are_kept_and_addresses_and_keys_for_machines_are_not() -> None:
    whole = {"people": ROWS, "total": 200, "request": "of no interest"}
    found, lines = proposed(whole)
    assert lines["fields"] == ["total", "people.{id,name,score,type}"]
    assert lines["drop"] == ["empty", "urls"]
    assert lines["encode"] == "table"
    assert lines["limit_items"] == {"people": 100}
    assert found.tokens == count(
        json.dumps({"people": ROWS, "total": 200, "request": "of no interest"})
    )
    assert found.together < found.tokens / 10
    assert all(line.tokens < found.tokens for line in found.lines)


def test_ids_that_other_operations_take_are_always_kept() -> None:
    needed = frozenset({(Step("people"), Step("group_id")), (Step("people"), Step("node_key"))})
    _, lines = proposed({"people": ROWS}, needed=needed)
    assert lines["fields"] == ["people.{id,name,node_key,group_id,score,type}"]


def test_what_the_schema_lacks_is_not_proposed_but_told() -> None:
    row = {"type": "object", "properties": {"id": {}, "score": {}}}
    schema = {"type": "object", "properties": {"people": {"type": "array", "items": row}}}
    found, lines = proposed({"people": ROWS}, schema)
    assert lines["fields"] == ["people.{id,score}"]
    assert "people.name" in found.unknown


def test_rows_of_nothing_but_numbers_are_not_thrown_away() -> None:
    bars = [{"x1": n, "x2": n + 1, "x3": n + 2} for n in range(300)]
    _, lines = proposed({"status": "ok", "title": "Bars", "values": bars})
    assert "fields" not in lines
    assert lines["encode"] == "table"


def test_what_is_small_and_plain_is_left_as_it_is() -> None:
    found, lines = proposed({"price": "1.5"})
    assert (lines, found.together) == ({}, found.tokens)
    for value in ([], {}, "text", 7, None, [1, 2]):
        assert proposed(value)[1] == {}


def test_a_limit_is_proposed_where_rows_do_not_fit() -> None:
    rows = [{"name": f"word {n} " * 20, "n": n} for n in range(30)]
    assert proposed({"rows": rows}, budget=Budget(700))[1]["limit_items"] == {"rows": 10}
    assert "limit_items" not in proposed({"rows": rows}, budget=Budget(8000))[1]


@pytest.mark.skipif(not PAYLOADS, reason="the shared payloads are not here")
@pytest.mark.parametrize("file", PAYLOADS, ids=lambda file: file.stem)
def test_every_line_is_right_and_leaves_what_it_says(file: Any) -> None:
    if file.name == "manifest.json":
        return
    body = file.read_bytes()
    found = propose(body, None, {})
    rules = {line.key: line.value for line in found.lines}
    together, faults = compile_shrinker(None, {}, Rules(**rules))
    assert not faults
    assert count(together.shrink(body).body) == found.together < 0.6 * found.tokens
    for line in found.lines:
        alone, _ = compile_shrinker(None, {}, Rules(**{line.key: line.value}))
        assert count(alone.shrink(body).body) == line.tokens


def test_names_and_states_are_kept_whatever_they_look_like() -> None:
    pods = [
        {
            "metadata": {"name": f"web-7c5ddbdf54-{number:05}a", "hash": f"9f{number:030}ab"},
            "status": {"phase": ("Running", "Pending", "Failed")[number % 3]},
            "history": [{"time": f"2024-01-01T00:00:{number:02}Z", "note": f"n{number} " * 30}],
        }
        for number in range(24)
    ]
    _, lines = proposed({"items": pods})
    (entry,) = lines["fields"]
    assert "name" in entry
    assert "phase" in entry
    assert "hash" not in entry
