"""What is measured is what it says: each answer is decided by its rung, both projections agree."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest

from bench.savings.measure import compiled
from bench.shrinking import TOKENS, Grown, measured_fit, measured_growth, power
from bench.shrinking.answers import EXPRESSION, FIELDS, RUNGS, rows
from bench.shrinking.growth import plot
from gateway.config.scalars import Budget
from gateway.shrinking import count


def fitted(rung: str) -> tuple[Any, Any]:
    body = RUNGS[rung]()
    assert 0.9e6 < len(body) < 1.1e6
    text = compiled({"budget": Budget(TOKENS)}).shrink(body).body
    assert 0.97 * TOKENS < count(text) <= TOKENS
    answer = json.loads(text)
    del answer["_shrunk"]
    return json.loads(body), answer


def cut_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.endswith("…"):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from cut_texts(one)


def test_strings_alone_are_cut() -> None:
    whole, answer = fitted("strings")
    assert len(answer["posts"]) == len(whole["posts"])
    assert min(map(len, cut_texts(answer))) > 200


def test_rows_are_left_out_and_texts_no_shorter_than_the_floor() -> None:
    whole, answer = fitted("rows")
    assert 20 < len(answer["items"]) < len(whole["items"]) / 10
    assert sum(len(text) < 180 for text in cut_texts(answer["items"][:-1])) == 0


def test_depth_cuts_texts_below_the_floor_and_keeps_the_keys() -> None:
    whole, answer = fitted("depth")
    assert answer.keys() == whole.keys()
    assert sum(len(text) < 180 for text in cut_texts(answer)) > 100


def test_an_outline_has_names_and_empty_containers() -> None:
    whole, answer = fitted("outline")
    assert sum(value in ({}, []) for value in answer.values()) > 50
    assert len(answer) < len(whole)


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_both_projections_take_the_same(size: int) -> None:
    body = rows(size)
    assert size <= len(body) < size + 2000
    ours = compiled({"fields": FIELDS}).shrink(body).body
    assert len(ours) < len(body) / 3
    # As jmespath itself takes it, which the peer of the bench does in its own environment.
    assert json.loads(compiled({"jmespath": EXPRESSION}).shrink(body).body) == json.loads(ours)


def test_a_fit_and_a_growth_are_measured() -> None:
    fit = measured_fit("rows", rows(200_000), 1)
    assert fit.tokens <= TOKENS
    assert 0 < fit.share < 1
    grown = measured_growth(10_000, 1)
    assert grown.fields > 0
    assert grown.budget > 0


def test_linear_is_the_power_of_one() -> None:
    points = [Grown(10**size, 10.0**size, 4.0**size) for size in (4, 5, 6, 7)]
    assert power(points, "fields") == pytest.approx(1)
    assert power(points, "budget") == pytest.approx(0.602, abs=0.001)


def test_the_picture_has_a_point_for_each_size() -> None:
    picture = ET.fromstring(plot([(10_000, 0.05, 0.5), (10**6, 3.0, 9.0), (10**7, 40.0, 30.0)]))  # noqa: S314 - our own
    assert sum(one.tag.endswith("circle") for one in picture) == 6
    assert [one.text for one in picture][-1] == "budget, 30 ms"
