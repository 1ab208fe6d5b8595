"""Values as text and as JSON, and text as it may stand in a URL. Pure.

Nothing is lost on the way: numbers keep the very text they came as (`1e5`, `-0`, `1.50`, a
thousand digits), text its characters. What has no such form raises `Unwritable`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, NoReturn, Self
from urllib.parse import quote

import msgspec

Writer = Callable[[Any], str]
Write = Callable[[Any], Any]  # the same, or in a JSON body the value that is sent

_LONGEST = 60  # characters of a caller's text in a message

# Jackson's bound (`maxNumberLength`); a validator gives up at 4,301.
_MOST_DIGITS = 1_000
# A JSON integer that is shorter is written by Python as it came; `int` refuses 4,301 digits,
# and its time is quadratic long before.
_PLAIN_DIGITS = 19


class Number(Decimal):
    """A number out of a JSON text; as text it is what it came as."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Raises: ValueError, for digits or an exponent beyond all bounds."""
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"a number has more than {_MOST_DIGITS:,} digits")
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:
            raise ValueError("a number is out of range") from None
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def _integer(text: str) -> int | Number:
    return int(text) if len(text) < _PLAIN_DIGITS and text != "-0" else Number(text)


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


# The standard library's, since msgspec hands no integer over as text: `-0` would be 0, and
# 4,301 digits a fault.
_decoder = json.JSONDecoder(parse_float=Number, parse_int=_integer, parse_constant=_constant)


def decode_json(text: str) -> Any:
    """Read a JSON text. Raises: ValueError, often a JSONDecodeError with the place."""
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _number(value: object) -> msgspec.Raw:
    if isinstance(value, Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value)} is not written as JSON")


encode_json = msgspec.json.Encoder(decimal_format="number", enc_hook=_number).encode


def plain(value: Any) -> Any:
    """A value with decimals for numbers that keep their text, as the schema checker reads it."""
    match value:
        case Number():
            return Decimal(value)
        case dict():
            return {key: plain(member) for key, member in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


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
        decode_json(encoded.decode())
    except ValueError:
        return False
    return True


def item_text(value: Any) -> str:
    """A member of a list or object as text; what is nested there becomes JSON."""
    return json_text(value) if isinstance(value, (dict, list, tuple)) else text_of(value)


def shown(value: Any) -> str:
    """A value as a message quotes it, bounded: texts as `'text'`, others as JSON."""
    if isinstance(value, str):
        return repr(_short(value))
    try:
        return _short(json_text(value))
    except (Unwritable, TypeError, ValueError):
        return f"a {type(value).__name__}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The way out of a typing error: `; did you mean 'x'?`, or nothing."""
    close = difflib.get_close_matches(word[:100], list(allowed), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
