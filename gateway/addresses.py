"""The addresses that a spec may name for its other files. Pure.

Of a spec by URL those of its own origin, of a spec in a folder those below it; nothing hidden,
nothing that is no spec. Whoever asks for anything else is told why, and nobody is asked.
Source: RFC 3986 §5.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urljoin, urlsplit

_WEB = ("http://", "https://")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ENDINGS = (".json", ".yaml", ".yml", ".md", ".txt")


def address_of(base: str, ref: str) -> str:
    """The address that a reference names, its fragment left out.

    Raises:
        ValueError: that is none a spec may name; the text says why.
    """
    written = ref.partition("#")[0]
    if re.search(r"[\x00-\x20\x7f\\]", written.strip()):
        raise ValueError("has blanks, control characters or backslashes in it")
    if base.lower().startswith(_WEB):
        return _on_the_web(base, written.strip())
    return _in_the_folder(base, written.strip())


def _on_the_web(base: str, written: str) -> str:
    target = urljoin(base, written)
    parts, own = urlsplit(target), urlsplit(base)
    if parts.scheme not in ("http", "https"):
        raise ValueError("is no http address")
    if "@" in parts.netloc:
        raise ValueError("has a user in its address")
    if (parts.scheme, parts.hostname, parts.port) != (own.scheme, own.hostname, own.port):
        raise ValueError("leads to another origin, which is never asked")
    return target


def _in_the_folder(base: str, written: str) -> str:
    if written.lower().startswith(_WEB):
        raise ValueError("leads to another host, which a spec in a file may not name")
    if _SCHEME.match(written) or written.startswith("/"):
        raise ValueError("is no path relative to its file")
    path = unquote(written.partition("?")[0])
    if re.search(r"[\x00-\x1f\x7f\\]", path):
        raise ValueError("has control characters or backslashes in it")
    if path.startswith("/"):
        raise ValueError("is no path relative to its file")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
    if target.startswith("../") or target == "..":
        raise ValueError("leads out of the folder of the spec")
    if any(step.startswith(".") and step not in (".", "..") for step in path.split("/")):
        raise ValueError("leads to a hidden file")
    if not target.lower().endswith(_ENDINGS):
        raise ValueError(f"is none of {', '.join(_ENDINGS)}")
    return target
