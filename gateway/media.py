"""Media types: how a value of one is written, and the charset that a Content-Type names.

The knowledge that lives only here: which types are JSON and which are text. Source: RFC 9110
§8.3.1, RFC 6839 §3.1 (`+json`, `+xml`), RFC 9512 (`+yaml`).
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Literal

BodyKind = Literal["json", "form", "multipart", "text", "binary"]

# What is given to a model as an image or a sound: in base64 that is 5 MB, which Anthropic's API
# takes of one image.
MOST_SHOWN = 3_750_000
_TEXTS = frozenset(
    {
        "application/xml", "application/yaml", "application/x-yaml", "application/javascript",
        "application/x-ndjson", "application/jsonl", "application/graphql", "application/sql",
        "application/toml",
    }
)  # fmt: skip
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
# Codecs of Python that are no charsets of the web; punycode's time grows with the square.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})


def essence(media_type: str) -> str:
    """A media type without its parameters, lower case."""
    return media_type.partition(";")[0].strip().lower()


def kind(media_type: str) -> BodyKind:
    """How a value of a media type or range is written."""
    plain = essence(media_type)
    main, _, sub = plain.partition("/")
    if (
        sub in ("json", "x-json")
        or sub.endswith("+json")
        or (main in ("*", "application") and sub == "*")
    ):
        return "json"
    if plain == "application/x-www-form-urlencoded":
        return "form"
    if main == "multipart":
        return "multipart"
    text = main == "text" or plain in _TEXTS or sub.endswith(("+xml", "+yaml", "json-seq"))
    return "text" if text else "binary"


def charset(content_type: str) -> str:
    """The charset that a Content-Type names; "" where it names none."""
    match = _CHARSET.search(content_type)
    return match[1] if match else ""


def decoded(body: bytes, charset: str) -> str:
    """The text of a body, U+FFFD for what is no character; an unknown charset is UTF-8."""
    return body.decode(charset if known_charset(charset) else "utf-8", "replace")


@lru_cache(maxsize=64)  # upstreams say the same few over and over
def is_shown(media_type: str) -> bool:
    """Whether a model may be shown a value of this type as what it is: an image or a sound."""
    return essence(media_type).startswith(("image/", "audio/")) and kind(media_type) == "binary"


@lru_cache(maxsize=64)  # upstreams say the same few over and over
def known_charset(charset: str) -> bool:
    """Whether this is the name of a charset that can be read."""
    try:
        if codecs.lookup(charset).name in _NO_CHARSETS:
            return False
        b"a".decode(charset, "replace")
    except (LookupError, ValueError):  # a name that is none, a codec that is none of text
        return False
    return True
