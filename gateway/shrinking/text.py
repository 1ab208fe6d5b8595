"""Answers that are not JSON: text becomes a JSON object, what is no text is described.

Many readers parse whatever comes as JSON, so a text of `OK` is served as `{"text": "OK"}`, and
nothing at all as `{}`; of HTML the text in it is served. Beyond the budget a text is cut, the
cut announced as in any answer, and the rest had as of any answer; how a handle is used stands
there word for word, since there is one place only that it can be used for:

    {"_shrunk": {"text": {"kept": 386, "total": 2871},
                 "more": {"operation": "getMore", "handle": "f…", "path": "text", "offset": 386}},
     "text": "…"}

What a type does not tell, its bytes do: UTF-8 without NUL is text. Where an operation's spec says
that it answers with an image or another file, that is what its caller gets. Anywhere else bytes
mean nothing to a model and cost what nobody can count: type and size are said, unless there is
no budget to keep.

Of the rules, `untrusted` is for these texts, too, where it is for all of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from gateway.config.scalars import Budget
from gateway.media import charset, decoded, essence, kind
from gateway.shrinking.exact import Tree, encode
from gateway.shrinking.html import readable
from gateway.shrinking.pieces import NEAR, beginning, most_that_fits
from gateway.shrinking.tokens import fits
from gateway.values import Schema

Form: TypeAlias = Literal["json", "text", "csv"]

JSON = "application/json"
NOTHING = b"{}"
PATH = "text"  # where the text stands
_ANNOUNCEMENT = "_shrunk"
_MEDIA = ("image/", "audio/", "video/", "font/")
_HTML = ("text/html", "application/xhtml+xml")
_CSV = ("text/csv", "application/csv", "text/tab-separated-values")
_NOTE = "The answer is binary, so it is described instead of sent."
_LONGEST_TYPE = 80  # characters; the longest registered one has 75
_SURROGATES = re.compile("[\ud800-\udfff]")  # UTF-7 can write half of a character

TEXT: Schema = {
    "type": "object",
    "properties": {
        _ANNOUNCEMENT: {"description": "What was cut."},
        PATH: {"description": "string"},
    },
}


class Other(NamedTuple):
    """An answer that is made of something else than JSON. `whole` is what a caller may have the
    rest of under `handle`, where it was cut: the text of `{"text": …}`."""

    body: bytes
    content_type: str
    whole: bytes | None = None
    handle: str = ""


def form_of(content_type: str) -> Form:
    """How the rest of a body that is not JSON is cut."""
    return "csv" if essence(content_type) in _CSV else "text"


def shrink_other(
    body: bytes,
    content_type: str,
    budget: Budget,
    *,
    file: bool = False,
    clean: Callable[[Tree], tuple[Tree, Mapping[str, Any]]] | None = None,
    mask: Callable[[bytes], bytes] | None = None,
    more: str = "",
    sign: Callable[[bytes], str] | None = None,
) -> Other:
    """Make an answer of a body that is not JSON.

    Args:
        body: Bytes of any kind.
        content_type: What the upstream calls them.
        budget: What the answer may cost.
        file: Whether a file is what the operation answers with.
        clean: Gives what is left of a text, and what is told of it, by path.
        mask: Takes the secrets out of a JSON text, before it is cut.
        more: The operation that gives the rest; "" where there is none.
        sign: Gives the handle of a whole; None where nobody keeps any.

    Returns:
        The answer; body and type as they came where it is binary and expected to be, or there
        is no budget.
    """
    guess = not file and (bool(budget.tokens or clean) or not content_type)
    text = _text(body, content_type, guess=guess)
    if text is None:
        if file or not budget.tokens:
            return Other(body, content_type)
        said = essence(content_type)[:_LONGEST_TYPE] or "unknown"
        return Other(encode({"content_type": said, "bytes": len(body), "note": _NOTE}), JSON)
    seen, told = clean(text) if clean else (text, {})
    whole = encode({PATH: seen})
    if mask:
        masked = mask(whole)
        if masked != whole:
            whole, seen = masked, msgspec.json.decode(masked)[PATH]
    answer = encode({_ANNOUNCEMENT: told, PATH: seen}) if told else whole
    if not budget or fits(answer, budget):
        return Other(answer, JSON)
    handle = sign(whole) if sign and more else ""
    rest = {"operation": more, "handle": handle} if handle else None
    answer, offered = _cut(seen, told, rest, budget, rows=form_of(content_type) == "csv")
    return Other(answer, JSON, whole, handle) if offered else Other(answer, JSON)


def _cut(
    text: str,
    told: Mapping[str, Any],
    rest: Mapping[str, Any] | None,
    budget: Budget,
    *,
    rows: bool,
) -> tuple[bytes, bool]:
    """The beginning of a text that is too much, and whether it says how the rest is had: it does,
    but for a budget that holds hardly more than that."""

    def make(longest: int) -> bytes:
        seen = beginning(text, longest, rows=rows)
        kept = len(seen) - 1
        said = {PATH: {"kept": kept, "total": len(text)}, **told}
        if rest:
            said["more"] = {**rest, "path": PATH, "offset": kept}
        return encode({_ANNOUNCEMENT: said, PATH: seen})

    if rest and not fits(make(1), budget):
        rest = None  # what is left then, some 30 tokens, always fits
    _, answer = most_that_fits(make, len(text) - 1, 3 * budget.tokens, NEAR, budget)
    return answer, rest is not None


def _text(body: bytes, content_type: str, *, guess: bool) -> str | None:
    """The text that a body is; None where it is none, or only might be one."""
    media = essence(content_type)
    if kind(media) != "binary":
        text = decoded(body, charset(content_type))
        if charset(content_type):
            text = _SURROGATES.sub("\ufffd", text)
        return readable(text) if media in _HTML else text
    if not guess or media.startswith(_MEDIA) or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
