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
from typing import Any

import msgspec
from msgspec import Raw

_ESCAPES = re.compile(rb"\\[^u]|(?:\\u[0-9a-fA-F]{4})+")
# The one integer that msgspec changes. A match inside a string only costs time.
_MINUS_ZERO = re.compile(rb"-0(?=[,\]}]|\Z)")
_EXACT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Raw)

Tree = Any  # dict, list, str, int, bool, None; a number that is no plain integer is a Raw
encode = msgspec.json.encode


def tidy(body: bytes) -> bytes:
    """Minify a JSON text.

    Raises:
        ValueError: if it is not JSON, or nested too deeply.
    """
    try:
        text = msgspec.json.format(body, indent=-1)
    except msgspec.DecodeError:
        text = _mended(body)
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            text = _mended(text)
    if b"\\" in text and (b"\\u" in text or b"\\/" in text):
        text = encode(decode(text))  # a character costs less than its escape
    return text


def _mended(body: bytes) -> bytes:
    """The text, if what is wrong with it can be mended. Raises: ValueError."""
    text = body.decode(json.detect_encoding(body), "replace").encode()
    text = _ESCAPES.sub(_plain, text)  # lone surrogates are gone after this
    # The hooks keep numbers of any length: Python's own limit is 4,300 digits.
    tree = json.loads(
        text,
        parse_int=_number,
        parse_float=_number,
        parse_constant=lambda _: None,
        object_pairs_hook=_object,
    )
    return encode(tree)


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
