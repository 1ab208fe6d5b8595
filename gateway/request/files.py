"""A file as an argument: what stands for one in JSON, and which arguments are files. Pure.

JSON holds no bytes, so a caller gives a data URL (RFC 2397), base64 (RFC 4648 §4 or §5), or an
object `{data, type, name}`. A text that is neither is refused and never taken for the file's
content: what was meant cannot be told. Nor can it of a word, which is base64 as well: base64 that
stands alone is padded or long, unless the schema itself says base64. A door that was given bytes
says them as that object.

An argument is a file by its schema: `FILE` stands in it, and no spec can bring that keyword in
(`spec.schema` knows none with `x-`). Sources: OpenAPI 3.0.3 §4.7.14 and §4.7.15, 3.1.1 §4.8.14.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from gateway.media import essence, kind
from gateway.request.schemas import DEPTH, Components, kind_of, kinds, resolve
from gateway.request.targets import Target
from gateway.request.text import Unwritable, shown
from gateway.values import Schema, SpecBody

FILE = "x-file"
BYTES = "application/octet-stream"
SAMPLE = "data:text/plain;name=note.txt;base64,aGVsbG8="
_RANGES = {"image/*": "image/png", "audio/*": "audio/mpeg", "video/*": "video/mp4"}
_WANTED = (
    "takes a file: a data URL such as 'data:image/png;name=cat.png;base64,iVBORw0KGgo=', base64, "
    "or an object {data, type, name} with base64 in data"
)
_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # RFC 9110 §5.6.2, token
_TYPE = re.compile(rf'{_NAME}/{_NAME}(?:[ \t]*;[ \t]*{_NAME}=(?:{_NAME}|"[ !#-\[\]-~]*"))*')
_DATA = re.compile(r"data:([^,]*),(.*)", re.IGNORECASE | re.DOTALL)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]")
_LONGEST_WORD = 128  # SHA-512 in hex: what is longer is no word, name or id
_LONGEST_NAME = 255  # of a file system's names; bytes there, characters here
_LONGEST_TYPE = 256
_COMPOSED = ("allOf", "anyOf", "oneOf")
_MEMBERS = frozenset({"data", "type", "name"})
# A name for what came without one: some servers tell a file's kind by its name only.
_ENDINGS = {
    "application/json": ".json", "application/pdf": ".pdf", "application/xml": ".xml",
    "application/zip": ".zip", "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/wav": ".wav",
    "image/gif": ".gif", "image/jpeg": ".jpg", "image/png": ".png", "image/svg+xml": ".svg",
    "image/webp": ".webp", "text/csv": ".csv", "text/html": ".html", "text/markdown": ".md",
    "text/plain": ".txt", "video/mp4": ".mp4", "video/webm": ".webm",
}  # fmt: skip


class File(NamedTuple):
    """Bytes, and what was said of them: "" where nothing was."""

    data: bytes
    type: str = ""
    name: str = ""


# --- what stands for a file -------------------------------------------------------------------


def file_of(value: Any, *, is_base64: bool = False) -> File:
    """The file that a caller's value says; `is_base64` says that a text is what it may be.

    Raises: Unwritable, with what is accepted.
    """
    if isinstance(value, str) and value:
        found = _of_text(value)
        is_long = len(value) > _LONGEST_WORD or value.endswith("=") or _DATA.fullmatch(value)
        if not (is_long or is_base64):
            raise Unwritable(
                f"{_WANTED}; so short a text without '=' may be a word: say {{data: …}}"
            )
    elif isinstance(value, dict) and isinstance(value.get("data"), str):
        if unknown := value.keys() - _MEMBERS:
            raise Unwritable(f"{_WANTED}; found the member {shown(min(unknown, key=str))} in it")
        media, name = value.get("type") or "", value.get("name") or ""
        if not isinstance(media, str) or not isinstance(name, str):
            raise Unwritable(f"{_WANTED}; type and name are texts")
        found = _of_text(value["data"])
        found = File(found.data, media or found.type, name or found.name)
    else:
        raise Unwritable(f"{_WANTED}; not {_called(value)}")
    media, name = found.type.strip(" \t"), _base_name(found.name)
    if media and (len(media) > _LONGEST_TYPE or not _TYPE.fullmatch(media)):
        raise Unwritable(f"has the type {shown(media)}, which is no media type like image/png")
    return File(found.data, media, name)


def value_of(file: File) -> dict[str, str]:
    """A file as the object that says it."""
    said = {"data": b64encode(file.data).decode(), "type": file.type, "name": file.name}
    return {key: text for key, text in said.items() if text or key == "data"}


def _called(value: Any) -> str:
    """What a value is; not the value, which may be a pin with a secret in it."""
    return "nothing" if value == "" else f"this {kind_of(value)}"


def _of_text(text: str) -> File:
    match = _DATA.fullmatch(text)
    if match is None:
        return File(_decoded(text))
    head, *parameters = match[1].split(";")
    kept, name, is_base64 = [unquote(head).strip()], "", False
    for one in parameters:
        key, is_pair, said = one.partition("=")
        word = key.strip().lower()
        if word == "base64" and not is_pair:
            is_base64 = True
        elif word in ("name", "filename"):
            name = _unquoted(said.strip('"'))
        else:
            kept.append(unquote(one).strip())
    # RFC 2397 section 2: the type may be left out, alone or with a charset beside it.
    kept[0] = kept[0] or "text/plain"
    media = ";".join(kept)
    if is_base64:
        return File(_decoded(unquote(match[2])), media, name)
    try:
        return File(unquote_to_bytes(match[2]), media, name)
    except UnicodeEncodeError:
        raise Unwritable("is not valid Unicode text") from None


def _unquoted(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Unwritable(f"has the name {shown(text)}, which is not UTF-8") from None


def _decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    padding = len(text) - len(bare)
    if not _BASE64.fullmatch(text) or (padding and len(text) % 4):
        raise Unwritable(f"{_WANTED}; not a text that is neither")
    plain = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
    try:
        return b64decode(plain, validate=True)
    except binascii.Error:
        raise Unwritable(f"{_WANTED}; not a text that is neither") from None


def _base_name(name: str) -> str:
    """The last part of a name: of a path no server may make use (RFC 7578 section 4.2)."""
    if _CONTROL.search(name):
        raise Unwritable("has control characters in its name")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Unwritable("has a name that is not valid Unicode text") from None
    last = name.replace("\\", "/").rpartition("/")[2].strip()
    if len(last) > _LONGEST_NAME:
        raise Unwritable(f"has a name of more than {_LONGEST_NAME} characters")
    return "" if last in (".", "..") else last


# --- what the upstream takes ------------------------------------------------------------------


def typed(file: File, accepted: Sequence[str]) -> str:
    """The media type that a file is sent as, under those that the spec names.

    `application/octet-stream` says no more than nothing, from either side.

    Raises: Unwritable, where the file is said to be of another type.
    """
    said = file.type if essence(file.type) != BYTES else ""
    if not accepted:
        return file.type or BYTES
    if said and not any(_matches(said, one) for one in accepted):
        listed = " or ".join(accepted)
        raise Unwritable(f"is of the type {shown(essence(said))}, and must be {listed}")
    concrete = [one for one in accepted if "*" not in one]
    same = [one for one in concrete if said and essence(one) == essence(said)]
    if same:
        return same[0]
    if said and any("*" in one and _matches(said, one) for one in accepted):
        return said
    return concrete[0] if concrete else BYTES


def _matches(media: str, accepted: str) -> bool:
    main, _, sub = essence(accepted).partition("/")
    if essence(accepted) == BYTES or main == "*":
        return True
    return essence(media) == f"{main}/{sub}" or (
        sub == "*" and essence(media).partition("/")[0] == main
    )


def named(file: File, media: str) -> str:
    """The name that a file is sent under; servers take a part without one for a text."""
    return file.name or "file" + _ENDINGS.get(essence(media), "")


def encoder(encoding: str) -> Callable[[bytes], bytes]:
    """How bytes are written where the schema itself holds their encoded form."""
    return {"base64": b64encode, "base64url": urlsafe_b64encode}.get(encoding, bytes)


# --- which arguments are files ----------------------------------------------------------------


def mark_files(
    targets: Sequence[Target], body: SpecBody | None, components: Components
) -> tuple[Target, ...]:
    """The targets, those that are files under a schema that says so."""
    if body is None or body.kind not in ("multipart", "binary"):
        return tuple(targets)
    return tuple(_marked(target, body, components) for target in targets)


def _marked(target: Target, body: SpecBody, components: Components) -> Target:
    if target.place != "body":
        return target
    if body.kind == "binary":
        known = resolve(target.schema, components)
        coding = known.get("contentEncoding", "")
        schema: Schema | None = _file(known, (body.content_type, *body.others), coding)
    elif not target.source:
        schema = _with_files_inside(target.schema, body.encoding, components, DEPTH)
        return replace(target, schema=schema)
    else:
        schema = file_schema(target.schema, content_types(body.encoding, target.name), components)
    return target if schema is None else replace(target, schema=schema, example=None)


def _with_files_inside(
    schema: Any, encoding: Mapping[str, Any], components: Components, depth: int
) -> Schema:
    """A body that stays whole, its properties that are files marked."""
    if depth <= 0:
        return {}
    known = resolve(schema, components)
    out = dict(known)

    def marked(name: str, member: Any) -> Any:
        return file_schema(member, content_types(encoding, name), components) or member

    if isinstance(known.get("properties"), dict):
        out["properties"] = {name: marked(name, one) for name, one in known["properties"].items()}
    if isinstance(known.get("additionalProperties"), dict):
        out["additionalProperties"] = marked("", known["additionalProperties"])
    for keyword in _COMPOSED:
        if isinstance(members := known.get(keyword), list):
            out[keyword] = [
                _with_files_inside(one, encoding, components, depth - 1) for one in members
            ]
    return out


def member_of(schema: Any, name: str, components: Components, depth: int = DEPTH) -> Schema | None:
    """The schema of a member of a body that stays whole; None where nothing is said of it."""
    known = resolve(schema, components)
    declared = known.get("properties")
    if isinstance(declared, dict) and isinstance(found := declared.get(name), dict):
        return found
    for member in [one for key in _COMPOSED for one in known.get(key, ())] if depth > 0 else ():
        if (inner := member_of(member, name, components, depth - 1)) is not None:
            return inner
    others = known.get("additionalProperties")
    return others if isinstance(others, dict) else None


def is_said_file(value: Any) -> bool:
    """Whether an object, where anything goes, is a file: by the name that files have."""
    return isinstance(value, dict) and {"data", "name"} <= value.keys() <= _MEMBERS


def content_types(encoding: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The media types that the encoding of a property names, if any."""
    rule = encoding.get(name)
    said = rule.get("contentType", "") if isinstance(rule, dict) else ""
    return tuple(one.strip() for one in said.split(",") if one.strip())


def file_schema(
    schema: Any, types: tuple[str, ...], components: Components, depth: int = DEPTH
) -> Schema | None:
    """The schema of a file, a list of files or either, marked; None where it is no file."""
    schema = resolve(schema, components)
    if depth <= 0:
        return None
    for union in ("anyOf", "oneOf"):
        if isinstance(members := schema.get(union), list):
            marked = [
                file_schema(one, types, components, depth - 1)
                for one in members
                if kinds(one, components) != {"null"}
            ]
            found = [one for one in marked if one is not None]
            if not found or len(found) < len(marked):
                return None
            return {**_words(schema), **(found[0] if len(found) == 1 else {"anyOf": found})}
    allowed = kinds(schema, components) - {"null"}
    if allowed == {"array"}:
        items = file_schema(schema.get("items"), types, components, depth - 1)
        sizes = {key: schema[key] for key in ("minItems", "maxItems") if key in schema}
        return items and {**_words(schema), "type": "array", "items": items, **sizes}
    for member in schema.get("allOf", ()):
        if (found_one := file_schema(member, types, components, depth - 1)) is not None:
            return {**found_one, **_words(schema)}
    if "string" not in allowed:
        return None
    media, coding = schema.get("contentMediaType", ""), schema.get("contentEncoding", "")
    if types:
        is_file = kind(types[0]) == "binary"
    else:  # a text of a text's type is that text
        types = (media,) if media and media != BYTES else ()
        is_file = False
    is_file = is_file or bool(coding) or schema.get("format") == "base64"
    is_file = is_file or (bool(media) and kind(media) == "binary")
    if not is_file:
        return None
    coding = coding or ("base64" if schema.get("format") == "base64" else "")
    return _file(schema, types, coding)


def _file(schema: Schema, types: tuple[str, ...], coding: str) -> Schema:
    return {
        **_words(schema),
        "type": "string",
        "contentMediaType": BYTES,
        "examples": [_sample(types)],
        FILE: {"types": types, "coding": coding},
    }


def _sample(types: Sequence[str]) -> str:
    """A file of the first type that is taken; a short one, of no sense."""
    if not types or any(_matches("text/plain", one) for one in types):
        return SAMPLE
    media = essence(types[0])
    media = _RANGES.get(media, media)
    return f"data:{media};name=file{_ENDINGS.get(media, '')};base64,iVBORw0KGgo="


def _words(schema: Schema) -> Schema:
    return {key: schema[key] for key in ("title", "description") if key in schema}


def of_file(schema: Schema) -> Mapping[str, Any] | None:
    """What is known of the files that a schema takes; None where it takes none."""
    known: Any = schema.get(FILE)
    if known is None and isinstance(schema.get("items"), dict):
        known = of_file(schema["items"])
    for form in schema.get("anyOf", ()) if known is None else ():
        if isinstance(form, dict) and (known := of_file(form)) is not None:
            break
    return known if isinstance(known, dict) else None


ANY_FILE = _file({}, (), "")
