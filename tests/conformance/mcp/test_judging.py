"""What the suite finds is judged rightly, and little may fail."""

from __future__ import annotations

import pytest

from tests.conformance.mcp.judging import Check, Verdict, judge
from tests.conformance.mcp.running import REVISIONS, baseline

GOOD, BAD = Check("a", "SUCCESS"), Check("b", "FAILURE", "no")
WARNS, WIRE = Check("c", "WARNING", "hm"), Check("wire-schema-valid", "FAILURE", "no")


def one(checks: list[Check], allowed: list[str], scored: tuple[str, ...] = ("s",)) -> Verdict:
    (verdict,) = judge("2026-07-28", {"s": checks}, allowed, scored)
    return verdict


@pytest.mark.parametrize(
    ("checks", "allowed", "wrong"),
    [
        ([GOOD], [], False),
        ([GOOD, Check("d", "SKIPPED"), Check("e", "INFO")], [], False),
        ([GOOD, BAD], [], True),
        ([GOOD, WARNS], [], True),
        ([GOOD, BAD], ["s"], False),
        ([GOOD, WARNS], ["s"], False),
        ([GOOD, BAD], ["s:b"], False),
        ([GOOD, BAD, WARNS], ["s:b"], True),
        ([GOOD], ["s"], True),  # it passes now
        ([GOOD, Check("b", "SUCCESS"), BAD], ["s:b"], False),  # a check may come twice
        ([GOOD, Check("b", "SUCCESS")], ["s:b"], True),
        ([GOOD], ["s:b"], False),  # it was not reached
        ([GOOD, Check("b", "SKIPPED")], ["s:b"], False),
        ([GOOD, BAD, WIRE], ["s"], True),  # what is refused is refused by the schema
        ([], [], True),  # it did not run
        ([], ["s"], True),
    ],
)
def test_a_scenario_is_wrong(checks: list[Check], allowed: list[str], wrong: bool) -> None:
    assert one(checks, allowed).wrong is wrong


def test_what_the_suite_does_not_mark_counts_only_where_it_is_wanted() -> None:
    assert not one([BAD], [], scored=()).wrong
    (verdict,) = judge("2026-07-28", {"http-header-validation": [BAD]}, [], ())
    assert verdict.wrong
    assert verdict.unexpected == ["b: no"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_nothing_that_a_server_with_tools_can_pass_is_expected_to_fail(revision: str) -> None:
    entries = baseline(revision)
    assert len(entries) == len(set(entries))
    allowed = ("tools-call-mixed-content", "tools-call-with-progress")
    never = {"caching", "dns-rebinding-protection", "ping", "server-initialize", "tools-list"}
    never |= {"server-stateless", "json-schema-2020-12"}
    never |= {f"tools-call-{kind}" for kind in ("simple-text", "image", "audio", "error")}
    never |= {"input-required-result-unsupported-methods", "input-required-result-validate-input"}
    assert never.isdisjoint(entries)
    assert not [entry for entry in entries if entry.startswith("http-")]
    assert set(allowed) <= set(entries)
