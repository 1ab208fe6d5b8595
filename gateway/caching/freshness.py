"""What a reply says of itself: its directives, age and lifetime. Sections 4.2, 5.2, 5.3. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.caching.dates import http_date
from gateway.caching.directives import (
    LONGEST,
    OWS,
    Directives,
    cache_control,
    digits,
    fields_of,
    seconds,
    targeted,
)
from gateway.caching.entries import Caching
from gateway.caching.fields import by_name, lines
from gateway.values import Reply

# RFC 9110 section 15.1: replies whose freshness may be guessed. 206 is partial but reusable.
HEURISTIC: Final = frozenset((200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501))
# Section 4.2.2 recommends a tenth of the time since the last change; nginx and Squid do it so.
_SHARE: Final = 0.1
# At most a day: what was not changed for years may still be changed tomorrow.
_LONGEST_GUESS: Final = 86400.0


class Said(NamedTuple):
    """A reply read: fields by name, directives that count, when it was made, how old it came.

    `expires` has the lines of Expires, none where a targeted field replaces them.
    """

    reply: Reply
    fields: dict[str, str]
    directives: Directives
    expires: list[str]
    dated: float
    initial_age: float


def read(reply: Reply, sent: float) -> Said:
    """Read a reply; `sent` is the wall clock when its request was sent.

    A valid CDN-Cache-Control stands in for Cache-Control and Expires (RFC 9213 section 2.2).
    """
    fields = by_name(reply.headers)
    directives = targeted(fields.get("cdn-cache-control", ""))
    expires: list[str] = []
    if directives is None:
        directives = cache_control(fields.get("cache-control", ""))
        expires = lines(reply.headers, "expires")
    dated = date_of(reply)
    # Section 4.2.3: by its Date, or by its Age and the time the exchange took.
    corrected = _age_value(reply) + max(0.0, reply.received - sent)
    age = min(max(0.0, reply.received - dated, corrected), float(LONGEST))
    return Said(reply, fields, directives, expires, dated, age)


class Lifetime(NamedTuple):
    """How old a reply may become, in seconds; `why` names what said so, "" for nothing did."""

    seconds: float
    why: str

    @property
    def is_explicit(self) -> bool:
        """Whether the upstream said so (section 4.2.1)."""
        return self.why not in ("", "ttl", "heuristic")


def lifetime(said: Said, caching: Caching) -> Lifetime:
    """The freshness lifetime of a reply (section 4.2.1), else the configured or a guessed one.

    The first that is present decides, even if it cannot be read: that means stale, since absence
    would let a guess in. The configured one counts from receipt: an upstream that says nothing of
    freshness says nothing with its clock either.
    """
    explicit = _explicit(said)
    is_success = 200 <= said.reply.status < 300
    if caching.ttl is not None and is_success:
        says_nothing = explicit is None and not must_validate(said, "")
        if says_nothing or caching.override:
            return Lifetime(said.initial_age + caching.ttl, "ttl")
    if explicit is not None:
        return explicit
    guess = _guess(said) if caching.heuristic else 0.0
    return Lifetime(guess, "heuristic" if guess else "")


def _explicit(said: Said) -> Lifetime | None:
    for name in ("s-maxage", "max-age"):
        value = seconds(said.directives, name)
        if value is not None:
            argument = said.directives[name]
            return Lifetime(float(max(0, value)), f"{name}={argument}" if argument else name)
    if not said.expires:
        return None
    # Two lines cannot both be right (section 5.3): in the past.
    one = said.expires[0] if len(said.expires) == 1 else ""
    when = http_date(one, said.reply.received)
    return Lifetime(0.0 if when is None else max(0.0, when - said.dated), "Expires")


def _guess(said: Said) -> float:
    """A tenth of the time since the last change (section 4.2.2)."""
    if said.reply.status not in HEURISTIC and "public" not in said.directives:
        return 0.0
    changed = http_date(said.fields.get("last-modified", ""), said.reply.received)
    if changed is None:
        return 0.0
    return min(max(0.0, said.dated - changed) * _SHARE, _LONGEST_GUESS)


def must_validate(said: Said, why: str) -> bool:
    """`no-cache` without field names (section 5.2.2.4), unless the configured ttl overrides it."""
    return why != "ttl" and "no-cache" in said.directives and not named_fields(said, "no-cache")


def named_fields(said: Said, directive: str) -> frozenset[str]:
    """The fields of `no-cache="a"` or `private="a"`, lower-case; none where it is unqualified."""
    return fields_of(said.directives.get(directive) or "")


def forbids_stale(said: Said, why: str) -> bool:
    """Section 4.2.4; s-maxage implies proxy-revalidate (section 5.2.2.10)."""
    return must_validate(said, why) or any(
        name in said.directives for name in ("must-revalidate", "proxy-revalidate", "s-maxage")
    )


def window(said: Said, name: str) -> float | None:
    """A window of RFC 5861, None where it is not given; one that cannot be read gives no leave."""
    value = seconds(said.directives, name)
    return None if value is None else float(max(0, value))


def date_of(reply: Reply) -> float:
    """When the reply was made; without a valid Date, when it came (RFC 9110 section 6.6.1)."""
    dates = lines(reply.headers, "date")
    when = http_date(dates[0], reply.received) if len(dates) == 1 else None
    return reply.received if when is None else when


def _age_value(reply: Reply) -> float:
    """The first member of the first line; anything but digits is ignored (section 5.1)."""
    ages = lines(reply.headers, "age")
    first = ages[0].partition(",")[0].strip(OWS) if ages else ""
    return float(digits(first) or 0)
