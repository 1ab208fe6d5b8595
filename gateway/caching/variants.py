"""Which stored replies were chosen for the same request headers: Vary, section 4.1. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from gateway.caching.directives import OWS, members
from gateway.caching.entries import MOST_VARIANTS, Entry, Facts

Vary = tuple[tuple[str, str | None, str | None], ...]

# Lists whose order and case say nothing that a server must heed (RFC 9110 section 12.5).
_SETS: Final = frozenset(("accept", "accept-language", "accept-encoding", "accept-charset"))
# What identifies a caller is compared by its digest: entries may be written to a shared store.
_SECRET: Final = frozenset(("authorization", "proxy-authorization", "cookie"))


# A reply that names more fields than a request has is as good as never chosen again.
_MOST_FIELDS: Final = 32


def varies(text: str) -> tuple[str, ...] | None:
    """The fields that Vary names, lower-case, each once.

    None where no request is known to match: `*`, a member anywhere, or too many to keep.
    """
    names = tuple(dict.fromkeys(name.lower() for name in members(text)))
    return None if "*" in names or len(names) > _MOST_FIELDS else names


def vary_of(names: Iterable[str], asked: Mapping[str, str]) -> Vary:
    """What a reply that varies by these fields was chosen for."""
    return tuple(
        (name, value := _value(name, asked), None if value is None else normalised(name, value))
        for name in names
    )


def _value(name: str, asked: Mapping[str, str]) -> str | None:
    value = asked.get(name)
    if value is None or name not in _SECRET:
        return value
    return hashlib.blake2b(value.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


# A request's value is held against that of every variant; few, since a value may be 8 KB long.
@lru_cache(maxsize=64)
def normalised(name: str, value: str) -> str:
    """A field's value so that what means the same is the same."""
    if name in _SETS:
        flat = (member.lower().replace(" ", "").replace("\t", "") for member in members(value))
        return ",".join(sorted(set(flat)))
    return ",".join(members(value))


def matches(facts: Facts, asked: Mapping[str, str]) -> bool:
    """Whether a stored reply was chosen for a request with these fields.

    A field that is absent matches only an absent one.
    """
    for name, value, normal in facts.vary:
        other = _value(name, asked) if name in _SECRET else asked.get(name)
        if other == value:
            continue
        if other is None:
            return False
        if value is not None and normal == normalised(name, other):
            continue
        if name != "accept-language" or not facts.language:
            return False
        # A reply in the language the caller wants most is what he would be sent.
        if _most_wanted(other) != facts.language:
            return False
    return True


def _most_wanted(accept: str) -> str:
    """The language of the greatest weight, the first of several (RFC 9110 section 12.5.4)."""
    best, weight = "", 0.0
    for member in members(accept):
        language, _, rest = member.partition(";")
        name, has_weight, text = rest.partition("=")
        try:
            own = float(text) if has_weight and name.strip(OWS).lower() == "q" else 1.0
        except ValueError:
            return ""
        if own > weight:
            best, weight = language.strip(OWS).lower(), own
    return best


def added(entries: Sequence[Entry], entry: Entry) -> tuple[Entry, ...]:
    """The entries of a URL with one more: it replaces its own variant, the oldest goes.

    A part replaces only the same part; a reply to HEAD only another one.
    """
    kept = [one for one in entries if not _replaces(entry.facts, one.facts)]
    return (*kept[max(0, len(kept) + 1 - MOST_VARIANTS) :], entry)


def _replaces(new: Facts, old: Facts) -> bool:
    if [(name, normal) for name, _, normal in new.vary] != [
        (name, normal) for name, _, normal in old.vary
    ]:
        return False
    if new.head:
        return old.head
    return new.part is None or new.part == old.part
