"""Which calls may wait for the same fetch, and whether its reply is theirs too. Pure.

Section 4 lets one reply satisfy several requests if it may be stored; that it then is not, for
want of freshness, is no bar: those who asked meanwhile were all answered by the upstream now.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.caching.directives import cache_control
from gateway.caching.entries import Caching, Entry
from gateway.caching.fields import by_name
from gateway.caching.freshness import read
from gateway.caching.storing import address, forbidden
from gateway.caching.validating import CONDITIONS
from gateway.caching.variants import varies, vary_of
from gateway.values import Reply, UpstreamRequest

# Their reply answers nobody else: a part, a 304, or one that the caller wants kept nowhere.
_OWN = CONDITIONS | {"range"}


def joins(request: UpstreamRequest, caching: Caching) -> bool:
    """Whether a request may share a fetch: it asks for a whole reply without conditions."""
    if request.method == "HEAD" or address(request, caching) is None:
        return False
    asked = by_name(request.headers)
    if not _OWN.isdisjoint(asked):
        return False
    return not (caching.obey_caller and "no-store" in cache_control(asked.get("cache-control", "")))


def variant(entries: Sequence[Entry], request: UpstreamRequest) -> tuple[str | None, ...]:
    """What tells requests for one URL apart, as far as it is known: their normalised Vary fields.

    Part of the key of a flight, so that those who are known to want something else do not wait.
    """
    names = sorted({name for entry in entries for name, _, _ in entry.facts.vary})
    return tuple(normal for _, _, normal in vary_of(names, by_name(request.headers)))


def may_share(
    request: UpstreamRequest,
    fetched: UpstreamRequest,
    reply: Reply,
    caching: Caching,
) -> bool:
    """Whether one who waited with `request` may have the reply that `fetched` brought.

    Errors may be shared: asking a failing upstream once more for each would not mend it.
    """
    if reply.rest is not None:
        return False
    asked, other = by_name(request.headers), by_name(fetched.headers)
    said = read(reply, reply.received)
    if forbidden(asked, said, caching):
        return False
    names = varies(said.fields.get("vary", "")) or ()
    ours, theirs = vary_of(names, asked), vary_of(names, other)
    return all(one[2] == two[2] for one, two in zip(ours, theirs, strict=True))
