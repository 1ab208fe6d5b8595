"""What a call says arrives at httpbin exactly: every text and every number, in every place."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.conftest import Client, Serve
from tests.upstreams.conftest import HERE

pytestmark = pytest.mark.upstreams

TEXTS = ["héllo 猫 😀", "NO", "012", "1e3", "null", "a&b=c+d %20;", 'say "so"', "x,y|z w", ""]
# As they stand in JSON; a float would lose most of them.
NUMBERS = ["9007199254740993", "18446744073709551616", "0.1", "1.10", "-0.0", "1e400", "12E-7"]


@pytest.fixture
async def client(serve: Serve, httpbin: str) -> Client:
    return await serve(
        f"""
        plugin: exact
        spec: exact.yaml
        upstream: {{url: "{httpbin}"}}
        contact: a@example.com
        cache: no
        budget: no
        operations: all
        parameters:
          xWords: {{from: X-Words}}
          xAmount: {{from: X-Amount}}
          words_cookie: {{description: In a cookie}}
          amount_cookie: {{description: In a cookie}}
        """,
        files={"exact.yaml": (HERE / "exact.yaml").read_text()},
    )


async def arrived(client: Client, operation: str, **written: str) -> dict[str, Any]:
    """What httpbin shows of a call whose arguments are these texts of JSON.

    The numbers of its answer are told as the text they have there.
    """
    if operation == "ask":
        written = {"text": '"t"', "number": "1", **written}
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in written.items()) + "}"
    answer = await client.post(f"/call/{operation}", data=body.encode())
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = json.loads(answer.body, parse_float=str, parse_int=str)
    return shown


def path_of(shown: dict[str, Any]) -> str:
    """As httpbin shows a path: decoded, then coded again but for letters and some signs."""
    return unquote(shown["url"].partition("?")[0].partition("/anything/in/")[2])


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_arrives_as_it_is_wherever_it_stands(client: Client, text: str) -> None:
    said = json.dumps(text)
    shown = await arrived(
        client, "ask", words=said, xWords=said, words_cookie=said, deep=json.dumps({"a ü": text})
    )
    assert shown["args"] == {"words": text, "deep[a ü]": text}
    # WSGI reads headers as Latin-1.
    assert shown["headers"]["X-Words"].encode("latin-1").decode() == text
    name, _, value = shown["headers"]["Cookie"].partition("=")
    assert (name, unquote(value)) == ("words_cookie", text)


@pytest.mark.parametrize("text", [one for one in TEXTS if "%" not in one and one])
async def test_a_text_arrives_as_it_is_in_a_path(client: Client, text: str) -> None:
    assert path_of(await arrived(client, "ask", text=json.dumps(text))) == f"{text}/1"


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_arrives_as_it_is_in_every_body(client: Client, text: str) -> None:
    said = json.dumps(text)
    given = {"words": said, "list": f"[{said}, {said}]"}
    values = {"words": text, "list": [text, text]}
    assert (await arrived(client, "sendJson", **given))["json"] == values
    assert (await arrived(client, "sendForm", **given))["form"] == values
    assert (await arrived(client, "sendMultipart", **given))["form"] == values


async def test_lists_arrive_as_each_style_says(client: Client) -> None:
    items = ["NO", "012", "", "é&,+"]
    said = json.dumps(items)
    bare = json.dumps([*items[:3], "é&+"])
    shown = await arrived(client, "ask", each=said, joined=bare, piped=said, spaced=said)
    assert shown["args"] == {
        "each": items,
        "joined": "NO,012,,é&+",
        "piped": "NO|012||é&,+",
        "spaced": "NO 012  é&,+",
    }


async def test_a_file_arrives_as_its_bytes(client: Client) -> None:
    photo = base64.b64encode(bytes(range(256))).decode()
    said = json.dumps(f"data:image/png;base64,{photo}")
    shown = await arrived(client, "sendMultipart", photo=said, words='"ü"')
    assert shown["files"] == {"photo": f"data:image/png;base64,{photo}"}
    assert shown["form"] == {"words": "ü"}


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_keeps_its_digits_wherever_it_stands(client: Client, number: str) -> None:
    shown = await arrived(
        client,
        "ask",
        number=number,
        amount=number,
        numbers=f"[{number}, 1]",
        deep=f'{{"a": {number}}}',
        xAmount=number,
        amount_cookie=number,
    )
    assert path_of(shown) == f"t/{number}"
    assert shown["args"] == {"amount": number, "numbers": [number, "1"], "deep[a]": number}
    assert shown["headers"]["X-Amount"] == number
    assert shown["headers"]["Cookie"] == f"amount_cookie={number}"


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_keeps_its_digits_in_every_body(client: Client, number: str) -> None:
    given = {"amount": number, "numbers": f"[{number}, 1]"}
    shown = await arrived(client, "sendJson", **given)
    assert shown["data"] == f'{{"amount":{number},"numbers":[{number},1]}}'
    form = await arrived(client, "sendForm", **given)
    assert form["form"] == {"amount": number, "numbers": [number, "1"]}
    assert (await arrived(client, "sendMultipart", amount=number))["form"] == {"amount": number}


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_keeps_its_digits_at_the_operations_own_address(
    client: Client, number: str
) -> None:
    target = f"/anything/in/t/{number}?amount={number}&numbers={number}&numbers=1"
    shown = (await client.get(target)).json()
    assert path_of(shown) == f"t/{number}"
    assert shown["args"] == {"amount": number, "numbers": [number, "1"]}
    posted = await client.post(
        "/anything/json",
        data=f'{{"amount": {number}}}'.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert posted.json()["data"] == f'{{"amount":{number}}}'
