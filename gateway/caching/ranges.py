"""Byte ranges: reading them, cutting them out of what is stored, joining parts. Pure.

RFC 9110 section 14, RFC 9111 sections 3.3 and 3.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.caching.dates import http_date
from gateway.caching.directives import OWS
from gateway.caching.entries import Entry, Facts, Part

# 15 digits: no body has more bytes, and `int` reads them at once.
_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,15})-(\d{0,15})", re.IGNORECASE | re.ASCII)
_CONTENT_RANGE: Final = re.compile(
    r"bytes[ \t]+(\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", re.IGNORECASE | re.ASCII
)


class Range(NamedTuple):
    """One range as asked for: from `first` on, up to `last` if given; or the last `suffix`."""

    first: int
    last: int | None
    suffix: int | None = None

    def within(self, total: int) -> tuple[int, int] | None:
        """The first and last byte of `total`; None where it cannot be satisfied."""
        if self.suffix is not None:
            return (max(0, total - self.suffix), total - 1) if self.suffix and total else None
        last = total - 1 if self.last is None else min(self.last, total - 1)
        return (self.first, last) if self.first <= last else None


def asked_range(text: str) -> Range | None:
    """The one range of a Range field.

    None for anything else: no range, another unit, malformed (RFC 9110 section 14.2 ignores
    those), or several (`is_several`).
    """
    match = _RANGE.fullmatch(text.strip(OWS))
    if match is None:
        return None
    first, last = match[1], match[2]
    if not first:
        return Range(0, None, int(last)) if last else None
    if last and int(last) < int(first):
        return None
    return Range(int(first), int(last) if last else None)


def is_several(text: str) -> bool:
    """Whether a Range field asks for more than one range, which go upstream as they came."""
    return "," in text


def content_part(text: str) -> Part | None:
    """The part that a Content-Range says; None for what is malformed or contradicts itself."""
    match = _CONTENT_RANGE.fullmatch(text.strip(OWS))
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if last < first or (total is not None and last >= total):
        return None
    return Part(first, last, total)


def covers(part: Part, wanted: Range) -> bool:
    """Whether a stored part holds all of a range."""
    if part.total is None:
        return wanted.last is not None and part.first <= wanted.first and wanted.last <= part.last
    span = wanted.within(part.total)
    return span is not None and part.first <= span[0] and span[1] <= part.last


def cut(entry: Entry, wanted: Range) -> tuple[bytes, str] | None:
    """The bytes of a range out of an entry, and their Content-Range; None: unsatisfiable."""
    body, part = entry.reply.body, entry.facts.part
    if part is None:
        part = Part(0, len(body) - 1, len(body))
    if part.total is None:
        first, last = wanted.first, part.last if wanted.last is None else wanted.last
    else:
        span = wanted.within(part.total)
        if span is None:
            return None
        first, last = span
    if wanted.suffix is not None:  # from the end: `exact_ranges` may have been waived
        data = body[max(0, len(body) - wanted.suffix) :]
    else:
        data = body[first - part.first : last - part.first + 1]
    return data, f"bytes {first}-{last}/{'*' if part.total is None else part.total}"


def unmet(total: int) -> str:
    """Content-Range of a 416 (RFC 9110 section 14.4)."""
    return f"bytes */{total}"


def allows(facts: Facts, asked: Mapping[str, str]) -> bool:
    """Whether If-Range lets a range be had (RFC 9110 section 13.1.5): strong comparison only."""
    condition = asked.get("if-range")
    if condition is None:
        return True
    if '"' in condition:
        return is_strong(facts.etag) and condition.strip(OWS) == facts.etag
    when = http_date(condition, facts.dated)
    # Section 8.8.2.2 there: a date is a strong validator once it is a minute older than the reply.
    return when is not None and when == facts.modified and facts.dated - when >= 60


def is_strong(etag: str) -> bool:
    """Whether this is a strong entity tag (RFC 9110 section 8.8.3)."""
    return len(etag) >= 2 and etag.startswith('"') and etag.endswith('"')


def rest_of(part: Part) -> str | None:
    """The Range that asks for what follows a stored beginning; None where it is none."""
    if part.first or (part.total is not None and part.last + 1 >= part.total):
        return None
    return f"bytes={part.last + 1}-"
