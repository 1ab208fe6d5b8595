"""Of a caller's headers only the forwarded ones go on, and a request is one request."""

from __future__ import annotations

import base64

from tests.attacks.case import Case, Sent, World, get, named, raw, seen, wrote
from tests.attacks.worlds import (
    BASIC,
    BEARER,
    COOKIE,
    LIMITED,
    OAUTH,
    QUERY,
    SERVICE,
    SHOP,
    USER,
    USER_BASIC,
    world,
)

# What a caller may send and nobody upstream may get.
_DROPPED = {
    "Authorization": "Bearer canary",
    "Cookie": "sid=canary; key=canary",
    "Proxy-Authorization": "Basic canary",
    "X-Key": "canary",
    "x-api-key": "canary",
    "Api-Key": "canary",
    "X-Auth-Token": "canary",
    "X-Tenant": "canary",
    "Forwarded": "for=1.2.3.4;host=canary;proto=https",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "canary",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/admin",
    "X-Forwarded-User": "root",
    "X-Real-IP": "127.0.0.1",
    "X-Client-IP": "127.0.0.1",
    "True-Client-IP": "127.0.0.1",
    "CF-Connecting-IP": "127.0.0.1",
    "X-Remote-User": "root",
    "Remote-User": "root",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
    "X-HTTP-Method-Override": "DELETE",
    "openai-conversation-id": "canary",
    "openai-ephemeral-user-id": "canary",
    "openai-subdivision-1-iso-code": "US-CA",
    "X-Trace": "canary",
    "Traceparent": "00-canary",
    "Baggage": "canary=1",
    "Via": "1.1 canary",
    "From": "a@b.example",
    "User-Agent": "canary",
    "Accept": "text/canary",
    "Accept-Encoding": "br",
    "Accept-Charset": "canary",
    "Referer": "http://canary",
    "Range": "bytes=0-1",
    "If-None-Match": '"canary"',
    "If-Match": '"canary"',
    "If-Modified-Since": "Sat, 01 Jan 2022 00:00:00 GMT",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Prefer": "canary",
    "Keep-Alive": "timeout=1",
    "Proxy-Connection": "keep-alive",
    "TE": "trailers",
    "Trailer": "X-A",
    "Max-Forwards": "0",
    "DNT": "1",
    "Content-Language": "en",
    "Content-MD5": "canary",
    "Accept_Language": "canary",
    "Idempotency-Key": "canary",
    "X_Key": "canary",
    "Content-Location": "/admin",
    "Expect-CT": "1",
}

_HEAD = b"Host: 127.0.0.1\r\n"
_BODY = b'{"name": "saw"}'
_MADE = {"name": "saw", "owner": "robot", "meta": {"level": 3}}
_LAST = b"GET /items/last HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def _table() -> list[Case]:
    found: list[Case] = []

    def case(
        name: str,
        *requests: bytes,
        sent: tuple[Sent, ...] = (),
        world: World = SHOP,
        holds: str = "promise 5, trap 14",
        **more: object,
    ) -> None:
        found.append(Case(f"header: {name}", holds, world, requests, sent, **more))  # type: ignore[arg-type]

    one = seen("/items/1")
    for name, value in _DROPPED.items():
        case(f"{name} stays here", get("/items/1", f"{name}: {value}"), sent=one, status=(200,))
        case(
            f"{name} stays here, of a write",
            raw("POST", "/items", f"{name}: {value}", "Content-Type: application/json", body=_BODY),
            sent=wrote("/items", _MADE),
            status=(200,),
        )
    case(
        "all of them",
        get("/items/1", *(f"{k}: {v}" for k, v in _DROPPED.items())),
        sent=one,
        status=(200,),
    )
    case(
        "in capitals",
        get("/items/1", *(f"{k.upper()}: {v}" for k, v in _DROPPED.items())),
        sent=one,
    )
    case(
        "what is forwarded goes on",
        get("/items/1", "Accept-Language: de"),
        sent=seen("/items/1", headers=(("Accept-Language", "de"),)),
    )
    case(
        "of one that comes twice both, as one",
        get("/items/1", "Accept-Language: de", "accept-language: fr"),
        sent=seen("/items/1", headers=(("Accept-Language", "de, fr"),)),
    )
    case(
        "one that is no text is not sent otherwise than it came",
        get("/items/1", "Accept-Language: a\udcffb"),
        status=(400,),
    )
    case("under its own spelling only", get("/items/1", "Accept_Language: de"), sent=one)

    # --- Connection: a proxy that obeys it blindly drops its own headers (RFC 9110 section 7.6.1)
    for named_ones in (
        "authorization, x-api-key",
        "X-Key",
        "x-key, Via, Host, Cookie",
        "close, X-Key, Accept",
        "*",
        "Content-Length, Content-Type",
        "Transfer-Encoding",
        "Upgrade",
        "X-Forwarded-For",
    ):
        case(f"Connection: {named_ones}", get("/items/1", f"Connection: {named_ones}"), sent=one)
        case(
            f"Connection: {named_ones}, of a write",
            raw(
                "POST",
                "/items",
                f"Connection: {named_ones}",
                "Content-Type: application/json",
                body=_BODY,
            ),
            sent=wrote("/items", _MADE),
        )
    for upgrade in ("websocket", "h2c", "TLS/1.0"):
        case(
            f"Upgrade: {upgrade}",
            raw(
                "GET",
                "/items/1",
                f"Upgrade: {upgrade}",
                "Connection: Upgrade",
                "HTTP2-Settings: AAMA",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13",
            ),
            sent=one,
        )

    # --- Authorization and Cookie under each kind of credential and auth
    basic = base64.b64encode(b"me:mine").decode()
    lines = (
        "Authorization: Bearer canary",
        "Cookie: sid=canary",
        "X-Key: canary",
        "Proxy-Authorization: Bearer canary",
    )
    key = "key=secret%26%3D%3F%23%2F%2541"
    for place, target in (
        (SHOP, "/items/1"),
        (QUERY, f"/items/1?{key}"),
        (COOKIE, "/items/1"),
        (BEARER, "/items/1"),
        (BASIC, "/items/1"),
    ):
        case(
            f"proofs of the caller's beside {place.name}",
            get("/items/1", *lines),
            world=place,
            sent=seen(target),
        )
    case(
        "a cookie of the operator's beside one of the plugin's",
        named("traced", {"X-Trace": "a"}),
        world=COOKIE,
        sent=seen(
            "/traced",
            headers=(("X-Trace", "a"), ("Cookie", "uid=robot; sid=cookie-secret")),
            shown=(),
        ),
    )
    case(
        "a cookie of the operator's is not an argument's",
        named("traced", {"sid": "mine"}),
        world=COOKIE,
        status=(400,),
    )
    case(
        "a service token stays here",
        get("/items/1", "Authorization: Bearer token-of-ada", *lines[1:]),
        world=SERVICE,
        sent=one,
    )
    case(
        "a user's key goes on, and nothing else",
        get("/items/1", "Authorization: Bearer key-of-a-user", *lines[1:]),
        world=USER,
        sent=seen("/items/1", headers=(("Authorization", "Bearer key-of-a-user"),)),
    )
    case(
        "a user's key, basic",
        get("/items/1", f"Authorization: Basic {basic}", *lines[1:]),
        world=USER_BASIC,
        sent=seen("/items/1", headers=(("Authorization", f"Basic {basic}"),)),
    )
    case(
        "a token of a sign-in",
        get("/items/1", "Authorization: bearer key-of-a-user", *lines[1:]),
        world=OAUTH,
        sent=seen("/items/1", headers=(("Authorization", "Bearer key-of-a-user"),)),
    )

    # --- header and cookie arguments
    robot = ("Cookie", "uid=robot")
    for value in (
        "a\r\nX-Key: b",
        "a\nX-Key: b",
        "a\rX-Key: b",
        "\r\n\r\nGET /v1/admin HTTP/1.1\r\n",
        "a\x00b",
        "\x0b",
        "\x7f",
        "\ud800",
    ):
        case(f"{value!a} as a header argument", named("traced", {"X-Trace": value}), status=(400,))
    for value in (
        "%0d%0aX-Key: b",
        "\u560d\u560aX-Key: b",
        "\u010d\u010a",
        "a; b",
        "a, b",
        "\u2028X-Key: b",
        "\u0085X-Key: b",
    ):
        case(
            f"{value!a} as a header argument is text",
            named("traced", {"X-Trace": value}),
            sent=seen("/traced", headers=(("X-Trace", value), robot)),
        )
    for value, coded in (
        ("a; uid=me", "a%3B%20uid=me"),
        ("a\r\nX: b", "a%0D%0AX:%20b"),
        ('a"b', "a%22b"),
        ("a,uid=b", "a%2Cuid=b"),
    ):
        case(
            f"{value!a} as a cookie argument",
            named("traced", {"sid": value}),
            sent=seen("/traced", headers=(("Cookie", f"sid={coded}; uid=robot"),)),
        )
    case("a cookie that is pinned", named("traced", {"uid": "me"}), status=(400,))
    case(
        "a header argument as the caller's header",
        get("/traced", "X-Trace: canary"),
        sent=seen("/traced", headers=(robot,)),
    )
    case(
        "a parameter filled from a header",
        get("/items", "X-Near: a&kind=x#\u00fc"),
        sent=seen("/items?kind=tool&near=a%26kind%3Dx%23%C3%BC"),
    )
    case("filled from a header that is no text", get("/items", "X-Near: a\udcff"), status=(400,))
    case(
        "a header too long for the limit",
        get("/items/1", "Accept-Language: " + "a" * 20_000),
        cuts=True,
    )

    # --- framing: nothing of a request is left over for another one
    smuggled = b"GET /items/smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    made = wrote("/items", _MADE)
    json_type = b"Content-Type: application/json\r\n"
    size = str(len(_BODY)).encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_BODY), _BODY)

    def framed(
        name: str, head: bytes, rest: bytes, sent: tuple[Sent, ...] = (), **more: object
    ) -> None:
        request = b"POST /items HTTP/1.1\r\n" + _HEAD + json_type + head + b"\r\n" + rest
        case(name, request, sent=sent, holds="promise 1", cuts=True, **more)

    last = seen("/items/last")
    framed(
        "a body of its length, and a second request",
        b"Content-Length: %b\r\n" % size,
        _BODY + _LAST,
        (*made, *last),
    )
    framed(
        "a chunked body, and a second request",
        b"Transfer-Encoding: chunked\r\n",
        chunked + _LAST,
        (*made, *last),
    )
    framed(
        "both lengths",
        b"Content-Length: %b\r\nTransfer-Encoding: chunked\r\n" % size,
        chunked + smuggled + _LAST,
    )
    framed(
        "both lengths, the other way",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        chunked + smuggled + _LAST,
    )
    framed(
        "two lengths",
        b"Content-Length: %b\r\nContent-Length: 0\r\n" % size,
        _BODY + smuggled + _LAST,
    )
    framed(
        "two equal lengths",
        b"Content-Length: %b\r\nContent-Length: %b\r\n" % (size, size),
        _BODY + _LAST,
    )
    for length in (
        b"+15",
        b"-1",
        b"0x0f",
        b"15, 15",
        b"15 15",
        b"",
        b" ",
        b"1e1",
        b"\xd9\xa1\xd9\xa5",
        b"15;a",
        b"9" * 30,
    ):
        framed(
            f"the length {length!a}", b"Content-Length: %b\r\n" % length, _BODY + smuggled + _LAST
        )
    framed(
        "a body coded on its way", b"Transfer-Encoding: gzip, chunked\r\n", chunked + _LAST, last
    )
    for coding in (
        b"chunked, identity",
        b"identity",
        b"xchunked",
        b"chunked, chunked",
        b"chunked\x0b",
        b"chunked;a",
        b'"chunked"',
        b"\x0bchunked",
        b"chunked,",
        b"deflate",
    ):
        framed(
            f"Transfer-Encoding: {coding!a}",
            b"Transfer-Encoding: %b\r\n" % coding,
            chunked + smuggled + _LAST,
        )
    framed(
        "two Transfer-Encodings",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        chunked + smuggled + _LAST,
    )
    framed(
        "Transfer-Encoding with a space before its colon",
        b"Transfer-Encoding : chunked\r\n",
        chunked + smuggled + _LAST,
    )
    framed(
        "Transfer-Encoding on a folded line",
        b"Transfer-Encoding:\r\n chunked\r\n",
        chunked + smuggled + _LAST,
    )
    framed(
        "Content-Length with a space before its colon",
        b"Content-Length : %b\r\n" % size,
        _BODY + smuggled + _LAST,
    )
    framed("Content_Length", b"Content_Length: %b\r\n" % size, b"" + _LAST, last)
    for chunk in (
        b"zz\r\n",
        b"-1\r\n",
        b"0x5\r\n",
        b" f\r\n",
        b"f \r\n\r\n",
        b"\r\n",
        b"f;a=\n%b\r\n0\r\n\r\n" % _BODY,
        b"fffffffffffffffff\r\n",
        b"f\n%b\n0\n\n" % _BODY,
        b"f\r\n%bXX0\r\n\r\n" % _BODY,
        b"f\r\n%b\r\n0\r\nX\r\n\r\n" % _BODY,
    ):
        framed(
            f"the chunk {chunk[:5]!a}, {len(chunk)} bytes",
            b"Transfer-Encoding: chunked\r\n",
            chunk + smuggled + _LAST,
        )
    framed(
        "trailers",
        b"Transfer-Encoding: chunked\r\nTrailer: X-Key\r\n",
        b"%x\r\n%b\r\n0\r\nX-Key: canary\r\nAuthorization: canary\r\n\r\n" % (len(_BODY), _BODY)
        + _LAST,
        (*made, *last),
    )
    framed(
        "HTTP/1.0 and chunks", b"Transfer-Encoding: chunked\r\nConnection: close\r\n", chunked, made
    )
    for coding in ("gzip", "deflate", "br", "identity", "x", "gzip, gzip", ""):
        framed(
            f"a body coded {coding!a}",
            f"Content-Encoding: {coding}\r\nContent-Length: {len(_BODY)}\r\n".encode(),
            _BODY + _LAST,
            last,
        )
    case(
        "a body of a read is no second request",
        b"GET /items/1 HTTP/1.1\r\n"
        + _HEAD
        + b"Content-Length: %d\r\n\r\n" % len(smuggled)
        + smuggled
        + _LAST,
        sent=last,
    )
    case(
        "a refused body is no second request",
        b"POST /nowhere HTTP/1.1\r\n"
        + _HEAD
        + b"Content-Length: %d\r\n\r\n" % len(smuggled)
        + smuggled
        + _LAST,
        sent=last,
    )
    case(
        "a body of a document is no second request",
        b"GET /openapi.json HTTP/1.1\r\n"
        + _HEAD
        + b"Content-Length: %d\r\n\r\n" % len(smuggled)
        + smuggled
        + _LAST,
        sent=last,
        allows=("content-encoding",),
    )
    case("two reads on a connection", smuggled + _LAST, sent=(*seen("/items/smuggled"), *last))

    # --- heads
    for name, request in {
        "a folded line": b"GET /items/1 HTTP/1.1\r\n"
        + _HEAD
        + b"Accept-Language: de\r\n X-Key: b\r\n\r\n",
        "a line that is none": b"GET /items/1 HTTP/1.1\r\n" + _HEAD + b"nothing\r\n\r\n",
        "a name with a space": b"GET /items/1 HTTP/1.1\r\n" + _HEAD + b"X Key: b\r\n\r\n",
        "a line that begins with a space": b"GET /items/1 HTTP/1.1\r\n X: b\r\n" + _HEAD + b"\r\n",
        "a bare CR in a value": b"GET /items/1 HTTP/1.1\r\n"
        + _HEAD
        + b"Accept-Language: a\rX-Key: b\r\n\r\n",
        "a NUL in a value": b"GET /items/1 HTTP/1.1\r\n" + _HEAD + b"Accept-Language: a\0b\r\n\r\n",
        "an empty name": b"GET /items/1 HTTP/1.1\r\n" + _HEAD + b": b\r\n\r\n",
        "two hosts": b"GET /items/1 HTTP/1.1\r\n" + _HEAD + b"Host: evil.example\r\n\r\n",
        "HTTP/0.9": b"GET /items/1\r\n\r\n",
        "HTTP/1.1x": b"GET /items/1 HTTP/1.1x\r\n" + _HEAD + b"\r\n",
        "HTTPS/1.1": b"GET /items/1 HTTPS/1.1\r\n" + _HEAD + b"\r\n",
        "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a TLS hello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 150 + b"\r\n\r\n",
        "no host": b"GET /items/1 HTTP/1.1\r\n\r\n",
    }.items():
        case(
            name,
            request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1),
            holds="promise 1",
            cuts=True,
        )
    case("HTTP/1.0", raw("GET", "/items/1", version="1.0"), sent=one)
    # Its word alone is no other protocol: it is read, framed and answered as HTTP/1.1.
    case("HTTP/2.0 in the first line", raw("GET", "/items/1", version="2.0"), sent=one)
    case("HTTP/1.0 without a host", raw("GET", "/items/1", version="1.0", host=None), cuts=True)

    # --- who the caller is said to be
    forged = [
        get("/items/1", f"{name}: 10.0.0.{n}")
        for n, name in enumerate(
            ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")
        )
    ]
    forged += [
        get("/items/1", "Forwarded: for=10.1.1.1"),
        get("/items/1", "openai-ephemeral-user-id: someone"),
        get("/items/1", "X-Forwarded-For: 127.0.0.1, 10.0.0.9"),
    ]
    case(
        "a forged address is no caller of its own",
        *forged,
        world=LIMITED,
        holds="promise 4",
        sent=one * 2,
        status=(200, 200, *[429] * 6),
        allows=("retry-after",),
    )

    # --- what a config may not ask for
    for name in (
        "Authorization",
        "cookie",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Via",
        "TE",
        "Proxy-Authorization",
    ):
        for number, more in enumerate(
            (f"upstream: {{forward: [{name}]}}", f"parameters: {{q: {{header: {name}}}}}")
        ):
            where = world(f"forwards {name} {number}", more + "\n", mistake=f"{name} is ")
            found.append(Case(f"header: {name} in {more[:10]}", "promise 5", where, ()))
    return found


CASES = _table()
