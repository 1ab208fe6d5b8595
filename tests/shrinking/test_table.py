"""Tables: read back to the byte, never longer, and told by the served schema."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.shrinking import Shapes, count
from gateway.shrinking.exact import Tree, decode, encode, tidy
from gateway.shrinking.schema import lenient, reached
from gateway.shrinking.table import tabled, untabled
from gateway.shrinking.table_schema import table_schema
from gateway.shrinking.untable import HEADER
from gateway.values import Schema
from tests.shrinking.generated import PAYLOADS, VALUES, text_of
from tests.shrinking.test_schema import COMPONENTS, SCHEMAS

KEYS = st.sampled_from(
    [*HEADER, "columns_", "id", "a", "b", "a.b", "a/b", "", ".", 'q"', "{a}", "é", "x>y|::->"]
)
SCALARS = st.one_of(
    st.sampled_from(
        [None, True, 1, 1.5, -0.0, 10**30, "", "x", "-", "--", "absent", "{a}", "{id}/{a}", "é\n"]
    ),
    st.sampled_from(["https://h.example/u/", "https://h.example/é/"]).flatmap(
        lambda start: st.builds(lambda end: f"{start}{end}", st.sampled_from(["1", "é", "ab/c?d"]))
    ),
    st.integers(0, 5),
    st.sampled_from([{}, []]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=6),
        st.lists(st.fixed_dictionaries({"id": inner, "a": inner}), max_size=5),
        st.lists(st.dictionaries(KEYS, inner, max_size=4), max_size=6),
        st.lists(
            st.fixed_dictionaries(
                {"id": SCALARS, "a": st.just(1)}, optional={"b": inner, "": inner}
            ),
            max_size=8,
        ),
        st.dictionaries(
            st.integers(0, 30).map(str), st.fixed_dictionaries({"a": inner}), max_size=12
        ),
        st.builds(
            lambda columns, rows: {"columns": columns, "rows": rows},
            st.lists(st.sampled_from(["a", "b"]), max_size=2),
            inner,
        ),
        st.builds(lambda row, other, times: [row, other] * times, inner, inner, st.integers(1, 5)),
    ),
    max_leaves=40,
)
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


def table_of(value: Any) -> Any:
    """What becomes of a value. What is read back is the very text, and it was not shorter.

    But for what looks like a table: its `columns` have a longer name.
    """
    text = tidy(text_of(value))
    out = tabled(text)
    assert untabled(out) == text
    assert len(out) <= len(text) + text.count(b'"columns')
    return json.loads(out)


def rows(times: int, **members: Any) -> list[dict[str, Any]]:
    return [{"id": number, **members} for number in range(times)]


# --- the form ---------------------------------------------------------------------------------


def test_names_and_what_is_the_same_in_all_rows_are_written_once() -> None:
    users = [
        {"id": n, "type": "User", "at": {"x": n, "y": 2 * n}, "url": f"https://h.example/u/{n}"}
        for n in range(1, 10)
    ]
    assert table_of({"users": users})["users"] == {
        "count": 9,
        "columns": ["id", "at.x", "at.y"],
        "each": {"type": "User", "url": "https://h.example/u/{id}"},
        "order": [1, 1],
        "rows": [[n, n, 2 * n] for n in range(1, 10)],
    }


def test_a_map_of_alike_objects_has_its_rows_by_key() -> None:
    days = {f"2024-01-{n:02}": {"open": n, "high": n + 1.5} for n in range(1, 13)}
    out = table_of({"days": days})["days"]
    assert out["columns"] == ["open", "high"]
    assert out["rows"]["2024-01-12"] == [12, 13.5]


def test_the_top_is_left_alone_if_it_is_a_map() -> None:
    assert list(table_of({f"c{n}": {"price": n, "volume": n} for n in range(20)})) == [
        f"c{n}" for n in range(20)
    ]


def test_tables_in_cells_share_a_header() -> None:
    matrix = [{"elements": [{"text": f"{n}", "status": n % 2} for n in range(5)]} for _ in range(4)]
    matrix[1]["elements"][0]["text"] = "other"
    out = table_of(matrix)
    assert out["tables"] == {"elements": {"columns": ["text", "status"]}}
    assert out["rows"][1][0][0] == ["other", 0]


def test_absent_is_told_from_null() -> None:
    out = table_of([{"id": 1, "b": None, "c": 1}, {"id": 2, "c": 1}, {"id": 3, "b": 4, "c": 1}] * 3)
    assert out["absent"] == {}
    assert out["rows"][:3] == [[1, None], [2, {}], [3, 4]]
    out = table_of([{"id": 1, "c": 1}, {"id": 2, "b": 3, "c": 1}] * 4)
    assert out["absent"] is None


def test_a_row_that_is_not_like_the_others_is_written_whole() -> None:
    odd = {"c": 1, "b": 2, "a": 3}
    out = table_of([{"a": n, "b": "text", "c": n + 1} for n in range(9)] + [odd])
    assert out["rows"][-1] == odd


def test_an_address_that_is_the_same_in_all_cells_is_written_once() -> None:
    pictures = [{"id": n * n, "at": f"https://pictures.example/{7 * n}.png"} for n in range(1, 9)]
    out = table_of(pictures)
    assert out["each"] == {"at": "https://pictures.example/{at}.png"}
    assert out["rows"][1] == [4, "14"]


def test_braces_that_are_no_cell_stay() -> None:
    text = "https://h.example/{id}/{/other}"
    out = table_of(rows(9, url=text, other="{/other}"))
    assert out["each"] == {"other": "{/other}"}
    assert out["rows"][0] == [0, text]


def test_a_string_is_not_made_of_a_cell_where_other_braces_could_be_meant() -> None:
    items = [{"id": n, "to": f"{7 * n}", "at": f"https://h.example/{{to}}/{n}"} for n in range(9)]
    out = table_of(items)
    assert "each" not in out
    assert out["rows"][2] == [2, "14", "https://h.example/{to}/2"]


def test_an_escape_is_not_taken_apart() -> None:
    table_of([{"id": letter, "blank": f"\\{letter}".encode().decode("unicode_escape")}
              for letter in "nrtbf" * 9])  # fmt: skip


def test_names_with_the_separator_in_them_do_not_collide() -> None:
    out = table_of([{"a.b": n, "a": {"b": -n, "c": n}} for n in range(9)])
    assert out["columns"] == ["a.b", "a/b", "a/c"]
    assert out["separator"] == "/"


@pytest.mark.parametrize(
    "value",
    [
        {"columns": ["a"], "rows": [[1], [2]]},
        {"count": 1, "columns_": ["a"], "rows": {"a": [1]}},
        {"columns": None, "rows": 0},
        [{"columns": ["a"], "rows": [[n]]} for n in range(9)],
        {"x": {"columns": [], "rows": []}, "columns": 1, "columns_": 2, "rows": 3},
    ],
)
def test_what_looks_like_a_table_is_not_taken_for_one(value: Any) -> None:
    table_of(value)
    table_of({"data": [value, {"x": [value]}]})


def test_an_object_that_looks_like_a_table_has_another_name_for_its_columns() -> None:
    assert table_of({"columns": ["a"], "rows": [[1]]}) == {"columns_": ["a"], "rows": [[1]]}


# --- exactly ----------------------------------------------------------------------------------


@SLOW
@given(st.one_of(JSON, VALUES))
def test_whatever_is_written_is_read_back_to_the_byte(value: Any) -> None:
    table_of(value)


@pytest.mark.parametrize(
    "number", [b"1.10", b"1E5", b"1e+05", b"-0", b"-0.0", b"9" * 400, b"12345678901234567890.10"]
)
def test_numbers_keep_their_text(number: bytes) -> None:
    items = [
        b'{"id":%d,"same":%s,"value":%s,"in":{"x":%s,"y":[{"z":%s}]},"text":"v/%s"}'
        % (n, number, number if n % 2 else b"1", number, number, number)
        for n in range(9)
    ]
    text = b"[" + b",".join(items) + b"]"
    out = tabled(text)
    assert len(out) < len(text)
    assert untabled(out) == text
    assert number in out


@SLOW
@given(JSON)
def test_the_same_text_gives_the_same_table(value: Any) -> None:
    text = tidy(text_of(value))
    assert tabled(text) == tabled(bytes(bytearray(text)))


@pytest.mark.parametrize("levels", [30, 39, 40, 41, 42, 60, 300, 10_000])
@pytest.mark.parametrize("form", ["[%s]", '{"a":%s}', '[{"a":%s},{"a":1,"b":2},{"a":3,"b":[]}]'])
def test_depth_is_bounded(levels: int, form: str) -> None:
    before, after = form.split("%s")
    inside = '[{"columns":["a"],"rows":[{"k":[]},{"k":[0]}]},{"columns":[],"rows":[]}]'
    text = (before * levels + inside + after * levels).encode()
    out = tabled(text)
    assert untabled(out) == text
    assert len(out) <= len(text) + 2


# --- linear: each of these takes far less than a second, and minutes where anything is quadratic --


@pytest.mark.parametrize(
    "value",
    [
        [{f"k{n}": n} for n in range(30_000)],
        [{f"k{n}": n for n in range(60_000)}] * 2,
        [{"id": n, "deep": {f"k{n}": n}} for n in range(30_000)],
        [{"id": n, f"k{n % 300}": n} for n in range(30_000)],
        {"m": {f"k{n}": {f"k{n % 7}": n} for n in range(30_000)}},
        [{"a": [{"a": [{f"k{n}": n}, {"b": 1}]}, {"c": [1]}]} for n in range(8_000)],
    ],
    ids=["own keys", "wide", "own keys inside", "300 keys", "map", "nested"],
)
def test_what_is_unlike_or_wide_is_read_back_too(value: Any) -> None:
    table_of(value)


def test_tables_that_come_to_nothing_are_not_tried_again_at_each_level() -> None:
    value: Any = [{"a": 1, "b": 2}, {"b": 3, "a": 4}]
    for n in range(38):
        value = [{"x": value, f"k{n}": n}, {"y": n, f"j{n}": "not alike at all"}]
    table_of(value)


# --- payloads ---------------------------------------------------------------------------------


def without_empty_columns(value: Tree) -> Tree:
    """As `drop: [empty]` does it where tables are written: a key goes if no row needs it."""
    if type(value) is dict:
        kept = {key: without_empty_columns(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if member not in (None, "", [], {})}
    if type(value) is list:
        items = [without_empty_columns(item) for item in value]
        if not all(type(item) is dict for item in items):
            return items
        needed = {key for item in items for key in item}
        return [
            {key: item.get(key, old[key]) for key in old if key in needed}
            for item, old in zip(items, value, strict=True)
        ]
    return value


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_payloads_are_read_back_to_the_byte(path: Path) -> None:
    text = tidy(path.read_bytes())
    for one in (text, encode(without_empty_columns(decode(text)))):
        out = tabled(one)
        assert untabled(out) == one
        assert len(out) < len(one)
        assert tidy(out) == out
        assert count(out) < count(one)


def test_payloads_cost_less_than_half_of_their_tokens() -> None:
    if not PAYLOADS:
        pytest.skip("the payloads are not here")
    exactly, dropped = [], []
    for path in PAYLOADS:
        sent = path.read_bytes()
        text = tidy(sent)
        exactly.append(math.log(count(tabled(text)) / count(sent)))
        rest = encode(without_empty_columns(decode(text)))
        dropped.append(math.log(count(tabled(rest)) / count(sent)))
    assert math.exp(sum(exactly) / len(exactly)) < 0.44
    assert math.exp(sum(dropped) / len(dropped)) < 0.43


# --- the schema -------------------------------------------------------------------------------


def served(schema: Schema, components: dict[str, Schema]) -> tuple[Schema, dict[str, Schema]]:
    """A schema as it is served where tables are written, and what it leads to."""
    shapes = Shapes(components)
    plain = lenient(schema, shapes)
    before = reached(plain, shapes)
    out = table_schema(plain, shapes)
    after = reached(out, shapes)
    assert reached(plain, shapes) == before  # for the other operations
    assert all(after[name] == before[name] for name in after.keys() & before.keys())
    return out, after


def accepts(schema: Schema, components: dict[str, Schema], value: Any) -> bool:
    document = {**schema, "components": {"schemas": components}}
    return bool(jsonschema_rs.Draft202012Validator(document).is_valid(value))


LOOSE = st.recursive(
    st.one_of(SCALARS, st.just("x" * 30)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "children", "id", "data", "rows", "columns"]), inner
        ),
        st.lists(st.fixed_dictionaries({"name": SCALARS, "children": inner}), max_size=6),
        st.dictionaries(
            st.integers(0, 30).map(str), st.fixed_dictionaries({"name": inner, "id": inner}),
            min_size=8, max_size=12,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@SLOW
@given(SCHEMAS, LOOSE)
def test_what_the_schema_accepts_is_accepted_as_a_table_too(schema: Schema, value: Any) -> None:
    shapes = Shapes(COMPONENTS)
    plain = lenient(schema, shapes)
    out, components = served(schema, COMPONENTS)
    for one in (value, {"items": value}):
        if accepts(plain, reached(plain, shapes), one):
            assert accepts(out, components, one)
            assert accepts(out, components, table_of(one))


TREE: Schema = {"$ref": "#/components/schemas/Tree"}


def test_a_component_with_tables_has_a_twin_and_stays_as_it_is() -> None:
    out, components = served(TREE, COMPONENTS)
    assert out == {"$ref": "#/components/schemas/Tree_tabled"}
    children = components["Tree_tabled"]["properties"]["children"]
    assert children["anyOf"][1] == {"$ref": "#/components/schemas/Table"}
    assert "Tree" not in components
    tree = {"name": "a", "children": [{"name": f"n{n}", "children": []} for n in range(12)]}
    encoded = table_of(tree)
    assert encoded["children"]["columns"] == ["name"]
    assert accepts(out, components, tree)
    assert accepts(out, components, encoded)
    assert not accepts(out, components, {"name": "a", "children": "none"})


def test_what_refers_to_such_a_component_has_a_twin_as_well() -> None:
    forest: Schema = {"type": "object", "properties": {"tallest": TREE}}
    out, components = served(
        {"$ref": "#/components/schemas/Forest"}, {"Forest": forest, **COMPONENTS}
    )
    assert out == {"$ref": "#/components/schemas/Forest_tabled"}
    assert components["Forest_tabled"]["properties"] == {
        "tallest": {"$ref": "#/components/schemas/Tree_tabled"}
    }


def test_what_cannot_be_a_table_is_served_as_before() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string"}},
            "texts": {"$ref": "#/components/schemas/Texts"},
        },
    }
    out, components = served(schema, COMPONENTS)
    assert out == lenient(schema, Shapes(COMPONENTS))
    assert list(components) == ["Texts"]


def test_names_of_our_own_are_free() -> None:
    components = {**COMPONENTS, "Table": {"type": "string"}, "Tree_tabled": {"type": "string"}}
    out, after = served({"allOf": [TREE, {"$ref": "#/components/schemas/Table"}]}, components)
    assert after["Table"] == {"type": "string"}
    assert {"Table_", "Tree_tabled_"} <= after.keys()
    assert out["allOf"][0] == {"$ref": "#/components/schemas/Tree_tabled_"}


def test_a_map_of_objects_is_an_object_or_a_table() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"days": {"type": "object", "additionalProperties": {"type": "object"}}},
    }
    out, components = served(schema, {})
    days = {"days": {f"2024-01-{n:02}": {"open": n, "close": n} for n in range(1, 13)}}
    assert table_of(days)["days"]["columns"] == ["open", "close"]
    assert accepts(out, components, days)
    assert accepts(out, components, table_of(days))


def test_names_with_braces_are_filled_into_nothing() -> None:
    people = ("ada", "bob", "eve", "dan", "joe", "ann", "kim", "lee")
    rows = [
        {"id": number, "{id}": f"https://h.example/users/{name}", "{": name, "x": f"n {name}"}
        for number, name in enumerate(people)
    ]
    text = encode(rows)
    assert untabled(tabled(text)) == text
