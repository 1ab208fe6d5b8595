"""The rules together: what an answer's top looks like, and what never changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.scalars import Budget
from gateway.config.types import TextRule
from gateway.shrinking import Rules, compile_shrinker
from tests.shrinking.generated import NO_BUDGET, shrinker

BUDGET = Budget(100)
ARRAY = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}
OBJECT = {"type": "object", "properties": {"id": {"type": "integer"}}}
STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "body", "answer"),
    [
        (ARRAY, b"[ ]", b'{"items":[]}'),
        (ARRAY, b'[{"id": 1}]', b'{"items":[{"id":1}]}'),
        (ARRAY, b'{"error": 1}', b'{"error":1}'),
        (ARRAY, b"null", b'{"value":null}'),
        (OBJECT, b'{"id": 1}', b'{"id":1}'),
        (OBJECT, b"[1]", b'{"items":[1]}'),
        (OBJECT, b'"text"', b'{"value":"text"}'),
        (None, b'{"id":1}', b'{"id":1}'),
        (None, b"[1]", b'{"items":[1]}'),
        (None, b"true", b'{"value":true}'),
        (STRING, b' "text"', b'"text"'),
        (STRING, b'["text"]', b'{"items":["text"]}'),
        ({"type": "integer"}, b"5", b"5"),
        ({"oneOf": [ARRAY, OBJECT]}, b"[]", b'{"items":[]}'),
        ({**OBJECT, "properties": {"items": STRING}}, b"[1]", b'{"items_":[1]}'),
    ],
)
def test_an_answer_that_can_be_cut_is_an_object(schema: Any, body: bytes, answer: bytes) -> None:
    assert shrinker(schema, budget=BUDGET).shrink(body).body == answer


@pytest.mark.parametrize("schema", [ARRAY, OBJECT, STRING, None])
@pytest.mark.parametrize("body", [b'[{"id": 1}]', b'{"id": 1}', b'"x"', b"null"])
def test_what_nothing_can_cut_keeps_its_top(schema: Any, body: bytes) -> None:
    idle = shrinker(schema)
    assert idle.idle
    assert idle.shrink(body).body is body
    assert not shrinker(schema, drop=("empty",)).idle
    assert json.loads(shrinker(schema, drop=("empty",)).shrink(body).body) == json.loads(body)


def test_a_body_in_which_nothing_changes_is_the_body_itself() -> None:
    rules = shrinker(budget=BUDGET)
    body = b'{"a":1}'
    assert rules.shrink(body).body is body
    assert rules.keeps(body, rules.shrink(body).body)


def test_white_space_alone_is_no_change_and_anything_else_is() -> None:
    rules = shrinker(drop=("empty",), budget=BUDGET)
    for body, kept in ((b'{"a": 1}', True), (b'{"a":1,"b":null}', False), (b"[1]", False)):
        assert rules.keeps(body, rules.shrink(body).body) is kept


def test_a_scalar_that_does_not_fit_is_wrapped_so_that_the_cut_can_be_told() -> None:
    answer = json.loads(shrinker(STRING, budget=BUDGET).shrink(b'"' + b"word " * 1000 + b'"').body)
    kept = answer["_shrunk"]["value"]["kept"]
    assert answer == {
        "_shrunk": {"value": {"kept": kept, "total": 5000}},
        "value": ("word " * 1000)[:kept] + "…",
    }


def test_the_announcement_never_takes_a_name_of_the_answers_own() -> None:
    rows = [1, 2, 3]
    declared = {**OBJECT, "properties": {"_shrunk": STRING, "rows": {"type": "array"}}}
    rules = shrinker(declared, limit_items={"rows": 1})
    assert rules.shrink(b'{"rows":[1,2,3]}').body.startswith(b'{"_shrunk_":')
    assert "_shrunk_" in rules.schema["properties"]
    undeclared = shrinker(limit_items={"rows": 1})
    body = {"rows": rows, "_shrunk": "x", "_shrunk_": "y", "_shrunk_2": "z"}
    answer = json.loads(undeclared.shrink(json.dumps(body).encode()).body)
    assert answer == {**body, "rows": [1], "_shrunk_3": {"rows": {"kept": 1, "total": 3}}}


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[" * 5000 + b"]" * 5000])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    every = {"fields": ("a.b",), "drop": ("empty",), "limit_items": {"a": 1}, "budget": BUDGET}
    for rules in ({"budget": BUDGET}, {"drop": ("empty",)}, {"fields": ("a",)}, every):
        with pytest.raises(ValueError):  # noqa: PT011 # the text is for the log
            shrinker(**rules).shrink(body)


@pytest.mark.parametrize("depth", [30, 60, 300, 450, 600, 900, 1000, 3000])
def test_deep_nesting_is_cut_or_refused(depth: int) -> None:
    for inside in (b"1", b'"' + b"x" * 5000 + b'"'):
        for body in (
            b"[" * depth + inside + b"]" * depth,
            b'{"a":' * depth + inside + b"}" * depth,
        ):
            for drop in ((), ("empty",)):
                try:
                    answer = shrinker(budget=Budget(2000), drop=drop).shrink(body).body
                except ValueError:
                    assert depth > 200
                    continue
                json.loads(answer)


def test_the_reason_why_a_body_cannot_be_read_is_a_clause() -> None:
    with pytest.raises(ValueError, match=r"^it is not JSON$"):
        shrinker(budget=Budget(100)).shrink(b"{")
    with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
        shrinker(fields=("a",)).shrink(b"[" * 5000 + b"]" * 5000)


@pytest.mark.parametrize("charset", ["latin-1", "windows-1252", "ISO-8859-15"])
def test_a_charset_is_read_where_the_body_is_not_utf_8(charset: str) -> None:
    for rules in (shrinker(budget=Budget(100)), shrinker(fields=("é",))):
        assert json.loads(rules.shrink('{"é":"äöü"}'.encode(charset), charset).body) == {"é": "äöü"}
        assert json.loads(rules.shrink('{"é":"äöü"}'.encode(), charset).body) == {"é": "äöü"}


@pytest.mark.parametrize("charset", ["", "nonsense", "punycode", "base64", "utf-8"])
def test_a_charset_that_nobody_knows_is_ignored(charset: str) -> None:
    assert shrinker(budget=Budget(100)).shrink(b'{"a":"\xe4"}', charset).body == (
        '{"a":"\ufffd"}'.encode()
    )


def test_keys_that_are_no_utf_8_are_mended_wherever_they_are_taken() -> None:
    body = b'{"a\xff":{"id":1},"a\xfe":{"id":2}}'
    for rules in (shrinker(fields=("*.id",)), shrinker(budget=Budget(100))):
        assert json.loads(rules.shrink(body).body) == {"a\ufffd": {"id": 1}, "a\ufffd2": {"id": 2}}


def test_an_answer_that_is_no_json_does_not_keep_its_etag() -> None:
    body = b"Some words. " * 1000
    rules = shrinker(budget=Budget(100))
    assert not rules.keeps(body, rules.shrink_other(body, "text/plain")[0])
    assert rules.keeps(body, body)


def test_the_fingerprint_is_another_one_where_the_rules_are() -> None:
    several = [
        {},
        {"fields": ("a",)},
        {"fields": ("b",)},
        {"drop": ("empty",)},
        {"limit_items": {"a": 1}},
        {"limit_items": {"a": 2}},
        {"budget": Budget(100)},
        {"budget": Budget(100, 500)},
        {"budget": Budget(200)},
    ]
    prints = {shrinker(**rules).fingerprint for rules in several}
    assert len(prints) == len(several)
    assert prints == {shrinker(**rules).fingerprint for rules in several}


def test_the_rules_are_described() -> None:
    rules = shrinker(fields=("a.b",), drop=("empty",), limit_items={"a": 5}, budget=Budget(8000))
    assert rules.describe() == (
        "fields a.b; drop empty; limit_items a: 5; budget 8,000 tokens, 95,000 characters"
    )
    assert shrinker().describe() == "nothing is changed"


def test_faulty_rules_still_give_a_shrinker() -> None:
    rules, faults = compile_shrinker(
        OBJECT, {}, Rules(fields=["idd"], drop=(), limit_items={"$": 1}, budget=NO_BUDGET)
    )
    assert [fault.key for fault in faults] == ["fields", "limit_items"]
    assert rules.schema


def test_the_whole_is_masked_before_anything_is_cut() -> None:
    rules = Rules(strings={"a": TextRule(max=10, html="text")}, budget=NO_BUDGET)
    compiled, _ = compile_shrinker(None, {}, rules)
    body = b'{"a":"&#115;ecret-secret-secret"}'
    masked = compiled.shrink(body, mask=lambda text: text.replace(b"secret-secret-secret", b"*"))
    assert json.loads(masked.body) == {"a": "*"}


@pytest.mark.parametrize(
    ("rules", "withholds"),
    [
        (Rules(drop=("empty", "urls")), False),
        (Rules(limit_items={"a": 1}), False),
        (Rules(drop=("empty", "a")), True),
        (Rules(limit_items={"a": 1}, hard=("a",)), True),
        (Rules(choose=True), True),
    ],
)
def test_what_withholds_something_says_so(rules: Rules, withholds: bool) -> None:
    compiled, _ = compile_shrinker(None, {}, rules)
    assert compiled.withholds is withholds
