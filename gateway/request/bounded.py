"""How much a JSON body may hold, found before it is parsed. Pure.

A value costs a hundred times its bytes once it is parsed and checked, and what is nested makes
everything that walks over it recurse. Both are counted in the text, at memory speed where there
is little to count. A text inside of a value that is JSON once more is held to the same bounds.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.request.text import decode_json

# System.Text.Json takes 64, Jackson 1,000; no call of a model is nested a tenth as deep.
MAX_DEPTH = 100
# ASP.NET takes 1,000 members, PHP as many variables; rows to be stored may be more.
MAX_VALUES = 100_000
# Without an end it goes on to the end of all: nothing is looked at twice.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def refuse_beyond(body: bytes) -> None:
    """Refuse a JSON text of too many values or levels. Raises: ValueError, in words for callers."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH and body.count(b",") < MAX_VALUES - MAX_DEPTH:
        return
    bare = _STRING.sub(b"", body)
    brackets = bare.translate(None, _NO_BRACKETS)
    if bare.count(b",") + len(brackets) // 2 >= MAX_VALUES:
        raise ValueError(
            f"it holds more than {MAX_VALUES:,} values; send less at once, in several calls"
        )
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            text = f"it is nested too deeply: at most {MAX_DEPTH} levels; send it flatter"
            raise ValueError(text)


def decode_text(text: str) -> Any:
    """Read JSON out of a caller's text. Raises: ValueError, in words for callers."""
    refuse_beyond(text.encode())
    return decode_json(text)
