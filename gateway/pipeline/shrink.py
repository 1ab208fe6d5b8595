"""Reply → answer: the status gate, the operation's shrinking, the headers that pass.

Success is shrunk by the operation's compiled rules. An upstream's JSON error of the 4xx range
passes as it is up to 4 KiB; every other error becomes one refusal that keeps the status and
says in a line what the upstream said. What was made of a reply is kept beside it, so a stored
reply is shrunk once.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from gateway.errors import CredentialRefused, UpstreamFailed, UpstreamStatus
from gateway.pipeline.call import Call, Clock, Plan, Source
from gateway.plugin import Operation
from gateway.values import Answer, Headers, Reply

MAX_ERROR = 4096  # bytes of an upstream's own JSON error that pass
_MAX_LINE = 300  # characters of any other error's text
_MAX_MESSAGE = 64 * 1024  # bytes of a JSON error that are looked into
# Bytes of an error page that are looked into: its title is at its top, and the patterns that
# strip it take quadratic time in the worst case.
_MAX_PAGE = 4096
# A body beyond this is shrunk in a thread, so that other calls go on; 256 KiB is a millisecond
# of parsing, some of fitting.
_THREAD = 256 * 1024
_PASS = frozenset(
    {
        "content-language", "content-disposition", "last-modified", "cache-control", "expires",
        "vary", "retry-after", "etag",
    }
)  # fmt: skip
Locate = Callable[[str], str | None]


def step(
    operation: Operation, locate: Locate, wall: Clock, inner: Source, *, own_credential: bool
) -> Plan:
    """Make the answer.

    Args:
        operation: Its shrinker does the work.
        locate: An upstream URL → the address of the exposed operation that serves it.
        wall: Seconds since 1970, for Retry-After dates.
        inner: Gives the reply.
        own_credential: Whether what the upstream judges is the gateway's credential.
    """
    form = operation.shrinker.fingerprint

    async def shrink(call: Call) -> Answer:
        reply = await inner(call)
        answer = reply.forms.get(form)
        if answer is None:
            if not 200 <= reply.status < 300 and reply.status != 304:
                return _error(reply, own_credential=own_credential, now=wall())
            if len(reply.body) > _THREAD:
                answer = await asyncio.to_thread(_answer, operation, locate, reply)
            else:
                answer = _answer(operation, locate, reply)
            reply.forms[form] = answer
        if not call.cache_status:
            return answer
        own: Headers = (("Cache-Status", call.cache_status),)
        if call.age is not None:
            own = (("Age", str(call.age)), *own)
        return Answer(answer.status, answer.headers + own, answer.body)

    return shrink


# --- success ----------------------------------------------------------------------------------


def _answer(operation: Operation, locate: Locate, reply: Reply) -> Answer:
    """The answer to a reply of success."""
    shrinker = operation.shrinker
    body, content_type = reply.body, reply.header("content-type") or ""
    same = True
    if body and reply.status != 304:
        if is_json(content_type):
            try:
                body = shrinker.shrink(body)
            except ValueError:
                raise UpstreamFailed(
                    "The upstream says that its reply is JSON, but it is not. Try again later."
                ) from None
            same = reply.header("etag") is None or shrinker.keeps(reply.body, body)
            content_type = content_type if body is reply.body else "application/json"
        else:
            body, content_type = shrinker.shrink_other(body, content_type)
            same = body is reply.body
    kept: list[tuple[str, str]] = []
    for name, value in reply.headers:
        match name.lower():
            case "location":
                address = locate(value)
                if address is not None:
                    kept.append(("Location", address))
            case "etag" if not same:
                kept.append(("ETag", _etag(value, shrinker.fingerprint)))
            case known if known in _PASS or known.startswith("ratelimit"):
                kept.append((name, value))
    if content_type and body:
        kept.append(("Content-Type", content_type))
    return Answer(reply.status, tuple(kept), body)


def _etag(theirs: str, fingerprint: str) -> str:
    """Ours, for what we made of theirs: it changes when the reply or the rules do."""
    digest = hashlib.blake2b(f"{theirs} {fingerprint}".encode(), digest_size=12).hexdigest()
    return f'"{digest}"'


def is_json(content_type: str) -> bool:
    """Whether a media type is JSON (RFC 6839 section 3.1); an absent one is taken for it not."""
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json") or media == "text/json"


# --- errors -----------------------------------------------------------------------------------


def _error(reply: Reply, *, own_credential: bool, now: float) -> Answer:
    """An upstream's own JSON error, as it is. Raises: Refusal, for every other."""
    if own_credential and reply.status in (401, 403):
        raise CredentialRefused(
            f"The upstream answered {reply.status} to the gateway's own credential. Nothing that "
            "a caller sends can mend this; the operator must check the plugin's credential."
        )
    content_type = reply.header("content-type") or ""
    if 400 <= reply.status < 500 and is_json(content_type) and len(reply.body) <= MAX_ERROR:
        passing = ("content-type", "content-language", "retry-after")
        headers = tuple(pair for pair in reply.headers if pair[0].lower() in passing)
        return Answer(reply.status, headers, reply.body)
    said = _said(reply.body, content_type)
    raise UpstreamStatus(
        reply.status,
        f"The upstream answered {reply.status}" + (f": {said}" if said else "."),
        retry_after=_retry_after(reply.header("retry-after"), now),
    )


def _said(body: bytes, content_type: str) -> str:
    """What an error page or an error object says, in one bounded line."""
    if is_json(content_type):
        text = _message(body[:_MAX_MESSAGE].decode("utf-8", "replace"))
    else:
        text = body[:_MAX_PAGE].decode("utf-8", "replace")
        if "html" in content_type or text.lstrip()[:1] == "<":
            text = _page_text(text)
        elif content_type and not content_type.startswith("text/"):
            return ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _MAX_LINE else text[: _MAX_LINE - 1].rstrip() + "…"


def _page_text(page: str) -> str:
    """The title of an error page, else its text."""
    title = re.search(r"<(?:title|h1)[^>]*>([^<]{1,400})</", page, re.IGNORECASE)
    if title:
        return html.unescape(title[1])
    flags = re.DOTALL | re.IGNORECASE
    bare = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", " ", page, flags=flags)
    return html.unescape(re.sub(r"<[^>]*>", " ", bare))


def _message(text: str) -> str:
    """The words of a JSON error under the usual names (RFC 9457 detail and title first)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict):
        for name in ("detail", "message", "error_description", "title", "error", "msg"):
            words = value.get(name)
            if isinstance(words, dict):
                words = words.get("message")
            if isinstance(words, str) and words:
                return words
    return text


def _retry_after(value: str | None, now: float) -> float | None:
    """Seconds, from delay-seconds or an HTTP date (RFC 9110 section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(min(int(value.strip()[:9]), 86_400 * 365))
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
