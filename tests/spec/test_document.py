"""A text is read as a spec, or its reader is told what it is instead."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SpecError
from gateway.spec.document import family, parse

JSON = b'{"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/a": {}}}'
YAML = b"openapi: 3.0.3\ninfo:\n  title: T\n  version: '1'\npaths:\n  /a: {}\n"
READ = {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/a": {}}}


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        YAML,
        b"\n " + JSON,
        b"\xef\xbb\xbf" + JSON,
        b"\xef\xbb\xbf" + YAML,
        YAML.replace(b"\n", b"\r\n"),
        YAML.decode().encode("utf-16"),
        b"---\n" + YAML,
    ],
)
def test_json_and_yaml_are_read_with_marks_and_any_line_ends(text: bytes) -> None:
    assert parse(text, "spec") == READ


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"swagger": "2.0"}, "2.0"),
        ({"swagger": 2}, "2.0"),
        ({"swagger": 2.0}, "2.0"),
        ({"openapi": "3.0.4"}, "3.0"),
        ({"openapi": 3.1}, "3.1"),
        ({"openapi": "3.1.0-rc1"}, "3.1"),
        ({"openapi": "3.2.0"}, "3.1"),
    ],
)
def test_the_family_is_told_by_the_version(words: dict[str, object], expected: str) -> None:
    assert family(words) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\xef\xbb\xbf\n<HTML lang=en>", "a web page"),
        (b"<?xml version='1.0'?><definitions/>", "XML"),
        (b"type Query {\n  a: Int\n}\n", "GraphQL"),
        (b"#%RAML 1.0\ntitle: T\n", "RAML"),
        (b'{"info": {"_postman_id": "1", "schema": "x"}, "item": []}', "Postman"),
        (b'{"data": {"__schema": {}}}', "GraphQL introspection"),
        (b'{"asyncapi": "2.6.0"}', "AsyncAPI"),
        (b'{"swaggerVersion": "1.2"}', "Swagger 1"),
        (b'{"swagger": "1.2"}', "says `swagger: '1.2'`"),
        (b'{"openapi": "4.0"}', "says `openapi: '4.0'`"),
        (b'{"openapi": {}}', "says `openapi: a mapping`"),
        (b'{"paths": {}}', "without its first line"),
        (b'{"message": "Not Found"}', "neither `openapi` nor `swagger`"),
        (b"[1, 2]", "holds a list"),
        (b"404 page not found", "holds '404 page not found'"),
        (b'{"openapi": "3.0.3", "paths": []}', "paths: expected a mapping"),
        (b'{"openapi": "3.0.3", "paths": null}', "paths: expected a mapping"),
        (b"openapi: 3.0.3\npaths: {{ paths | indent }}\n  x", "template"),
        (b"openapi: 3.0.3\ninfo: \xff\n", "spec:2:7: the text is not UTF-8"),
        (b"openapi: 3.0.3\npaths: [\n", "spec:3:1: "),
        (b"[" * 100_000, "spec:1:"),
        (b'{"a":' * 100_000, "spec:1:"),
    ],
)
def test_what_is_no_spec_is_named(text: bytes, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, "spec")
    assert told in str(caught.value)
    assert str(caught.value).startswith("spec")
    assert len(str(caught.value)) < 400


def test_comments_are_looked_for_in_time_linear_in_the_text() -> None:
    # In a blink; minutes, where each empty line begins a run of blanks anew.
    for end in (b"[", b"\t// no\n["):
        with pytest.raises(SpecError) as caught:
            parse(b"{" + b"\n" * 300_000 + end, "spec")
        assert ("leave out what follows //" in str(caught.value)) is (b"//" in end)


def test_a_document_may_have_no_paths() -> None:
    assert parse(b'{"openapi": "3.1.0", "webhooks": {}}', "spec")["webhooks"] == {}


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_text_is_read_or_blamed(text: bytes) -> None:
    with suppress(SpecError):
        assert isinstance(parse(text, "spec"), dict)
