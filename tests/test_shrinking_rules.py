"""What the rules promise holds for whatever an upstream sends: odd texts, secrets, caches."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.conftest import Serve, Upstream

SECRET = "sk-live-0123456789abcdefghijklmnopq"
HIDDEN = SECRET[:9] + "\u200b" + SECRET[9:]
ESCAPED = "".join(f"&#{ord(one)};" for one in SECRET)
ROW = {"type": "object", "properties": {"id": {"type": "integer"}, "key": {"type": "string"}}}
RETURNS = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "data": {"type": "array", "items": ROW}},
}


def config(upstream: Upstream, *, secret: bool = False, **rules: Any) -> str:
    """A plugin of one operation with these rules."""
    credential = {"credential": {"bearer": "${KEY}"}} if secret else {}
    said = {
        "plugin": "shop",
        "upstream": {"url": upstream.url, **credential},
        "budget": rules.pop("budget", "no"),
        "operations": {
            "getOrders": {
                "call": f"{rules.pop('method', 'GET')} /orders",
                "description": "All orders.",
                "returns": RETURNS,
                **rules,
            }
        },
    }
    return yaml.safe_dump(said, sort_keys=False)


# --- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 700_000])
@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (HIDDEN, {"untrusted": "all", "strings": {"text": {"max": 26}}}),
        (HIDDEN + " word" * 4000, {"untrusted": "all", "budget": 100}),
        (ESCAPED, {"strings": {"text": {"html": "text", "max": 26}}}),
    ],
)
async def test_no_cut_shows_a_piece_of_a_secret_that_cleaning_brought_to_light(
    serve: Serve, upstream: Upstream, text: str, rules: dict[str, Any], size: int
) -> None:
    client = await serve(config(upstream, secret=True, **rules), env={"KEY": SECRET})
    upstream.says({"text": text, "data": [{"key": "x" * 100}] * (size // 100)})
    answer = await client.get("/orders")
    assert answer.status == 200
    assert upstream.last.headers["Authorization"] == f"Bearer {SECRET}"
    assert b"[masked]" in answer.body
    assert SECRET[:6].encode() not in answer.body


@pytest.mark.parametrize("words", [500, 150_000])
async def test_nor_does_a_page_that_is_cut(serve: Serve, upstream: Upstream, words: int) -> None:
    client = await serve(config(upstream, secret=True, budget=100), env={"KEY": SECRET})
    for before in (30, 45, 50, 53, 56, 59, 62, 65, 68, 71):  # somewhere the cut is in the secret
        page = "<p>" + "a " * before + ESCAPED + " word" * words
        upstream.says(page, content_type="text/html")
        answer = await client.get("/orders")
        assert answer.status == 200
        assert SECRET[:6].encode() not in answer.body


# --- what is not JSON -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media", ["text/plain", "text/html", "text/csv", "application/xml", "application/unknown"]
)
@pytest.mark.parametrize("budget", ["no", 500])
async def test_texts_that_are_no_json_are_cleaned(
    serve: Serve, upstream: Upstream, media: str, budget: Any
) -> None:
    client = await serve(config(upstream, untrusted="all", budget=budget))
    upstream.says("abc\u202edef\x1b[31m red\u200b".encode(), content_type=media)
    found = (await client.get("/orders")).json()
    assert found == {"_shrunk": {"$": {"removed": 7}}, "text": "abcdef red"}


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("rules", [{"drop": ["data[].key"]}, {"fields": ["data[].id"]}])
@pytest.mark.parametrize("media", ["text/plain", "text/plain; charset=utf-16"])
async def test_json_with_a_byte_order_mark_keeps_to_the_rules(
    serve: Serve, upstream: Upstream, rules: dict[str, Any], media: str
) -> None:
    client = await serve(config(upstream, **rules))
    body = '{"data": [{"id": 1, "key": "k"}]}'
    coded = body.encode("utf-16") if media.endswith("16") else BOM + body.encode()
    upstream.says(coded, headers={"Content-Type": media})
    assert (await client.get("/orders")).json() == {"data": [{"id": 1}]}


@pytest.mark.parametrize("mark", [b"", BOM, b" \n" * 500, b"\n" + BOM])
@pytest.mark.parametrize(
    "rules",
    [
        {"drop": ["data[].key"]},
        {"limit_items": {"data": {"max": 1, "hard": True}}},
        {"choose": True},
        {"fields": ["data[].id"]},
    ],
)
async def test_what_only_looks_like_json_is_refused_where_something_is_withheld(
    serve: Serve, upstream: Upstream, rules: dict[str, Any], mark: bytes
) -> None:
    upstream.says(mark + b'{"data": [{"id": 1, "key": "k"}]} x', content_type="text/plain")
    answer = await (await serve(config(upstream, **rules))).get("/orders")
    assert answer.status == 502
    assert b'"k' not in answer.body
    written = await (await serve(config(upstream, method="POST", **rules))).post("/orders")
    assert (written.status, written.json()) == (200, {}), "it was done"


async def test_what_does_not_look_like_json_is_a_text_whatever_is_withheld(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(config(upstream, drop=["data[].key"]))
    upstream.says("OK", content_type="text/plain")
    assert (await client.get("/orders")).json() == {"text": "OK"}


# --- caches -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"Cache-Control": "public, max-age=86400"}, "private, max-age=600"),
        ({"Cache-Control": "max-age=60, s-maxage=9000, no-cache"}, "private, max-age=60, no-cache"),
        ({"Expires": "Fri, 01 Jan 2100 00:00:00 GMT"}, "private, max-age=600"),
        ({"Cache-Control": "no-store"}, "private, max-age=0, no-store"),
        ({}, "private, max-age=0"),
    ],
)
async def test_no_cache_keeps_an_answer_longer_than_its_handle_lives(
    serve: Serve, upstream: Upstream, said: dict[str, str], told: str
) -> None:
    client = await serve(config(upstream, budget=200))
    upstream.says({"data": [{"id": n, "key": "k" * 9} for n in range(500)]}, headers=said)
    answer = await client.get("/orders")
    assert "more" in answer.json()["_shrunk"]
    assert answer.headers["Cache-Control"] == told
    assert "Expires" not in answer.headers


async def test_what_the_upstream_says_of_caching_passes_with_an_answer_that_is_whole(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(config(upstream, budget=200))
    upstream.says({"data": []}, headers={"Cache-Control": "public, max-age=86400"})
    assert (await client.get("/orders")).headers["Cache-Control"] == "public, max-age=86400"


async def test_an_etag_is_that_of_its_handle(serve: Serve, upstream: Upstream) -> None:
    body = json.dumps({"data": [{"id": n, "key": "k" * 9} for n in range(500)]})
    upstream.says(body, headers={"ETag": '"1"'}, content_type="application/json")
    first = await (await serve(config(upstream, budget=200))).get("/orders")
    other = await (await serve(config(upstream, budget=200))).get("/orders")
    assert first.body != other.body, "handles are keyed by a secret of each gateway"
    assert first.headers["ETag"] != other.headers["ETag"]


# --- timing -----------------------------------------------------------------------------------


async def test_an_answer_had_first_hand_tells_what_took_how_long(
    serve: Serve, upstream: Upstream
) -> None:
    client = await serve(config(upstream, cache="5m"))
    upstream.says({"data": []})
    first, again = await client.get("/orders"), await client.get("/orders")
    timing = first.headers["Server-Timing"]
    assert re.fullmatch(r"upstream;dur=\d+\.\d, shrink;dur=\d+\.\d", timing)
    assert "Age" in again.headers
    assert "Server-Timing" not in again.headers


async def test_what_an_upstream_tells_of_its_own_time_stays_behind(
    serve: Serve, upstream: Upstream
) -> None:
    upstream.says({"data": []}, headers={"Server-Timing": "db-host-7;dur=53"})
    answer = await (await serve(config(upstream))).get("/orders")
    assert "db-host" not in str(answer.headers)
