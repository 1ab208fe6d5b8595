"""A call's method is the chosen operation's, whatever the caller says beside it."""

from __future__ import annotations

from tests.attacks.case import Case, Sent, get, named, post, raw, seen, wrote
from tests.attacks.worlds import SHOP

_OVERRIDES = (
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-Method",
)


def _table() -> list[Case]:
    found: list[Case] = []

    def case(name: str, *requests: bytes, sent: tuple[Sent, ...] = (), **more: object) -> None:
        found.append(Case(f"method: {name}", "promise 1", SHOP, requests, sent, **more))  # type: ignore[arg-type]

    for method in (
        "DELETE",
        "POST",
        "PATCH",
        "QUERY",
        "HEAD",
        "TRACE",
        "CONNECT",
        "PURGE",
        "PROPFIND",
        "MKCOL",
        "LOCK",
        "FOO",
        "G",
        "X" * 300,
    ):
        case(f"{method[:9]} /items/1 is not served", raw(method, "/items/1"), cuts=True)
        case(f"{method[:9]} /admin is not served", raw(method, "/admin"), cuts=True)
    for method in (
        "get",
        "Get",
        "gET",
        "put",
        "delete",
        "GET\t",
        " GET",
        "GE T",
        "GET\x00",
        "G\u00e9T",
    ):
        case(f"{method!a} is no GET", raw(method, "/items/1"), cuts=True)
    for name in _OVERRIDES:
        case(
            f"{name} beside GET",
            get("/items/1", f"{name}: DELETE"),
            sent=seen("/items/1"),
            status=(200,),
        )
        case(
            f"{name} beside PUT",
            raw("PUT", "/items/1", f"{name}: DELETE", "Content-Type: application/json", body="{}"),
            sent=wrote("/items/1", {}, method="PUT"),
            status=(200,),
        )
        case(f"{name} with an address", get("/items/1", f"{name}: /admin"), sent=seen("/items/1"))
        case(
            f"{name} beside a call by name",
            named("getItem", {"id": "1"}, f"{name}: PUT"),
            sent=seen("/items/1"),
        )
    for name in ("_method", "_METHOD", "X-HTTP-Method-Override", "method", "_format"):
        case(f"{name} in the query", get(f"/items/1?{name}=DELETE"), status=(400,))
        case(
            f"{name} in JSON", post("/items", f'{{"name": "a", "{name}": "DELETE"}}'), status=(400,)
        )
        case(f"{name} by name", named("postForm", {"title": "a", name: "DELETE"}), status=(400,))
        case(
            f"{name} beside a body",
            raw(
                "POST",
                f"/items?{name}=DELETE",
                "Content-Type: application/json",
                body='{"name": "a"}',
            ),
            status=(400,),
        )
    case(
        "a form of our own is not read",
        post("/form", "title=a&_method=DELETE", "application/x-www-form-urlencoded"),
        status=(415,),
    )
    case(
        "a JSON method in an object of the caller's own",
        raw("PUT", "/items/1", "Content-Type: application/json", body='{"_method":"DELETE"}'),
        sent=wrote("/items/1", {"_method": "DELETE"}, method="PUT"),
    )

    # The forms of a target (RFC 9112 section 3.2).
    for target in (
        "http://evil.example/admin",
        "http://127.0.0.1/admin",
        "https://h:1/v1/admin",
        "http://h",
        "http://",
        "//evil.example/items/1",
        "evil.example/items/1",
        "items/1",
        "*",
        "?",
        "#",
        "/admin#/items/1",
        "@CANARY@/items/1/../../admin",
        "http:///items/../admin",
        "127.0.0.1:80",
        "",
        "/ items/1",
        "/items/1\t",
    ):
        case(f"the target {target!a}", raw("GET", target), cuts=True)
    for target in (
        "http://evil.example/items/1",
        "http://169.254.169.254/items/1",
        "http://u:p@h:1/items/1",
        "ftp://h/items/1",
    ):
        case(f"{target} is our own path", raw("GET", target), sent=seen("/items/1"), status=(200,))
    case("a fragment in a target", raw("GET", "/items/1#/../admin"), cuts=True)
    case("CONNECT to a host", raw("CONNECT", "evil.example:443"), cuts=True)
    case("CONNECT to the upstream", raw("CONNECT", "@URL@"[0:0] + "127.0.0.1:@PORT@"), cuts=True)
    case("OPTIONS * asks nobody", raw("OPTIONS", "*"), status=(204,))
    case("OPTIONS /items/1 asks nobody", raw("OPTIONS", "/items/1"), status=(204,))
    case("OPTIONS /admin asks nobody", raw("OPTIONS", "/admin"), status=(204,))
    case("GET by name", get("/call/getItem?id=1"), status=(405,))
    case(
        "PUT by name",
        raw("PUT", "/call/getItem", "Content-Type: application/json", body='{"id":"1"}'),
        status=(405,),
    )
    case(
        "an operation that is not chosen, by name", named("deleteItem", {"id": "1"}), status=(404,)
    )
    for name in (
        "setAdmin",
        "admin",
        "GET /admin",
        "../admin",
        "__class__",
        "getItem/../admin",
        "getitem",
        "GETITEM",
        "getItem%00",
        "%67etItem/x",
    ):
        case(f"{name!a} by name is not there", named(name, {"id": "1"}), cuts=True)
    case("an encoded name is the same name", named("%67etItem", {"id": "1"}), sent=seen("/items/1"))
    return found


CASES = _table()
