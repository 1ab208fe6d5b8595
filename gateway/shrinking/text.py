"""Answers that are not JSON: text beyond the budget is cut, what is no text is described.

A text keeps its beginning, ends in `…`, and says in its first line what was cut, as
`_shrunk` does in JSON. Cut markup is no longer what its media type says, so it is sent as
text/plain. What a type does not tell, its bytes do: UTF-8 without NUL is text. Images and other
binary answers mean nothing to a model and cost what nobody can count: type and size are said.
"""

from __future__ import annotations

from gateway.config.scalars import Budget
from gateway.media import charset, decoded, essence, kind
from gateway.shrinking.exact import encode
from gateway.shrinking.fit import AIM, Try, fullest
from gateway.shrinking.squeeze import MARK
from gateway.shrinking.tokens import estimate, fits

PLAIN = "text/plain; charset=utf-8"
_MEDIA = ("image/", "audio/", "video/", "font/")
_NOTE = "The answer is binary, so it is described instead of sent."
_LONGEST_TYPE = 80  # characters; the longest registered one has 75


def shrink_other(body: bytes, content_type: str, budget: Budget) -> tuple[bytes, str]:
    """Make an answer that is not JSON fit.

    Returns:
        The body and its content type, both as they came where nothing is cut.
    """
    text = _text(body, content_type)
    if text is None:
        said = essence(content_type)[:_LONGEST_TYPE] or "unknown"
        answer = {"content_type": said, "bytes": len(body), "note": _NOTE}
        return encode(answer), "application/json"
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


def _text(body: bytes, content_type: str) -> str | None:
    """The text that a body is; None where it is none."""
    media = essence(content_type)
    if kind(media) != "binary":
        return decoded(body, charset(content_type))
    if media.startswith(_MEDIA) or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
