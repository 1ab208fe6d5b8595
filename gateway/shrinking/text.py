"""Answers that are not JSON: text becomes a JSON object, what is no text is described.

Many readers parse whatever comes as JSON, so a text of `OK` is served as `{"text": "OK"}`, and
nothing at all as `{}`; of HTML the text in it is served. Beyond the budget a text is cut and the
cut announced as in any answer.

What a type does not tell, its bytes do: UTF-8 without NUL is text. Where an operation's spec says
that it answers with an image or another file, that is what its caller gets. Anywhere else bytes
mean nothing to a model and cost what nobody can count: type and size are said, unless there is
no budget to keep.

Of the rules, `untrusted` is for these texts, too, where it is for all of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.config.scalars import Budget
from gateway.media import charset, decoded, essence, kind
from gateway.shrinking.exact import Tree, encode
from gateway.shrinking.fit import Said, announce, fit
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
    body: bytes,
    content_type: str,
    budget: Budget,
    *,
    file: bool = False,
    clean: Callable[[Tree], tuple[Tree, Mapping[str, Any]]] | None = None,
    mask: Callable[[bytes], bytes] | None = None,
) -> tuple[bytes, str]:
    """Make an answer of a body that is not JSON.

    Args:
        body: Bytes of any kind.
        content_type: What the upstream calls them.
        budget: What the answer may cost.
        file: Whether a file is what the operation answers with.
        clean: Gives what is left of a text, and what is told of it, by path.
        mask: Takes the secrets out of a JSON text, before it is cut.

    Returns:
        The body and its content type; both as they came where it is binary and expected to be,
        or there is no budget.
    """
    guess = not file and (bool(budget.tokens or clean) or not content_type)
    text = _text(body, content_type, guess=guess)
    if text is None:
        if file or not budget.tokens:
            return body, content_type
        said = essence(content_type)[:_LONGEST_TYPE] or "unknown"
        return encode({"content_type": said, "bytes": len(body), "note": _NOTE}), JSON
    seen, told = clean(text) if clean else (text, {})
    whole = encode({"text": seen})
    if mask:
        whole = mask(whole)
    how = Said(_ANNOUNCEMENT, told)
    if budget.tokens and (told or not len(whole) <= min(budget.tokens, budget.chars)):
        whole = fit(whole, whole, whole, how, budget)
    elif told:
        whole = announce(whole, whole, whole, how)
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
