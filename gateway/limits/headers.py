"""What callers are told of their limit: draft-ietf-httpapi-ratelimit-headers-11.

`RateLimit-Policy` says the limit, `RateLimit` what is left of it (`r`) and in how many seconds it
is more (`t`). The three fields of the early drafts are not sent.
"""

from __future__ import annotations

from math import ceil

from gateway.config.scalars import Rate
from gateway.limits.window import Taken
from gateway.values import Headers

_PREFIX = "ratelimit"


def policy_of(rate: Rate) -> str:
    """A limit as callers are told it."""
    return f'"default";q={rate.count};w={ceil(rate.seconds)}'


def told(headers: Headers, policy: str, taken: Taken) -> Headers:
    """These headers with the limit's, in place of what an upstream says of limits of its own."""
    _, left, resets = taken
    own = ("RateLimit-Policy", policy), ("RateLimit", f'"default";r={left};t={ceil(resets)}')
    for name, _ in headers:
        if name[:1] in "rR" and name.lower().startswith(_PREFIX):
            return (*[one for one in headers if not one[0].lower().startswith(_PREFIX)], *own)
    return headers + own
