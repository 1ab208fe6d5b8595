"""How many calls are under way: in all, of one address, and of one plugin.

A call holds a slot from when its body is awaited to when its answer is written, since as long it
holds memory. What one address may hold is bounded, so that whoever is slow on purpose leaves the
others theirs. And of several plugins each may hold no more than it leaves free, so that one whose
upstream hangs takes half, two of them a third each, and there is always some for another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.errors import Overloaded
from gateway.limits.networks import network

# Of all slots, what one address may hold: a quarter, but no fewer than a small machine's own
# client may need.
SHARE, LEAST = 4, 32
K = TypeVar("K")


class Slots:
    """The slots of a process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_one = max(most // SHARE, min(most, LEAST))
        self._taken = 0
        self._by_address: dict[str, int] = {}
        self._by_plugin: dict[str, int] = {}
        self._by_both: dict[tuple[str, str], int] = {}
        self.are_shared = False  # there are several plugins

    @property
    def taken(self) -> int:
        """How many calls are under way."""
        return self._taken

    def take(self, address: str, plugin: str = "") -> Callable[[], None]:
        """Begin a call of an address, of a plugin where that is known; gives what ends it, once.

        Raises: Overloaded.
        """
        if ":" in address:
            address = network(address)
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
        leave = self.enter(address, plugin) if plugin else _nothing
        self._taken += 1
        self._by_address[address] = own + 1

        def free() -> None:
            leave()
            self._taken -= 1
            _less(self._by_address, address)

        return free

    def enter(self, address: str, plugin: str) -> Callable[[], None]:
        """Let a call that has its slot, or gets it, be one of a plugin; gives what ends that, once.

        Raises: Overloaded.
        """
        if not self.are_shared:
            return _nothing
        if ":" in address:
            address = network(address)
        both = address, plugin
        all_of_it = self._by_plugin.get(plugin, 0)
        own = self._by_both.get(both, 0)
        if all_of_it >= max(1, self._most - self._taken):
            raise Overloaded(
                f"{all_of_it:,} calls of the plugin {plugin} are under way, as many as are left "
                "for all others. Try again soon.",
                retry_after=1,
            )
        if own >= max(1, self._of_one - self._by_address.get(address, 0)):
            raise Overloaded(
                f"{own:,} calls of your address to the plugin {plugin} are under way, as many as "
                "are left for others. Try again soon. Behind a proxy the operator names it with "
                "--trusted-proxy.",
                retry_after=1,
            )
        self._by_plugin[plugin] = all_of_it + 1
        self._by_both[both] = own + 1

        def leave() -> None:
            _less(self._by_plugin, plugin)
            _less(self._by_both, both)

        return leave


def _less(counts: dict[K, int], key: K) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]


def _nothing() -> None:
    """For a call of no plugin in particular."""
