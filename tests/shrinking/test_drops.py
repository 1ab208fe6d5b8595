"""`drop`: kinds, paths, columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.drops import compile_drop
from gateway.shrinking.exact import decode, encode
from gateway.shrinking.paths import join
from tests.shrinking.generated import PAYLOADS, VALUES, text_of

URL = "https://api.example.com/users/1{/id}"
SOME = st.recursive(
    st.sampled_from([None, "", 0, 1, "x", URL, "http://", [], {}, [URL], [URL, None]]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
        st.lists(st.dictionaries(st.sampled_from("abcd"), inner, max_size=4), max_size=4),
    ),
    max_leaves=40,
)
ENTRIES = st.lists(
    st.sampled_from(["empty", "nulls", "urls", "a.b", "..c", "*.d", "$.a"]), min_size=1, unique=True
)


def dropped(value: Any, *entries: str, columns: bool = False) -> Any:
    drop, _, faults = compile_drop(entries, columns=columns)
    assert not faults
    return drop(value) if drop else value


# --- kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize(
    ("value", "left"),
    [
        (
            {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": " "},
            {"e": 0, "f": False, "g": " "},
        ),
        ({"a": {"b": {"c": None}}}, {}),
        ({"a": {"b": {"c": None}, "d": 1}}, {"a": {"d": 1}}),
        ({"a": [1, None, 3]}, {"a": [1, None, 3]}),
        ({"a": [{"b": None}, {"c": 1}]}, {"a": [{}, {"c": 1}]}),
        ({"a": [None, "", [], {}]}, {}),
        ({"a": [{"b": None}]}, {}),
        ([None], []),
        (None, None),
        ("", ""),
    ],
)
def test_empty_is_dropped_and_items_keep_their_places(
    value: Any, left: Any, *, columns: bool
) -> None:
    assert dropped(value, "empty", columns=columns) == left


def test_nulls_are_null_members_alone() -> None:
    value = {"a": None, "b": "", "c": {"d": None}, "e": [None], "f": []}
    assert dropped(value, "nulls") == {"b": "", "c": {}, "e": [None], "f": []}
    assert dropped([None], "nulls") == [None]


@pytest.mark.parametrize(
    "value",
    ["http://a.example", "https://a.example/x?y=1#z", "HTTPS://A.EXAMPLE", URL, [URL], [URL, URL]],
)
def test_members_that_are_addresses_are_dropped(value: Any) -> None:
    assert dropped({"n": 1, "u": value}, "urls") == {"n": 1}


@pytest.mark.parametrize(
    "value",
    ["", "https://", "http", "https:/a", "ftp://a.example", "a.example", f"see {URL}", f"{URL} ok",
     f"{URL}\n", f"<{URL}>", [], [None], [URL, None], [URL, 1], [[URL]], {"n": URL[8:]}, 1, None],
)  # fmt: skip
def test_what_is_more_or_less_than_an_address_stays(value: Any) -> None:
    assert dropped({"u": value}, "urls") == {"u": value}


def test_what_holds_nothing_but_addresses_is_empty_once_they_are_gone() -> None:
    value = {"links": {"self": URL, "next": None}, "rows": [{"url": URL}, {"url": URL}], "n": 1}
    assert dropped(value, "urls") == {"links": {"next": None}, "rows": [{}, {}], "n": 1}
    assert dropped(value, "urls", "empty") == {"n": 1}
    assert dropped([URL], "urls", "empty") == [URL]


# --- columns ----------------------------------------------------------------------------------


def test_a_column_goes_where_all_of_its_cells_would() -> None:
    rows = [
        {"id": 1, "a": None, "b": "", "u": URL},
        {"id": 2, "a": None, "b": "x", "u": ""},
        {"id": 3, "b": None},
    ]
    assert dropped(rows, "empty", columns=True) == [
        {"id": 1, "b": "", "u": URL},
        {"id": 2, "b": "x", "u": ""},
        {"id": 3, "b": None},
    ]
    assert dropped(rows, "empty", "urls", columns=True) == [
        {"id": 1, "b": ""},
        {"id": 2, "b": "x"},
        {"id": 3, "b": None},
    ]
    assert dropped({"a": None, "rows": rows[:1]}, "empty", columns=True) == {
        "rows": [{"id": 1, "u": URL}]
    }


def test_objects_in_a_column_have_columns_themselves() -> None:
    rows = [
        {"team": {"city": None, "name": "A", "x": {"y": ""}}, "tags": [{"t": None}, {"t": 1}]},
        {"team": {"city": None, "name": ""}, "tags": []},
        {"team": None},
    ]
    assert dropped(rows, "empty", columns=True) == [
        {"team": {"name": "A"}, "tags": [{"t": None}, {"t": 1}]},
        {"team": {"name": ""}, "tags": []},
        {"team": None},
    ]


def test_paths_drop_cells_as_well_and_items_that_are_no_rows_are_seen_alone() -> None:
    rows = [{"a": 1, "b": 1}, {"a": 2}]
    assert dropped(rows, "$.a", "empty", columns=True) == [{"b": 1}, {}]
    assert dropped([{"a": None}, 1, {"a": 1}], "empty", columns=True) == [{}, 1, {"a": 1}]


# --- paths ------------------------------------------------------------------------------------

PAGE = {
    "self": 1,
    "urls": [1],
    "data": [
        {"links": {"self": 2, "x": 3}, "meta": {"links": 4}},
        {"links": 5, "self": {"self": 6}, "items": [{"meta": 7, "k": 8}]},
    ],
}


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("$.urls", {**PAGE, "urls": ...}),
        ("data", {"self": 1, "urls": [1]}),
        (
            "..self",
            {
                "urls": [1],
                "data": [
                    {"links": {"x": 3}, "meta": {"links": 4}},
                    {"links": 5, "items": [{"meta": 7, "k": 8}]},
                ],
            },
        ),
        (
            "data.*.links",
            {**PAGE, "data": [{"links": {"self": 2, "x": 3}, "meta": {}}, PAGE["data"][1]]},
        ),
        (
            "data[].items[].meta",
            {**PAGE, "data": [PAGE["data"][0], {**PAGE["data"][1], "items": [{"k": 8}]}]},
        ),
        ("data.*", {**PAGE, "data": [{}, {}]}),
        ("data.nothing.there", PAGE),
        ("self.x", PAGE),
        ("..*", {}),
    ],
)
def test_a_path_drops_the_members_it_names(entry: str, left: Any) -> None:
    wanted = {key: value for key, value in left.items() if value is not ...}
    assert dropped(PAGE, entry) == wanted


def test_a_kind_and_a_field_of_its_name_are_told_apart() -> None:
    value = {"empty": 1, "urls": 2, "nulls": 3, "a": None}
    assert dropped(value, "nulls") == {"empty": 1, "urls": 2, "nulls": 3}
    assert dropped(value, "$.nulls", "$.empty") == {"urls": 2, "a": None}
    assert dropped({"users": 1, "n": 2}, "users") == {"n": 2}


def test_paths_go_before_kinds() -> None:
    assert dropped({"a": {"id": 1}, "n": 1}, "a.id", "empty") == {"n": 1}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("url", "'url': did you mean 'urls'? A field of that name is written '$.url'"),
        ("Emtpy", "'Emtpy': did you mean 'empty'? A field of that name is written '$.Emtpy'"),
        ("null", "'null': did you mean 'nulls'? A field of that name is written '$.null'"),
        ("$", "'$' is the whole answer; name what to drop of it"),
        ("a.tags[]", "'a.tags[]': items are not dropped; 'a.tags' drops the array"),
        ("a as b", "'a as b': `as` gives no name here; write the path alone"),
        ("a.", "'a.', character 3: expected a key; the text ends"),
    ],
)  # fmt: skip
def test_an_entry_that_drops_nothing_is_told(entry: str, message: str) -> None:
    drop, entries, faults = compile_drop(["x", entry], columns=False)
    assert faults == [(1, message)]
    assert [(one.index, join(one.steps)) for one in entries] == [(0, "x")]
    assert drop is not None
    assert drop({"x": 1, "a": {"tags": [1]}}) == {"a": {"tags": [1]}}


def test_without_entries_nothing_drops() -> None:
    assert compile_drop([], columns=True) == (None, [], [])
    _, entries, _ = compile_drop(["..a.{b,c}"], columns=False)
    assert [(entry.index, join(entry.steps)) for entry in entries] == [(0, "..a.b"), (0, "..a.c")]


# --- any value --------------------------------------------------------------------------------


def has_empty_member(value: Any) -> bool:
    if isinstance(value, dict):
        return any(one in (None, "", [], {}) or has_empty_member(one) for one in value.values())
    return isinstance(value, list) and any(map(has_empty_member, value))


@given(VALUES)
def test_no_member_is_empty_afterwards(value: Any) -> None:
    assert not has_empty_member(dropped(value, "empty"))


@given(value=SOME, entries=ENTRIES, columns=st.booleans())
def test_a_second_time_changes_nothing_and_what_came_is_not_changed(
    value: Any, entries: list[str], *, columns: bool
) -> None:
    before = json.dumps(value)
    left = dropped(value, *entries, columns=columns)
    assert dropped(left, *entries, columns=columns) == left
    assert json.dumps(value) == before


def is_part(left: Any, value: Any) -> bool:
    """Whether nothing is there that was not, order included, and no item is gone but all."""
    if isinstance(left, dict) and isinstance(value, dict):
        keys = iter(value)
        return all(key in keys for key in left) and all(
            is_part(one, value[key]) for key, one in left.items()
        )
    if isinstance(left, list) and isinstance(value, list):
        return not left or (len(left) == len(value) and all(map(is_part, left, value)))
    return type(left) is type(value) and left == value


@given(value=st.one_of(SOME, VALUES), entries=ENTRIES, columns=st.booleans())
def test_what_is_left_was_there_in_this_order(
    value: Any, entries: list[str], *, columns: bool
) -> None:
    assert is_part(dropped(value, *entries, columns=columns), value)


@given(SOME, st.lists(st.sampled_from(["empty", "nulls", "urls"]), min_size=1, unique=True))
def test_columns_drop_no_more_than_cells(value: Any, kinds: list[str]) -> None:
    # An array that is emptied in one way may hold emptied items in the other.
    by_columns = dropped(value, *kinds, columns=True)
    assert dropped(by_columns, *kinds) == dropped(value, *kinds)


def test_numbers_keep_their_text() -> None:
    text = b'{"a":1.10,"b":null,"c":[12345678901234567890123,-0,1e400],"rows":[{"n":1.0,"x":""}]}'
    for columns in (False, True):
        assert encode(dropped(decode(text), "empty", "urls", columns=columns)) == (
            b'{"a":1.10,"c":[12345678901234567890123,-0,1e400],"rows":[{"n":1.0}]}'
        )


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("entry", ["empty", "..a"])
def test_what_is_nested_too_deeply_is_told(entry: str, *, columns: bool) -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = {"b": [deep]}
    with pytest.raises(ValueError, match="nested too deeply"):
        dropped(deep, entry, columns=columns)


def test_rows_that_all_differ_are_no_trouble() -> None:
    rows = [{f"k{number}": None, "id": number} for number in range(20_000)]
    assert dropped(rows, "empty", columns=True) == [{"id": number} for number in range(20_000)]


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_real_answers_are_smaller_and_whole(path: Any) -> None:
    value = decode(text_of(json.loads(path.read_bytes())))
    for columns in (False, True):
        left = dropped(value, "empty", "urls", "..self", columns=columns)
        assert is_part(left, value)
        assert len(encode(left)) <= len(encode(value))
