"""What becomes of JSON that nobody should send, as docs/security.md says; longer: `make bounds`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.scalars import Budget
from gateway.config.types import TextRule
from gateway.shrinking import Rules, compile_shrinker, count

BUDGET = Budget(500, 5000)
CUTS = Rules(budget=BUDGET, more="getMore")
CLEANS = Rules(
    budget=BUDGET,
    drop=["urls"],
    untrusted="all",
    strings={"a": TextRule(html="text")},
    more="getMore",
)
KINDS = {"cuts": CUTS, "cleans": CLEANS, "tables": Rules(budget=BUDGET, encode="table")}


def answer(body: bytes, rules: Rules = CUTS) -> Any:
    shrinker, faults = compile_shrinker(None, {}, rules)
    assert not faults
    sent = shrinker.shrink(body, sign=lambda _: "handle").body
    assert count(sent) <= BUDGET.tokens
    assert len(sent.decode()) <= BUDGET.chars
    return json.loads(sent)


LONG = {
    "one string": b'{"a":"' + b"x" * 100_000 + b'"}',
    "many items": b"[" + b"1," * 100_000 + b"1]",
    "many arrays": b"[" + b"[]," * 30_000 + b"[]]",
    "many objects": b"[" + b"{}," * 30_000 + b"{}]",
    "many members": b'{"a":0' + b"".join(b',"k%d":0' % n for n in range(30_000)) + b"}",
    "long numbers": b"[" + b",".join([b"7" * 5000] * 20) + b"]",
    "lone surrogates": b'["' + rb"\ud800" * 20_000 + b'"]',
    "no UTF-8": b'["' + b"\xff" * 20_000 + b'"]',
    "NaN": b"[" + b"NaN," * 20_000 + b"NaN]",
    "tags": b'{"a":"' + b"<div>x" * 20_000 + b'"}',
    "comments": b'{"a":"' + b"<!--" * 20_000 + b'"}',
    "entities": b'{"a":"' + b"&amp;" * 20_000 + b'"}',
    "as deep as can be": b"[" * 300 + b"1" + b"]" * 300,
}


@pytest.mark.parametrize("rules", KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize("body", LONG.values(), ids=list(LONG))
def test_what_is_long_is_valid_json_within_the_budget(body: bytes, rules: Rules) -> None:
    assert isinstance(answer(body, rules), dict)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{"a":NaN,"b":-Infinity}', {"a": None, "b": None}),
        (rb'{"a":"x\ud800y"}', {"a": "x\ufffdy"}),
        (b'{"a":"x\xffy"}', {"a": "x\ufffdy"}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('{"a":"é"}'.encode("utf-16"), {"a": "é"}),
        ('{"a":"é"}'.encode("utf-32"), {"a": "é"}),
        (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
    ],
)
@pytest.mark.parametrize("rules", [CUTS, CLEANS], ids=["cuts", "cleans"])
def test_what_is_almost_json_is_mended(body: bytes, sent: Any, rules: Rules) -> None:
    assert answer(body, rules) == sent


def test_an_integer_of_any_length_keeps_its_digits() -> None:
    digits = b"7" * 4999
    for rules in (Rules(budget=Budget(9000, 9000)), Rules(drop=["empty"])):
        shrinker, _ = compile_shrinker(None, {}, rules)
        assert shrinker.shrink(b'{"a" : ' + digits + b"}").body == b'{"a":' + digits + b"}"


@pytest.mark.parametrize("rules", KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b"[" * 10_000, "nested too deeply|not JSON"),
        (b'{"a":1', "not JSON"),
        (b'{"a":"x', "not JSON"),
        (b"[1,2", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_json_is_said_to_be_none(body: bytes, why: str, rules: Rules) -> None:
    with pytest.raises(ValueError, match=why):
        answer(body, rules)
