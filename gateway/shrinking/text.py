"""Answers that are not JSON: text becomes a JSON object, what is no text is described.

Many readers parse whatever comes as JSON, so a text of `OK` is served as `{"text": "OK"}`, and
nothing at all as `{}`. Beyond the budget a text is cut and the cut announced as in any answer.
What a type does not tell, its bytes do: UTF-8 without NUL is text. Images and other binary
answers mean nothing to a model and cost what nobody can count: type and size are said, unless
there is no budget to keep.
"""

from __future__ import annotations

from gateway.config.scalars import Budget
from gateway.media import charset, decoded, essence, kind
from gateway.shrinking.exact import encode
from gateway.shrinking.fit import fit
from gateway.values import Schema

JSON = "application/json"
NOTHING = b"{}"
_ANNOUNCEMENT = "_shrunk"
_MEDIA = ("image/", "audio/", "video/", "font/")
_NOTE = "The answer is binary, so it is described instead of sent."
_LONGEST_TYPE = 80  # characters; the longest registered one has 75

TEXT: Schema = {
    "type": "object",
    "properties": {
        _ANNOUNCEMENT: {"type": ["object", "null"]},
        "text": {"type": ["string", "null"]},
    },
}
DESCRIBED: Schema = {
    "type": "object",
    "properties": {
        "content_type": {"type": ["string", "null"]},
        "bytes": {"type": ["integer", "null"]},
        "note": {"type": ["string", "null"]},
    },
}


def shrink_other(body: bytes, content_type: str, budget: Budget) -> tuple[bytes, str]:
    """Make an answer of a body that is not JSON.

    Returns:
        The body and its content type; both as they came where it is binary and there is no
        budget.
    """
    text = _text(body, content_type, guess=bool(budget.tokens) or not content_type)
    if text is None:
        if not budget.tokens:
            return body, content_type
        said = essence(content_type)[:_LONGEST_TYPE] or "unknown"
        return encode({"content_type": said, "bytes": len(body), "note": _NOTE}), JSON
    whole = encode({"text": text})
    if budget.tokens and not len(whole) <= min(budget.tokens, budget.chars):
        whole = fit(whole, whole, _ANNOUNCEMENT, budget)
    return whole, JSON


def _text(body: bytes, content_type: str, *, guess: bool) -> str | None:
    """The text that a body is; None where it is none, or only might be one."""
    media = essence(content_type)
    if kind(media) != "binary":
        return decoded(body, charset(content_type))
    if not guess or media.startswith(_MEDIA) or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
