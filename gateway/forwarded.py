"""Who really calls, and how we are reached: what trusted proxies say. Pure.

`X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239) count only where the peer is a proxy the
operator trusts; of a chain, the last address that is no trusted proxy is the caller. Where both
families are there the first one counts: proxies write it, and many pass on a `Forwarded` that
the caller made up.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from multidict import MultiMapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# A host as it may stand in a URL we write: a name, an IPv4 address or a bracketed IPv6 one.
_HOST = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?"
)


def trusts(networks: Sequence[Network], address: str) -> bool:
    """Whether an address is one of a trusted proxy."""
    if not networks:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def caller_address(peer: str, headers: MultiMapping[str], networks: Sequence[Network]) -> str:
    """The caller's address: the peer's, or behind trusted proxies what they say."""
    if not trusts(networks, peer):
        return peer
    chain = _said(headers, "For")
    for hop in reversed(chain):
        address = _address(hop)
        if address is None:
            return peer
        if not trusts(networks, address):
            return address
    return _address(chain[0]) or peer if chain else peer


def origin_of(
    peer: str, secure: bool, headers: MultiMapping[str], networks: Sequence[Network]
) -> tuple[str, str] | None:
    """Scheme and host (with port) under which the caller reached us; None if no valid host."""
    scheme, host = ("https" if secure else "http"), headers.get("Host", "")
    if trusts(networks, peer):
        proto = _said(headers, "Proto")
        if proto and proto[-1].lower() in ("http", "https"):
            scheme = proto[-1].lower()
        hosts = _said(headers, "Host")
        if hosts:
            host = hosts[-1]
    return (scheme, host.lower()) if _HOST.fullmatch(host) else None


def _said(headers: MultiMapping[str], what: str) -> list[str]:
    """What the chain of proxies says, the nearest last; all lines of a header count."""
    family = [name for name in headers if name.lower().startswith("x-forwarded-")]
    if family:
        lines = ",".join(headers.getall(f"X-Forwarded-{what}", ()))
        return [one.strip() for one in lines.split(",") if one.strip()]
    lines = ",".join(headers.getall("Forwarded", ()))
    pairs = re.findall(r"(?:^|[;,])\s*(\w+)=(\"[^\"]*\"|[^;,\s]*)", lines)
    return [text.strip('"') for key, text in pairs if key.lower() == what.lower()]


def _address(hop: str) -> str | None:
    """The address of a hop: `1.2.3.4`, `1.2.3.4:80`, `[::1]:80`, `::1`."""
    match = re.fullmatch(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+)", hop)
    text = next((group for group in match.groups() if group), "") if match else ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
