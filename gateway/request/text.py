"""Values as text and as JSON, and text as it may stand in a URL. Pure.

Nothing is lost on the way: big integers and decimals keep their digits, text its characters.
What has no such form raises `Unwritable`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

import msgspec

Writer = Callable[[Any], str]
Write = Callable[[Any], Any]  # the same, or in a JSON body the value that is sent

encode_json = msgspec.json.Encoder(decimal_format="number").encode
decode_json = msgspec.json.Decoder(float_hook=Decimal).decode


class Unwritable(ValueError):
    """The value cannot be written in its place; the text goes behind the argument's name."""


def escape(text: str, safe: str = "") -> str:
    """Percent-encode all but RFC 3986's unreserved characters, and `safe`."""
    if text.isalnum() and text.isascii():
        return text
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Unwritable("is not valid Unicode text") from None
    return "".join(map(_table(safe).__getitem__, raw))


@cache
def _table(safe: str) -> tuple[str, ...]:
    """How each byte is written. Ten times faster on short texts than `urllib.parse.quote`."""
    return tuple(quote(bytes([byte]), safe=safe) for byte in range(256))


def text_of(value: Any) -> str:
    """A scalar as text: numbers keep their digits, booleans are `true` and `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _digits(value)
    match value:
        case Decimal() | float() if value == value and value not in (_INFINITE, -_INFINITE):
            return str(value)
        case dict():
            raise Unwritable("takes one value, not an object")
        case list() | tuple():
            raise Unwritable("takes one value, not a list")
    raise Unwritable("takes one value, not null" if value is None else "is not a finite number")


_INFINITE = float("inf")


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses beyond 4,300 digits
        raise Unwritable("is too long a number") from None


def json_text(value: Any) -> str:
    """A value as JSON text, decimals as they came."""
    return json_bytes(value).decode()


def json_bytes(value: Any) -> bytes:
    """A value as JSON in UTF-8, decimals as they came."""
    try:
        encoded = encode_json(value)
    except UnicodeEncodeError:
        raise Unwritable("holds text that is not valid Unicode") from None
    except RecursionError:
        raise Unwritable("is nested too deeply") from None
    # A decimal that is no number would be written as a bare NaN, which is not JSON.
    if (b"NaN" in encoded or b"Infinity" in encoded) and not _is_json(encoded):
        raise Unwritable("holds a number that is not finite")
    return encoded


def _is_json(encoded: bytes) -> bool:
    try:
        decode_json(encoded)
    except msgspec.DecodeError:
        return False
    return True


def item_text(value: Any) -> str:
    """A member of a list or object as text; what is nested there becomes JSON."""
    return json_text(value) if isinstance(value, (dict, list, tuple)) else text_of(value)
