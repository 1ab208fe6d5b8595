"""What a call is stored under, and what of it the rules of caching look at.

The partition is a keyed digest of all that tells callers apart; nobody is given what was fetched
for another partition, whatever a reply says. A caller's header that goes on is part of the key as
well, since an upstream may heed it without saying so in Vary: digested, for it may be a secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from gateway.caching.deciding import address, storable_headers
from gateway.caching.key import Address, partition_of
from gateway.config import types
from gateway.pipeline.call import Call
from gateway.pipeline.limit import who
from gateway.pipeline.passing import forwarded, lines
from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.values import UpstreamRequest

# A caller's directives; heeded only where an operation says so, and never sent on for that.
_DIRECTIVES = ("Cache-Control", "Pragma")
# What asks for less than the whole, or for nothing where it is known.
_EXACT = frozenset(
    ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range")
)

Asked = Callable[[Call, UpstreamRequest], UpstreamRequest]
Place = Callable[[Call, UpstreamRequest], Address | None]


def is_exact(operation: Operation, plugin: Plugin) -> bool:
    """Whether callers' conditions and ranges reach the upstream, so that they are answered."""
    forward = {name.lower() for name in plugin.config.upstream.forward}
    return operation.passing or bool(forward & _EXACT)


def is_shown_whole(operation: Operation, plugin: Plugin) -> bool:
    """Whether a call's request says by itself all that could change the reply (`asking`)."""
    own = isinstance(plugin.config.auth, types.Auth) and not operation.caching.shared
    more = plugin.config.upstream.forward or operation.caching.obey_caller or operation.passing
    return not more and (operation.by_caller or not own)


def purge_tag(plugin: str, operation: str) -> str:
    """What stands for all stored replies of an operation when it is purged; it is no URL."""
    return f"purge:{plugin}/{operation}"


def asking(operation: Operation, plugin: Plugin) -> Asked:
    """Compile how a call's request is shown to the rules: with all that could change the reply."""
    if operation.passing:  # it is all there
        return lambda call, request: request._replace(headers=storable_headers(request.headers))  # noqa: ARG005
    forward, obeys = tuple(plugin.config.upstream.forward), operation.caching.obey_caller
    by_caller = operation.by_caller

    def asked(call: Call, request: UpstreamRequest) -> UpstreamRequest:
        more: list[tuple[str, str]] = []
        for name in forward:
            value = forwarded(call.headers, name)
            if value is not None:
                more.append((name, value))
        if obeys:
            said = ((name, ", ".join(lines(call.headers, name))) for name in _DIRECTIVES)
            more.extend(pair for pair in said if pair[1])
        # Where each caller has a partition of his own, what RFC 9111 section 3.5 asks for is so.
        if not by_caller and call.caller is not None and call.caller.credential is not None:
            more.append(("Authorization", call.caller.credential))
        return request._replace(headers=(*request.headers, *more)) if more else request

    return asked


def placing(operation: Operation, plugin: Plugin, proof: Proof, key: bytes) -> Place:
    """Compile where the replies to a call are stored.

    Args:
        operation: Its settings and what it accepts are part of the partition.
        plugin: Its name and what it always sends are, too: the store is shared by all plugins,
            and one plugin's secrets are not masked in another's replies.
        proof: What is shown upstream, where it is the operator's.
        key: Keys the digests, at most 64 bytes.
    """
    caching, forward = operation.caching, tuple(plugin.config.upstream.forward)
    settings = plugin.config.upstream.headers
    scope = repr(
        (plugin.name, plugin.base, forward, sorted(settings.items()), caching,
         operation.spec.reply.content_type)
    ).encode("utf-8", "surrogateescape") + proof.identity  # fmt: skip
    everyone = partition_of(scope, key)
    by_caller, passes, name = operation.by_caller, operation.passing, plugin.name
    own = isinstance(plugin.config.auth, types.Auth) and not caching.shared

    def partition(call: Call) -> bytes:
        if not by_caller:
            return everyone
        said = who(call)
        if own and call.caller is not None and call.caller.credential is not None:
            said = call.caller.credential
        return partition_of(scope + b"\0caller\0" + said.encode("utf-8", "surrogateescape"), key)

    is_plain = not (by_caller or passes or forward)

    def place(call: Call, request: UpstreamRequest) -> Address | None:
        if is_plain and request.method == "GET" and not (request.body or request.headers):
            return Address(name, request.url, everyone)  # of nearly every call
        found = address(request, caching)
        if found is None:
            return None
        url, more = found
        if not passes and (forward or request.headers):
            # All headers of the operation's own, and of the caller's those that go on.
            more += _digest(_sent(call, request, forward), key)
        return Address(name, url, partition(call), more)

    return place


def _sent(
    call: Call, request: UpstreamRequest, forward: tuple[str, ...]
) -> tuple[tuple[str, str | None], ...]:
    return (*request.headers, *((name, forwarded(call.headers, name)) for name in forward))


def _digest(headers: object, key: bytes) -> str:
    text = repr(headers).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, key=key, digest_size=16).hexdigest()
