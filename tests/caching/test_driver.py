"""What only the driver can break: races, tenants, unkeyed input, bodies, time, errors."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiohttp import web

from gateway.errors import Refusal
from tests.caching.driving import Driven, Gate, counting, driven, made
from tests.conftest import Upstream

TTL = "cache: 60s"


async def status_of(call: Driven, *args: Any, **more: Any) -> int:
    try:
        return (await call(*args, **more)).status
    except Refusal as refusal:
        return refusal.status


# --- races ----------------------------------------------------------------------------------------


async def test_a_reply_that_a_write_overtook_is_not_stored(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        reading = asyncio.ensure_future(call())
        await gate.has(1)
        counting(upstream)
        assert (await call("put")).status == 200
        gate.opened.set()
        assert (await reading).n == 1
        assert (await call()).n == 3
        assert (await call()).n == 3


async def test_a_read_that_begins_after_a_write_joins_none_from_before_it(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        before = asyncio.ensure_future(call())
        await gate.has(1)
        counting(upstream)
        await call("put")
        assert (await call()).n == 3
        gate.opened.set()
        assert (await before).n == 1
        assert (await call()).n == 3


async def test_a_refresh_that_a_write_overtook_is_not_stored(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10, stale-while-revalidate=60")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        gate = Gate(upstream, {"Cache-Control": "max-age=100"})
        assert (await call()).n == 1
        await gate.has(2)
        counting(upstream, Cache_Control="max-age=100")
        await call("put")
        gate.opened.set()
        await asyncio.sleep(0.05)
        assert (await call()).n == 4


async def test_a_write_that_fails_forgets_nothing(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        await call()
        counting(upstream, status=409)
        assert await status_of(call, "put") == 409
        assert (await call()).n == 1


async def test_an_entry_is_refreshed_once_at_a_time_while_it_is_served(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10, stale-while-revalidate=60")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(20)
        gate = Gate(upstream, {"Cache-Control": "max-age=100"})
        answers = [await call() for _ in range(20)]
        assert {one.n for one in answers} == {1}
        assert 'detail="while-revalidate"' in answers[0].how
        await gate.has(2)
        gate.opened.set()
        await asyncio.sleep(0.05)
        assert (await call()).n == 2


async def test_two_304_that_cross_leave_the_entry_fresh(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream, Cache_Control="max-age=10", ETag='"a"')
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        gate = Gate(upstream, {"ETag": '"a"', "Cache-Control": "max-age=10"}, status=304)
        one = asyncio.ensure_future(call(headers={"X": "1"}))
        other = asyncio.ensure_future(call("head"))  # does not join
        await gate.has(3)
        gate.opened.set()
        assert (await one).n == 1
        await other
        assert (await call()).how.startswith("hit")


# --- tenants --------------------------------------------------------------------------------------

SAID = {
    "nothing": {},
    "private": {"Cache-Control": "private, max-age=60"},
    "public": {"Cache-Control": "public, max-age=60"},
    "s-maxage": {"Cache-Control": "s-maxage=60"},
    "vary": {"Cache-Control": "max-age=60", "Vary": "Authorization"},
    "cookie": {"Set-Cookie": "a=b"},
}
# By what the upstream says: which of the upstream's replies ada, bob, ada and bob are given.
OWN = {"private": [1, 2, 3, 4]}
SHARED = {"public": [1, 1, 1, 1], "s-maxage": [1, 1, 1, 1]}


@pytest.mark.parametrize("said", SAID)
async def test_callers_with_keys_of_their_own_never_meet(
    tmp_path: Path, upstream: Upstream, said: str
) -> None:
    counting(upstream, **SAID[said])
    extra = "cache: 60s\nauth: {user: {}}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        found = [(await call(key=key)).n for key in ("ada", "bob", "ada", "bob")]
    assert found == OWN.get(said, [1, 2, 1, 2])


@pytest.mark.parametrize("said", SAID)
async def test_shared_by_everyone_they_share_what_the_upstream_opens(
    tmp_path: Path, upstream: Upstream, said: str
) -> None:
    """RFC 9111 sections 3.5 and 5.2.2.7."""
    counting(upstream, **SAID[said])
    extra = "cache: {ttl: 60s, shared_by: everyone}\nauth: {user: {}}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        found = [(await call(key=key)).n for key in ("ada", "bob", "ada", "bob")]
    assert found == SHARED.get(said, [1, 2, 3, 4])


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("by", ["everyone", "caller"])
async def test_with_the_operators_key_callers_share_unless_it_is_said(
    tmp_path: Path, upstream: Upstream, said: str, by: str
) -> None:
    counting(upstream, **SAID[said])
    extra = (
        f"cache: {{ttl: 60s, shared_by: {by}}}\n"
        "upstream: {url: 'URL', credential: {bearer: '${KEY}'}}"
    )
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        found = [(await call(address=one)).n for one in ("192.0.2.1", "192.0.2.2") * 2]
    assert found == ([1, 1, 1, 1] if by == "everyone" else [1, 2, 1, 2])


async def test_no_tag_of_another_tenant_is_confirmed(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream, Cache_Control="public, max-age=10", ETag='"secret"')
    async with driven(made(tmp_path, upstream.url, "auth: {user: {}}")) as call:
        await call(key="ada")
        call.let_pass(11)
        await call(key="bob")
    assert "If-None-Match" not in upstream.last.headers


async def test_forgetting_reaches_every_tenant(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, "cache: 60s\nauth: {user: {}}")) as call:
        await call(key="ada")
        await call(key="bob")
        await call("put", key="ada")
        assert [(await call(key=key)).n for key in ("ada", "bob")] == [4, 5]


async def test_no_cookie_of_a_stored_reply_reaches_anybody(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Set_Cookie="session=of-ada")
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        answers = [await call() for _ in range(2)]
        assert all("Set-Cookie" not in one.headers for one in answers)
        [slots] = vars(call.shared.store)["_plugins"].values()
        stored = [entry.reply.headers for slot in slots.values() for entry in slot.entries]
        assert len(stored) == 1
        assert "of-ada" not in repr(stored)


# --- purges ---------------------------------------------------------------------------------------


async def test_a_write_purges_what_it_names_for_every_caller_and_argument(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream)
    plugin = made(tmp_path, upstream.url, "cache: 60s\nauth: {user: {}}", search="purges: [get]")
    async with driven(plugin) as call:
        for key in ("ada", "bob"):
            for q in ("x", "y"):
                await call(key=key, q=q)
        await call("search", key="ada", a=1)
        found = [(await call(key=key, q=q)).n for key in ("ada", "bob") for q in ("x", "y")]
        assert found == [6, 7, 8, 9]
        assert (await call(key="ada", q="x")).n == 6


async def test_what_was_on_its_way_when_it_was_purged_is_not_found_later(
    tmp_path: Path, upstream: Upstream
) -> None:
    gate = Gate(upstream)
    async with driven(made(tmp_path, upstream.url, TTL, search="purges: [get]")) as call:
        reading = asyncio.ensure_future(call(q="x"))
        await gate.has(1)
        counting(upstream)
        await call("search", a=1)
        gate.opened.set()
        await reading
        assert (await call(q="x")).n == 3


# --- unkeyed input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-Host", "X-HTTP-Method-Override", "X-Original-URL", "Cookie", "Range",
     "If-None-Match", "Accept-Language", "Cache-Control", "Pragma"],
)  # fmt: skip
async def test_what_is_not_in_the_key_does_not_go_on(
    tmp_path: Path, upstream: Upstream, name: str
) -> None:
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        await call(headers={name: "evil"})
        assert name not in upstream.last.headers
        assert (await call()).how.startswith("hit")


async def test_what_goes_on_is_in_the_key_though_vary_does_not_say_so(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream)
    extra = "cache: 60s\nupstream: {url: 'URL', forward: [Accept-Language]}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        found = [
            (await call(headers={"Accept-Language": one} if one else {})).n
            for one in ("de", "en", "", "de", "en", "")
        ]
    assert found == [1, 2, 3, 1, 2, 3]


# --- bodies ---------------------------------------------------------------------------------------


def raw(upstream: Upstream, data: bytes, *, resets: bool = False) -> None:
    """The upstream writes these bytes and ends the connection."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(data)
        await asyncio.sleep(0.02)
        if resets:
            linger = struct.pack("ii", 1, 0)
            request.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        request.transport.close()
        raise ConnectionResetError

    upstream.answer = answer


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=60\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b'Content-Length: 50\r\n\r\n{"n": 1}',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"n": 1}\r\n',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"n',
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 30\r\n\r\n"
        + gzip.compress(b'{"n": 1}' * 50)[:30],
    ],
    ids=["short", "no last chunk", "cut chunk", "cut gzip"],
)  # fmt: skip
async def test_a_cut_body_is_never_stored(tmp_path: Path, upstream: Upstream, data: bytes) -> None:
    raw(upstream, data)
    async with driven(made(tmp_path, upstream.url)) as call:
        with pytest.raises(Refusal):
            await call()
        counting(upstream)
        assert (await call()).n == len(upstream.received)


async def test_a_body_that_a_reset_ends_is_never_stored(tmp_path: Path, upstream: Upstream) -> None:
    raw(upstream, HEAD + b'Connection: close\r\n\r\n{"n": 1}', resets=True)
    async with driven(made(tmp_path, upstream.url)) as call:
        with pytest.raises(Refusal):
            await call()
        counting(upstream)
        assert (await call()).n == len(upstream.received)


@pytest.mark.parametrize("status", [304, 206])
async def test_what_nobody_asked_for_is_never_stored(
    tmp_path: Path, upstream: Upstream, status: int
) -> None:
    counting(upstream, status=status, Cache_Control="max-age=60", Content_Range="bytes 0-7/8")
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        for _ in range(2):
            with pytest.raises(Refusal):
                await call()
    assert len(upstream.received) == 2


async def test_a_coded_body_is_stored_plain_and_given_as_such(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream.says(
        gzip.compress(b'{"n": 1}'),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        answers = [await call() for _ in range(2)]
    assert [one.n for one in answers] == [1, 1]
    assert all("Content-Encoding" not in one.headers for one in answers)
    assert len(upstream.received) == 1


async def test_a_body_too_large_for_the_store_is_given_and_not_stored(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream.says({"n": "x" * 3_000_000})
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        for _ in range(2):
            got = await call()
            assert len(got.n) == 3_000_000
            assert 'detail="not stored: too large' in got.how
    assert len(upstream.received) == 2


async def test_a_304_brings_a_stored_reply_up_to_date(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream, Cache_Control="max-age=10", ETag='"a"')
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        counting(upstream, status=304, Cache_Control="max-age=10", ETag='"a"')
        got = await call()
        assert (got.n, got.status) == (1, 200)
        assert got.how == "fwd=stale; fwd-status=304"
        assert (await call()).how.startswith("hit")
    assert len(upstream.received) == 2


async def test_a_304_that_names_another_reply_is_asked_again(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10", ETag='"a"')
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if "If-None-Match" in request.headers:
                return web.Response(status=304, headers={"ETag": '"other"'})
            return web.json_response({"n": "new"})

        upstream.answer = answer
        assert (await call()).n == "new"


# --- time -----------------------------------------------------------------------------------------


async def test_a_reply_is_fresh_until_its_last_second_and_says_its_age(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(8)
        got = await call()
        assert got.how.startswith("hit; ttl=")
        assert got.headers["Age"] in ("8", "9")
        call.let_pass(2)
        assert (await call()).n == 2


async def test_a_date_in_the_future_makes_nothing_fresher(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10", Date=formatdate(time() + 9000, usegmt=True))
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        assert (await call()).n == 2


async def test_a_clock_that_is_set_back_makes_nothing_younger(
    tmp_path: Path, upstream: Upstream
) -> None:
    counting(upstream, Cache_Control="max-age=10")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.shared.wall = lambda: 0.0
        call.let_pass(11)
        assert (await call()).n == 2


async def test_an_age_beyond_all_is_stale(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream, Cache_Control=f"max-age={2**31}", Age=str(2**31))
    async with driven(made(tmp_path, upstream.url)) as call:
        assert [(await call()).n for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(("after", "served"), [(29, True), (31, False)])
async def test_stale_while_revalidate_ends_with_its_last_second(
    tmp_path: Path, upstream: Upstream, after: int, served: bool
) -> None:
    counting(upstream, Cache_Control="max-age=10, stale-while-revalidate=20")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(after)
        assert (await call()).n == (1 if served else 2)


# --- what is configured ---------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "n"), [(59, 1), (65, 1), (659, 1), (661, 2)])
async def test_stale_is_served_for_so_long_while_it_is_asked_for(
    tmp_path: Path, upstream: Upstream, after: int, n: int
) -> None:
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, "cache: {ttl: 60s, stale: 10m}")) as call:
        await call()
        call.let_pass(after)
        assert (await call()).n == n


@pytest.mark.parametrize("said", ["must-revalidate, max-age=60", "no-cache", "s-maxage=60"])
async def test_stale_is_never_served_where_the_upstream_forbids_it(
    tmp_path: Path, upstream: Upstream, said: str
) -> None:
    counting(upstream, Cache_Control=said, ETag='"a"')
    async with driven(made(tmp_path, upstream.url, "cache: {ttl: 60s, stale: 10m}")) as call:
        await call()
        call.let_pass(61)
        assert (await call()).n == 2


@pytest.mark.parametrize("status", [500, 503])
async def test_stale_stands_in_for_a_failing_upstream(
    tmp_path: Path, upstream: Upstream, status: int
) -> None:
    counting(upstream, Cache_Control="max-age=10, stale-if-error=60")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        counting(upstream, status=status)
        got = await call()
        assert (got.status, got.n) == (200, 1)
        assert 'detail="error"' in got.how
        call.let_pass(60)
        with pytest.raises(Refusal):
            await call()


async def test_stale_stands_in_for_no_answer_at_all(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream, Cache_Control="max-age=10")
    async with driven(made(tmp_path, upstream.url)) as call:
        await call()
        call.let_pass(11)
        raw(upstream, b"")
        got = await call()
        assert (got.n, 'detail="no-answer"' in got.how) == (1, True)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_an_error_is_stored_only_with_freshness_of_its_own(
    tmp_path: Path, upstream: Upstream, status: int
) -> None:
    counting(upstream, status=status)
    plugin = made(tmp_path, upstream.url, "cache: {ttl: 60s, stale: 10m}", get="retries: no")
    async with driven(plugin) as call:
        found = [await status_of(call) for _ in range(2)]
        assert len(upstream.received) == 2
        counting(upstream, status=status, Cache_Control="max-age=60")
        found += [await status_of(call, q="x") for _ in range(2)]
    assert len(set(found)) == 1
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("cache", "said", "found"),
    [
        ("{ttl: 60s}", "max-age=0", [1, 2]),
        ("{ttl: 60s, override: true}", "max-age=0", [1, 1]),
        ("{ttl: 60s, override: true}", "no-cache", [1, 1]),
        ("{ttl: 60s, override: true}", "no-store", [1, 2]),
        ("{ttl: 60s}", "public", [1, 1]),
        ("no", "max-age=60", [1, 2]),
        ("{}", "", [1, 2]),
        ("{}", "max-age=60", [1, 1]),
    ],
)
async def test_what_is_configured_holds_beside_what_the_upstream_says(
    tmp_path: Path, upstream: Upstream, cache: str, said: str, found: list[int]
) -> None:
    counting(upstream, **({"Cache_Control": said} if said else {}))
    async with driven(made(tmp_path, upstream.url, f"cache: {cache}")) as call:
        assert [(await call()).n for _ in range(2)] == found


async def test_it_is_said_why_a_lifetime_is_idle(tmp_path: Path, upstream: Upstream) -> None:
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        counting(upstream, Cache_Control="no-store")
        assert 'detail="not stored: no-store"' in (await call(q="1")).how
        counting(upstream, Cache_Control="max-age=5")
        assert 'detail="ttl idle: max-age=5"' in (await call(q="2")).how


async def test_a_caller_is_obeyed_where_it_is_said(tmp_path: Path, upstream: Upstream) -> None:
    anew = {"Cache-Control": "no-cache"}
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        assert [(await call(headers=anew)).n for _ in range(2)] == [1, 1]
    upstream.received.clear()
    extra = "cache: {ttl: 60s, obey_caller: true}"
    async with driven(made(tmp_path, upstream.url, extra)) as call:
        assert [(await call(headers=anew)).n for _ in range(2)] == [1, 2]
        with pytest.raises(Refusal, match="only what is stored"):
            await call(headers={"Cache-Control": "only-if-cached"}, q="new")


async def test_a_guess_is_made_only_where_it_is_said(tmp_path: Path, upstream: Upstream) -> None:
    changed = formatdate(time() - 10_000, usegmt=True)
    for extra, found in (("", [1, 2]), ("cache: {heuristic: true}", [1, 1])):
        upstream.received.clear()
        counting(upstream, Last_Modified=changed)
        async with driven(made(tmp_path, upstream.url, extra)) as call:
            assert [(await call()).n for _ in range(2)] == found


async def test_a_head_is_answered_out_of_a_stored_get(tmp_path: Path, upstream: Upstream) -> None:
    counting(upstream)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        await call()
        got = await call("head")
        assert (got.status, got.body) == (200, b"")
        assert got.how.startswith("hit")


@pytest.mark.parametrize(
    ("said", "after", "n"),
    [
        ("max-age=0", 1, 2),
        ("max-age=60, stale-while-revalidate=5", 70, 2),
        ("max-age=60, stale-while-revalidate=5", 64, 1),
    ],
)
async def test_what_was_never_fresh_is_not_stale_and_the_upstreams_window_holds(
    tmp_path: Path, upstream: Upstream, said: str, after: int, n: int
) -> None:
    counting(upstream, Cache_Control=said, ETag='"a"')
    async with driven(made(tmp_path, upstream.url, "cache: {stale: 10m}")) as call:
        await call()
        call.let_pass(after)
        assert (await call()).n == n


async def test_a_body_that_its_connection_ends_is_stored(
    tmp_path: Path, upstream: Upstream
) -> None:
    raw(upstream, HEAD + b'Connection: close\r\n\r\n{"n": 1}')
    async with driven(made(tmp_path, upstream.url)) as call:
        assert [(await call()).n for _ in range(2)] == [1, 1]
    assert len(upstream.received) == 1


async def test_more_bytes_than_were_said_are_refused_and_nothing_is_stored(
    tmp_path: Path, upstream: Upstream
) -> None:
    raw(upstream, HEAD + b'Content-Length: 8\r\n\r\n{"n": 1}{"n": 2}')
    async with driven(made(tmp_path, upstream.url)) as call:
        for _ in range(2):
            assert await status_of(call) == 502
    assert len(upstream.received) == 2


@pytest.mark.parametrize("vary", ["Accept-Encoding", "accept-encoding, Accept"])
async def test_a_coded_body_that_varies_is_found_again(
    tmp_path: Path, upstream: Upstream, vary: str
) -> None:
    """What the upstream is asked with is always the same, whatever the caller takes."""
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json", "Vary": vary}
    upstream.says(gzip.compress(b'{"n": 1}'), headers=headers)
    async with driven(made(tmp_path, upstream.url, TTL)) as call:
        for coding in ("gzip", "br", "identity"):
            assert (await call(headers={"Accept-Encoding": coding})).n == 1
    assert len(upstream.received) == 1
