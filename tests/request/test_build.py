"""A call becomes its own request and no other, whatever its arguments hold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind
from gateway.request.build import clean_base
from gateway.request.text import decode_json
from gateway.values import Build, SpecBody, SpecOperation, SpecParameter, UpstreamRequest

BASE = "https://api.example/v1"
STRING = {"type": "string"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

# What others let through: see what each would do to a path put together from text.
HOSTILE = [
    "../admin", "..%2fadmin", "%2e%2e/admin", "..", ".", "%2e%2e", "a/b", "a\\b", "/", "?admin=1",
    "//evil.example/", "#frag", "a?b#c", "%", "%00", "%2F", "%252F", "\x00", "a\r\nHost: evil",
    "\n", "\x7f", " ", "ü", "東京", "{other}", "{id}", "${HOME}", "${file:/etc/passwd}", "{env.X}",
    ";x=1", "@evil.example", ":80", "https://evil.example", "a,b", "~", "*", "",
    "\u2025", "\uff0e\uff0e", "\ud800",
]  # fmt: skip


def path(name: str, **more: Any) -> SpecParameter:
    return SpecParameter(
        name, "path", STRING, True, **{"style": "simple", "explode": False, **more}
    )


def compiled(op: SpecOperation, base: str = BASE, **entries: Any) -> Build:
    found = bind(op, {}, entries)
    assert found.faults == ()
    return found.build(base)


def get(template: str, *parameters: SpecParameter, **more: Any) -> SpecOperation:
    return SpecOperation("GET", template, template, parameters=parameters, **more)


TEMPLATES = [
    "/users/{id}",
    "/users/{id}/posts",
    "/{id}",
    "/files/{id}.json",
    "/.{id}",
    "/{id}.",
    "/a{id}b/c",
    "/{id}/{id}",
]


def check_same_call(template: str, value: str, request: UpstreamRequest) -> None:
    """The request reaches the template's own resource with exactly this value."""
    url = URL(request.url, encoded=True)
    split = urlsplit(request.url)
    assert (split.scheme, split.netloc, split.query, split.fragment) == (
        "https",
        "api.example",
        "",
        "",
    )
    assert str(url.origin()) == "https://api.example"
    segments = split.path.split("/")
    wanted = ("/v1" + template).split("/")
    assert url.raw_path == split.path, "nothing is resolved or encoded again"
    assert len(segments) == len(wanted)
    assert not {"", ".", ".."} & set(segments[1:])
    assert [unquote(one) for one in segments] == [one.replace("{id}", value) for one in wanted]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_path_value_is_one_exact_segment_or_refused(template: str, value: str) -> None:
    build = compiled(get(template, path("id")))
    is_control = any(ord(char) < 32 or ord(char) == 127 for char in value)
    resulting = {segment.replace("{id}", value) for segment in template.split("/")}
    if is_control or value in ("", "\ud800") or {".", ".."} & resulting:
        with pytest.raises(BadArguments, match="'id'"):
            build({"id": value}, {})
    else:
        check_same_call(template, value, build({"id": value}, {}))


@pytest.mark.parametrize("template", ["/{id}", "/{id}/x", "/{id}{id}", "/.{id}", "/{id}."])
def test_a_segment_of_dots_is_refused_however_it_comes_about(template: str) -> None:
    build = compiled(get(template, path("id")))
    with pytest.raises(BadArguments, match="must not make a part of the path"):
        build({"id": "." if template != "/{id}/x" else ".."}, {})


def test_two_values_cannot_climb_together() -> None:
    build = compiled(get("/a/{x}{y}/b", path("x"), path("y")))
    with pytest.raises(BadArguments, match=r"'x' and 'y' must not make a part of the path '\.\.'"):
        build({"x": ".", "y": "."}, {})
    assert build({"x": ".", "y": "a"}, {}).url == f"{BASE}/a/.a/b"


@pytest.mark.parametrize("template", ["/x/{id};v=1/edit", "/x/{id}{v}/edit", "/x/%2e{id}"])
def test_nor_does_one_climb_for_who_reads_no_further_than_a_semicolon(template: str) -> None:
    version = path("v", style="matrix")
    build = compiled(get(template, path("id"), *([version] if "{v}" in template else [])))
    call = {"v": "1"} if "{v}" in template else {}
    with pytest.raises(BadArguments, match="must not make a part of the path"):
        build({"id": "." if "%" in template else "..", **call}, {})
    assert build({"id": "...", **call}, {}).url.startswith(BASE + template.split("{")[0] + "...")
    matrix = get("/x/{v}", path("v", style="matrix"))
    assert compiled(matrix)({"v": ".."}, {}).url == f"{BASE}/x/;v=.."


@given(st.sampled_from(TEMPLATES), TEXT)
def test_whatever_a_path_value_holds_the_call_stays_the_same(template: str, value: str) -> None:
    build = compiled(get(template, path("id")))
    try:
        request = build({"id": value}, {})
    except BadArguments:
        return
    check_same_call(template, value, request)


@given(st.sampled_from(["simple", "label", "matrix"]), st.booleans(), st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_no_style_and_no_shape_leaves_its_segment(style: str, explode: bool, value: Any) -> None:
    parameter = SpecParameter("id", "path", {}, True, style=style, explode=explode)
    build = compiled(get("/users/{id}/posts", parameter))
    try:
        request = build({"id": value}, {})
    except BadArguments:
        return
    segments = urlsplit(request.url).path.split("/")
    assert (len(segments), segments[:3], segments[4]) == (5, ["", "v1", "users"], "posts")
    assert segments[3] not in ("", ".", "..")


@given(
    st.dictionaries(st.sampled_from("abcd"), TEXT),
    st.lists(TEXT, max_size=3),
    st.integers(),
)
def test_a_built_query_parses_back_to_its_arguments(
    texts: dict[str, str], items: list[str], number: int
) -> None:
    parameters = [SpecParameter(name, "query", STRING) for name in "abcd"]
    parameters.append(SpecParameter("n", "query", {"type": "integer"}))
    parameters.append(SpecParameter("l[]", "query", {"type": "array", "items": STRING}))
    build = compiled(get("/x", *parameters, fixed_query=(("v", "1 &"),)))
    url = build({**texts, "l[]": items, "n": number}, {}).url
    parsed = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    expected = [("v", "1 &"), *((name, texts[name]) for name in "abcd" if name in texts)]
    assert parsed == [*expected, ("n", str(number)), *(("l[]", item) for item in items)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from("abc"), JSON))
def test_a_json_body_parses_back_to_its_arguments(arguments: dict[str, Any]) -> None:
    body = SpecBody("application/json", "json", {"properties": {"a": {}, "b": {}, "c": {}}}, True)
    request = compiled(SpecOperation("POST", "/", "/", body=body))(arguments, {})
    assert request.body is not None
    assert json.loads(request.body) == arguments


@given(st.dictionaries(st.sampled_from("abc"), TEXT, min_size=1), st.lists(TEXT, min_size=1))
def test_a_form_body_parses_back_to_its_arguments(texts: dict[str, str], items: list[str]) -> None:
    schema = {"properties": {**dict.fromkeys("abc", STRING), "l": {"type": "array"}}}
    body = SpecBody("application/x-www-form-urlencoded", "form", schema, True)
    request = compiled(SpecOperation("POST", "/", "/", body=body))({**texts, "l": items}, {})
    assert request.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert request.body is not None
    parsed = parse_qsl(request.body.decode(), keep_blank_values=True)
    ordered = [(name, texts[name]) for name in "abc" if name in texts]
    assert parsed == [*ordered, *(("l", item) for item in items)]


@given(st.dictionaries(st.text(), JSON))
def test_no_call_is_answered_with_anything_but_a_request_or_a_refusal(call: dict[str, Any]) -> None:
    """And a pin stays what it is."""
    free = SpecParameter("free", "query", {"type": "object"})
    op = get("/{id}", path("id"), SpecParameter("pin", "query", STRING), free)
    build = compiled(op, pin=Parameter(pin="fixed"))
    for arguments in (call, {**call, "id": "1"}, {"id": "1", "free": call}):
        try:
            request = build(arguments, {})
        except BadArguments:
            continue
        assert parse_qsl(urlsplit(request.url).query).count(("pin", "fixed")) == 1
        assert [k for k, _ in parse_qsl(urlsplit(request.url).query)].count("pin") == 1


def test_a_pinned_or_hidden_parameter_cannot_be_set_by_an_argument_an_object_or_a_text() -> None:
    free = SpecParameter("free", "query", {"type": "object", "additionalProperties": True})
    parameters = [SpecParameter(name, "query", STRING) for name in ("pin", "hidden", "q")]
    entries = {"pin": Parameter(pin="1"), "hidden": "hide"}
    build = compiled(get("/x", *parameters, free), **entries)
    fixed = compiled(get("/x", free, fixed_query=(("pin", "1"),)))
    with pytest.raises(BadArguments, match="must not hold 'pin'"):
        fixed({"free": {"pin": "2"}}, {})
    for call in ({"pin": "2"}, {"hidden": "2"}, {"free": {"pin": "2"}}, {"free": {"hidden": "2"}}):
        with pytest.raises(BadArguments):
            build(call, {})
    for text in ("x&pin=2", "x#&pin=2", "x;pin=2", "x%26pin=2"):
        query = urlsplit(build({"q": text}, {}).url).query
        assert parse_qsl(query, separator="&") == [("pin", "1"), ("q", text)]
        assert ";" not in query


@pytest.mark.parametrize(
    "call",
    [
        {"extra": {"season[]": "x"}},
        {"extra": {"Season": "x"}},
        {"extra": {"season[0]": "x"}},
        {"extra": {"Api_Key": "x"}},
        {"extra": {"api_key[]": "x"}},
        {"extra": {"api.key": "x"}},
        {"extra": {"filter[status]": "x"}},
        {"extra": {"filter": "x"}},
        {"extra": '{"Cursor": "x"}'},
        {"filter": {"status": "x"}},
        {"filter": {"status": ["x"]}},
        {"filter": {"status": {"a": "x"}}},
        {"filter": {"Status": "x"}},
        {"filter": {"status][": "x"}},
        {"filter": {"name": {"a]": "x"}}},
        {"filter": {"name[a": "x"}},
    ],
)
def test_no_spelling_of_a_withheld_name_gets_through_an_object(call: dict[str, Any]) -> None:
    extra = SpecParameter("extra", "query", {"type": "object", "additionalProperties": True})
    deep = SpecParameter("filter", "query", {"type": "object"}, style="deepObject")
    pinned = [SpecParameter(name, "query", STRING) for name in ("season", "filter[status]")]
    hidden = SpecParameter("cursor", "query", STRING)
    entries = {"season": Parameter(pin="1"), "filter[status]": Parameter(pin="on")}
    op = get("/x", extra, deep, *pinned, hidden)
    found = bind(op, {}, {**entries, "cursor": "hide"}, taken={("query", "api_key")})
    assert found.faults == ()
    build = found.build(BASE)
    with pytest.raises(BadArguments, match="must not hold"):
        build(call, {}, heals=True)
    assert build({"extra": {"a[]": "b"}, "filter": {"name": ["c"]}}, {}).url == (
        f"{BASE}/x?a%5B%5D=b&filter%5Bname%5D%5B%5D=c&season=1&filter%5Bstatus%5D=on"
    )


@pytest.mark.parametrize("name", ["role\0x", "role\0", "\0role", "a\nb", "x\x7f"])
def test_no_name_holds_what_a_server_might_read_as_its_end(name: str) -> None:
    anything = {"type": "object", "additionalProperties": True}
    free = [
        SpecParameter("free", "query", anything),
        SpecParameter("deep", "query", anything, style="deepObject"),
        SpecParameter("crumbs", "cookie", anything),
        SpecParameter("role", "query", STRING),
        SpecParameter("role", "cookie", STRING),
    ]
    for kind, media in (
        ("form", "application/x-www-form-urlencoded"),
        ("multipart", "multipart/form-data"),
    ):
        body = SpecBody(media, kind, anything, False)  # type: ignore[arg-type]
        op = SpecOperation("POST", "/", "/", parameters=tuple(free), body=body)
        entries: dict[str, Any] = {
            "query.role": Parameter(pin="user"),
            "cookie.role": Parameter(pin="user"),
            "crumbs": Parameter(description="Crumbs."),
        }
        build = bind(op, {}, entries).build(BASE)
        for argument in ("free", "deep", "crumbs", "body"):
            assert build({argument: {"x": "1"}}, {})
            with pytest.raises(BadArguments, match=f"'{argument}' must not hold .* control"):
                build({argument: {name: "admin"}}, {})


def test_a_callers_text_is_never_looked_into() -> None:
    text = '${HOME} ${file:/etc/passwd} {env.X} {{x}} %s {id} "quoted" \\ \n'
    body = SpecBody("application/json", "json", {"properties": {"t": STRING}}, True)
    op = SpecOperation(
        "POST", "/", "/", parameters=(SpecParameter("q", "query", STRING),), body=body
    )
    request = compiled(op)({"q": text, "t": text}, {})
    assert parse_qsl(urlsplit(request.url).query) == [("q", text)]
    assert json.loads(request.body or b"") == {"t": text}


def test_numbers_arrive_as_they_were_given() -> None:
    big, exact = 12345678901234567890123, Decimal("1.10")
    body = SpecBody("application/json", "json", {"properties": {"a": {}, "b": {}}}, True)
    op = SpecOperation("POST", "/", "/", parameters=(SpecParameter("q", "query", {}),), body=body)
    request = compiled(op)({"q": exact, "a": big, "b": [exact]}, {})
    assert request.url == f"{BASE}/?q=1.10"
    assert request.body == b'{"a":12345678901234567890123,"b":[1.10]}'


@pytest.mark.parametrize("text", ["1e5", "-0", "1e400", "1.50", "7" * 1_000])
@pytest.mark.parametrize("kind", ["json", "form"])
def test_the_text_of_a_number_gets_through(kind: Any, text: str) -> None:
    media_type = {"json": "application/json", "form": "application/x-www-form-urlencoded"}[kind]
    body = SpecBody(media_type, kind, {"properties": {"a": {}, "b": {}}}, True)
    query = (SpecParameter("q", "query", {}), SpecParameter("l", "query", {"type": "array"}))
    op = SpecOperation("POST", "/{id}", "/{id}", parameters=query, body=body)
    call = decode_json(f'{{"id": {text}, "q": {text}, "l": [{text}], "a": {text}, "b": [{text}]}}')
    request = compiled(op)(call, {}, heals=True)
    assert request.url == f"{BASE}/{text}?q={text}&l={text}"
    wire = {"json": f'{{"a":{text},"b":[{text}]}}', "form": f"a={text}&b={text}"}[kind]
    assert request.body == wire.encode()


def test_equal_calls_are_equal_requests_whatever_their_order() -> None:
    build = compiled(get("/x", *(SpecParameter(name, "query", STRING) for name in "abc")))
    assert build({"c": "3", "a": "1"}, {}) == build({"a": "1", "c": "3"}, {})


def test_a_call_does_not_change_the_next_one() -> None:
    build = compiled(get("/x", SpecParameter("a", "query", STRING)))
    assert build({"a": "1"}, {}).url == f"{BASE}/x?a=1"
    assert build({}, {}).url == f"{BASE}/x"


def test_a_path_parameter_that_the_spec_forgot_is_asked_for() -> None:
    build = compiled(get("/users/{id}/posts", path("gone")))
    assert build({"id": "1"}, {}).url == f"{BASE}/users/1/posts"
    with pytest.raises(BadArguments, match="'id' is required"):
        build({}, {})


def test_content_parameters_are_json_in_every_place() -> None:
    def content(name: str, place: Any) -> SpecParameter:
        return SpecParameter(
            name, place, {"type": "object"}, place == "path", content_type="application/json"
        )

    places = [
        content("p", "path"),
        content("q", "query"),
        content("h", "header"),
        content("c", "cookie"),
    ]
    build = compiled(get("/{p}", *places), h=Parameter(), c=Parameter())
    value = {"a": "é/"}
    request = build({"p": value, "q": json.dumps(value), "h": value, "c": value}, {}, heals=True)
    quoted = "%7B%22a%22%3A%22%C3%A9%2F%22%7D"
    assert request.url == f"{BASE}/{quoted}?q={quoted}"
    assert request.headers == (
        ("h", '{"a":"é/"}'), ("Cookie", "c={%22a%22:%22%C3%A9/%22}"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "template", "url"),
    [
        ("https://h/v1/", "/x", "https://h/v1/x"),
        ("https://h", "/", "https://h/"),
        ("https://h//", "x", "https://h/x"),
        ("https://h", "//evil.example/x", "https://h/evil.example/x"),
        ("http://h:8080/a%2Fb/é", "/x y/%41", "http://h:8080/a%2Fb/%C3%A9/x%20y/%41"),
        ("https://[::1]:1/b", "/a:b@c;d", "https://[::1]:1/b/a:b@c;d"),
    ],
)
def test_the_base_urls_path_is_kept_as_it_is_written(base: str, template: str, url: str) -> None:
    assert compiled(get(template), base)({}, {}).url == url


@pytest.mark.parametrize(
    "base",
    ["", "h/v1", "ftp://h/", "https://", "https://h?x=1", "https://h#x", "https://h?", "file:///etc",
     "https://user:pass@h/", "javascript:alert(1)", "https://h\r\n/x y"],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_at_load(base: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        clean_base(base)
