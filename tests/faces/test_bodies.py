"""A body at an operation's own address is read as its type says, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import BadArguments, UnsupportedBody
from gateway.faces.bodies import read_body
from gateway.plugin import Operation
from gateway.request.files import ANY_FILE
from gateway.values import Argument, SpecBody

TYPE = "multipart/form-data; boundary=b"
STRING = {"type": "string"}
ARGUMENTS = (
    Argument("title", "body", ("title",), STRING, served="body"),
    Argument("count", "body", ("count",), {"type": "integer"}, served="body"),
    Argument("tags", "body", ("tags",), {"type": "array", "items": STRING}, served="body"),
    Argument("place", "body", ("place",), {"type": "object"}, served="body"),
    Argument("photo", "body", ("photo",), ANY_FILE, served="body"),
    Argument("more", "body", ("more",), {"type": "array", "items": ANY_FILE}, served="body"),
    Argument(
        "either",
        "body",
        ("either",),
        {"anyOf": [ANY_FILE, {"type": "array", "items": ANY_FILE}]},
        served="body",
    ),
)


@pytest.fixture
def taking(operation: Callable[..., Operation]) -> Callable[..., Operation]:
    def make(kind: Any, media: str, *arguments: Argument) -> Operation:
        body = SpecBody(media, kind, {})
        return operation("up", "POST", "/up", arguments=arguments, body=body)

    return make


@pytest.fixture
def form(taking: Callable[..., Operation]) -> Operation:
    return taking("multipart", "multipart/form-data", *ARGUMENTS)


def parts(*said: tuple[str, str]) -> bytes:
    lines = [
        f"--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{text}\r\n"
        for name, text in said
    ]
    return ("".join(lines) + "--b--").encode()


def file(data: str, **more: str) -> dict[str, str]:
    return {"data": data, **more}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ([("title", "5"), ("count", "5")], {"title": "5", "count": 5}),
        ([("count", "five")], {"count": "five"}),
        ([("tags", "a")], {"tags": ["a"]}),
        ([("tags", "a"), ("title", "x"), ("tags", "b")], {"tags": ["a", "b"], "title": "x"}),
        ([("place", '{"a": 1}')], {"place": {"a": 1}}),
        ([("photo", "a")], {"photo": file("YQ==")}),
        ([("photo; filename=x", "a")], {"photo": file("YQ==", name="x")}),
        (
            [("photo; filename=x\r\nContent-Type: a/b", "")],
            {"photo": file("", type="a/b", name="x")},
        ),
        ([('photo; filename=""', "")], {}),  # nobody chose a file
        ([("more", "a")], {"more": [file("YQ==")]}),
        ([("more", "a"), ("more", "b")], {"more": [file("YQ=="), file("Yg==")]}),
        ([("either", "a")], {"either": file("YQ==")}),
        ([("either", "a"), ("either", "b")], {"either": [file("YQ=="), file("Yg==")]}),
        ([("zzz", "a"), ("_; filename=x", "")], {"zzz": "a", "_": file("", name="x")}),
        ([], {}),
    ],
)
def test_parts_are_arguments(form: Operation, said: Any, arguments: Any) -> None:
    assert read_body(form, parts(*said), TYPE) == arguments


@pytest.mark.parametrize("name", ["title", "photo", "zzz"])
def test_a_part_that_is_no_list_is_said_once(form: Operation, name: str) -> None:
    with pytest.raises(BadArguments, match=f"'{name}' is given more than once"):
        read_body(form, parts((name, "a"), (name, "b")), TYPE)


def test_a_body_that_is_not_what_it_says_is_refused(form: Operation) -> None:
    with pytest.raises(BadArguments, match="not multipart/form-data that can be read"):
        read_body(form, b"{}", TYPE)
    with pytest.raises(BadArguments, match="not JSON"):
        read_body(form, parts(("title", "a")), "")
    latin = parts(("title\r\nContent-Type: text/plain; charset=latin-1", "a"))
    with pytest.raises(BadArguments, match="'title' is not UTF-8; send it so"):
        read_body(form, latin, TYPE)


def test_an_open_form_is_an_object(taking: Callable[..., Operation]) -> None:
    whole = Argument("body", "body", (), {"type": "object"}, served="body")
    form = taking("multipart", "multipart/form-data", whole)
    said = [
        ("a", "1"),
        ("b", "x"),
        ("b", "y"),
        ("c\r\nContent-Type: application/json", '{"d": 1}'),
        ("e; filename=f", "a"),
    ]
    assert read_body(form, parts(*said), TYPE) == {
        "a": "1",
        "b": ["x", "y"],
        "c": {"d": 1},
        "e": file("YQ==", name="f"),
    }


BLOB = "application/octet-stream"


@pytest.mark.parametrize(
    ("kind", "taken", "said", "value"),
    [
        ("text", "application/xml", "application/xml; charset=UTF-8", "5"),
        ("text", "application/xml", "text/plain", "5"),
        ("text", "text/csv", "", "5"),
        ("text", "text/csv", "application/json", 5),
        ("binary", BLOB, BLOB, file("NQ==", type=BLOB)),
        ("binary", BLOB, "", file("NQ==")),
        ("binary", BLOB, "image/png", file("NQ==", type="image/png")),
        ("binary", BLOB, "application/json", 5),
        ("binary", "image/*", "image/png", file("NQ==", type="image/png")),
        ("binary", "application/pdf", BLOB, file("NQ==", type=BLOB)),
        ("json", "application/json", "application/vnd.x+json", 5),
    ],
)
def test_a_whole_body_is_read_by_its_type(
    taking: Callable[..., Operation], kind: Any, taken: str, said: str, value: Any
) -> None:
    assert read_body(taking(kind, taken), b"5", said) == value


@pytest.mark.parametrize(
    ("kind", "taken", "said"),
    [
        ("text", "application/xml", "text/csv"),
        ("text", "text/csv", "text/csv; charset=utf-16"),
        ("binary", "image/*", "application/pdf"),
        ("binary", BLOB, "multipart/form-data; boundary=b"),
        ("multipart", "multipart/form-data", "multipart/mixed; boundary=b"),
        ("json", "application/json", "multipart/form-data; boundary=b"),
        ("form", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
    ],
)
def test_another_type_is_refused(
    taking: Callable[..., Operation], kind: Any, taken: str, said: str
) -> None:
    with pytest.raises(UnsupportedBody):
        read_body(taking(kind, taken), b"5", said)


def test_a_text_is_utf_8(taking: Callable[..., Operation]) -> None:
    with pytest.raises(BadArguments, match="not UTF-8 at byte 1"):
        read_body(taking("text", "text/csv"), b"a\xff", "text/csv")
