"""What a gateway does with requests that come while there are too many: over real connections,
each byte as it goes over the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from gateway import connections
from gateway.connections import IDLE_SECONDS
from gateway.errors import Overloaded
from gateway.overload import RETRY_AFTER, Load
from tests.conftest import Client, Serve, Upstream

SHOP = """
plugin: shop
contact: a@example.com
cache: no
upstream: {{url: "{url}"}}
operations:
  getThing:
    call: GET /things/{{id}}
    description: A thing.
    parameters: {{id: {{in: path, type: string, required: true, description: Which}}}}
  addThing:
    call: POST /things
    description: Add one.
    body: {{type: object, properties: {{a: {{}}}}}}
"""


class Full(Load):
    """A load that stays as it is."""

    def __init__(self, room: float, *, waits: bool = False) -> None:
        super().__init__()
        self.is_shedding, self.is_crowded, self.room = not waits, waits, room

    def look(self, *_: float) -> bool:  # type: ignore[override]
        return False


@dataclass
class Wire:
    """A connection of a caller."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Each piece so that it arrives by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.02)

    async def said(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.split("\r\n")
            pairs = (field.split(": ", 1) for field in fields if field)
            headers = {name.lower(): value for name, value in pairs}
            body = b""
            if has_body:
                body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(line.split()[1]), headers, body

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read(1) == b""
        return True


@dataclass
class Shop:
    """A gateway whose load is as a test sets it."""

    client: Client
    wires: list[Wire] = field(default_factory=list)

    def refuses(self, *, room: float = 0.0) -> None:
        """From now on so many calls may begin in a turn."""
        turns = self.client.gateway.door.turns
        turns.load, turns.is_calm = Full(room), False

    def crowds(self, *, room: float = 0.0) -> None:
        """From now on so many calls may begin in a turn, and others wait."""
        turns = self.client.gateway.door.turns
        turns.load, turns.is_calm = Full(room, waits=True), False

    @property
    def handlers(self) -> list[connections._Handler]:
        return self.client.gateway._runner.server._handlers()  # type: ignore[union-attr]

    def takes(self) -> None:
        """All may begin again."""
        turns = self.client.gateway.door.turns
        turns.load, turns.is_calm = Load(), True

    @property
    def shed(self) -> int:
        """How many calls were refused so."""
        counts = self.client.gateway.door.recorder.counts
        return int(counts.snapshot()["sum"]["shed"].get("load", 0))

    async def wire(self, *, first: bool = True) -> Wire:
        """A connection, on which something was asked already."""
        streams = await asyncio.open_connection("127.0.0.1", self.client.gateway.port)
        wire = Wire(*streams)
        self.wires.append(wire)
        if first:
            await wire.send(get("/healthz"))
            assert (await wire.said())[0] == 200
        return wire


def get(target: str, *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def post(*lines: str, body: bytes = b'{"a":1}', length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    json_type = "Content-Type: application/json"
    return get("/things", json_type, f"Content-Length: {size}", *lines, method="POST") + body


@pytest.fixture
async def shop(serve: Serve, upstream: Upstream) -> AsyncIterator[Shop]:
    made = Shop(await serve(SHOP.format(url=upstream.url)))
    yield made
    for wire in made.wires:
        wire.writer.close()
        with contextlib.suppress(ConnectionError):
            await wire.writer.wait_closed()


async def refused(wire: Wire, *, keeps: bool = True) -> dict[str, str]:
    """The next answer must be the refusal; gives its headers."""
    status, headers, body = await wire.said()
    assert (status, json.loads(body)["code"]) == (503, Overloaded.code)
    assert int(headers["retry-after"]) in RETRY_AFTER
    assert (headers.get("connection", "keep-alive") != "close") is keeps
    return headers


async def test_a_refusal_before_the_parser_is_the_door_s_own(shop: Shop) -> None:
    """But for its time: nothing more is known of the request."""
    shop.refuses()
    wire = await shop.wire()
    await wire.send(get("/things/1"))
    status, early, early_body = await wire.said()
    late = await shop.client.get("/things/1", headers={"Connection": "close"})
    assert status == late.status == 503
    first, second = json.loads(early_body), late.json()
    for one in (first, second):
        one.pop("call_id", None)
        one["detail"] = one["detail"].replace(f"{one.pop('retry_after')} s", "… s")
    assert first == second
    own = {name.lower() for name in late.headers} - {"date", "connection", "call-id"}
    assert own == early.keys()
    for name in own - {"retry-after", "content-length"}:
        assert early[name] == late.headers[name]


async def test_a_refused_connection_is_good_for_the_next_call(
    shop: Shop, upstream: Upstream
) -> None:
    shop.refuses()
    wire = await shop.wire()
    for sent in (get("/things/1"), post(), get("/things/2")):
        await wire.send(sent)
        await refused(wire)
    assert shop.shed == 3
    assert not upstream.received
    shop.takes()
    for sent in (get("/things/1"), post(), get("/things/2")):
        await wire.send(sent)
        assert (await wire.said())[0] == 200
    assert [one.target for one in upstream.received] == ["/things/1", "/things", "/things/2"]


async def test_health_and_readiness_are_always_told(shop: Shop) -> None:
    shop.refuses()
    for target in ("/healthz", "/readyz", "/shop/healthz", "/healthz?x=1"):
        for first in (True, False):
            wire = await shop.wire(first=first)
            await wire.send(get(target))
            assert (await wire.said())[0] == 200
            await wire.send(get(target, "Connection: close"))
            assert (await wire.said())[0] == 200
            assert await wire.is_closed()
    wire = await shop.wire(first=False)
    await wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert (await wire.said())[0] == 200


@pytest.mark.parametrize("lines", [(), ("Connection: close",), ("X-Probe: kubelet",)])
async def test_that_it_is_alive_is_told_at_once_as_the_door_tells_it(
    shop: Shop, lines: tuple[str, ...]
) -> None:
    async def told() -> tuple[int, dict[str, str], bytes]:
        wire = await shop.wire(first=False)
        await wire.send(get("/healthz", *lines))
        status, headers, body = await wire.said()
        assert headers.pop("date").endswith(" GMT")
        if "Connection: close" in lines:
            assert await wire.is_closed()
        else:
            await wire.send(get("/healthz", *lines))
            assert (await wire.said())[2] == body
        return status, headers, body

    def parsed() -> int:
        return shop.client.gateway._runner.server.requests_count  # type: ignore[union-attr]

    calm = await told()
    before = parsed()
    for busy in (shop.crowds, shop.refuses):
        busy()
        assert await told() == calm
    assert parsed() == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (get("/healthz", method="POST"), 405),
        (get("/nobody/healthz"), 404),
        (get("/things/healthz"), 200),
        (get("/healthz/x"), 404),
        (get("/readyz"), 200),
    ],
)
async def test_whatever_else_is_asked_there_the_door_answers(
    shop: Shop, sent: bytes, status: int
) -> None:
    for busy in (shop.crowds, shop.refuses):
        busy(room=1)
        wire = await shop.wire()
        await wire.send(sent)
        assert (await wire.said())[0] == status


async def test_what_only_ends_like_it_has_to_wait(shop: Shop, upstream: Upstream) -> None:
    wire = await shop.wire()
    for busy in (shop.refuses, shop.crowds):
        busy()
        await wire.send(get("/things/healthz"))
        if busy == shop.refuses:
            await refused(wire)
    assert not upstream.received


async def test_the_room_of_a_turn_is_given_to_the_first(shop: Shop, upstream: Upstream) -> None:
    shop.refuses(room=2)
    wires = [await shop.wire() for _ in range(6)]
    for wire in wires:  # before the gateway has a turn
        wire.writer.write(get("/things/1"))
    statuses = [(await wire.said())[0] for wire in wires]
    assert statuses.count(200) >= 2
    assert statuses.count(503) == shop.shed
    assert shop.client.gateway.door.turns.load.admitted == statuses.count(200), "judged once"
    assert len(upstream.received) == statuses.count(200)


async def test_head_is_refused_without_a_body(shop: Shop) -> None:
    shop.refuses()
    wire = await shop.wire()
    await wire.send(get("/things/1", method="HEAD"))
    status, headers, _ = await wire.said(has_body=False)
    assert status == 503
    assert int(headers["content-length"]) > 0
    await wire.send(get("/healthz"))
    assert (await wire.said())[0] == 200


async def test_a_body_that_comes_later_is_left_out(shop: Shop, upstream: Upstream) -> None:
    """However it comes, and be it a request in itself."""
    shop.refuses()
    wire = await shop.wire()
    hidden = get("/things/7")
    head = post(body=b"", length=len(hidden))
    await wire.send(head)
    await refused(wire)
    await wire.send(hidden[:10], hidden[10:-4], hidden[-4:])
    await wire.send(get("/things/8"))
    await refused(wire)
    await wire.send(head, hidden[:-1])
    await refused(wire)
    shop.takes()  # in the middle of it
    await wire.send(hidden[-1:] + get("/things/9"))
    status, _, body = await wire.said()
    assert (status, json.loads(body)["path"]) == (200, "/things/9")
    assert [one.target for one in upstream.received] == ["/things/9"]


async def test_a_call_whose_body_comes_later_is_taken_whole(shop: Shop, upstream: Upstream) -> None:
    shop.refuses(room=100)
    wire = await shop.wire()
    for number in range(3):
        body = b'{"a":%d}' % number
        sent = post(body=body)
        await wire.send(sent[: -len(body)], body[:3], body[3:])
        assert (await wire.said())[0] == 200
    assert [json.loads(one.body) for one in upstream.received] == [{"a": 0}, {"a": 1}, {"a": 2}]
    shop.refuses()
    await wire.send(sent[: -len(body)])  # it is known where the one before ended
    await refused(wire)
    assert shop.shed == 1


@pytest.mark.parametrize("split", [True, False])
async def test_after_a_body_of_calmer_times_a_call_is_refused_all_the_same(
    shop: Shop, split: bool
) -> None:
    """By the door, once; from then on it is known where requests end."""
    wire = await shop.wire()
    sent = post()
    pieces = (sent[:-7], sent[-7:]) if split else (sent,)
    await wire.send(*pieces)
    assert (await wire.said())[0] == 200
    shop.refuses()
    for _ in range(3):
        await wire.send(*pieces)
        await refused(wire)
    begun = shop.client.gateway._runner.server.requests_count  # type: ignore[union-attr]
    await wire.send(*pieces)
    await refused(wire)
    after = shop.client.gateway._runner.server.requests_count  # type: ignore[union-attr]
    assert after == begun, "it was parsed"
    assert shop.shed == 4


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param((get("/things/1")[:9], get("/things/1")[9:]), id="a head in two pieces"),
        pytest.param((get("/things/1")[:-1], b"\n"), id="a blank line in two pieces"),
        pytest.param(
            (b"GET /things/1 HTTP/1.1\r\nX: ", get("/things/9")), id="one within a header"
        ),
        pytest.param((b"\r\n", get("/things/1")), id="an empty line before"),
        pytest.param((b"\r\n" + get("/things/1"),), id="an empty line with it"),
        pytest.param((get("/things/1", "Transfer-Encoding: chunked"), b"0\r\n\r\n"), id="chunks"),
        pytest.param((get("/things/1", "Upgrade: h2c"),), id="an upgrade"),
        pytest.param((get("/things/1", "Content-Length: 3"), b"abc"), id="a body of a GET"),
    ],
)
async def test_what_is_unusual_is_refused_by_the_door(
    shop: Shop, upstream: Upstream, sent: tuple[bytes, ...]
) -> None:
    shop.refuses()
    wire = await shop.wire()
    await wire.send(*sent)
    await refused(wire)
    await wire.send(get("/things/2"))
    await refused(wire)
    shop.takes()
    await wire.send(get("/things/3"))
    assert (await wire.said())[0] == 200
    assert [one.target for one in upstream.received] == ["/things/3"]


@pytest.mark.parametrize(
    "sent",
    [
        get("/things/1", "Connection: close"),
        b"GET /things/1 HTTP/1.0\r\n\r\n",
    ],
)
async def test_who_wants_the_connection_closed_has_it_closed(shop: Shop, sent: bytes) -> None:
    shop.refuses()
    wire = await shop.wire()
    await wire.send(sent)
    assert (await wire.said())[0] == 503
    assert await wire.is_closed()


async def test_nobody_is_told_to_send_a_body_that_is_not_wanted(shop: Shop) -> None:
    shop.refuses()
    wire = await shop.wire()
    await wire.send(post("Expect: 100-continue", body=b"", length=7))
    await refused(wire)  # and no 100


async def test_what_is_no_request_is_told_so(shop: Shop) -> None:
    shop.refuses()
    for sent in (b"GET /things/1 HTTP/1.1\r\nA: b\n\0: c\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n"):
        wire = await shop.wire()
        await wire.send(sent)
        assert (await wire.said())[0] == 400
        assert await wire.is_closed()


async def test_a_page_may_read_its_refusal_and_ask_whether_it_may_call(shop: Shop) -> None:
    shop.refuses()
    wire = await shop.wire()
    origin = "Origin: https://chatgpt.com"
    await wire.send(get("/things/1", origin))
    assert (await refused(wire))["access-control-allow-origin"] == "https://chatgpt.com"
    await wire.send(get("/things/1", origin, method="OPTIONS"))
    status, headers, _ = await wire.said(has_body=False)
    assert (status, "access-control-allow-methods" in headers) == (204, True)


async def test_requests_sent_ahead_are_each_judged_and_answered_in_order(
    shop: Shop, upstream: Upstream
) -> None:
    shop.refuses()
    wire = await shop.wire()
    await wire.send(get("/things/1") + get("/healthz") + post() + get("/things/2"))
    assert [(await wire.said())[0] for _ in range(4)] == [503, 200, 503, 503]
    shop.refuses(room=100)
    await wire.send(get("/things/1") + get("/things/2")[:20], get("/things/2")[20:])
    assert [(await wire.said())[0] for _ in range(2)] == [200, 200]
    assert [one.target for one in upstream.received] == ["/things/1", "/things/2"]


async def test_what_was_begun_is_never_refused(shop: Shop, upstream: Upstream) -> None:
    go_on, there = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        there.set()
        await go_on.wait()
        return web.json_response({})

    upstream.answer = answer
    wire = await shop.wire()
    await wire.send(get("/things/1"))
    await there.wait()
    shop.refuses()
    await wire.send(get("/things/2"))  # behind it: that one is judged in its turn
    go_on.set()
    assert (await wire.said())[0] == 200
    await refused(wire)


async def test_who_does_not_read_refusals_holds_no_more_of_them_than_any_answer(
    shop: Shop,
) -> None:
    shop.refuses()
    wire = await shop.wire()
    transport = wire.writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]
    sent = get("/things/1") * 100
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            for _ in range(2000):
                await wire.send(sent)
    (handler,) = shop.client.gateway._runner.server.connections  # type: ignore[union-attr]
    assert handler.transport.get_write_buffer_size() < 1024 * 1024
    transport.abort()


async def test_a_connection_that_is_refused_is_in_use(shop: Shop) -> None:
    wire = await shop.wire()
    (handler,) = shop.client.gateway._runner.server.connections  # type: ignore[union-attr]
    handler._next_keepalive_close_time -= 50
    shop.refuses()
    await wire.send(get("/things/1"))
    await refused(wire)
    left = handler._next_keepalive_close_time - asyncio.get_running_loop().time()
    assert IDLE_SECONDS - 5 < left <= IDLE_SECONDS


async def test_a_gateway_that_stops_says_with_a_refusal_that_the_connection_ends(
    shop: Shop,
) -> None:
    shop.refuses()
    wire = await shop.wire()
    shop.client.gateway._runner.server.leave()  # type: ignore[union-attr]
    await wire.send(get("/things/1"))
    await refused(wire, keeps=False)
    assert await wire.is_closed()


# --- while it is crowded ----------------------------------------------------------------------


async def test_those_who_wait_begin_in_their_turn_and_none_is_refused(
    shop: Shop, upstream: Upstream
) -> None:
    wires = [await shop.wire() for _ in range(6)]
    shop.crowds(room=1)
    for number, wire in enumerate(wires):  # before the gateway has a turn
        wire.writer.write(get(f"/things/{number}"))
    assert [(await wire.said())[0] for wire in wires] == [200] * 6
    assert len(upstream.received) == 6
    assert not shop.shed


async def test_health_does_not_wait_with_them(shop: Shop, upstream: Upstream) -> None:
    waiting = await shop.wire()
    shop.crowds()
    await waiting.send(get("/things/1"))
    for first in (True, False):
        wire = await shop.wire(first=first)
        await wire.send(get("/healthz"))
        assert (await wire.said())[0] == 200
    assert not upstream.received
    assert [one.is_called for one in shop.handlers].count(True) == 1
    shop.client.gateway._runner.server.close_idle()  # type: ignore[union-attr]
    shop.crowds(room=1)
    assert (await waiting.said())[0] == 200


async def test_each_of_what_was_sent_ahead_waits_for_its_turn(
    shop: Shop, upstream: Upstream
) -> None:
    wires = [await shop.wire() for _ in range(2)]
    shop.crowds()
    sent = post()
    await wires[0].send(sent[:-5], sent[-5:-2], sent[-2:] + get("/things/1") + get("/healthz"))
    await wires[1].send(get("/healthz") + get("/things/2"))
    assert (await wires[1].said())[0] == 200
    assert not upstream.received, "health was asked first, and that is no way in"
    shop.crowds(room=1)
    assert [(await wires[0].said())[0] for _ in range(3)] == [200] * 3
    assert (await wires[1].said())[0] == 200
    assert [one.target for one in upstream.received] == ["/things", "/things/2", "/things/1"]
    assert upstream.received[0].body == sent[-7:]


async def test_who_has_gone_while_he_waited_is_not_called_for(
    shop: Shop, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    gone, there = await shop.wire(), await shop.wire()
    shop.crowds()
    await gone.send(get("/things/1"))
    await there.send(get("/things/2"))
    gone.writer.transport.abort()
    await asyncio.sleep(0.05)
    shop.crowds(room=1)
    assert (await there.said())[0] == 200
    assert [one.target for one in upstream.received] == ["/things/2"]
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


@pytest.mark.parametrize("then", ["refuses", "takes"])
async def test_who_waits_is_answered_whatever_comes_then(
    shop: Shop, upstream: Upstream, then: str
) -> None:
    wires = [await shop.wire() for _ in range(4)]
    shop.crowds()
    for wire in wires:
        await wire.send(get("/things/1"))
    if then == "refuses":
        shop.refuses(room=1)
    else:
        shop.takes()
    assert [(await wire.said())[0] for wire in wires] == [200] * 4
    assert not shop.shed
    assert len(upstream.received) == 4


# --- what stands where on a connection --------------------------------------------------------


@pytest.mark.parametrize("second", [get("/healthz"), get("/things/2")])
@pytest.mark.parametrize("busy", ["crowds", "refuses"])
async def test_answers_keep_their_order_whenever_the_next_request_comes(
    shop: Shop, busy: str, second: bytes
) -> None:
    """Also between aiohttp's taking of the one before and its beginning with it."""
    wire = await shop.wire()
    (handler,) = shop.handlers
    for turns in range(12):
        getattr(shop, busy)(room=1)
        handler.data_received(get("/things/1"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if busy == "refuses" and b"things" in second:
            shop.refuses()
        handler.data_received(second)
        answers = [await wire.said(), await wire.said()]
        assert (answers[0][0], json.loads(answers[0][2])["path"]) == (200, "/things/1")
        if b"healthz" in second:
            assert json.loads(answers[1][2]) == {"alive": True}
        else:
            assert answers[1][0] == (503 if busy == "refuses" else 200)


@pytest.mark.parametrize("busy", ["takes", "crowds", "refuses"])
@pytest.mark.parametrize("coding", ["Content-Length: {}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("line", ["X-Any: thing", "Origin: https://chatgpt.com"])
@pytest.mark.parametrize("inner", ["/healthz", "/things/1"])
async def test_a_body_is_never_taken_for_a_request(
    shop: Shop, upstream: Upstream, busy: str, coding: str, line: str, inner: str
) -> None:
    """Not even when its request has been answered already, and before it was all there."""
    wire = await shop.wire()
    hidden = get(inner)
    sent = hidden if "Length" in coding else b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    await wire.send(get("/nowhere", coding.format(len(hidden)), line, method="POST"))
    assert (await wire.said())[0] == 404
    if busy == "takes":
        shop.takes()
    else:
        getattr(shop, busy)(room=5)
    await wire.send(sent)
    await wire.send(get("/things/77"))
    status, _, body = await wire.said()
    assert (status, json.loads(body)["path"]) == (200, "/things/77")
    assert [one.target for one in upstream.received] == ["/things/77"]


@pytest.mark.parametrize("busy", ["crowds", "refuses"])
async def test_nor_while_it_is_waited_for(shop: Shop, upstream: Upstream, busy: str) -> None:
    hidden = get("/healthz")
    sent = post(body=hidden)
    for number in range(100):
        wire = await shop.wire(first=number % 2 == 0)
        getattr(shop, busy)(room=5)
        wire.writer.write(sent[: -len(hidden)])
        await asyncio.sleep(0)
        wire.writer.write(hidden)
        status, _, body = await wire.said()  # it is no JSON
        assert (status, b"alive" in body) == (400, False)
        shop.takes()
    assert not upstream.received


# --- connections beyond the bound -------------------------------------------------------------


async def test_beyond_the_bound_connections_are_good_for_health_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CALLERS", 2)
    full = [await shop.wire() for _ in range(2)]
    for target, status in (("/healthz", 200), ("/things/1", 503), ("/readyz", 200)):
        wire = await shop.wire(first=False)
        await wire.send(get(target))
        got, headers, _ = await wire.said()
        assert (got, headers["connection"]) == (status, "close")
        assert await wire.is_closed()
    await full[0].send(get("/things/1"))
    assert (await full[0].said())[0] == 200
    full[1].writer.close()
    await asyncio.sleep(0.05)
    wire = await shop.wire()
    await wire.send(get("/things/1"))
    assert (await wire.said())[0] == 200


async def test_beyond_the_spare_ones_the_oldest_makes_room(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CALLERS", 1)
    monkeypatch.setattr(connections, "SPARE", 2)
    first = await shop.wire()
    silent = []
    for _ in range(5):
        silent.append(await shop.wire(first=False))
        await asyncio.sleep(0.02)
    for wire in silent[:3]:
        assert await wire.is_closed()
    server = shop.client.gateway._runner.server  # type: ignore[union-attr]
    assert len(server.connections) == 3
    wire = await shop.wire(first=False)
    await wire.send(get("/healthz"))
    assert (await wire.said())[0] == 200
    await first.send(get("/things/1"))
    assert (await first.said())[0] == 200
    for one in silent:
        one.writer.close()
    await asyncio.sleep(0.05)
    assert not server._spare


def test_of_the_sockets_that_a_process_may_have_half_are_for_callers() -> None:
    """A process of its own, whose limit is low: it raises that, and no further than it may."""
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (100, 300));"
        "from gateway.connections import server_of; from gateway.proxy import Door;"
        "import asyncio\n"
        "async def main(): return server_of(Door())._most\n"
        "print(asyncio.run(main()), r.getrlimit(r.RLIMIT_NOFILE))"
    )
    ran = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "150 (300, 300)"
