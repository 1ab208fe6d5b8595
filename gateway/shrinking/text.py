"""Answers that are not JSON: text becomes a JSON object, what is no text is described.

Many readers parse whatever comes as JSON, so a text of `OK` is served as `{"text": "OK"}`, and
nothing at all as `{}`; of HTML the text in it is served. Beyond the budget a text is cut and the
cut announced as in any answer.

What a type does not tell, its bytes do: UTF-8 without NUL is text. Where an operation's spec says
that it answers with an image or another file, that is what its caller gets. Anywhere else bytes
mean nothing to a model and cost what nobody can count: type and size are said, unless there is
no budget to keep.
"""

from __future__ import annotations

from gateway.config.scalars import Budget
from gateway.media import charset, decoded, essence, kind
from gateway.shrinking.exact import encode
from gateway.shrinking.fit import Said, fit
from gateway.shrinking.html import readable
from gateway.values import Schema

JSON = "application/json"
NOTHING = b"{}"
_ANNOUNCEMENT = "_shrunk"
_MEDIA = ("image/", "audio/", "video/", "font/")
_HTML = ("text/html", "application/xhtml+xml")
_NOTE = "The answer is binary, so it is described instead of sent."
_LONGEST_TYPE = 80  # characters; the longest registered one has 75

TEXT: Schema = {
    "type": "object",
    "properties": {
        _ANNOUNCEMENT: {"type": ["object", "null"]},
        "text": {"type": ["string", "null"]},
    },
}


def shrink_other(
    body: bytes, content_type: str, budget: Budget, *, file: bool = False
) -> tuple[bytes, str]:
    """Make an answer of a body that is not JSON.

    Args:
        body: Bytes of any kind.
        content_type: What the upstream calls them.
        budget: What the answer may cost.
        file: Whether a file is what the operation answers with.

    Returns:
        The body and its content type; both as they came where it is binary and expected to be,
        or there is no budget.
    """
    guess = not file and (bool(budget.tokens) or not content_type)
    text = _text(body, content_type, guess=guess)
    if text is None:
        if file or not budget.tokens:
            return body, content_type
        said = essence(content_type)[:_LONGEST_TYPE] or "unknown"
        return encode({"content_type": said, "bytes": len(body), "note": _NOTE}), JSON
    whole = encode({"text": text})
    if budget.tokens and not len(whole) <= min(budget.tokens, budget.chars):
        whole = fit(whole, whole, whole, Said(_ANNOUNCEMENT), budget)
    return whole, JSON


def _text(body: bytes, content_type: str, *, guess: bool) -> str | None:
    """The text that a body is; None where it is none, or only might be one."""
    media = essence(content_type)
    if kind(media) != "binary":
        text = decoded(body, charset(content_type))
        return readable(text) if media in _HTML else text
    if not guess or media.startswith(_MEDIA) or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
