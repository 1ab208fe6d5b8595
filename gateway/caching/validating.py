"""Asking whether what is stored still holds, and what comes of it: sections 3.2, 3.4, 4.3. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.caching.entries import Caching, Complete, Entry, Fetch, Forward, Refreshed, Validate
from gateway.caching.fields import by_name, storable_headers, without
from gateway.caching.freshness import read
from gateway.caching.ranges import content_part, is_strong, rest_of
from gateway.caching.storing import entry_of, forbidden
from gateway.caching.variants import matches
from gateway.values import Headers, Reply, UpstreamRequest

# A caller's conditions: ours stand in for them while we validate.
CONDITIONS: Final = frozenset(
    ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range")
)
# Section 3.2: what belongs to the stored body, whatever a later reply without it says.
_OF_THE_BODY: Final = frozenset(("content-length", "content-encoding", "content-range", "age"))


def validation(entry: Entry) -> Headers:
    """The conditions that ask whether an entry still holds (section 4.3.1).

    None where it has no validator.
    """
    facts = entry.facts
    headers: list[tuple[str, str]] = []
    if facts.etag:
        headers.append(("If-None-Match", facts.etag))
    if facts.modified_text:
        headers.append(("If-Modified-Since", facts.modified_text))
    return tuple(headers)


def refreshing(
    entry: Entry, request: UpstreamRequest, forward: Forward = "stale"
) -> Validate | Fetch:
    """Ask whether an entry still holds, else for another (section 4.3.1).

    Not by conditions on a POST: there If-None-Match means something else (RFC 9110 section
    13.1.2). Nor about a reply to HEAD, which has nothing that could be kept; nor about a part
    where the whole is asked for, since a 304 would bring no whole.
    """
    facts = entry.facts
    is_known = request.method in ("GET", "HEAD") and not facts.head
    if facts.part is not None and "range" not in by_name(request.headers):
        is_known = False
    headers = validation(entry) if is_known else ()
    return Validate((entry,), headers, entry, forward) if headers else Fetch(forward, entry)


def any_of(entries: Sequence[Entry]) -> Validate | None:
    """Ask which of the variants holds, where none is known to match; None without any tag."""
    known = tuple(one for one in entries if one.facts.etag and is_whole(one))
    if not known:
        return None
    tags = dict.fromkeys(one.facts.etag for one in known)
    return Validate(known, (("If-None-Match", ", ".join(tags)),), None, "vary-miss")


def completion(entry: Entry) -> Complete | None:
    """Ask for what is missing of a stored beginning; None where it is none (section 3.4).

    Without a strong tag the parts cannot be joined: the rest then tells at least whether the
    upstream still has it.
    """
    part = entry.facts.part
    rest = rest_of(part) if part is not None else None
    if rest is None:
        return None
    headers: Headers = (("Range", rest),)
    if is_strong(entry.facts.etag):
        headers = (*headers, ("If-Range", entry.facts.etag))
    return Complete(entry, headers)


def conditional(request: UpstreamRequest, headers: Headers) -> UpstreamRequest:
    """The request with these conditions in place of the caller's (section 4.3.1)."""
    names = {name.lower() for name, _ in headers} | CONDITIONS
    return request._replace(headers=(*without(request.headers, names), *headers))


def unconditional(request: UpstreamRequest) -> UpstreamRequest:
    """The request without any condition or Range: asks for the whole."""
    return request._replace(headers=without(request.headers, CONDITIONS | {"range"}))


def is_whole(entry: Entry) -> bool:
    """Whether an entry holds the whole body of a reply."""
    return entry.facts.part is None and not entry.facts.head


def named(entries: Sequence[Entry], reply: Reply) -> Entry | None:
    """Which entry a 304 says still holds (section 4.3.4); None: none of them, it refreshes nothing.

    By its strong tag, else by its weak one, else by Last-Modified; a 304 without any validator
    means the one that was asked about.
    """
    fields = by_name(reply.headers)
    etag, modified = fields.get("etag", "").strip(), fields.get("last-modified", "").strip()
    newest = tuple(reversed(entries))
    if etag:
        same = is_strong(etag)
        for one in newest:
            if one.facts.etag == etag or (not same and opaque(one.facts.etag) == opaque(etag)):
                return one
        # An entry without a tag was asked about by its date alone.
        return newest[0] if len(newest) == 1 and not newest[0].facts.etag and not same else None
    if len(newest) == 1 and (newest[0].facts.etag or not modified):
        return newest[0]
    return next((one for one in newest if modified and one.facts.modified_text == modified), None)


def opaque(etag: str) -> str:
    """A tag for weak comparison (RFC 9110 section 8.8.3.2); a malformed one stays as it is."""
    return etag.removeprefix("W/")


def refreshed(
    entry: Entry,
    request: UpstreamRequest,
    reply: Reply,
    sent: float,
    now: float,
    caching: Caching,
) -> Refreshed:
    """An entry with a 304's headers and freshness computed anew (sections 3.2, 4.3.4).

    It is now what this request chose, so it may be stored beside the variant it was named by.
    """
    merged = Reply(
        entry.reply.status,
        _merged(entry.reply.headers, reply.headers),
        entry.reply.body,
        reply.received,
        notes=entry.reply.notes,
    )
    # The 304's Age says how old it is; a stored reply has none.
    ages = tuple(pair for pair in reply.headers if pair[0].lower() == "age")
    said = read(replace(merged, headers=(*merged.headers, *ages)), sent)
    keep = not forbidden(by_name(request.headers), said, caching)
    fresh = entry_of(request, said, now, caching, entry.facts.part)
    return Refreshed(Entry(fresh.reply, replace(fresh.facts, head=entry.facts.head)), keep)


def _merged(stored: Headers, update: Headers) -> Headers:
    """Stored headers with those of a later reply in place of their own (section 3.2)."""
    news = without(storable_headers(update), _OF_THE_BODY)
    names = {name.lower() for name, _ in news}
    # A Date of before would make the refreshed one look old: without one, receipt counts.
    return (*without(stored, names | {"date"}), *news)


def freshened_by_head(
    entries: Sequence[Entry],
    request: UpstreamRequest,
    reply: Reply,
    sent: float,
    now: float,
    caching: Caching,
) -> tuple[Entry, ...]:
    """What is stored for a URL after a HEAD's 200 (section 4.3.5).

    Of the variants that match the request those that it does not contradict are refreshed; the
    others are stale from now on.
    """
    if reply.status != 200:
        return tuple(entries)
    asked, fields = by_name(request.headers), by_name(reply.headers)
    found: list[Entry] = []
    for entry in entries:
        if entry.facts.head or not matches(entry.facts, asked):
            found.append(entry)
        elif _is_contradicted(entry, fields):
            facts = replace(entry.facts, lifetime=0.0, fresh_until=entry.facts.since, strict=True)
            found.append(Entry(entry.reply, replace(facts, no_cache=True)))
        else:
            new = refreshed(entry, request, reply, sent, now, caching)
            if new.keep:
                found.append(new.entry)
    return tuple(found)


def _is_contradicted(entry: Entry, fields: dict[str, str]) -> bool:
    """Whether a HEAD's ETag, Last-Modified or Content-Length are not the entry's."""
    stored = by_name(entry.reply.headers)
    part = entry.facts.part
    if part is not None and part.total is not None:
        stored["content-length"] = str(part.total)
    return any(
        name in fields and name in stored and fields[name].strip() != stored[name].strip()
        for name in ("etag", "last-modified", "content-length")
    )


def joined(
    entry: Entry,
    request: UpstreamRequest,
    reply: Reply,
    sent: float,
    now: float,
    caching: Caching,
) -> Refreshed | None:
    """A stored beginning with the 206 that `Complete` asked for, as a 200 (section 3.4).

    None where they are not parts of the same: another strong tag, or none, or a gap.
    """
    fields, old = by_name(reply.headers), entry.facts.part
    part = content_part(fields.get("content-range", ""))
    if reply.status != 206 or old is None or part is None or "content-encoding" in fields:
        return None
    etag, total = fields.get("etag", "").strip(), part.total
    is_same = is_strong(etag) and etag == entry.facts.etag
    fits = part.first == old.last + 1 == len(entry.reply.body) and old.first == 0
    is_end = total == part.last + 1 and old.total in (None, total)
    if not (is_same and fits and is_end and len(reply.body) == part.last - part.first + 1):
        return None
    headers = without(_merged(entry.reply.headers, reply.headers), _OF_THE_BODY)
    headers = (*headers, ("Content-Length", str(total)))
    ages = tuple(pair for pair in reply.headers if pair[0].lower() == "age")
    body = entry.reply.body + reply.body
    said = read(Reply(200, (*headers, *ages), body, reply.received), sent)
    whole = entry_of(request, said, now, caching)
    return Refreshed(whole, not forbidden(by_name(request.headers), said, caching))
