r"""JSON text and trees whose numbers keep their text.

Knows what the JSON libraries do to a number that no double holds and to text that is almost
JSON. `tidy` is the door: whatever comes, what leaves it is minified, UTF-8 and read alike by
every library. Numbers, the order of keys and what a string means are never changed.

Mended, because the meaning is clear and upstreams send it: a byte order mark, UTF-16 and
UTF-32; `NaN` and `Infinity` become null, as in JavaScript; a lone surrogate and bytes that are
not UTF-8 become U+FFFD, and keys that are the same afterwards are numbered. Everything else that
is not RFC 8259 is refused.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

_LONG = 1024 * 1024  # bytes; what is shorter may be a tree
_MENDED = "\ufffd".encode()
# Runs of escapes end somewhere, but not between two that are one character.
_ESCAPES = re.compile(
    rb"\\[^u]|(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[0-9a-fA-F]{4}){1,4096}+"
)
# A string that is not closed goes to the end: else it would be read anew from each quote in it.
_CONSTANTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|NaN|-?Infinity', re.DOTALL)
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"(:?)')
# The one integer that msgspec changes. A match inside a string only costs time.
_MINUS_ZERO = re.compile(rb"-0(?=[,\]}]|\Z)")
_EXACT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Raw)

Tree = Any  # dict, list, str, int, bool, None; a number that is no plain integer is a Raw
encode = msgspec.json.encode


def tidy(body: bytes | memoryview) -> bytes:
    """Minify a JSON text.

    Raises:
        ValueError: if it is not JSON, or nested too deeply.
    """
    try:
        text = msgspec.json.format(body, indent=-1)
    except msgspec.DecodeError:
        text = _mended(bytes(body))
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            text = _mended(text)
    if b"\\" in text and (b"\\u" in text or b"\\/" in text):
        # A character costs less than its escape. Trees are faster, and take much memory.
        text = encode(decode(text)) if len(text) <= _LONG else _replaced(text, _ESCAPES, _plain)
    return text


def _mended(body: bytes) -> bytes:
    """The text, if what is wrong with it can be mended. Raises: ValueError."""
    text = body.decode(json.detect_encoding(body), "replace").encode()
    text = _replaced(text, _ESCAPES, _plain)  # lone surrogates are gone after this
    text = _replaced(text, _CONSTANTS, _nothing)
    try:
        text = msgspec.json.format(text, indent=-1)
    except msgspec.DecodeError:
        raise ValueError("it is not JSON") from None
    strings = _STRINGS.finditer(text) if _MENDED in text else ()
    if not any(string[1] and _MENDED in string[0] for string in strings):
        return text
    # The hooks keep numbers of any length: Python's own limit is 4,300 digits.
    tree = json.loads(text, parse_int=_number, parse_float=_number, object_pairs_hook=_object)
    return encode(tree)


def _replaced(
    text: bytes, pattern: re.Pattern[bytes], other: Callable[[re.Match[bytes]], bytes]
) -> bytes:
    """The text with something else for each match; `re.sub` would keep all pieces of it."""
    out = bytearray()
    at = 0
    for match in pattern.finditer(text):
        new = other(match)
        if new != match[0]:
            out += text[at : match.start()] + new
            at = match.end()
    if not at:
        return text
    out += memoryview(text)[at:]
    return bytes(out)


def _nothing(match: re.Match[bytes]) -> bytes:
    """A number that is none, as null; a string as it is."""
    return match[0] if match[0][:1] == b'"' else b"null"


def _object(members: list[tuple[str, Tree]]) -> dict[str, Tree]:
    """An object whose mended keys are all kept; of other equal keys the last counts."""
    found: dict[str, Tree] = {}
    alike: Counter[str] = Counter()
    for written, value in members:
        key = written
        while key in found and "\ufffd" in written:
            alike[written] += 1
            key = f"{written}{alike[written] + 1}"
        found[key] = value
    return found


def _number(text: str) -> Raw:
    return Raw(text.encode())


def _plain(match: re.Match[bytes]) -> bytes:
    """An escape, or a run of `\\uXXXX`, as plain as JSON allows."""
    escape: bytes = match[0]
    if escape[1:2] != b"u":
        return b"/" if escape == b"\\/" else escape
    text = bytes.fromhex(escape.replace(b"\\u", b"").decode()).decode("utf-16-be", "replace")
    return encode(text)[1:-1]


def decode(text: bytes) -> Tree:
    """The tree of a tidy text; an integer beyond the decoder's reach is a Raw as well."""
    if b"-0" not in text or not _MINUS_ZERO.search(text):
        try:
            return _EXACT.decode(text)
        except msgspec.ValidationError:  # an integer of thousands of digits
            pass
    return json.loads(text, parse_int=_number, parse_float=_number)
