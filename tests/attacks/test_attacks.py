"""Every attack of the tables meets a whole gateway; all that its upstream got is judged."""

from __future__ import annotations

from functools import cache

import pytest

from tests.attacks.case import Case
from tests.attacks.guards import MUTATIONS, Mutation
from tests.attacks.mutations import caught, reached
from tests.attacks.running import Verdicts, run
from tests.attacks.tables import TABLES


@cache
def verdicts(table: str) -> Verdicts:
    """Those of a whole table: its cases share gateways."""
    return run(TABLES[table])


@pytest.mark.parametrize(
    ("table", "case"),
    [pytest.param(table, one, id=one.name) for table, cases in TABLES.items() for one in cases],
)
def test_nothing_but_what_may_be_seen_is_seen(table: str, case: Case) -> None:
    assert verdicts(table)[case.name] == []


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for cases in TABLES.values() for case in cases]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_what_a_mutation_takes_out_is_there(mutation: Mutation) -> None:
    assert reached(mutation)


def test_a_gateway_without_a_guard_is_caught() -> None:
    """`make attacks` takes out every guard; here one, so that the tables are known to judge."""
    assert caught(next(one for one in MUTATIONS if one.name == "a Location leads anywhere"))
