"""Where an upstream's redirects may lead: to the chosen operations and nowhere else. Pure.

An upstream that sends its callers on to where they say (an open redirect) would otherwise lead
them to everything of its origin, with the operator's credential.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.request.templates import template
from gateway.values import UpstreamRequest

Within = Callable[[UpstreamRequest, str, str], bool]


def destinations(operation: Operation, plugin: Plugin, proof: Proof) -> Within:
    """Compile where redirects of an operation lead: request, method and URL → whether to go.

    To the request's own address in another spelling (a final slash, the case of letters, the
    query as it was), and to any path of a chosen operation of that method. What a caller may not
    set a redirect could set, and what asks for confirmation it could do unasked, so operations
    with pinned or hidden parameters, and of others those that ask, are reached by the first way
    only. The origin is judged elsewhere.
    """
    base = urlsplit(plugin.base).path.rstrip("/")
    known = [
        (one.spec.method, template(base + one.spec.path.rstrip("/")))
        for one in plugin.operations.values()
        if not one.own
        and _is_open(one, proof)
        and (operation.consequential or not one.consequential)
    ]
    shown = frozenset(proof.query.split("&"))

    def within(request: UpstreamRequest, method: str, url: str) -> bool:
        came, goes = urlsplit(request.url), urlsplit(url)
        path = goes.path.rstrip("/")
        if (
            method == request.method
            and path.lower() == came.path.rstrip("/").lower()
            and _own(goes.query, shown) == _own(came.query, shown)
        ):
            return True
        segments = path.split("/")
        if any(unquote(one) in (".", "..") for one in segments):
            return False
        return any(matcher.match(segments) is not None for verb, matcher in known if verb == method)

    return within


def _is_open(operation: Operation, proof: Proof) -> bool:
    """Whether callers may set all that a redirect may."""
    ours = {name for _, name in proof.taken}
    path = operation.spec.path
    return "?" not in path and "#" not in path and not operation.withheld.keys() - ours


def _own(query: str, shown: frozenset[str]) -> list[str]:
    return [one for one in query.split("&") if one and one not in shown]
