"""Answers that are not JSON: text beyond the budget is cut, everything else passes.

A text keeps its beginning, ends in `…`, and says in its first line what was cut, as
`_shrunk` does in JSON. Cut markup is no longer what its media type says, so it is sent as
text/plain. Images and other binary answers have no tokens that could be counted; they pass.
"""

from __future__ import annotations

import re

from gateway.config.scalars import Budget
from gateway.shrinking.exact import encode
from gateway.shrinking.fit import AIM, Try, fullest
from gateway.shrinking.squeeze import MARK
from gateway.shrinking.tokens import estimate, fits

PLAIN = "text/plain; charset=utf-8"
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_TEXTS = frozenset(
    {
        "application/xml", "application/yaml", "application/x-yaml", "application/javascript",
        "application/x-ndjson", "application/jsonl", "application/x-www-form-urlencoded",
        "application/graphql", "application/sql", "application/toml", "image/svg+xml",
    }
)  # fmt: skip


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

    def make(keep: int) -> Try:
        first = encode({"_shrunk": {"$": {"kept": keep, "total": len(text)}}})
        return Try(first + b"\n" + text[:keep].encode() + MARK, keep, len(first) + 4)

    guess = int(budget.tokens * len(text) / max(1.0, estimate(plain)) * AIM)
    longest = min(len(text), budget.chars)
    return fullest(make, make(0).text, longest, guess, budget), PLAIN


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, "replace")
    except (LookupError, UnicodeError):  # a charset nobody knows
        return body.decode("utf-8", "replace")
