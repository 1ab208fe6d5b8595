"""Cache-Status: RFC 9211. Pure."""

from __future__ import annotations

from gateway.caching.entries import Complete, Fetch, NotStored, Serve, Stored, Validate

_CACHE = "plugin-gateway"


def hit_status(served: Serve) -> str:
    """Of an answer from storage (RFC 9211 sections 2.1, 2.4); a negative ttl is a stale one's."""
    left = int(served.entry.facts.lifetime - served.age)
    return f"{_CACHE}; hit; ttl={left}" + (_detail(served.stale) if served.stale else "")


def forward_status(
    decision: Validate | Complete | Fetch,
    *,
    status: int | None = None,
    outcome: Stored | NotStored | None = None,
    collapsed: bool = False,
) -> str:
    """Of an answer from upstream (RFC 9211 sections 2.2, 2.3, 2.5 to 2.8).

    Args:
        decision: Why the request went on.
        status: The upstream's, where the answer has another one: 304 of a validation.
        outcome: What was decided on the reply; says why it is not kept, or why a ttl is idle.
        collapsed: Whether another caller's request was waited for.
    """
    text = f"{_CACHE}; fwd={decision.forward}"
    if status is not None:
        text += f"; fwd-status={status}"
    if isinstance(outcome, Stored):
        text += "; stored"
    if collapsed:
        text += "; collapsed"
    if isinstance(outcome, NotStored):
        text += _detail(f"not stored: {outcome.reason}")
    elif outcome is not None and outcome.idle:
        text += _detail(f"ttl idle: {outcome.idle}")
    return text


def _detail(text: str) -> str:
    """A string of RFC 9651: what it cannot hold was an upstream's, and is left out."""
    plain = "".join(char for char in text if " " <= char <= "~" and char not in '"\\')
    return f'; detail="{plain[:100]}"'
