"""How many calls are under way, in all and of one address.

A call holds a slot from when its body is awaited to when its answer is written, since as long it
holds memory. What one address may hold is bounded, so that whoever is slow on purpose leaves the
others theirs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from gateway.errors import Overloaded

# Of all slots, what one address may hold: a quarter, but no fewer than a small machine's own
# client may need.
SHARE, LEAST = 4, 32


class Slots:
    """The slots of a process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_one = max(most // SHARE, min(most, LEAST))
        self._taken = 0
        self._by_address: dict[str, int] = {}

    @property
    def taken(self) -> int:
        """How many calls are under way."""
        return self._taken

    def take(self, address: str) -> Callable[[], None]:
        """Begin a call of an address; gives what ends it, once. Raises: Overloaded."""
        if ":" in address:
            address = _network(address)
        own = self._by_address.get(address, 0)
        if self._taken >= self._most:
            raise Overloaded(
                f"{self._most:,} calls are under way, as many as are taken. Try again soon.",
                retry_after=1,
            )
        if own >= self._of_one:
            raise Overloaded(
                f"{own:,} calls of your address are under way, as many as one may have. Try again "
                "soon. Behind a proxy the operator names it with --trusted-proxy.",
                retry_after=1,
            )
        self._taken += 1
        self._by_address[address] = own + 1

        def free() -> None:
            self._taken -= 1
            left = self._by_address[address] - 1
            if left:
                self._by_address[address] = left
            else:
                del self._by_address[address]

        return free


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    """What counts as one address of IPv6: a subscriber has a network of 64 bits (RFC 6177)."""
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> 64)
