"""What stands for a file is that file exactly; what does not is refused, never guessed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.files import BYTES, FILE, File, file_of, file_schema, named, typed, value_of
from gateway.request.text import Unwritable

BINARY = {"type": "string", "contentMediaType": BYTES}


@pytest.mark.parametrize(
    ("value", "file"),
    [
        # RFC 2397, sections 2 and 4
        ("data:,A%20brief%20note", File(b"A brief note", "text/plain")),
        ("data:;charset=UTF-8,%C3%BC", File("ü".encode(), "text/plain;charset=UTF-8")),
        ("data:,ü", File("ü".encode(), "text/plain")),
        ("data:image/gif;base64,R0lGODdh", File(b"GIF87a", "image/gif")),
        ("DATA:image/gif;BASE64,R0lGODdh", File(b"GIF87a", "image/gif")),
        ("data:image/png;name=cat.png;base64,aGk=", File(b"hi", "image/png", "cat.png")),
        ("data:image/png;name=a%20b.png;base64,aGk", File(b"hi", "image/png", "a b.png")),
        ("data:text/plain;base64,aGk%3D", File(b"hi", "text/plain")),
        ("data:,", File(b"", "text/plain")),
        # RFC 4648, section 10, with and without padding
        ("Zg==", File(b"f")),
        ("Zm8=", File(b"fo")),
        ("-_-_-w==", File(b"\xfb\xff\xbf\xfb")),
        ("Zm9vYmFy" * 17, File(b"foobar" * 17)),
        ("+/+/" * 33, File(b"\xfb\xff\xbf" * 33)),
        ("-_-_" * 33, File(b"\xfb\xff\xbf" * 33)),
        ({"data": "Zm9vYmFy"}, File(b"foobar")),
        ({"data": "Zg=="}, File(b"f")),
        ({"data": ""}, File(b"")),
        ({"data": "Zg", "type": "image/png", "name": "f.png"}, File(b"f", "image/png", "f.png")),
        ({"data": "data:a/b;name=x,y", "type": "c/d"}, File(b"y", "c/d", "x")),
        ({"data": "Zg", "type": None, "name": None}, File(b"f")),
    ],
)
def test_what_stands_for_a_file(value: Any, file: File) -> None:
    assert file_of(value) == file


@pytest.mark.parametrize(
    "value",
    [
        "", "hello world", "Zg=", "Z", "Zg===", "=", "Zm9v\n", "Zm 9v", "Zm9vü", "+_+_", "Zg==Zg==",
        "https://example.com/cat.png", "data:image/png;base64", "data:image/png;base64,hello world",
        None, 5, True, [], ["Zg=="], {}, {"data": 5}, {"data": "Zg", "url": "x"},
        {"data": "hello world"}, {"data": "Zg", "type": 5}, {"data": "Zg", "name": ["x"]},
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_accepted(value: Any) -> None:
    with pytest.raises(Unwritable, match=r"data URL.*base64.*\{data, type, name\}"):
        file_of(value)


@pytest.mark.parametrize(
    "value",
    [
        {"data": "Zg", "type": "image"},
        {"data": "Zg", "type": "image/png\r\nX: 1"},
        {"data": "Zg", "type": "image/png; a=\"\r\nX: 1\""},
        {"data": "Zg", "type": "a/" + "b" * 300},
        {"data": "Zg", "name": "a\x00b"},
        {"data": "Zg", "name": "a\r\nb"},
        {"data": "Zg", "name": "a" * 256},
        {"data": "Zg", "name": "\ud800"},
        "data:image/png;name=a%0D%0Ab;base64,Zg",
        "data:image/png;name=%FF;base64,Zg",
        "data:image/png%0D%0AX:1;base64,Zg",
        "data:,\ud800",
    ],
)  # fmt: skip
def test_a_type_or_name_that_could_be_more_is_refused(value: Any) -> None:
    with pytest.raises(Unwritable):
        file_of(value)


@given(st.binary(max_size=300), st.sampled_from(["", "image/png", "a/b; c=d"]))
def test_bytes_come_back_from_each_form(data: bytes, media: str) -> None:
    plain = base64.b64encode(data).decode()
    assert file_of(value_of(File(data, media, "x.y"))) == File(data, media, "x.y")
    assert json.loads(json.dumps(value_of(File(data)))) == value_of(File(data))
    assert file_of("data:;base64," + plain).data == data
    assert file_of("data:," + "".join(f"%{byte:02x}" for byte in data)).data == data
    if data:
        for text in (plain, plain.rstrip("="), base64.urlsafe_b64encode(data).decode()):
            assert file_of(text, is_base64=True).data == file_of({"data": text}).data == data


@pytest.mark.parametrize("word", ["none", "logo", "same", "file-AbCdEf0123", "a" * 128, "Zm9vYmFy"])
def test_a_word_is_no_file_unless_the_schema_says_base64(word: str) -> None:
    with pytest.raises(Unwritable, match="may be a word"):
        file_of(word)
    if len(word) % 4 == 0:
        assert file_of(word, is_base64=True).data == file_of({"data": word}).data


def test_a_sample_is_of_a_type_that_is_taken() -> None:
    for types in ((), ("image/jpeg",), ("image/*",), ("*/*",), ("font/woff",), ("text/plain",)):
        sample = file_schema(BINARY, types, {})
        assert sample is not None
        assert typed(file_of(sample["examples"][0]), types)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for value in (text, {"data": text}, "data:" + text, {"data": "", "name": text}):
        try:
            file = file_of(value)
        except Unwritable:
            continue
        assert not set("\r\n\0/\\") & set(file.name)
        assert not set("\r\n\0") & set(file.type)


@pytest.mark.parametrize(
    ("said", "accepted", "sent"),
    [
        ("", (), BYTES),
        ("image/png", (), "image/png"),
        ("", ("image/png", "image/jpeg"), "image/png"),
        (BYTES, ("image/png", "image/jpeg"), "image/png"),
        ("image/jpeg", ("image/png", "image/jpeg"), "image/jpeg"),
        ("IMAGE/jpeg; q=1", ("image/*",), "IMAGE/jpeg; q=1"),
        ("", ("image/*", "application/pdf"), "application/pdf"),
        ("", ("image/*",), BYTES),
        ("image/png", (BYTES,), BYTES),
        ("image/png", ("*/*",), "image/png"),
    ],
)
def test_a_file_is_sent_as_a_type_that_the_spec_names(
    said: str, accepted: tuple[str, ...], sent: str
) -> None:
    assert typed(File(b"", said), accepted) == sent


def test_a_file_of_another_type_is_refused() -> None:
    with pytest.raises(Unwritable, match=r"'text/html', and must be image/png or image/\*"):
        typed(File(b"", "text/html"), ("image/png", "image/*"))


def test_a_file_without_a_name_gets_one() -> None:
    assert named(File(b""), "image/png") == "file.png"
    assert named(File(b""), BYTES) == "file"
    assert named(File(b"", "", "a.b"), "image/png") == "a.b"


COMPONENTS: dict[str, Any] = {
    "Bytes": BINARY,
    "Loop": {"anyOf": [{"$ref": "#/components/schemas/Loop"}]},
}
REF = {"$ref": "#/components/schemas/Bytes"}


@pytest.mark.parametrize(
    ("schema", "types", "taken"),
    [
        (BINARY, (), "one"),
        (REF, (), "one"),
        ({"type": "string", "contentEncoding": "base64"}, (), "one"),
        ({"type": "string", "format": "base64"}, (), "one"),
        ({"type": "string", "contentMediaType": "image/png"}, (), "one"),
        ({}, ("image/png",), "one"),
        ({"type": "string"}, ("application/pdf",), "one"),
        ({"allOf": [REF, {"description": "x"}]}, (), "one"),
        ({"anyOf": [REF, {"type": "null"}]}, (), "one"),
        ({"type": "array", "items": REF, "maxItems": 3}, (), "list"),
        ({"oneOf": [REF, {"type": "array", "items": REF}]}, (), "both"),
        ({}, (), None),
        ({}, ("text/csv",), None),
        ({}, ("application/json",), None),
        ({"type": "string"}, (), None),
        ({"type": "string", "contentMediaType": "application/json"}, (), None),
        ({"type": "string", "contentMediaType": "text/html"}, (), None),
        ({"type": "object"}, ("image/png",), None),
        ({"type": "integer"}, ("image/png",), None),
        ({"anyOf": [REF, {"type": "integer"}]}, (), None),
        ({"$ref": "#/components/schemas/Loop"}, (), None),
        ({"type": "array"}, (), None),
    ],
)
def test_which_properties_are_files(schema: Any, types: tuple[str, ...], taken: str | None) -> None:
    found = file_schema(schema, types, COMPONENTS)
    if found is None:
        assert taken is None
    elif taken == "one":
        assert found[FILE]
    elif taken == "list":
        assert found["items"][FILE]
        assert found["maxItems"] == 3
    else:
        assert taken == "both"
        assert [one.get("type") for one in found["anyOf"]] == ["string", "array"]
