"""Cache-Control, of replies and requests: section 5.2. Pure.

Read exactly: what is present but cannot be read must not count as absent, since absence would let
a guessed lifetime in (section 4.2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.caching.structured import Bare, dictionary

# By lower-case name; None where there is no argument.
Directives = Mapping[str, str | None]

# Section 1.2.2: seconds beyond what is representable count as this.
LONGEST: Final = 2**31
OWS: Final = " \t"
NOTHING: Final[Directives] = {}


def cache_control(text: str) -> Directives:
    """The directives of a field's lines, joined; arguments without their quotes.

    Of a directive given twice with different arguments neither can be trusted: its argument
    reads as the empty text, which is no number.
    """
    if not text:
        return NOTHING
    found: dict[str, str | None] = {}
    for member in members(text):
        name, has_value, value = member.partition("=")
        if name[-1:] in OWS or value[:1] in (" ", "\t"):
            name, value = name.strip(OWS), ""  # a space beside `=` spoils the argument
        name = name.lower()
        argument = unquoted(value) if has_value else None
        found[name] = argument if found.get(name, argument) == argument else ""
    return found


def targeted(text: str) -> Directives | None:
    """The directives of CDN-Cache-Control (RFC 9213 section 2.2), in the form of the above.

    Returns:
        None where the field does not count: absent, empty, or no dictionary.
    """
    parsed = dictionary(text) if text else None
    if not parsed:
        return None
    return {
        name: None if value is True else str(value)  # a negative number reads as broken: stale
        for name, value in parsed.items()
        if _is_right(name, value)
    }


def _is_right(name: str, value: Bare) -> bool:
    """Whether a targeted directive's value is of its type; it is ignored where it is not."""
    if name in _SECONDS:
        return isinstance(value, int) and not isinstance(value, bool)
    return value is True or (isinstance(value, str) and name in _FIELDS)


_SECONDS = frozenset(
    ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "min-fresh", "max-stale")
)
_FIELDS = frozenset(("no-cache", "private"))


def seconds(directives: Directives, name: str) -> int | None:
    """A directive's seconds; None where it is absent, -1 where it cannot be read."""
    if name not in directives:
        return None
    found = digits(directives[name] or "")
    return -1 if found is None else found


def digits(text: str) -> int | None:
    """Delta-seconds (section 1.2.2), capped; looked at before `int`, which has a limit itself."""
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0") or "0"
    return LONGEST if len(significant) > 10 else min(int(significant), LONGEST)


def fields_of(argument: str) -> frozenset[str]:
    """The names that `no-cache="a, b"` gives, lower-case."""
    return frozenset(name for member in argument.split(",") if (name := member.strip(OWS).lower()))


def members(text: str) -> list[str]:
    """Split at commas outside of quoted strings (RFC 9110 sections 5.6.1, 5.6.4)."""
    if '"' not in text:
        return [stripped for member in text.split(",") if (stripped := member.strip(OWS))]
    found, start, quoted, skip = [], 0, False, False
    for position, char in enumerate(text):
        if skip:
            skip = False
        elif quoted:
            skip = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == ",":
            found.append(text[start:position])
            start = position + 1
    found.append(text[start:])
    return [stripped for member in found if (stripped := member.strip(OWS))]


def unquoted(value: str) -> str:
    """The text of a quoted string (RFC 9110 section 5.6.4); anything else as it is."""
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    plain, skip = [], False
    for char in value[1:-1]:
        if char == "\\" and not skip:
            skip = True
            continue
        plain.append(char)
        skip = False
    return "".join(plain)
