"""What is said of a request before it is parsed: nothing where readers could differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.early import MAX_BODY, MAX_HEAD, asks_health, missing, target_of

GET = b"GET /p/things/1?q=2 HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines: str, body: bytes = b"{}") -> bytes:
    return "\r\n".join(["POST /p/x HTTP/1.1", "Host: a", *lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (GET, 0),
        (GET.replace(b"GET", b"HEAD"), 0),
        (GET.replace(b"GET", b"DELETE"), 0),
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"), 0),
        (post("Content-Length: 2"), 0),
        (post("Content-Length: 9"), 7),
        (post("CONTENT-LENGTH:\t9 ", body=b""), 9),
        (post("Content-Length: 0", body=b""), 0),
        (post("Content-Length: 4", body=b"\r\n\r\n"), 0),
        (post(f"Content-Length: {MAX_BODY}", body=b""), MAX_BODY),
    ],
)
def test_a_plain_request_says_where_it_ends(data: bytes, left: int) -> None:
    assert missing(data) == left


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\r\n" + GET,
        GET[:-1],
        GET + GET,
        GET + b"G",
        GET + b"\r\n",
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b" HTTP/1.1", b""),
        GET.replace(b"GET", b"OPTIONS"),
        GET.replace(b"GET", b"get"),
        GET.replace(b"GET /", b"GET http://a/"),
        GET.replace(b"Host: a\r\n", b"Host: a\n"),
        GET.replace(b"a\r\n", b"a\r\nX: b\n\r\n", 1),
        GET.replace(b"a\r\n", b"a\r\nOrigin: https://chatgpt.com\r\n", 1),
        GET.replace(b"a\r\n", b"a\r\nConnection: close\r\n", 1),
        GET.replace(b"a\r\n", b"a\r\nUpgrade: h2c\r\n", 1),
        GET.replace(b"a\r\n", b"a\r\nX: " + b"x" * MAX_HEAD + b"\r\n", 1),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        post(body=b"{}"),
        post("Content-Length: 1"),
        post("Content-Length: +2"),
        post("Content-Length: 2, 2"),
        post("Content-Length: 0x2"),
        post("Content-Length: \u0662".encode().decode("latin-1")),
        post("Content-Length:"),
        post("Content-Length : 2"),
        post("Content-Length: 2", "Content-Length: 2"),
        post("Content-Length: 2", "content-length: 3"),
        post("X: a\rContent-Length: 2"),
        post("X-Content-Length: 2"),
        post(f"Content-Length: {MAX_BODY + 1}", body=b""),
        post("Content-Length: 99999999999999999999999", body=b""),
        post("Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        post("Content-Length: 2", "Transfer-Encoding: chunked"),
        post("Content-Length: 2", "X: a\rTransfer-Encoding: chunked"),
        post("Content-Length: 2", " Transfer-Encoding: chunked"),
        post("Content-Length: 2", "Expect: 100-continue"),
    ],
)
def test_of_anything_else_nothing_is_said(data: bytes) -> None:
    assert missing(data) is None


@given(st.binary(max_size=300), st.integers(0, 300))
def test_what_is_still_missing_completes_it_and_no_byte_more(body: bytes, cut: int) -> None:
    whole = post(f"Content-Length: {len(body)}", body=body)
    head = len(whole) - len(body)
    cut = min(cut, len(body))
    assert missing(whole[: head + cut]) == len(body) - cut
    assert missing(whole + b"x") is None


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert missing(data) in (None, 0) or b"content-length" in data.lower()
    target_of(data)


@pytest.mark.parametrize(
    ("target", "asks"),
    [
        ("/healthz", True),
        ("/readyz?x=/", True),
        ("/p/healthz", True),
        ("/p/things/healthz", False),
        ("/q/healthz", False),
        ("/p/healthz/", False),
        ("/p/things?x=/healthz", False),
        ("", False),
    ],
)
def test_who_asks_for_health(target: str, asks: bool) -> None:
    assert asks_health(target, ("p",)) is asks


@pytest.mark.parametrize(
    ("data", "target"),
    [(GET, "/p/things/1?q=2"), (b"GET /x HTTP/1.0\r\n", "/x"), (b"GET /x", ""), (b"", "")],
)
def test_what_is_asked_for(data: bytes, target: str) -> None:
    assert target_of(data) == target
