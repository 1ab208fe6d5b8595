"""Request bodies and replies: which of their media types is taken, and its schema. Pure.

A body is sent in the media type that a model fills in most safely: JSON, else a form, multipart,
text, binary; but multipart before JSON whose schema holds bytes, which JSON cannot. A reply is
read as JSON wherever the upstream can send it. Source: OpenAPI 3.1
(Media Type, Encoding Object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.errors import shown
from gateway.media import essence, kind
from gateway.raw import as_map
from gateway.spec.schema import BINARY, Note, convert
from gateway.spec.swagger2 import OurStyle
from gateway.values import BodyKind, SpecBody, SpecReply

_NAME = r"[A-Za-z0-9!#$&^_.+*-]{1,127}"
_MEDIA_TYPE = re.compile(
    rf'{_NAME}/{_NAME}(?:[ \t]*;[ \t]*{_NAME}=(?:[A-Za-z0-9._:/+-]+|"[A-Za-z0-9 ._:/+-]*"))*'
)
_ORDER: tuple[BodyKind, ...] = ("json", "form", "multipart", "text", "binary")
_WORDS = ("title", "description")
_SCALARS = ("string", "integer", "number", "boolean")
# What is sent where the spec allows a whole range of types.
_CONCRETE = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain",
    "binary": "application/octet-stream",
}


def is_media_type(text: str) -> bool:
    """Whether a key of `content` is a media type or range that can stand in a header."""
    return len(text) <= 256 and _MEDIA_TYPE.fullmatch(text) is not None


def is_form(media_type: str) -> bool:
    """Whether values of a media type are the fields of a form."""
    return is_media_type(media_type) and kind(media_type) == "form"


def body(
    raw: Mapping[str, Any], note: Note, schemas: Mapping[str, Any] | None = None
) -> SpecBody | None:
    """The request body in its best media type; None where it has none.

    `schemas` are those of the document's components, as they are written there.
    """
    media_type = _chosen(raw, note)
    if media_type is not None and kind(media_type) == "json":
        other = _multipart(raw)
        if other is not None and _has_bytes(as_map(raw["content"][media_type]), schemas or {}):
            media_type = other
    if media_type is None:
        note("the request body has no media type and is ignored")
        return None
    media = as_map(raw["content"][media_type])
    found = kind(media_type)
    _note_items(media, media_type, note)
    schema = convert(media.get("schema", {}), note)
    if found == "json" and "*" in media_type and schema.get("contentMediaType"):
        found = "binary"
    description = raw.get("description")
    if found in ("text", "binary"):
        schema = _undivided(found, schema)
    # A range of types of bytes is kept: the caller's file says which one it is.
    is_range = "*" in media_type and not (found == "binary" and kind(media_type) == "binary")
    return SpecBody(
        content_type=_CONCRETE[found] if is_range else media_type,
        kind=found,
        schema=schema,
        required=raw.get("required") in (True, "true"),
        description=description if isinstance(description, str) else "",
        encoding=_encoding(media.get("encoding")),
        others=_others(raw, media_type) if found == "binary" else (),
    )


def reply(raw: Mapping[str, Any], status: str, description: str, note: Note) -> SpecReply:
    """The reply of one status. A schema that says nothing is None."""
    media_type = _chosen(raw, note)
    if media_type is None:
        return SpecReply(status=status, description=description)
    found = kind(media_type)
    _note_items(as_map(raw["content"][media_type]), media_type, note)
    schema = as_map(raw["content"][media_type]).get("schema")
    return SpecReply(
        status=status,
        description=description,
        content_type=_CONCRETE[found] if "*" in media_type else media_type,
        schema=(convert(schema, note) or None) if schema is not None else _plain(found),
    )


def _others(raw: Mapping[str, Any], chosen: str) -> tuple[str, ...]:
    """The further media types of bytes, in the spec's order."""
    usable = (one for one in as_map(raw.get("content")) if is_media_type(one) and one != chosen)
    return tuple(one for one in usable if kind(one) == "binary")


def _undivided(found: BodyKind, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body that is sent as one text or one file, whatever the spec says of it.

    XML may be described by the objects that it holds; it is written by whoever calls.
    """
    words: dict[str, Any] = {key: schema[key] for key in _WORDS if key in schema}
    if found == "binary":
        coding = {key: schema[key] for key in ("contentEncoding",) if key in schema}
        return {**words, **BINARY, **coding}  # some take the base64 of a picture as the picture
    return schema if schema.get("type") in _SCALARS else {**words, "type": "string"}


def _multipart(raw: Mapping[str, Any]) -> str | None:
    """The media type of a multipart form, where one is offered."""
    offered = as_map(raw.get("content"))
    forms = (
        one for one in offered if is_media_type(one) and essence(one) == _CONCRETE["multipart"]
    )
    return next(forms, None)


def _has_bytes(media: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    """Whether a property is said to be bytes, or a list of them."""
    members = as_map(_target(media.get("schema"), schemas).get("properties"))
    for member in (_target(one, schemas) for one in members.values()):
        items = _target(member.get("items"), schemas)
        if "binary" in (member.get("format"), items.get("format")):
            return True
    return False


def _target(raw: Any, schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = as_map(raw).get("$ref")
    return as_map(schemas.get(ref.rpartition("/")[2]) if isinstance(ref, str) else raw)


def _note_items(media: Mapping[str, Any], media_type: str, note: Note) -> None:
    """Items that come one after the other (OpenAPI 3.2, `itemSchema`) are not told apart."""
    if "itemSchema" in media:
        note(f"the items of {shown(media_type)} are not told apart: it is one text")


def _plain(found: BodyKind) -> dict[str, Any] | None:
    """What is known of a reply without a schema."""
    return {"text": {"type": "string"}, "binary": dict(BINARY)}.get(found)


def _chosen(raw: Mapping[str, Any], note: Note) -> str | None:
    """The best media type: JSON itself before its relatives, otherwise in the spec's order."""
    usable = []
    for media_type in as_map(raw.get("content")):
        if is_media_type(media_type):
            usable.append(media_type)
        else:
            note(f"the media type {shown(media_type)} is ignored")
    return min(usable, key=_rank, default=None)


def _rank(media_type: str) -> tuple[int, bool, bool]:
    plain = essence(media_type)
    return _ORDER.index(kind(media_type)), plain != "application/json", "*" in plain


def _encoding(raw: Any) -> dict[str, Any]:
    """How single properties of a form are written; what is no rule is left out."""
    out: dict[str, Any] = {}
    for name, rule in as_map(raw).items():
        kept: dict[str, Any] = {
            key: value
            for key, value in as_map(rule).items()
            if (
                key == "style"
                and (
                    value in ("form", "spaceDelimited", "pipeDelimited", "deepObject")
                    or isinstance(value, OurStyle)
                )
            )
            or (key in ("explode", "allowReserved") and isinstance(value, bool))
        }
        said = as_map(rule).get("contentType")
        listed = [one.strip() for one in said.split(",")] if isinstance(said, str) else []
        if types := [one for one in listed if is_media_type(one)]:
            kept["contentType"] = ", ".join(types)
        if kept:
            out[name] = kept
    return out
