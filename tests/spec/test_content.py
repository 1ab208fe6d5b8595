"""A body is sent in the media type that a caller fills in most safely."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.spec.content import body

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART, XML, BYTES = "multipart/form-data", "application/xml", "application/octet-stream"
BINARY = {"type": "string", "format": "binary"}
SCHEMAS: dict[str, Any] = {
    "Bytes": BINARY,
    "Upload": {"properties": {"doc": {"$ref": "#/components/schemas/Bytes"}}},
    "Loop": {"$ref": "#/components/schemas/Loop"},
}


def chosen(content: dict[str, Any], schemas: dict[str, Any] | None = None) -> tuple[str, str]:
    found = body({"content": content}, lambda _: None, SCHEMAS if schemas is None else schemas)
    assert found is not None
    return found.content_type, found.kind


@pytest.mark.parametrize(
    ("types", "media", "kind"),
    [
        ([BYTES, XML, MULTIPART, FORM, JSON], JSON, "json"),
        ([BYTES, XML, MULTIPART, FORM], FORM, "form"),
        ([BYTES, XML, MULTIPART], MULTIPART, "multipart"),
        ([BYTES, XML], XML, "text"),
        ([BYTES, "image/png"], BYTES, "binary"),
        (["image/*"], "image/*", "binary"),
        (["text/*"], "text/plain", "text"),
        (["multipart/*"], MULTIPART, "multipart"),
        (["*/*"], JSON, "json"),
    ],
)
def test_the_order_of_media_types(types: list[str], media: str, kind: str) -> None:
    assert chosen({one: {} for one in types}) == (media, kind)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"doc": BINARY}},
        {"properties": {"docs": {"type": "array", "items": BINARY}}},
        {"properties": {"doc": {"$ref": "#/components/schemas/Bytes"}}},
        {"$ref": "#/components/schemas/Upload"},
    ],
)
def test_json_that_would_have_to_hold_bytes_gives_way_to_multipart(schema: Any) -> None:
    media = {"schema": schema}
    assert chosen({JSON: media, MULTIPART: media})[0] == MULTIPART
    assert chosen({JSON: media, FORM: media})[0] == JSON
    assert chosen({JSON: media})[0] == JSON


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"doc": {"type": "string", "format": "byte"}}},
        {"$ref": "#/components/schemas/Loop"},
        {"$ref": "#/components/schemas/None"},
        {"properties": {"a": {"properties": {"doc": BINARY}}}},
        {"properties": 5},
        None,
    ],
)
def test_other_json_does_not(schema: Any) -> None:
    assert chosen({JSON: {"schema": schema}, MULTIPART: {}})[0] == JSON


@pytest.mark.parametrize(
    ("media", "schema", "wanted"),
    [
        (XML, {"type": "object", "properties": {"a": {}}}, {"type": "string"}),
        (XML, {"$ref": "#/components/schemas/Upload"}, {"type": "string"}),
        ("text/csv", {"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 5}),
        ("text/plain", {"type": "integer"}, {"type": "integer"}),
        ("text/plain", {"description": "A note"}, {"type": "string", "description": "A note"}),
        (BYTES, {"type": "object"}, {"type": "string", "contentMediaType": BYTES}),
        (
            "image/jpeg",
            {"type": "string", "format": "byte"},
            {"type": "string", "contentMediaType": BYTES, "contentEncoding": "base64"},
        ),
    ],
)
def test_a_text_and_a_file_are_one_value(media: str, schema: Any, wanted: Any) -> None:
    found = body({"content": {media: {"schema": schema}}}, lambda _: None)
    assert found is not None
    assert found.schema == wanted


def test_an_encoding_keeps_what_is_a_rule() -> None:
    encoding = {
        "a": {"contentType": "image/png, image/*,nonsense, a/b\r\nX: 1"},
        "b": {"contentType": "nonsense", "style": "form", "explode": False},
        "c": {"contentType": 5, "style": "loud"},
        "d": 5,
    }
    found = body({"content": {MULTIPART: {"encoding": encoding}}}, lambda _: None)
    assert found is not None
    assert found.encoding == {
        "a": {"contentType": "image/png, image/*"},
        "b": {"style": "form", "explode": False},
    }


def test_the_callers_file_may_be_of_any_type_of_bytes_that_the_spec_names() -> None:
    types: dict[str, Any] = {"image/png": {}, "image/*": {}, BYTES: {}, "image/jpeg": {}}
    found = body({"content": types}, lambda _: None)
    assert found is not None
    assert (found.content_type, found.others) == ("image/png", ("image/*", BYTES, "image/jpeg"))
    found = body({"content": {**types, JSON: {}}}, lambda _: None)
    assert found is not None
    assert found.others == ()
