"""Replacing in long texts in little memory.

`re.sub` and `str.split` hold every piece of a text as an object of fifty bytes and more, so a
hostile 10 MB of short words would cost 200 MB. Here pieces are written as they come.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO

_SHORT = 65_536  # characters; of so many the pieces take 2 MB


def replaced(pattern: re.Pattern[str], text: str, by: Callable[[re.Match[str]], str]) -> str:
    """What `pattern.sub(by, text)` gives; the text itself where nothing matches."""
    if len(text) <= _SHORT:
        return pattern.sub(by, text)
    out = StringIO()
    done = 0
    for match in pattern.finditer(text):
        out.write(text[done : match.start()])
        out.write(by(match))
        done = match.end()
    if not done:
        return text
    out.write(text[done:])
    return out.getvalue()


def one_blank(text: str) -> str:
    """What `" ".join(text.split())` gives."""
    if len(text) <= _SHORT:
        return " ".join(text.split())
    out = StringIO()
    begun = blank = False
    for start in range(0, len(text), _SHORT):
        part = text[start : start + _SHORT]
        words = part.split()
        if words:
            if begun and (blank or part[0].isspace()):
                out.write(" ")
            out.write(" ".join(words))
            begun = True
            blank = part[-1].isspace()
        else:
            blank = True
    return out.getvalue()
