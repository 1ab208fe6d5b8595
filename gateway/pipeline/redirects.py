"""Where an upstream's redirects may lead: to the chosen operations and nowhere else. Pure.

An upstream that sends its callers on to where they say (an open redirect) would otherwise lead
them to everything of its origin, with the operator's credential.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from gateway.plugin import Operation, Plugin
from gateway.request import Proof
from gateway.request.templates import Template, template
from gateway.values import UpstreamRequest


class Destinations:
    """Where redirects of a plugin's operations lead.

    To the request's own address in another spelling (a final slash, the case of letters, the
    query as it was), and to any path of a chosen operation of that method. What a caller may not
    set a redirect could set, and what asks for confirmation it could do unasked, so operations
    with pinned or hidden parameters, and of others those that ask, are reached by the first way
    only. The origin is judged elsewhere.

    One for all operations, and compiled when the first redirect comes: made for each of them, a
    thousand operations took a million templates.
    """

    def __init__(self, plugin: Plugin, proof: Proof) -> None:
        self._plugin = plugin
        self._proof = proof
        self._shown = frozenset(proof.query.split("&"))
        self._known: Mapping[str, list[tuple[Template, bool]]] | None = None

    def holds(self, operation: Operation, request: UpstreamRequest, method: str, url: str) -> bool:
        """Whether a request of an operation may be sent on to a URL by a method."""
        came, goes = urlsplit(request.url), urlsplit(url)
        path = goes.path.rstrip("/")
        if (
            method == request.method
            and path.lower() == came.path.rstrip("/").lower()
            and _own(goes.query, self._shown) == _own(came.query, self._shown)
        ):
            return True
        segments = path.split("/")
        if any(unquote(one) in (".", "..") for one in segments):
            return False
        if self._known is None:
            self._known = _compiled(self._plugin, self._proof)
        return any(
            matcher.match(segments) is not None
            for matcher, asks in self._known.get(method, ())
            if operation.consequential or not asks
        )


def _compiled(plugin: Plugin, proof: Proof) -> Mapping[str, list[tuple[Template, bool]]]:
    """By method, the paths of operations, each with whether it asks for confirmation."""
    base = urlsplit(plugin.base).path.rstrip("/")
    known: dict[str, list[tuple[Template, bool]]] = defaultdict(list)
    for one in plugin.operations.values():
        if not one.own and _is_open(one, proof):
            matcher = template(base + one.spec.path.rstrip("/"))
            known[one.spec.method].append((matcher, one.consequential))
    return known


def _is_open(operation: Operation, proof: Proof) -> bool:
    """Whether callers may set all that a redirect may."""
    ours = {name for _, name in proof.taken}
    path = operation.spec.path
    return "?" not in path and "#" not in path and not operation.withheld.keys() - ours


def _own(query: str, shown: frozenset[str]) -> list[str]:
    return [one for one in query.split("&") if one and one not in shown]
