"""A legal name for a plugin from a spec's title. Pure."""

from __future__ import annotations

import re
import unicodedata

from gateway.config.rules import RESERVED

_LONGEST = 30
# Said of nearly every spec, so no part of what an API is called.
_NOISE = frozenset({"api", "apis", "openapi", "swagger", "rest", "restful", "spec", "specification",
                    "documentation", "docs", "the", "version", "v"})  # fmt: skip


def plugin_name(*texts: str) -> str:
    """The name for a plugin: of the first text that says more than "API", in camelCase."""
    names = [name for rest in (False, True) for text in texts if (name := _name(text, rest=rest))]
    name = names[0] if names else "plugin"
    return name if name.lower() not in RESERVED else name + "Plugin"


def _name(text: str, *, rest: bool) -> str:
    """A name of the words that mean something; with `rest`, of all of them."""
    plain = unicodedata.normalize("NFKD", text[:500]).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain.replace("'", ""))
    name = ""
    for word in words:
        is_noise = word.lower() in _NOISE or re.fullmatch(r"v?\d+", word)
        if is_noise and not rest:
            continue
        start = word if name else word.lstrip("0123456789")
        is_short_form = start.isupper() and len(start) > 1
        case = str.upper if name else str if is_short_form else str.lower
        joined = name + case(start[:1]) + start[1:]
        if len(joined) > _LONGEST:
            return name or joined[:_LONGEST]
        name = joined
    return name
