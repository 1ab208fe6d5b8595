"""What `bench policy` measures are hits."""

from __future__ import annotations

from bench.policy import cases, measure


def test_every_case_has_what_its_name_says() -> None:
    found = {case.name: case for case in cases()}
    assert found["plain"].request.headers == ()
    assert len(found["six headers"].request.headers) == 6
    assert not found["six headers"].entries[0].facts.vary
    assert len(found["six headers, three in Vary"].entries[0].facts.vary) == 3
    assert len(found["16 variants, the oldest"].entries) == 16


def test_each_case_has_its_figure() -> None:
    assert [one.name for one in measure(1)] == [case.name for case in cases()]
