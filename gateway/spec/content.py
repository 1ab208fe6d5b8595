"""Request bodies and replies: which of their media types is taken, and its schema. Pure.

A body is sent in the media type that a model fills in most safely: JSON, else a form, multipart,
text, binary. A reply is read as JSON wherever the upstream can send it. Source: OpenAPI 3.1
(Media Type, Encoding Object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.errors import shown
from gateway.media import essence, kind
from gateway.spec.schema import BINARY, Note, convert
from gateway.values import BodyKind, SpecBody, SpecReply

_NAME = r"[A-Za-z0-9!#$&^_.+*-]{1,127}"
_MEDIA_TYPE = re.compile(
    rf'{_NAME}/{_NAME}(?:[ \t]*;[ \t]*{_NAME}=(?:[A-Za-z0-9._:/+-]+|"[A-Za-z0-9 ._:/+-]*"))*'
)
_ORDER: tuple[BodyKind, ...] = ("json", "form", "multipart", "text", "binary")
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


def body(raw: Mapping[str, Any], note: Note) -> SpecBody | None:
    """The request body in its best media type; None where it has none."""
    media_type = _chosen(raw, note)
    if media_type is None:
        note("the request body has no media type and is ignored")
        return None
    media = _map(raw["content"][media_type])
    found = kind(media_type)
    _note_items(media, media_type, note)
    schema = convert(media.get("schema", {}), note)
    if found == "json" and "*" in media_type and schema.get("contentMediaType"):
        found = "binary"
    description = raw.get("description")
    return SpecBody(
        content_type=_CONCRETE[found] if "*" in media_type else media_type,
        kind=found,
        schema=schema,
        required=raw.get("required") in (True, "true"),
        description=description if isinstance(description, str) else "",
        encoding=_encoding(media.get("encoding")),
    )


def reply(raw: Mapping[str, Any], status: str, description: str, note: Note) -> SpecReply:
    """The reply of one status. A schema that says nothing is None."""
    media_type = _chosen(raw, note)
    if media_type is None:
        return SpecReply(status=status, description=description)
    found = kind(media_type)
    _note_items(_map(raw["content"][media_type]), media_type, note)
    schema = _map(raw["content"][media_type]).get("schema")
    return SpecReply(
        status=status,
        description=description,
        content_type=_CONCRETE[found] if "*" in media_type else media_type,
        schema=(convert(schema, note) or None) if schema is not None else _plain(found),
    )


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
    for media_type in _map(raw.get("content")):
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
    for name, rule in _map(raw).items():
        kept: dict[str, Any] = {
            key: value
            for key, value in _map(rule).items()
            if (key == "contentType" and isinstance(value, str) and is_media_type(value))
            or (
                key == "style"
                and value in ("form", "spaceDelimited", "pipeDelimited", "deepObject")
            )
            or (key in ("explode", "allowReserved") and isinstance(value, bool))
        }
        if kept:
            out[name] = kept
    return out


def _map(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}
