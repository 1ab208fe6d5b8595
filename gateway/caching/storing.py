"""May a reply be stored, and as what: section 3. What a write makes untrue: section 4.4. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from gateway.caching.dates import date_text, http_date
from gateway.caching.directives import OWS, cache_control
from gateway.caching.entries import Caching, Entry, Facts, NotStored, Part, Stored
from gateway.caching.fields import by_name, storable_headers, without
from gateway.caching.freshness import (
    HEURISTIC,
    Lifetime,
    Said,
    forbids_stale,
    lifetime,
    must_validate,
    named_fields,
    read,
    window,
)
from gateway.caching.ranges import asked_range, content_part
from gateway.caching.variants import varies, vary_of
from gateway.values import Reply, UpstreamRequest

# Methods that change nothing (RFC 9110 section 9.2.1, RFC 10008); unknown ones may.
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "QUERY"))
# The statuses whose meaning for a cache is known (section 5.2.2.3): RFC 9110 section 15.
_UNDERSTOOD: Final = HEURISTIC - {206} | frozenset(
    (201, 202, 205, 302, 303, 305, 307, 400, 401, 402, 403, 406, 407, 408, 409, 411, 412, 413, 415)
) | frozenset((416, 417, 421, 422, 426, 500, 502, 503, 504, 505))  # fmt: skip


def address(request: UpstreamRequest, caching: Caching) -> tuple[str, str] | None:
    """What of a request belongs into the key, beside the partition: URL, and digest of the body.

    The digest is "" but for a POST that reads. None where nothing is ever stored or looked up:
    other methods, a GET with a body (RFC 9110 section 9.3.1 gives it no meaning, servers do).
    """
    if request.method in ("GET", "HEAD"):
        return None if request.body else (request.url, "")
    if request.method != "POST" or not caching.post:
        return None
    kind = by_name(request.headers).get("content-type", "")
    digest = hashlib.blake2b(kind.encode("utf-8", "surrogateescape"), digest_size=16)
    digest.update(b"\0" + (request.body or b""))
    return request.url, digest.hexdigest()


def may_store(
    request: UpstreamRequest, reply: Reply, sent: float, now: float, caching: Caching
) -> Stored | NotStored:
    """Whether and as what a reply is kept (section 3).

    Args:
        request: As it was sent.
        reply: Whole; `received` is the wall clock.
        sent: The wall clock when the request was sent.
        now: The clock by which time held is counted, as it was when the reply came.
        caching: The operation's settings.
    """
    said, asked = read(reply, sent), by_name(request.headers)
    reason = _refused(request, asked, said, caching)
    if reason:
        return NotStored(reason)
    part = None
    if reply.status == 206:
        part = _part(request, asked, said, caching)
        if part is None:
            return NotStored("a part that was not asked for so")
    life = lifetime(said, caching)
    as_get = request.method == "POST" and not caching.post
    if as_get and not (life.is_explicit and _is_its_own(request, said)):
        return NotStored("method")
    entry = entry_of(request, said, now, caching, part)
    reason = _useless(entry, said, life, caching)
    if reason:
        return NotStored(reason)
    return Stored(entry, as_get, _idle(said, life, caching))


def _refused(
    request: UpstreamRequest, asked: Mapping[str, str], said: Said, caching: Caching
) -> str:
    """Why section 3 forbids to store a reply; "" where it does not."""
    reply = said.reply
    if request.method not in ("GET", "HEAD", "POST") or (request.method == "GET" and request.body):
        return "method"
    if request.method == "POST" and not caching.post and reply.status != 200:
        return "method"
    if reply.rest is not None:
        return "passed on as it came"
    if reply.status < 200 or reply.status == 304:
        return f"status {reply.status}"
    if caching.obey_caller and "no-store" in cache_control(asked.get("cache-control", "")):
        return "the caller's no-store"
    return forbidden(asked, said, caching)


def forbidden(asked: Mapping[str, str], said: Said, caching: Caching) -> str:
    """Why a reply's own headers forbid to keep it; "" where they do not."""
    directives = said.directives
    if "must-understand" in directives:  # section 5.2.2.3: it stands above no-store
        if said.reply.status not in _UNDERSTOOD:
            return "must-understand"
    elif "no-store" in directives:
        return "no-store"
    if not caching.shared:
        if "private" in directives and not named_fields(said, "private"):
            return "private"
        if "authorization" in asked and not _for_all(directives):
            return "the caller's Authorization"
    return "Vary: *" if varies(said.fields.get("vary", "")) is None else ""


def _for_all(directives: Mapping[str, str | None]) -> bool:
    """Section 3.5: what lets a reply to one user be kept for others."""
    return any(name in directives for name in ("public", "must-revalidate", "s-maxage"))


def _part(
    request: UpstreamRequest, asked: Mapping[str, str], said: Said, caching: Caching
) -> Part | None:
    """What a 206 holds (section 3.3); None where it is not the one part that was asked for.

    Of a coded body it could not be told which bytes they are.
    """
    part = content_part(said.fields.get("content-range", ""))
    wanted = asked_range(asked.get("range", ""))
    if request.method != "GET" or part is None or wanted is None:
        return None
    if "content-encoding" in said.fields:
        return None
    length = part.last - part.first + 1
    return part if length == len(said.reply.body) or not caching.exact_ranges else None


def _is_its_own(request: UpstreamRequest, said: Said) -> bool:
    """Whether a POST's reply is what a GET of its URL would bring (RFC 9110 section 9.3.3)."""
    where = said.fields.get("content-location")
    return where is not None and _within_origin(request.url, where) == request.url


def _useless(entry: Entry, said: Said, life: Lifetime, caching: Caching) -> str:
    """Why keeping a reply would bring nothing, or errors be kept unasked; "" where it would."""
    facts, status = entry.facts, said.reply.status
    may_guess = status in HEURISTIC or "public" in said.directives
    if not life.why and (status >= 400 or not may_guess):
        return f"status {status} without explicit freshness"
    if (facts.etag or facts.modified_text) and not facts.head:
        return ""
    if facts.no_cache:
        return "no-cache without a validator"
    if facts.lifetime > facts.initial_age or facts.while_revalidate or facts.if_error:
        return ""
    # It may still stand in for an upstream that fails: `instead`.
    longest = bool(life.why) if caching.stale is None else caching.stale > 0
    if longest and not facts.strict and facts.if_error is None:
        return ""
    return f"stale when it came: {life.why}" if life.why else "no freshness, no validator"


def _idle(said: Said, life: Lifetime, caching: Caching) -> str:
    """Why a configured ttl does nothing for a reply that is kept."""
    if caching.ttl is None or life.why == "ttl":
        return ""
    if not 200 <= said.reply.status < 300:
        return f"status {said.reply.status}"
    return life.why if life.is_explicit else "no-cache"


def entry_of(
    request: UpstreamRequest, said: Said, now: float, caching: Caching, part: Part | None = None
) -> Entry:
    """A reply as it would be stored, its headers read once; whether it may be is not asked."""
    reply, fields = said.reply, said.fields
    life = lifetime(said, caching)
    asked = by_name(request.headers)
    hidden = {"age", *named_fields(said, "no-cache")}
    if not caching.shared:
        hidden |= named_fields(said, "private")
    headers = without(storable_headers(reply.headers), hidden)
    if "date" not in fields:  # RFC 9110 section 6.6.1
        headers = (*headers, ("Date", date_text(reply.received)))
    etag = fields.get("etag", "").strip(OWS)
    modified = http_date(fields.get("last-modified", ""), reply.received)
    facts = Facts(
        since=now,
        initial_age=said.initial_age,
        lifetime=life.seconds,
        fresh_until=now + life.seconds - said.initial_age,
        dated=said.dated,
        no_cache=must_validate(said, life.why),
        strict=forbids_stale(said, life.why),
        immutable="immutable" in said.directives,
        while_revalidate=window(said, "stale-while-revalidate"),
        if_error=window(said, "stale-if-error"),
        vary=vary_of(varies(fields.get("vary", "")) or (), asked),
        etag="" if etag == "*" else etag,  # as a condition it would mean any (RFC 9110 13.1.2)
        modified_text="" if modified is None else fields["last-modified"].strip(OWS),
        modified=modified,
        language=fields.get("content-language", "").strip(OWS).lower(),
        part=part,
        head=request.method == "HEAD",
    )
    kept = Reply(
        reply.status, headers, reply.body, reply.received, said.initial_age, notes=reply.notes
    )
    return Entry(kept, facts)


# --- what a write makes untrue ----------------------------------------------------------------


def invalidated(request: UpstreamRequest, reply: Reply, caching: Caching) -> tuple[str, ...]:
    """The URLs whose stored replies a write has made untrue (section 4.4): most often none.

    Besides the target, what Location and Content-Location name within its origin.
    """
    reads = request.method in _SAFE or (request.method == "POST" and caching.post)
    if reads or not 200 <= reply.status < 400:
        return ()
    urls = [request.url]
    for name in ("Location", "Content-Location"):
        value = reply.header(name)
        if value is not None and (url := _within_origin(request.url, value)) is not None:
            urls.append(url)
    return tuple(dict.fromkeys(urls))


def _within_origin(base: str, reference: str) -> str | None:
    try:
        url = urljoin(base, reference.strip(OWS)).partition("#")[0]
        one, other = urlsplit(base), urlsplit(url)
        same = (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    except ValueError:  # a hostile Location
        return None
    return url if same else None
