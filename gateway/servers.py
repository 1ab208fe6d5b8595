"""Where an upstream is: the operator's word, else the spec's as far as it may be trusted. Pure.

A spec in a file may name any server; one that was fetched only servers of its own origin, else
loading stops with the line to paste. An operation's own server counts within the same origin.
No spec may name where clouds keep their machines' credentials: only an operator can mean that.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.config import Loaded, types
from gateway.errors import Mistake
from gateway.guarded import address_of, is_never
from gateway.values import SpecModel, SpecOperation

# What name servers are not asked for: a host whose last part is a number (WHATWG URL §3.5).
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
_MOST = 3  # servers that are left out, and told of


def base_of(
    loaded: Loaded, model: SpecModel, location: str, *, from_url: bool
) -> tuple[str, list[Mistake]]:
    """The base URL of the upstream: the operator's, else the spec's if it may be trusted."""
    url = loaded.plugin.upstream.url
    if url:
        return url.rstrip("/"), []
    named = model.servers or [url for one in model.operations for url in one.servers]
    servers = [one for one in named if one.startswith(("https://", "http://"))]
    servers.sort(key=lambda one: not one.startswith("https://"))  # stable: https first
    paste = "upstream: {url: https://…}"
    if not servers:
        left_out = [one.what for one in model.ledger if one.what.startswith("the server ")]
        why = f" ({'; '.join(left_out[:_MOST])})" if left_out else ""
        text = f"the spec names no server with an absolute address{why}; write {paste}"
        return "", [loaded.mistake(("spec",), text)]
    if not from_url:
        if reason := why_never(servers[0]):
            text = f"the spec's server {servers[0]!r} {reason}"
            return "", [loaded.mistake(("spec",), text)]
        return servers[0].rstrip("/"), []
    own = [one for one in servers if origin(one) == origin(location)]
    if own:
        return own[0].rstrip("/"), []
    text = (
        f"the spec was fetched from {_shown(origin(location))} but its server is "
        f"{servers[0]!r}; a fetched document may not name another origin. "
        f'If that is right, write upstream: {{url: "{servers[0]}"}}'
    )
    return "", [loaded.mistake(("spec",), text)]


def why_never(url: str) -> str | None:
    """Why a server that no operator wrote is never asked, and what to do; None where it may be."""
    host = origin(url)[1]
    address = address_of(host)
    if address is not None and is_never(address):
        return (
            "is an address where machines keep their credentials, or no host at all; a spec may "
            f'not name one. If that is right, write upstream: {{url: "{url}"}}'
        )
    if address is None and _NUMBER.fullmatch(host):
        return (
            "is no address: its host is a number, but not four from 0 to 255 without zeros before "
            "them; write upstream: {url: https://…}"
        )
    return None


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL; the default port filled in (RFC 6454 section 4)."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())
        return parts.scheme.lower(), (parts.hostname or "").lower(), port
    except ValueError:
        return "", "", None


def _shown(parts: tuple[str, str, int | None]) -> str:
    scheme, host, port = parts
    default = {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{host}" + ("" if port in (None, default) else f":{port}")


def why_unservable(spec: SpecOperation, base: str, loaded: Loaded) -> str | None:
    """Why an operation cannot be asked for where it says it is; None where it can."""
    if spec.method not in types.METHODS:
        return f"its method {spec.method} is not served"
    if spec.servers and not loaded.plugin.upstream.url and base:
        elsewhere = [one for one in spec.servers if origin(one) != origin(base)]
        if len(elsewhere) == len(spec.servers):
            return f"its own server {elsewhere[0]} is another origin than {base}"
    return None


def base_of_operation(spec: SpecOperation, base: str, loaded: Loaded) -> str:
    """An operation's own server, of the same origin, goes before the document's."""
    if loaded.plugin.upstream.url:
        return base
    own = [one for one in spec.servers if origin(one) == origin(base)]
    return own[0].rstrip("/") if own else base
