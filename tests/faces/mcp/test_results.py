"""Answers and refusals → results of tools/call."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway.errors import BadArguments, LimitReached
from gateway.faces.mcp.results import members, of_answer, of_refusal, of_words
from gateway.media import MOST_SHOWN
from gateway.values import Answer

META = members({"name": {"a": 1}})


def result(
    body: bytes,
    media: str = "application/json",
    status: int = 200,
    *,
    structured: bool = False,
    modern: bool = True,
    meta: bytes = META,
) -> Any:
    answer = Answer(status, (("Vary", "x"), ("Content-Type", media)), body)
    return json.loads(of_answer(answer, structured=structured, modern=modern, meta=meta))


def test_json_is_text_as_it_is() -> None:
    body = b'{"n": 1.50, "big": 12345678901234567890, "\xc3\xbc": "\\n"}'
    assert result(body) == {
        "resultType": "complete",
        "content": [{"type": "text", "text": body.decode()}],
        "isError": False,
        "_meta": {"name": {"a": 1}},
    }


def test_before_nothing_says_that_it_is_complete() -> None:
    assert result(b"{}", modern=False, meta=b"") == {
        "content": [{"type": "text", "text": "{}"}],
        "isError": False,
    }


@pytest.mark.parametrize(
    ("media", "kind"), [("image/png", "image"), ("audio/wav", "audio"), ("Image/PNG; a=b", "image")]
)
def test_images_and_sounds_are_what_they_are(media: str, kind: str) -> None:
    body = bytes(range(256))
    (content,) = result(body, media)["content"]
    assert content == {
        "type": kind,
        "data": base64.b64encode(body).decode(),
        "mimeType": media.partition(";")[0].lower(),
    }


@pytest.mark.parametrize(
    ("media", "size"), [("application/pdf", 9), ("", 9), ("image/png", MOST_SHOWN + 1)]
)
def test_what_cannot_be_shown_is_described(media: str, size: int) -> None:
    got = result(b"\xff" * size, media)
    assert f"{media or 'a file'}, {size:,} bytes" in got["content"][0]["text"]
    assert not got["isError"]


def test_an_image_of_an_error_is_not_shown() -> None:
    got = result(b"\x89PNG", "image/png", 404)
    assert got["isError"]
    assert got["content"][0]["type"] == "text"


def test_text_is_read_in_its_charset() -> None:
    got = result(b"gr\xfcn", "text/plain; charset=iso-8859-1")
    assert got["content"][0]["text"] == "gr\u00fcn"
    assert result(b"\xff", "text/plain")["content"][0]["text"] == "\ufffd"


def test_nothing_is_an_empty_object() -> None:
    assert result(b"", "")["content"][0]["text"] == "{}"


def test_an_upstreams_error_is_told_word_for_word() -> None:
    got = result(b'{"message": "no such thing"}', status=404, structured=True)
    assert got["isError"]
    assert got["content"][0]["text"] == '{"message": "no such thing"}'
    assert "structuredContent" not in got


@pytest.mark.parametrize(
    ("wait", "told"),
    [
        ("30", {"retry_after": 30}),
        (" 0 ", {"retry_after": 0}),
        ("Fri, 31 Dec 1999 23:59:59 GMT", {"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}),
        ("9" * 5000, {"retry_after": "9" * 40}),
        ("", {}),
    ],
)
@pytest.mark.parametrize("stored", ["gw; hit", "gw; fwd=miss"])
def test_an_upstreams_error_tells_its_status_and_when_to_try_again(
    wait: str, told: dict[str, Any], stored: str
) -> None:
    said = (("retry-after", wait), ("Content-Type", "application/json"), ("Cache-Status", stored))
    for status in (429, 404, 429):  # of what is remembered of a body nothing is told of another
        body = of_answer(Answer(status, said, b'{"a":1}'), structured=True, modern=True, meta=b"")
        first, second = json.loads(body)["content"]
        assert first["text"] == '{"a":1}'
        detail = f"The upstream answered {status}."
        assert json.loads(second["text"]) == {"code": "upstream_error", "detail": detail, **told}
    fine = of_answer(Answer(200, said, b'{"a":1}'), structured=False, modern=True, meta=b"")
    assert len(json.loads(fine)["content"]) == 1


def test_what_is_structured_is_sent_as_text_besides() -> None:
    got = result(b'{"a": 1.50}', structured=True)
    assert got["structuredContent"] == {"a": 1.5}
    assert got["content"][0]["text"] == '{"a": 1.50}'
    assert "structuredContent" not in result(b'{"a": 1}')


@pytest.mark.parametrize(
    ("body", "media", "value"),
    [
        (b"", "", {}),
        (b" [1]", "application/json", {"items": [1]}),
        (b'"x"', "application/json", {"value": "x"}),
        (b"null", "application/json", {"value": None}),
        (b'\xef\xbb\xbf{"a":1}', "application/json", {"a": 1}),
        (b'{"a": "\xfc"}', "application/json; charset=latin-1", {"a": "\u00fc"}),
        (b'{"a": NaN}', "application/json", {"text": '{"a": NaN}'}),
        (b'{"a": "\\ud800"}', "application/json", {"text": '{"a": "\\ud800"}'}),
        (b'{"a": 1}, "b": {', "application/json", {"text": '{"a": 1}, "b": {'}),
        (b"[" * 100_000, "application/json", {"text": "[" * 100_000}),
        (b"\x89PNG", "image/png", {}),
        (b"%PDF", "application/pdf", {}),
    ],
)
def test_a_tool_that_promises_objects_gives_one_whatever_the_upstream_sent(
    body: bytes, media: str, value: Any
) -> None:
    assert result(body, media, structured=True)["structuredContent"] == value


def test_what_was_cut_is_said_beside_the_answer_too() -> None:
    body = b'{"rows": [1], "_shrunk": {"rows": {"kept": 1, "total": 9}, "more": {"handle": "h"}}}'
    shrunk = json.loads(body)["_shrunk"]
    assert result(body)["_meta"] == {"name": {"a": 1}, "_shrunk": shrunk}
    assert result(body, meta=b"")["_meta"] == {"_shrunk": shrunk}


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": {"_shrunk": 1}}',
        b'{"a": "\\"_shrunk\\""}',
        b'{"_shrunk": NaN}',
        b'["_shrunk"]',
        b'{"a":' * 100_000 + b'"_shrunk"',
    ],
)
def test_what_an_upstream_calls_so_elsewhere_is_not_taken_for_it(body: bytes) -> None:
    assert result(body)["_meta"] == {"name": {"a": 1}}


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b'{"_shrunk": "\xff"}'])
def test_json_that_is_not_utf_8_is_text_at_least(body: bytes, structured: bool) -> None:
    """An upstream's small JSON error passes as it came."""
    got = result(body, status=400, structured=structured)
    assert got["isError"]
    assert "\ufffd" in got["content"][0]["text"]


def test_a_refusal_says_what_a_model_can_act_on() -> None:
    refusal = LimitReached("Too many.", retry_after=3)
    assert json.loads(of_refusal(refusal, modern=True, meta=b"")) == {
        "resultType": "complete",
        "content": [
            {
                "type": "text",
                "text": '{"code":"limit_reached","detail":"Too many.","retry_after":3}',
            }
        ],
        "isError": True,
    }
    got = json.loads(of_refusal(BadArguments('"\n'), modern=False, meta=META))
    assert json.loads(got["content"][0]["text"])["detail"] == '"\n'
    assert "resultType" not in got


def test_words_are_an_error_of_their_own() -> None:
    got = json.loads(of_words("No.", modern=True, meta=META))
    assert (got["isError"], got["content"]) == (True, [{"type": "text", "text": "No."}])
