"""`fields`: what is taken, walked and by generated types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.exact import decode, encode, tidy
from gateway.shrinking.fields import compile_fields
from gateway.shrinking.paths import parse
from gateway.shrinking.typed import Projection
from tests.shrinking.generated import PAYLOADS, SCALARS, faults_of, shrinker, text_of

ROW = {
    "id": 1,
    "name": "x",
    "team": {"full_name": "Lakers", "city": None},
    "tags": [{"n": "a"}, {"n": "b"}],
}


def projection(*paths: str) -> Projection:
    level, clashes = compile_fields([parse(path) for path in paths])
    assert not clashes
    return Projection(level)


def taken(value: Any, *paths: str) -> Any:
    return json.loads(projection(*paths)(text_of(value)))


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (["data.id"], {"data": [{"id": 1}]}),
        (["data.{id,team.full_name as team}"], {"data": [{"id": 1, "team": "Lakers"}]}),
        (["data.{id,team.full_name}"], {"data": [{"id": 1, "team": {"full_name": "Lakers"}}]}),
        (["data.team"], {"data": [{"team": {"full_name": "Lakers", "city": None}}]}),
        (["data.team.city"], {"data": [{"team": {"city": None}}]}),
        (["data.team.none"], {"data": [{"team": {}}]}),
        (["data.none"], {"data": [{}]}),
        (["none"], {}),
        (["none.below"], {}),
        (["data[].tags[].n"], {"data": [{"tags": [{"n": "a"}, {"n": "b"}]}]}),
        (["data.{tags.n as tags}"], {"data": [{"tags": ["a", "b"]}]}),
        (["data.team.city as cities"], {"cities": [None]}),
        (["data.id as ids", "meta.n as n"], {"ids": [1], "n": 1}),
        (["by.*.v"], {"by": {"p": {"v": 1}, "q": {}}}),
        (["by.*"], {"by": {"p": {"v": 1, "w": 2}, "q": {"w": 3}}}),
        (["by.*.v as v"], {"v": {"p": 1}}),
        (["meta.n", "data.id"], {"meta": {"n": 1}, "data": [{"id": 1}]}),
        (["data.id.deeper"], {"data": [{}]}),
        (
            ["data.{team.{city},team.full_name as name}"],
            {"data": [{"team": {"city": None}, "name": "Lakers"}]},
        ),
        (
            ["data.{team,team.full_name as name}"],
            {"data": [{"team": {"full_name": "Lakers", "city": None}, "name": "Lakers"}]},
        ),
        (["gone.x"], {"gone": None}),
        (["gone.x as x"], {}),
        (['"a.b"."c\\"d"'], {"a.b": {'c"d': 1}}),
    ],
)
def test_only_what_is_named_is_taken(paths: list[str], left: Any) -> None:
    value = {
        "data": [ROW],
        "meta": {"n": 1, "m": 2},
        "by": {"p": {"v": 1, "w": 2}, "q": {"w": 3}},
        "gone": None,
        "a.b": {'c"d': 1, "e": 2},
        "text": "secret",
    }
    assert taken(value, *paths) == left


def test_the_order_is_that_of_the_paths() -> None:
    assert projection("b", "a")(b'{"a":1,"c":2,"b":3}') == b'{"b":3,"a":1}'


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ([{"a": {"b": 1}}], [{"a": {"b": 1}}]),
        ([[{"a": {"b": 1}}]], [[{"a": {"b": 1}}]]),
        ({"a": [[{"b": 1}], {"b": 2}, None, "text", 3]}, {"a": [[{"b": 1}], {"b": 2}, None]}),
        ({"a": "text"}, {}),
        ({"a": 5}, {}),
        ({"a": None}, {"a": None}),
        ([None, 1, {"a": None}], [None, {"a": None}]),
        ("text", {}),
        (5, {}),
        (None, None),
        ({}, {}),
        ([], []),
    ],
)
def test_an_answer_of_another_shape_is_no_error_and_gives_away_nothing(
    value: Any, left: Any
) -> None:
    assert taken(value, "a.b") == left


def test_what_is_taken_keeps_its_text_but_for_the_blanks() -> None:
    body = b'{ "a" : { "b" : [ 1.10 , 1e400, -0 ] , "c" : "\\u00e9" }, "d": "\xff" }'
    assert projection("a")(body) == '{"a":{"b":[1.10,1e400,-0],"c":"é"}}'.encode()


def test_bad_text_is_mended_or_refused_as_without_fields() -> None:
    assert projection("a")(b'\xef\xbb\xbf{"a": NaN, "b": 1}') == b'{"a":null}'
    assert projection("a")(rb'{"a": "\ud800", "b": 1}') == '{"a":"\ufffd"}'.encode()
    assert projection("a")(b'{"a": "\xff"}') == '{"a":"\ufffd"}'.encode()
    with pytest.raises(ValueError):  # noqa: PT011 # any text of the libraries will do
        projection("a")(b'{"a": 1')


PATHS = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "a.b",
            "a.{b,c}",
            "a.{b as x,c}",
            "a.b as x",
            "b.*",
            "b.*.c",
            "b.*.c as z",
            "c.a",
            "{a.c as y}",
            "a.b.c",
            "a.b.{a,b.c as d}",
            "c.{a.b.c as d,b}",
            'c."q\\"".a',
        ]
    ),
    min_size=1,
    max_size=4,
)
SHAPED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "x", 'q"']), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(PATHS, SHAPED, st.booleans())
def test_types_and_walk_take_the_same(paths: list[str], value: Any, spaced: bool) -> None:
    level, clashes = compile_fields([parse(path) for path in paths])
    read = [path for number, path in enumerate(paths) if number not in clashes]
    if not (level.picks or level.every):
        return
    compiled = Projection(level)
    body = text_of(value, spaced=spaced)
    assert compiled(body) == encode(compiled.walk(decode(tidy(body)))), read


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("github_repos_search", ("items.{id,full_name,owner.login as owner,score}", "total_count")),
        (
            "citm_catalog",
            ("performances.{id,start,prices.{amount},seatCategories.areas.areaId as areas}",),
        ),
        ("k8s_pods", ("items.{metadata.{name,labels},status.phase as phase}",)),
        ("npm_packument_express", ("versions.*.{version,dependencies}", "name")),
        ("stock_daily", ('"Time Series (Daily)".*."4. close"',)),
    ],
)
def test_types_and_walk_take_the_same_of_real_answers(path: str, fields: tuple[str, ...]) -> None:
    for file in PAYLOADS:
        if file.stem == path:
            body = file.read_bytes()
            compiled = projection(*fields)
            answer = compiled(body)
            assert answer == encode(compiled.walk(decode(tidy(body))))
            assert 100 < len(answer) < len(body) / 3


SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "price": {"type": "number"},
                    "team": {"type": "object", "properties": {"full_name": {"type": "string"}}},
                    "key": {"type": "string", "writeOnly": True},
                },
            },
        },
        "open": {"type": "object"},
        "map": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"v": {}}},
        },
        "either": {
            "oneOf": [
                {"type": "object", "properties": {"l": {}}},
                {"type": "object", "properties": {"r": {}}},
            ]
        },
        "both": {"allOf": [{"type": "object", "properties": {"l": {}}}, {"type": "object"}]},
        "any": {},
    },
}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("data.prise", "'data.prise' is not in the response; did you mean 'data.price'?"),
        (
            "data.{price,tem.full_name}",
            "'data.tem' is not in the response; did you mean 'data.team'?",
        ),
        ("price", "'price' is not in the response; did you mean 'data.price'?"),
        ("full_name", "'full_name' is not in the response; did you mean 'data.team.full_name'?"),
        ("zzz", "'zzz' is not in the response; there: data, open, map, either, both, any"),
        ("data.price.x", "'data.price.x' is not in the response; 'data.price' has no keys"),
        ("data.key", "'data.key' is not in the response; did you mean 'map.key'?"),
        ("data.team[]", "'data.team[]': this is no array in the response; write 'data.team'"),
        ("map.*.w", "'map.*.w' is not in the response; there: v"),
        ("either.z", "'either.z' is not in the response; there: l, r"),
        ("both.z", "'both.z' is not in the response; there: l"),
        ("$", "'$' takes the whole answer: leave `fields` out for that"),
    ],
)
def test_a_path_that_the_schema_does_not_have_is_told(path: str, fault: str) -> None:
    if path == "data.key":
        fault = "'data.key' is not in the response; there: price, team"
    assert faults_of(SCHEMA, fields=("data.price as p", path)) == [f"fields.1: {fault}"]


@pytest.mark.parametrize(
    "path",
    [
        "data.price",
        "data[].price",
        "$.data",
        "open.any.thing",
        "any[].thing",
        "map.x.v",
        "map.*.v",
        "either.l",
        "either.r",
        "both.l",
        "*",
    ],
)
def test_a_path_that_the_schema_has_or_leaves_open_is_right(path: str) -> None:
    assert not faults_of(SCHEMA, fields=(path,))
    assert not faults_of(None, fields=(path,))


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (("a", "a"), "'a': two paths give the name 'a'; use `as`"),
        (("a.b", "a"), "'a': two paths give the name 'a'; use `as`"),
        (("a", "a.b"), "'a.b': 'a' is already taken whole"),
        (("a.b", "c as a"), "'c': two paths give the name 'a'; use `as`"),
        (("c as a", "a.b"), "'a.b': two paths give the name 'a'; use `as`"),
        (("a.x", "a.*"), "'a.*': `*` takes every key, but x is taken there already"),
        (("a.*", "a.x"), "'a.x': `*` already takes every key there"),
        (("a.*.x", "a.*"), "'a.*': `*` takes every key, but * is taken there already"),
    ],
)
def test_two_paths_to_one_place_are_told(paths: tuple[str, ...], fault: str) -> None:
    assert faults_of(None, fields=paths) == [f"fields.1: {fault}"]


def test_every_fault_is_told_and_the_right_paths_still_act() -> None:
    assert len(faults_of(SCHEMA, fields=("x1", "data.price", "data.", "x2"))) == 3


def test_rules_act_before_the_budget_and_the_wrapping() -> None:
    rules = shrinker(fields=("a",), limit_items={"$": 1})
    assert rules.shrink(b'[{"a":1,"b":2},{"a":3}]').body == (
        b'{"_shrunk":{"items":{"kept":1,"total":2}},"items":[{"a":1}]}'
    )
