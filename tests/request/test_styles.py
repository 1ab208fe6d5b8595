from __future__ import annotations

from decimal import Decimal
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.schemas import ANYTHING
from gateway.request.styles import (
    content_text,
    cookie_writer,
    header_writer,
    path_writer,
    query_writer,
)
from gateway.request.text import Unwritable, json_bytes

SCALAR = frozenset({"string"})
ARRAY = frozenset({"array"})
OBJECT = frozenset({"object"})

STRING = "blue"
COLORS = ["blue", "black", "brown"]
RGB = {"R": 100, "G": 200, "B": 150}

# OpenAPI 3.1.1, "Style Examples"; `|` and a space are percent-encoded, as RFC 3986 wants.
QUERY_TABLE = [
    ("form", False, STRING, "color=blue"),
    ("form", False, COLORS, "color=blue,black,brown"),
    ("form", False, RGB, "color=R,100,G,200,B,150"),
    ("form", True, STRING, "color=blue"),
    ("form", True, COLORS, "color=blue&color=black&color=brown"),
    ("form", True, RGB, "R=100&G=200&B=150"),
    ("spaceDelimited", False, COLORS, "color=blue%20black%20brown"),
    ("spaceDelimited", False, RGB, "color=R%20100%20G%20200%20B%20150"),
    ("spaceDelimited", True, COLORS, "color=blue&color=black&color=brown"),
    ("pipeDelimited", False, COLORS, "color=blue%7Cblack%7Cbrown"),
    ("pipeDelimited", False, RGB, "color=R%7C100%7CG%7C200%7CB%7C150"),
    ("pipeDelimited", True, COLORS, "color=blue&color=black&color=brown"),
    ("deepObject", True, RGB, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ("deepObject", False, RGB, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    # Not in the table: what Rails, PHP, Stripe and qs read.
    ("deepObject", True, COLORS, "color%5B%5D=blue&color%5B%5D=black&color%5B%5D=brown"),
    ("deepObject", True, {"a": {"b": 1}}, "color%5Ba%5D%5Bb%5D=1"),
    ("deepObject", True, {"a": [1, 2]}, "color%5Ba%5D%5B%5D=1&color%5Ba%5D%5B%5D=2"),
    ("deepObject", True, [{"p": 1}, {"p": 2}], "color%5B0%5D%5Bp%5D=1&color%5B1%5D%5Bp%5D=2"),
    # RFC 6570: what is undefined is left out.
    ("form", True, [], ""),
    ("form", False, [], ""),
    ("form", True, {}, ""),
    ("form", False, {}, ""),
    ("form", True, "", "color="),
    ("form", True, [None, "x"], "color=x"),
    ("form", True, {"a": None, "b": 1}, "b=1"),
    # A comma of an item is no comma of ours.
    ("form", False, ["a,b", "c"], "color=a%2Cb,c"),
    # An object within a list has no style of its own.
    ("form", True, [{"a": 1}], "color=%7B%22a%22%3A1%7D"),
]


@pytest.mark.parametrize(("style", "explode", "value", "wire"), QUERY_TABLE)
def test_a_query_is_written_as_the_table_of_openapi_says(
    style: str, explode: bool, value: Any, wire: str
) -> None:
    assert query_writer("color", style, explode, ANYTHING)(value) == wire


PATH_TABLE = [
    ("simple", False, STRING, "blue"),
    ("simple", False, COLORS, "blue,black,brown"),
    ("simple", False, RGB, "R,100,G,200,B,150"),
    ("simple", True, COLORS, "blue,black,brown"),
    ("simple", True, RGB, "R=100,G=200,B=150"),
    ("label", False, STRING, ".blue"),
    ("label", False, COLORS, ".blue,black,brown"),
    ("label", False, RGB, ".R,100,G,200,B,150"),
    ("label", True, COLORS, ".blue.black.brown"),
    ("label", True, RGB, ".R=100.G=200.B=150"),
    ("matrix", False, STRING, ";color=blue"),
    ("matrix", False, COLORS, ";color=blue,black,brown"),
    ("matrix", False, RGB, ";color=R,100,G,200,B,150"),
    ("matrix", True, COLORS, ";color=blue;color=black;color=brown"),
    ("matrix", True, RGB, ";R=100;G=200;B=150"),
]


@pytest.mark.parametrize(("style", "explode", "value", "wire"), PATH_TABLE)
def test_a_path_is_written_as_the_table_of_openapi_says(
    style: str, explode: bool, value: Any, wire: str
) -> None:
    assert path_writer("color", style, explode, ANYTHING)(value) == wire


@pytest.mark.parametrize(
    ("explode", "value", "wire"),
    [
        (False, STRING, "blue"),
        (False, COLORS, "blue,black,brown"),
        (False, RGB, "R,100,G,200,B,150"),
        (True, RGB, "R=100,G=200,B=150"),
        (False, "Zürich 東京", "Zürich 東京"),
    ],
)
def test_a_header_is_written_simple_and_unencoded(explode: bool, value: Any, wire: str) -> None:
    assert header_writer("simple", explode, ANYTHING)(value) == wire


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "\x7f", ["a", "b\r"]])
def test_a_header_never_holds_a_control_character(value: Any) -> None:
    with pytest.raises(Unwritable, match="control characters"):
        header_writer("simple", False, ANYTHING)(value)


@pytest.mark.parametrize(
    ("explode", "value", "wire"),
    [
        (False, STRING, "color=blue"),
        (False, COLORS, "color=blue,black,brown"),
        (True, COLORS, "color=blue; color=black; color=brown"),
        (False, RGB, "color=R,100,G,200,B,150"),
        (True, "a; admin=1, b\r\n%", "color=a%3B%20admin=1%2C%20b%0D%0A%25"),
    ],
)
def test_a_cookie_is_one_cookie_whatever_its_value(explode: bool, value: Any, wire: str) -> None:
    assert cookie_writer("color", "form", explode, ANYTHING)(value) == wire


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cookie_parses_back_to_its_value(text: str) -> None:
    written = cookie_writer("k", "form", True, SCALAR)(text)
    parsed = SimpleCookie()
    parsed.load(written)
    assert {key: unquote(one.value) for key, one in parsed.items()} == {"k": text}


@pytest.mark.parametrize(
    "char", ["/", "?", "#", "%", "&", " ", "\\", ";", ",", "=", ":", "@", "ü", "{x}"]
)
def test_every_reserved_character_of_a_path_value_is_encoded(char: str) -> None:
    wire = path_writer("id", "simple", False, SCALAR)(f"a{char}b")
    assert unquote(wire) == f"a{char}b"
    assert set(wire) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%")


@pytest.mark.parametrize("value", ["", [], [""], {}, [None]])
def test_a_path_value_is_never_empty(value: Any) -> None:
    with pytest.raises(Unwritable, match="empty"):
        path_writer("id", "simple", False, ANYTHING)(value)


@pytest.mark.parametrize("value", ["a\nb", "\r", "\x00", ["a", "\x1f"]])
def test_a_path_value_never_holds_a_control_character(value: Any) -> None:
    with pytest.raises(Unwritable, match="control characters"):
        path_writer("id", "simple", False, ANYTHING)(value)


@pytest.mark.parametrize("kinds", [SCALAR, ARRAY, OBJECT, SCALAR | ARRAY])
@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": "\ud800"}])
def test_text_that_is_not_unicode_is_refused_everywhere(kinds: frozenset[str], value: Any) -> None:
    writers = [
        path_writer("x", "simple", False, kinds),
        query_writer("x", "form", True, kinds),
        query_writer("x", "deepObject", True, kinds),
        header_writer("simple", False, kinds),
        cookie_writer("x", "form", True, kinds),
        content_text(kinds),
    ]
    for write in writers:
        with pytest.raises(Unwritable):
            write(value)


@pytest.mark.parametrize(
    ("kinds", "value"),
    [(SCALAR, {"a": 1}), (SCALAR, [1, 2]), (ARRAY, {"a": 1}), (OBJECT, [1]), (OBJECT, "text"),
     (OBJECT, "[1]"), (OBJECT, "{"), (OBJECT, 7)],
)  # fmt: skip
def test_a_shape_that_the_place_cannot_hold_is_refused(kinds: frozenset[str], value: Any) -> None:
    for write in (path_writer("x", "simple", False, kinds), query_writer("x", "form", True, kinds)):
        with pytest.raises(Unwritable):
            write(value)


def test_an_object_may_come_as_its_json_text_with_its_numbers_exact() -> None:
    write = query_writer("f", "deepObject", True, OBJECT)
    assert write('{"a": 1.10, "b": 12345678901234567890123}') == (
        "f%5Ba%5D=1.10&f%5Bb%5D=12345678901234567890123"
    )


def test_text_is_an_objects_json_only_where_no_string_may_stand() -> None:
    number_or_object = frozenset({"integer", "object"})
    assert query_writer("f", "deepObject", True, number_or_object)('{"a": 1}') == "f%5Ba%5D=1"
    assert query_writer("f", "deepObject", True, number_or_object)("5") == "f=5"
    assert query_writer("f", "form", True, ANYTHING)('{"a"') == "f=%7B%22a%22"


def test_one_text_for_a_list_is_a_list_of_one() -> None:
    assert query_writer("x", "form", False, ARRAY)("a,b") == "x=a%2Cb"


def test_an_object_never_stands_in_for_another_parameter() -> None:
    """Its members become parameters of their own, so they could be pinned or hidden ones."""
    write = query_writer("f", "form", True, OBJECT, guarded=frozenset({"api_key", "f"}))
    with pytest.raises(Unwritable, match="'api_key'"):
        write({"api_key": "x"})
    assert write({"f": 1}) == "f=1"
    deep = query_writer("f", "deepObject", True, OBJECT, guarded=frozenset({"f[a]"}))
    with pytest.raises(Unwritable, match=r"'f\[a\]'"):
        deep({"a": 1})


def test_an_object_in_a_cookie_never_stands_in_for_another_cookie() -> None:
    write = cookie_writer("c", "form", True, OBJECT, frozenset({"session", "c"}))
    assert write({"a": 1, "c": 2}) == "a=1; c=2"
    for name in ("session", "Session", "session[]", ""):
        with pytest.raises(Unwritable, match="a cookie of its own"):
            write({name: "x"})


def test_allow_reserved_keeps_what_cannot_end_the_value() -> None:
    write = query_writer("x", "form", True, SCALAR, reserved=True)
    assert write("a/b:c?d@e!$'()*,") == "x=a/b:c?d@e!$'()*,"
    assert write("a&b=c#d+e;f [g]") == "x=a%26b%3Dc%23d%2Be%3Bf%20%5Bg%5D"
    assert write("%26 is %2f, 100% %zz") == "x=%26%20is%20%2f,%20100%25%20%25zz"


def test_a_name_with_brackets_is_encoded() -> None:
    assert query_writer("team_ids[]", "form", True, ARRAY)([1]) == "team_ids%5B%5D=1"


def test_content_is_json_text() -> None:
    assert content_text(OBJECT)({"a": Decimal("1.10")}) == '{"a":1.10}'
    assert content_text(OBJECT)('{"a": 1.10}') == '{"a":1.10}'
    assert content_text(SCALAR)('{"a": 1}') == '"{\\"a\\": 1}"'
    with pytest.raises(Unwritable, match="JSON text"):
        content_text(OBJECT)("{")


@pytest.mark.parametrize("value", [["a", " b"], ["a ", "b"], {"k": "v "}, {" k": "v"}])
@pytest.mark.parametrize("explode", [True, False])
def test_a_header_loses_no_space_of_an_item(value: Any, explode: bool) -> None:
    kinds = ARRAY if isinstance(value, list) else OBJECT
    with pytest.raises(Unwritable, match=r"must not hold '.*': a header loses the spaces"):
        header_writer("simple", explode, kinds)(value)
    assert header_writer("simple", explode, ARRAY)(["a b", "c"]) == "a b,c"


@pytest.mark.parametrize("value", [{"a": []}, {"a": {}}, {"a": {"b": []}}])
def test_what_would_vanish_from_a_deep_object_is_refused(value: Any) -> None:
    with pytest.raises(Unwritable, match=r"holds an empty .* at 'x\[a\]"):
        query_writer("x", "deepObject", True, OBJECT)(value)


def test_a_null_in_a_deep_object_is_left_out() -> None:
    assert query_writer("x", "deepObject", True, OBJECT)({"a": None, "b": 1}) == "x%5Bb%5D=1"


def test_a_bracket_in_a_key_never_ends_a_name() -> None:
    for key in ("a][b", "a[b", "a]"):
        with pytest.raises(Unwritable, match="a bracket ends a name here"):
            query_writer("x", "deepObject", True, OBJECT)({key: 1})


def test_deep_nesting_is_refused_not_followed() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = {"a": value}
    for write in (query_writer("x", "deepObject", True, OBJECT), content_text(OBJECT), json_bytes):
        with pytest.raises(Unwritable, match="nested too deeply"):
            write(value)
    del_deep(value)


def del_deep(value: Any) -> None:
    """Take it apart by hand: the interpreter would recurse."""
    while isinstance(value, dict):
        value = value.popitem()[1]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_an_exploded_list_parses_back_to_its_items(items: list[str]) -> None:
    written = query_writer("a b", "form", True, ARRAY)(items)
    assert parse_qsl(written, keep_blank_values=True) == [("a b", item) for item in items]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_joined_list_parses_back_to_its_items(items: list[str]) -> None:
    name, _, written = query_writer("x", "form", False, ARRAY)(items).partition("=")
    assert name == "x"
    assert [unquote(item) for item in written.split(",")] == items


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_a_deep_object_parses_back_to_its_members(value: dict[str, str]) -> None:
    written = query_writer("x", "deepObject", True, OBJECT)(value)
    parsed = parse_qsl(written, keep_blank_values=True)
    assert {name[2:-1]: text for name, text in parsed} == value
