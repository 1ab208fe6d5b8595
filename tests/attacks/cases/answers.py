"""What comes back: the listed headers, no secret in any form, no way elsewhere."""

# ruff: noqa: E501 - texts as they are sent

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import quote

from tests.attacks.case import Case, Sent, World, get, named, post, raw, seen, wrote
from tests.attacks.recorder import Reply
from tests.attacks.worlds import BASIC, BEARER, BYTES, COOKIE, KEY, QUERY, SHOP, STORING_USER

_JSON = ("Content-Type", "application/json")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_PAGE = seen("/page", headers=(("Accept", "text/html, */*;q=0.1"),))
_MADE = {"name": "saw", "owner": "robot", "meta": {"level": 3}}

# Of an upstream's headers none of these comes back.
_DROPPED = {
    "Set-Cookie": "sid=canary; Path=/",
    "Set-Cookie2": "a=canary",
    "Server": "canary/1.0",
    "X-Powered-By": "canary",
    "Link": '<@CANARY@/items?page=2>; rel="next"',
    "Refresh": "0; url=http://canary",
    "Content-Location": "@URL@/v1/items/1",
    "WWW-Authenticate": 'Bearer realm="canary"',
    "Proxy-Authenticate": "Basic",
    "Authentication-Info": "canary",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Alt-Svc": 'h3="canary:443"',
    "Strict-Transport-Security": "max-age=1",
    "Content-Security-Policy": "default-src *",
    "Clear-Site-Data": '"*"',
    "X-Request-Id": "canary",
    "X-Amz-Request-Id": "canary",
    "Via": "1.1 canary",
    "X-Cache": "canary",
    "X-Served-By": "canary",
    "SourceMap": "canary",
    "Report-To": "canary",
    "NEL": "canary",
    "X-Accel-Redirect": "/canary",
    "X-Sendfile": "/canary",
    "Trailer": "X-A",
    "Upgrade": "canary",
    "Keep-Alive": "timeout=1",
    "Authorization": "canary",
    "X-Key": "canary",
    "Location": "@CANARY@/x",
    "Service-Worker-Allowed": "/",
    "Timing-Allow-Origin": "*",
    "Accept-CH": "canary",
}

# Where an upstream may not lead to.
_ELSEWHERE = [
    "@CANARY@/items/1",
    "@CANARY@/v1/items/2",
    "http://127.0.0.2/x",
    "http://localhost:1/x",
    "https://@HOST@/x",
    "http://169.254.169.254/latest",
    "//evil.example/x",
    "http://u:p@@HOST@/x",
    "http://@HOST@@evil.example/",
    "http://@HOST@.evil.example/x",
    "\\\\evil.example/x",
    "/\\evil.example/x",
    "http:\\\\evil.example",
    "file:///etc/passwd",
    "gopher://127.0.0.1/x",
    "javascript:alert(1)",
    "ftp://@HOST@/",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]:1/x",
    "http://0/x",
    "http://0x7f000001/x",
    "http://2130706433/x",
    "http://127.1:1/x",
    "http://[",
    "http://@HOST@\u3002evil/",
    "",
    " ",
    "HTTP://@CANARYHOST@/",
    "http://10.0.0.1/",
    "http://metadata.google.internal/",
    "data:text/plain,x",
    "http://@HOST@:1/",
    "http:/\t/evil.example/",
]


def _table() -> list[Case]:
    found: list[Case] = []

    def case(
        name: str,
        request: bytes | tuple[bytes, ...],
        reply: Reply | dict[str, Reply],
        sent: tuple[Sent, ...],
        world: World = SHOP,
        holds: str = "promise 5",
        **more: object,
    ) -> None:
        says = reply if isinstance(reply, dict) else {"": reply}
        requests = request if isinstance(request, tuple) else (request,)
        found.append(Case(f"answer: {name}", holds, world, requests, sent, says=says, **more))  # type: ignore[arg-type]

    one, ask = seen("/items/1"), get("/items/1")
    for name, value in _DROPPED.items():
        for status in (200, 404, 500):
            reply = Reply('{"a": 1}', status, (_JSON, (name, value)))
            case(
                f"{name} stays behind, {status}",
                ask,
                reply,
                one,
                status=(status,),
                never=("canary", "@CANARY@"),
            )
    for status in (200, 404, 503):
        every = (_JSON, *_DROPPED.items())
        case(
            f"all of them, {status}",
            ask,
            Reply("{}", status, every),
            one,
            status=(status,),
            never=("canary",),
        )
    cookies = Reply(
        '{"a": 1}', 200, (_JSON, ("Set-Cookie", "sid=canary; Path=/"), ("Set-Cookie", "uid=canary"))
    )
    case("a cookie that was set is not sent next time", (ask, ask), cookies, one * 2, status=(200,))
    case(
        "a Location that leads to an exposed operation",
        post("/items", '{"name": "saw"}'),
        Reply("{}", 201, (_JSON, ("Location", "@URL@/v1/items/7"))),
        wrote("/items", _MADE),
        status=(201,),
        allows=("location",),
        has=("Location: /items/7\n",),
    )
    for location in (
        "@CANARY@/v1/items/7",
        "@URL@/v1/admin",
        "@URL@/items/7",
        "@URL@/v1/items/7?x=1",
        "//evil/v1/items/7",
        "@URL@/v1/items/..",
        "@URL@@evil.example/v1/items/7",
        "@URL@/v1/items/a/b",
        "http://[/v1/items/7",
    ):
        case(
            f"a Location of {location}",
            post("/items", '{"name": "saw"}'),
            Reply("{}", 201, (_JSON, ("Location", location))),
            wrote("/items", _MADE),
            status=(201,),
            allows=("location",) if location.endswith("..") else (),
        )

    # --- redirects
    for location in _ELSEWHERE:
        for status in (301, 302, 303, 307, 308):
            if status in (301, 303) and len(location) > 12:
                continue
            reply = Reply("", status, (("Location", location),))
            case(
                f"{status} to {location!a}",
                ask,
                reply,
                one,
                holds="promise 2",
                status=(502,),
                never=("evil", "@CANARY@"),
            )
        reply = Reply("", 307, (("Location", location),))
        case(
            f"a write redirected to {location!a}",
            post("/items", '{"name": "saw"}'),
            reply,
            wrote("/items", _MADE),
            holds="promise 2",
            status=(502,),
        )
    for status in (301, 302):
        reply = {"/v1/items": Reply("", status, (("Location", "/v1/other"),))}
        case(
            f"a write redirected with {status} is not repeated",
            post("/items", '{"name": "saw"}'),
            reply,
            wrote("/items", _MADE),
            holds="promise 2",
            status=(502,),
        )
    near = {"/v1/items/1": Reply("", 302, (("Location", "2?x=1#f"),))}
    case(
        "a redirect to a chosen operation",
        ask,
        near,
        (*one, *seen("/items/2?x=1")),
        holds="promise 2",
        status=(200,),
    )
    for location in (
        "/v1/admin", "/admin", "/", "../admin", "/v1/items/%2e%2e", "/v1/items/.%2E", "/v1/items",
        "/v1/items?kind=all&debug=true", "/v1/items/1/../../admin", "/v1/items/1/", "/v1x/items/1",
        "/v1/ITEMS/2", "/v1/items/1;/../../admin", "/v1/items//2", "//v1/items/2",
    ):  # fmt: skip
        for status in (301, 302, 303, 307, 308):
            own = location == "/v1/items/1/"
            case(
                f"{status} to what was not chosen, {location}",
                ask,
                {"/v1/items/1": Reply("", status, (("Location", location),))},
                (*one, *(seen("/items/1/") if own else ())),
                holds="promise 1",
                status=(200,) if own else (502,),
            )
        for status in (307, 308, 303):
            case(
                f"{status} of a write to {location}",
                post("/items", '{"name": "saw"}'),
                {"/v1/items": Reply("", status, (("Location", location),))},
                wrote("/items", _MADE)
                + (seen(location[3:]) if status == 303 and location == "/v1/items/1/" else ())
                + (wrote("/items", _MADE) * 3 if location == "/v1/items" and status != 303 else ()),
                holds="promise 1",
                status=(200,) if status == 303 and location == "/v1/items/1/" else (502,),
            )
    for status in (300, 304, 305, 306, 206, 399):
        reply = Reply('{"a": 1}', status, (("Location", "/v1/items/2"), _JSON))
        case(f"{status}, unasked", ask, reply, one, holds="promise 2", status=(502,))
    key = "key=secret%26%3D%3F%23%2F%2541"
    case(
        "a redirect takes the key along",
        ask,
        {f"/v1/items/1?{key}": Reply("", 302, (("Location", "/v1/items/2"),))},
        (*seen(f"/items/1?{key}"), *seen(f"/items/2?{key}")),
        world=QUERY,
        holds="promise 2",
        status=(200,),
    )
    loop = Reply("", 302, (("Location", "/v1/items/1"),))
    case("a redirect that goes round", ask, loop, one * 4, holds="promise 2", status=(502,))
    case(
        "Link: rel=next is nobody's to follow",
        ask,
        Reply('{"a": 1}', 200, (_JSON, ("Link", "<@CANARY@/x>; rel=next"))),
        one,
        holds="trap 9",
        status=(200,),
    )

    # --- echoes of secrets
    for world, ask_of in (
        (SHOP, one),
        (BEARER, one),
        (COOKIE, one),
        (BASIC, one),
        (QUERY, seen(f"/items/1?{key}")),
    ):
        for status in (200, 400, 500, 401):
            case(
                f"an echo of all, {world.name}, {status}",
                ask,
                Reply("@ECHO@", status),
                ask_of,
                world=world,
                holds="promise 3",
            )
        case(
            f"an echo in a page, {world.name}",
            ask,
            Reply("<title>@ECHO@</title>", 500, (_HTML,)),
            ask_of,
            world=world,
            holds="promise 3",
            status=(500,),
        )
    forms = {
        "plain": KEY,
        "JSON": json.dumps(KEY)[1:-1],
        "every character escaped": "".join(f"\\u{ord(char):04x}" for char in KEY),
        "in capitals": "".join(f"\\u{ord(char):04X}" for char in KEY),
        "with \\/": KEY.replace("/", "\\/"),
        "percent": quote(KEY, safe=""),
        "percent, lower case": quote(KEY, safe="")
        .replace("%2F", "%2f")
        .replace("%C3%A4", "%c3%a4")
        .replace("%2B", "%2b"),
        "percent, with /": quote(KEY),
        "base64": base64.b64encode(KEY.encode()).decode(),
        "base64url": base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
        "base64 behind one byte": base64.b64encode(b"x" + KEY.encode()).decode(),
        "base64 behind two bytes": base64.b64encode(b"xy" + KEY.encode()).decode(),
        "base64 of user:key": base64.b64encode(f"me:{KEY}".encode()).decode(),
    }
    for name, text in forms.items():
        for status in (200, 400, 500):
            case(
                f"a secret in JSON, {name}, {status}",
                ask,
                Reply(f'{{"a": "{text}"}}', status),
                one,
                holds="promise 3",
                status=(status,),
            )
            case(
                f"a secret in a page, {name}, {status}",
                get("/page"),
                Reply(f"<h1>{text}</h1>", status, (_HTML,)),
                _PAGE,
                holds="promise 3",
                status=(status,),
            )
        if "escaped" not in name and "capitals" not in name and name != "with \\/":
            for header in (
                "ETag",
                "Content-Language",
                "Content-Disposition",
                "Cache-Control",
                "RateLimit-Policy",
                "Vary",
                "Retry-After",
                "Last-Modified",
                "Expires",
                "Content-Type",
            ):
                value = f"text/{text}" if header == "Content-Type" else f'"{text}"'
                case(
                    f"a secret in {header}, {name}",
                    ask,
                    Reply('{"a": 1}', 200, (_JSON, (header, value))[header == "Content-Type" :]),
                    one,
                    holds="promise 3",
                    allows=(header.lower(), "x-content-type-options"),
                )
    case(
        "a secret across a compressed body",
        ask,
        Reply(
            gzip.compress(json.dumps({"a": KEY}).encode()),
            200,
            (_JSON, ("Content-Encoding", "gzip")),
        ),
        one,
        holds="promise 3",
        status=(200,),
    )

    for name in ("plain", "every character escaped", "base64 behind one byte"):
        for before in (0, 16 * 1024 - 20, 64 * 1024 - 9, 64 * 1024, 200_000):
            long = '{"a": "' + "x" * before + " " + forms[name] + " " + "y" * 300_000 + '"}'
            case(
                f"a secret in a long body, {name}, behind {before:,}",
                ask,
                Reply(long),
                one,
                world=BYTES,
                holds="promise 3",
                status=(200,),
            )

    # --- pages, and what is no answer
    page = "<html><script>fetch('/items')</script><h1>Hello</h1>"
    drawn = "<svg xmlns='http://www.w3.org/2000/svg'><script>fetch('/items')</script></svg>"
    case(
        "a picture runs nothing",
        get("/page"),
        Reply(drawn, 200, (("Content-Type", "image/svg+xml"),)),
        _PAGE,
        world=BYTES,
        holds="promise 6",
        status=(200,),
    )
    for kind in (
        "image/png",
        "application/octet-stream",
        "application/pdf",
        "application/x-shockwave-flash",
    ):
        case(
            f"{kind} runs nothing",
            get("/page"),
            Reply(b"\x89\x00<script>", 200, (("Content-Type", kind),)),
            _PAGE,
            world=BYTES,
            holds="promise 6",
            status=(200,),
            has=("Content-Security-Policy: sandbox",),
        )
    case(
        "a page is a text",
        get("/page"),
        Reply(page, 200, (_HTML,)),
        _PAGE,
        holds="promise 6",
        status=(200,),
        has=("application/json",),
    )
    for status in (400, 403, 500, 503):
        case(
            f"an error page of {status} is one line of JSON",
            ask,
            Reply(
                "<html><title>No</title><script>alert(1)</script>" + "x" * 9000, status, (_HTML,)
            ),
            one,
            holds="promise 5, trap 7",
            never=("<script", "<html", "xxxx"),
        )
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 502, 503):
        told = 502 if status in (401, 403) else status
        case(
            f"{status} is no success",
            ask,
            Reply('{"a": 1}', status),
            one,
            holds="trap 7",
            status=(told,),
        )
    bad = (("Content-Type", "text/html\r\nX-Key: canary"),)
    case("a header that ends early", ask, Reply("{}", 200, bad), one, never=("canary",))
    case(
        "a NUL in a header",
        ask,
        Reply("{}", 200, (_JSON, ("Content-Language", "a\x00b"))),
        one,
        allows=("content-language",),
    )

    # --- more than was asked for: the rest is nobody's answer
    extra = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"of": "ada"}'
    poisoned = {"/v1/items/1": Reply("{}", after=extra)}
    case(
        "a second reply on a connection is not the next caller's",
        (ask, get("/items/2"), get("/items/3")),
        poisoned,
        (*one, *seen("/items/2"), *seen("/items/3")),
        holds="promise 4",
        never=("ada",),
    )
    for request, sent in ((post("/items", '{"name": "saw"}'), wrote("/items", _MADE)), (ask, one)):
        case(
            f"{request[:4].decode()} is sent once where the upstream hangs up",
            request,
            Reply(closes=True),
            sent,
            holds="promise 1",
            status=(502,),
        )
    put = raw("PUT", "/items/1", "Content-Type: application/json", body="{}")
    once = {"/v1/items/0": Reply(), "": Reply(closes=True)}
    case(
        "a write is sent once, on a kept connection too",
        (get("/items/0"), put),
        once,
        (*seen("/items/0"), *wrote("/items/1", {}, method="PUT")),
        holds="promise 1",
        status=(200, 502),
    )
    case(
        "an answer that a shared cache may keep is not, where callers prove themselves",
        get("/items/1", "Authorization: Bearer key-of-ada"),
        Reply("{}", 200, (_JSON, ("Cache-Control", "public, s-maxage=60, max-age=30"))),
        seen("/items/1", headers=(("Authorization", "Bearer key-of-ada"),)),
        world=STORING_USER,
        holds="promise 5",
        has=("Cache-Control: private, max-age=30",),
    )
    case(
        "named alike",
        named("getItem", {"id": "1"}),
        Reply("{}", 200, (_JSON, ("Set-Cookie", "a=canary"))),
        one,
        never=("canary",),
    )
    return found


CASES = _table()
