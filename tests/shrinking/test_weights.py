from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.shrinking.exact import decode
from gateway.shrinking.paths import Step
from gateway.shrinking.tokens import count
from gateway.shrinking.weights import Part, arrays, is_map, weigh


def parts(value: Any) -> dict[str, Part]:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return {part.path: part for part in weigh(decode(text), count(text))}


ROWS = [
    {
        "id": number,
        "name": f"Somebody {number}",
        "url": f"https://h.example/{number}",
        "note": None,
        "hash": f"a1b2c3d4e5f6a7b8{number}",
        "about": "A long story of many words. " * 10,
        "owner": {"login": "x"},
        "tags": ["a", "b"],
    }
    for number in range(20)
]


def test_each_path_has_its_tokens_the_heaviest_first_and_all_of_them_together() -> None:
    found = parts({"data": ROWS, "total": 20})
    assert next(iter(found)) == "data.about"
    assert set(found) == {
        "data.id", "data.name", "data.url", "data.note", "data.hash", "data.about",
        "data.owner.login", "data.tags", "total",
    }  # fmt: skip
    total = count(json.dumps({"data": ROWS, "total": 20}, separators=(",", ":")))
    assert sum(part.tokens for part in found.values()) == pytest.approx(total, abs=len(found))
    assert sum(part.share for part in found.values()) == pytest.approx(1)
    assert (found["data.id"].number, found["total"].number) == (20, 1)


def test_what_the_values_of_a_path_are_is_told() -> None:
    found = parts(ROWS)
    assert found["url"].urls == 1
    assert found["note"].empty == 1
    assert found["hash"].opaque == 1
    assert found["about"].prose == 1
    assert found["id"].numbers == 1
    assert found["owner.login"].alike
    assert not found["name"].alike
    assert [part.path for part in sorted(found.values(), key=lambda one: one.place)] == [
        "id", "name", "url", "note", "hash", "about", "owner.login", "tags",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "alike"),
    [
        ({f"2024-01-{day:02}": 1.5 for day in range(1, 20)}, True),
        ({"EUR": {}, "USD": {}, "GBP": {}}, False),
        ({f"key{number}": {} for number in range(8)}, True),
        ({f"key{number}": number for number in range(300)}, True),
        ({"1. open": 1, "2. high": 2, "3. low": 3, "4. close": 4}, False),
        ({"16x16": "a", "24x24": "b", "32x32": "c"}, True),
        ({"id": 1, "name": "a", "@type": "b", "$ref": "c", "x-y": 1, "ä": 2}, False),
        ({}, False),
    ],
)
def test_keys_that_are_data_are_told_from_names(value: Any, alike: bool) -> None:
    assert is_map(value) is alike


def test_the_keys_of_a_map_are_one_path() -> None:
    found = parts({"prices": {f"2024-01-{day:02}": {"close": day} for day in range(1, 20)}})
    assert list(found) == ["prices.*.close"]


def test_arrays_are_found_with_their_rows() -> None:
    found = arrays({"data": [{"tags": [1, 2, 3]}, {"tags": [1]}], "one": [1]})
    assert found == {(Step("data"),): 2, (Step("data"), Step("tags")): 3}
    assert arrays([1, 2]) == {(): 2}


def test_numbers_of_any_length_and_deep_values_are_weighed() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    assert len(parts(deep)) == 1
    weighed = weigh(decode(b'{"n":1e400,"m":123456789012345678901234567890}'), 30)
    assert {part.path for part in weighed} == {"n", "m"}
