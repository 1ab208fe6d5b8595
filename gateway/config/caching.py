"""What `cache` and `purges` must hold to beyond their schema, as far as no spec is needed.

A setting that cannot act is a mistake or a doubt: at run time Cache-Status says why a lifetime is
idle for one reply, here it is said where it is so for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import types
from gateway.config.entries import operations
from gateway.config.faults import Fault, Path, suggest

_OTHERS = ("stale", "shared_by", "override", "heuristic", "obey_caller", "post")
_OPENS = "public, s-maxage or must-revalidate"


def _levels(plugin: types.Plugin) -> Iterator[tuple[Path, types.Cache]]:
    if plugin.cache is not None:
        yield ("cache",), plugin.cache
    for name, operation in operations(plugin):
        if operation.cache is not None:
            yield ("operations", name, "cache"), operation.cache


def check(plugin: types.Plugin) -> Iterator[Fault]:
    """Settings that contradict each other."""
    for path, cache in _levels(plugin):
        if cache.override and not cache.ttl:
            text = "override puts ttl above what the upstream says; there is no ttl"
            yield Fault((*path, "override"), text, at_key=True)
        if cache.ttl == 0.0:
            for key in _OTHERS:
                if getattr(cache, key):
                    text = f"ttl: no turns storing off, so {key} cannot act; leave one of them out"
                    yield Fault((*path, key), text, at_key=True)
    if plugin.cache is not None and plugin.cache.post:
        text = "says that a POST only reads: write it at the operations of which that is true"
        yield Fault(("cache", "post"), text, at_key=True)


def doubts(plugin: types.Plugin) -> Iterator[Fault]:
    """Lifetimes that hardly ever act."""
    if not isinstance(plugin.auth, types.Auth) or plugin.auth.service is not None:
        return
    kind = plugin.auth.chosen[0]
    for path, cache in _levels(plugin):
        if cache.ttl and cache.shared_by == "everyone":
            text = (
                f"idle for most replies: under auth: {kind} callers bring keys of their own, and "
                f"what was fetched with one is shared only where the upstream says {_OPENS}"
            )
            yield Fault((*path, "shared_by"), text, at_key=True)


def of_operation(
    name: str, operation: types.Operation, method: str, names: frozenset[str]
) -> Iterator[tuple[Path, str]]:
    """What is wrong with the settings of an operation, now that its method is known.

    Args:
        name: Its own.
        operation: Its settings.
        method: The upstream's.
        names: Of all served operations of the upstream.
    """
    for number, other in enumerate(operation.purges):
        if other not in names:
            yield ("purges", number), f"no operation {other!r} is served" + suggest(other, names)
    if operation.purges and method in types.SAFE:
        yield ("purges",), f"{name} is a {method}, which changes nothing; it is for writes"
    cache = operation.cache
    if cache is not None and cache.post and method != "POST":
        yield ("cache", "post"), f"{name} is a {method}; this is for a POST that only reads"
    elif cache is not None and cache.ttl and method not in ("GET", "HEAD") and not cache.post:
        text = f"{name} is a {method}, whose replies are not kept"
        if method == "POST":
            text += "; if it only reads, write {ttl, post: true}"
        yield ("cache",), text
