"""What the rules of caching are about, as values: settings, stored replies, decisions. Pure.

A bare section number anywhere in these modules is RFC 9111's.

Two clocks, both arguments. Dates in headers are compared with the wall clock (`Reply.received`,
`sent`) once, when a reply is stored. How long it has been held since is counted by any clock that
the driver keeps to, `now`: a steady one in memory, the wall clock where gateways share a store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from gateway.values import Headers, Reply

# Variants of one URL kept; the oldest goes. Varnish and undici set no bound, nginx keeps one.
MOST_VARIANTS: Final = 16
# How long a stale reply may stand in where no answer comes at all and nobody says how long
# (section 4.2.4 leaves it to the cache): a day, as heuristics are bounded.
WITHOUT_ANSWER: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Caching:
    """An operation's settings; the defaults are what RFC 9111 alone gives.

    `ttl` is the lifetime of a 2xx reply to GET or HEAD where the upstream says nothing of
    freshness; with `override` whatever it says but `no-store` and `private`. `stale` is how long
    after its lifetime a reply may stand in for a failed upstream where the upstream does not say;
    None is a day where there is no answer at all, and nothing where there is a 5xx. `heuristic`
    allows lifetimes guessed from Last-Modified (section 4.2.2). `obey_caller` heeds the directives
    of requests (section 5.2.1). `post` says that a POST reads: keyed by its body.

    `shared`: the credential shown upstream is the same for all who share the stored replies, so
    neither `private` nor section 3.5 forbids storing. Where it is the caller's own they do.

    `exact_ranges` holds a 206 to the length that its Content-Range says.
    """

    ttl: float | None = None
    stale: float | None = None
    override: bool = False
    heuristic: bool = False
    obey_caller: bool = False
    post: bool = False
    shared: bool = False
    exact_ranges: bool = True


class Part(NamedTuple):
    """The bytes that a 206 holds: from `first` to `last`, of `total` (None: unknown)."""

    first: int
    last: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a stored reply's headers say, read once. Numbers, texts and tuples of them only.

    `since` is when it came, by the clock of `now`; `initial_age` how old it was then and
    `lifetime` how old it may become (section 4.2). `fresh_until` = since + lifetime - initial_age.

    `no_cache`: validated before every use. `strict`: never served stale (section 4.2.4).
    `while_revalidate`, `if_error` are RFC 5861's windows; None: not given. `immutable`: RFC 8246.

    `vary` has a (lower-case name, the request's value, the same normalised) for each field of
    Vary (section 4.1). `modified` is Last-Modified in seconds, `dated` is Date. `part` is set for
    a 206. `head`: a reply to HEAD, which answers nothing else. `etag` is "" for none.
    """

    since: float
    initial_age: float
    lifetime: float
    fresh_until: float
    dated: float
    no_cache: bool = False
    strict: bool = False
    immutable: bool = False
    while_revalidate: float | None = None
    if_error: float | None = None
    vary: tuple[tuple[str, str | None, str | None], ...] = ()
    etag: str = ""
    modified_text: str = ""
    modified: float | None = None
    language: str = ""
    part: Part | None = None
    head: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored reply. Nobody changes its `reply` but for `forms` and `kept`.

    The reply's headers are those that may be stored (no hop-by-hop ones, no Age).
    """

    reply: Reply
    facts: Facts


# --- decisions on a request -------------------------------------------------------------------

# Why a request goes on: the words of RFC 9211 section 2.2.
Forward = Literal["bypass", "method", "uri-miss", "vary-miss", "request", "stale", "partial"]


class Serve(NamedTuple):
    """Answer from storage: `answered(entry, request, age)`, or its reply as it is.

    `age` is in seconds. `stale` says why a stale one is served: "" where it is fresh.
    `refresh`: ask in the background meanwhile, once per entry: `refreshing(entry, request)`.
    """

    entry: Entry
    age: float
    stale: Literal["", "while-revalidate", "max-stale", "error", "no-answer"] = ""
    refresh: bool = False


class Validate(NamedTuple):
    """Ask upstream with these conditions in place of the caller's: `conditional`.

    `entries` are those that a 304 may name: one that matches, else all variants. `entry` is the
    one that `instead` may serve if the upstream fails; None where no variant matches.
    """

    entries: tuple[Entry, ...]
    headers: Headers
    entry: Entry | None
    forward: Forward = "stale"


class Complete(NamedTuple):
    """Ask upstream for the rest of a stored beginning: `conditional`, then `joined`."""

    entry: Entry
    headers: Headers
    forward: Forward = "partial"


class Fetch(NamedTuple):
    """Ask upstream with the request as it came. `entry` is for `instead`."""

    forward: Forward
    entry: Entry | None = None


class OnlyIfCached(NamedTuple):
    """Answer 504: nothing is stored and the caller wants nothing else (section 5.2.1.7)."""


Decision = Serve | Validate | Complete | Fetch | OnlyIfCached


# --- decisions on a reply ---------------------------------------------------------------------


class Stored(NamedTuple):
    """Keep this entry: `added` puts it among those of its URL.

    `as_get`: a POST's reply, kept for GETs of its URL (RFC 9110 section 9.3.3).
    `idle` says why a configured ttl does nothing here; "" where it acts or there is none.
    """

    entry: Entry
    as_get: bool = False
    idle: str = ""


class NotStored(NamedTuple):
    """Do not keep it; why, in a few words, for Cache-Status and `check`."""

    reason: str


class Refreshed(NamedTuple):
    """An entry brought up to date by a 304 or a HEAD. `keep`: whether it may stay in storage."""

    entry: Entry
    keep: bool = True
