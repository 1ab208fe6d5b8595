"""What holds of every answer whatever the reply and the rules, real ones and generated ones.

`GATEWAY_TEST_LONG=1` looks at twenty times as many, and at others each time.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.scalars import Budget
from gateway.config.types import TextRule
from gateway.errors import BadArguments
from gateway.shrinking import ReshapeError, Rules, Shrinker, compile_shrinker
from gateway.shrinking.exact import tidy
from gateway.shrinking.fields import Level
from gateway.shrinking.paths import shown
from gateway.shrinking.slices import sliced
from gateway.shrinking.table import untabled
from gateway.values import Schema
from tests.shrinking.generated import NO_BUDGET, PAYLOADS, SCALARS, VALUES, text_of
from tests.shrinking.recounting import Number, check_told, collected, cuts, expected, strict, tokens
from tests.shrinking.test_schema import COMPONENTS, SCHEMAS, validator, values

LONG = os.environ.get("GATEWAY_TEST_LONG") == "1"
MOST_SLICES = 200  # of one answer


def profile(examples: int) -> settings:
    """Short and the same every time, or long."""
    return settings(
        max_examples=examples * 20 if LONG else examples,
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


BUDGETS = st.one_of(
    st.just(NO_BUDGET),
    st.builds(Budget, st.integers(100, 25_000)),
    st.builds(Budget, st.integers(100, 1000), st.integers(300, 3000)),
)
RULES = st.builds(
    lambda selection, hard, rest: Rules(
        **selection, **rest, hard=[path for path in rest["limit_items"] if path in hard]
    ),
    st.sampled_from(
        [
            *[{}] * 3,
            {"fields": ["id", "data", "items.*"]},
            {"fields": ["data.{id,name.value as value}", "name"]},
            {"fields": ["*.id"]},
            {"jmespath": "@"},
            {"jmespath": "{n: id, rows: data, all: @}"},
            {"jmespath": "[data, id]"},
            {"jmespath": "data || items || name"},
            {"choose": True},
        ]
    ),
    st.sampled_from([(), ("data", "$"), ("items",)]),
    st.fixed_dictionaries(
        {
            "drop": st.lists(
                st.sampled_from(["empty", "nulls", "urls", "..id", "data.name", "$.value"]),
                unique=True,
                max_size=3,
            ),
            "strings": st.sampled_from(
                [
                    {},
                    {"$": TextRule(max=20)},
                    {"data": TextRule(max=40, html="text"), "..name": TextRule(html="text")},
                ]
            ),
            "untrusted": st.sampled_from([(), "all", ["..name"], ["data"]]),
            "limit_items": st.sampled_from(
                [{}, {"$": 2}, {"data": 3, "data.id": 1}, {"items": 1, "*": 2}]
            ),
            "encode": st.sampled_from(["json", "table"]),
            "budget": BUDGETS,
            "more": st.sampled_from(["", "getMore"]),
        }
    ),
)


def compiled_of(rules: Rules, schema: Schema | None = None) -> Shrinker:
    """Compile rules, without those that the schema has no place for."""
    compiled, faults = compile_shrinker(schema, COMPONENTS, rules)
    if any(fault.key == "fields" for fault in faults):
        rules = replace(rules, fields=())
        compiled, _ = compile_shrinker(schema, COMPONENTS, rules)
    return compiled


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def without_announcement(answer: bytes, whole: Any) -> tuple[dict[str, Any], bytes]:
    """What an answer announces, and the rest of its text."""
    if answer[:1] != b"{":
        return {}, answer
    members = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])
    name = next(iter(members), "")
    if not name.startswith("_shrunk") or (isinstance(whole, dict) and name in whole):
        return {}, answer
    told = strict(bytes(members.pop(name)))
    assert told
    return told, msgspec.json.encode(members)


def numbers(value: Any) -> set[str]:
    """The texts of all numbers in a value."""
    found, waiting = set(), [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Number):
            found.add(str(one))
        elif isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
    return found


def check(compiled: Shrinker, body: bytes, chosen: Level | None = None) -> bytes | None:
    """Everything that is promised of one answer. None where the rules cannot be applied."""
    try:
        shrunk = compiled.shrink(body, chosen=chosen, sign=lambda _: "h" * 22)
    except ReshapeError:
        return None
    answer, budget = shrunk.body, compiled.budget
    if compiled.idle:
        assert answer is body
        return tidy(body)
    strict(answer)
    assert compiled.shrink(body, chosen=chosen, sign=lambda _: "h" * 22) == shrunk
    whole = strict(replace(compiled, hard=None, hard_rows=None).allowed(body, chosen=chosen))
    if budget:
        assert len(answer) <= budget.tokens or tokens(answer) <= budget.tokens
        assert len(answer.decode()) <= budget.chars
    told, text = without_announcement(answer, whole)
    sent = strict(untabled(text) if compiled.encode else text)
    if not isinstance(sent, dict):  # a bare value; an array may come as a table
        (whole,) = whole.values()
    check_told(whole, sent, told)
    if not told:
        assert sent == whole
    assert numbers(sent) <= numbers(strict(body)), "a number keeps its text"
    minified, cut_texts = tidy(body), sum(unit == "characters" for _, unit, *_ in cuts(whole, sent))
    if not any(" HTML " in f" {one}" or one.startswith("jmespath") for one in compiled.words):
        assert len(text) <= len(minified) + len('{"value":}') + 3 * cut_texts + 1
    rest = told.get("more") or {}
    assert (not rest and shrunk.whole is None) or (
        rest == {"operation": "getMore", "handle": "h" * 22} and shrunk.whole is not None
    )
    if shrunk.whole is not None:
        check_rest(shrunk.whole, whole, told, compiled)
    return answer


class Enough(Exception):
    """More slices than are worth the time."""


def check_rest(kept: bytes, whole: Any, told: dict[str, Any], compiled: Shrinker) -> None:
    """Slices put together are what a caller may have, exactly, and no more than the whole."""
    allowed = strict(kept)
    if compiled.hard is None:
        assert allowed == whole
    else:
        assert all(unit == "rows" for _, unit, *_ in cuts(whole, allowed))

    taken = count()

    async def get(path: str, offset: int) -> Any:
        if next(taken) > MOST_SLICES and not LONG:  # each reads the whole: that grows by the square
            raise Enough
        piece = sliced(kept, path, offset, None, compiled.budget)
        if compiled.budget:
            assert len(piece) <= compiled.budget.tokens or tokens(piece) <= compiled.budget.tokens
        return strict(piece)

    slices = len(kept) / max(1, 4 * compiled.budget.tokens)
    for path in told if slices > 50 and not LONG else ["$", *told]:
        if path in ("more", "pages") or told.get(path, {}).keys() == {"removed"}:
            continue
        try:
            assert run(collected(get, path)) == expected(allowed, path), path
        except Enough:
            return


# --- generated --------------------------------------------------------------------------------


def chosen_of(compiled: Shrinker, paths: list[str]) -> Level | None:
    try:
        return compiled.choice.level(paths) if compiled.choice else None
    except BadArguments:
        return None


@profile(250)
@given(VALUES, RULES, st.booleans())
def test_whatever_comes_and_whatever_the_rules(value: Any, rules: Rules, spaced: bool) -> None:
    compiled = compiled_of(rules)
    chosen = chosen_of(compiled, ["data.id", "name"])
    answer = check(compiled, text_of(value, spaced=spaced), chosen)
    again = compiled_of(rules)
    assert again.fingerprint == compiled.fingerprint
    if answer is not None:
        other = text_of(value, spaced=not spaced)
        shrunk = again.shrink(other, chosen=chosen, sign=lambda _: "h" * 22)
        assert (tidy(other) if again.idle else shrunk.body) == answer, (
            "neither white space nor escapes make a difference"
        )


@pytest.mark.parametrize("encode", ["json", "table"])
def test_texts_of_many_slices_are_put_together(encode: Any) -> None:
    texts = [" ".join(f"word{n * turn}" for n in range(400)) for turn in range(3)]
    body = text_of({"data": [{"id": n, "body": text} for n, text in enumerate(texts)]})
    rules = Rules(budget=Budget(150), strings={"$": TextRule(max=300)}, more="getMore")
    assert check(compiled_of(replace(rules, encode=encode)), body)


NUMBERS = ["1.10", "1E5", "-0", "1e400", "12345678901234567890123456789", "0.1e-7", "1.0", "-0.0"]
_EXACT = st.sampled_from([f"@{number}@" for number in ["absent", "absent", *NUMBERS]])
_CELLS = st.one_of(_EXACT, st.integers(0, 99), st.sampled_from(["", "a", "u/1", {"x": 1}]))


def rows(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows that are alike, but for cells that are absent."""
    return st.builds(
        lambda columns, lines, times: [
            {key: cell for key, cell in zip(columns, line, strict=False) if cell != "@absent@"}
            for line in lines * times
        ],
        st.sampled_from(
            [("id", "name", "data"), ("id", "value"), ("a.b", "id"), ("rows", "columns")]
        ),
        st.lists(st.tuples(*[cells] * 3), min_size=1, max_size=12),
        st.sampled_from([1, 2, 9]),
    )


ROWS = st.one_of(rows(_CELLS), rows(st.one_of(_EXACT, SCALARS)))


def exact_text(value: Any) -> bytes:
    """A value as text; of "@1.10@" the number."""
    text = json.dumps(value, ensure_ascii=False)
    for number in NUMBERS:
        text = text.replace(f'"@{number}@"', number)
    return text.encode()


@profile(150)
@given(st.dictionaries(st.sampled_from(["data", "items", "name", "rows"]), ROWS), RULES)
def test_numbers_keep_their_text(value: Any, rules: Rules) -> None:
    check(compiled_of(rules), exact_text(value))


@profile(150)
@given(
    st.one_of(VALUES, st.dictionaries(st.sampled_from(["data", "items", "columns", "rows"]), ROWS)),
    RULES,
)
def test_a_table_is_what_json_would_have_been(value: Any, rules: Rules) -> None:
    kinds = [one for one in rules.drop if one.startswith((".", "$"))]  # of tables, columns
    rules = replace(rules, encode="table", budget=NO_BUDGET, drop=kinds)
    body = exact_text(value)
    answers = []
    for encode in ("table", "json"):
        try:
            answer = compiled_of(replace(rules, encode=encode)).shrink(body).body
        except ReshapeError:
            return
        told, text = without_announcement(answer, value)
        answers.append((told, untabled(text) if encode == "table" else tidy(text)))
    assert answers[0] == answers[1]


def test_a_bare_text_that_a_rule_cut_says_so() -> None:
    rules = Rules(strings={"$": TextRule(max=20)})
    compiled = compiled_of(rules, {"type": "string"})
    assert check(compiled, b'"twenty characters or"') == b'"twenty characters or"'
    assert check(compiled, b'"twenty characters or more"') == (
        '{"_shrunk":{"value":{"kept":17,"total":25}},"value":"twenty characters…"}'.encode()
    )


# --- what is not wanted ------------------------------------------------------------------------


def planted(value: Any) -> Any:
    """A value with a member that nobody is to see in every object, and texts with what is not."""
    if isinstance(value, dict):
        inner = {key: planted(one) for key, one in value.items() if key != "secret"}
        return {"secret": [{"unsaid": "hidden words"}], **inner}
    if isinstance(value, list):
        return [planted(one) for one in value]
    return value + " seen\u202e\U000e0041" if isinstance(value, str) else value


@profile(100)
@given(VALUES, RULES)
def test_what_was_taken_away_is_nowhere(value: Any, rules: Rules) -> None:
    rules = replace(rules, drop=[*rules.drop, "..secret"], untrusted="all", more="getMore")
    compiled = compiled_of(rules)
    body = text_of(planted(value))
    try:
        shrunk = compiled.shrink(body, sign=lambda _: "h" * 22)
    except ReshapeError:
        return
    for text in (shrunk.body, shrunk.whole or b"", compiled.allowed(body)):
        seen = text.decode()
        assert "unsaid" not in seen
        assert "\u202e" not in seen
        assert "\U000e0041" not in seen


@profile(100)
@given(VALUES, st.sampled_from(["data", "items", "name"]), RULES)
def test_what_fields_did_not_take_is_nowhere(value: Any, name: str, rules: Rules) -> None:
    row = {"id": value, "other": {"unsaid": "hidden"}, "key": "hidden"}
    body = text_of({name: [row] * 30, "unsaid": "hidden", "x": "hidden"})
    rules = replace(rules, fields=[f"{name}.id"], jmespath=None, more="getMore")
    compiled = compiled_of(rules)
    level = chosen_of(compiled, [f"{name}.id"])
    shrunk = compiled.shrink(body, chosen=level, sign=lambda _: "h" * 22)
    for text in (shrunk.body, shrunk.whole or b"", compiled.allowed(body)):
        assert b"hidden" not in text or "hidden" in json.dumps(value)


@profile(30)
@given(VALUES, st.integers(1, 5), RULES)
def test_beyond_a_hard_limit_there_is_nothing(value: Any, most: int, rules: Rules) -> None:
    rows = [{"id": value, "at": f"row {n}."} for n in range(20)]
    rules = replace(
        rules, fields=(), jmespath=None, choose=False, drop=(), limit_items={"data": most},
        hard=["data"], more="getMore",
    )  # fmt: skip
    compiled = compiled_of(rules)
    body = text_of({"data": rows, "text": "word " * 3000})
    shrunk = compiled.shrink(body, sign=lambda _: "h" * 22)
    for text in (shrunk.body, shrunk.whole or b"", compiled.allowed(body)):
        assert f"row {most}.".encode() not in text
    assert len(strict(compiled.allowed(body))["data"]) == most


# --- the served schema -------------------------------------------------------------------------


def broken(data: st.DataObject, value: Any) -> Any:
    """A value that is null in a place, or has a member that no schema knows."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: broken(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        number = data.draw(st.integers(0, min(len(value) - 1, 5)))
        return [*value[:number], broken(data, value[number]), *value[number + 1 :]]
    return None


@profile(300)
@given(st.data(), SCHEMAS, RULES, st.booleans())
def test_the_served_schema_is_true_of_every_answer(
    data: st.DataObject, schema: Schema, rules: Rules, lies: bool
) -> None:
    value = data.draw(values(schema))
    compiled = compiled_of(rules, None if rules.jmespath else schema)
    if not validator(schema, COMPONENTS).is_valid(value):
        return
    if rules.jmespath and isinstance(value, dict) and "_shrunk" in json.dumps(value):
        return  # of a member that no schema announces nobody can know that it is not ours
    if lies and compiled.announces:
        value = broken(data, value)
    level = chosen_of(compiled, ["data.id", "name"]) or chosen_of(compiled, ["id"])
    answer = check(compiled, text_of(value), level)
    if answer is not None:
        fault = next(
            validator(compiled.schema, compiled.components).iter_errors(json.loads(answer)), None
        )
        assert fault is None, (fault, compiled.schema, answer[:2000])


# --- real answers ------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def real(path: Path) -> tuple[bytes, list[str], list[str]]:
    """A real answer; the paths of its leaves and of its arrays, maps as `*`."""
    body = path.read_bytes()
    leaves: dict[str, None] = {}
    arrays: dict[str, None] = {}

    def walk(value: Any, way: tuple[str, ...]) -> None:
        if isinstance(value, list):
            arrays[".".join(way) or "$"] = None
            for one in value[:20]:
                walk(one, way)
        elif isinstance(value, dict) and value:
            alike = len(value) > 20
            for key, one in list(value.items())[:20] if alike else value.items():
                walk(one, (*way, "*" if alike else shown(key)))
        elif way:
            leaves[".".join(way)] = None

    walk(json.loads(body), ())
    return body, list(leaves), list(arrays)


def draws(path: Path, number: int) -> Iterator[Rules]:
    """Rules that fit a real answer, always the same."""
    _, leaves, arrays = real(path)
    dice = random.Random(None if LONG else path.stem)  # noqa: S311 # no secret
    for turn in range(number):
        limits = {one: dice.choice([1, 5, 30]) for one in dice.sample(arrays, min(2, len(arrays)))}
        starless = [leaf for leaf in leaves if "*" not in leaf]
        fields = dice.sample(starless, min(len(starless), dice.choice([3, 12])))
        limits = dice.choice([{}, limits]) if turn % 3 != 1 else {}
        yield Rules(
            fields=fields if turn % 3 == 1 else (),
            jmespath="@" if turn % 7 == 6 else None,
            choose=turn % 3 == 2,
            drop=dice.choice([(), ("empty",), ("nulls", "urls"), ("empty", "urls", "..id")]),
            strings=dice.choice([{}, {"$": TextRule(max=100)}, {"$": TextRule(html="text")}]),
            untrusted=dice.choice([(), "all"]),
            limit_items=limits,
            hard=dice.choice([(), list(limits)[:1]]),
            encode=dice.choice(["json", "table"]),
            budget=dice.choice([NO_BUDGET, *map(Budget, (100, 500, 2000, 8000, 25_000))]),
            more="getMore",
        )


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_real_answers(path: Path) -> None:
    body, *_ = real(path)
    for rules in draws(path, 60 if LONG else 3):
        compiled, faults = compile_shrinker(None, {}, rules)
        assert not faults
        check(compiled, body)
