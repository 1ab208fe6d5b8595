"""`paginate` against the spec, at load: mistakes with their place and the way out."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from gateway.config import read_configs
from gateway.errors import Mistakes
from gateway.plugin import Plugin, build
from gateway.spec.document import parse

SPEC: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Rows", "version": "1"},
    "servers": [{"url": "https://api.example.com"}],
    "paths": {
        "/rows": {
            method: {
                "operationId": f"{method}Rows",
                "parameters": [
                    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
                    {"name": "page", "in": "query", "required": True,
                     "schema": {"type": "integer"}},
                    {"name": "per_page", "in": "query",
                     "schema": {"type": "integer", "maximum": 100}},
                    {"name": "q", "in": "query", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "OK", "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Rows"}}}}},
            }
            for method in ("get", "post")
        }
    },
    "components": {"schemas": {"Rows": {"type": "object", "properties": {
        "data": {"type": "array", "items": {"type": "object", "properties": {
            "id": {"type": "string"}}}},
        "total": {"type": "integer"},
        "meta": {"type": "object", "properties": {
            "next_cursor": {"type": "string"}, "has_more": {"type": "boolean"}}},
    }}}},
}  # fmt: skip


def load(directory: Path, paginate: str, more: str = "", name: str = "getRows") -> Plugin:
    text = f"""\
plugin: rows
contact: a@example.com
spec: rows.json
{more}
operations:
  {name}:
    paginate: {paginate}
"""
    path = directory / "rows.yaml"
    path.write_text(text)
    (directory / "rows.json").write_text("{}")
    (loaded,) = read_configs([path], {"KEY": "secret"})
    return build(loaded, SPEC, "rows.json")


@pytest.mark.parametrize(
    ("paginate", "where", "message"),
    [
        ("{items: data}", "paginate", "expected one of cursor, page, offset and link"),
        ("{items: data, page: page, offset: q}", "paginate", "found page and offset"),
        ("{cursor: {from: a, to: b}}", "paginate", "items"),
        ("{items: data, cursor: {to: cursor}}", "paginate.cursor", "expected `from` or `last`"),
        ("{items: data, cursor: {from: total, last: id, to: cursor}}", "paginate.cursor",
         "one of the two"),
        ("{items: data, link: {to: [page]}}", "paginate.link", "expected `rel` or `from`"),
        ("{items: data, cursor: {last: id, to: cursor}, size: 5}", "paginate.size", "no effect"),
        ("{items: data, page: page, max_pages: 0}", "paginate.max_pages", "at least 1"),
        ("{items: dta, page: page}", "paginate.items", "did you mean 'data'?"),
        ("{items: total, page: page}", "paginate.items", "'total' is no array"),
        ("{items: $, page: page}", "paginate.items", "'$' is no array"),
        ("{items: data.id, page: page}", "paginate.items", "'data' is no object"),
        ("{items: 'data.*', page: page}", "paginate.items", "keys alone"),
        ("{items: 'data..x', page: page}", "paginate.items", "character 6"),
        ("{items: data, cursor: {from: meta.nextcursor, to: cursor}}", "paginate.cursor.from",
         "did you mean 'meta.next_cursor'?"),
        ("{items: data, cursor: {last: ids, to: cursor}}", "paginate.cursor.last",
         "did you mean 'id'?"),
        ("{items: data, page: page, more: meta.more}", "paginate.more", "meta.has_more"),
        ("{items: data, link: {from: next}}", "paginate.link.from", "'next' is not in"),
        ("{items: data, cursor: {from: meta.next_cursor, to: cursr}}", "paginate.cursor.to",
         "did you mean 'cursor'?"),
        ("{items: data, cursor: {from: meta.next_cursor, to: page}}", "paginate.cursor.to",
         "'page' is required upstream"),
        ("{items: data, page: pages}", "paginate.page", "did you mean 'page'?"),
        ("{items: data, link: {rel: next, to: [page]}}", "paginate.link.to", "required upstream"),
        ("{items: data, page: page, size: {param: per_page, value: 200}}", "paginate.size.value",
         "200"),
        ("{items: data, page: page, size: {param: limit, value: 20}}", "paginate.size.param",
         "takes no 'limit' in its query; it takes cursor, page, per_page, q"),
        ("{items: data, page: page}\n    parameters: {page: {default: 3}}", "paginate.page",
         "leave it out of `parameters`"),
    ],
)  # fmt: skip
def test_a_mistake_says_where_and_what_to_do(
    tmp_path: Path, paginate: str, where: str, message: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        load(tmp_path, paginate)
    found = [(one.path, one.message) for one in caught.value.mistakes]
    assert len(found) == 1, found
    path, text = found[0]
    assert path.startswith(f"operations.getRows.{where}"), path
    assert message in text


def test_only_a_get_is_followed(tmp_path: Path) -> None:
    with pytest.raises(Mistakes, match="only a GET is followed from page to page, this is a POST"):
        load(tmp_path, "{items: data, page: page}", name="postRows")


def test_the_credential_is_no_cursor(tmp_path: Path) -> None:
    more = 'upstream: {credential: {query: {name: cursor, value: "${KEY}"}}}'
    with pytest.raises(Mistakes, match="'cursor' is sent by `upstream` already"):
        load(tmp_path, "{items: data, cursor: {from: meta.next_cursor, to: cursor}}", more)


@pytest.mark.parametrize("entry", ["hide", "{default: 10}", "{pin: 5}"])
def test_what_the_whole_plugin_says_of_the_parameter_gives_way(tmp_path: Path, entry: str) -> None:
    plugin = load(
        tmp_path,
        "{items: data, page: page, size: {param: per_page, value: 50}}",
        f"parameters: {{per_page: {entry}}}",
    )
    operation = plugin.operations["getRows"]
    assert not plugin.warnings
    assert [one.name for one in operation.arguments] == ["cursor", "q"]
    url = operation.build({}, {}).url
    assert url == "https://api.example.com/rows?page=1&per_page=50"


def test_hiding_it_as_well_is_no_mistake(tmp_path: Path) -> None:
    paginate = "{items: data, page: page}\n    parameters: {query.page: hide, cursor: hide}"
    operation = load(tmp_path, paginate).operations["getRows"]
    assert [one.name for one in operation.arguments] == ["per_page", "q"]
    assert operation.paging is not None
    assert operation.paging.first == 1


def test_a_name_that_something_else_has_is_told_apart(tmp_path: Path) -> None:
    paginate = "{items: data, page: page}\n    parameters: {page: {from: q}}"
    operation = load(tmp_path, paginate).operations["getRows"]
    assert [one.name for one in operation.arguments] == ["cursor", "per_page", "page"]
    url = operation.build({"page": "x"}, {}).url
    assert url == "https://api.example.com/rows?page=1&q=x"


@pytest.mark.parametrize(
    ("rules", "most", "served"),
    [
        ("limit_items: {data: 7}", 7, ("data",)),
        ("limit_items: {data: {max: 7, hard: true}}", 7, ("data",)),
        ("limit_items: {'$.data[]': 7}", 7, ("data",)),
        ("limit_items: {rows: 7}\n    fields: [data as rows]", 7, ("rows",)),
        ("limit_items: {data: 7}\n    fields: ['data.{id as x}']", 7, ("data",)),
        ("limit_items: {ids: 7}\n    fields: [data.id as ids]", None, None),
        ("fields: [total]", None, None),
        ("", None, ("data",)),
    ],
)
def test_how_many_items_are_wanted_and_where_they_are_served(
    tmp_path: Path, rules: str, most: int | None, served: tuple[str, ...] | None
) -> None:
    operation = load(tmp_path, "{items: data, page: page}\n    " + rules).operations["getRows"]
    assert operation.paging is not None
    assert (operation.paging.most, operation.paging.served) == (most, served)


REAL = {
    "slack_swagger2.json": """
        users_list:
          paginate: {items: members, cursor: {from: response_metadata.next_cursor, to: cursor},
                     size: {param: limit, value: 200}}
        """,
    "stripe_2023-09.yaml": """
        GetCustomers:
          paginate: {items: data, cursor: {last: id, to: starting_after}, more: has_more,
                     size: {param: limit, value: 100}}
        """,
    "spotify_fixed.yml": """
        get-an-albums-tracks:
          paginate: {items: items, link: {from: next, to: [offset]},
                     size: {param: limit, value: 50}}
        """,
    "tmdb_restbench.json": """
        GET /search/movie:
          paginate: {items: results, page: page, size: 20}
        """,
}


@pytest.mark.parametrize("name", REAL)
def test_real_specs_take_it(specs: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "real.yaml"
    spec = f"plugin: real\ncontact: a@b.example\nspec: {name}\nupstream: {{url: https://a.example}}"
    operations = dedent(REAL[name]).replace("\n", "\n  ")
    path.write_text(f"{spec}\noperations:\n{operations}")
    (tmp_path / name).symlink_to(specs / name)
    (loaded,) = read_configs([path], {})
    document = parse((specs / name).read_bytes(), name)
    (operation,) = build(loaded, document, name).chosen
    assert operation.paging is not None
    hidden = {*operation.paging.to}
    assert hidden
    assert not hidden & {one.name for one in operation.arguments}
    assert hidden <= operation.withheld.keys()
