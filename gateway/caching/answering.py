"""The answer out of a stored reply: conditions, ranges, HEAD. Pure.

RFC 9111 sections 4.3.2, 5.1; RFC 9110 sections 13.1, 13.2.2, 14.2, 15.4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.caching.dates import http_date
from gateway.caching.directives import LONGEST, OWS, members
from gateway.caching.entries import Entry
from gateway.caching.fields import by_name, without
from gateway.caching.ranges import allows, asked_range, cut, unmet
from gateway.caching.validating import opaque
from gateway.values import Reply, UpstreamRequest

# RFC 9110 section 15.4.5; Last-Modified only where there is no tag. CDN-Cache-Control goes on as
# Cache-Control does (RFC 9213 section 2.1).
_OF_304: Final = frozenset(
    ("etag", "date", "expires", "cache-control", "cdn-cache-control", "vary", "content-location")
)


def answered(entry: Entry, request: UpstreamRequest, age: float) -> Reply:
    """The answer out of an entry: what is stored, 304, 206, 416, or without a body to HEAD.

    With our Age (section 5.1). Content-Length is the stored one of a whole body, else left out.
    """
    asked = by_name(request.headers)
    stored = entry.reply
    ours = (("Age", str(min(int(age), LONGEST))),)
    if request.method in ("GET", "HEAD") and is_unmodified(entry, asked):
        kept = _OF_304 if entry.facts.etag else _OF_304 | {"last-modified"}
        headers = tuple(pair for pair in stored.headers if pair[0].lower() in kept)
        return Reply(304, (*headers, *ours), b"", stored.received, stored.initial_age)
    if request.method == "HEAD":
        return Reply(stored.status, (*stored.headers, *ours), b"", stored.received)
    ranged = _ranged(entry, asked) if request.method == "GET" and "range" in asked else None
    if ranged is None:
        return Reply(
            stored.status,
            (*stored.headers, *ours),
            stored.body,
            stored.received,
            stored.initial_age,
            notes=stored.notes,
        )
    status, body, content_range = ranged
    headers = without(stored.headers, ("content-length", "content-range"))
    headers = (*headers, ("Content-Range", content_range), *ours)
    return Reply(status, headers, body, stored.received, stored.initial_age)


def _ranged(entry: Entry, asked: Mapping[str, str]) -> tuple[int, bytes, str] | None:
    """Status, body and Content-Range where a range is to be had; None for the whole."""
    wanted = asked_range(asked["range"])
    if wanted is None or entry.reply.status not in (200, 206) or not allows(entry.facts, asked):
        return None
    part = entry.facts.part
    if part is None and "content-encoding" in by_name(entry.reply.headers):
        return None  # the body may be stored decoded: which bytes were meant is not known
    found = cut(entry, wanted)
    if found is None:
        total = len(entry.reply.body) if part is None else part.total or 0
        return 416, b"", unmet(total)
    return 206, *found


def is_unmodified(entry: Entry, asked: Mapping[str, str]) -> bool:
    """Whether the caller has what is stored: 304 (section 4.3.2).

    If-None-Match stands above If-Modified-Since, in weak comparison. A malformed tag is compared
    as the text it is.
    """
    if "if-none-match" not in asked and "if-modified-since" not in asked:
        return False
    if entry.reply.status not in (200, 206):
        return False
    facts, tags = entry.facts, asked.get("if-none-match")
    if tags is not None:
        if tags.strip(OWS) == "*":
            return True
        own = opaque(facts.etag)
        return bool(own) and any(opaque(tag) == own for tag in members(tags))
    since = http_date(asked["if-modified-since"], entry.reply.received)
    changed = facts.dated if facts.modified is None else facts.modified
    return since is not None and changed <= since
