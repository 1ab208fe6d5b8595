"""How a value is written into a path, a query, a header or a cookie. Pure, compiled once.

A writer takes the caller's value and gives text as it goes on the wire; it raises `Unwritable`
where the value has a shape that its place cannot hold. Values are not checked against their
schemas here. The knowledge of this module: the style tables of OpenAPI 3.1.1 ("Style Values",
"Style Examples"), which are RFC 6570's, and what must be percent-encoded so that a value stays
a value (RFC 3986 section 2). Where the tables say "n/a" or "undefined", what most servers read:
lists in `deepObject` as `name[]=`, nested ones as `name[a][b]=`, structures inside a list as JSON.
An empty list or object as a whole is left out of a query, as RFC 6570 has it (section 3.2.1);
inside a `deepObject`, where nothing defines it, it is refused rather than lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from gateway.request.guard import guard
from gateway.request.schemas import SCALARS
from gateway.request.text import (
    Unwritable,
    Writer,
    decode_json,
    escape,
    item_text,
    json_text,
    shown,
    text_of,
)

# RFC 6265 section 4.1.1, cookie-octet without `%`, which then always starts an escape.
COOKIE_SAFE = "!#$&'()*+-./:<=>?@[]^_`{|}~"
# RFC 3986 section 2.2 without `#` and `[]`, which no query may hold, and without `& = + ;`,
# which would end the value for one server or another.
RESERVED_SAFE = ":/?@!$'()*,"

_DELIMITERS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


# --- shapes -----------------------------------------------------------------------------------


def shaped(kinds: frozenset[str]) -> Callable[[Any], Any]:
    """Give a value the shape its schema asks for: text, a list without nulls, or a mapping.

    A query carries text only, so one text for a list is a list of one, and text for an object
    is its JSON; where a string may stand as well, text is that string. Raises: Unwritable, for
    a shape that the schema never has.
    """
    takes_text = bool(kinds & SCALARS)
    takes_list = "array" in kinds
    takes_object = "object" in kinds

    may_be_json = takes_object and "string" not in kinds

    def shape(value: Any) -> Any:
        if takes_text and isinstance(value, (str, int)):
            if may_be_json and isinstance(value, str) and value[:1] == "{":
                return _object(value)
            return text_of(value)
        if isinstance(value, dict):
            if not takes_object:
                raise Unwritable("takes a list" if takes_list and not takes_text else _ONE)
            return value
        if isinstance(value, (list, tuple)):
            if not takes_list:
                raise Unwritable(_OBJECT if takes_object and not takes_text else _ONE)
            return [item_text(item) for item in value if item is not None]
        if takes_text or not (takes_list or takes_object):
            return text_of(value)
        if not takes_object:
            return [text_of(value)]
        return _object(value) if not takes_list else _structure(value)

    return shape


_ONE = "takes one value, not a list or an object"
_OBJECT = "takes an object, or the JSON text of one"


def _structure(value: Any) -> Any:
    """Text where a list or an object may stand: JSON of either, else the only item of a list."""
    try:
        parsed = decode_json(value) if isinstance(value, str) else value
    except ValueError:
        return [text_of(value)]
    if isinstance(parsed, list):
        return [item_text(item) for item in parsed if item is not None]
    return parsed if isinstance(parsed, dict) else [text_of(value)]


def _object(value: Any) -> dict[str, Any]:
    try:
        parsed = decode_json(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Unwritable(f"{_OBJECT}, found {shown(value)}")
    return parsed


def _pairs(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(str(key), item_text(member)) for key, member in value.items() if member is not None]


# --- places -----------------------------------------------------------------------------------


def path_writer(name: str, style: str, explode: bool, kinds: frozenset[str]) -> Writer:
    """Text for a part of a path: everything but unreserved characters and our commas encoded."""
    shape = shaped(kinds)
    key = escape(name)
    prefix, between, with_name = {
        "label": (".", "." if explode else ",", False),
        "matrix": (";", ";" if explode else ",", True),
    }.get(style, ("", ",", False))

    plain = "string" in kinds and not prefix

    def write(value: Any) -> str:
        if plain and value and type(value) is str:
            return _segment(value)
        shaped_value = shape(value)
        if isinstance(shaped_value, str):
            parts, named = [_segment(shaped_value)], with_name
        elif isinstance(shaped_value, list):
            parts, named = [_segment(item) for item in shaped_value], with_name
            if with_name and explode:
                parts, named = [f"{key}={part}" for part in parts], False
        else:
            pairs = [(_segment(k), _segment(v)) for k, v in _pairs(shaped_value)]
            parts = [f"{k}={v}" for k, v in pairs] if explode else [p for kv in pairs for p in kv]
            named = with_name and not explode
        text = between.join(parts)
        if not text:
            raise Unwritable("must not be empty")
        return f"{prefix}{key}={text}" if named else prefix + text

    return write


def _segment(text: str) -> str:
    if _CONTROL.search(text):
        raise Unwritable("must not hold control characters")
    return escape(text)


@lru_cache(maxsize=256)
def _others(names: frozenset[str], name: str) -> Callable[[str], bool]:
    """The guard of all names but one. Made when an object first needs it: a set of all others
    for each of ten thousand parameters would be a hundred million names."""
    return guard(names - {name})


def query_writer(
    name: str,
    style: str,
    explode: bool,
    kinds: frozenset[str],
    *,
    reserved: bool = False,
    guarded: frozenset[str] = frozenset(),
) -> Writer:
    """Text for a query or a form: `name=value`, several joined by `&`, or "" for nothing.

    `guarded` are the names of all other parameters: an object whose members become parameters
    must not stand in for one of them (see `guard`), which may be pinned or hidden.
    """
    shape = shaped(kinds)
    safe = RESERVED_SAFE if reserved else ""
    key = escape(name)
    start = key + "="
    between = _DELIMITERS.get(style, ",")
    deep = style == "deepObject"
    plain = bool(kinds & SCALARS) and ("string" in kinds or "object" not in kinds)

    def text(value: str) -> str:
        return escape(value, safe)

    def pair(member: str, value: str) -> str:
        if _others(guarded, name)(member):
            raise Unwritable(f"must not hold {shown(member)}: a parameter of its own is read so")
        return f"{escape(member)}={text(value)}"

    def write(value: Any) -> str:
        if plain and type(value) is str:
            return start + text(value)
        shaped_value = shape(value)
        if isinstance(shaped_value, str):
            return start + text(shaped_value)
        if deep:
            nested = value if isinstance(value, (list, tuple)) else shaped_value
            return "&".join(pair(*member) for member in _deep(name, nested, 0))
        if isinstance(shaped_value, list):
            if explode:
                return "&".join([start + text(item) for item in shaped_value])
            return start + between.join(map(text, shaped_value)) if shaped_value else ""
        pairs = _pairs(shaped_value)
        if explode:
            return "&".join(pair(*member) for member in pairs)
        return start + between.join(text(t) for kv in pairs for t in kv) if pairs else ""

    return write


def _deep(prefix: str, value: Any, depth: int) -> Iterable[tuple[str, str]]:
    """Members of a nested object as `a[b][c]`, lists as `a[b][]`, lists of objects by index.

    A null is left out, as everywhere in a query; what else would vanish is refused.
    """
    if depth > _DEEPEST:
        raise Unwritable("is nested too deeply")
    if isinstance(value, dict):
        if depth and not value:
            raise Unwritable(f"holds an empty object at {shown(prefix)}, which cannot be sent")
        for key, member in value.items():
            if "[" in key or "]" in key:
                raise Unwritable(f"must not hold {shown(key)}: a bracket ends a name here")
            yield from _deep(f"{prefix}[{key}]", member, depth + 1)
    elif isinstance(value, (list, tuple)):
        if depth and not value:
            raise Unwritable(f"holds an empty list at {shown(prefix)}, which cannot be sent")
        by_index = any(isinstance(item, (dict, list, tuple)) for item in value)
        for index, item in enumerate(value):
            yield from _deep(f"{prefix}[{index if by_index else ''}]", item, depth + 1)
    elif value is not None:
        yield prefix, text_of(value)


_DEEPEST = 20  # what servers that read this form accept at most (qs: 5, Rack: 32)


def header_writer(explode: bool, kinds: frozenset[str]) -> Writer:
    """A header's value, style `simple`. Text goes as it is, in UTF-8; nothing is encoded."""
    shape = shaped(kinds)

    def write(value: Any) -> str:
        shaped_value = shape(value)
        if isinstance(shaped_value, dict):
            join = "=" if explode else ","
            shaped_value = [f"{key}{join}{member}" for key, member in _pairs(shaped_value)]
        text = shaped_value if isinstance(shaped_value, str) else ",".join(shaped_value)
        if _CONTROL.search(text):
            raise Unwritable("must not hold control characters")
        escape(text)  # for its check of surrogates
        return text

    return write


def cookie_writer(name: str, explode: bool, kinds: frozenset[str]) -> Writer:
    """Text for the Cookie header: `name=value`, several joined by `; `; percent-encoded."""
    shape = shaped(kinds)
    key = escape(name, COOKIE_SAFE.replace("=", ""))

    def text(value: str) -> str:
        return escape(value, COOKIE_SAFE)

    def write(value: Any) -> str:
        shaped_value = shape(value)
        if isinstance(shaped_value, dict):
            shaped_value = [part for pair in _pairs(shaped_value) for part in pair]
        if isinstance(shaped_value, str):
            return f"{key}={text(shaped_value)}"
        if explode:
            return "; ".join(f"{key}={text(item)}" for item in shaped_value)
        return f"{key}={','.join(map(text, shaped_value))}"

    return write


def content_text(kinds: frozenset[str]) -> Writer:
    """The JSON text of a `content` parameter; text that may not be a string is JSON already."""

    def write(value: Any) -> str:
        if isinstance(value, str) and "string" not in kinds:
            try:
                value = decode_json(value)
            except ValueError:
                raise Unwritable(f"must be JSON text, found {shown(value)}") from None
        return json_text(value)

    return write
