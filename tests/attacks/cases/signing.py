"""A relayed sign-in sends nobody elsewhere and gives no secret away (`tests/oauth` has the rest)."""

# ruff: noqa: E501 - texts as they are sent

from __future__ import annotations

from urllib.parse import urlencode

from tests.attacks.case import Case, Sent, get, post, raw
from tests.attacks.worlds import OAUTH

_BACK = "https://chat.openai.com/aip/plugin-1/oauth/callback"
_SECRET = "secret-of-the-client"
_FORM = "application/x-www-form-urlencoded"


def _asked(**changes: str) -> str:
    given = {
        "response_type": "code",
        "client_id": "shop-id",
        "state": "st",
        "redirect_uri": _BACK,
    } | changes
    return "/oauth/authorize?" + urlencode({k: v for k, v in given.items() if v})


def _table() -> list[Case]:
    found: list[Case] = []
    allows = (
        "referrer-policy",
        "cross-origin-resource-policy",
        "content-disposition",
        "pragma",
        "x-frame-options",
    )

    def case(name: str, *requests: bytes, sent: tuple[Sent, ...] = (), **more: object) -> None:
        more.setdefault("allows", allows)
        found.append(Case(f"sign-in: {name}", "promise 8", OAUTH, requests, sent, **more))  # type: ignore[arg-type]

    case("a login", get(_asked()), status=(302,), allows=(*allows, "location"))
    for back in (
        "https://evil.example/aip/plugin-1/oauth/callback",
        "http://chat.openai.com/aip/plugin-1/oauth/callback",
        _BACK + "/",
        _BACK + "?x=1",
        _BACK + "#x",
        _BACK.replace("plugin-1", "a/b"),
        _BACK.replace("plugin-1", ".."),
        _BACK.replace("plugin-1", "%2e%2e"),
        _BACK.upper(),
        _BACK.replace("chat.openai.com", "chat.openai.com@evil.example"),
        _BACK.replace("chat.openai.com", "chat.openai.com.evil.example"),
        _BACK.replace("chat.openai.com", "chat\u3002openai.com"),
        _BACK.replace("chat.openai.com", "chat.openai.com:443"),
        " " + _BACK,
        _BACK + "\n",
        _BACK + "\r\nX: y",
        _BACK.replace("https:", "javascript:"),
        _BACK.replace("//", "\\\\"),
        "//evil.example",
        "/x",
        "",
        _BACK[:-1],
        "https://evil.example/?" + _BACK,
        _BACK.replace("plugin-1", "plugin-\u0661"),
        _BACK + "\x00",
        "https://chat.openai.com/",
        _BACK + " https://evil",
    ):
        case(f"back to {back!a}", get(_asked(redirect_uri=back)), status=(400,))
    case(
        "back to two addresses",
        get(_asked() + "&redirect_uri=https%3A%2F%2Fevil.example"),
        status=(400,),
    )
    case(
        "back to two addresses, the other way",
        get("/oauth/authorize?redirect_uri=https%3A%2F%2Fevil.example&" + _asked()[18:]),
        status=(400,),
    )
    case("another client", get(_asked(client_id="other")), status=(400,))
    for state in ("", "st", "a" * 3000, "gAAAAA", "..", "%00"):
        case(
            f"a callback with the state {state[:9]!a}",
            get(f"/oauth/callback?code=c&state={state}"),
            status=(400,),
        )
    for secret in (
        "",
        "wrong",
        _SECRET[:-1],
        _SECRET + "x",
        _SECRET.upper(),
        "${SECRET}",
        "\u0455ecret-of-the-client",
    ):
        form = {
            "grant_type": "authorization_code",
            "client_id": "shop-id",
            "client_secret": secret,
            "code": "c",
            "redirect_uri": _BACK,
        }
        case(
            f"a token for the secret {secret!a}",
            post("/oauth/token", urlencode(form), _FORM),
            status=(401,),
        )
    form = {
        "grant_type": "authorization_code",
        "client_id": "shop-id",
        "client_secret": _SECRET,
        "code": "made-up",
        "redirect_uri": _BACK,
    }
    case("a code that nobody gave", post("/oauth/token", urlencode(form), _FORM), status=(400,))
    case(
        "a token for a page",
        post("/oauth/token", urlencode(form), _FORM, "Origin: https://evil.example"),
    )
    for grant in (
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "",
    ):
        case(
            f"the grant {grant!a}",
            post("/oauth/token", urlencode(form | {"grant_type": grant, "username": "a"}), _FORM),
            status=(400,),
        )
    for target in (
        "/oauth/",
        "/oauth/x",
        "/oauth/../items/1",
        "/oauth/authorize/",
        "/oauth/%61uthorize",
        "/oauth/token/x",
    ):
        case(f"{target} is not there", get(target), status=(404,))
    case("a token by GET", get("/oauth/token?" + urlencode(form)), status=(405,))
    case(
        "a token by PUT",
        raw("PUT", "/oauth/token", f"Content-Type: {_FORM}", body=urlencode(form)),
        status=(405,),
    )
    return found


CASES = _table()
