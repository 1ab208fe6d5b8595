"""Answers and refusals → results of `tools/call`. Pure.

A result is for a model: text as it is, JSON as text, images and sounds as what they are. What goes
wrong is told as a result, too (`isError`), since that is what the model gets to read.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct, UnsetType

from gateway.errors import Refusal, UpstreamStatus
from gateway.media import MOST_SHOWN, BodyKind, charset, decoded, essence, is_shown, kind
from gateway.values import Answer

_ANNOUNCED = b'"_shrunk"'
SHRUNK = "_shrunk"
STALE = b"_stale"
_OF_HTTP = ("title", "status")
_WAIT, _LONG = "retry-after", 40  # the header, and the characters of it that are told
# Bytes of a stored answer whose form in here is remembered: twenty megabytes at most.
MOST_KEPT = 32 * 1024


class _Cut(Struct):
    """An answer that may say what was cut of it."""

    shrunk: Raw | UnsetType = msgspec.field(default=msgspec.UNSET, name=SHRUNK)


_cut = msgspec.json.Decoder(_Cut).decode
_whole = msgspec.json.Decoder(Raw).decode
_encode = msgspec.json.encode


def of_answer(answer: Answer, *, structured: bool, modern: bool, meta: bytes) -> bytes:
    """The result that an answer is.

    Args:
        answer: Whole.
        structured: Whether a JSON object is sent as `structuredContent` besides.
        modern: Whether the result says that it is complete.
        meta: Members of `_meta` that every result has, as JSON without braces; may be empty.
    """
    body, failed = answer.body, answer.status >= 400
    media, stored, is_stale, age = "", False, False, "0"
    for name, said in answer.headers:
        if name == "Content-Type":
            media = said
        elif name == "Cache-Status":
            stored = "; hit" in said
            is_stale = stored and "; detail=" in said  # why it is given nevertheless
        elif name == "Age":
            age = said
    if is_stale:  # a model may say so; RFC 9111 section 5.1 says it to everyone else
        meta = b",".join(filter(None, (meta, b'"%b":{"age":%b}' % (STALE, age.encode()))))
    if failed:  # its own words say neither, as a rule
        return _made(body, media, structured, modern, meta, _failed(answer))
    make = _kept if stored and not is_stale and len(body) <= MOST_KEPT else _made
    return make(body, media, structured, modern, meta)


def _made(
    body: bytes, media: str, structured: bool, modern: bool, meta: bytes, failed: bytes = b""
) -> bytes:
    """The result that a body is; `failed` is content beside it, of what went wrong."""
    shape, way, shown, charset = _form(media)
    value = b"{}"  # what has an output schema must have something that fits it
    if shown and len(body) <= MOST_SHOWN and not failed:
        data = base64.b64encode(body)
        what = b"image" if shape.startswith("image/") else b"audio"
        content = b'{"type":"%b","data":"%b","mimeType":%b}' % (what, data, _encode(shape))
    elif body and way == "binary":
        content = _text(f"{shape or 'a file'}, {len(body):,} bytes; it cannot be shown here.")
    else:
        text = decoded(body, charset).removeprefix("\ufeff") or "{}"
        content = _text(text)
        value = text.encode() if way == "json" else value
        if _ANNOUNCED in value:
            meta = _announcing(value, meta)
    if failed:
        content += b"," + failed
    extra = b',"structuredContent":' + _object(value) if structured and not failed else b""
    return _result(content, extra, failed=bool(failed), modern=modern, meta=meta)


_kept = lru_cache(maxsize=256)(_made)


class _Form(NamedTuple):
    """What a media type says of a body."""

    shape: str
    way: BodyKind
    shown: bool
    charset: str


@lru_cache(maxsize=64)  # upstreams say the same few over and over
def _form(media: str) -> _Form:
    return _Form(essence(media), kind(media), is_shown(media), charset(media))


def _failed(answer: Answer) -> bytes:
    """What the upstream's error says beside its body, in the words of `errors.UpstreamStatus`."""
    said: dict[str, Any] = {
        "code": UpstreamStatus.code,
        "detail": f"The upstream answered {answer.status}.",
    }
    wait = next((text for name, text in answer.headers if name.lower() == _WAIT), "").strip()
    if wait:  # seconds, or a date (RFC 9110 section 10.2.3)
        said["retry_after"] = int(wait) if wait.isdecimal() and len(wait) < _LONG else wait[:_LONG]
    return _text(_encode(said).decode())


def _announcing(value: bytes, meta: bytes) -> bytes:
    """The members of `_meta`, and what an answer says was cut of it."""
    try:
        shrunk = _cut(value).shrunk
    except (ValueError, RecursionError):
        return meta  # an upstream's own, passed on as it came
    member = b'"%b":%b' % (SHRUNK.encode(), bytes(shrunk)) if isinstance(shrunk, Raw) else b""
    return b",".join(filter(None, (meta, member)))


def _object(value: bytes) -> bytes:
    """JSON as an object, in the forms that `shrinking` gives to what is none.

    What was passed on as it came may not even be JSON to all who read the message.
    """
    try:
        _whole(value)
    except (ValueError, RecursionError):
        return b'{"text":%b}' % _encode(value.decode())
    first = value.lstrip()[:1]
    if first == b"{":
        return value
    return b'{"%b":%b}' % (b"items" if first == b"[" else b"value", value)


def of_refusal(refusal: Refusal, *, modern: bool, meta: bytes) -> bytes:
    """The result that says why a call was refused: what a model can use of the problem+json."""
    fields = {name: value for name, value in refusal.fields().items() if name not in _OF_HTTP}
    text = _encode(fields).decode()
    return _result(_text(text), b"", failed=True, modern=modern, meta=meta)


def of_words(words: str, *, modern: bool, meta: bytes) -> bytes:
    """The result of a call that was not made."""
    return _result(_text(words), b"", failed=True, modern=modern, meta=meta)


def _text(text: str) -> bytes:
    return b'{"type":"text","text":%b}' % _encode(text)


def _result(content: bytes, extra: bytes, *, failed: bool, modern: bool, meta: bytes) -> bytes:
    return b'{%b"content":[%b]%b,"isError":%b%b}' % (
        b'"resultType":"complete",' if modern else b"",
        content,
        extra,
        b"true" if failed else b"false",
        b',"_meta":{%b}' % meta if meta else b"",
    )


def members(value: dict[str, Any]) -> bytes:
    """The members of an object as JSON, without its braces."""
    return _encode(value)[1:-1]
