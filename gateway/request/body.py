"""How a request body is written: JSON, and forms by OpenAPI's `encoding`. Pure, compiled once.

OpenAPI 3.1.1 "Encoding Object": a form's property is written like a query parameter, `form`
and exploded by default; an object is JSON unless its encoding names a style. A null is left
out, as in a query; an empty list is refused, since the upstream would read that nothing was
said where the caller said "none".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.request.guard import guard
from gateway.request.schemas import Components, kinds
from gateway.request.styles import query_writer
from gateway.request.text import Unwritable, Writer, escape, json_text, shown
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
    in_query = query_writer(
        name,
        style,
        explode is True,
        allowed,
        reserved=known.get("allowReserved") is True,
        guarded=guarded,
    )

    def write(value: Any) -> str:
        text = in_query(value)
        if not text:
            raise Unwritable("is empty, and a form cannot say so: leave it out")
        return text

    if "object" not in allowed or "style" in known or "explode" in known:
        return write
    key = escape(name)

    def write_objects_as_json(value: Any) -> str:
        if isinstance(value, dict):
            return f"{key}={escape(json_text(value))}"
        return write(value)

    return write_objects_as_json


def whole_form(encoding: Mapping[str, Any], guarded: Iterable[str]) -> Callable[[Any], bytes]:
    """A form whose properties the spec does not list: the caller's object, member by member.

    `guarded` are properties that are pinned or hidden, or hold what is: another spelling of
    one, such as `role[]`, must not stand in for it.
    """
    own = frozenset(guarded)
    stands_in = guard(own)

    def written(name: str, member: Any) -> str:
        if name not in own and stands_in(name):
            raise Unwritable(f"must not hold {shown(name)}: what this plugin sets is read so")
        try:
            return form_writer(name, {}, {}, encoding, own)(member)
        except Unwritable as fault:
            raise Unwritable(f"holds {shown(name)}, which {fault}") from None

    def write(value: Any) -> bytes:
        if not isinstance(value, dict):
            raise Unwritable("takes an object")
        parts = [written(name, member) for name, member in value.items() if member is not None]
        return "&".join(parts).encode()

    return write
