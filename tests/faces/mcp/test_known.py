"""What was said before is not read again; what must be asked each time, is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.errors import LimitReached, Refusal
from tests.faces.mcp.conftest import META, OK, Desk

MODERN = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "getThing",
}


def body(
    id_: object = 1, meta: object = META, name: str = "getThing", **arguments: object
) -> bytes:
    params: dict[str, Any] = {"name": name, "arguments": arguments or {"id": 7}}
    if meta is not None:
        params["_meta"] = meta
    message = {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in MODERN.items() if key != name}


async def test_the_same_words_are_read_once_and_answered_under_their_id(desk: Desk) -> None:
    answers = [json.loads((await desk.send(body(one), MODERN)).body) for one in (1, "a", 1)]
    assert [one.pop("id") for one in answers] == [1, "a", 1]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["result"]["resultType"] == "complete"
    assert desk.calls == [("getThing", {"id": 7})] * 3
    assert desk.calls[0][1] is desk.calls[2][1]
    assert len(desk.known._told) == 1


@pytest.mark.parametrize(
    "headers",
    [
        *(without(name) for name in MODERN),
        *({**MODERN, name: value[:-1]} for name, value in MODERN.items()),
        {**MODERN, "Mcp-Name": "deleteThing"},
        {**MODERN, "Mcp-Name": "=?base64?Z2V0VGhpbmc=?="},
        {**MODERN, "MCP-Protocol-Version": "2025-06-18"},
        {**MODERN, "MCP-Protocol-Version": "2024-11-05"},
        {**MODERN, "Mcp-Method": " tools/call\t"},
        {**MODERN, "X-Other": "x"},
        {},
        *(CIMultiDict([*MODERN.items(), pair]) for pair in MODERN.items()),
    ],
)
async def test_other_headers_are_answered_as_if_nothing_was_known(
    desk: Desk, headers: Mapping[str, str]
) -> None:
    cold = await desk.send(body(), headers)
    for before in (MODERN, headers, MODERN):
        assert (await desk.send(body(), before)).status in (200, cold.status)
        assert await desk.send(body(), headers) == cold


async def test_of_words_that_hold_in_both_eras_each_gets_its_own(desk: Desk) -> None:
    before = {"MCP-Protocol-Version": "2025-06-18"}
    for _ in range(3):
        modern, legacy = [
            json.loads((await desk.send(body(), headers)).body)["result"]
            for headers in (MODERN, before)
        ]
        assert modern["resultType"] == "complete"
        assert "resultType" not in legacy


async def test_what_is_asked_first_is_asked_each_time(desk: Desk) -> None:
    headers = {**MODERN, "Mcp-Name": "deleteThing"}
    for _ in range(3):
        sent = await desk.send(body(name="deleteThing"), headers)
        assert json.loads(sent.body)["result"]["resultType"] == "input_required"
    assert desk.calls == []


async def test_a_yes_works_once_though_the_same_is_said_again(desk: Desk) -> None:
    call: dict[str, Any] = {"name": "deleteThing", "arguments": {"id": 7}}
    _, question = await desk.ask("tools/call", call)
    call["requestState"] = question["result"]["requestState"]
    call["inputResponses"] = {"confirm": {"action": "accept"}}
    kinds = [(await desk.ask("tools/call", call))[1]["result"]["resultType"] for _ in range(3)]
    assert kinds == ["complete", "input_required", "input_required"]
    assert len(desk.calls) == 1


async def test_a_header_of_an_argument_is_looked_at_each_time(desk: Desk) -> None:
    message = body(name="mirrored", region="eu")
    headers = {**MODERN, "Mcp-Name": "mirrored"}
    for _ in range(2):
        assert (await desk.send(message, {**headers, "Mcp-Param-Region": "eu"})).status == 200
        assert (await desk.send(message, {**headers, "Mcp-Param-Region": "us"})).status == 400
        assert (await desk.send(message, headers)).status == 400


async def test_a_refusal_is_not_remembered(desk: Desk) -> None:
    await desk.send(body(), MODERN)
    desk.says = LimitReached("Wait.", retry_after=3)
    with pytest.raises(Refusal):
        await desk.send(body(), MODERN)
    desk.says = OK
    assert b'isError":false' in (await desk.send(body(), MODERN)).body


async def test_pipes_have_no_headers_to_compare(desk: Desk) -> None:
    first, second = [await desk.send(body()) for _ in range(2)]
    assert first == second
    assert len(desk.known._told) == 1
    missing = await desk.send(body(), {})
    assert json.loads(missing.body)["error"]["code"] == -32020
