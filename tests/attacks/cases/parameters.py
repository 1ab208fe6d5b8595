"""What is pinned, hidden or the credential's stays so; what is said once is said once."""

# ruff: noqa: E501 - texts as they are sent

from __future__ import annotations

import json
from urllib.parse import quote

from tests.attacks.case import Case, Sent, World, get, named, post, raw, seen, wrote
from tests.attacks.worlds import KEY, QUERY, SHOP

_FORM = "application/x-www-form-urlencoded"
_B = "XyZ"
_MULTIPART = f"multipart/form-data; boundary={_B}"


def _parts(*parts: tuple[str, str], extra: str = "") -> str:
    lines = [
        f'--{_B}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{text}\r\n'
        for name, text in parts
    ]
    return "".join(lines) + f"--{_B}--\r\n"


# Other spellings of a name that one server or another takes for it.
def _spellings(name: str) -> list[str]:
    found = [
        name,
        name.upper(),
        name.title(),
        f"{name}[]",
        f"{name}[0]",
        f"{name}[x]",
        f"{name}.x",
        f"{name}.0",
        f" {name}",
        f"{name} ",
        f"{name}[",
        f"[{name}]",
        f"{name}%5B%5D",
        f"%{ord(name[0]):x}{name[1:]}",
        f"{name}\x00",
        f"{name}[][x]",
        f"$.{name}",
        f"shop.{name}",
    ]
    return list(dict.fromkeys(found))


def _table() -> list[Case]:
    found: list[Case] = []

    def case(
        name: str,
        *requests: bytes,
        sent: tuple[Sent, ...] = (),
        world: World = SHOP,
        holds: str = "promise 1, trap 18",
        **more: object,
    ) -> None:
        found.append(Case(f"parameter: {name}", holds, world, requests, sent, **more))  # type: ignore[arg-type]

    items = "/items?kind=tool"
    case("pins are sent", get("/items"), sent=seen(items), status=(200,))
    # --- pinned, hidden, filled from a header, header and cookie parameters that no config names
    for name in ("kind", "debug", "near", "X-Trace", "sid", "Authorization", "Host", "x-key"):
        for spelled in _spellings(name):
            case(
                f"{spelled!a} in the query",
                get(f"/items?{quote(spelled, safe='[].%$')}=x"),
                status=(400,),
            )
            case(f"{spelled!a} by name", named("listItems", {spelled: "x"}), status=(400,))
    case("a pin's own value is refused, too", get("/items?kind=tool"), status=(400,))
    case("a null for a pin", named("listItems", {"kind": None}), status=(400,))
    case("a pin twice", get("/items?kind=a&kind=b"), status=(400,))
    case(
        "a pin behind a semicolon",
        get("/items?q=a;kind=x"),
        sent=seen("/items?q=a%3Bkind%3Dx&kind=tool"),
    )
    case(
        "a pin behind an encoded &",
        get("/items?q=a%26kind=x"),
        sent=seen("/items?q=a%26kind%3Dx&kind=tool"),
    )
    case("a pin behind an encoded #", get("/items?q=a%23&q2=1"), status=(400,))
    case(
        "a pin behind a line break",
        named("listItems", {"q": "a\r\nkind=x"}),
        sent=seen("/items?q=a%0D%0Akind%3Dx&kind=tool"),
    )
    case("a pin in a query behind ?", get("/items??kind=x"), status=(400,))
    case("a pin behind an empty field", get("/items?&&q=a&"), sent=seen("/items?q=a&kind=tool"))
    case(
        "a pin in a GET's body",
        raw("GET", "/items", "Content-Type: application/json", body='{"kind": "x"}'),
        status=(400,),
    )
    case("a pin in the path's parameters", get("/items;kind=x"))
    case(
        "a pin in a body beside a query",
        raw("POST", "/items?owner=me", "Content-Type: application/json", body='{"name": "a"}'),
        status=(400,),
    )

    # --- bodies
    made = {"name": "saw", "owner": "robot", "meta": {"level": 3}}
    case("pins of a body are sent", post("/items", '{"name": "saw"}'), sent=wrote("/items", made))
    case("a pinned property", post("/items", '{"name": "saw", "owner": "me"}'), status=(400,))
    case(
        "a pinned property, twice",
        post("/items", '{"owner": "me", "name": "saw", "owner": "robot"}'),
        status=(400,),
    )
    case(
        "a pinned property, escaped",
        post("/items", '{"name": "saw", "\\u006fwner": "me"}'),
        status=(400,),
    )
    case("a nested pin", post("/items", '{"name": "saw", "meta": {"level": 9}}'), status=(400,))
    case(
        "a nested pin, escaped",
        post("/items", '{"name": "saw", "meta": {"l\\u0065vel": 9}}'),
        status=(400,),
    )
    case(
        "a nested pin beside a note",
        post("/items", '{"name": "saw", "meta": {"note": "n"}}'),
        sent=wrote("/items", {"name": "saw", "owner": "robot", "meta": {"note": "n", "level": 3}}),
    )
    case("a nested pin by path", post("/items", '{"name": "saw", "meta.level": 9}'), status=(400,))
    case(
        "a nested pin by body.path",
        post("/items", '{"name": "saw", "body.meta.level": 9}'),
        status=(400,),
    )
    case(
        "a nested pin's object as text",
        post("/items", '{"name": "saw", "meta": "{\\"level\\": 9}"}'),
        status=(400,),
    )
    case(
        "a nested pin's object as text, by name",
        named("addItem", {"name": "saw", "meta": '{"level": 9}'}),
        status=(400,),
    )
    case(
        "a nested pin's object as a list",
        post("/items", '{"name": "saw", "meta": [{"level": 9}]}'),
        status=(400,),
    )
    for text, arrives in (
        ('{"name": "a", "name": "b"}', "b"),
        ('{"name": "a", "n\\u0061me": "b"}', "b"),
    ):
        case(
            f"JSON {text} arrives as one name",
            post("/items", text),
            sent=wrote("/items", {**made, "name": arrives}),
        )
    for key in (
        "__proto__",
        "constructor",
        "prototype",
        "__class__",
        "toString",
        "hasOwnProperty",
        "$where",
        "$ref",
        "OWNER",
        "Owner",
        "owner[]",
        "owner ",
        "owner.x",
        "",
        "\u0000",
        "name\u0000",
        "on",
        "@type",
    ):
        text = json.dumps({"name": "saw", key: {"level": 9}})
        case(f"the key {key!a} in JSON", post("/items", text), status=(400,))
    proto = {"__proto__": {"admin": True}, "constructor": {"prototype": {}}}
    case(
        "prototype keys in an object of the caller's own are data",
        named("putItem", {"id": "1", "body": proto}),
        sent=wrote("/items/1", proto, method="PUT"),
    )
    case("a body for one that takes none", post("/call/getItem", '[{"id": "1"}]'), status=(400,))
    for text in (
        "",
        "null",
        "[]",
        "1",
        '"{}"',
        "{",
        '{"id": "1"}}',
        '{"id": "1"} {}',
        "{'id': '1'}",
        '{"id": NaN}',
        '{"id": Infinity}',
        '{"id": "1",}',
        '//x\n{"id": "1"}',
        "[" * 100000,
        '{"a":' * 50000,
    ):
        case(f"the call {text[:12]!a}", named("getItem", text), status=(400,))

    # --- templates and expressions are text
    for text in (
        "${KEY}",
        "${file:/etc/passwd}",
        "$${KEY}",
        "{env.KEY}",
        "{{KEY}}",
        "$KEY",
        "%KEY%",
        "#{KEY}",
        "<%= KEY %>",
        "{id}",
        "{0}",
        "{KEY}",
        "$(id)",
        "`id`",
        "%(KEY)s",
        "@{KEY}",
        "*{KEY}",
        "~{KEY}",
    ):
        holds = "promise 3, trap 1"
        case(
            f"{text!a} in a query",
            named("listItems", {"q": text}),
            holds=holds,
            sent=seen(f"/items?q={quote(text, safe='')}&kind=tool"),
            never=(KEY,),
        )
        case(
            f"{text!a} in JSON",
            named("addItem", {"name": text}),
            holds=holds,
            sent=wrote("/items", {**made, "name": text}),
        )
        case(
            f"{text!a} in a header",
            named("traced", {"X-Trace": text}),
            holds=holds,
            sent=seen("/traced", headers=(("X-Trace", text), ("Cookie", "uid=robot"))),
        )
        case(
            f"{text!a} in the caller's header",
            get("/items", f"X-Near: {text}"),
            holds=holds,
            sent=seen(f"/items?kind=tool&near={quote(text, safe='')}"),
        )
    for text in (
        '"',
        "\\",
        "\n",
        '"}, "owner": "me',
        "\\u0000",
        '\\"',
        "</script>",
        "\u2028",
        "a\x00b",
    ):
        case(
            f"{text!a} in JSON stays a text",
            named("addItem", {"name": text}),
            holds="promise 1, trap 3",
            sent=(Sent("POST", "/v1/items", _compact({**made, "name": text})),),
        )

    # --- said twice
    for query in ("q=a&q=b", "q=a&%71=b", "q=a&q", "q&q", "q=&q=a"):
        case(f"?{query}", get(f"/items?{query}"), status=(400,), holds="promise 1")
    case("an id in path and query", get("/items/1?id=2"), status=(400,), holds="promise 1")
    case(
        "a name in query and body",
        raw("POST", "/items?name=a", "Content-Type: application/json", body='{"name": "b"}'),
        status=(400,),
    )
    case(
        "a list may be said twice",
        get("/items?tag%5B%5D=a&tag%5B%5D=b"),
        holds="promise 1",
        sent=seen("/items?kind=tool&tag%5B%5D=a&tag%5B%5D=b"),
    )
    for query in (
        "x=1",
        "Q=a",
        "q[]=a",
        "q.x=a",
        "q%00=a",
        "q;kind=x=1",
        "=a",
        "%00=1",
        "tag=a",
        "tag[0]=a",
        "utf8=1",
        "q%5B%5D=a",
        "callback=x",
        "apikey=1",
        "access_token=x",
        "__proto__[a]=1",
        "constructor=1",
    ):
        case(f"the caller's ?{query}", get(f"/items?{query}"), status=(400,), holds="promise 1")
        case(
            f"the caller's ?{query} at a path",
            get(f"/items/1?{query}"),
            status=(400,),
            holds="promise 1",
        )
    for query in ("q=%ff", "q=%c0%af", "%ff=1", "q=%ed%a0%80"):
        case(f"?{query} is no text", get(f"/items?{query}"), status=(400,), holds="promise 1")
    case(
        "more fields than there are",
        get("/items?" + "&".join(["a=1"] * 1001)),
        status=(400,),
        holds="promise 1",
    )

    # --- objects that become parameters may not stand in for one
    for argument in ("more", "filter"):
        for key in (
            "season",
            "Season",
            "SEASON",
            "season[]",
            "season[a]",
            "season.x",
            "season ",
            "filter",
            "filter[a]",
        ):
            if argument == "filter" and "[" not in key:
                continue
            case(
                f"{key!a} in the object {argument}",
                named("find", {argument: {key: "x"}}),
                status=(400,),
            )
    case(
        "a deep object's own names",
        named("find", {"filter": {"season": "x"}}),
        sent=seen("/find?filter%5Bseason%5D=x&season=regular"),
    )
    case(
        "a deep object that ends its name",
        named("find", {"filter": {"a]=1&season": "x"}}),
        status=(400,),
    )
    case(
        "an object's & and =",
        named("find", {"more": {"a&season": "x=1&season=2"}}),
        sent=seen("/find?a%26season=x%3D1%26season%3D2&season=regular"),
    )

    # --- forms
    case(
        "a form's pin is sent",
        named("postForm", {"title": "a&role=x"}),
        sent=wrote("/form", b"title=a%26role%3Dx&role=guest", _FORM),
    )
    for key in ("role", "role[]", "Role", "role.x", "role[0]", " role"):
        case(f"{key!a} in a form", named("postForm", {"title": "a", key: "x"}), status=(400,))
        case(
            f"{key!a} in a form, at its address",
            post("/form", json.dumps({key: "x"})),
            status=(400,),
        )
    case(
        "a list in a form",
        named("postForm", {"tags": ["a&role=x", "b;role=x"]}),
        sent=wrote("/form", b"role=guest&tags=a%26role%3Dx&tags=b%3Brole%3Dx", _FORM),
    )
    case("a form as a form", post("/form", "title=a&role=x", _FORM), status=(415,))
    case(
        "an open form",
        named("openForm", {"body": {"a&role": "x=1&b=2", "__proto__": "1"}}),
        sent=wrote("/openform", b"a%26role=x%3D1%26b%3D2&__proto__=1", _FORM),
    )

    # --- multipart
    case(
        "a part's pin is sent",
        named("upload", {"title": "a"}),
        sent=(Sent("POST", "/v1/upload", parts=(("title", None, b"a"), ("role", None, b"guest"))),),
    )
    for key in ("role", "role[]", "Role", "role.x", 'x"; name="role', "role\t"):
        case(
            f"{key!a} by name in multipart",
            named("upload", {"title": "a", key: "x"}),
            status=(400,),
        )
        case(
            f"{key!a} as a part",
            post("/upload", _parts(("title", "a"), (key.replace('"', "%22"), "x")), _MULTIPART),
            status=(400,),
        )
    case(
        "a part twice",
        post("/upload", _parts(("title", "a"), ("title", "b")), _MULTIPART),
        status=(400,),
    )
    case(
        "a part with two names",
        post("/upload", _parts(("title", "a"), extra='; name="role"'), _MULTIPART),
        status=(400,),
    )
    case(
        "a part with a second header",
        post(
            "/upload",
            f'--{_B}\r\nContent-Disposition: form-data; name="title"\r\nContent-Disposition: form-data; name="role"'
            f"\r\n\r\nx\r\n--{_B}--\r\n",
            _MULTIPART,
        ),
        status=(400,),
    )
    case(
        "a part that is folded",
        post(
            "/upload",
            f'--{_B}\r\nContent-Disposition: form-data;\r\n name="role"\r\n\r\nx\r\n--{_B}--\r\n',
            _MULTIPART,
        ),
        status=(400,),
    )
    case(
        "a part without an end",
        post("/upload", _parts(("title", "a"))[:-8], _MULTIPART),
        status=(400,),
    )
    case(
        "a part that is coded",
        post(
            "/upload",
            f'--{_B}\r\nContent-Disposition: form-data; name="title"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--{_B}--\r\n',
            _MULTIPART,
        ),
        status=(400,),
    )
    case(
        "no boundary", post("/upload", _parts(("title", "a")), "multipart/form-data"), status=(400,)
    )
    case(
        "a boundary of the caller's in a value",
        post("/upload", _parts(("title", "--abc\r\nx")), _MULTIPART),
        sent=(
            Sent(
                "POST",
                "/v1/upload",
                parts=(("title", None, b"--abc\r\nx"), ("role", None, b"guest")),
            ),
        ),
    )
    header = 'x"\r\nX-A: 1\r\n\r\ny'
    case(
        "a part's name that ends its header",
        named("openUpload", {"body": {header: "z"}}),
        status=(400,),
    )
    case(
        "a file's name that ends its header",
        named("upload", {"file": {"data": "aGk=", "name": 'a"\r\nX-A: 1'}}),
        status=(400,),
    )
    case(
        "a file's name that ends its quotes",
        named("upload", {"file": {"data": "aGk=", "name": 'a"; name="title'}}),
        sent=(
            Sent(
                "POST",
                "/v1/upload",
                parts=(("role", None, b"guest"), ("file", "a%22; name=%22title", b"hi")),
            ),
        ),
    )
    case(
        "a file's type that ends its header",
        named("upload", {"file": {"data": "aGk=", "name": "a", "type": "text/plain\r\nX-A: 1"}}),
        status=(400,),
    )

    # --- the credential's query parameter
    key = "key=secret%26%3D%3F%23%2F%2541"
    case("the key goes along", get("/items"), world=QUERY, sent=seen(f"{items}&{key}"))
    for spelled in _spellings("key"):
        case(
            f"{spelled!a} beside the key",
            get(f"/items?{quote(spelled, safe='[].%$')}=x"),
            world=QUERY,
            status=(400,),
        )
        case(
            f"{spelled!a} beside the key, by name",
            named("listItems", {spelled: "x"}),
            world=QUERY,
            status=(400,),
        )
    for spelled in ("key", "KEY", "key[]", "key[x]", "key.x", " key"):
        case(
            f"{spelled!a} in an object beside the key",
            named("find", {"more": {spelled: "x"}}),
            world=QUERY,
            status=(400,),
        )
    case(
        "the key behind a value",
        get("/items?q=a%26key=mine"),
        world=QUERY,
        sent=seen(f"/items?q=a%26key%3Dmine&kind=tool&{key}"),
    )
    case(
        "the key behind a path",
        get("/items/1%3Fkey=mine"),
        world=QUERY,
        sent=seen(f"/items/1%3Fkey%3Dmine?{key}"),
    )
    return found


def _compact(value: object) -> bytes:
    # Control characters are escaped in lower case, all else stands as it is.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


CASES = _table()
