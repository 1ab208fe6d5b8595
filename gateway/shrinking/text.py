"""Answers that are not JSON: text beyond the budget is cut, everything else passes.

A text keeps its beginning, ends in `…`, and says in its first line what was cut, as
`_shrunk` does in JSON. Cut markup is no longer what its media type says, so it is sent as
text/plain. Images and other binary answers have no tokens that could be counted; they pass.
"""

from __future__ import annotations

import re

from gateway.config.scalars import Budget
from gateway.shrinking.exact import encode
from gateway.shrinking.squeeze import MARK
from gateway.shrinking.tokens import count, fits

PLAIN = "text/plain; charset=utf-8"
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_TEXTS = frozenset(
    {
        "application/xml", "application/yaml", "application/x-yaml", "application/javascript",
        "application/x-ndjson", "application/jsonl", "application/x-www-form-urlencoded",
        "application/graphql", "application/sql", "application/toml", "image/svg+xml",
    }
)  # fmt: skip
_TRIES = 8
_AIM = 0.985


def is_text(content_type: str) -> bool:
    """Whether a media type is one of text."""
    media = content_type.partition(";")[0].strip().lower()
    return media.startswith("text/") or media in _TEXTS or media.endswith(("+xml", "+yaml"))


def shrink_text(body: bytes, content_type: str, budget: Budget) -> tuple[bytes, str]:
    """Make a text fit.

    Returns:
        The body and its content type, both as they came where nothing is cut.
    """
    if not is_text(content_type):
        return body, content_type
    match = _CHARSET.search(content_type)
    text = _decoded(body, match[1] if match else "utf-8")
    # Counted as the text it is: a body in UTF-16 has twice the bytes.
    plain = text.encode()
    if fits(plain, budget):
        return body, content_type
    return _cut(text, len(plain), budget), PLAIN


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, "replace")
    except (LookupError, UnicodeError):  # a charset nobody knows
        return body.decode("utf-8", "replace")


def _cut(text: str, size: int, budget: Budget) -> bytes:
    """The longest beginning that was found to fit; at least the first line always does."""
    sample = text[: budget.chars]
    per_token = len(sample) / max(1, count(sample[: 64 * 1024]) * len(sample) // 65536 or 1)
    low, high = 0, min(len(text), budget.chars)
    best = _announced(text, 0)
    keep = min(high - 1, max(1, int(budget.tokens * max(per_token, 0.1) * _AIM)))
    for _ in range(_TRIES):
        candidate = _announced(text, keep)
        if fits(candidate, budget):
            best, low = candidate, keep
        else:
            high = keep
        if high - low <= 1:
            break
        cost = max(1, count(candidate)) / budget.tokens
        guess = int(keep * _AIM / cost)
        keep = guess if low < guess < high else (low + high) // 2
    return best


def _announced(text: str, keep: int) -> bytes:
    cut = {"_shrunk": {"$": {"kept": keep, "total": len(text)}}}
    return encode(cut) + b"\n" + text[:keep].encode() + MARK
