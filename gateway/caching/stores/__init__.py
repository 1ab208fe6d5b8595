"""Where stored replies live: in this process (`memory`), or where several gateways meet (`redis`).

A store knows addresses, entries, generations and nothing of RFC 9111: what an entry is good for is
decided by `caching.deciding`, with time as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from gateway.caching.entries import Entry
from gateway.caching.key import Address

SCHEMES = ("redis://", "rediss://", "unix://")


class Found(NamedTuple):
    """What is stored at an address, the newest last.

    `generation` is the URL's, read together with the entries: for the `put` of a fetch that begins
    now.
    """

    entries: tuple[Entry, ...]
    generation: Any


class Store(Protocol):
    """Stored replies by address. Nothing here raises, but for being cancelled.

    `steady` tells which clock `Facts.since` counts on: True is one that never goes back and is
    this process's own, False the wall clock, which gateways have in common.
    """

    @property
    def steady(self) -> bool:
        """Whether the clock of the facts is a steady one."""

    async def get(self, at: Address) -> Found:
        """What is stored at an address; nothing where the store cannot be asked."""

    async def put(self, at: Address, entries: tuple[Entry, ...], generation: Any) -> bool:
        """Store these in place of what is there; none of them: empty the address.

        Returns:
            False where they are not stored: a `forget` came between, they are too large, or the
            store cannot be asked.
        """

    async def forget(self, urls: Iterable[str]) -> None:
        """Forget all that is stored for these URLs, and what is on its way for them: every
        variant, every partition, every plugin."""

    async def lease(self, name: bytes, seconds: float) -> bool:
        """Whether it is up to us to do what this names: for so long nobody else is told so.

        True as well where the store cannot be asked.
        """

    async def release(self, name: bytes) -> None:
        """It is done; another may. What others hold is left alone."""

    async def keep(self, name: str, value: bytes, seconds: float) -> bool:
        """Keep something for other gateways. Whether it is kept."""

    async def kept(self, name: str) -> bytes | None:
        """What `keep` kept, by this gateway or another."""

    def status(self) -> str:
        """Why it is not used at the moment; "" where it is."""

    async def open(self) -> None:
        """Begin; it takes a moment at most, and what cannot be reached yet is tried again."""

    async def close(self) -> None:
        """End; what is stored elsewhere stays there."""


class StoreError(ValueError):
    """A store that cannot be had: what is wrong, and what to do."""


def store_of(url: str, max_bytes: int, secret: bytes = b"") -> Store:
    """The store at an address, not yet open; in this process where there is none.

    Args:
        url: `redis://`, `rediss://` or `unix://`, or "".
        max_bytes: Bounds what is stored in this process.
        secret: Of `RedisStore`.

    Raises:
        StoreError: it is no such address, or the client for it is not installed.
    """
    if not url:
        from gateway.caching.stores.memory import MemoryStore

        return MemoryStore(max_bytes)
    if not url.startswith(SCHEMES):
        raise StoreError(f"an address that begins with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}")
    try:
        from gateway.caching.stores.redis import RedisStore
    except ImportError:
        raise StoreError(
            "a shared store needs the package redis: pip install 'plugin-gateway[redis]'"
        ) from None
    try:
        return RedisStore(url, secret=secret)
    except ValueError as error:
        raise StoreError("an address such as rediss://user:password@host:6379/0") from error
