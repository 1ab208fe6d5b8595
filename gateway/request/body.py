"""How a request body is written: forms and multipart by OpenAPI's `encoding`, text, files. Pure.

OpenAPI 3.1.1 "Encoding Object": a form's property is written like a query parameter, `form`
and exploded by default; an object is JSON unless its encoding names a style. A null is left
out, as in a query; an empty list is refused, since the upstream would read that nothing was
said where the caller said "none".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from gateway.media import kind
from gateway.request.files import (
    ANY_FILE,
    content_types,
    encoder,
    file_of,
    file_schema,
    is_said_file,
    member_of,
    named,
    of_file,
    typed,
)
from gateway.request.guard import guard, is_cut
from gateway.request.multipart import part
from gateway.request.schemas import Components, kinds, resolve
from gateway.request.styles import query_writer
from gateway.request.targets import METHOD_FIELD
from gateway.request.text import (
    Unwritable,
    Writer,
    escape,
    json_bytes,
    json_text,
    shown,
    text_of,
)
from gateway.values import Schema, SpecBody

Parts = Callable[[Any], list[bytes]]

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
_TEXT = "text/plain"
_EMPTY = "is empty, and a form cannot say so: leave it out"
_EMPTY_NEEDED = "is empty, and a form cannot say so: give one of its members"
_CUT = "must not hold {}: a name holds no control characters"
_CHARSET = re.compile(r"[ \t]*;[ \t]*charset[ \t]*=[^;]*", re.IGNORECASE)


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
    *,
    required: bool = False,
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
            raise Unwritable(_EMPTY_NEEDED if required else _EMPTY)
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
    stands_in = guard({*own, METHOD_FIELD})

    def written(name: str, member: Any) -> str:
        if is_cut(name):
            raise Unwritable(_CUT.format(shown(name)))
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


# --- multipart, text and binary ---------------------------------------------------------------


def part_writer(
    name: str,
    schema: Schema,
    components: Components,
    encoding: Mapping[str, Any],
    guarded: frozenset[str],
) -> Parts:
    """The parts of one property of a multipart body: a list has one for each item.

    A text and a number are text, an object is JSON, unless the encoding names another type; with
    a style it is written as in a form (OpenAPI 3.1.1, "Encoding Object"), each pair a part.
    """
    if (file := of_file(schema)) is not None:
        return _file_writer(name, file, many="array" in kinds(schema, components))
    known = encoding.get(name)
    styled = isinstance(known, dict) and bool(known.keys() & {"style", "explode"})
    in_form = form_writer(name, schema, components, encoding, guarded) if styled else None
    known_schema = resolve(schema, components)
    said = content_types(encoding, name)
    media = next((one for one in said if "*" not in one), "")
    if not media and "string" in kinds(schema, components):
        media = str(known_schema.get("contentMediaType") or "")

    def one(value: Any) -> bytes:
        if isinstance(value, (dict, list)) or kind(media or _TEXT) == "json":
            return part(name, json_bytes(value), media or JSON_TYPE)
        return part(name, utf8(text_of(value)), media)

    def write(value: Any) -> list[bytes]:
        if value is None:
            return []
        if in_form is not None and isinstance(value, (dict, list)):
            pairs = [pair.partition("=") for pair in in_form(value).split("&")]
            return [part(unquote(key), unquote_to_bytes(text)) for key, _, text in pairs]
        if value == []:
            raise Unwritable(_EMPTY)
        return [one(item) for item in value] if isinstance(value, list) else [one(value)]

    return write


def _file_writer(name: str, file: Mapping[str, Any], *, many: bool) -> Parts:
    types, coding = file["types"], file["coding"]
    encoded = encoder(coding)

    def one(value: Any) -> bytes:
        found = file_of(value, is_base64=bool(coding))
        media = typed(found, types)
        return part(name, encoded(found.data), media, named(found, media))

    def write(value: Any) -> list[bytes]:
        if value is None:
            return []
        if value == []:
            raise Unwritable(_EMPTY)
        items = value if many and isinstance(value, list) else [value]
        return [one(item) for item in items]

    return write


def whole_multipart(
    schema: Schema, components: Components, encoding: Mapping[str, Any], guarded: Iterable[str]
) -> Parts:
    """A multipart body whose properties the spec does not list all; see `whole_form`.

    Of what it says nothing, an object with `data` and `name` is a file.
    """
    own = frozenset(guarded)
    stands_in = guard({*own, METHOD_FIELD})

    def schema_of(name: str, member: Any) -> Schema:
        found = member_of(schema, name, components)
        types = content_types(encoding, name)
        if found is None and any(
            map(is_said_file, member if isinstance(member, list) else [member])
        ):
            return {**ANY_FILE, "type": ["string", "array"]}
        return found or file_schema({}, types, {}) or {}

    def written(name: str, member: Any) -> list[bytes]:
        # A reader may take the escapes of headers or of addresses out of a name.
        if name not in own and (stands_in(name) or stands_in(unquote(name))):
            raise Unwritable(f"must not hold {shown(name)}: what this plugin sets is read so")
        if is_cut(name) or is_cut(unquote(name)):
            raise Unwritable(_CUT.format(shown(name)))
        if "\\" in name:
            raise Unwritable(f"must not hold {shown(name)}: servers differ on backslashes in names")
        try:
            known = schema_of(name, member)
            return part_writer(name, known, components, encoding, own)(member)
        except Unwritable as fault:
            raise Unwritable(f"holds {shown(name)}, which {fault}") from None

    def write(value: Any) -> list[bytes]:
        if not isinstance(value, dict):
            raise Unwritable("takes an object")
        return [one for name, member in value.items() for one in written(name, member)]

    return write


def text_writer(media: str) -> Callable[[Any], tuple[str, bytes]]:
    """A body that is a text: its media type and its bytes.

    UTF-8 is said where it matters and nothing is: some servers take Latin-1 otherwise.
    """
    plain = _CHARSET.sub("", media)

    def write(value: Any) -> tuple[str, bytes]:
        data = utf8(text_of(value))
        if data.isascii() and plain == media:
            return media, data
        return f"{plain}; charset=utf-8", data

    return write


def binary_writer(file: Mapping[str, Any]) -> Callable[[Any], tuple[str, bytes]]:
    """A body that is a file, of which so much is known: its media type and its bytes."""
    encoded = encoder(file["coding"])

    def write(value: Any) -> tuple[str, bytes]:
        found = file_of(value, is_base64=bool(file["coding"]))
        return typed(found, file["types"]), encoded(found.data)

    return write


def utf8(text: str) -> bytes:
    """A text's bytes. Raises: Unwritable."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unwritable("is not valid Unicode text") from None
