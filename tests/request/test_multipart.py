"""Multipart bodies say what was meant to every reader, and no value becomes a header or a part."""

from __future__ import annotations

import re
from asyncio import get_running_loop
from typing import Any

import pytest
from aiohttp import MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.errors import BadArguments
from gateway.request import bind
from gateway.request.multipart import MOST_HEADER, MOST_PARTS, Part, join, part, read
from gateway.request.text import Unwritable
from gateway.values import SpecBody, SpecOperation, UpstreamRequest

TYPE = "multipart/form-data; boundary=b"
# A quote is told by %22 only, and aiohttp leaves nothing but the last part of a path, as `files`.
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\/')).filter(
    bool
)


def request(schema: Any, encoding: Any = None, **arguments: Any) -> UpstreamRequest:
    body = SpecBody("multipart/form-data", "multipart", schema, True, encoding=encoding or {})
    found = bind(SpecOperation("POST", "/x", "/x", body=body), {}, {})
    assert (found.faults, found.lost) == ((), None)
    return found.build("https://api.example")(arguments, {})


def wire(sent: UpstreamRequest) -> bytes:
    """A body with its boundary called B."""
    (_, media), *_ = sent.headers
    match = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{32})", media)
    assert match
    assert sent.body is not None
    return sent.body.replace(match[1].encode(), b"B")


def test_a_body_is_written_as_rfc_7578_shows() -> None:
    properties = {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
    }
    schema = {"type": "object", "properties": properties}
    sent = request(schema, file="data:text/plain;name=file1.txt,hi", age=5, name="Jöe")
    assert wire(sent) == (
        b"--B\r\n"
        b'Content-Disposition: form-data; name="name"\r\n\r\n'
        b"J\xc3\xb6e\r\n"
        b"--B\r\n"
        b'Content-Disposition: form-data; name="age"\r\n\r\n'
        b"5\r\n"
        b"--B\r\n"
        b'Content-Disposition: form-data; name="file"; filename="file1.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n"
        b"hi\r\n"
        b"--B--\r\n"
    )


@pytest.mark.parametrize(
    ("schema", "rule", "value", "parts"),
    [
        ({}, None, True, [b"\r\n\r\ntrue"]),
        ({"type": "number"}, None, 1.5, [b"\r\n\r\n1.5"]),
        ({"type": "array", "items": {}}, None, ["a", 1], [b"\r\n\r\na", b"\r\n\r\n1"]),
        (
            {"type": "object"},
            None,
            {"a": [1]},
            [b'\r\nContent-Type: application/json\r\n\r\n{"a":[1]}'],
        ),
        (
            {"type": "array", "items": {"type": "object"}},
            None,
            [{"a": 1}, {}],
            [
                b'\r\nContent-Type: application/json\r\n\r\n{"a":1}',
                b"\r\nContent-Type: application/json\r\n\r\n{}",
            ],
        ),
        # the first of several types that is one
        (
            {"type": "string"},
            {"contentType": "text/*, text/csv, text/plain"},
            "a,b",
            [b"\r\nContent-Type: text/csv\r\n\r\na,b"],
        ),
        (
            {"type": "string"},
            {"contentType": "application/json"},
            "a",
            [b'\r\nContent-Type: application/json\r\n\r\n"a"'],
        ),
        (
            {"type": "object"},
            {"contentType": "application/vnd.x+json"},
            {},
            [b"\r\nContent-Type: application/vnd.x+json\r\n\r\n{}"],
        ),
        (
            {"type": "string", "contentMediaType": "text/html"},
            None,
            "<p>",
            [b"\r\nContent-Type: text/html\r\n\r\n<p>"],
        ),
        # with a style as in a form, but nothing is percent-encoded here
        (
            {"type": "array", "items": {}},
            {"style": "form", "explode": False},
            ["a b", "ü"],
            ["\r\n\r\na b,ü".encode()],
        ),
        (
            {"type": "array", "items": {}},
            {"style": "pipeDelimited", "explode": False},
            ["a", "b"],
            [b"\r\n\r\na|b"],
        ),
        # what the schema says is base64 goes as base64
        (
            {"type": "string", "contentEncoding": "base64"},
            None,
            "data:text/plain;name=a,%FF",
            [b'; filename="a"\r\nContent-Type: text/plain\r\n\r\n/w=='],
        ),
        (
            {"type": "string", "contentMediaType": "application/octet-stream"},
            {"contentType": "image/png, image/jpeg"},
            "_w==",
            [b'; filename="file.png"\r\nContent-Type: image/png\r\n\r\n\xff'],
        ),
    ],
)
def test_a_property_is_written_by_its_schema_and_encoding(
    schema: Any, rule: Any, value: Any, parts: list[bytes]
) -> None:
    whole = {"type": "object", "properties": {"p": schema}}
    sent = wire(request(whole, {"p": rule} if rule else {}, p=value))
    head = b'--B\r\nContent-Disposition: form-data; name="p"'
    assert sent == b"".join(head + one + b"\r\n" for one in parts) + b"--B--\r\n"


def test_deep_objects_are_a_part_for_each_member() -> None:
    whole = {"type": "object", "properties": {"p": {"type": "object"}}}
    sent = wire(request(whole, {"p": {"style": "deepObject", "explode": True}}, p={"a": 1}))
    assert b'name="p[a]"\r\n\r\n1\r\n' in sent


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "array"}, [], "'p' is empty"),
        ({"type": "array", "items": {}}, [None], "takes one value, not null"),
        ({"type": "string"}, "\ud800", "is not valid Unicode text"),
    ],
)
def test_what_cannot_be_written_is_refused(schema: Any, value: Any, said: str) -> None:
    with pytest.raises(BadArguments, match=said):
        request({"type": "object", "properties": {"p": schema}}, p=value)


def test_equal_calls_differ_in_nothing_but_a_boundary_that_nobody_knows() -> None:
    whole = {"type": "object", "properties": {"a": {}, "b": {}}}
    one, other = request(whole, a="1", b="2"), request(whole, b="2", a="1")
    assert one.headers != other.headers
    assert wire(one) == wire(other)


def test_names_are_escaped_as_browsers_do() -> None:
    assert part('a"b\r\n', b"") == (b'Content-Disposition: form-data; name="a%22b%0D%0A"\r\n\r\n')
    for name, media in (("a\0", ""), ("a\\", ""), ("a", "a/b\r\nX: 1")):
        with pytest.raises(Unwritable, match="control character"):
            part(name, b"", media)


BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"f": BYTES}, "additionalProperties": True},
        {"additionalProperties": BYTES},
        {"allOf": [{"properties": {"f": BYTES}}], "additionalProperties": True},
        {"oneOf": [{"properties": {"f": BYTES}}, {"properties": {"g": BYTES}}]},
    ],
)
@pytest.mark.parametrize("value", ["_w==", {"data": "_w"}, "data:application/octet-stream,%FF"])
def test_a_file_is_one_in_a_body_that_stays_whole(schema: Any, value: Any) -> None:
    sent = wire(request({"type": "object", **schema}, body={"f": value}))
    assert sent == (
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="file"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\xff\r\n--B--\r\n"
    )


# --- there and back ---------------------------------------------------------------------------

PARTS = st.lists(
    st.tuples(
        NAMES,
        st.one_of(st.binary(), st.sampled_from([b"\r\n", b"--", b"\r\n--", b"\r\n--B--\r\n"])),
        st.one_of(st.just(""), NAMES),
    ),
    min_size=1,
    max_size=5,
)


async def by_aiohttp(media: str, body: bytes) -> list[tuple[str, bytes, str]]:
    loop = get_running_loop()
    stream = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    found = []
    async for one in MultipartReader({"Content-Type": media}, stream):
        assert one is not None
        assert not isinstance(one, MultipartReader)
        found.append((one.name or "", bytes(await one.read()), one.filename or ""))
    return found


@given(PARTS)
@example([("a", b"", ""), ("a", b"\r\n", "b")])
async def test_an_independent_reader_finds_the_very_same_parts(
    parts: list[tuple[str, bytes, str]],
) -> None:
    # That reader takes a quoted name apart at semicolons.
    assume(not any(";" in name + file for name, _, file in parts))
    media, body = join([part(name, data, "", file) for name, data, file in parts])
    assert await by_aiohttp(media, body) == parts


async def test_a_form_without_parts_is_one() -> None:
    media, body = join([])
    assert await by_aiohttp(media, body) == read(body, media) == []


@given(PARTS)
def test_our_own_reader_finds_them_too(parts: list[tuple[str, bytes, str]]) -> None:
    media, body = join([part(name, data, "a/b", file) for name, data, file in parts])
    wanted = [Part(name, data, "a/b", file or None) for name, data, file in parts]
    assert read(body, media) == wanted


@given(st.text(), st.text())
def test_no_name_becomes_a_header_or_a_part(name: str, filename: str) -> None:
    try:
        media, body = join([part(name, b"data", "", filename)])
    except Unwritable:
        return
    (found,) = read(body, media)
    assert found.data == b"data"
    assert body.count(b"\r\n") == 5


# --- what callers send ------------------------------------------------------------------------


def sent(*parts: str, end: str = "--b--\r\n") -> bytes:
    return "".join(f"--b\r\n{one}\r\n" for one in parts).encode() + end.encode()


def field(disposition: str, data: str = "v") -> bytes:
    return sent(f"Content-Disposition: {disposition}\r\n\r\n{data}")


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (field('form-data; name="a"'), [Part("a", b"v")]),
        (field("form-data; name=a"), [Part("a", b"v")]),
        (field('Form-Data; NAME="a"; filename="b.c"'), [Part("a", b"v", "", "b.c")]),
        (field('form-data; name="a"; filename=""', ""), [Part("a", b"", "", "")]),
        (
            field('form-data; name="a;b"; filename="c; name=d"'),
            [Part("a;b", b"v", "", "c; name=d")],
        ),
        (field(r'form-data; name="a\"b"; filename="C:\x\\y"'), [Part('a"b', b"v", "", r"C:\x\y")]),
        (field("form-data; name=a; filename*=UTF-8''%C3%BC"), [Part("a", b"v", "", "ü")]),
        (field('form-data; name="ü"'), [Part("ü", b"v")]),
        (b"preamble\r\n" + field('form-data; name="a"') + b"epilogue", [Part("a", b"v")]),
        (field('form-data; name="a"').replace(b"--b\r", b"--b \t\r", 1), [Part("a", b"v")]),
        (b"--b--", []),
    ],
)
def test_a_callers_parts_are_read(body: bytes, parts: list[Part]) -> None:
    assert read(body, TYPE) == parts
    assert read(body, 'Multipart/Form-Data; charset=utf-8; BOUNDARY="b"') == parts


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "without its last boundary"),
        (b"{}", "without its last boundary"),
        (field("form-data; name=a", "v\r\n--bx"), "begins with the boundary"),
        (field("form-data; name=a")[:-2] + b"x\r\n", "begins with the boundary"),
        (sent('Content-Disposition: form-data; name="a"\r\n\r\nv', end=""), "without its last"),
        (sent("\r\n\r\nv"), "no Content-Disposition"),
        (field("attachment; name=a"), "no Content-Disposition: form-data"),
        (field("form-data"), "with a name"),
        (field('form-data; name="a'), "cannot be read"),
        (field('form-data; name="a"; name="b"'), "cannot be read"),
        (field('form-data; name="a" x'), "cannot be read"),
        (field("form-data; name=a; filename*=UTF-8''%FF"), "is not UTF-8"),
        (sent("no header\r\n\r\nv"), "a line among its headers"),
        (sent(" folded: a\r\n\r\nv"), "a line among its headers"),
        (sent("A: b\nContent-Disposition: form-data; name=a\r\n\r\nv"), "a line among"),
        (field('form-data; name="a\0"'), "a line among its headers"),
        (
            sent(
                "Content-Disposition: form-data; name=a\r\n"
                "content-disposition: form-data; name=b\r\n\r\nv"
            ),
            "two headers",
        ),
        (
            sent(
                "Content-Disposition: form-data; name=a\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\ndg=="
            ),
            "is coded",
        ),
        (field("form-data; name=" + "a" * MOST_HEADER), "longer than"),
        (sent("A" * (MOST_HEADER + 10)), "longer than"),
        (sent(*["A: b\r\n\r\n"] * (MOST_PARTS + 1)), "more than 100 parts"),
        (b"--b\r\nX: \xff\r\n\r\nv\r\n--b--", "are not UTF-8"),
    ],
)
def test_what_another_reader_might_read_otherwise_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read(body, TYPE)


@pytest.mark.parametrize(
    "media",
    ["multipart/form-data", "multipart/form-data; boundary=", 'a/b; boundary=""',
     f"a/b; boundary={'b' * 71}", 'a/b; boundary="b "', 'a/b; boundary="b\r\nc"'],
)  # fmt: skip
def test_a_boundary_that_is_none_is_refused(media: str) -> None:
    with pytest.raises(ValueError, match="names no boundary"):
        read(field("form-data; name=a"), media)


@pytest.mark.parametrize("blank", " \t")
def test_blanks_in_headers_are_passed_over_once(blank: str) -> None:
    # In a blink; a minute, where each of them begins a run of blanks anew.
    line = "A: b" + blank * (MOST_HEADER - 100) + "c\r\n"
    named = 'Content-Disposition: form-data; name="a"\r\n\r\nv'
    parts = read(sent(*[line + named] * MOST_PARTS), TYPE)
    assert parts == [Part("a", b"v")] * MOST_PARTS


def test_exactly_so_many_parts_are_read() -> None:
    body = sent(*['Content-Disposition: form-data; name="a"\r\n\r\nv'] * MOST_PARTS)
    assert len(read(body, TYPE)) == MOST_PARTS


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(noise: bytes) -> None:
    for body in (noise, b"--b\r\n" + noise + b"\r\n--b--\r\n"):
        try:
            read(body, TYPE)
        except ValueError:
            continue
