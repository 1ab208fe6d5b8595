"""Stale replies by the operator's leave, while they are asked for anew. Pure.

RFC 5861 section 3 lets the upstream say for how long. Where it says nothing, `cache: {stale: …}`
does: by agreement with the operator, as section 4.2.4 allows.
"""

from __future__ import annotations

from gateway.caching.entries import Caching, Decision, Fetch, Serve, Validate


def meanwhile(decision: Decision, now: float, caching: Caching) -> Decision:
    """The same decision, or to serve what is stale while it is brought up to date.

    Never what must be validated (section 4.2.4), and nothing that was never fresh: that has no
    time after which it is late.
    """
    if caching.stale is None or not isinstance(decision, Validate | Fetch):
        return decision
    entry = decision.entry
    if decision.forward != "stale" or entry is None:
        return decision
    facts = entry.facts
    if facts.strict or facts.while_revalidate is not None or not facts.lifetime:
        return decision
    age = facts.initial_age + max(0.0, now - facts.since)
    if age - facts.lifetime >= caching.stale:
        return decision
    return Serve(entry, age, "while-revalidate", refresh=True)
