"""Every conversation of `tests/cases/mcp` with a real gateway, as it stands there.

They are written from the specification (MCP 2026-07-28, 2025-11-25 and before), not from our code.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.conformance.transcripts import (
    Conversation,
    DiffersError,
    Exchange,
    compare,
    filled,
    like,
    pattern,
    read,
    sent_headers,
)
from tests.conftest import Client, Response, Serve, Upstream

pytest.importorskip("gateway.faces.mcp")

CASES = Path(__file__).parents[1] / "cases" / "mcp"
CONVERSATIONS = [one for file in sorted(CASES.glob("*.txt")) for one in read(file)]
OVER_PIPES = [one for file in sorted(CASES.glob("stdio/*.txt")) for one in read(file)]
WRITTEN = "http://127.0.0.1:5099"
NO_THING, LATER = 404, 429
PIPE_WITHIN = 30.0
WAITS = 1.0  # longer than a short call takes
TOKEN = {"TOKEN": "the-token"}


async def things(request: web.BaseRequest) -> web.StreamResponse:
    """The upstream behind the plugins of the conversations."""
    first, _, last = request.path.strip("/").partition("/")
    if first == "picture":
        return web.Response(body=b"\x89PNG\r\n\x1a\n", content_type="image/png")
    if first == "breaks":
        return web.Response(status=500, text="oh")
    if first == "waits":
        await asyncio.sleep(WAITS)
        return web.json_response({"waited": WAITS})
    if first == "mirrored":
        return web.json_response(json.loads(await request.text() or "{}"))
    if not last:
        return web.json_response([{"id": 1}, {"id": 2}])
    if request.method == "DELETE":
        return web.json_response({"removed": int(last)})
    if int(last) == NO_THING:
        return web.json_response({"error": "there is no such thing"}, status=404)
    if int(last) == LATER:
        return web.json_response({"error": "later"}, status=429, headers={"Retry-After": "30"})
    named = f"{request.query.get('lang', 'no')} thing"
    return web.json_response({"id": int(last), "name": named})


@pytest.mark.parametrize(
    "conversation", CONVERSATIONS, ids=[f"{one.file}: {one.title}" for one in CONVERSATIONS]
)
async def test_a_conversation_goes_as_it_is_written(
    conversation: Conversation, serve: Serve, upstream: Upstream
) -> None:
    upstream.answer = things
    texts = [(CASES / name).read_text() for name in conversation.plugins]
    assert all(WRITTEN in text for text in texts)
    client = await serve(*(text.replace(WRITTEN, upstream.url) for text in texts), env=TOKEN)
    words = {**conversation.words, "BASE": client.base}
    for exchange in conversation.exchanges:
        await _exchange(conversation, exchange, client, upstream, words)


async def _exchange(
    conversation: Conversation,
    exchange: Exchange,
    client: Client,
    upstream: Upstream,
    words: dict[str, str],
) -> None:
    before = len(upstream.received)
    body = None if exchange.body is None else filled(exchange.body, words).encode()
    response = await client.request(
        exchange.method,
        exchange.target,
        headers=CIMultiDict(sent_headers(exchange, words)),
        skip_auto_headers=["Accept", "Content-Type"],
        data=body,
    )
    try:
        _hold(exchange, response, words)
        _hold_upstream(exchange, upstream, before)
    except DiffersError as error:
        came = f"{response.status} {response.body.decode(errors='replace')[:1500]}"
        pytest.fail(
            f"{conversation.file}.txt:{exchange.line}: {error}\ncame: {came}", pytrace=False
        )


# --- over pipes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("conversation", OVER_PIPES, ids=[one.title for one in OVER_PIPES])
async def test_a_conversation_over_pipes_goes_as_it_is_written(
    conversation: Conversation, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.answer = things
    files = []
    for name in conversation.plugins:
        files.append(tmp_path / name)
        files[-1].write_text((CASES / name).read_text().replace(WRITTEN, upstream.url))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "mcp", *map(str, files)),
        *("--state", str(tmp_path / "state")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **TOKEN},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        words = dict(conversation.words)
        for exchange in conversation.exchanges:
            before = len(upstream.received)
            process.stdin.write(filled(exchange.body or "", words).encode() + b"\n")
            await process.stdin.drain()
            if exchange.status == "nothing":  # the next answer is the next one's
                continue
            line = await asyncio.wait_for(process.stdout.readline(), PIPE_WITHIN)
            try:
                compare(pattern(exchange.answer or "..."), _parsed(line), words)
                _hold_upstream(exchange, upstream, before)
            except DiffersError as error:
                came = line.decode(errors="replace")[:1500]
                pytest.fail(f"stdio/{conversation.file}.txt:{exchange.line}: {error}\ncame: {came}")
        process.stdin.close()
        rest = await asyncio.wait_for(process.stdout.read(), PIPE_WITHIN)
        assert (rest, await asyncio.wait_for(process.wait(), PIPE_WITHIN)) == (b"", 0)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _hold_upstream(exchange: Exchange, upstream: Upstream, before: int) -> None:
    """Hold what went upstream against what may. Raises: DiffersError."""
    if exchange.nothing_upstream and len(upstream.received) > before:
        raise DiffersError(f"upstream got {upstream.last.method} {upstream.last.target}")


def _hold(exchange: Exchange, response: Response, words: dict[str, str]) -> None:
    """Hold an answer against what has to come. Raises: DiffersError."""
    came = str(response.status)
    if not any(came.startswith(one.rstrip("x")) for one in exchange.status.split("|")):
        raise DiffersError(f"the status is {came}, not {exchange.status}")
    for name, value in exchange.wanted:
        is_there = response.headers.get(name.removeprefix("-"))
        if name.startswith("-"):
            if is_there is not None:
                raise DiffersError(f"{name[1:]} is there: {is_there}")
        elif is_there is None or not like(f"{value}...", is_there):
            raise DiffersError(f"{name} is {is_there}, not {value}")
    if exchange.answer == "":
        if response.body:
            raise DiffersError("the answer is not empty")
    elif exchange.answer is not None:
        if not response.headers.get("Content-Type", "").startswith("application/json"):
            raise DiffersError(f"the answer is {response.headers.get('Content-Type')}")
        compare(pattern(exchange.answer), _parsed(response.body), words)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise DiffersError("the answer is no JSON") from None


# --- the conversations are held to what they say ------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "came", "differs"),
    [
        ('{"a": 1}', {"a": 1}, ""),
        ('{"a": 1}', {"a": True}, ".a: true, not 1"),
        ('{"a": 1}', {"a": 1, "b": 2}, "also has ['b']"),
        ('{..., "a": 1}', {"a": 1, "b": 2}, ""),
        ('{..., "a": ...}', {"b": 2}, "no 'a'"),
        ('{..., "-b": 0}', {"b": 2}, "'b' is there"),
        ('{"-b": 0, "a": int}', {"a": 1}, ""),
        ("[1, ...]", [1, 2], ""),
        ("[1]", [1, 2], "more items"),
        ("[1, 2]", [1], "fewer items"),
        ("[int, string, bool]", [1, "a", False], ""),
        ("[int]", [True], "is no int"),
        ('"...b..."', "abc", ""),
        ('"...[b]..."', "abc", "not"),
        ("[$x, $x]", [1, 1], ""),
        ("[$x, $x]", [1, 2], "2, not 1"),
        ('{$key: {"a": $x}}', {"k": {"a": 1}}, ""),
        ("{$key: 1}", {"k": 1, "l": 1}, "not one member"),
        ("{...}", [], "is no object"),
    ],
)
def test_an_answer_is_compared(wanted: str, came: Any, differs: str) -> None:
    if not differs:
        compare(pattern(wanted), came, {})
        return
    with pytest.raises(DiffersError) as error:
        compare(pattern(wanted), came, {})
    assert differs in str(error.value)


def test_every_conversation_says_something_and_expects_something() -> None:
    assert len(CONVERSATIONS) == len({(one.file, one.title) for one in CONVERSATIONS})
    for one in CONVERSATIONS + OVER_PIPES:
        assert one.exchanges, one.title
        for exchange in one.exchanges:
            assert exchange.status, f"{one.file}.txt:{exchange.line}"
            if exchange.answer:
                pattern(exchange.answer)
