"""What counts as one address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=1024)
def network(address: str) -> str:
    """What counts as one address of IPv6: a subscriber has a network of 64 bits (RFC 6177)."""
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> 64)
