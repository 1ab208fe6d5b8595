"""`limit_items`."""

from __future__ import annotations

import json

import pytest

from tests.shrinking.generated import faults_of, shrinker, text_of

ROWS = {"data": [{"id": n, "tags": ["a", "b", "c"]} for n in range(5)], "meta": {"n": 5}}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {}, "tags": {"type": "array", "items": {"type": "string"}}},
            },
        },
        "meta": {"type": "object", "properties": {"n": {"type": "integer"}}},
    },
}


def limited(limits: dict[str, int], body: object = ROWS, schema: dict | None = None) -> object:
    return json.loads(shrinker(schema, limit_items=limits).shrink(json.dumps(body).encode()).body)


def test_the_first_rows_stay_and_the_cut_is_announced_first() -> None:
    answer = limited({"data": 2})
    assert answer == {
        "_shrunk": {"data": {"kept": 2, "total": 5}},
        "data": ROWS["data"][:2],
        "meta": {"n": 5},
    }
    assert next(iter(answer)) == "_shrunk"


def test_fewer_rows_than_the_limit_are_no_cut() -> None:
    body = b'{"data":[1,2]}'
    assert shrinker(limit_items={"data": 2}).shrink(body).body == body


def test_arrays_on_the_way_are_looked_through_and_counts_add_up() -> None:
    for path in ("data.tags", "data[].tags", "$.data.tags"):
        answer = limited({path: 2, "data": 3})
        assert answer["_shrunk"] == {
            "data": {"kept": 3, "total": 5},
            "data[].tags": {"kept": 6, "total": 9},
        }
        assert answer["data"][2]["tags"] == ["a", "b"]


def test_the_answer_itself_is_limited_as_items() -> None:
    assert limited({"$": 1}, [1, 2, 3]) == {
        "_shrunk": {"items": {"kept": 1, "total": 3}},
        "items": [1],
    }
    assert limited({"tags": 1}, [{"tags": [1, 2]}]) == {
        "_shrunk": {"items[].tags": {"kept": 1, "total": 2}},
        "items": [{"tags": [1]}],
    }


def test_without_a_schema_an_array_is_limited_under_the_name_it_is_served_as() -> None:
    rows = text_of([{"tags": [1, 2, 3]}] * 3)
    assert json.loads(shrinker(limit_items={"items": 2}).shrink(rows).body) == {
        "_shrunk": {"items": {"kept": 2, "total": 3}},
        "items": [{"tags": [1, 2, 3]}] * 2,
    }
    inner = json.loads(shrinker(limit_items={"items.tags": 1}).shrink(rows).body)
    assert inner["items"] == [{"tags": [1]}] * 3
    found = json.loads(shrinker(limit_items={"items": 2}).shrink(b'{"items":[1,2,3]}').body)
    assert found["items"] == [1, 2]


def test_every_key_of_a_map_is_limited() -> None:
    body = {"by": {"x": [1, 2], "y": [1], "z": 3}}
    assert limited({"by.*": 1}, body)["by"] == {"x": [1], "y": [1], "z": 3}


def test_what_is_no_array_after_all_is_left_alone() -> None:
    assert limited({"data": 1}, {"data": {"a": [1, 2]}}) == {"data": {"a": [1, 2]}}
    assert limited({"data": 1}, {"other": [1, 2]}) == {"other": [1, 2]}


def test_paths_are_those_of_the_answer_after_fields() -> None:
    rules = shrinker(SCHEMA, fields=("data.{id, tags as labels}",), limit_items={"data.labels": 1})
    answer = json.loads(rules.shrink(json.dumps(ROWS).encode()).body)
    assert answer["data"][0] == {"id": 0, "labels": ["a"]}


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ({"dat": 1}, "'dat' is not in the response; did you mean 'data'?"),
        ({"meta": 1}, "'meta' is not an array in the response; arrays are: data"),
        ({"$": 1}, "'$' is not an array in the response; arrays are: data"),
        (
            {"data.{tags}": 1, "data.tags": 2},
            "'data.tags': there is already a limit for this array",
        ),
        (
            {"data.{id,tags}": 1},
            "'data.{id,tags}': one path for each limit, without a brace or `as`",
        ),
        (
            {"data.tags as t": 1},
            "'data.tags as t': one path for each limit, without a brace or `as`",
        ),
        (
            {"data[0]": 1},
            (
                "'data[0]', character 6: expected `]`: items are taken all, not by their "
                "number; found '0]'"
            ),
        ),
    ],
)
def test_a_wrong_path_is_told(limits: dict[str, int], fault: str) -> None:
    path = list(limits)[-1]
    assert faults_of(SCHEMA, limit_items=limits) == [f"limit_items.{path}: {fault}"]


def test_who_means_the_answer_itself_is_told_how_to_write_it() -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"id": {}}}}
    assert faults_of(schema, limit_items={"items": 5}) == [
        "limit_items.items: 'items': the answer itself is the array; write '$'"
    ]
    assert not faults_of(schema, limit_items={"$": 5})
