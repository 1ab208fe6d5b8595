"""Header fields: which of them belong to one connection only, and reading them by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.values import Headers

# RFC 9110 section 7.6.1, and the Proxy- ones, which are a proxy's own business (section 11.7).
HOP_BY_HOP: Final = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
     "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)  # fmt: skip


def storable_headers(headers: Headers) -> Headers:
    """The headers without those of one connection (section 3.1, RFC 9110 section 7.6.1).

    Order and repeated lines are kept. For requests as well as for replies.
    """
    listed = {
        name.strip(" \t").lower()
        for key, value in headers
        if key.lower() == "connection"
        for name in value.split(",")
    }
    return tuple(
        pair for pair in headers if (key := pair[0].lower()) not in HOP_BY_HOP and key not in listed
    )


def by_name(headers: Headers) -> dict[str, str]:
    """The fields by lower-case name, their lines joined (RFC 9110 section 5.3)."""
    found: dict[str, str] = {}
    for key, value in headers:
        name = key.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def lines(headers: Headers, name: str) -> list[str]:
    """A field's lines, for those whose values must not be joined. `name` is lower-case."""
    return [value for key, value in headers if key.lower() == name]


def without(headers: Headers, names: Iterable[str]) -> Headers:
    """The headers but for these, lower-case."""
    names = frozenset(names)
    return tuple(pair for pair in headers if pair[0].lower() not in names)
