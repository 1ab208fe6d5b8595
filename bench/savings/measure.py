"""One answer in all its forms, counted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.savings.answers import Saving
from bench.savings.full import ANNOUNCEMENT, filled, nexts
from gateway.config.scalars import Budget
from gateway.shrinking import Rules, Shrinker, compile_shrinker, count
from gateway.shrinking.exact import tidy

BUDGETS = (2_000, 8_000, 25_000)
FORMS: Mapping[str, Mapping[str, Any]] = {
    "minified": {},
    "drop": {"drop": ["empty"]},
    "table": {"drop": ["empty"], "encode": "table"},
    "fields": {"fields": True},
    "with table": {"fields": True, "drop": ["empty"], "encode": "table"},
}


@dataclass(frozen=True)
class Cut:
    """What a budget left: `filled` is its share, and `next_…` what came next and did not fit."""

    tokens: int
    filled: float
    next_path: str
    next_what: str
    next_cost: float


@dataclass(frozen=True)
class Saved:
    """One answer: its tokens as sent and in each form (None: there are no rules for it); what is
    left of it by budget, where it had to be cut."""

    name: str
    tokens: int
    bytes: int
    forms: Mapping[str, int | None]
    cuts: Mapping[int, Cut]

    def share(self, form: str) -> float | None:
        tokens = self.forms[form]
        return None if tokens is None else tokens / self.tokens


def compiled(rules: Mapping[str, Any]) -> Shrinker:
    """The rules of an operation of whose answer nothing is known. Raises: ValueError."""
    shrinker, faults = compile_shrinker(None, {}, Rules(**rules))
    if faults:
        raise ValueError("; ".join(f"{fault.key}: {fault.message}" for fault in faults))
    return shrinker


def measure(one: Saving) -> Saved:
    """Count one answer."""
    return Saved(
        one.name,
        count(one.body),
        len(one.body),
        {form: _tokens(one, form) for form in FORMS},
        {budget: cut for budget in BUDGETS if (cut := cut_to(one.body, budget))},
    )


def rules_of(one: Saving, form: str) -> dict[str, Any] | None:
    """What a form means for an answer; None where nobody said which fields."""
    rules = dict(FORMS[form])
    if rules.pop("fields", False):
        return {**rules, **one.rules} if one.rules else None
    return rules


def _tokens(one: Saving, form: str) -> int | None:
    rules = rules_of(one, form)
    if rules is None:
        return None
    # Without rules the gateway passes on what it gets; here white space is taken out all the same.
    return count(tidy(compiled(rules).shrink(one.body).body))


def cut_to(body: bytes, tokens: int) -> Cut | None:
    """What a budget leaves of an answer; None where it fits."""
    budget = Budget(tokens)
    text = compiled({"budget": budget}).shrink(body).body.decode()
    answer = json.loads(text)
    if ANNOUNCEMENT not in answer:
        return None
    first = min(nexts(json.loads(body), answer, budget), key=lambda one: one.cost)
    return Cut(count(text), filled(text, budget), first.path, first.what, first.cost)


def geometric(rows: Sequence[Saved], form: str) -> float | None:
    """The geometric mean of the shares that a form leaves."""
    shares = [share for row in rows if (share := row.share(form))]
    return math.exp(sum(map(math.log, shares)) / len(shares)) if shares else None
