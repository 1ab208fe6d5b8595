"""Pages of others may not call, whatever they say and whatever name leads to us."""

from __future__ import annotations

from tests.attacks.case import Case, Sent, World, get, raw, seen, wrote
from tests.attacks.worlds import HOSTED, LIMITED, PROXIED, SHOP

_MADE = {"name": "saw", "owner": "robot", "meta": {"level": 3}}
_CORS = ("access-control-allow-origin", "access-control-expose-headers")
_PREFLIGHT = (
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "access-control-allow-private-network",
)


def _table() -> list[Case]:
    found: list[Case] = []

    def case(
        name: str,
        *requests: bytes,
        sent: tuple[Sent, ...] = (),
        world: World = SHOP,
        **more: object,
    ) -> None:
        found.append(Case(f"browser: {name}", "promise 6", world, requests, sent, **more))  # type: ignore[arg-type]

    one, made = seen("/items/1"), wrote("/items", _MADE)
    json_type = "Content-Type: application/json"
    for origin in (
        "https://evil.example",
        "http://evil.example",
        "null",
        "http://chatgpt.com",
        "https://chatgpt.com.evil.example",
        "https://chatgpt.com:8443",
        "https://evilchatgpt.com",
        "https://chatgpt.com/",
        "https://CHATGPT.com",
        "https://chat.openai.com@evil.example",
        "http://localhost:1",
        "http://127.0.0.1:1",
        "file://",
        "chrome-extension://abc",
        "https://sub.chatgpt.com",
        "https://chatgpt.com.",
        "https://chatgpt.com https://evil.example",
        "https://evil.example, https://chatgpt.com",
        "",
        " ",
        "http://127.0.0.2",
    ):
        line = f"Origin: {origin}"
        case(f"a read of {origin!a}", get("/items/1", line), status=(403,))
        case(
            f"a write of {origin!a}",
            raw("POST", "/items", line, json_type, body='{"name": "saw"}'),
            status=(403,),
        )
        case(
            f"a simple write of {origin!a}",
            raw("POST", "/items", line, "Content-Type: text/plain", body='{"name": "saw"}'),
            status=(403,),
        )
        case(
            f"by name, of {origin!a}",
            raw("POST", "/call/getItem", line, "Content-Type: text/plain", body='{"id": "1"}'),
            status=(403,),
        )
        case(
            f"a preflight of {origin!a}",
            raw(
                "OPTIONS",
                "/items",
                line,
                "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: x",
                "Access-Control-Request-Private-Network: true",
            ),
            status=(204,),
        )
        case(
            f"a document to {origin!a}",
            get("/openapi.json", line),
            status=(200,),
            allows=("content-encoding",),
        )
        case(
            f"a read of {origin!a} after one that was let in",
            get("/items/1"),
            get("/items/1", line),
            sent=one,
            status=(200, 403),
        )
    for site in ("cross-site", "same-site"):
        case(f"a simple read, {site}", get("/items/1", f"Sec-Fetch-Site: {site}"), status=(403,))
        case(
            f"a form, {site}",
            raw(
                "POST",
                "/items",
                f"Sec-Fetch-Site: {site}",
                "Content-Type: text/plain",
                body='{"name": "saw"}',
            ),
            status=(403,),
        )
        case(
            f"a picture, {site}, known already",
            get("/items/1"),
            get("/items/1", f"Sec-Fetch-Site: {site}"),
            sent=one,
            status=(200, 403),
        )
    for origin in ("https://chatgpt.com", "https://chat.openai.com"):
        case(
            f"{origin} may",
            get("/items/1", f"Origin: {origin}", "Sec-Fetch-Site: cross-site"),
            sent=one,
            status=(200,),
            allows=_CORS,
            has=(f"Access-Control-Allow-Origin: {origin}\n",),
            never=("Access-Control-Allow-Credentials",),
        )
        case(
            f"{origin} may ask first",
            raw("OPTIONS", "/items", f"Origin: {origin}", "Access-Control-Request-Method: POST"),
            status=(204,),
            allows=(*_CORS, *_PREFLIGHT),
            never=("Access-Control-Allow-Credentials",),
        )
    case(
        "an origin that the operator names may",
        get("/items/1", "Origin: https://app.example"),
        sent=one,
        world=HOSTED,
        allows=_CORS,
        status=(200,),
    )
    case(
        "programs may",
        get("/items/1"),
        raw("POST", "/items", json_type, body='{"name": "saw"}'),
        sent=(*one, *made),
        status=(200,),
    )

    # --- a name of somebody else that was pointed at us
    for host in (
        "evil.example",
        "evil.example:8080",
        "evil.example:@PORT@",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "shop.example.evil.example",
        "127.0.0.1.nip.io",
        "evil-127.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "localhost.",
        "local\u0068ost.x",
        "notlocalhost",
        "a.b.c",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "evil.example/127.0.0.1",
        "",
        "127.0.0.1, evil.example",
        "[::1",
        "::1.x",
        "[evil]",
    ):
        same = host.replace("@PORT@", "@PORT@")
        case(f"the host {host!a}", get("/items/1", host=same), status=(403,), cuts=True)
        case(
            f"the host {host!a} and its own page",
            get("/items/1", f"Origin: http://{same}", "Sec-Fetch-Site: same-origin", host=same),
            status=(403,),
            cuts=True,
        )
        case(
            f"a write for the host {host!a}",
            raw("POST", "/items", json_type, body='{"name": "saw"}', host=same),
            status=(403,),
            cuts=True,
        )
    for host in (
        "127.0.0.1",
        "127.0.0.1:@PORT@",
        "localhost",
        "LOCALHOST:@PORT@",
        "[::1]",
        "[::1]:80",
        "192.0.2.1",
        "shop.localhost:1",
    ):
        case(f"the host {host} is ours", get("/items/1", host=host), sent=one, status=(200,))
        case(
            f"the host {host} and its own page",
            get("/items/1", f"Origin: http://{host}", host=host),
            sent=one,
            status=(200,),
        )
    case(
        "a plugin's host is ours",
        get("/items/1", host="shop.example"),
        get("/items/1", host="SHOP.example:8080"),
        world=HOSTED,
        sent=one * 2,
        status=(200,),
    )
    for host in ("shop.example.evil.example", "xshop.example", "shop.example@evil.example"):
        case(
            f"{host} is no plugin's host",
            get("/items/1", host=host),
            world=HOSTED,
            status=(403,),
            cuts=True,
        )
    for name, value in {
        "X-Forwarded-Host": "127.0.0.1",
        "Forwarded": "host=127.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Host": "127.0.0.1",
        "X-Original-Host": "127.0.0.1",
    }.items():
        case(
            f"{name} makes no host ours",
            get("/items/1", f"{name}: {value}", host="evil.example"),
            status=(403,),
        )
        case(
            f"{name} makes no origin ours",
            get("/items/1", f"{name}: evil.example", "Origin: http://evil.example"),
            status=(403,),
        )
    case(
        "a forged host is in no document",
        get(
            "/.well-known/ai-plugin.json",
            "X-Forwarded-Host: evil.example",
            "Forwarded: host=evil.example",
            "X-Forwarded-Proto: gopher",
        ),
        status=(200,),
        never=("evil.example", "gopher"),
        allows=("content-encoding",),
    )
    for host in ('"><script>', "a b", "evil.example/x?", "a\\b", "\u00e4", "x" * 300):
        case(
            f"the host {host[:9]!a} is in no document",
            get("/.well-known/ai-plugin.json", host=host),
            status=(400,),
            cuts=True,
        )
    case(
        "behind a trusted proxy its page may",
        get(
            "/items/1",
            "X-Forwarded-Host: gw.example",
            "X-Forwarded-Proto: https",
            "Origin: https://gw.example",
            host="inner",
        ),
        world=PROXIED,
        sent=one,
        status=(200,),
    )
    case(
        "behind a trusted proxy another page may not",
        get(
            "/items/1",
            "X-Forwarded-Host: gw.example",
            "X-Forwarded-Proto: https",
            "Origin: https://evil.example",
            host="inner",
        ),
        world=PROXIED,
        status=(403,),
    )
    case(
        "a refused page costs no caller a call",
        *[get("/items/1", "Origin: https://evil.example")] * 3,
        get("/items/1"),
        world=LIMITED,
        sent=one,
        status=(403, 403, 403, 200),
    )
    return found


CASES = _table()
