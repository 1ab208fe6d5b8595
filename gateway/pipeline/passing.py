"""Which headers of a reply reach the caller, by allow-list; and what counts as JSON.

Content-Type, ETag and Location are not in the list: the answer has its own (`shrink`). Cookies,
Server, Link and everything unknown stay behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from multidict import MultiMapping

from gateway.errors import BadArguments
from gateway.media import charset, kind
from gateway.values import Headers

_PASS = frozenset(
    {
        "content-language", "content-disposition", "last-modified", "cache-control", "expires",
        "vary", "retry-after",
    }
)  # fmt: skip
# What cannot be written again: control characters, and bytes that are no UTF-8.
_UNWRITABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# What lets a shared cache keep an answer for everybody (RFC 9111 sections 5.2.2.9, 5.2.2.10).
_FOR_ALL = ("public", "s-maxage")


def passing(headers: Headers, *, private: bool = False) -> Headers:
    """The headers that pass.

    `private` is for answers to callers who had to prove themselves: a cache in front of the
    gateway must not give them to others, whatever the upstream says.
    """
    return tuple(
        (name, _private(value) if private and key == "cache-control" else value)
        for name, value in headers
        if ((key := name.lower()) in _PASS or key.startswith("ratelimit"))
        and not _UNWRITABLE.search(value)
    )


def lines(headers: Mapping[str, str], name: str) -> list[str]:
    """All lines of a header, in their order."""
    if isinstance(headers, MultiMapping):
        return headers.getall(name, [])
    value = headers.get(name)
    return [] if value is None else [value]


def forwarded(headers: Mapping[str, str], name: str) -> str | None:
    """A caller's header as it goes on: its lines as one (RFC 9110 section 5.3); None for none.

    Raises: BadArguments, where it cannot go on as it came.
    """
    found = lines(headers, name)
    if not found:
        return None
    value = ", ".join(found)
    if _UNWRITABLE.search(value):
        raise BadArguments(f"The header {name} holds bytes that are no UTF-8. Write it in ASCII.")
    return value


def _private(cache_control: str) -> str:
    """Cache-Control without what opens it to shared caches."""
    directives = [one.strip() for one in cache_control.split(",")]
    kept = [one for one in directives if one.partition("=")[0].strip().lower() not in _FOR_ALL]
    if any(one.lower() in ("private", "no-store") for one in kept):
        return ", ".join(kept)
    return ", ".join(["private", *filter(None, kept)])


@lru_cache(maxsize=64)  # upstreams say the same few over and over
def is_json(content_type: str) -> bool:
    """Whether a media type is JSON; an absent one is not.

    Nor is a range, which is no type, nor a list of types: of these browsers take the last
    (the Fetch standard, "extract a MIME type"), and look into what they are told nothing of.
    """
    is_one = bool(content_type) and "*" not in content_type and "," not in content_type
    return is_one and kind(content_type) == "json"


@lru_cache(maxsize=64)
def charset_of(content_type: str) -> str:
    """The charset that a Content-Type names; "" for none."""
    return charset(content_type)
