"""The decisions of a shared HTTP cache: RFC 9111 with 5861, 8246, 9211, 9213. Pure.

A driver does this with them, `entries` being what is stored for the request's URL and partition
(`address` is the URL's part of the key), in the order it was stored, the newest last:

    decision = reuse(entries, request, now, caching)
    Serve         answered(entry, request, age); if `refresh`, refreshing(entry, request) aside
    OnlyIfCached  504
    otherwise     send conditional(request, decision.headers), for Fetch the request itself
      no reply    instead(decision.entry, request, None, now, caching) → Serve, or the failure
      304         to Validate: named(decision.entries, reply) → refreshed(…): keep, answered(…);
                  None: ask again with unconditional(request)
                  to Fetch: it is the caller's own
      206         to Complete: joined(…); None: ask again with unconditional(request)
      5xx         instead(decision.entry, request, status, now, caching) → Serve, or as below
      otherwise   may_store(…) → added(entries, entry); to HEAD: freshened_by_head(entries, …) first
    invalidated(request, reply, caching) after every reply: drop those URLs, every variant

Calls in flight share one fetch where `joins`, keyed by address, partition, `variant` and the
generation of what writes forgot; those who waited have its reply where `may_share`.

The request's headers are all that could change the reply, the caller's Authorization too where it
is his own, and the caller's conditions, Range and Cache-Control as he sent them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.caching.answering import answered
from gateway.caching.directives import NOTHING, Directives, cache_control, seconds
from gateway.caching.entries import (
    WITHOUT_ANSWER,
    Caching,
    Decision,
    Entry,
    Fetch,
    OnlyIfCached,
    Serve,
)
from gateway.caching.fields import by_name, storable_headers
from gateway.caching.ranges import asked_range, covers, is_several
from gateway.caching.sharing import joins, may_share, variant
from gateway.caching.status import forward_status, hit_status
from gateway.caching.storing import address, invalidated, may_store
from gateway.caching.validating import (
    any_of,
    completion,
    conditional,
    freshened_by_head,
    joined,
    named,
    refreshed,
    refreshing,
    unconditional,
)
from gateway.caching.variants import added, matches
from gateway.values import UpstreamRequest

__all__ = [
    "added",
    "address",
    "answered",
    "conditional",
    "forward_status",
    "freshened_by_head",
    "hit_status",
    "instead",
    "invalidated",
    "joined",
    "joins",
    "may_share",
    "may_store",
    "named",
    "refreshed",
    "refreshing",
    "reuse",
    "storable_headers",
    "unconditional",
    "variant",
]

# What a failed upstream answers (RFC 5861 section 4); other 5xx say something of the request.
_FAILURES = frozenset((500, 502, 503, 504))


def reuse(
    entries: Sequence[Entry], request: UpstreamRequest, now: float, caching: Caching
) -> Decision:
    """What to do with a request (section 4)."""
    is_head = request.method == "HEAD"
    if not is_head and request.method != "GET" and not (request.method == "POST" and caching.post):
        return Fetch("method")
    asked = by_name(request.headers)
    if not caching.obey_caller:
        return _reuse(entries, request, asked, now, NOTHING)
    control = _control(asked)
    if "no-store" in control:
        return Fetch("request")
    decision = _reuse(entries, request, asked, now, control)
    is_served = isinstance(decision, Serve)
    return OnlyIfCached() if "only-if-cached" in control and not is_served else decision


def _reuse(
    entries: Sequence[Entry],
    request: UpstreamRequest,
    asked: Mapping[str, str],
    now: float,
    control: Directives,
) -> Decision:
    if "if-match" in asked or "if-unmodified-since" in asked:  # the origin's to answer
        return Fetch("bypass")
    wanted = asked.get("range") if request.method == "GET" else None
    if wanted is not None and is_several(wanted):
        return Fetch("bypass")
    entry = _match(entries, asked, wanted, request.method == "HEAD")
    if entry is None:
        return _missing(entries, request, asked, wanted)
    facts = entry.facts
    age = facts.initial_age + (now - facts.since if now > facts.since else 0.0)
    is_usable = now < facts.fresh_until and not facts.no_cache
    if control:
        decision = _obeyed(entry, request, age, is_usable, control)
        if decision is not None:
            return decision
    if is_usable:
        return Serve(entry, age)
    window = facts.while_revalidate  # RFC 5861 section 3
    if window is not None and not facts.strict and age - facts.lifetime < window:
        return Serve(entry, age, "while-revalidate", refresh=True)
    return refreshing(entry, request)


def _match(
    entries: Sequence[Entry], asked: Mapping[str, str], wanted: str | None, is_head: bool
) -> Entry | None:
    """The newest entry that can answer a request, fresh or not (sections 3.3, 4, 4.1)."""
    for entry in reversed(entries):
        facts = entry.facts
        if facts.vary and not matches(facts, asked):
            continue
        if facts.head and not is_head:
            continue
        if facts.part is not None:
            one = asked_range(wanted) if wanted is not None else None
            if one is None or not covers(facts.part, one) or "if-range" in asked:
                continue
        return entry
    return None


def _missing(
    entries: Sequence[Entry],
    request: UpstreamRequest,
    asked: Mapping[str, str],
    wanted: str | None,
) -> Decision:
    """Nothing matches: complete a beginning, ask about the other variants, or fetch."""
    if not entries:
        return Fetch("uri-miss")
    is_get = request.method == "GET" and wanted is None
    of_these = [one for one in entries if matches(one.facts, asked)]
    if of_these:  # a part that does not hold what is wanted, or a reply to HEAD
        rest = completion(of_these[-1]) if is_get else None
        return rest or Fetch("uri-miss" if of_these[-1].facts.head else "partial")
    return (any_of(entries) if is_get else None) or Fetch("vary-miss")


def _control(asked: Mapping[str, str]) -> Directives:
    """The caller's directives; Pragma counts only without Cache-Control (section 5.4)."""
    text = asked.get("cache-control")
    return cache_control(asked.get("pragma", "") if text is None else text)


def _obeyed(
    entry: Entry, request: UpstreamRequest, age: float, is_usable: bool, control: Directives
) -> Decision | None:
    """What the caller's directives make of it (section 5.2.1); None: nothing else than without.

    What cannot be read in a request is not heeded: it is advice.
    """
    facts = entry.facts
    oldest, least = seconds(control, "max-age"), seconds(control, "min-fresh")
    is_too_old = oldest is not None and oldest >= 0 and (age > oldest or not oldest)
    if is_too_old and facts.immutable and is_usable:  # RFC 8246 section 2
        is_too_old = False
    is_too_soon = least is not None and facts.lifetime - age < least
    if "no-cache" in control or is_too_old or is_too_soon:
        return refreshing(entry, request, "request")
    if not is_usable and "max-stale" in control and not facts.strict:
        most = None if control["max-stale"] is None else seconds(control, "max-stale")
        if most is None or age - facts.lifetime <= most:
            return Serve(entry, age, "max-stale")
    return None


def instead(
    entry: Entry | None,
    request: UpstreamRequest,
    status: int | None,
    now: float,
    caching: Caching,
) -> Serve | None:
    """A stale entry in place of a failure (section 4.2.4, RFC 5861 section 4).

    `status` is the reply's; None where there was no answer: refused, reset, timed out, cut off.
    None: no leave, so the caller gets the failure. What the upstream says bounds both; else what
    is configured does, by agreement with the operator; else only no answer at all gives leave.
    """
    if entry is None or (status is not None and status not in _FAILURES):
        return None
    facts, asked = entry.facts, by_name(request.headers)
    wanted = asked.get("range") if request.method == "GET" else None
    if facts.strict or _match((entry,), asked, wanted, request.method == "HEAD") is None:
        return None
    longest = caching.stale if facts.if_error is None else facts.if_error
    if longest is None:
        longest = WITHOUT_ANSWER if status is None else 0.0
    age = facts.initial_age + max(0.0, now - facts.since)
    if age - facts.lifetime >= longest:
        return None
    return Serve(entry, age, "no-answer" if status is None else "error")
