"""What a page holds, and several pages as one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.pages import WrongPage, at, join, read, says_more, word

ITEMS = st.lists(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below,
                                                                    max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)  # fmt: skip


@given(st.lists(ITEMS, min_size=1, max_size=4), st.sampled_from([(), ("data",), ("a", "b.c")]))
def test_the_whole_has_all_items_of_all_pages_in_order(
    lists: list[list[Any]], way: tuple[str, ...]
) -> None:
    texts = []
    for items in lists:
        value: Any = items
        for key in reversed(way):
            value = {"before": 1, key: value, "after": [2]}
        texts.append(json.dumps(value, ensure_ascii=False, indent=1).encode())
    pages = [read(text, way) for text in texts]
    assert [page.count for page in pages] == [len(items) for items in lists]
    whole = at(join(pages, way, {}), way)
    assert whole is not None
    assert json.loads(whole) == [item for items in lists for item in items]
    if len(way) == 1:
        assert list(json.loads(join(pages, way, {}))) == ["before", "data", "after"]


def test_what_the_last_page_says_takes_the_place_of_what_the_first_said() -> None:
    pages = [read(b'{"d":[1],"m":{"n":"a","t":2},"x":1}', ("d",)), read(b'{"d":[2]}', ("d",))]
    whole = join(pages, ("d",), {("m", "n"): b'"z"'})
    assert whole == b'{"d":[1,2],"m":{"n":"z","t":2},"x":1}'
    assert join(pages, ("d",), {("m", "n"): None}) == b'{"d":[1,2],"m":{"t":2},"x":1}'
    assert join(pages, ("d",), {("none", "n"): b"1", ("x", "y"): b"1"})[-7:] == b',"x":1}'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"data": [1', "not JSON"),
        (b'{"data": ' + b"[" * 100_000, "not JSON"),
        (b'{"data": null}', "another shape"),
        (b'{"data": {"0": 1}}', "another shape"),
        (b"[[1]]", "another shape"),
        (b'"data"', "another shape"),
    ],
)
def test_what_is_no_page_says_why(body: bytes, why: str) -> None:
    with pytest.raises(WrongPage, match=why):
        read(body, ("data",))


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        (None, None),
        (b"null", None),
        (b"false", None),
        (b'""', None),
        (b"0", None),
        (b'"0"', None),
        (b'"a\\u00e9"', "aé"),
        (b"12345678901234567890123", "12345678901234567890123"),
        (b"1.50", "1.50"),
        (b"-1", "-1"),
    ],
)
def test_a_cursor_is_a_text_or_a_number(text: bytes | None, cursor: str | None) -> None:
    assert word(text) == cursor


@pytest.mark.parametrize("text", [b"true", b"{}", b"[1]", b'"' + b"x" * 5000 + b'"'])
def test_nothing_else_is_a_cursor(text: bytes) -> None:
    with pytest.raises(WrongPage):
        word(text)


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b'{"m":true}', True),
        (b'{"m":1}', True),
        (b'{"m":"x"}', True),
        (b'{"m":false}', False),
        (b'{"m":null}', False),
        (b'{"m":0}', False),
        (b"{}", False),
        (b"[]", False),
    ],
)
def test_whether_there_is_more_is_said_in_many_ways(body: bytes, more: bool) -> None:
    assert says_more(body, ("m",)) is more
