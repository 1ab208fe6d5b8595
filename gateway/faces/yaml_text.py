"""Write plain values as YAML that every reader reads back the same.

YAML 1.1 and 1.2 disagree about bare words: `no`, `012`, `1e3`, `0o7`, `18:00` and dates are
texts to one and something else to the other. So a text stands bare only if it begins with a
letter, `/`, `$` or `_`, has nothing in it that means something in YAML, and is none of the
words that any reader knows; every other text stands in double quotes, where JSON's escapes
are YAML's (YAML 1.2 §7.3.1), or over several lines as a literal block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_BARE = re.compile(
    r"[A-Za-z_/$](?:[A-Za-z0-9 _/$.,;()'\"{}\[\]+*=<>?!@%&|~^-]|:(?=[^\s])|#(?<! #)){0,4000}"
)
_BARE_IN_FLOW = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,60}")
# Booleans, nulls and numbers of YAML 1.1, of 1.2 and of readers that are neither.
_WORDS = frozenset(
    {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "infinity"}
)
# Line breaks of YAML 1.1, the byte order mark and what YAML calls not printable.
_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_LITERAL = re.compile(r"(?![ \n])(?:[^\x00-\x09\x0b-\x1f]*[^\x00-\x20])\n?")
_LONGEST_KEY = 120  # readers look for the `:` of a simple key no further than 1,024 characters
_LONGEST_FLOW = 80  # characters of a list that stands on one line


def write(value: Mapping[str, Any]) -> str:
    """Write a mapping of plain values as one YAML document."""
    lines: list[str] = []
    _mapping(value, "", lines)
    return "".join(lines) or "{}\n"


def _mapping(value: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    for key, item in value.items():
        text = _key(key)
        lead = f"{indent}{text}:" if len(text) <= _LONGEST_KEY else f"{indent}? {text}\n{indent}:"
        _after(lead, item, indent, lines)


def _sequence(value: Sequence[Any], indent: str, lines: list[str]) -> None:
    for item in value:
        if isinstance(item, Mapping) and item:
            # The first key stands on the line of the dash.
            first = len(lines)
            _mapping(item, indent + "  ", lines)
            lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
        else:
            _after(f"{indent}-", item, indent, lines)


def _after(lead: str, item: Any, indent: str, lines: list[str]) -> None:
    """Write a value behind its key or dash."""
    if isinstance(item, str):
        text = _lines(item, indent + "  ") if "\n" in item else _text(item)
        lines.append(f"{lead} {text}\n")
    elif isinstance(item, Mapping) and item:
        lines.append(lead + "\n")
        _mapping(item, indent + "  ", lines)
    elif isinstance(item, list) and item:
        if flow := _flow(item):
            lines.append(f"{lead} {flow}\n")
        else:
            lines.append(lead + "\n")
            _sequence(item, indent + "  ", lines)
    else:
        lines.append(f"{lead} {_quoted(item)}\n")


def _flow(items: Sequence[Any]) -> str:
    """Write a short list of scalars on one line; "" where it does not fit there."""
    if any(isinstance(item, (Mapping, list)) for item in items):
        return ""
    texts = [
        item if isinstance(item, str) and _is_bare(item, _BARE_IN_FLOW) else _quoted(item)
        for item in items
    ]
    line = f"[{', '.join(texts)}]"
    return line if len(line) <= _LONGEST_FLOW else ""


def _lines(text: str, indent: str) -> str:
    """Write a text of several lines: as a literal block where that is exact, else quoted."""
    if not _LITERAL.fullmatch(text) or _SPECIAL.search(text):
        return _quoted(text)
    mark = "|" if text.endswith("\n") else "|-"
    lines = text.removesuffix("\n").split("\n")
    return mark + "".join(f"\n{indent}{line}" if line else "\n" for line in lines)


def _text(text: str) -> str:
    """Write a text on one line."""
    return text if _is_bare(text, _BARE) else _quoted(text)


_key = lru_cache(maxsize=1024)(_text)  # the same few come back in every schema


def _is_bare(text: str, pattern: re.Pattern[str]) -> bool:
    return (
        pattern.fullmatch(text) is not None and text[-1] not in " :" and text.lower() not in _WORDS
    )


def _quoted(value: Any) -> str:
    """Write a text in double quotes, another scalar or an empty container as JSON has it."""
    if isinstance(value, float):
        return _float(value)
    text = json.dumps(value, ensure_ascii=False)
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _float(value: float) -> str:
    """Write a float with a dot, which YAML 1.1 wants, and a signed exponent."""
    mantissa, mark, exponent = repr(value).partition("e")
    return mantissa + ("" if "." in mantissa or not mark else ".0") + mark + exponent
