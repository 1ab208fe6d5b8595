"""Messages in, messages out, in the protocol's order. The tables are those of MCP 2026-07-28."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.errors import BadArguments, Bug, LimitReached, Refusal, Unauthorized, UpstreamFailed
from gateway.faces.mcp import Endpoint
from gateway.faces.mcp.server import MOST_BYTES
from gateway.values import Answer
from tests.faces.mcp.conftest import CAPABILITIES, META, OK, VERSION, Desk

HEADERS = {"MCP-Protocol-Version": "2026-07-28"}
GET = {"name": "getThing", "arguments": {"id": 7}}
DELETE = {"name": "deleteThing", "arguments": {"id": 7}}
NO_ELICITATION = {**META, CAPABILITIES: {"sampling": {}}}
MIRRORED = {"name": "mirrored", "arguments": {"region": "eu"}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in META.items() if key != name}


# --- the table of errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "meta", "headers", "status", "code"),
    [
        # missing or wrong members of _meta come before the headers
        ("server/discover", {}, HEADERS, 400, -32602),
        ("server/discover", without(VERSION), HEADERS, 400, -32602),
        ("server/discover", without(CAPABILITIES), HEADERS, 400, -32602),
        ("server/discover", {**META, VERSION: 1}, HEADERS, 400, -32602),
        ("server/discover", {**META, CAPABILITIES: []}, HEADERS, 400, -32602),
        ("server/discover", None, {**HEADERS, "Mcp-Method": "server/discover"}, 400, -32602),
        # the revision
        ("tools/list", META, {"MCP-Protocol-Version": None}, 400, -32020),
        ("tools/list", {**META, VERSION: "v999.0.0"}, {}, 400, -32020),
        ("tools/list", META, {"MCP-Protocol-Version": "v999.0.0"}, 400, -32020),
        ("tools/list", {**META, VERSION: "v9"}, {"MCP-Protocol-Version": "v9"}, 400, -32022),
        # the method
        ("tools/list", META, {"Mcp-Method": None}, 400, -32020),
        ("tools/list", META, {"Mcp-Method": "prompts/list"}, 400, -32020),
        ("tools/list", META, {"Mcp-Method": "TOOLS/LIST"}, 400, -32020),
        ("initialize", META, {}, 404, -32601),
        ("ping", META, {}, 404, -32601),
        ("logging/setLevel", META, {}, 404, -32601),
        ("resources/subscribe", META, {}, 404, -32601),
        ("resources/unsubscribe", META, {}, 404, -32601),
        ("prompts/list", META, {}, 404, -32601),
        ("subscriptions/listen", META, {}, 404, -32601),
        ("unknown/method", META, {}, 404, -32601),
    ],
)
async def test_a_modern_request_is_held_against_the_protocol(
    desk: Desk, method: str, meta: Any, headers: Any, status: int, code: int
) -> None:
    got, answer = await desk.ask(method, meta=meta, headers=headers)
    assert (got, answer["error"]["code"], answer["id"]) == (status, code, 1)


async def test_a_revision_that_is_not_served_is_told_which_are(desk: Desk) -> None:
    odd = {"MCP-Protocol-Version": "v999.0.0"}
    _, answer = await desk.ask("server/discover", meta={**META, VERSION: "v999.0.0"}, headers=odd)
    assert answer["error"]["data"]["requested"] == "v999.0.0"
    _, about = await desk.ask("server/discover")
    assert set(answer["error"]["data"]["supported"]) == set(about["result"]["supportedVersions"])


@pytest.mark.parametrize("said", ["2024-11-05", "", "v9"])
async def test_a_header_of_another_revision_is_told_which_are_served(desk: Desk, said: str) -> None:
    odd = {"MCP-Protocol-Version": said, "Mcp-Method": None}
    for meta in (None, {}):
        status, answer = await desk.ask("tools/list", meta=meta, headers=odd)
        assert (status, answer["error"]["code"]) == (400, -32022)
        assert "2025-11-25" in answer["error"]["message"]
        assert answer["error"]["data"]["requested"] == said


@pytest.mark.parametrize(
    ("params", "headers", "code"),
    [
        ({**GET, "name": "nothing"}, {}, -32602),
        ({"arguments": {}}, {}, -32602),
        ({"name": 1}, {}, -32602),
        ({**GET, "arguments": [7]}, {}, -32602),
        ({**GET, "arguments": "7"}, {}, -32602),
        (GET, {"Mcp-Name": None}, -32020),
        (GET, {"Mcp-Name": "getThin"}, -32020),
        (GET, {"Mcp-Name": "GETTHING"}, -32020),
        (GET, {"Mcp-Name": "=?base64?Z2V0VGhpbmc?="}, -32020),
        ({**GET, "name": "nothing"}, {"Mcp-Name": "getThing"}, -32020),
        (MIRRORED, {}, -32020),
        (MIRRORED, {"Mcp-Param-Region": "us"}, -32020),
        (MIRRORED, {"Mcp-Param-Region": "eu", "Mcp-Param-Urgent": "true"}, -32020),
    ],
)
async def test_a_call_is_held_against_the_protocol(
    desk: Desk, params: Any, headers: Any, code: int
) -> None:
    status, answer = await desk.ask("tools/call", params, headers=headers)
    assert (status, answer["error"]["code"]) == (400, code)
    assert desk.calls == []


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        (GET, {}),
        (GET, {"Mcp-Name": "  getThing  "}),
        (GET, {"Mcp-Name": "=?base64?Z2V0VGhpbmc=?="}),
        (GET, {"Mcp-Param-Unknown": "x"}),
        (GET, {"Mcp-Method": None, "MCP-METHOD": "tools/call"}),
        ({"name": "getMore"}, {}),  # no arguments at all
        ({"name": "getMore", "arguments": None}, {}),
        (MIRRORED, {"Mcp-Param-Region": "eu"}),
        (MIRRORED, {"mcp-param-region": "=?base64?ZXU=?="}),
        ({**GET, "_meta": {**META, "progressToken": 1, "traceparent": "x"}}, {}),
    ],
)
async def test_what_the_protocol_allows_is_called(desk: Desk, params: Any, headers: Any) -> None:
    meta = params.pop("_meta", META) if "_meta" in params else META
    status, answer = await desk.ask("tools/call", params, meta=meta, headers=headers)
    assert status == 200
    assert answer["result"]["resultType"] == "complete"
    assert len(desk.calls) == 1


async def test_a_header_that_is_there_twice_is_refused(desk: Desk) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    said = CIMultiDict([*HEADERS.items(), *HEADERS.items(), ("Mcp-Method", "tools/list")])
    sent = await desk.send(json.dumps(message).encode(), said)
    assert json.loads(sent.body)["error"]["code"] == -32020


async def test_there_is_one_page(desk: Desk) -> None:
    _, answer = await desk.ask("tools/list", {"cursor": ""})
    assert answer["error"]["code"] == -32602
    status, answer = await desk.ask("tools/list", {"cursor": None})
    assert status == 200
    assert "nextCursor" not in answer["result"]


# --- the other era ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1.0", "2025-11-25"),
    ],
)
@pytest.mark.parametrize("header", [None, "2025-11-25"])
async def test_a_handshake_gives_the_revision_that_is_asked_for_or_the_newest(
    desk: Desk, asked: str, given: str, header: str | None
) -> None:
    status, answer = await desk.ask(
        "initialize",
        {"protocolVersion": asked},
        meta=None,
        headers={"MCP-Protocol-Version": header},
    )
    assert (status, answer["result"]["protocolVersion"]) == (200, given)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("initialize", {}, -32602),
        ("unknown/method", {}, -32601),
        ("server/discover", {}, -32601),
        ("tools/call", {"name": "nothing"}, -32602),
        ("tools/call", {"name": "getThing", "arguments": []}, -32602),
    ],
)
async def test_before_an_error_was_no_error_of_http(
    desk: Desk, method: str, params: Any, code: int
) -> None:
    status, answer = await desk.ask(method, params, meta=None)
    assert (status, answer["error"]["code"]) == (200, code)


async def test_before_nothing_is_asked_back_and_headers_are_not_looked_at(desk: Desk) -> None:
    odd = {"Mcp-Name": "x", "Mcp-Method": "y", "MCP-Protocol-Version": "2025-06-18"}
    status, answer = await desk.ask("tools/call", DELETE, meta=META, headers=odd)
    assert status == 200
    assert "resultType" not in answer["result"]
    assert [name for name, _ in desk.calls] == ["deleteThing"]
    assert await desk.ask("ping", meta=None) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


async def test_a_batch_is_answered_in_its_order_without_what_asks_nothing(desk: Desk) -> None:
    hello = {**PING, "id": 3, "method": "initialize"}
    batch = [PING, NOTE, {**PING, "id": 2, "method": "nothing"}, hello, 1, {**PING, "id": "x"}]
    sent = await desk.send(json.dumps(batch).encode(), {"MCP-Protocol-Version": "2025-03-26"})
    answers = json.loads(sent.body)
    assert sent.status == 200
    assert [one.get("id") for one in answers] == [1, 2, 3, None, "x"]
    assert [one.get("error", {}).get("code") for one in answers] == [
        None,
        -32601,
        -32600,
        -32600,
        None,
    ]


@pytest.mark.parametrize(
    ("batch", "headers", "status", "code"),
    [
        ([NOTE, NOTE], None, 202, None),
        ([], None, 400, -32600),
        ([PING] * 51, None, 400, -32600),
        ([PING], {"MCP-Protocol-Version": "2025-06-18"}, 400, -32600),
        ([PING], {"MCP-Protocol-Version": "2026-07-28"}, 400, -32600),
    ],
)
async def test_a_batch_has_bounds_and_its_revision(
    desk: Desk, batch: Any, headers: Any, status: int, code: int | None
) -> None:
    sent = await desk.send(json.dumps(batch).encode(), headers)
    assert sent.status == status
    assert (json.loads(sent.body)["error"]["code"] if sent.body else None) == code


async def test_a_batch_whose_answers_are_long_is_not_carried_out_to_its_end(desk: Desk) -> None:
    desk.says = Answer(200, (("Content-Type", "application/json"),), b'"%b"' % (b"x" * 1_500_000))
    one = {"jsonrpc": "2.0", "method": "tools/call", "params": GET}
    batch = [*({**one, "id": id_} for id_ in range(50))]
    sent = await desk.send(json.dumps([*batch[:49], NOTE]).encode(), {})
    answers = json.loads(sent.body)
    assert len(sent.body) < MOST_BYTES + 2_000_000
    assert [one["id"] for one in answers] == list(range(49))
    assert len(desk.calls) == sum("result" in one for one in answers) == 3
    assert {one["error"]["code"] for one in answers[3:]} == {-32600}


async def test_between_the_messages_of_a_batch_others_have_their_turn(desk: Desk) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    await desk.send(json.dumps([PING] * 30).encode(), {})
    waiting.cancel()
    assert turns >= 30


@pytest.mark.parametrize("headers", [None, {}, HEADERS, {"MCP-Protocol-Version": "2025-06-18"}])
async def test_a_notification_is_taken_and_not_answered(desk: Desk, headers: Any) -> None:
    assert await desk.send(json.dumps(NOTE).encode(), headers) == (202, b"")


async def test_over_stdio_there_are_no_headers_to_mirror_anything(desk: Desk) -> None:
    params = {**MIRRORED, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    sent = await desk.send(json.dumps(message).encode())
    assert json.loads(sent.body)["result"]["resultType"] == "complete"


# --- what goes wrong in a call ------------------------------------------------------------------


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("refusal", [BadArguments("No."), UpstreamFailed("No.")])
async def test_a_refusal_is_a_result_that_a_model_reads(
    desk: Desk, refusal: Refusal, modern: bool
) -> None:
    desk.says = refusal
    status, answer = await desk.ask("tools/call", GET, meta=META if modern else None)
    assert (status, answer["result"]["isError"]) == (200, True)
    assert json.loads(answer["result"]["content"][0]["text"])["detail"] == "No."


@pytest.mark.parametrize("refusal", [Unauthorized("No."), LimitReached("No.", retry_after=1)])
async def test_what_clients_act_on_stays_http_where_there_is_http(
    desk: Desk, refusal: Refusal
) -> None:
    desk.says = refusal
    with pytest.raises(Refusal) as caught:
        await desk.ask("tools/call", GET)
    assert caught.value is refusal
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": GET}
    for body, headers in ((message, None), ([message], {})):
        sent = await desk.send(json.dumps(body).encode(), headers)
        answers = json.loads(sent.body)
        assert (answers[0] if isinstance(answers, list) else answers)["result"]["isError"]


async def test_our_own_fault_is_an_error_of_the_protocol(desk: Desk) -> None:
    desk.says = Bug("Ours.")
    status, answer = await desk.ask("tools/call", GET)
    assert (status, answer["error"]) == (200, {"code": -32603, "message": "Ours."})


async def test_arguments_that_cannot_be_read_are_told_to_the_model(desk: Desk) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getThing",'
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    sent = await desk.send(body + b'"arguments":' + deep + b"}}", {})
    assert json.loads(sent.body)["result"]["isError"]
    assert desk.calls == []


async def test_numbers_reach_the_call_as_they_were_written(desk: Desk) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getThing",'
    await desk.send(body + b'"arguments":{"id":12345678901234567890123}}}')
    assert desk.calls[0][1]["id"] == 12345678901234567890123


async def test_an_upstreams_error_is_a_result_that_says_so(desk: Desk) -> None:
    desk.says = Answer(404, OK.headers, b'{"message":"gone"}')
    _, answer = await desk.ask("tools/call", GET)
    assert answer["result"]["isError"]
    assert answer["result"]["content"][0]["text"] == '{"message":"gone"}'


# --- asking first -------------------------------------------------------------------------------


def said(action: Any, state: Any) -> dict[str, Any]:
    return {"inputResponses": {"confirm": {"action": action}}, "requestState": state}


async def asked(desk: Desk, params: Any = DELETE) -> str:
    """The state of a question that was asked."""
    _, answer = await desk.ask("tools/call", params)
    result = answer["result"]
    assert result["resultType"] == "input_required", result
    state = result["requestState"]
    assert isinstance(state, str)
    return state


async def test_a_question_shows_what_would_be_done(desk: Desk) -> None:
    _, answer = await desk.ask("tools/call", DELETE)
    question = answer["result"]["inputRequests"]["confirm"]
    assert question["method"] == "elicitation/create"
    assert '"id":7' in question["params"]["message"].replace(" ", "")
    assert question["params"]["requestedSchema"] == {"type": "object", "properties": {}}
    assert desk.calls == []


async def test_a_question_shows_long_arguments_in_part(desk: Desk) -> None:
    _, answer = await desk.ask("tools/call", {**DELETE, "arguments": {"id": 7, "note": "x" * 5000}})
    assert len(answer["result"]["inputRequests"]["confirm"]["params"]["message"]) < 1200


async def test_who_agrees_is_served_once(desk: Desk) -> None:
    state = await asked(desk)
    _, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert answer["result"]["resultType"] == "complete"
    assert desk.calls == [("deleteThing", {"id": 7})]
    _, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert answer["result"]["resultType"] == "input_required"  # asked anew
    assert len(desk.calls) == 1


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_who_does_not_agree_is_not_served(desk: Desk, action: str) -> None:
    _, answer = await desk.ask("tools/call", {**DELETE, **said(action, await asked(desk))})
    assert (answer["result"]["resultType"], answer["result"]["isError"]) == ("complete", True)
    assert desk.calls == []


@pytest.mark.parametrize(
    "responses",
    [
        None, [], 1, {}, {"other": {"action": "accept"}}, {"confirm": None}, {"confirm": []},
        {"confirm": 12345}, {"confirm": {}}, {"confirm": {"action": 1}},
        {"confirm": {"action": "ACCEPT"}}, {"confirm": {"action": "accept "}},
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_asked_again(desk: Desk, responses: Any) -> None:
    more = {"inputResponses": responses, "requestState": await asked(desk)}
    _, answer = await desk.ask("tools/call", {**DELETE, **more})
    assert answer["result"]["resultType"] == "input_required"
    assert desk.calls == []


async def test_an_answer_without_its_state_is_none(desk: Desk) -> None:
    more = {"inputResponses": {"confirm": {"action": "accept"}}}
    _, answer = await desk.ask("tools/call", {**DELETE, **more})
    assert answer["result"]["resultType"] == "input_required"
    assert desk.calls == []


async def test_what_is_said_besides_is_ignored(desk: Desk) -> None:
    more = said("accept", await asked(desk))
    more["inputResponses"]["other"] = {"action": "decline"}
    await desk.ask("tools/call", {**DELETE, **more})
    assert len(desk.calls) == 1


@pytest.mark.parametrize("state", [None, 1, "", "x", {}, base64.b64encode(b"x" * 56).decode()])
async def test_a_forged_state_is_an_error(desk: Desk, state: Any) -> None:
    status, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert (status, answer["error"]["code"]) == (400, -32602)
    assert desk.calls == []


async def test_a_tampered_state_is_an_error(desk: Desk) -> None:
    state = await asked(desk) + "-TAMPERED"
    status, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert (status, answer["error"]["code"]) == (400, -32602)


async def test_a_state_is_of_its_arguments_and_of_its_caller(desk: Desk) -> None:
    state = await asked(desk)
    other = {"name": "deleteThing", "arguments": {"id": 8}}
    status, _ = await desk.ask("tools/call", {**other, **said("accept", state)})
    assert status == 400
    desk.caller = "somebody else"
    status, _ = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert status == 400
    assert desk.calls == []
    desk.caller = "somebody"
    await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert len(desk.calls) == 1


async def test_the_order_of_arguments_makes_no_other_call(desk: Desk) -> None:
    one = {"name": "deleteThing", "arguments": {"id": 7, "note": "a"}}
    other = {"name": "deleteThing", "arguments": {"note": "a", "id": 7}}
    await desk.ask("tools/call", {**other, **said("accept", await asked(desk, one))})
    assert len(desk.calls) == 1


async def test_a_state_that_is_too_old_is_asked_anew(desk: Desk) -> None:
    state = await asked(desk)
    desk.now += 601
    _, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
    assert answer["result"]["resultType"] == "input_required"


async def test_states_that_were_forgotten_are_asked_anew(endpoint: Endpoint) -> None:
    desk = Desk(endpoint, most=3)
    states = []
    for _ in range(5):
        states.append(await asked(desk))
        await desk.ask("tools/call", {**DELETE, **said("accept", states[-1])})
        desk.now += 1
    assert len(desk.calls) == 5
    for state in states:
        _, answer = await desk.ask("tools/call", {**DELETE, **said("accept", state)})
        assert answer["result"]["resultType"] == "input_required"
    assert len(desk.calls) == 5


@pytest.mark.parametrize(
    ("capabilities", "asks"),
    [
        ({"elicitation": {}}, True),
        ({"elicitation": {"form": {}}}, True),
        ({"elicitation": {"form": {}, "url": {}}}, True),
        ({"elicitation": {"url": {}}}, False),
        ({"elicitation": None}, False),
        ({"sampling": {}}, False),
        ({}, False),
    ],
)
async def test_only_who_can_ask_by_a_form_is_told_to(
    desk: Desk, capabilities: Any, asks: bool
) -> None:
    _, answer = await desk.ask("tools/call", DELETE, meta={**META, CAPABILITIES: capabilities})
    assert answer["result"]["resultType"] == ("input_required" if asks else "complete")
    assert len(desk.calls) == (0 if asks else 1)


# --- whatever comes ------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "2.0", "tools/call", "tools/list", "server/discover", "initialize", "ping", "getThing",
        "deleteThing", "mirrored", "2026-07-28", "2025-06-18", "2025-03-26", "accept", "confirm",
        "notifications/initialized",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "jsonrpc", "id", "method", "params", "result", "error", "name", "arguments", "_meta",
        "cursor", "protocolVersion", "inputResponses", "requestState", "confirm", "action",
        "elicitation", VERSION, CAPABILITIES, "region",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=12,
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": WORDS | VALUES,
        "arguments": VALUES,
        "cursor": VALUES,
        "protocolVersion": WORDS | VALUES,
        "inputResponses": VALUES,
        "requestState": VALUES,
        "_meta": st.just(META) | st.just(NO_ELICITATION) | VALUES,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": WORDS},
    optional={"id": st.integers() | st.text(max_size=4) | VALUES, "params": PARAMS | VALUES},
)
SAID = st.none() | st.dictionaries(
    st.sampled_from(["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region"]),
    WORDS | st.text(max_size=8),
    max_size=4,
)


def is_answer(message: Any) -> bool:
    """Whether it is a response of JSON-RPC as the revisions' schemas have it."""
    assert message["jsonrpc"] == "2.0"
    assert set(message) <= {"jsonrpc", "id", "result", "error"}
    assert ("result" in message) != ("error" in message)
    if "error" in message:
        assert isinstance(message["error"]["code"], int)
        assert isinstance(message["error"]["message"], str)
        return "id" not in message or is_id(message["id"])
    return isinstance(message["result"], dict) and is_id(message["id"])


def is_id(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


async def check(endpoint: Endpoint, body: bytes, headers: dict[str, str] | None) -> None:
    sent = await Desk(endpoint).send(body, headers)
    if not sent.body:
        assert sent.status == 202
        return
    assert sent.status in (200, 400, 404)
    found = json.loads(sent.body)
    assert all(map(is_answer, found)) if isinstance(found, list) else is_answer(found)


fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@fuzzed
@given(st.binary(max_size=80) | VALUES.map(lambda one: json.dumps(one).encode()), SAID)
async def test_any_bytes_are_answered(
    endpoint: Endpoint, body: bytes, headers: dict[str, str] | None
) -> None:
    await check(endpoint, body, headers)


@fuzzed
@given(MESSAGES | st.lists(MESSAGES, max_size=4), SAID)
async def test_any_message_is_answered(
    endpoint: Endpoint, message: Any, headers: dict[str, str] | None
) -> None:
    await check(endpoint, json.dumps(message).encode(), headers)


@fuzzed
@given(MESSAGES, st.data())
async def test_any_message_that_is_cut_or_changed_is_answered(
    endpoint: Endpoint, message: Any, data: st.DataObject
) -> None:
    body = bytearray(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    await check(endpoint, bytes(body), None)
