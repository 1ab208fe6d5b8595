"""Lists that come in pages, through a real gateway and a real upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.aside import Aside
from gateway.config import read_configs
from gateway.errors import Refusal
from gateway.pipeline import steps_of
from gateway.pipeline.call import Call
from gateway.pipeline.paginate import step
from gateway.plugin import Operation, Plugin, build
from gateway.shrinking import prepare
from gateway.values import Reply
from tests.conftest import Serve, Upstream

Query = dict[str, str]
Say = Callable[[Query], Any]

PLUGIN = """
    plugin: lists
    upstream: {{url: "{url}", timeout: {timeout}}}
    contact: a@example.com
    {more}
    operations:
      getRows:
        call: GET /rows
        description: Rows.
        parameters:
          q: {{in: query, type: string}}
          cursor: {{in: query, type: string}}
          page: {{in: query, type: integer}}
          offset: {{in: query, type: integer}}
          per_page: {{in: query, type: integer}}
          season: {{in: query, type: string, pin: regular}}
        paginate: {paginate}
        {operation}
"""
CURSOR = "{items: data, cursor: {from: meta.next, to: cursor}}"


def plugin(
    upstream: Upstream, paginate: str, operation: str = "", more: str = "", timeout: str = "5s"
) -> str:
    return PLUGIN.format(
        url=upstream.url, paginate=paginate, operation=operation, more=more, timeout=timeout
    )


def scripted(upstream: Upstream, say: Say) -> None:
    """Answer each request by its query; a tuple is JSON with headers, bytes go as they are."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        said = say(dict(request.query))
        if isinstance(said, web.StreamResponse):
            return said
        if isinstance(said, bytes):
            return web.Response(body=said, content_type="application/json")
        body, headers = said if isinstance(said, tuple) else (said, {})
        return web.json_response(body, headers=headers)

    upstream.answer = answer


def by_cursor(pages: int, rows: int = 2) -> Say:
    """Pages whose cursors are c1, c2, …; the last has none."""

    def say(query: Query) -> Any:
        number = int(query.get("cursor", "c0")[1:])
        items = [{"id": number * rows + row} for row in range(rows)]
        after = f"c{number + 1}" if number + 1 < pages else None
        return {"data": items, "meta": {"next": after}}

    return say


def ids(response: Any, at: str = "data") -> list[int]:
    return [one["id"] for one in response.json()[at]]


def asked(upstream: Upstream, name: str) -> list[str | None]:
    """What each request said for a parameter."""
    queries = [parse_qs(urlsplit(one.target).query) for one in upstream.received]
    return [query.get(name, [None])[0] for query in queries]


def built(directory: Path, text: str) -> Plugin:
    """The plugin of a config alone."""
    path = directory / "lists.yaml"
    path.write_text(dedent(text))
    (loaded,) = read_configs([path], {})
    return build(loaded, None)


# --- the four ways ----------------------------------------------------------------------------


async def test_a_cursor_is_followed_to_the_end(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(3))
    client = await serve(plugin(upstream, CURSOR))
    response = await client.get("/rows?q=a")
    assert ids(response) == [0, 1, 2, 3, 4, 5]
    assert asked(upstream, "cursor") == [None, "c1", "c2"]
    assert asked(upstream, "q") == ["a", "a", "a"]
    assert asked(upstream, "season") == ["regular"] * 3
    assert response.json()["meta"] == {"next": None}  # the last page's: it does not lie
    assert "_shrunk" not in response.json()


async def test_a_cursor_may_be_a_number_and_any_text(upstream: Upstream, serve: Serve) -> None:
    pages: dict[str | None, Any] = {
        None: {"data": [1], "meta": {"next": 12345678901234567890}},
        "12345678901234567890": {"data": [2], "meta": {"next": "a b&c=d#é%2F"}},
        "a b&c=d#é%2F": {"data": [3], "meta": {}},
    }
    scripted(upstream, lambda query: pages[query.get("cursor")])
    client = await serve(plugin(upstream, CURSOR))
    assert (await client.get("/rows")).json() == {"data": [1, 2, 3], "meta": {}}


async def test_the_last_item_may_be_the_cursor(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        start = {None: 0, "row_1": 2, "row_3": 4}[query.get("cursor")]
        rows = [{"id": f"row_{number}"} for number in range(start, min(start + 2, 5))]
        return {"data": rows, "has_more": start < 4}

    scripted(upstream, say)
    paginate = "{items: data, cursor: {last: id, to: cursor}, more: has_more}"
    client = await serve(plugin(upstream, paginate))
    body = (await client.get("/rows")).json()
    assert [row["id"] for row in body["data"]] == [f"row_{number}" for number in range(5)]
    assert body["has_more"] is False
    assert asked(upstream, "cursor") == [None, "row_1", "row_3"]


@pytest.mark.parametrize(
    ("paginate", "values"),
    [
        ("{items: data, page: page, size: {param: per_page, value: 2}}", [None, "2", "3"]),
        ("{items: data, page: {param: page, first: 0}, size: 2}", [None, "1", "2"]),
        ("{items: data, page: page}", [None, "2", "3", "4"]),
    ],
)
async def test_pages_have_numbers(
    upstream: Upstream, serve: Serve, paginate: str, values: list[str | None]
) -> None:
    first = 0 if "first: 0" in paginate else 1

    def say(query: Query) -> Any:
        number = int(query.get("page", first)) - first
        return {"data": [{"id": one} for one in range(number * 2, min(number * 2 + 2, 5))]}

    scripted(upstream, say)
    client = await serve(plugin(upstream, paginate))
    assert ids(await client.get("/rows")) == [0, 1, 2, 3, 4]
    assert asked(upstream, "page") == values
    sizes = {"2"} if "per_page" in paginate else {None}
    assert set(asked(upstream, "per_page")) == sizes


async def test_an_offset_counts_the_items_that_came(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        start = int(query.get("offset", 0))
        return [{"id": one} for one in range(start, min(start + 3, 7))]  # it gives 3, whoever asks

    scripted(upstream, say)
    client = await serve(plugin(upstream, "{items: $, offset: offset}"))
    assert ids(await client.get("/rows"), "items") == list(range(7))
    assert asked(upstream, "offset") == [None, "3", "6", "7"]


async def test_a_link_header_is_followed(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        number = int(query.get("page", 1))
        # As GitHub writes it: by another path, with all that was sent.
        url = f"{upstream.url}/repositories/1/rows?q=a&season=regular&page={number + 1}"
        links = f'<{upstream.url}/x?page=1>; rel="first", <{url}>; title="a, b"; rel="last next"'
        return [{"id": number}], {"Link": links} if number < 3 else {}

    scripted(upstream, say)
    client = await serve(plugin(upstream, "{items: $, link: {rel: next, to: [page]}}"))
    response = await client.get("/rows?q=a")
    assert ids(response, "items") == [1, 2, 3]
    assert [urlsplit(one.target).path for one in upstream.received] == ["/rows"] * 3
    assert asked(upstream, "page") == [None, "2", "3"]
    assert (await client.get("/rows?page=2")).status == 400


async def test_an_address_in_the_body_is_followed(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        start = int(query.get("offset", 0))
        after = f"/rows?offset={start + 1}&limit=1" if start < 2 else None
        return {"items": [{"id": start}], "next": after}

    scripted(upstream, say)
    client = await serve(plugin(upstream, "{items: items, link: {from: next}}"))
    response = await client.get("/rows")
    assert ids(response, "items") == [0, 1, 2]
    assert response.json()["next"] is None
    assert asked(upstream, "limit") == [None, "1", "1"]


async def test_numbers_keep_their_text_and_members_their_places(
    upstream: Upstream, serve: Serve
) -> None:
    first = b'{"a":1.10,"data":[{"n":12345678901234567890.10}],"meta":{"next":"c1"},"z":-0}'
    second = b'{"data": [ 1e400, {"n": -0} ] , "meta": {"next": ""}}'
    scripted(upstream, lambda query: second if "cursor" in query else first)
    client = await serve(plugin(upstream, CURSOR))
    assert (await client.get("/rows")).body == (
        b'{"a":1.10,"data":[{"n":12345678901234567890.10},1e400,{"n":-0}],'
        b'"meta":{"next":""},"z":-0}'
    )


# --- where it ends ----------------------------------------------------------------------------


async def test_no_more_pages_than_max_pages(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(9))
    client = await serve(plugin(upstream, CURSOR.replace("items", "max_pages: 3, items")))
    response = await client.get("/rows")
    assert ids(response) == [0, 1, 2, 3, 4, 5]
    assert len(upstream.received) == 3
    assert response.json()["_shrunk"]["pages"] == {"kept": 3}


async def test_five_pages_where_nothing_is_said(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(9))
    client = await serve(plugin(upstream, CURSOR))
    assert len(ids(await client.get("/rows"))) == 10
    assert len(upstream.received) == 5


@pytest.mark.parametrize(
    ("operation", "at"),
    [
        ("limit_items: {data: 3}", "data"),
        ("limit_items: {data: {max: 3, hard: true}}", "data"),
        ("fields: ['data.id', 'meta']\n        limit_items: {data: 3}", "data"),
    ],
)
async def test_no_more_pages_than_limit_items_wants(
    upstream: Upstream, serve: Serve, operation: str, at: str
) -> None:
    scripted(upstream, by_cursor(9))
    client = await serve(plugin(upstream, CURSOR, operation))
    assert ids(await client.get("/rows"), at) == [0, 1, 2]
    assert len(upstream.received) == 2


@pytest.mark.parametrize(("fields", "pages"), [("", 2), ("fields: [data.id]", 5)])
async def test_what_cannot_be_sent_is_not_fetched(
    upstream: Upstream, serve: Serve, fields: str, pages: int
) -> None:
    words = " ".join(f"word{number}" for number in range(2000))  # some 6,000 tokens

    def say(query: Query) -> Any:
        number = int(query.get("cursor", "c0")[1:])
        return {"data": [{"id": number, "text": words}], "meta": {"next": f"c{number + 1}"}}

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR, f"budget: 8000\n        {fields}"))
    assert (await client.get("/rows")).status == 200
    assert len(upstream.received) == pages


async def test_no_more_than_max_bytes_of_all_pages(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        number = int(query.get("cursor", "c0")[1:])
        return {"data": ["x" * 5000 + str(number)], "meta": {"next": f"c{number + 1}"}}

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR, "max_bytes: 16KiB\n        budget: no"))
    response = await client.get("/rows")
    assert len(response.json()["data"]) == 3
    assert len(upstream.received) == 4


async def test_an_empty_page_ends_it(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        number = int(query.get("page", 1))
        return {"data": [{"id": number}] if number < 3 else [], "meta": {}}

    scripted(upstream, say)
    client = await serve(plugin(upstream, "{items: data, page: page}"))
    assert ids(await client.get("/rows")) == [1, 2]
    assert len(upstream.received) == 3


async def test_an_empty_list_is_an_answer(upstream: Upstream, serve: Serve) -> None:
    upstream.says({"data": []}, headers={"ETag": '"a"'})
    client = await serve(plugin(upstream, "{items: data, page: page}"))
    response = await client.get("/rows")
    assert (response.json(), response.headers["ETag"]) == ({"data": []}, '"a"')
    assert len(upstream.received) == 1


async def test_a_page_like_the_one_before_ends_it(upstream: Upstream, serve: Serve) -> None:
    upstream.says({"data": [{"id": 1}], "meta": {}})  # it knows no `page`
    client = await serve(plugin(upstream, "{items: data, page: page}"))
    response = await client.get("/rows")
    assert ids(response) == [1]
    assert len(upstream.received) == 2


async def test_a_cursor_that_leads_back_ends_it(upstream: Upstream, serve: Serve) -> None:
    after = {None: "a", "a": "b", "b": "a"}
    count = 0

    def say(query: Query) -> Any:
        nonlocal count
        count += 1  # no two pages are alike
        return {"data": [{"id": count}], "meta": {"next": after[query.get("cursor")]}}

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR))
    assert ids(await client.get("/rows")) == [1, 2, 3]


@pytest.mark.parametrize("end", [b"null", b"false", b'""', b"0", None])
async def test_many_values_mean_that_there_is_no_next_page(
    upstream: Upstream, serve: Serve, end: bytes | None
) -> None:
    upstream.says(
        b'{"data":[1],"meta":{%s}}' % (b'"next":' + end if end is not None else b""),
        content_type="application/json",
    )
    client = await serve(plugin(upstream, CURSOR))
    assert (await client.get("/rows")).status == 200
    assert len(upstream.received) == 1


# --- what goes wrong on the way ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (lambda: web.Response(status=500), "status 500"),
        (lambda: web.json_response({"error": "x"}, status=404), "status 404"),
        (lambda: web.Response(text="<html>", content_type="text/html"), "not JSON"),
        (lambda: web.Response(text='{"data": [1', content_type="application/json"), "not JSON"),
        (lambda: web.json_response({"data": {"id": 1}}), "another shape"),
        (lambda: web.json_response([1]), "another shape"),
        (lambda: web.Response(status=302, headers={"Location": "http://other.invalid/"}),
         "redirect_refused"),
    ],
)  # fmt: skip
async def test_a_page_that_fails_gives_what_there_is_and_says_so(
    upstream: Upstream, serve: Serve, answer: Callable[[], web.Response], failed: str
) -> None:
    good = by_cursor(9)
    scripted(upstream, lambda query: answer() if query.get("cursor") == "c2" else good(query))
    client = await serve(plugin(upstream, CURSOR))
    response = await client.get("/rows")
    assert response.status == 200
    assert ids(response) == [0, 1, 2, 3]
    assert response.json()["_shrunk"]["pages"] == {"kept": 2, "failed": failed}
    assert "no-store" in response.headers["Cache-Control"]


async def test_the_first_page_fails_as_any_call_does(upstream: Upstream, serve: Serve) -> None:
    upstream.says({"error": "no such thing"}, status=404)
    client = await serve(plugin(upstream, CURSOR))
    response = await client.get("/rows")
    assert (response.status, response.json()) == (404, {"error": "no such thing"})


async def test_another_shape_of_the_first_page_goes_as_it_is(
    upstream: Upstream, serve: Serve
) -> None:
    upstream.says({"rows": [1], "meta": {"next": "c1"}})
    client = await serve(plugin(upstream, CURSOR))
    assert (await client.get("/rows")).json() == {"rows": [1], "meta": {"next": "c1"}}
    assert len(upstream.received) == 1


@pytest.mark.parametrize("cursor", [{"a": 1}, [1], True, "x" * 5000])
async def test_a_cursor_that_is_none_is_told(
    upstream: Upstream, serve: Serve, cursor: object
) -> None:
    upstream.says({"data": [{"id": 1}], "meta": {"next": cursor}})
    client = await serve(plugin(upstream, CURSOR))
    response = await client.get("/rows")
    assert ids(response) == [1]
    assert "cursor" in response.json()["_shrunk"]["pages"]["failed"]
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://other.invalid/rows?page=2",
        "https://127.0.0.1/rows?page=2",
        "//other.invalid/rows?page=2",
        "file:///etc/passwd?page=2",
        "http://[::1/rows?page=2",
        "javascript:alert(1)",
        "\\\\other.invalid\\rows?page=2",
        "/rows?page=" + "2" * 9000,
        "/rows?" + "&".join(f"a{number}=1" for number in range(200)),
        "/rows?page=2&season=playoffs",
        "/rows?page=2&season=regular&season=playoffs",
    ],
)
async def test_a_hostile_address_is_not_followed(
    upstream: Upstream, serve: Serve, target: str
) -> None:
    upstream.says({"data": [{"id": 1}], "next": target})
    client = await serve(plugin(upstream, "{items: data, link: {from: next}}"))
    response = await client.get("/rows")
    assert ids(response) == [1]
    assert response.json()["_shrunk"]["pages"]["failed"]
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    "link",
    [
        "<http://other.invalid/rows?page=2>; rel=next",
        "<http://user:pw@127.0.0.1/rows?page=2>; rel=next",
        "<file:///etc/passwd?page=2>; rel=next",
        "</rows?page=2&season=playoffs>; rel=next",
    ],
)
async def test_a_hostile_link_header_is_not_followed(
    upstream: Upstream, serve: Serve, link: str
) -> None:
    upstream.says([{"id": 1}], headers={"Link": link})
    client = await serve(plugin(upstream, "{items: $, link: next}"))
    response = await client.get("/rows")
    assert ids(response, "items") == [1]
    assert response.json()["_shrunk"]["pages"]["failed"]
    assert len(upstream.received) == 1


async def test_a_link_cannot_set_or_take_the_credential(upstream: Upstream, serve: Serve) -> None:
    def say(query: Query) -> Any:
        after = "/rows?page=2&key=stolen&evil=1" if "page" not in query else None
        return {"data": [{"id": len(query)}], "next": after}

    scripted(upstream, say)
    yaml = plugin(upstream, "{items: data, link: {from: next, to: [page]}}").replace(
        "timeout: 5s", "credential: {query: {name: key, value: ours}}"
    )
    client = await serve(yaml)
    assert (await client.get("/rows")).status == 200
    assert asked(upstream, "key") == ["ours", "ours"]
    assert asked(upstream, "evil") == [None, None]


async def test_a_caller_who_leaves_ends_it(upstream: Upstream, serve: Serve) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()
    good = by_cursor(9)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.query.get("cursor") == "c1":
            arrived.set()
            await released.wait()
        return web.json_response(good(dict(request.query)))

    upstream.answer = answer
    client = await serve(plugin(upstream, CURSOR))
    call = asyncio.create_task(client.get("/rows"))
    await arrived.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    released.set()
    assert (await client.get("/healthz")).status == 200
    assert asked(upstream, "cursor") == [None, "c1"]


# --- callers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["cursor=c1", "query.cursor=c1", "per_page=1000"])
async def test_callers_cannot_set_what_is_set_from_page_to_page(
    upstream: Upstream, serve: Serve, query: str
) -> None:
    scripted(upstream, by_cursor(2))
    paginate = CURSOR.replace("items", "size: {param: per_page, value: 100}, items")
    client = await serve(plugin(upstream, paginate))
    assert (await client.get(f"/rows?{query}")).status == 400
    assert not upstream.received
    document = (await client.get("/openapi.json")).json()
    names = [one["name"] for one in document["paths"]["/rows"]["get"]["parameters"]]
    assert names == ["q", "page", "offset"]
    await client.get("/rows")
    assert asked(upstream, "per_page") == ["100", "100"]


async def test_a_call_of_several_pages_counts_once_for_the_caller(
    upstream: Upstream, serve: Serve
) -> None:
    scripted(upstream, by_cursor(3))
    client = await serve(plugin(upstream, CURSOR, more="limit: 1/hour"))
    assert len(ids(await client.get("/rows"))) == 6
    assert (await client.get("/rows")).status == 429
    assert len(upstream.received) == 3


async def test_two_callers_at_once_share_the_pages(upstream: Upstream, serve: Serve) -> None:
    arrived, gate = asyncio.Event(), asyncio.Event()
    good = by_cursor(3)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not request.query.get("cursor"):
            arrived.set()
            await gate.wait()
        return web.json_response(good(dict(request.query)))

    upstream.answer = answer
    client = await serve(plugin(upstream, CURSOR, "cache: 60s"))
    calls = [asyncio.create_task(client.get("/rows")) for _ in range(2)]
    await arrived.wait()
    gate.set()
    first, second = await asyncio.gather(*calls)
    assert first.body == second.body
    assert len(ids(first)) == 6
    assert asked(upstream, "cursor") == [None, "c1", "c2"]


async def test_a_page_that_is_kept_is_not_fetched_again(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(3))
    client = await serve(plugin(upstream, CURSOR, "cache: 60s"))
    first = await client.get("/rows")
    second = await client.get("/rows")
    assert first.body == second.body
    assert len(upstream.received) == 3
    assert "hit" not in first.headers["Cache-Status"]
    assert "hit" in second.headers["Cache-Status"]


async def test_only_the_page_that_failed_is_fetched_again(upstream: Upstream, serve: Serve) -> None:
    good, broken = by_cursor(3), True

    def say(query: Query) -> Any:
        return web.Response(status=503) if broken and query.get("cursor") == "c2" else good(query)

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR, "cache: 60s", timeout="5s, retries: no"))
    assert len(ids(await client.get("/rows"))) == 4
    broken = False
    response = await client.get("/rows")
    assert len(ids(response)) == 6
    assert "fwd=uri-miss" in response.headers["Cache-Status"]
    assert asked(upstream, "cursor") == [None, "c1", "c2", "c2"]


async def test_no_page_lends_the_whole_what_is_its_own(upstream: Upstream, serve: Serve) -> None:
    good = by_cursor(3)
    ages = {None: "7", "c1": "90", "c2": "3"}

    def say(query: Query) -> Any:
        headers = {"ETag": '"one"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
                   "Cache-Control": "max-age=600", "Content-Language": "en",
                   "Age": ages[query.get("cursor")]}  # fmt: skip
        return good(query), headers

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR, "cache: no"))
    response = await client.get("/rows")
    assert len(ids(response)) == 6
    assert "ETag" not in response.headers
    assert "Last-Modified" not in response.headers
    assert int(response.headers["Content-Length"]) == len(response.body)
    assert response.headers["Age"] == "90"
    assert response.headers["Cache-Control"] == "max-age=600"
    assert response.headers["Content-Language"] == "en"


async def test_pages_of_different_lifetimes_are_kept_by_nobody(
    upstream: Upstream, serve: Serve
) -> None:
    good = by_cursor(2)
    scripted(
        upstream,
        lambda query: (
            good(query),
            {"Cache-Control": "private, no-store" if query.get("cursor") else "max-age=600"},
        ),
    )
    client = await serve(plugin(upstream, CURSOR))
    assert (await client.get("/rows")).headers["Cache-Control"] == "no-store"


async def test_a_single_page_is_passed_on_with_all_that_is_its_own(
    upstream: Upstream, serve: Serve
) -> None:
    upstream.says({"data": [1], "meta": {"next": None}}, headers={"ETag": '"a"', "Age": "3"})
    client = await serve(plugin(upstream, CURSOR, "budget: no"))
    response = await client.get("/rows")
    assert (response.headers["ETag"], response.headers["Age"]) == ('"a"', "3")


async def test_pages_in_another_charset_are_joined_as_utf_8(
    upstream: Upstream, serve: Serve
) -> None:
    def say(query: Query) -> Any:
        after = "null" if "cursor" in query else '"c1"'
        text = f'{{"data":["é{len(query)}"],"meta":{{"next":{after}}}}}'
        return web.Response(
            body=text.encode("latin-1"),
            headers={"Content-Type": "application/json; charset=iso-8859-1"},
        )

    scripted(upstream, say)
    client = await serve(plugin(upstream, CURSOR))
    response = await client.get("/rows")
    assert response.json()["data"] == ["é1", "é2"]
    assert "8859" not in response.headers["Content-Type"]


async def test_pages_are_not_what_comes_out_of_jmespath(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(3))
    rules = 'jmespath: "data[].id"\n        returns: {type: array, items: {type: integer}}'
    client = await serve(plugin(upstream, CURSOR, rules))
    assert (await client.get("/rows")).json() == {"items": [0, 1, 2, 3, 4, 5]}


async def test_a_hundred_thousand_items(upstream: Upstream, serve: Serve) -> None:
    scripted(upstream, by_cursor(2, rows=100_000))
    client = await serve(plugin(upstream, CURSOR, "budget: no"))
    assert ids(await client.get("/rows")) == list(range(200_000))


# --- going on ---------------------------------------------------------------------------------


class Pages:
    """The step around a source of scripted pages, by cursor; and which of them it asked for."""

    def __init__(
        self,
        directory: Path,
        paginate: str,
        pages: dict[str, Any],
        operation: str = "",
        timeout: str = "5s",
    ) -> None:
        text = plugin(Upstream("http://a.example"), paginate, operation, timeout=timeout)
        getter = built(directory, text).operations["getRows"]
        self.pages = pages
        self.asked: list[str] = []
        self._source = step(getter, self._page, Aside(prepare))
        self._request = getter.build({}, {})

    async def _page(self, call: Call) -> Reply:
        assert call.request is not None
        query = parse_qs(urlsplit(call.request.url).query)
        self.asked.append(query.get("cursor", [""])[0])
        said = self.pages[self.asked[-1]]
        if isinstance(said, Refusal):
            raise said
        if isinstance(said, asyncio.Event):
            await said.wait()
        if isinstance(said, Reply):
            return said
        return Reply(200, (("Content-Type", "application/json"),), json.dumps(said).encode())

    async def first(self) -> Reply:
        return await self._source(Call({}, {}, "127.0.0.1", request=self._request))


async def test_what_is_left_is_had_on_request(tmp_path: Path) -> None:
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", "max_pages: 2, items"),
        {
            f"c{number}" if number else "": {
                "data": [number],
                "meta": {"next": f"c{number + 1}" if number < 4 else None},
            }
            for number in range(5)
        },
    )
    found: list[list[int]] = []
    onward: Callable[[], Awaitable[Reply]] | None = pages.first
    while onward is not None:
        reply = await onward()
        found.append(json.loads(reply.body)["data"])
        onward = reply.onward
    assert found == [[0, 1], [2, 3], [4]]
    assert pages.asked == ["", "c1", "c2", "c3", "c4"]


async def test_what_a_hard_limit_takes_is_not_had_on_request(tmp_path: Path) -> None:
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", "max_pages: 2, items"),
        {f"c{number}" if number else "": {"data": [number], "meta": {"next": f"c{number + 1}"}}
         for number in range(9)},
        "limit_items: {data: {max: 3, hard: true}}",
    )  # fmt: skip
    reply = await pages.first()
    assert reply.onward is not None
    rest = await reply.onward()
    assert json.loads(rest.body)["data"] == [2]
    assert rest.onward is None
    assert rest.notes == {"pages": {"kept": 1}}  # it is not all there is
    assert pages.asked == ["", "c1", "c2"]


async def test_what_failed_can_be_asked_for_again(tmp_path: Path) -> None:
    pages = Pages(
        tmp_path, CURSOR, {"": {"data": [1], "meta": {"next": "a"}}, "a": Refusal("busy")}
    )
    reply = await pages.first()
    assert reply.notes == {"pages": {"kept": 1, "failed": "refused"}}
    assert reply.onward is not None
    with pytest.raises(Refusal):
        await reply.onward()
    pages.pages["a"] = {"data": [2], "meta": {"next": None}}
    rest = await reply.onward()
    assert json.loads(rest.body)["data"] == [2]
    assert (rest.onward, rest.notes) == (None, {})


async def test_going_on_never_gives_the_same_again(tmp_path: Path) -> None:
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", "max_pages: 1, items"),
        {
            "": {"data": [1], "meta": {"next": "a"}},
            "a": {"data": [1], "meta": {"next": "b"}},
        },
    )
    reply = await pages.first()
    assert reply.onward is not None
    rest = await reply.onward()
    assert json.loads(rest.body)["data"] == []
    assert rest.onward is None


async def all_of(pages: Pages) -> list[int]:
    """The rows of one answer after the other."""
    found: list[int] = []
    onward: Callable[[], Awaitable[Reply]] | None = pages.first
    while onward is not None:
        assert len(pages.asked) < 20, "it has no end"
        reply = await onward()
        found += json.loads(reply.body)["data"]
        onward = reply.onward
    return found


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
async def test_a_circle_ends_however_it_is_followed(tmp_path: Path, at_once: int) -> None:
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", f"max_pages: {at_once}, items"),
        {
            "": {"data": [1], "meta": {"next": "b"}},
            "b": {"data": [2], "meta": {"next": "c"}},
            "c": {"data": [3], "meta": {"next": "d"}},
            "d": {"data": [4], "meta": {"next": "b"}},
        },
    )
    assert await all_of(pages) == [1, 2, 3, 4]
    assert pages.asked == ["", "b", "c", "d"]


@pytest.mark.parametrize("at_once", [1, 2, 5])
async def test_so_does_one_whose_addresses_go_on(tmp_path: Path, at_once: int) -> None:
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", f"max_pages: {at_once}, items"),
        {
            f"c{number}" if number else "": {
                "data": [number % 3],
                "meta": {"next": f"c{number + 1}"},
            }
            for number in range(30)
        },
    )
    assert await all_of(pages) == [0, 1, 2, 0]
    assert len(pages.asked) == 5


async def test_single_pages_that_are_alike_are_no_circle(tmp_path: Path) -> None:
    rows = [1, 2, 1, 3, 1, 4, 2]
    pages = Pages(
        tmp_path,
        CURSOR.replace("items", "max_pages: 3, items"),
        {
            f"c{number}" if number else "": {
                "data": [row],
                "meta": {"next": f"c{number + 1}" if number + 1 < len(rows) else None},
            }
            for number, row in enumerate(rows)
        },
    )
    assert await all_of(pages) == rows


async def test_all_pages_have_the_timeout_of_one_call(tmp_path: Path) -> None:
    never = asyncio.Event()
    first = {"data": [1], "meta": {"next": "a"}}
    pages = Pages(tmp_path, CURSOR, {"": first, "a": never}, timeout="100ms")
    async with asyncio.timeout(20):
        reply = await pages.first()
    assert json.loads(reply.body)["data"] == [1]
    assert reply.notes == {"pages": {"kept": 1, "failed": "upstream_timeout"}}
    pages.pages["a"] = {"data": [2], "meta": {}}
    assert reply.onward is not None
    assert json.loads((await reply.onward()).body)["data"] == [2]


Compiled = Callable[[str], Operation]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The operation with a way to page, each compiled once."""

    @cache
    def operation(paginate: str) -> Operation:
        text = plugin(Upstream("http://a.example"), paginate)
        return built(tmp_path_factory.mktemp("way"), text).operations["getRows"]

    return operation


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "meta", "next", "more", "id"]), below)
    ),
    max_leaves=9,
)
WAYS = (
    CURSOR,
    "{items: data, cursor: {last: id, to: cursor}, more: more}",
    "{items: data, page: page, more: meta.more}",
    "{items: $, offset: offset, size: 2}",
    "{items: data, link: {from: next}}",
    "{items: data, link: {from: meta.next, to: [cursor]}}",
)


@given(
    st.sampled_from(WAYS),
    st.lists(
        JSON_VALUES | st.fixed_dictionaries({"data": st.lists(JSON_VALUES), "next": JSON_VALUES,
                                             "meta": JSON_VALUES, "more": JSON_VALUES}),
        min_size=1, max_size=4,
    ),
)  # fmt: skip
def test_whatever_pages_hold_something_is_given(
    compiled: Compiled, paginate: str, bodies: list[Any]
) -> None:
    """No page makes the step fail, or go on without end."""
    count = 0

    async def inner(_: Call) -> Reply:
        nonlocal count
        count += 1
        body = bodies[min(count, len(bodies)) - 1]
        return Reply(200, (("Content-Type", "application/json"),), json.dumps(body).encode())

    operation = compiled(paginate)
    call = Call({}, {}, "127.0.0.1", request=operation.build({}, {}))
    reply = asyncio.run(step(operation, inner, Aside(prepare))(call))
    assert count <= 5
    json.loads(reply.body)


@given(
    st.sampled_from(["{items: data, max_pages: %s, " + one for one in (
        "cursor: {from: next, to: cursor}}", "cursor: {last: id, to: cursor}}",
        "page: {param: page, first: 0}}", "offset: offset}", "link: {from: link, to: [cursor]}}",
        "cursor: {from: next, to: cursor}, more: more}",
    )]),
    st.sampled_from([1, 2, 5]),
    st.lists(st.integers(1, 3), min_size=1, max_size=8),
)  # fmt: skip
def test_going_on_gives_every_row_once(
    compiled: Compiled, paginate: str, max_pages: int, sizes: list[int]
) -> None:
    starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]

    async def inner(call: Call) -> Reply:
        assert call.request is not None
        query = dict(parse_qsl(urlsplit(call.request.url).query))
        number = int(query.get("page", 0))
        if "cursor" in query:
            number = starts.index(int(query["cursor"]))
        if "offset" in query:
            number = starts.index(int(query["offset"]))
        rows = range(starts[number], starts[number + 1]) if number < len(sizes) else range(0)
        end = starts[number] + len(rows)
        more = end < starts[-1]
        # A row's id is where the next one starts, so that the last one's is a cursor.
        body = {
            "data": [{"id": row + 1} for row in rows],
            "more": more,
            "next": end if more else None,
            "link": f"?cursor={end}" if more else "",
        }
        return Reply(200, (("Content-Type", "application/json"),), json.dumps(body).encode())

    async def everything() -> list[int]:
        operation = compiled(paginate % max_pages)
        call = Call({}, {}, "127.0.0.1", request=operation.build({}, {}))
        found: list[int] = []
        reply = await step(operation, inner, Aside(prepare))(call)
        while True:
            found += [row["id"] for row in json.loads(reply.body)["data"]]
            assert (reply.onward is None) == (not reply.notes)
            if reply.onward is None:
                return found
            reply = await reply.onward()

    assert asyncio.run(everything()) == list(range(1, starts[-1] + 1))


async def test_a_reply_that_others_have_too_is_not_changed(tmp_path: Path) -> None:
    stored = Reply(
        200, (("Content-Type", "application/json"),), b'{"data":[1],"meta":{"next":"a"}}'
    )
    pages = Pages(tmp_path, CURSOR.replace("items", "max_pages: 1, items"), {"": stored})
    reply = await pages.first()
    assert reply is not stored
    assert reply.onward is not None
    assert (stored.onward, stored.notes) == (None, {})


# --- for people -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paginate", "line"),
    [
        (CURSOR, "at most 5 pages of data, by the cursor in meta.next, in cursor"),
        ("{items: $, link: next}", "at most 5 pages of $, by the link 'next'"),
        (
            "{items: data, page: page, size: {param: per_page, value: 100}, max_pages: 2}",
            "at most 2 pages of data, by number from 1 on, in page, 100 items each",
        ),
    ],
)
def test_the_plan_says_how_pages_are_followed(tmp_path: Path, paginate: str, line: str) -> None:
    one = built(tmp_path, plugin(Upstream("http://a.example"), paginate))
    steps = dict(steps_of(one, one.operations["getRows"]))
    assert steps["paginate"] == line
    assert list(steps).index("paginate") == list(steps).index("shrink") + 1
