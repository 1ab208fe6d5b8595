"""Who may call, and that no caller gets what another's key fetched."""

from __future__ import annotations

import base64
from itertools import product

from tests.attacks.case import Case, Sent, World, get, named, raw, seen
from tests.attacks.recorder import Reply
from tests.attacks.worlds import (
    LIMITED,
    LIMITED_SERVICE,
    OAUTH,
    PROXIED,
    SERVICE,
    SERVICE_BASIC,
    STORING,
    STORING_SERVICE,
    STORING_USER,
    TENANTS,
    USER,
    USER_BASIC,
    world,
)

_JSON = ("Content-Type", "application/json")
_PUBLIC = Reply(headers=(_JSON, ("Cache-Control", "public, max-age=60")))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def _table() -> list[Case]:
    found: list[Case] = []

    def case(
        name: str,
        *requests: bytes,
        sent: tuple[Sent, ...] = (),
        world: World = SERVICE,
        holds: str = "promise 4",
        **more: object,
    ) -> None:
        found.append(Case(f"caller: {name}", holds, world, requests, sent, **more))  # type: ignore[arg-type]

    one = seen("/items/1")
    ada = "token-of-ada"
    # --- a shared token
    case("the token", get("/items/1", _bearer(ada)), sent=one, status=(200,))
    case(
        "the token, the scheme in any case",
        get("/items/1", f"authorization: bEARER {ada}"),
        sent=one,
        status=(200,),
    )
    for shown in (
        "",
        "Bearer",
        "Bearer ",
        "Bearer token",
        "Bearer token-of-ad",
        f"Bearer {ada}x",
        f"Bearer {ada.upper()}",
        f"Bearer x{ada}",
        f"Bearer {ada} {ada}",
        f"Bearer {ada},x",
        f"Bearer {ada}\u0085",
        f"Bearer {ada[1:]}",
        f"Bearer{ada}",
        ada,
        f"Token {ada}",
        f"Basic {ada}",
        f"Basic {_b64('ada:' + ada)}",
        f"Basic {_b64(ada)}",
        f"Bearer {_b64(ada)}",
        f"Digest {ada}",
        f"Bearer token={ada}",
        f'Bearer "{ada}"',
        "Bearer ada",
        "Bearer ${ADA}",
        "Bearer *",
        "Bearer .*",
        "Bearer null",
        "Bearer undefined",
        "Bearer token-of-%61da",
        f"Bearer\t{ada}",
        "Bearer " + "a" * 7000,
        "Bearer t\u043eken-of-ada",
        "Bearer \ufeff" + ada,
        f"Bearer, Bearer {ada}",
    ):
        case(
            f"{shown[:40]!a}", get("/items/1", f"Authorization: {shown}"), status=(401,), cuts=True
        )
    for name, line in {
        "X-Api-Key": f"X-Api-Key: {ada}",
        "Cookie": f"Cookie: token={ada}; Authorization=Bearer {ada}",
        "Proxy-Authorization": f"Proxy-Authorization: Bearer {ada}",
        "X-Authorization": f"X-Authorization: Bearer {ada}",
        "Authorization_": f"Authorization_: Bearer {ada}",
        "the operator's key": "X-Key: key-of-the-0perator/+\u00e4",
    }.items():
        case(f"the token in {name}", get("/items/1", line), status=(401,))
    case("no token at all", get("/items/1"), status=(401,))
    case("the token in the query", get(f"/items?access_token={ada}"), status=(401,), cuts=True)
    case("the token in the address", get("/items/1", host="ada:password@127.0.0.1"), cuts=True)
    case(
        "two tokens, the wrong one first",
        get("/items/1", _bearer("wrong"), _bearer(ada)),
        status=(401,),
        cuts=True,
    )
    case("by name without a token", named("getItem", {"id": "1"}), status=(401,))
    case(
        "by name with a token in its arguments",
        named("getItem", {"id": "1", "Authorization": f"Bearer {ada}"}),
        status=(401,),
    )
    case(
        "documents need no token and tell none",
        get("/openapi.json"),
        get("/.well-known/ai-plugin.json"),
        status=(200,),
        never=(ada,),
        allows=("content-encoding",),
    )
    case(
        "a read that another was let in for",
        get("/items/1", _bearer(ada)),
        get("/items/1"),
        sent=one,
        status=(200, 401),
    )
    case(
        "basic",
        get("/items/1", f"Authorization: Basic {_b64('ada:password')}"),
        world=SERVICE_BASIC,
        sent=one,
        status=(200,),
    )
    for shown in (
        _b64("ada:passwor"),
        _b64("ada"),
        _b64(":password"),
        _b64("ADA:password"),
        "ada:password",
        "!!!!",
        _b64("ada:password\n"),
        _b64("ada:password")[:-2] + "*",
        _b64("\xff\xfe"),
    ):
        case(
            f"basic {shown!a}",
            get("/items/1", f"Authorization: Basic {shown}"),
            world=SERVICE_BASIC,
            status=(401,),
        )
    case(
        "basic as bearer",
        get("/items/1", "Authorization: Bearer ada:password"),
        world=SERVICE_BASIC,
        status=(401,),
    )

    # --- the caller's own key: that and no other
    own = (("Authorization", "Bearer key-of-ada"),)
    case(
        "a user's key",
        get("/items/1", _bearer("key-of-ada")),
        world=USER,
        sent=seen("/items/1", headers=own),
        status=(200,),
    )
    for shown in (
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer a b",
        "key",
        "Bearer a\u0085b",
        "Bearer \udcff",
    ):
        for place in (USER, OAUTH):
            case(
                f"{shown!a} under {place.name}",
                get("/items/1", f"Authorization: {shown}"),
                world=place,
                status=(401,),
                cuts=True,
            )
    case("a bearer under basic", get("/items/1", _bearer("key")), world=USER_BASIC, status=(401,))
    case("no key under user", get("/items/1"), world=USER, status=(401,))
    case(
        "a key that ends its header",
        get("/items/1", "Authorization: Bearer a\rX-Key: b"),
        world=USER,
        cuts=True,
    )

    # --- stored answers
    def as_(token: str, *lines: str) -> bytes:
        return get("/items/1", _bearer(token), *lines)

    def sent_as(*keys: str) -> tuple[Sent, ...]:
        return tuple(
            Sent("GET", "/v1/items/1", headers=(("Authorization", f"Bearer {key}"),))
            for key in keys
        )

    twice = {"": _PUBLIC}
    case(
        "each has an answer of his own",
        as_("ada"),
        as_("bob"),
        as_("ada"),
        as_("bob"),
        world=STORING_USER,
        says=twice,
        sent=sent_as("ada", "bob"),
        has=('"n":1', '"n":2', '"n":1', '"n":2'),
    )
    for other in ("Ada", "ad", "adaa", "ada%20", "\u0430da"):
        case(
            f"ada is not {other!a}",
            as_("ada"),
            as_(other),
            world=STORING_USER,
            says=twice,
            sent=sent_as("ada", other),
        )
    case(
        "nobody gets what ada fetched",
        as_("ada"),
        get("/items/1"),
        world=STORING_USER,
        says=twice,
        sent=sent_as("ada"),
        status=(200, 401),
    )
    case(
        "a private answer without a lifetime is not kept",
        as_("ada"),
        as_("ada"),
        world=STORING_USER,
        says={"": Reply(headers=(_JSON, ("Cache-Control", "private")))},
        sent=sent_as("ada", "ada"),
    )
    case(
        "callers of the operator's key share",
        *[get("/items/1", _bearer(f"token-of-{who}")) for who in ("ada", "bob")],
        world=STORING_SERVICE,
        says=twice,
        sent=one,
    )
    case(
        "but only who may call at all",
        get("/items/1", _bearer(ada)),
        get("/items/1"),
        world=STORING_SERVICE,
        says=twice,
        sent=one,
        status=(200, 401),
    )
    language = [get("/items/1", f"Accept-Language: {lang}") for lang in ("de", "fr", "de")]
    case(
        "a forwarded header splits it",
        *language,
        get("/items/1"),
        world=STORING,
        says=twice,
        sent=(
            *[seen("/items/1", headers=(("Accept-Language", lang),))[0] for lang in ("de", "fr")],
            *one,
        ),
    )
    case(
        "a header that is not forwarded does not",
        get("/items/1"),
        get("/items/1", "X-Forwarded-Host: evil.example", "X-Key: a"),
        world=STORING,
        says=twice,
        sent=one,
        has=('"n":1', '"n":1'),
    )
    case(
        "a filled parameter splits it",
        get("/items", "X-Near: a"),
        get("/items", "X-Near: b"),
        world=STORING,
        says=twice,
        sent=(*seen("/items?kind=tool&near=a"), *seen("/items?kind=tool&near=b")),
    )
    traced = [
        named("traced", {"X-Trace": value, "sid": sid})
        for value, sid in (("a", "1"), ("b", "1"), ("a", "2"))
    ]
    case(
        "header and cookie arguments split it",
        *traced,
        world=STORING,
        says=twice,
        sent=tuple(
            Sent(
                "GET",
                "/v1/traced",
                headers=(("X-Trace", value), ("Cookie", f"sid={sid}; uid=robot")),
            )
            for value, sid in (("a", "1"), ("b", "1"), ("a", "2"))
        ),
    )
    case(
        "the order and the case of a target are its own",
        get("/items/a"),
        get("/items/A"),
        get("/items/%61"),
        world=STORING,
        says=twice,
        sent=(*seen("/items/a"), *seen("/items/A")),
    )
    case(
        "two plugins share nothing",
        get("/one/tenant"),
        get("/two/tenant"),
        get("/one/tenant"),
        world=TENANTS,
        says=twice,
        sent=tuple(
            Sent("GET", "/v1/tenant", shown=(("X-Tenant", name),)) for name in ("one", "two")
        ),
        has=('"n":1', '"n":2', '"n":1'),
    )
    for status in (400, 401, 404, 429, 500, 503):
        case(
            f"an error of {status} is not kept",
            get("/items/1"),
            get("/items/1"),
            world=STORING,
            holds="trap 8",
            says={"": Reply('{"n": @N@}', status, (_JSON,))},
            sent=one * 2,
        )
    for word in (
        "no-store",
        "no-cache",
        "max-age=0",
        "s-maxage=0, max-age=60",
        "no-store, max-age=60",
    ):
        case(
            f"{word} is respected",
            get("/items/1"),
            get("/items/1"),
            world=STORING,
            sent=one * 2,
            says={"": Reply(headers=(_JSON, ("Cache-Control", word)))},
        )
    case(
        "Vary: * is respected",
        get("/items/1"),
        get("/items/1"),
        world=STORING,
        sent=one * 2,
        says={"": Reply(headers=(_JSON, ("Vary", "*"), ("Cache-Control", "max-age=60")))},
        has=('"n":1', '"n":2'),
    )
    put = raw("PUT", "/items/1", "Content-Type: application/json", body="{}")
    case(
        "a write forgets",
        get("/items/1"),
        put,
        get("/items/1"),
        world=STORING,
        says=twice,
        sent=(*one, Sent("PUT", "/v1/items/1", b"{}"), *one),
    )
    case(
        "a caller cannot ask past the store",
        get("/items/1"),
        get("/items/1", "Cache-Control: no-cache", "Pragma: no-cache"),
        world=STORING,
        says=twice,
        sent=one,
    )

    # --- limits
    limited = {"allows": ("retry-after",)}
    case(
        "a limit",
        *[get("/items/1")] * 4,
        world=LIMITED,
        sent=one * 2,
        status=(200, 200, 429, 429),
        **limited,
    )
    case(
        "a limit for each token",
        *[get("/items/1", _bearer(f"token-of-{who}")) for who in ("ada", "ada", "ada", "bob")],
        world=LIMITED_SERVICE,
        sent=one * 3,
        status=(200, 200, 429, 200),
        **limited,
    )
    case(
        "a wrong token is nobody's call",
        *[get("/items/1", _bearer("wrong"))] * 3,
        get("/items/1", _bearer(ada)),
        world=LIMITED_SERVICE,
        sent=one,
        status=(401, 401, 401, 200),
        **limited,
    )
    case(
        "a limit counts other ways in",
        get("/items/1"),
        named("getItem", {"id": "1"}),
        get("/shop/items/1"),
        world=LIMITED,
        sent=one * 2,
        status=(200, 200, 429),
        **limited,
    )
    case(
        "behind a trusted proxy its word counts",
        *[get("/items/1", f"X-Forwarded-For: 10.0.0.{n}") for n in (1, 1, 1, 2)],
        world=PROXIED,
        sent=one * 3,
        status=(200, 200, 429, 200),
        **limited,
    )
    case(
        "behind a trusted proxy a caller's own word does not",
        *[
            get("/items/1", f"X-Forwarded-For: 10.9.9.{n}, 10.0.0.1", f"Forwarded: for=10.8.8.{n}")
            for n in range(4)
        ],
        world=PROXIED,
        sent=one * 2,
        status=(200, 200, 429, 429),
        **limited,
    )
    case(
        "behind a trusted proxy a platform's id is no caller of its own",
        *[
            get("/items/1", "X-Forwarded-For: 10.0.0.1", f"openai-ephemeral-user-id: {n}")
            for n in range(4)
        ],
        world=PROXIED,
        sent=one * 2,
        status=(200, 200, 429, 429),
        **limited,
    )

    # --- a proof that is not there stops the gateway, not the proof (trap 4)
    for number, (kind, env) in enumerate(
        product(
            (
                '{bearer: "${KEY}"}',
                '{header: {name: X-Key, value: "${KEY}"}}',
                '{query: {name: key, value: "${KEY}"}}',
                '{cookie: {name: sid, value: "${KEY}"}}',
                '{basic: {username: me, password: "${KEY}"}}',
                '{bearer: "${file:nowhere}"}',
            ),
            ({}, {"KEY": ""}, {"KEY": "a\r\nX-A: b"}),
        )
    ):
        where = world(
            f"no key {number}",
            f"upstream: {{credential: {kind}}}\n",
            env=env,
            mistake="upstream.credential",
        )
        found.append(Case(f"caller: {kind} with {env}", "trap 4", where, (get("/items/1"),)))
    for number, env in enumerate(({}, {"ADA": ""})):
        where = world(
            f"no token {number}",
            'auth: {service: {tokens: {ada: "${ADA}"}}}\n',
            env=env,
            mistake="auth.service",
        )
        found.append(
            Case(
                f"caller: a token with {env}",
                "trap 4",
                where,
                (get("/items/1", "Authorization: Bearer "),),
            )
        )
    return found


CASES = _table()
