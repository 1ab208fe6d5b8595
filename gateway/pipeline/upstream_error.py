"""An upstream's error → its own JSON as it is, or one refusal. The status is kept.

JSON of the 4xx range passes up to 4 KiB, never projected. Everything else becomes one refusal
that says in a line what the upstream said: HTML pages lose their markup, JSON gives its message.
"""

from __future__ import annotations

import html
import json
import re

import msgspec

from gateway.care import told
from gateway.errors import CredentialRefused, UpstreamStatus
from gateway.pipeline.mask import Mask
from gateway.pipeline.passing import is_json, passing
from gateway.shrinking import JSON
from gateway.values import Answer, Reply

MAX_ERROR = 4096  # bytes of an upstream's own JSON error that pass
_MAX_LINE = 300  # characters of any other error's text
_MAX_MESSAGE = 64 * 1024  # bytes of a JSON error that are looked into
# Bytes of an error page that are looked into: its title is at its top, and the patterns that
# strip it take quadratic time in the worst case.
_MAX_PAGE = 4096


def error_answer(reply: Reply, mask: Mask, *, own_credential: bool, now: float) -> Answer:
    """An upstream's own JSON error, as it is. Raises: Refusal, for every other."""
    if own_credential and reply.status in (401, 403):
        raise CredentialRefused(
            f"The upstream answered {reply.status} to the gateway's own credential. Nothing that "
            "a caller sends can mend this; the operator must check the plugin's credential."
        )
    content_type = reply.header("content-type") or ""
    if 400 <= reply.status < 500 and is_json(content_type) and _is_small_json(reply.body):
        if not content_type.isprintable():  # it could not be written again
            content_type = JSON
        headers = (*passing(reply.headers), ("Content-Type", content_type))
        return Answer(reply.status, headers, reply.body)
    said = mask.text(_said(reply.body, content_type))
    raise UpstreamStatus(
        reply.status,
        f"The upstream answered {reply.status}" + (f": {said}" if said else "."),
        retry_after=told(reply.header("retry-after"), now),
    )


def _is_small_json(body: bytes) -> bool:
    if len(body) > MAX_ERROR:
        return False
    try:
        msgspec.json.format(body, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


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
