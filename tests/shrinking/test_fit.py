"""The budget: what leaves fits, is valid, is told truly, and is as full as can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.scalars import MIN_BUDGET, Budget
from gateway.shrinking import count
from gateway.shrinking.exact import tidy
from tests.shrinking.generated import PAYLOADS, VALUES, shrinker, text_of

BUDGETS = st.builds(
    Budget, st.sampled_from([100, 101, 150, 300, 1000]), st.sampled_from([100, 250, 1000, 95_000])
)


def whole_of(body: bytes) -> dict[str, Any]:
    """The answer as it would be without any cut."""
    value = json.loads(body, parse_float=str, parse_int=str)
    if isinstance(value, dict):
        return value
    return {"items" if isinstance(value, list) else "value": value}


def recount(whole: Any, sent: Any, path: tuple[str, ...], found: dict[str, int]) -> None:
    """Walk both side by side; count what is left of each and fail where anything else differs."""
    if isinstance(whole, dict):
        assert isinstance(sent, dict)
        assert [key for key in whole if key in sent] == list(sent)
        found["keys kept"] += len(sent) if len(sent) < len(whole) else 0
        found["keys total"] += len(whole) if len(sent) < len(whole) else 0
        for key, value in sent.items():
            recount(whole[key], value, (*path, key), found)
    elif isinstance(whole, list):
        assert isinstance(sent, list)
        assert len(sent) <= len(whole)
        found["rows kept"] += len(sent) if len(sent) < len(whole) else 0
        found["rows total"] += len(whole) if len(sent) < len(whole) else 0
        for one, other in zip(whole, sent, strict=False):
            recount(one, other, (*path, "[]"), found)
    elif whole != sent:
        assert isinstance(whole, str)
        assert sent.endswith("…")
        assert whole.startswith(sent[:-1])
        found["characters kept"] += len(sent) - 1
        found["characters total"] += len(whole)


def check(body: bytes, answer: bytes, budget: Budget) -> dict[str, Any]:
    """Every promise of the budget, counted independently. Gives the announcement."""
    assert count(answer) <= budget.tokens
    assert len(answer.decode()) <= budget.chars
    whole = whole_of(body)
    sent = json.loads(answer, parse_float=str, parse_int=str)
    names = [key for key in sent if key not in whole]
    assert len(names) <= 1
    told: dict[str, Any] = {}
    if names:
        assert next(iter(sent)) == names[0]
        told = sent.pop(names[0])
        assert told
    found = dict.fromkeys(
        (f"{unit} {what}" for unit in ("keys", "rows", "characters") for what in ("kept", "total")),
        0,
    )
    recount(whole, sent, (), found)
    for what in ("kept", "total"):
        counted = sum(number for name, number in found.items() if name.endswith(what))
        assert counted == sum(int(entry[what]) for entry in told.values())
    assert bool(told) == any(found.values())
    for entry in told.values():
        assert int(entry["kept"]) < int(entry["total"])
    return told


@settings(deadline=None, max_examples=300)
@given(VALUES, BUDGETS, st.booleans())
def test_any_answer_fits_and_is_told_truly(value: Any, budget: Budget, spaced: bool) -> None:
    body = text_of(value, spaced=spaced)
    rules = shrinker(budget=budget)
    answer = rules.shrink(body).body
    told = check(body, answer, budget)
    assert rules.shrink(body).body == answer  # the same again
    if not told:
        assert json.loads(answer) == (value if isinstance(value, dict) else whole_of_value(value))


def whole_of_value(value: Any) -> dict[str, Any]:
    return {"items" if isinstance(value, list) else "value": value}


@settings(deadline=None)
@given(VALUES, BUDGETS)
def test_what_fits_is_not_cut(value: Any, budget: Budget) -> None:
    whole = tidy(text_of(whole_of_value(value)))
    answer = shrinker(budget=budget).shrink(whole).body
    fits = count(whole) <= budget.tokens and len(whole.decode()) <= budget.chars
    assert (answer == whole) == fits


@settings(deadline=None)
@given(VALUES, st.sampled_from([100, 1000]), st.integers(1, 5))
def test_limit_and_budget_are_told_together(value: Any, tokens: int, rows: int) -> None:
    budget = Budget(tokens)
    body = text_of({"data": value})
    limits = (
        {"data": rows, "data.id": 1, "data.*": 2} if isinstance(value, dict) else {"data": rows}
    )
    check(body, shrinker(budget=budget, limit_items=limits).shrink(body).body, budget)


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
@pytest.mark.parametrize("tokens", [MIN_BUDGET, 500, 2000, 8000, 25_000])
def test_real_answers_fit_and_fill_their_budget(path: Path, tokens: int) -> None:
    body = path.read_bytes()
    budget = Budget(tokens)
    answer = shrinker(budget=budget).shrink(body).body
    told = check(body, answer, budget)
    assert len(answer) <= len(body) + len('{"items":}')
    if told and tokens >= 2000:
        full = count(answer) / tokens
        assert full >= 0.9
        assert len(json.dumps(told)) < 2500


HARD = {
    "map of 100,000 keys": msgspec.json.encode({f"k{n}": n for n in range(100_000)}),
    "100,000 numbers": msgspec.json.encode(list(range(100_000))),
    "one giant string": msgspec.json.encode("word " * 200_000),
    "a giant string within": msgspec.json.encode({"id": 1, "text": "字" * 200_000}),
    "no blanks": msgspec.json.encode({"a": "x" * 1_000_000}),
    "escapes": msgspec.json.encode({"a": '\u0001\n"\\' * 50_000}),
    "emoji": msgspec.json.encode(["👩‍👩‍👧‍👦" * 50] * 500),
    "wide record": msgspec.json.encode({f"k{n}": "y" * 500 for n in range(250)}),
    "wide rows": msgspec.json.encode([{f"k{n}": f"value {n}" for n in range(200)}] * 50),
    "arrays in arrays": msgspec.json.encode([[[n] * 50] * 50 for n in range(50)]),
    "long keys": msgspec.json.encode({f"k{n}" * 300: n for n in range(300)}),
    "one endless key": msgspec.json.encode({"k" * 100_000: 1}),
    "one endless number": b'{"a":[' + b"9" * 100_000 + b"]}",
    "our names": msgspec.json.encode({"_shrunk" + "_" * n: "x" * 50 for n in range(300)}),
    "deep strings": b'{"a":' * 100 + b'"' + b"x" * 20_000 + b'"' + b"}" * 100,
    "odd keys": msgspec.json.encode({f'a.b"[]{n} *': "text " * 40 for n in range(30)}),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize(
    "budget", [Budget(100, 100), Budget(100), Budget(2000), Budget(8000)], ids=repr
)
def test_hard_answers_fit(name: str, budget: Budget) -> None:
    body = HARD[name]
    answer = shrinker(budget=budget).shrink(body).body
    if "number" not in name:  # Python reads no number of so many digits
        assert check(body, answer, budget) or count(body) <= budget.tokens
    assert count(answer) <= budget.tokens


def test_long_strings_go_before_rows() -> None:
    rows = [{"id": n, "body": "some words " * 100} for n in range(20)]
    answer = json.loads(shrinker(budget=Budget(2000)).shrink(text_of({"data": rows})).body)
    assert len(answer["data"]) == 20
    assert list(answer["_shrunk"]) == ["data[].body"]
    lengths = {len(row["body"]) for row in answer["data"]}
    assert min(lengths) >= 200
    assert max(lengths) - min(lengths) <= 16


def test_then_rows_go_and_what_is_left_of_strings_stays() -> None:
    rows = [{"id": n, "body": "some words " * 100} for n in range(200)]
    answer = json.loads(shrinker(budget=Budget(2000)).shrink(text_of({"data": rows})).body)
    assert set(answer["_shrunk"]) == {"data", "data[].body"}
    assert 20 < len(answer["data"]) < 60
    assert all(row.keys() == {"id", "body"} for row in answer["data"])


def test_rows_go_evenly_from_arrays_in_rows() -> None:
    teams = [{"team": n, "players": list(range(1000))} for n in range(5)]
    answer = json.loads(shrinker(budget=Budget(3000)).shrink(text_of({"teams": teams})).body)
    assert len(answer["teams"]) == 5
    lengths = [len(team["players"]) for team in answer["teams"]]
    assert min(lengths) > 40
    assert max(lengths) - min(lengths) < 20


def test_one_row_at_least_stays() -> None:
    rows = [{f"field {n}": "text " * 20 for n in range(40)}] * 10
    answer = json.loads(shrinker(budget=Budget(300)).shrink(text_of({"data": rows})).body)
    assert len(answer["data"]) == 1
    assert answer["data"][0]


def test_small_members_stay_beside_a_large_one() -> None:
    body = {"data": list(range(10_000)), "total": 10_000, "next": "abc"}
    answer = json.loads(shrinker(budget=Budget(200)).shrink(text_of(body)).body)
    assert answer["total"] == 10_000
    assert answer["next"] == "abc"
    assert len(answer["data"]) > 20


def test_map_keys_and_many_siblings_are_told_as_one() -> None:
    versions = {f"1.{n}": {"name": "x", "readme": "text " * 100} for n in range(12)}
    told = json.loads(shrinker(budget=Budget(1000)).shrink(text_of({"versions": versions})).body)
    assert set(told["_shrunk"]) == {"versions.*.readme"}
    wide = {f"field{n}": "text " * 100 for n in range(12)}
    told = json.loads(shrinker(budget=Budget(1000)).shrink(text_of({"row": wide})).body)
    assert set(told["_shrunk"]) == {"row.*"}


def test_a_string_is_cut_between_characters() -> None:
    for text in ("é" * 3000, "字" * 3000, "\n" * 3000, "\u0001" * 3000, '\\"' * 3000):
        answer = json.loads(shrinker(budget=Budget(100, 150)).shrink(text_of({"a": text})).body)
        assert text.startswith(answer["a"][:-1])
        assert answer["a"].endswith("…")
