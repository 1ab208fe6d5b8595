"""What the suite found, beside what it may find. Pure.

The suite judges by itself, too, but only what counts for its marks: three scenarios that a server
with tools must pass, those of headers and of schemas, do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

# Not marked by the suite, since its own fixture cannot pass them; wanted here.
WANTED = ("http-header-validation", "http-custom-header-server-validation", "json-schema-2020-12")
_FAILED = ("FAILURE", "WARNING")
# Every message is held against the revision's JSON Schema: whatever is refused is said rightly.
_WIRE = "wire-schema-valid"


@dataclass(frozen=True)
class Check:
    """One check: SUCCESS, FAILURE, WARNING, SKIPPED or INFO, and what was wrong."""

    id: str
    status: str
    message: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of a scenario.

    `expected` and `unexpected` are failed checks, the latter with what was wrong; `stale` are
    entries of the baseline that pass. `counts` is whether the scenario has to pass at all.
    """

    revision: str
    scenario: str
    passed: int
    expected: Sequence[str]
    unexpected: Sequence[str]
    stale: Sequence[str]
    counts: bool

    @property
    def wrong(self) -> bool:
        """Whether something is there that should not be."""
        return self.counts and bool(self.unexpected or self.stale)


def judge(
    revision: str,
    results: Mapping[str, Sequence[Check]],
    baseline: Collection[str],
    scored: Collection[str],
) -> Iterator[Verdict]:
    """A verdict per scenario.

    Args:
        revision: Of the protocol.
        results: The checks of each scenario that ran.
        baseline: What may fail: `scenario`, or `scenario:check`.
        scored: The scenarios that a server of the revision must pass.
    """
    for scenario in sorted({*results, *scored, *_scenarios(baseline)}):
        must = scenario in scored or scenario in WANTED
        checks = results.get(scenario, ())
        failed = [one for one in checks if one.status in _FAILED]
        named = {entry for entry in baseline if entry.partition(":")[0] == scenario}
        if not checks:
            if must or named:
                wrong = ("it did not run",)
                yield Verdict(revision, scenario, 0, (), wrong, (), counts=True)
            continue
        stale = _stale(scenario, checks, named)
        whole = scenario in named
        expected = [
            one for one in failed if one.id != _WIRE and (whole or f"{scenario}:{one.id}" in named)
        ]
        yield Verdict(
            revision=revision,
            scenario=scenario,
            passed=sum(one.status == "SUCCESS" for one in checks),
            expected=[one.id for one in expected],
            unexpected=[f"{one.id}: {one.message}" for one in failed if one not in expected],
            stale=stale,
            counts=must or bool(named),
        )


def _scenarios(baseline: Collection[str]) -> set[str]:
    return {entry.partition(":")[0] for entry in baseline}


def _stale(scenario: str, checks: Sequence[Check], named: Collection[str]) -> list[str]:
    """Entries that pass. A check that was not reached does not make its entry stale."""
    stale = []
    for entry in sorted(named):
        check = entry.partition(":")[2]
        of = [one.status for one in checks if not check or one.id == check]
        if any(status in _FAILED for status in of):
            continue
        if not check or "SUCCESS" in of:
            stale.append(entry)
    return stale
