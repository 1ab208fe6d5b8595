"""How a request body is written: JSON, and forms by OpenAPI's `encoding`. Pure, compiled once.

OpenAPI 3.1.1 "Encoding Object": a form's property is written like a query parameter, `form`
and exploded by default; an object is JSON unless its encoding names a style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.request.schemas import Components, kinds
from gateway.request.styles import query_writer
from gateway.request.text import Unwritable, Writer, escape, json_text
from gateway.values import Schema, SpecBody

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


def content_type(body: SpecBody) -> str:
    """The media type to send; a range such as `*/*` or `application/*` means the plain one."""
    if "*" not in body.content_type:
        return body.content_type
    return FORM_TYPE if body.kind == "form" else JSON_TYPE


def form_writer(
    name: str,
    schema: Schema,
    components: Components,
    encoding: Mapping[str, Any],
    guarded: frozenset[str],
) -> Writer:
    """Text for one property of a form: `name=value`, several joined by `&`."""
    known = encoding.get(name)
    known = known if isinstance(known, dict) else {}
    style = known.get("style")
    style = style if isinstance(style, str) else "form"
    explode = known.get("explode", style == "form")
    allowed = kinds(schema, components)
    write = query_writer(
        name,
        style,
        explode is True,
        allowed,
        reserved=known.get("allowReserved") is True,
        guarded=guarded,
    )
    if "object" not in allowed or "style" in known or "explode" in known:
        return write
    key = escape(name)

    def write_objects_as_json(value: Any) -> str:
        if isinstance(value, dict):
            return f"{key}={escape(json_text(value))}"
        return write(value)

    return write_objects_as_json


def whole_form(encoding: Mapping[str, Any]) -> Callable[[Any], bytes]:
    """A form whose properties the spec does not list: the caller's object, member by member."""

    def write(value: Any) -> bytes:
        if not isinstance(value, dict):
            raise Unwritable("takes an object")
        parts = [
            form_writer(str(name), {}, {}, encoding, frozenset())(member)
            for name, member in value.items()
            if member is not None
        ]
        return "&".join(part for part in parts if part).encode()

    return write
