"""Swagger 2's forms with files: how their lists are written, part by part."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

import pytest

from gateway.request import bind
from gateway.spec.model import normalise

FIELDS = [
    {"name": "file", "in": "formData", "type": "file"},
    {"name": "word", "in": "formData", "type": "string"},
]


def parts(field: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    """What is sent for a field, as (name, text)."""
    items = {"name": "list", "in": "formData", "type": "array", "items": {"type": "string"}}
    post = {
        "consumes": ["multipart/form-data"],
        "parameters": [*FIELDS, {**items, **field}],
        "responses": {},
    }
    model = normalise({"swagger": "2.0", "paths": {"/x": {"post": post}}}, "https://h/")
    build = bind(model.operations[0], {}, {}).build("https://h")
    request = build({"word": "w", "list": value}, {})
    head = f"Content-Type: {dict(request.headers)['Content-Type']}\r\n\r\n".encode()
    sent = message_from_bytes(head + (request.body or b"")).get_payload()
    return [
        (str(part.get_param("name", header="content-disposition")), part.get_payload())
        for part in sent  # type: ignore[union-attr]
    ]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        (None, ["a,b"]),
        ("csv", ["a,b"]),
        ("ssv", ["a b"]),
        ("tsv", ["a\tb"]),
        ("pipes", ["a|b"]),
        ("multi", ["a", "b"]),
    ],
)
def test_a_list_in_a_form_with_files_is_joined_as_its_format_says(
    word: str | None, texts: list[str]
) -> None:
    field = {} if word is None else {"collectionFormat": word}
    assert parts(field, ["a", "b"]) == [("word", "w"), *(("list", text) for text in texts)]
