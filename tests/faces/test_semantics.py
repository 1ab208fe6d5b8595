from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.faces.semantics import Meaning, json_path, meaning
from gateway.plugin import Operation

TEXT = {"type": "string"}


def rows(**members: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": members}}


@pytest.mark.parametrize(
    ("properties", "way", "named"),
    [
        ({"things": rows(name=TEXT)}, ("things",), {"title": "name"}),
        ({"total": {"type": "integer"}, "a": rows(), "items": rows(title=TEXT)}, ("items",),
         {"title": "title"}),
        ({"a": rows(), "b": rows()}, (), {}),
        ({"page": {"type": "object", "properties": {"rows": rows(name=TEXT)}}}, ("page", "rows"),
         {"title": "name"}),
        # A thing with lists of its own is one thing.
        ({"id": TEXT, "name": TEXT, "items": rows(title=TEXT)}, (), {"title": "name"}),
        ({"tags": {"type": "array", "items": TEXT}}, (), {}),
        ({"list": {"anyOf": [rows(), TEXT]}}, (), {}),
        ({"data": rows(full_name=TEXT, description=TEXT, url=TEXT, html_url=TEXT, avatar_url=TEXT)},
         ("data",), {"title": "full_name", "subtitle": "description", "url": "html_url",
                     "thumbnail_url": "avatar_url"}),
        # A name says nothing of what is no text.
        ({"data": rows(title={"type": "integer"}, name=TEXT, url={"type": "object"})}, ("data",),
         {"title": "name"}),
        ({}, (), {}),
    ],
)  # fmt: skip
def test_the_rows_and_what_names_them_are_found(
    operation: Callable[..., Operation], properties: Any, way: Any, named: Any
) -> None:
    returns = {"type": "object", "properties": properties}
    assert meaning(operation(returns=returns)) == Meaning(way, named)


def test_a_list_is_found_where_it_is_served(operation: Callable[..., Operation]) -> None:
    assert meaning(operation(returns=rows(name=TEXT))) == Meaning(("items",), {"title": "name"})
    whole = operation(returns=rows(name=TEXT), budget=0)
    assert meaning(whole) == Meaning((), {"title": "name"})


@pytest.mark.parametrize(
    ("keys", "query"),
    [
        ((), "$"),
        (("data",), "$.data"),
        (("page", "b_1"), "$.page.b_1"),
        (("a b", "it's", 'a "b"', "\\", "\n", "1"),
         """$["a b"]["it's"]["a \\"b\\""]["\\\\"]["\\n"]["1"]"""),
    ],
)  # fmt: skip
def test_a_path_is_a_query_of_rfc_9535(keys: tuple[str, ...], query: str) -> None:
    assert json_path(keys) == query
