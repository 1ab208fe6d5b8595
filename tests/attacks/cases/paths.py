"""A value in a path is one segment, whatever it holds; or nothing is sent."""

from __future__ import annotations

from urllib.parse import quote

from tests.attacks.case import Case, get, named, raw, seen
from tests.attacks.worlds import SHOP

# As a JSON text: what is a value and what arrives; None is refused before anything is sent.
_LONG = "a" * 8192
_ONE_SEGMENT = [
    "/",
    "//",
    "a/b",
    "../admin",
    "..%2fadmin",
    "%2F",
    "%252F",
    "%2e%2e",
    "%2E%2E/admin",
    "%2e",
    ";x",
    "a;x=1",
    "?",
    "a?x=1&y=2",
    "#",
    "a#b",
    "\\",
    "..\\admin",
    "%5c",
    "%5C..%5Cadmin",
    "\u2215",
    "..\u2215admin",
    "\uff0f",
    "..\uff0fadmin",
    "\u2024\u2024",
    "\u2024",
    "\uff0e\uff0e",
    "\uff0e",
    "\u3002\u3002",
    "..\u200b",
    "\u202e",
    "\ufeff",
    "%00",
    "%0d%0aX-A: 1",
    "%c0%af",
    "%c0%ae%c0%ae",
    "{id}",
    "{part}",
    "${KEY}",
    "${HOME}",
    "${file:/etc/passwd}",
    "{env.KEY}",
    "$${KEY}",
    "%s",
    "%(id)s",
    "*",
    "**",
    "@h",
    "//h/x",
    "http://h/x",
    ":80",
    "a:b",
    "a,b",
    "a b",
    " ",
    "ü",
    "é",
    "%",
    "%%",
    "%zz",
    "~",
    "+",
    "&",
    "=",
    "'",
    '"',
    "<script>",
    "|",
    "^",
    "`",
    "...",
    ".. ",
    " ..",
    "..;",
    "..;/admin",
    "\U0001f600",
    "\u0085",
    "\u2028",
    _LONG,
]
_NOT_SENT = [
    "",
    ".",
    "..",
    "\r",
    "\n",
    "a\r\nX-A: 1",
    "a\nb",
    "\x00",
    "a\x00b",
    "\x1f",
    "\x7f",
    "\t",
]
_NOT_TEXT = [
    r'"\ud800"',
    r'"\udc00a"',
    r'"\ud800\ud800"',
    "null",
    "[]",
    "{}",
    '["a", ".."]',
    '{"a": "b"}',
]

# As it stands in the address of a call.
_RAW_ONE = {
    "%2F": "%2F",
    "a%2Fb": "a%2Fb",
    "..%2Fadmin": "..%2Fadmin",
    "%252F": "%252F",
    "%2e%2e%2fadmin": "..%2Fadmin",
    "%5c": "%5C",
    "a%3Fb": "a%3Fb",
    "a%23b": "a%23b",
    ";x": "%3Bx",
    "a;x=1": "a%3Bx%3D1",
    "%3b": "%3B",
    "%EF%BC%8F": "%EF%BC%8F",
    "%E2%88%95": "%E2%88%95",
    "%252e%252e": "%252e%252e",
    "@h": "%40h",
    "a:b": "a%3Ab",
    "a%20b": "a%20b",
    "+": "%2B",
    "%41": "A",
    "%7Eb": "~b",
    "a%2cb": "a%2Cb",
    "{id}": "%7Bid%7D",
    "...": "...",
    "%25": "%25",
    "%2e%2e%3b": "..%3B",
}
_RAW_NOT = [
    "",
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E.",
    ".%2e",
    "%00",
    "a%00b",
    "%0d%0aX-A:%201",
    "%0a",
    "%c0%af",
    "%c0%ae",
    "%e0%80%af",
    "%ed%a0%80",
    "%ff",
    "%fe%ff",
    "%7f",
    "a/b",
    "a/",
    "/a",
    "../admin",
    "./1",
    "%1f",
]
_ELSEWHERE = [
    "/admin",
    "/v1/admin",
    "/v1/items/1",
    "/shop/admin",
    "/shop/v1/admin",
    "//admin",
    "/items/../admin",
    "/items//1",
    "//items/1",
    "/items/1/",
    "/items/1/parts",
    "/items/1/parts/",
    "/items/1/parts/2/3",
    "/Items/1",
    "/ITEMS/1",
    "/items/1.json/x",
    "/call/../admin",
    "/call/admin",
    "/call/getItem/",
    "/shop/../admin",
    "/%61dmin",
    "/items%2f1",
    "/items%2F1",
    "/./items/1",
    "/items;x/1",
    "/items\\1",
    "/shop//items/1",
    "/files/a",
    "/files/.json/x",
    "/%2e%2e/admin",
    "/%2fadmin",
    "/items/%2e%2e/%2e%2e/admin",
    "/shop%2fitems/1",
]


def _table() -> list[Case]:
    found: list[Case] = []

    def case(name: str, request: bytes, target: str | None, **more: object) -> None:
        sent = () if target is None else seen(target)
        status = (200,) if sent else more.pop("status", ())
        found.append(
            Case(f"path: {name}", "promise 1, trap 2", SHOP, (request,), sent, status, **more)  # type: ignore[arg-type]
        )

    for value in _ONE_SEGMENT:
        shown = ascii(value[:24])
        case(f"{shown} by name", named("getItem", {"id": value}), "/items/" + quote(value, safe=""))
    for value in _NOT_SENT:
        for at in ("id", "part"):
            arguments = {"id": "1", "part": "2"} | {at: value}
            case(f"{value!a} as {at} by name", named("getPart", arguments), None, status=(400,))
    for text in _NOT_TEXT:
        case(f"JSON {text}", named("getItem", f'{{"id": {text}}}'), None, status=(400,))
    case("one value missing", named("getPart", {"id": "1"}), None, status=(400,))
    case(
        "two values",
        named("getPart", {"id": "../..", "part": "../x"}),
        "/items/..%2F../parts/..%2Fx",
    )
    case(
        "other value's name",
        named("getPart", {"id": "{part}", "part": "{id}"}),
        "/items/%7Bpart%7D/parts/%7Bid%7D",
    )
    case("inside a segment", named("getFile", {"name": ".."}), "/files/...json")
    case(
        "inside, with a slash",
        named("getFile", {"name": "../../admin#"}),
        "/files/..%2F..%2Fadmin%23.json",
    )
    for at, sent in _RAW_ONE.items():
        case(f"/items/{at}", get(f"/items/{at}"), f"/items/{sent}")
    for at in _RAW_NOT:
        case(f"/items/{at} is refused", get(f"/items/{at}"), None)
    for at in _ELSEWHERE:
        case(f"{at} is not there", get(at), None)
        case(
            f"POST {at} is not there",
            raw("POST", at, "Content-Type: application/json", body="{}"),
            None,
        )
    case("8 KB in the address", get("/items/" + _LONG), None, cuts=True)
    case("4 KB in the address", get("/items/" + _LONG[:4096]), "/items/" + _LONG[:4096])
    case(
        "bytes that are no text",
        b"GET /items/\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        None,
    )
    case(
        "a bare CR in the address",
        b"GET /items/a\rb HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        None,
        cuts=True,
    )
    case(
        "a NUL in the address",
        b"GET /items/a\0b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        None,
        cuts=True,
    )
    return found


CASES = _table()
