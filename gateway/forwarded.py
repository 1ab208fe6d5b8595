"""Who really calls, and how we are reached: what trusted proxies say. Pure.

`X-Forwarded-For/-Proto/-Host` and `Forwarded` (RFC 7239) count only where the peer is a proxy the
operator trusts; of a chain, the last address that is no trusted proxy is the caller. A proxy
writes one family and may pass on the other as the caller made it up; which one cannot be told (RFC
7239 section 8.1). So where both are there they must say the same, or neither is believed and what
the proxy itself shows counts: its address, its Host. A caller who lies so is counted with it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from multidict import MultiMapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# A host as it may stand in a URL we write: a name, an IPv4 address or a bracketed IPv6 one.
_HOST = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(\.?)(:\d{1,5})?"
)
_FAMILY = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")


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
    said = {_caller(chain, networks) for chain in _said(headers, "For")}
    return (said.pop() or peer) if len(said) == 1 else peer


def _caller(chain: Sequence[str], networks: Sequence[Network]) -> str | None:
    """Of a chain of proxies, the nearest address that is none of theirs."""
    for hop in reversed(chain):
        address = _address(hop)
        if address is None or not trusts(networks, address):
            return address
    return _address(chain[0]) if chain else None


def origin_of(
    peer: str, secure: bool, headers: MultiMapping[str], networks: Sequence[Network]
) -> tuple[str, str] | None:
    """Scheme and host (with port) under which the caller reached us; None if no valid host."""
    scheme, host = ("https" if secure else "http"), headers.get("Host", "")
    if networks and trusts(networks, peer):
        proto = _nearest(headers, "Proto")
        scheme = proto if proto in ("http", "https") else scheme
        host = _nearest(headers, "Host") or host
    match = _HOST.fullmatch(host)
    return (scheme, (match[1] + (match[3] or "")).lower()) if match else None


def _nearest(headers: MultiMapping[str], what: str) -> str:
    """What the nearest proxy says, where all say the same; else nothing."""
    said = {chain[-1].lower() if chain else "" for chain in _said(headers, what)}
    return said.pop() if len(said) == 1 else ""


def _said(headers: MultiMapping[str], what: str) -> list[list[str]]:
    """What each family of headers says of the chain of proxies, the nearest last; all lines of a
    header count. A family that is there and says nothing of it gives an empty chain."""
    found = []
    if any(name in headers for name in _FAMILY):
        lines = ",".join(headers.getall(f"X-Forwarded-{what}", ()))
        found.append([one.strip() for one in lines.split(",") if one.strip()])
    if "Forwarded" in headers:
        lines = ",".join(headers.getall("Forwarded", ()))
        pairs = re.findall(r"(?:^|[;,])\s*(\w+)=(\"[^\"]*\"|[^;,\s]*)", lines)
        found.append([text.strip('"') for key, text in pairs if key.lower() == what.lower()])
    return found


def _address(hop: str) -> str | None:
    """The address of a hop: `1.2.3.4`, `1.2.3.4:80`, `[::1]:80`, `::1`."""
    match = re.fullmatch(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|(\S+)", hop)
    text = next((group for group in match.groups() if group), "") if match else ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
