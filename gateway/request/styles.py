"""How a value is written into a path, a query, a header or a cookie. Pure, compiled once.

A writer takes the caller's value and gives text as it goes on the wire; it raises `Unwritable`
where the value has a shape that its place cannot hold. Values are not checked against their
schemas here. The knowledge of this module: the style tables of OpenAPI 3.1.1 ("Style Values",
"Style Examples"), which are RFC 6570's, and what must be percent-encoded so that a value stays
a value (RFC 3986 section 2). Where the tables say "n/a" or "undefined", what most servers read:
lists in `deepObject` as `name[]=`, nested ones as `name[a][b]=`, structures inside a list as JSON.
An empty list or object as a whole is left out, as RFC 6570 has it (section 3.2.1), and so is
null; inside a `deepObject`, where nothing defines it, it is refused rather than lost. So is what
would be read as the end of an item: a space in `spaceDelimited`, a `.` in an exploded `label`,
a comma in a header. A list within an exploded object is repeated. `tests/request/conformance`
has every row, docs/decisions/0015 the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from gateway.request.bounded import decode_text
from gateway.request.guard import guard, is_cut
from gateway.request.schemas import SCALARS
from gateway.request.shapes import pairs_of, repeated, shaped
from gateway.request.text import (
    Unwritable,
    Write,
    Writer,
    escape,
    json_text,
    shown,
    text_of,
)

# RFC 6265 section 4.1.1, cookie-octet without `%`, which then always starts an escape.
COOKIE_SAFE = "!#$&'()*+-./:<=>?@[]^_`{|}~"
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token
_COOKIE_OCTETS = re.compile(r"[!#-+\--:<-\[\]-~]*")
# RFC 3986 section 2.2 without `#` and `[]`, which no query may hold, and without `& = + ;`,
# which would end the value for one server or another.
RESERVED_SAFE = ":/?@!$'()*,"

# What stands between joined items. `tabDelimited` is no style of OpenAPI, but Swagger 2's `tsv`.
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|", "tabDelimited": "\t"}
_CALLED = {
    "=": "'='",
    " ": "a space",
    "\t": "a tab",
    "|": "'|'",
    ".": "a full stop",
    ",": "a comma",
}
_TRIPLE = re.compile(r"(%[0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _without(delimiter: str, texts: Iterable[str]) -> list[str]:
    """The texts, none of which holds what separates them. Raises: Unwritable."""
    found = list(texts)
    if any(delimiter in text for text in found):
        raise Unwritable(f"must not hold {_CALLED[delimiter]}: it separates the items here")
    return found


def path_writer(name: str, style: str, explode: bool, kinds: frozenset[str]) -> Writer:
    """Text for a part of a path: everything but unreserved characters and our commas encoded."""
    shape = shaped(kinds)
    key = escape(name)
    is_matrix, is_label = style == "matrix", style == "label"
    prefix = ";" if is_matrix else "." if is_label else ""
    delimiter = _DELIMITERS.get(style, ",")
    if explode and prefix:
        delimiter = prefix
    between = delimiter if delimiter in ",;." else escape(delimiter)
    ends = delimiter if between != "," and not is_matrix else None  # is not encoded in an item

    plain = "string" in kinds and not prefix

    def write(value: Any) -> str:
        if plain and value and type(value) is str:
            return _segment(value)
        shaped_value = shape(value)
        named = is_matrix
        if isinstance(shaped_value, str):
            parts = [_segment(shaped_value)]
        elif isinstance(shaped_value, list):
            items = _without(ends, shaped_value) if ends else shaped_value
            parts = [_segment(item) for item in items]
            if is_matrix and explode:
                parts, named = [_named(key, part) for part in parts], False
        else:
            members = pairs_of(shaped_value)
            texts = [text for member in members for text in member]
            parts = [_segment(text) for text in (_without(ends, texts) if ends else texts)]
            if explode:
                join = _named if is_matrix else "{}={}".format
                parts = [join(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
                named = False
        text = between.join(parts)
        if not parts or not (text or prefix):
            raise Unwritable("must not be empty")
        return prefix + (_named(key, text) if named else text)

    return write


def _named(key: str, text: str) -> str:
    """RFC 6570 section 3.2.7: in `matrix`, what is empty is its name alone."""
    return f"{key}={text}" if text else key


def _segment(text: str) -> str:
    if _CONTROL.search(text):
        raise Unwritable("must not hold control characters")
    return escape(text)


def _whole_name(name: str) -> None:
    if is_cut(name):
        raise Unwritable(f"must not hold {shown(name)}: a name holds no control characters")


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
    key = escape(name)
    start = key + "="
    delimiter = _DELIMITERS.get(style, ",")
    between = "," if delimiter == "," else escape(delimiter)
    deep = style == "deepObject"
    plain = bool(kinds & SCALARS) and ("string" in kinds or "object" not in kinds)

    def text(value: str) -> str:
        return _reserved(value) if reserved else escape(value)

    def joined(items: list[str]) -> str:
        if delimiter != ",":
            return start + between.join(map(text, _without(delimiter, items)))
        return start + ",".join([text(item).replace(",", "%2C") for item in items])

    def pair(member: str, value: str) -> str:
        _whole_name(member)
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
            return joined(shaped_value) if shaped_value else ""
        if explode:
            return "&".join(pair(*member) for member in repeated(shaped_value))
        pairs = pairs_of(shaped_value)
        return joined([t for kv in pairs for t in kv]) if pairs else ""

    return write


def _reserved(value: str) -> str:
    """`allowReserved` (OpenAPI 3.1.1 §4.8.12.2.2): what is percent-encoded already stays so."""
    pieces = _TRIPLE.split(value)  # text, triple, text, triple, … text
    return "".join(
        piece if odd else escape(piece, RESERVED_SAFE)
        for index, piece in enumerate(pieces)
        if (odd := index % 2) or piece
    )


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


def header_writer(style: str, explode: bool, kinds: frozenset[str]) -> Write:
    """A header's value, style `simple`. Text goes as it is, in UTF-8; nothing is encoded.

    The writer gives UNSET for an empty list or object: there is no header then.
    """
    shape = shaped(kinds)
    between = _DELIMITERS.get(style, ",")

    def write(value: Any) -> Any:
        text = shape(value)
        if not isinstance(text, str):
            if isinstance(text, dict):
                parts = _without(between, [part for pair in pairs_of(text) for part in pair])
                if explode:
                    names, members = _without("=", parts[::2]), parts[1::2]
                    parts = [f"{k}={v}" for k, v in zip(names, members, strict=True)]
            else:
                # One text for a list may be a list already, as headers are written.
                is_one = not isinstance(value, (list, tuple))
                parts = text if is_one else _without(between, text)
            if not parts:
                return UNSET
            if any(map(_CONTROL.search, parts)):
                raise Unwritable("must not hold control characters")
            spaced = next((part for part in parts if part != part.strip(" ")), None)
            if spaced is not None:
                raise Unwritable(
                    f"must not hold {shown(spaced)}: a header loses the spaces around an item"
                )
            text = between.join(parts)
        elif _CONTROL.search(text):
            raise Unwritable("must not hold control characters")
        if text != text.strip(" "):  # RFC 9110 section 5.5: they are no part of the value
            raise Unwritable("must not begin or end with a space: a header would lose it")
        escape(text)  # for its check of surrogates
        return text

    return write


def cookie_writer(
    name: str,
    style: str,
    explode: bool,
    kinds: frozenset[str],
    guarded: frozenset[str] = frozenset(),
) -> Writer:
    """Text for the Cookie header: `name=value`, several joined by `; `.

    Percent-encoded in the style `form`; in `cookie` (OpenAPI 3.2) nothing is, and what a cookie
    cannot hold is refused. An exploded object is a cookie for each member; `guarded` are the
    names of all other cookies, for which none may stand in.
    """
    shape = shaped(kinds)
    as_it_is = style == "cookie"

    def called(name: str) -> str:
        if not as_it_is:
            return escape(name, COOKIE_SAFE.replace("=", ""))
        if not _COOKIE_NAME.fullmatch(name):
            raise Unwritable(f"must not hold {shown(name)}: it is no name for a cookie")
        return name

    key = called(name)

    def text(value: str) -> str:
        if not as_it_is:
            return escape(value, COOKIE_SAFE)
        if not _COOKIE_OCTETS.fullmatch(value):
            raise Unwritable(f"must be what a cookie holds as it stands, found {shown(value)}")
        return value

    def own(member: str, value: str) -> str:
        _whole_name(member)
        if not member or _others(guarded, name)(member):
            raise Unwritable(f"must not hold {shown(member)}: a cookie of its own is read so")
        return f"{called(member)}={text(value)}"

    def write(value: Any) -> str:
        shaped_value = shape(value)
        if isinstance(shaped_value, str):
            return f"{key}={text(shaped_value)}"
        if isinstance(shaped_value, dict):
            if explode:
                return "; ".join(own(*member) for member in repeated(shaped_value))
            shaped_value = [part for pair in pairs_of(shaped_value) for part in pair]
        if explode:
            return "; ".join(f"{key}={text(item)}" for item in shaped_value)
        return f"{key}={','.join(map(text, shaped_value))}" if shaped_value else ""

    return write


def whole_query(text: str) -> str:
    """A text that is the whole query string (OpenAPI 3.2, `in: querystring`): no `&` of its own."""
    return escape(text)


def content_text(kinds: frozenset[str]) -> Writer:
    """The JSON text of a `content` parameter; text that may not be a string is JSON already."""

    def write(value: Any) -> str:
        if isinstance(value, str) and "string" not in kinds:
            try:
                value = decode_text(value)
            except ValueError:
                raise Unwritable(f"must be JSON text, found {shown(value)}") from None
        return json_text(value)

    return write
