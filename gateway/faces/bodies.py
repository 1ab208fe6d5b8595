"""The body of a call at an operation's own address → arguments by name. Pure.

JSON always; besides it what the served document declares: `multipart/form-data`, or for a body
that is one text or one file, that text or file as it is. Bytes become the object that stands for
a file (`request.files`), so that behind the door there is one form only.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any

from gateway.errors import BadArguments, UnsupportedBody
from gateway.media import charset, essence, kind
from gateway.plugin import Operation
from gateway.request.bounded import refuse_beyond
from gateway.request.files import BYTES, File, of_file, value_of
from gateway.request.multipart import MULTIPART, Part, read
from gateway.request.text import decode_json, shown
from gateway.values import Argument, SpecBody

_WHOLE = ("text", "binary")
_UTF8 = ("", "utf-8", "utf8", "us-ascii")


def read_body(operation: Operation, body: bytes, content_type: str) -> Any:
    """What a body says: JSON as it is, parts as an object, a text or file as its argument's value.

    Raises:
        BadArguments: not what its type says.
        UnsupportedBody: a type that this operation does not read.
    """
    taken = operation.spec.body
    said = essence(content_type)
    if taken is not None and taken.kind == "multipart" and said == MULTIPART:
        return _of_parts(operation, body, content_type)
    if taken is not None and taken.kind in _WHOLE and _fits_any(said, taken):
        if taken.kind == "binary":
            return value_of(File(body, content_type.strip()))
        return _text(body, content_type)
    if said and kind(content_type) != "json":
        wanted = "JSON as application/json"
        if taken is not None and taken.kind in ("multipart", *_WHOLE):
            named = (taken.content_type, *taken.others)
            wanted = ", ".join((*(essence(one) for one in named), f"or {wanted}"))
        raise UnsupportedBody(f"the body's type {shown(said)} is not read; send {wanted}")
    return parse(body)


def _fits_any(said: str, taken: SpecBody) -> bool:
    return any(_fits(said, essence(one)) for one in (taken.content_type, *taken.others))


def _fits(said: str, taken: str) -> bool:
    """Whether a body is what an operation takes; where nothing is said, it is."""
    if said in ("", taken, BYTES):
        return True
    if kind(said) in ("json", "multipart"):
        return False
    main, _, sub = taken.partition("/")
    same = taken == BYTES or (sub == "*" and said.partition("/")[0] == main)
    return same or (kind(taken) == "text" and said == "text/plain")


def _text(body: bytes, content_type: str) -> str:
    if (named := charset(content_type)).lower() not in _UTF8:
        raise UnsupportedBody(f"the body's charset {shown(named)} is not read; send UTF-8")
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        raise BadArguments(f"the body is not UTF-8 at byte {fault.start}") from None


def parse(body: bytes) -> Any:
    """Parse JSON; numbers keep their text. Raises: BadArguments.

    A byte order mark is no part of it (RFC 8259 section 8.1).
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        refuse_beyond(body)
        return decode_json(body.decode())
    except UnicodeDecodeError as fault:
        line = body.count(b"\n", 0, fault.start) + 1
        raise BadArguments(f"the body is not JSON: not UTF-8 in line {line}") from None
    except json.JSONDecodeError as fault:
        what = f"{fault.msg[:1].lower()}{fault.msg[1:]}, line {fault.lineno} column {fault.colno}"
        raise BadArguments(f"the body is not JSON: {what}") from None
    except ValueError as fault:
        raise BadArguments(f"the body is not JSON that can be read: {fault}") from None


# --- multipart --------------------------------------------------------------------------------


def _of_parts(operation: Operation, body: bytes, content_type: str) -> dict[str, Any]:
    """The parts by name. A name said twice is a list, which only some arguments are."""
    try:
        parts = read(body, content_type)
    except ValueError as fault:
        raise BadArguments(f"the body is not {MULTIPART} that can be read: {fault}") from None
    known = operation.by_name
    is_open = any(argument.source == () for argument in operation.arguments)
    said: dict[str, list[Part]] = {}
    for part in parts:
        if _is_nothing(part):
            continue
        one = said.setdefault(part.name, [])
        if one and not is_open and not _is_list(known, part.name):
            raise BadArguments(f"{shown(part.name)} is given more than once; give it once")
        one.append(part)
    if is_open:
        values = {name: [_open(one) for one in many] for name, many in said.items()}
        return {name: many[0] if len(many) == 1 else many for name, many in values.items()}
    return {name: _value(operation, name, many) for name, many in said.items()}


def _is_nothing(part: Part) -> bool:
    """A file that a browser's form has a field for, and that nobody chose."""
    return part.filename == "" and not part.data


def _is_list(known: Mapping[str, Argument], name: str) -> bool:
    argument = known.get(name)
    return argument is not None and argument.is_list


def _value(operation: Operation, name: str, parts: list[Part]) -> Any:
    argument = operation.by_name.get(name)
    if argument is None or argument.served != "body":  # for the builder to refuse, or to read
        return _field(parts[0]) if parts[0].filename is None else _file(parts[0])
    if of_file(argument.schema) is None:
        return operation.readers[name]([_field(part) for part in parts])
    files = [_file(part) for part in parts]
    is_single = len(files) == 1 and "items" not in argument.schema
    return files[0] if is_single else files


def _open(part: Part) -> Any:
    """What one part of a body says whose fields the spec does not list."""
    if part.filename is not None:
        return _file(part)
    return parse(part.data) if kind(part.type or "text/plain") == "json" else _field(part)


def _file(part: Part) -> dict[str, str]:
    name = part.filename or ("file" if part.filename is not None else "")
    return value_of(File(part.data, part.type, name))


def _field(part: Part) -> str:
    if charset(part.type).lower() not in _UTF8:
        raise BadArguments(f"{shown(part.name)} is not UTF-8; send it so")
    try:
        return part.data.decode()
    except UnicodeDecodeError:
        raise BadArguments(f"{shown(part.name)} is a text here, and is not UTF-8") from None
