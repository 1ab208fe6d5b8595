"""A client at the other end of two pipes, over the code that answers MCP."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import Gateway, Options
from gateway.config import read_configs
from gateway.incoming import MAX_BODY
from gateway.stdio import (
    LAST_SECONDS,
    MOST_REFUSED,
    MOST_RUNNING,
    MOST_WAITING,
    Lines,
    Local,
    converse,
)
from tests.conftest import Upstream

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}


@dataclass
class Talk:
    """The client's side. `task` is the server's."""

    incoming: int  # what the server reads, its other end
    heard: asyncio.StreamReader
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def send(self, *messages: Any) -> None:
        """Values as JSON, bytes as they are; a line break behind each."""
        for one in messages:
            await self.raw((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n")

    async def raw(self, data: bytes) -> None:
        await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.incoming, data) :]

    async def hear(self) -> Any:
        async with asyncio.timeout(60):
            return json.loads(await self.heard.readline())

    async def leave(self) -> list[Any]:
        """Close the pipe; what is still said until the server has ended."""
        os.close(self.incoming)
        self.incoming = -1
        async with asyncio.timeout(60):
            await self.task
            return [json.loads(line) async for line in self.heard]


@asynccontextmanager
async def talk(
    answer: Callable[[bytes], Awaitable[bytes]],
    load: Callable[[], Awaitable[object]],
    last: float = LAST_SECONDS,
) -> AsyncIterator[Talk]:
    theirs, ours = os.pipe()
    back, outgoing = os.pipe()
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    stop = asyncio.Event()
    file = os.fdopen(back, "rb")
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )

    async def serve() -> None:
        try:
            await converse(answer, load, theirs, outgoing, stop, last)
        finally:
            os.close(outgoing)

    client = Talk(ours, reader, stop, asyncio.create_task(serve()))
    try:
        yield client
    finally:
        stop.set()
        if client.incoming >= 0:
            os.close(client.incoming)
        await asyncio.gather(client.task, return_exceptions=True)
        pipe.close()


async def nothing() -> None:
    """What has to be loaded where there are no plugins."""


Start = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(
            *configs: str, proofs: dict[str, str] | None = None, last: float = LAST_SECONDS
        ) -> Talk:
            paths = []
            for number, text in enumerate(configs):
                paths.append(tmp_path / f"plugin{number}.yaml")
                paths[-1].write_text(dedent(text))
            gateway = Gateway(read_configs(paths, {}), Options(state=tmp_path / "state"))
            stack.push_async_callback(gateway.close)
            local = Local(lambda: gateway.door.sites, proofs or {}, alone=len(configs) == 1)
            return await stack.enter_async_context(talk(local.answer, gateway.load, last))

        yield started


def things(upstream: Upstream, more: str = "", name: str = "things") -> str:
    return f"""
plugin: {name}
contact: a@example.com
upstream: {{url: "{upstream.url}"}}
{more}
operations:
  getThing:
    call: GET /things/{{id}}
    description: One thing.
    parameters:
      id: {{in: path, type: string, description: Which one.}}
    returns: {{type: object}}
  deleteThing:
    call: DELETE /things/{{id}}
    description: Remove it.
    confirm: true
    parameters:
      id: {{in: path, type: string, description: Which one.}}
    returns: {{type: object}}
"""


def request(id_: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def modern(id_: Any, method: str, **params: Any) -> dict[str, Any]:
    return request(id_, method, _meta=MODERN, **params)


def called(id_: Any, thing: str = "a", name: str = "getThing") -> dict[str, Any]:
    return request(id_, "tools/call", name=name, arguments={"id": thing})


def cancelled(id_: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id_, "reason": "the user"},
    }


@dataclass
class Gate:
    """An upstream whose answers wait; `came` has who asks, `left` whose client went away."""

    upstream: Upstream

    def __post_init__(self) -> None:
        self.open = asyncio.Event()
        self.came: asyncio.Queue[str] = asyncio.Queue()
        self.left: asyncio.Queue[str] = asyncio.Queue()
        self.upstream.answer = self.answer

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.came.put_nowait(request.path)
        try:
            if not request.path.endswith("/fast"):
                await self.open.wait()
        except asyncio.CancelledError:
            self.left.put_nowait(request.path)
            raise
        return web.json_response({"path": request.path})


@pytest.fixture
def gate(upstream: Upstream) -> Gate:
    return Gate(upstream)


# --- both eras --------------------------------------------------------------------------------


async def test_a_session_of_before_shakes_hands_lists_calls_and_ends(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream))
    await client.send(request(0, "initialize", protocolVersion="2025-06-18", capabilities={}))
    greeting = await client.hear()
    assert greeting["id"] == 0
    assert greeting["result"]["protocolVersion"] == "2025-06-18"
    assert greeting["result"]["serverInfo"]["name"] == "things"
    await client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    await client.send(request("list", "tools/list"))
    listed = await client.hear()
    assert listed["id"] == "list"
    names = [tool["name"] for tool in listed["result"]["tools"]]
    assert names == ["getThing", "deleteThing", "getMore"]
    await client.send(request(2, "ping"))
    assert await client.hear() == {"jsonrpc": "2.0", "id": 2, "result": {}}
    await client.send(called(3))
    answer = await client.hear()
    assert json.loads(answer["result"]["content"][0]["text"]) == {"path": "/things/a"}
    assert "resultType" not in answer["result"]
    assert await client.leave() == []


async def test_a_modern_session_needs_no_handshake_and_no_headers(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream))
    await client.send(modern(1, "server/discover"))
    about = (await client.hear())["result"]
    assert about["supportedVersions"][0] == "2026-07-28"
    assert about["resultType"] == "complete"
    await client.send(modern(2, "initialize", protocolVersion="2026-07-28"))
    assert (await client.hear())["error"]["code"] == -32601
    await client.send(modern(3, "tools/call", name="getThing", arguments={"id": "x"}))
    result = (await client.hear())["result"]
    assert result["resultType"] == "complete"
    assert upstream.last.target == "/things/x"


async def test_who_can_ask_his_user_is_told_to_before_something_is_done(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream))
    arguments = {"name": "deleteThing", "arguments": {"id": "x"}}
    await client.send(modern(1, "tools/call", **arguments))
    asked = (await client.hear())["result"]
    assert asked["resultType"] == "input_required"
    assert upstream.received == []
    said = {"inputResponses": {"confirm": {"action": "accept", "content": {}}}}
    state = {"requestState": asked["requestState"]}
    await client.send(modern(2, "tools/call", **arguments, **said, **state))
    assert (await client.hear())["result"]["resultType"] == "complete"
    assert upstream.last.method == "DELETE"


async def test_the_tools_of_several_plugins_have_the_plugins_names_before_them(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream), things(upstream, name="others"))
    await client.send(request(1, "tools/list"))
    names = [tool["name"] for tool in (await client.hear())["result"]["tools"]]
    assert "things_getThing" in names
    assert "others_getThing" in names
    await client.send(called(2, "b", "others_getThing"))
    assert not (await client.hear())["result"]["isError"]


async def test_of_what_is_searched_the_gateways_own_tools_are_listed_and_call_the_rest(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream, "expose: search"))
    await client.send(request(1, "tools/list"))
    tools = {tool["name"]: tool for tool in (await client.hear())["result"]["tools"]}
    assert "getThing" not in tools
    (name,) = (name for name in tools if name.startswith("call"))
    call = {"name": "getThing", "arguments": {"id": "a"}}
    await client.send(request(2, "tools/call", name=name, arguments=call))
    assert not (await client.hear())["result"]["isError"]
    assert upstream.last.target == "/things/a"


# --- who calls --------------------------------------------------------------------------------


async def test_nobody_is_asked_for_a_token_of_ours(upstream: Upstream, start: Start) -> None:
    client = await start(things(upstream, "auth: {service: {tokens: {someone: token-of-theirs}}}"))
    await client.send(called(1))
    assert not (await client.hear())["result"]["isError"]
    assert "Authorization" not in upstream.last.headers


async def test_the_key_of_the_environment_is_the_one_that_the_upstream_sees(
    upstream: Upstream, start: Start
) -> None:
    client = await start(
        things(upstream, "auth: {user: {scheme: bearer}}"), proofs={"things": "Bearer my-key"}
    )
    await client.send(called(1))
    assert not (await client.hear())["result"]["isError"]
    assert upstream.last.headers["Authorization"] == "Bearer my-key"


async def test_a_limit_counts_the_one_caller_that_there_is(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream, "limit: 2/min"))
    for number in range(3):
        await client.send(called(number, str(number)))
        answer = await client.hear()
    assert answer["result"]["isError"]
    assert json.loads(answer["result"]["content"][0]["text"])["code"] == "limit_reached"


# --- many at once, and taken back --------------------------------------------------------------


async def test_a_fast_answer_overtakes_a_slow_one(gate: Gate, start: Start) -> None:
    client = await start(things(gate.upstream))
    await client.send(called(1, "slow"), called(2, "fast"))
    assert (await client.hear())["id"] == 2
    gate.open.set()
    assert (await client.hear())["id"] == 1


@pytest.mark.parametrize("id_", [1, "one"])
async def test_a_request_that_is_taken_back_ends_upstream_and_has_no_answer(
    gate: Gate, start: Start, id_: Any
) -> None:
    client = await start(things(gate.upstream))
    await client.send(called(id_, "slow"))
    assert await gate.came.get() == "/things/slow"
    await client.send(cancelled(id_), request(2, "ping"))
    assert (await client.hear())["id"] == 2
    gate.open.set()
    await client.send(request(3, "ping"))
    assert (await client.hear())["id"] == 3
    assert await client.leave() == []


@pytest.mark.parametrize(
    "message",
    [
        cancelled(99),
        cancelled(None),
        cancelled(True),
        cancelled({"a": 1}),
        {"jsonrpc": "2.0", "method": "notifications/cancelled"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": []},
    ],
)
async def test_taking_back_what_is_not_there_changes_nothing(
    gate: Gate, start: Start, message: Any
) -> None:
    client = await start(things(gate.upstream))
    await client.send(called(1, "slow"))
    await gate.came.get()
    await client.send(message)
    gate.open.set()
    assert (await client.hear())["id"] == 1


async def test_no_more_than_so_many_run_at_once_and_those_that_wait_can_be_taken_back(
    gate: Gate, start: Start
) -> None:
    client = await start(things(gate.upstream))
    await client.send(*(called(one, f"slow{one}") for one in range(MOST_RUNNING + 2)))
    running = {await gate.came.get() for _ in range(MOST_RUNNING)}
    await client.send(cancelled(MOST_RUNNING), called("last", "fast"))
    assert gate.came.empty()
    assert f"/things/slow{MOST_RUNNING}" not in running
    gate.open.set()
    answered = {(await client.hear())["id"] for _ in range(MOST_RUNNING + 2)}
    assert answered == {*range(MOST_RUNNING), MOST_RUNNING + 1, "last"}


async def test_beyond_what_may_wait_requests_are_refused_and_the_end_is_seen(
    gate: Gate, start: Start
) -> None:
    client = await start(things(gate.upstream), last=0.05)
    most = MOST_RUNNING + MOST_WAITING
    await client.send(*(called(one, f"slow{one}") for one in range(most)))
    notice = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await client.send(notice, called("beyond"), [called("in a batch")])
    refused = [await client.hear(), await client.hear()]
    assert [one["error"]["code"] for one in refused] == [-32603, -32603]
    assert [one.get("id") for one in refused] == ["beyond", None]
    await client.send(cancelled(most - 1), called("room"))
    more = range(1000, 1000 + 2 * MOST_REFUSED)
    await client.send(*map(called, more))
    answers = await client.leave()
    assert [one["id"] for one in answers] == list(more)
    assert gate.came.qsize() == MOST_RUNNING


async def test_who_does_not_read_is_not_read(gate: Gate) -> None:
    async def answer(_: bytes) -> bytes:
        return b" " * MAX_BODY

    async with talk(answer, nothing) as client:
        client.heard._transport.pause_reading()  # type: ignore[attr-defined]
        os.set_blocking(client.incoming, False)
        sent, line = 0, json.dumps(request(1, "ping")).encode().ljust(4096) + b"\n"
        for _ in range(40):
            with suppress(BlockingIOError):
                while True:
                    sent += os.write(client.incoming, line)
            await asyncio.sleep(0.01)
        assert sent < 4 * (MOST_RUNNING + MOST_WAITING + MOST_REFUSED) * len(line)
        client.stop.set()


# --- what is no message ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"hello", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": "\xff"}}', -32700),
        (b"[" * 200_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b'{"id": 1, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "nothing"}', -32601),
    ],
)
async def test_what_is_no_message_is_answered_with_an_error_and_the_session_goes_on(
    upstream: Upstream, start: Start, line: bytes, code: int
) -> None:
    client = await start(things(upstream))
    await client.send(line)
    assert (await client.hear())["error"]["code"] == code
    await client.send(request(2, "ping"))
    assert (await client.hear())["id"] == 2


async def test_of_a_line_that_is_too_long_the_rest_is_skipped(
    upstream: Upstream, start: Start
) -> None:
    client = await start(things(upstream))
    await client.send(b'{"a": "' + b"x" * (3 * MAX_BODY) + b'"}', request(2, "ping"))
    answers = [await client.hear(), await client.hear()]
    assert answers[0]["error"]["code"] == -32600
    assert "id" not in answers[0]
    assert answers[1]["id"] == 2


@pytest.mark.parametrize(
    "line",
    [b"", b"  \r", b'{"jsonrpc": "2.0", "id": 7, "result": {}}',
     b'{"jsonrpc": "2.0", "error": {"code": -32600, "message": "no"}}',
     b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'],
)  # fmt: skip
async def test_what_asks_nothing_is_answered_with_nothing(
    upstream: Upstream, start: Start, line: bytes
) -> None:
    client = await start(things(upstream))
    await client.send(line, request(2, "ping"))
    assert (await client.hear())["id"] == 2
    assert await client.leave() == []


async def test_an_answer_is_one_line_however_it_is_written() -> None:
    async def answer(line: bytes) -> bytes:
        return b'{\r\n  "a":\n 1\n}'

    async with talk(answer, nothing) as client:
        await client.send(request(1, "ping"), request(2, "ping"))
        assert [await client.hear(), await client.hear()] == [{"a": 1}] * 2
        assert await client.leave() == []


async def test_nothing_is_kept_of_what_was_answered() -> None:
    async def answer(line: bytes) -> bytes:
        return b"{}"

    async with talk(answer, nothing) as client:
        for number in range(100):
            await client.send(request(number, "ping"))
            await client.hear()
        gc.collect()
        assert sum(isinstance(one, asyncio.Task) for one in gc.get_objects()) < 50


# --- the end ------------------------------------------------------------------------------------


async def test_what_is_under_way_when_the_client_leaves_is_still_answered(
    gate: Gate, start: Start
) -> None:
    client = await start(things(gate.upstream))
    await client.send(called(1, "slow"))
    await gate.came.get()
    asyncio.get_running_loop().call_later(0.05, gate.open.set)
    assert [one["id"] for one in await client.leave()] == [1]


async def test_it_waits_for_nothing_that_takes_longer(gate: Gate, start: Start) -> None:
    client = await start(things(gate.upstream), last=0.05)
    await client.send(called(1, "slow"))
    await gate.came.get()
    assert await client.leave() == []


async def test_a_last_line_needs_no_line_break(upstream: Upstream, start: Start) -> None:
    client = await start(things(upstream))
    await client.raw(json.dumps(request(1, "ping")).encode())
    assert [one["id"] for one in await client.leave()] == [1]


async def test_told_to_stop_it_stops_with_calls_under_way(gate: Gate, start: Start) -> None:
    client = await start(things(gate.upstream))
    await client.send(called(1, "slow"))
    await gate.came.get()
    client.stop.set()
    async with asyncio.timeout(30):
        await client.task


async def test_it_stops_while_plugins_are_loading(upstream: Upstream) -> None:
    never = asyncio.Event()
    async with talk(Local(tuple, {}, alone=True).answer, never.wait) as client:
        client.stop.set()
        async with asyncio.timeout(30):
            await client.task


async def test_what_comes_of_loading_is_told_to_who_started_it(upstream: Upstream) -> None:
    async def load() -> None:
        raise ValueError("no such spec")

    async with talk(Local(tuple, {}, alone=True).answer, load) as client:
        with pytest.raises(ValueError, match="no such spec"):
            await client.task


async def test_it_ends_when_nobody_reads_any_more(upstream: Upstream) -> None:
    theirs, ours = os.pipe()
    back, outgoing = os.pipe()
    os.close(back)

    os.write(ours, json.dumps(request(1, "ping")).encode() + b"\n")
    async with asyncio.timeout(30):
        await converse(
            Local(tuple, {}, alone=True).answer, nothing, theirs, outgoing, asyncio.Event()
        )
    os.close(ours)
    os.close(outgoing)


# --- plugins that come later --------------------------------------------------------------------


async def test_a_plugin_is_in_the_list_as_soon_as_its_spec_is_there(
    upstream: Upstream, start: Start
) -> None:
    spec = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {"/things": {"get": {"operationId": "all", "responses": {"200": {
            "description": "x"}}}}},
    }  # fmt: skip
    upstream.says("not yet", status=503)
    late = f"""
plugin: late
contact: a@example.com
spec: {upstream.url}/openapi.json
operations: {{all: {{}}}}
"""
    client = await start(late)
    await client.send(request(1, "tools/list"))
    assert (await client.hear())["result"]["tools"] == []
    upstream.says(spec)
    names: list[str] = []
    async with asyncio.timeout(60):
        while not names:
            await asyncio.sleep(0.2)
            await client.send(request(2, "tools/list"))
            names = [tool["name"] for tool in (await client.hear())["result"]["tools"]]
    assert "all" in names


# --- lines --------------------------------------------------------------------------------------


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[one:two] for one, two in itertools.pairwise(at)]


@given(
    st.lists(st.binary(max_size=12).map(lambda one: one.replace(b"\n", b"")), max_size=6),
    st.lists(st.integers(0, 80), max_size=8),
    st.booleans(),
)
def test_lines_are_the_same_however_their_bytes_come(
    wanted: list[bytes], places: list[int], ends: bool
) -> None:
    most = 8
    data = b"\n".join(wanted) + (b"\n" if ends else b"")
    lines = Lines(most)
    got = [line for piece in cut(data, places) for line in lines.feed(piece)]
    got += lines.rest()
    assert got == [None if len(one) > most else one for one in wanted if one]
