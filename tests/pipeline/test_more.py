"""The rest of answers that were cut, asked for as a model does."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from aiohttp import web

from gateway.caching.handles import Kept
from gateway.errors import UpstreamFailed
from gateway.shrinking.tokens import count
from tests.conftest import Client, Response, Serve, Upstream

CONFIG = """
plugin: shop
upstream: {{url: "{url}"}}
budget: {budget}
{more}
operations:
  getOrders:
    call: GET /orders
    description: All orders.
    parameters:
      page: {{in: query, type: integer, description: Which}}
    returns: {{type: object, properties: {{data: {{type: array, items: {{type: object}}}}}}}}
    {rules}
"""
ORDERS = [{"id": n, "note": f"note {n} " * (n % 7), "key": "hidden"} for n in range(400)]


def config(upstream: Upstream, rules: str = "", more: str = "", budget: str = "1000") -> str:
    return CONFIG.format(url=upstream.url, rules=rules, more=more, budget=budget)


@pytest.fixture
def orders(upstream: Upstream) -> Upstream:
    upstream.says({"data": ORDERS, "text": "words and words " * 2000})
    return upstream


def of(answer: Response) -> tuple[Any, str]:
    """An answer, and its handle."""
    assert answer.status == 200, answer.body
    found = answer.json()
    return found, found["_shrunk"]["more"]["handle"]


async def rest(
    client: Client, handle: str, path: str, offset: int, budget: int = 1000
) -> list[Any]:
    """All rows, or characters, from an offset on."""
    found: list[Any] = []
    while True:
        answer = await client.get(f"/getMore?handle={handle}&path={path}&offset={offset}")
        assert answer.status == 200, answer.body
        assert answer.headers["Cache-Control"] == "no-store"
        assert count(answer.body) <= budget
        piece = answer.json()
        found += piece["items"] if "items" in piece else piece["text"]
        if "next" not in piece:
            return found
        offset = piece["next"]


async def test_what_was_cut_is_had_on_request(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders))
    first, handle = of(await client.get("/orders"))
    assert first["_shrunk"]["more"]["operation"] == "getMore"
    kept = first["_shrunk"]["data"]["kept"]
    assert first["data"] == ORDERS[:kept]
    assert ORDERS[:kept] + await rest(client, handle, "data", kept) == ORDERS
    assert len(orders.received) == 1, "the upstream was asked once"
    chars = first["_shrunk"]["text"]["kept"]
    text = first["text"][:-1] + "".join(await rest(client, handle, "text", chars))
    assert text == "words and words " * 2000


async def test_what_fields_hid_never_comes_back(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders, "fields: ['data.{id,note}']"))
    _, handle = of(await client.get("/orders"))
    rows = await rest(client, handle, "data", 0)
    assert rows == [{"id": row["id"], "note": row["note"]} for row in ORDERS]
    for path in ("data[].key", "data[0].key", "text"):
        answer = await client.get(f"/getMore?handle={handle}&path={path}")
        assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")


async def test_limits_are_no_limit_for_what_is_asked_for_unless_they_are_hard(
    serve: Serve, orders: Upstream
) -> None:
    for rules, total in (("data: 3", 400), ("data: {max: 3, hard: true}", 3)):
        client = await serve(config(orders, f"limit_items: {{{rules}}}"))
        first = (await client.get("/orders")).json()
        assert len(first["data"]) == 3
        handle = first["_shrunk"]["more"]["handle"]  # the text was cut, too
        assert len(await rest(client, handle, "data", 0)) == total


async def test_by_name_in_words_of_a_model(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders))
    _, handle = of(await client.post("/call/getOrders", data=b"{}"))
    for written in (f" {handle}\n", f'"{handle}"', f"`{handle.upper()}`"):
        said = json.dumps({"handle": written, "path": " data ", "count": 1e99})
        answer = await client.post("/call/getMore", data=said)
        assert answer.json()["items"][0] == ORDERS[0]
    asked = {"handle": handle, "path": "data[].id", "offset": "5", "count": 2}
    answer = await client.post("/call/getMore", data=json.dumps(asked))
    assert answer.json() == {"offset": 5, "total": 400, "next": 7, "items": [5, 6]}
    whole = await client.post("/call/getMore", data=json.dumps({"handle": handle, "offset": 1}))
    assert whole.json()["members"].keys() == {"text"}


@pytest.mark.parametrize(
    "query",
    ["", "handle={h}&offset=-1", "handle={h}&offset=x", "handle={h}&count=0",
     "handle={h}&offset=401&path=data", "handle={h}&path=dat", "handle={h}&more=1",
     "handle={h}&offset=1e99"],
)  # fmt: skip
async def test_what_cannot_be_answered_says_why(serve: Serve, orders: Upstream, query: str) -> None:
    client = await serve(config(orders))
    _, handle = of(await client.get("/orders"))
    answer = await client.get("/getMore?" + query.format(h=handle))
    assert (answer.status, answer.json()["code"]) == (400, "bad_arguments"), answer.body
    assert len(answer.json()["detail"]) > 20


def problem(answer: Response) -> dict[str, Any]:
    """What a refusal says, but for the id of the call."""
    return {name: value for name, value in answer.json().items() if name != "call_id"}


async def test_unknown_expired_and_another_plugins_handles_read_alike(
    serve: Serve, orders: Upstream
) -> None:
    other = config(orders).replace("plugin: shop", "plugin: other")
    client = await serve(config(orders), other)
    _, handle = of(await client.get("/shop/orders"))
    assert (await client.get(f"/shop/getMore?handle={handle}")).status == 200
    foreign = await client.get(f"/other/getMore?handle={handle}")
    unknown = await client.get("/other/getMore?handle=aaaaaaaaaaaaaaaa")
    assert foreign.status == unknown.status == 404
    none = await client.get("/other/getMore?handle=")
    assert problem(foreign) == problem(unknown) == problem(none)
    assert foreign.json()["code"] == "unknown_handle"
    assert "Call the operation that gave it once more" in foreign.json()["detail"]


async def test_a_stored_reply_gives_its_handle_anew(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders, "cache: 1h"))
    first = await client.get("/orders")
    _, handle = of(first)
    handles = client.gateway._shared.handles
    handles._expire(float("inf"))
    assert (await client.get(f"/getMore?handle={handle}")).status == 404
    assert (await client.get("/orders")).body == first.body
    assert (await client.get(f"/getMore?handle={handle}")).status == 200
    assert len(handles) == len(orders.received) == 1


async def test_where_nothing_can_be_kept_no_handle_is_given(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders, "cache: 1h"))
    client.gateway._shared.handles._max = 100
    for _ in range(2):
        answer = (await client.get("/orders")).json()
        assert "data" in answer["_shrunk"]
        assert "more" not in answer["_shrunk"]


async def test_a_secret_does_not_come_piece_by_piece(serve: Serve, orders: Upstream) -> None:
    credential = 'credential: {header: {name: X-Key, value: "${KEY}"}}'
    text = config(orders).replace('"}', f'", {credential}}}', 1)
    # In this coding it is found only where the text is read.
    body = json.dumps({"data": ORDERS, "seen": "secret-0123456789"}).encode("utf-16")
    orders.says(body, content_type="application/json")
    client = await serve(text, env={"KEY": "secret-0123456789"})
    _, handle = of(await client.get("/orders"))
    assert "".join(await rest(client, handle, "seen", 0)) == "[masked]"


async def test_it_counts_against_the_limit_and_needs_the_proof(
    serve: Serve, orders: Upstream
) -> None:
    auth = "auth: {service: {tokens: {me: '${TOKEN}'}}}\nlimit: 3/min"
    client = await serve(config(orders, more=auth), env={"TOKEN": "t" * 32})
    proof = {"Authorization": "Bearer " + "t" * 32}
    _, handle = of(await client.get("/orders", headers=proof))
    assert (await client.get(f"/getMore?handle={handle}")).status == 401
    got = [await client.get(f"/getMore?handle={handle}", headers=proof) for _ in range(3)]
    assert [one.status for one in got] == [200, 200, 429]


async def test_it_is_there_only_where_something_can_be_cut(serve: Serve, orders: Upstream) -> None:
    for budget, rules, there in (
        ("1000", "", True), ("no", "", False), ("no", "limit_items: {data: 3}", True)
    ):  # fmt: skip
        client = await serve(config(orders, rules, budget=budget))
        served = yaml.safe_load((await client.get("/openapi.yaml")).body)
        assert ("/getMore" in served["paths"]) is there
        assert (await client.get("/getMore?handle=a")).status == 404
        code = (await client.get("/getMore?handle=a")).json()["code"]
        assert code == ("unknown_handle" if there else "not_found")


async def test_an_operation_of_its_name_keeps_it(serve: Serve, orders: Upstream) -> None:
    text = config(orders).replace("getOrders", "getMore").replace("/orders", "/getMore")
    client = await serve(text)
    first, handle = of(await client.get("/getMore"))
    assert first["_shrunk"]["more"]["operation"] == "getMore_"
    answer = await client.get(f"/getMore_?handle={handle}&path=data&count=1")
    assert answer.json()["items"] == ORDERS[:1]


async def test_a_list_that_goes_on_upstream_goes_on_here(serve: Serve, orders: Upstream) -> None:
    client = await serve(config(orders))
    _, handle = of(await client.get("/orders"))
    handles, now = client.gateway._shared.handles, client.gateway._shared.steady()
    kept = handles.get("shop", handle, now)
    assert kept is not None
    asked = 0

    async def onward() -> Kept | None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise UpstreamFailed("The next page cannot be had.")
        if asked == 4:
            return None
        longer = {"data": ORDERS * (asked + 1), "text": "words and words " * 2000}
        rows = json.dumps(longer, separators=(",", ":"))
        return replace(kept, whole=rows.encode(), grows="data", onward=onward)

    handles.put(replace(kept, grows="data", onward=onward), now)
    at = f"/getMore?handle={handle}&path=data"
    last = (await client.get(f"{at}&offset=399")).json()
    assert (last["total"], last["next"], asked) == (400, 400, 0), "nobody asked for more yet"
    for total in (800, 1200):
        found = (await client.get(f"{at}&offset={last['next']}&count=400")).json()
        assert found["items"][0] == ORDERS[0]
        assert found["total"] == total
        last = (await client.get(f"{at}&offset={total - 1}")).json()
    assert (asked, last["next"]) == (2, 1200)
    assert (await client.get(f"{at}&offset=1200")).status == 502
    assert (await client.get(f"/getMore?handle={handle}&path=data[0].id&offset=9")).status == 400
    for _ in range(2):
        end = await client.get(f"{at}&offset=1200")
        assert end.json() == {"offset": 1200, "total": 1200, "items": []}
    assert asked == 4
    assert "next" not in (await client.get(f"{at}&offset=1199")).json()


@pytest.mark.parametrize("fields", ["", "fields: ['data.id']"])
async def test_pages_that_were_not_followed_come_on_request(
    serve: Serve, upstream: Upstream, fields: str
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        page = int(request.rel_url.query.get("page", "1"))
        return web.json_response({"data": ORDERS[page * 50 - 50 : page * 50]})

    upstream.answer = answer
    rules = f"paginate: {{items: data, page: page, max_pages: 2}}\n    {fields}"
    client = await serve(config(upstream, rules, budget="20000"))
    first, handle = of(await client.get("/orders"))
    assert len(first["data"]) == 100
    assert len(upstream.received) == 2
    rows = await rest(client, handle, "data", 0, 20_000)
    assert [row["id"] for row in rows] == list(range(400))
    assert len(upstream.received) == 9, "each page once, and the empty one at the end"


PAGED = "paginate: {items: data, page: page, max_pages: 1}"


def paged(upstream: Upstream, size: int = 50, broken: set[int] | None = None) -> None:
    """Orders in pages; a broken one holds an error, with a status of success."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        page = int(request.rel_url.query.get("page", "1"))
        if page in (broken or ()):
            return web.json_response({"error": "busy"})
        rows = ORDERS[page * size - size : page * size]
        who = request.headers.get("Authorization", "")
        return web.json_response({"data": [{**row, "who": who} for row in rows]})

    upstream.answer = answer


async def test_callers_with_credentials_of_their_own_share_no_handle(
    serve: Serve, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        page = int(request.rel_url.query.get("page", "1"))
        who = request.headers["Authorization"] if page > 1 else ""
        return web.json_response({"data": [{"id": page, "who": who}] if page < 4 else []})

    upstream.answer = answer
    auth = "auth: {user: {scheme: bearer}}"
    client = await serve(config(upstream, PAGED, more=auth))
    alice, bob = ({"Authorization": f"Bearer {name}"} for name in ("alice", "bob"))
    first, hers = of(await client.get("/orders", headers=alice))
    same, his = of(await client.get("/orders", headers=bob))
    assert first["data"] == same["data"]
    assert hers != his
    at = f"/getMore?handle={hers}&path=data&offset=1"
    asked = len(upstream.received)
    foreign = await client.get(at, headers=bob)
    assert (foreign.status, foreign.json()["code"]) == (404, "unknown_handle")
    assert len(upstream.received) == asked, "nobody's key is used for another"
    rows = (await client.get(at, headers=alice)).json()["items"]
    assert rows == [{"id": 2, "who": "Bearer alice"}]


async def test_a_hard_limit_holds_over_pages_and_is_told(serve: Serve, upstream: Upstream) -> None:
    paged(upstream, size=30)
    rules = f"{PAGED}\n    limit_items: {{data: {{max: 50, hard: true}}}}"
    client = await serve(config(upstream, rules, budget="20000"))
    _, handle = of(await client.get("/orders"))
    rows = await rest(client, handle, "data", 0, 20_000)
    assert [row["id"] for row in rows] == list(range(50))
    beyond = await client.get(f"/getMore?handle={handle}&path=data&offset=51")
    assert beyond.status == 400
    assert "has 50 rows; this plugin gives no more of it" in beyond.json()["detail"]


async def test_a_hard_limit_of_an_array_at_the_top_is_told(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(ORDERS)
    text = config(upstream, "limit_items: {$: {max: 100, hard: true}}")
    returns = "{type: object, properties: {data: {type: array, items: {type: object}}}}"
    client = await serve(text.replace(returns, "{type: array, items: {type: object}}"))
    _, handle = of(await client.get("/orders"))
    beyond = await client.get(f"/getMore?handle={handle}&path=items&offset=100")
    assert "has 100 rows; this plugin gives no more of it" in beyond.json()["detail"]


async def test_a_page_of_another_shape_is_no_end(serve: Serve, upstream: Upstream) -> None:
    broken = {2}
    paged(upstream, broken=broken)
    client = await serve(config(upstream, PAGED, budget="20000"))
    _, handle = of(await client.get("/orders"))
    at = f"/getMore?handle={handle}&path=data&offset=50"
    for _ in range(2):
        failed = await client.get(at)
        assert (failed.status, failed.json()["code"]) == (502, "upstream_failed")
        assert "another shape" in failed.json()["detail"]
    broken.clear()
    assert (await client.get(at)).json()["items"][0]["id"] == 50


async def test_the_first_call_once_more_takes_nothing_away(
    serve: Serve, upstream: Upstream
) -> None:
    paged(upstream)
    client = await serve(config(upstream, PAGED, budget="20000"))
    first = await client.get("/orders")
    _, handle = of(first)
    await rest(client, handle, "data", 0, 20_000)
    asked = len(upstream.received)
    assert (await client.get("/orders")).body == first.body
    last = await client.get(f"/getMore?handle={handle}&path=data&offset=399")
    assert last.json()["items"][0]["id"] == 399
    assert len(upstream.received) == asked + 1, "the first page alone"


async def test_far_offsets_fetch_no_pages_and_near_ones_all_they_need(
    serve: Serve, upstream: Upstream
) -> None:
    paged(upstream)
    client = await serve(config(upstream, PAGED, budget="20000"))
    _, handle = of(await client.get("/orders"))
    for offset in ("1e99", "101"):
        far = await client.get(f"/getMore?handle={handle}&path=data&offset={offset}")
        assert (far.status, far.json()["code"]) == (400, "bad_arguments")
        assert "go on at 50" in far.json()["detail"]
    assert len(upstream.received) == 1
    near = await client.get(f"/getMore?handle={handle}&path=data&offset=100&count=1")
    assert near.json()["items"][0]["id"] == 100
    assert len(upstream.received) == 3


async def test_a_list_without_an_end_ends_where_there_is_no_room(
    serve: Serve, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        page = int(request.rel_url.query.get("page", "1"))
        return web.json_response({"data": [f"{page} " + "x" * 5000]})

    upstream.answer = answer
    client = await serve(config(upstream, f"{PAGED}\n    max_bytes: 16KiB", budget="5000"))
    _, handle = of(await client.get("/orders"))
    at = f"/getMore?handle={handle}&path=data"
    for offset in (1, 2):
        assert (await client.get(f"{at}&offset={offset}")).status == 200
    for _ in range(2):
        end = await client.get(f"{at}&offset=3")
        assert end.status == 400
        assert "has 3 rows; this plugin gives no more of it" in end.json()["detail"]
    assert len(upstream.received) == 4
    assert "next" not in (await client.get(f"{at}&offset=2")).json()


async def test_where_what_grew_cannot_be_kept_the_rest_still_is(
    serve: Serve, upstream: Upstream
) -> None:
    paged(upstream)
    client = await serve(config(upstream, PAGED, budget="20000"))
    _, handle = of(await client.get("/orders"))
    handles = client.gateway._shared.handles
    handles._max = handles.size + 100
    at = f"/getMore?handle={handle}&path=data"
    end = await client.get(f"{at}&offset=50")
    assert "gives no more of it" in end.json()["detail"]
    assert (await client.get(f"{at}&offset=49")).json()["items"][0]["id"] == 49


async def test_long_answers_at_the_same_time(serve: Serve, upstream: Upstream) -> None:
    rows = [{"n": n, "text": "x" * 90} for n in range(20_000)]
    upstream.says({"data": rows})
    client = await serve(config(upstream))
    answers = await asyncio.gather(*(client.get(f"/orders?page={n}") for n in range(4)))
    handles = {of(one)[1] for one in answers}
    assert len(handles) == 4, "another call has another handle, though the answer is the same"
    got = await asyncio.gather(
        *(client.get(f"/getMore?handle={one}&path=data&offset=19999") for one in handles)
    )
    assert all(one.json()["items"] == rows[-1:] for one in got)


# --- of what is no JSON -------------------------------------------------------------------------

NOTES = "".join(f'{n},"note {n},\nin two lines"\r\n' for n in range(900))


@pytest.mark.parametrize("budget", ["100", "1000", "{tokens: 8000, chars: 400}"])
@pytest.mark.parametrize(
    ("content_type", "sent", "whole"),
    [
        ("text/plain", "Wörter und mehr. " * 900, "Wörter und mehr. " * 900),
        ("text/csv", f"id,note\r\n{NOTES}", f"id,note\r\n{NOTES}"),
        ("application/xml", f"<a>{NOTES}</a>", f"<a>{NOTES}</a>"),
        ("text/html", "<p>One &amp; <b>two</b></p>" * 900, "\n".join(["One & two"] * 900)),
        ("", "no type at all " * 900, "no type at all " * 900),
    ],
)  # fmt: skip
async def test_the_rest_of_a_text_is_had_as_it_says(
    serve: Serve, upstream: Upstream, content_type: str, sent: str, whole: str, budget: str
) -> None:
    upstream.says(sent.encode(), content_type=content_type)
    client = await serve(config(upstream, budget=budget).replace("    returns:", "    #"))
    first = await client.post("/call/getOrders", data=b"{}")
    assert count(first.body) <= 1000
    assert first.headers["Cache-Control"] == "private, max-age=0"
    told = first.json()["_shrunk"]
    text, name = first.json()["text"][:-1], told["more"].pop("operation")
    asked = told["more"]
    assert asked == {**asked, "path": "text", "offset": len(text)}
    slices, is_csv = 0, content_type == "text/csv" and budget == "1000"
    while len(text) < len(whole):
        answer = await client.post(f"/call/{name}", data=json.dumps(asked))
        assert answer.status == 200, answer.body
        piece = answer.json()
        text += piece["text"]
        assert not is_csv or text.endswith('in two lines"\r\n')
        asked["offset"] = piece.get("next")
        slices += 1
        if slices > 30:
            assert whole.startswith(text)
            return
    assert text == whole
    assert asked["offset"] is None, "there is no next at the end"
    assert len(upstream.received) == 1


async def test_what_a_model_gets_wrong_of_a_text_is_mended_or_told(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says(b"some words " * 2000, content_type="text/plain")
    client = await serve(
        config(upstream), config(upstream).replace("plugin: shop", "plugin: other")
    )
    _, handle = of(await client.get("/shop/orders"))

    async def ask(**more: Any) -> Response:
        said = json.dumps({"handle": handle, **more})
        return await client.post("/shop/call/getMore", data=said)

    there = (await ask(path="text", offset=500)).json()
    assert (there["offset"], there["total"], there["text"][:5]) == (500, 22_000, "words"[-5:])
    for more in ({}, {"path": None}, {"path": " "}):
        assert (await ask(offset="500", **more)).json() == there, "the text is all there is"
    for more, said in (
        ({"offset": 22_001}, "'text' has 22,000 characters; ask from an offset below 22000 on"),
        ({"offset": 1e99}, "ask from an offset below 22000 on"),
        ({"offset": -1}, "'offset' expected at least 0"),
        ({"offset": "five"}, "'offset' expected an integer"),
        ({"count": 0}, "'count' expected at least 1"),
        ({"path": "txt"}, "did you mean 'text'?"),
        ({"path": "data"}, "'data' is not in this answer; there: text"),
        ({"path": "text.x"}, "'text' is a text, with nothing below it; ask for it as it is"),
        ({"path": "$", "offset": 500}, "if you mean a part of it, give its path; there: text"),
    ):
        answer = await ask(**more)
        assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")
        assert said in answer.json()["detail"]
    assert (await ask(count=10**30)).status == 200
    assert (await ask(offset=22_000)).json() == {"offset": 22_000, "total": 22_000, "text": ""}
    foreign = await client.get(f"/other/getMore?handle={handle}&path=text")
    client.gateway._shared.handles._expire(float("inf"))
    expired = await ask(path="text")
    assert (foreign.status, problem(foreign)) == (expired.status, problem(expired))
    assert "Call the operation that gave it once more" in expired.json()["detail"]


async def test_a_stored_text_gives_its_handle_anew(serve: Serve, upstream: Upstream) -> None:
    upstream.says(b"some words " * 2000, content_type="text/plain", headers={"ETag": '"one"'})
    client = await serve(config(upstream, "cache: 1h"))
    first = await client.get("/orders")
    _, handle = of(first)
    handles = client.gateway._shared.handles
    handles._expire(float("inf"))
    assert (await client.get(f"/getMore?handle={handle}")).status == 404
    again = await client.get("/orders")
    assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])
    assert (await client.get(f"/getMore?handle={handle}")).status == 200
    assert len(handles) == len(upstream.received) == 1
    handles._max = 100
    handles._expire(float("inf"))
    told = (await client.get("/orders")).json()["_shrunk"]
    assert told.keys() == {"text"}, "no handle is given where nothing can be kept"


async def test_a_secret_in_a_page_does_not_come_piece_by_piece(
    serve: Serve, upstream: Upstream
) -> None:
    credential = 'credential: {header: {name: X-Key, value: "${KEY}"}}'
    text = config(upstream, budget="100").replace('"}', f'", {credential}}}', 1)
    # Only what makes text of the page brings it to light, and it stands where a slice ends.
    page = "<p>" + "words " * 60 + "<b>secret</b>-0123456789" * 60 + " words" * 60
    upstream.says(page.encode(), content_type="text/html")
    client = await serve(text, env={"KEY": "secret-0123456789"})
    first, handle = of(await client.get("/orders"))
    kept = first["text"][:-1]
    whole = kept + "".join(await rest(client, handle, "text", len(kept), 100))
    assert whole == "words " * 60 + "[masked]" * 60 + " words" * 60


async def test_a_plugin_of_texts_has_the_operation(serve: Serve, upstream: Upstream) -> None:
    spec = json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Texts", "version": "1"},
            "paths": {
                "/page": {
                    "get": {
                        "operationId": "getPage",
                        "responses": {"200": {"description": "It.", "content": {"text/html": {}}}},
                    }
                }
            },
        }
    )
    head = f"plugin: texts\nspec: spec.json\nupstream: {{url: '{upstream.url}'}}\n"
    for budget, there in (("500", True), ("no", False)):
        text = f"{head}budget: {budget}\noperations: {{getPage: {{}}}}\n"
        client = await serve(text, files={"spec.json": spec})
        served = (await client.get("/openapi.json")).json()
        assert ("/getMore" in served["paths"]) is there


async def test_long_texts_are_cut_elsewhere_and_their_rest_is_there(
    serve: Serve, upstream: Upstream
) -> None:
    whole = "".join(f"{n} and some words\n" for n in range(200_000))
    upstream.says(whole.encode(), content_type="text/plain")
    client = await serve(config(upstream))
    _, handle = of(await client.get("/orders"))
    at = len(whole) - 300
    answer = await client.get(f"/getMore?handle={handle}&offset={at}")
    assert answer.json() == {"offset": at, "total": len(whole), "text": whole[at:]}
