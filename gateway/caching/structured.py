"""Structured Fields' dictionaries, strictly: RFC 9651 section 4.2. Pure.

A fault anywhere voids the whole field (section 4.2), so there is no mending here. Parameters are
read and left out: no directive has any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Lists and the rarer types (byte sequences, dates, display strings) are read, and come as ().
Bare = bool | int | float | str | tuple[()]

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_NUMBER = re.compile(r"-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])", re.ASCII)
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_BYTES = re.compile(r":[A-Za-z0-9+/=]*:")
_DATE = re.compile(r"@-?\d{1,15}(?![\d.])", re.ASCII)
_DISPLAY = re.compile(r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*"')
_OPAQUE: Final = (_BYTES, _DATE, _DISPLAY)


class _Fault(ValueError):
    """The text is no dictionary."""


def dictionary(text: str) -> Mapping[str, Bare] | None:
    """The members by key, the last of a repeated one; None where the text is no dictionary.

    A token reads as its text as a string does: no directive tells them apart.
    """
    text = text.strip(" ")
    found: dict[str, Bare] = {}
    position, end = 0, len(text)
    try:
        while position < end:
            key, position = _take(_KEY, text, position)
            if text.startswith("=", position):
                value, position = _member(text, position + 1)
            else:
                value = True
            position = _parameters(text, position)
            found.pop(key, None)
            found[key] = value
            position = _skip(text, position, " \t")
            if position == end:
                break
            if text[position] != ",":
                return None
            position = _skip(text, position + 1, " \t")
            if position == end:  # a comma at the end
                return None
    except _Fault:
        return None
    return found


def _member(text: str, position: int) -> tuple[Bare, int]:
    if not text.startswith("(", position):
        return _bare(text, position)
    position += 1
    while True:  # an inner list: items between spaces
        after = _skip(text, position, " ")
        if text.startswith(")", after):
            return (), after + 1
        _, position = _bare(text, after)
        position = _parameters(text, position)
        if text[position : position + 1] not in (" ", ")"):
            raise _Fault


def _parameters(text: str, position: int) -> int:
    while text.startswith(";", position):
        _, position = _take(_KEY, text, _skip(text, position + 1, " "))
        if text.startswith("=", position):
            _, position = _bare(text, position + 1)
    return position


def _bare(text: str, position: int) -> tuple[Bare, int]:
    first = text[position : position + 1]
    if first == "?":
        if text[position + 1 : position + 2] not in ("0", "1"):
            raise _Fault
        return text[position + 1] == "1", position + 2
    if first == '"':
        quoted, position = _take(_STRING, text, position)
        return re.sub(r"\\(.)", r"\1", quoted[1:-1]), position
    if first == "-" or (first.isascii() and first.isdigit()):
        number, position = _take(_NUMBER, text, position)
        return (float(number) if "." in number else int(number)), position
    for pattern in _OPAQUE:
        if match := pattern.match(text, position):
            return (), match.end()
    return _take(_TOKEN, text, position)


def _take(pattern: re.Pattern[str], text: str, position: int) -> tuple[str, int]:
    match = pattern.match(text, position)
    if match is None:
        raise _Fault
    return match[0], match.end()


def _skip(text: str, position: int, chars: str) -> int:
    while position < len(text) and text[position] in chars:
        position += 1
    return position
