"""examples/mail: flat arguments into a nested body, and one request for one call."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from tests.conftest import Client, Upstream
from tests.examples.conftest import Parameters, Running, Serving, Start, environment, loaded, seen

TOKEN = environment("mail")["MAIL_TOKEN"]
MAIL = {"to": ["team@example.com"], "subject": "Hello", "text": "It works."}
SEND = "/v1/messages/send"


@pytest.fixture
async def service(start: Start) -> Running:
    return await start("mail/upstream.py")


@pytest.fixture
async def mail(service: Running, serving: Serving) -> Client:
    return await serving(loaded("mail/mail.yaml", environment("mail"), service.url))


@pytest.fixture
async def scripted(upstream: Upstream, serving: Serving) -> Client:
    """The plugin over an upstream that answers as a test says."""
    return await serving(loaded("mail/mail.yaml", environment("mail"), upstream.url))


async def test_a_model_sees_three_flat_arguments(mail: Client) -> None:
    assert await seen(mail) == {"sendMail": Parameters({"to", "subject", "text"}, set())}
    document = (await mail.get("/openapi.json")).json()
    operation = document["paths"][SEND]["post"]
    assert operation["x-openai-isConsequential"] is True
    text = json.dumps(document)
    assert not [word for word in ("assistant@", "importance", "save_to_sent") if word in text]


async def test_the_service_gets_its_nested_body(mail: Client, service: Running) -> None:
    answer = await mail.post(SEND, json=MAIL)
    assert (answer.status, answer.json()) == (202, {"id": "m-1", "status": "queued"})
    assert service.last.target == SEND
    assert service.last.headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(service.last.body) == {
        "message": {
            "from": "assistant@example.com",
            "to": ["team@example.com"],
            "subject": "Hello",
            "body": {"type": "text", "content": "It works."},
        },
        "save_to_sent": True,
    }


@pytest.mark.parametrize("missing", ["to", "subject", "text"])
async def test_without_one_of_them_nothing_is_sent(
    mail: Client, service: Running, missing: str
) -> None:
    call = {name: value for name, value in MAIL.items() if name != missing}
    answer = await mail.post(SEND, json=call)
    assert (answer.status, f"'{missing}' is required" in answer.json()["detail"]) == (400, True)
    assert service.received == []


@pytest.mark.parametrize(
    "more",
    [
        {"from": "boss@example.com"},
        {"type": "html"},
        {"body": {"type": "html", "content": "x"}},
        {"message": {"from": "boss@example.com"}},
        {"body.message.from": "boss@example.com"},
        {"cc": ["all@example.com"]},
        {"save_to_sent": False},
    ],
)
async def test_no_call_writes_in_anothers_name_or_to_others_in_secret(
    mail: Client, service: Running, more: dict[str, object]
) -> None:
    for target in (SEND, "/call/sendMail"):
        answer = await mail.post(target, json={**MAIL, **more})
        assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")
    assert service.received == []


async def test_what_the_service_refuses_comes_through(mail: Client) -> None:
    answer = await mail.post(SEND, json={**MAIL, "to": ["nobody@example.com"]})
    assert (answer.status, "nobody" in answer.json()["error"]["message"]) == (422, True)


async def test_the_outbox_is_out_of_reach(mail: Client, service: Running) -> None:
    for method, target in (("GET", "/v1/outbox"), ("GET", SEND), ("POST", "/call/outbox.list")):
        assert (await mail.request(method, target)).status in (404, 405)
    assert service.received == []


# --- one call, one request --------------------------------------------------------------------


async def test_two_equal_calls_are_two_messages(mail: Client, service: Running) -> None:
    for number in (1, 2):
        answer = await mail.post(SEND, json=MAIL)
        assert answer.json()["id"] == f"m-{number}"
        assert "Age" not in answer.headers
    assert len(service.received) == 2


async def test_equal_calls_in_flight_are_two_messages(scripted: Client, upstream: Upstream) -> None:
    both_are_here = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        if len(upstream.received) == 2:
            both_are_here.set()
        await asyncio.wait_for(both_are_here.wait(), 10)
        return web.json_response({"id": "m"}, status=202)

    upstream.answer = answer
    answers = await asyncio.gather(*(scripted.post(SEND, json=MAIL) for _ in range(2)))
    assert [one.status for one in answers] == [202, 202]
    assert len(upstream.received) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_a_send_that_fails_is_not_repeated(
    scripted: Client, upstream: Upstream, status: int
) -> None:
    upstream.says("<h1>Oh no</h1>", status=status, headers={"Retry-After": "0"})
    answer = await scripted.post(SEND, json=MAIL)
    assert answer.status >= 400
    assert len(upstream.received) == 1


async def test_a_send_whose_connection_breaks_is_not_repeated(
    scripted: Client, upstream: Upstream
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    upstream.says({"id": "m"}, status=202)
    assert (await scripted.post(SEND, json=MAIL)).status == 202  # so that a connection is kept
    upstream.answer = answer
    failed = await scripted.post(SEND, json=MAIL)
    assert (failed.status, failed.json()["code"]) == (502, "upstream_failed")
    assert len(upstream.received) == 2


async def test_even_an_answer_that_may_be_kept_is_not(scripted: Client, upstream: Upstream) -> None:
    upstream.says({"id": "m"}, status=200, headers={"Cache-Control": "public, max-age=3600"})
    for _ in range(2):
        assert (await scripted.post(SEND, json=MAIL)).status == 200
    assert len(upstream.received) == 2
