"""Where a browser may be sent: a list of addresses, compared character by character. Pure.

A login that sends the browser wherever it is asked to is an open redirector, and gives codes to
whoever asks (RFC 6749 section 10.15, RFC 9700 section 4.1). Nothing is normalised before it is
compared, so that no two readings of an address can differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, urlencode

# Where ChatGPT's plugins and GPTs are called back (OpenAI's documentation of both).
PLATFORMS = (
    "https://chat.openai.com/aip/*/oauth/callback",
    "https://chatgpt.com/aip/*/oauth/callback",
)
# What one `*` stands for: the id of a plugin or GPT, such as `g-Ab12`.
_SEGMENT = "[A-Za-z0-9_-]{1,128}"


def allowed(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Compile which addresses are on the list; `*` is one path segment of an id."""
    one_of = (re.escape(pattern).replace(r"\*", _SEGMENT) for pattern in patterns)
    compiled = re.compile("|".join(f"(?:{one})" for one in one_of), re.ASCII)
    return lambda url: compiled.fullmatch(url) is not None


def with_query(url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """An address with further parameters; a query that it has stays (RFC 6749 section 3.1)."""
    written = urlencode([(name, value) for name, value in parameters if value], quote_via=quote)
    separator = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return url + separator + written
