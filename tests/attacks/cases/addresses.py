"""No spec, redirect, reference or resolver leads anywhere that the operator did not write."""

# ruff: noqa: E501, S104 - texts as they are sent, addresses that nobody listens on

from __future__ import annotations

from itertools import count

from tests.attacks.case import Case, Sent, World, get
from tests.attacks.recorder import Reply
from tests.attacks.running import FORBIDDEN_FILE

_YAML = ("Content-Type", "application/yaml")
_SPEC = """
openapi: 3.1.0
info: {{title: Shop, version: "1"}}
servers: [{{url: "{server}"}}]
paths:
  /a:
    get: {{operationId: getA, responses: {{"200": {{description: Ok, content: {{application/json: {{schema: {{type: object}}}}}}}}}}}}
  /b:
    {b}
"""
_B = 'get: {operationId: getB, responses: {"200": {description: Ok, content: {application/json: {schema: {type: object}}}}}}'
_NOWHERE = (
    "@CANARY@",
    "http://169.254.169.254/latest",
    "http://[::ffff:169.254.169.254]/",
    "http://127.0.0.2:1/v1",
    "http://localhost:1",
    "http://metadata.google.internal",
    "http://10.0.0.1",
    "http://0.0.0.0:1",
)
_ANOTHER = "a fetched document may not name another origin"


def _table() -> list[Case]:
    found: list[Case] = []
    numbers = count()

    def case(
        name: str,
        *requests: bytes,
        sent: tuple[Sent, ...] = (),
        spec: str = "@URL@/spec.yaml",
        operations: str = "[getA, GET /b]",
        upstream: str = "",
        status: tuple[int, ...] = (),
        **world: object,
    ) -> None:
        config = f'plugin: shop\ncontact: a@example.com\ncache: no\nspec: "{spec}"\n{upstream}\noperations: {operations}\n'
        where = World(f"address {next(numbers)}", (config,), **world)  # type: ignore[arg-type]
        found.append(Case(f"address: {name}", "promise 2, trap 13", where, requests, sent, status))

    def spec(server: str = "/v1", b: str = _B) -> str:
        return _SPEC.format(server=server, b=b)

    def served(text: str, **more: Reply) -> dict[str, Reply]:
        return {
            "/spec.yaml": Reply(text, 200, (_YAML,)),
            **{f"/{key}.yaml": reply for key, reply in more.items()},
        }

    a, b = (Sent("GET", f"/v1/{name}") for name in "ab")
    case(
        "a fetched spec's own server",
        get("/a"),
        get("/b"),
        sent=(a, b),
        served=served(spec()),
        status=(200,),
    )
    for server in (*_NOWHERE, "https://127.0.0.1:1"):
        case(f"a fetched spec's server {server}", served=served(spec(server)), mistake=_ANOTHER)
        one = _B.replace("get: {", f'get: {{servers: [{{url: "{server}"}}], ')
        case(
            f"an operation's server {server}",
            get("/a"),
            get("/b"),
            sent=(a,),
            served=served(spec(b=one)),
            operations="all",
            status=(200, 404),
        )
        path = f'servers: [{{url: "{server}"}}]\n    {_B}'
        case(
            f"a path's server {server}",
            get("/a"),
            get("/b"),
            sent=(a,),
            served=served(spec(b=path)),
            operations="all",
            status=(200, 404),
        )
        case(
            f"an operation's server {server}, of a spec in a file",
            get("/a"),
            get("/b"),
            sent=(a,),
            operations="all",
            spec="spec.yaml",
            files={"configs/spec.yaml": spec("@URL@/v1", one)},
            status=(200, 404),
        )
        case(
            f"an operation's server {server} under upstream.url",
            get("/a"),
            get("/b"),
            sent=(a, b),
            served=served(spec(server, one)),
            upstream='upstream: {url: "@URL@/v1"}',
            status=(200,),
        )
    case(
        "a server that hides its host",
        served=served(spec("@URL@@evil.example")),
        mistake="no server with an absolute address",
    )
    hidden = _B.replace("get: {", 'get: {servers: [{url: "@URL@@evil.example"}], ')
    case(
        "an operation's server that hides its host",
        get("/a"),
        get("/b"),
        sent=(a, b),
        served=served(spec(b=hidden)),
        status=(200,),
    )
    variables = (
        'servers: [{url: "http://{host}/v1", variables: {host: {default: "169.254.169.254"}}}]'
    )
    case(
        "a server with variables",
        served=served(spec().replace('servers: [{url: "/v1"}]', variables)),
        mistake=_ANOTHER,
    )

    # --- redirects of the spec
    for location in (
        *_NOWHERE,
        "file:///etc/passwd",
        "//127.0.0.2/x",
        "http://u:p@127.0.0.1:1/",
        "data:text/plain,x",
    ):
        for status in (301, 302, 307):
            hop = {
                "/spec.yaml": Reply(
                    "", status, (("Location", location + ("/x" if location.endswith("@") else "")),)
                )
            }
            case(
                f"a spec that redirects with {status} to {location}",
                served=hop,
                mistake="redirects to",
            )
    case(
        "a spec that redirects within its origin",
        get("/a"),
        sent=(a,),
        served={
            "/spec.yaml": Reply("", 302, (("Location", "/new.yaml"),)),
            "/new.yaml": Reply(spec(), 200, (_YAML,)),
        },
    )

    # --- references
    outside = f"{FORBIDDEN_FILE}.yaml"
    stolen = 'get: {operationId: getB, summary: stolen, responses: {"200": {description: Ok}}}'
    for ref in (
        "@CANARY@/b.yaml",
        "@CANARY@/b.yaml#/b",
        "file://@FOLDER@/" + outside,
        "@FOLDER@/" + outside,
        "//127.0.0.2/b.yaml",
        "file:" + outside,
        "../" + outside,
        "..%2f" + outside,
        "%2e%2e/" + outside,
        "x/../../" + outside,
        "..\\\\" + outside,
        "http://169.254.169.254/b.yaml",
        "http://@CANARYHOST@/b.yaml",
        "FILE://@FOLDER@/" + outside,
        "jar:file:///x!/b.yaml",
        "link.yaml",
        "linked/" + outside,
        ".hidden.yaml",
        "ftp://127.0.0.2/b.yaml",
        "\\\\\\\\127.0.0.2\\\\b.yaml",
        "b.yaml\\u0000/../../" + outside,
    ):
        ref_b = f'$ref: "{ref}"'
        files = {outside: stolen, ".hidden.yaml": stolen}
        case(
            f"a path that is {ref} of a fetched spec",
            get("/a"),
            get("/b"),
            sent=(a,),
            served=served(spec(b=ref_b)),
            files=files,
            operations="all",
            status=(200, 404),
        )
        schema = _B.replace("schema: {type: object}", f'schema: {{$ref: "{ref}"}}')
        case(
            f"a schema that is {ref} of a fetched spec",
            get("/a"),
            sent=(a,),
            served=served(spec(b=schema)),
            files=files,
            operations="all",
        )
        links = {"specs/link.yaml": f"../{outside}", "specs/linked": ".."}
        in_file = {
            "specs/spec.yaml": spec("@URL@/v1", ref_b),
            "specs/.hidden.yaml": stolen,
            outside: stolen,
        }
        case(
            f"a path that is {ref} of a spec in a file",
            get("/a"),
            get("/b"),
            sent=(a,),
            spec="../specs/spec.yaml",
            files=in_file,
            links=links,
            operations="all",
            status=(200, 404),
        )

    # --- names that lead inside
    for address in (
        "169.254.169.254",
        "127.0.0.2",
        "10.0.0.1",
        "0.0.0.0",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fd00:ec2::254",
        "240.0.0.1",
    ):
        shown = f"[{address}]" if ":" in address else address
        found.append(
            Case(
                f"address: nobody wrote {address}",
                "promise 2",
                ASKED,
                (),
                asks=("http://198.51.100.1/", f"http://{shown}:9/x"),
            )
        )
    found.append(
        Case(
            "address: nobody wrote the canary",
            "promise 2",
            ASKED,
            (),
            asks=("http://198.51.100.1/", "@CANARY@/x"),
        )
    )
    for address in ("169.254.169.254", "100.100.100.200", "0.0.0.0", "224.0.0.1", "fe80::1"):
        name = "rebound.example"
        config = f'plugin: shop\ncontact: a@example.com\ncache: no\nupstream: {{url: "http://{name}:9/v1"}}\noperations: {{a: {{call: GET /a}}}}\n'
        inside = World(f"a name that is {address}", (config,), resolves={name: address})
        found.append(
            Case(
                f"address: a name of the operator's that is {address}",
                "promise 2",
                inside,
                (get("/a"),),
                (),
                (502,),
            )
        )
    return found


ASKED = World(
    "connections",
    (
        'plugin: shop\ncontact: a@example.com\nupstream: {url: "@URL@/v1"}\noperations: {a: {call: GET /a}}\n',
    ),
)
CASES = _table()
