"""What handles stand for: the wholes of answers that were cut, kept for a while. No clock.

A handle is a capability: whoever has it gets the rest of that answer, so it must not be guessed,
and it tells nothing. It is a keyed digest of what the answer is, so the same answer has the same
handle however often it is given, and is kept once. 80 bits, written in base32: one case, no
signs, never taken for a number, 9 tokens (hex takes 10.6; base64 8.7, but two cases that are
easily confused).

A whole lives `LIFE` seconds from when its handle was last given out or used: who reads on,
page by page, is not cut off in the middle. What is kept is bounded in bytes for all plugins
together; beyond the bound goes what was not used for longest of the plugin that holds most. So a
plugin alone may use all of the room, and one that holds no more than its share of it loses
nothing, whatever others do.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gateway.config.scalars import Budget

# Long enough to read on after some thought, as a conversation goes.
LIFE = 600.0
# Objects around a whole; its names are short.
OVERHEAD = 1024
_HANDLE_BYTES = 10  # a multiple of 5 leaves no padding


@dataclass(frozen=True, slots=True)
class Kept:
    """What a handle stands for.

    `whole` is a tidy JSON text: the answer as the rules allow it, before anything was cut, its
    secrets masked. Neither what `fields` hid is in it, nor what a hard limit took: `hard` are the
    paths of those limits, only so that it can be said that no more is given. `budget` is what each
    slice may cost.

    `onward` gets the same with more rows at `grows`, the path of a list whose next pages are still
    the upstream's; None where there are none after all. It is not there at the last page.

    `caller` is whose credential the upstream was asked with: to anybody else the handle is unknown.
    "" where callers bring none of their own.

    `at` is the path where a caller names none: the answer, or the text that is all of it. `rows`
    says that this is CSV, which is cut between its rows.

    `rules` is the fingerprint of the rules that allowed it: under others it may hold too much.
    """

    handle: str
    plugin: str
    operation: str
    whole: bytes
    budget: Budget
    hard: tuple[str, ...] = ()
    grows: str | None = None
    onward: Callable[[], Awaitable[Kept | None]] | None = None
    caller: str = ""
    at: str = "$"
    rows: bool = False
    rules: str = ""


# Whether what is kept may still be given, by the rules of today.
Holds = Callable[[Kept], bool]


def always(_: Kept) -> bool:
    """Whatever the rules are."""
    return True


def handle_of(
    key: bytes, plugin: str, operation: str, fingerprint: str, arguments: bytes, whole: bytes
) -> str:
    """The handle of a whole.

    Args:
        key: At most 64 bytes, random; gateways that share it give the same handles.
        plugin: Its name.
        operation: Its name.
        fingerprint: Of the operation's rules.
        arguments: What tells the call apart: a digest of them, or the request's URL.
        whole: As in `Kept`.
    """
    digest = hashlib.blake2b(key=key, digest_size=_HANDLE_BYTES)
    for part in (plugin.encode(), operation.encode(), fingerprint.encode(), arguments, whole):
        digest.update(len(part).to_bytes(8, "big"))  # where one part ends is part of it
        digest.update(part)
    return base64.b32encode(digest.digest()).decode().lower()


@dataclass(frozen=True, slots=True)
class _Entry:
    """`expires` is in seconds of the steady clock."""

    kept: Kept
    expires: float
    size: int


class Handles:
    """What is kept, by plugin and handle; of each plugin the one used last stands last.

    For any thread: long answers are made in threads, and whether one can be kept must be known
    before its handle is written into it.
    """

    # Whether other gateways are to be told of something: `send`.
    unsent = False

    def __init__(self, max_bytes: int) -> None:
        self.key = secrets.token_bytes(32)  # for `handle_of`
        self._max = max_bytes
        self._plugins: dict[str, OrderedDict[str, _Entry]] = {}
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._plugins.values()))

    @property
    def size(self) -> int:
        """The bytes charged for what is kept."""
        return sum(self._sizes.values())

    def put(self, kept: Kept, now: float) -> bool:
        """Keep what a handle stands for, or keep it on; called whenever the handle is given out.

        What has grown since stays as it is: the same answer given anew brings its beginning only.

        Returns:
            Whether it is kept. It is not where it is larger than all the room, or larger than
            this plugin's share while others use theirs.
        """
        with self._lock:
            self._expire(now)
            there = self._plugins.get(kept.plugin, OrderedDict()).get(kept.handle)
            if there is not None and len(there.kept.whole) > len(kept.whole):
                kept = there.kept
            size = cost(kept)
            self._drop(kept.plugin, kept.handle)
            if size > self._max:
                return False
            entries = self._plugins.setdefault(kept.plugin, OrderedDict())
            entries[kept.handle] = _Entry(kept, now + LIFE, size)
            self._sizes[kept.plugin] = self._sizes.get(kept.plugin, 0) + size
            while self.size > self._max:
                most = max(self._sizes, key=self._sizes.__getitem__)
                self._drop(most, next(iter(self._plugins[most])))
            return kept.handle in self._plugins.get(kept.plugin, ())

    def get(
        self, plugin: str, handle: str, now: float, caller: str = "", holds: Holds = always
    ) -> Kept | None:
        """What a handle of this plugin stands for, kept on by being used.

        None where it is unknown, expired, another plugin's or caller's, or does not hold any more:
        which of them cannot be told.
        """
        with self._lock:
            self._expire(now)
            entries = self._plugins.get(plugin)
            entry = entries.get(handle) if entries else None
            if entries is None or entry is None or entry.kept.caller != caller:
                return None
            if not holds(entry.kept):
                return None
            entries[handle] = replace(entry, expires=now + LIFE)
            entries.move_to_end(handle)
            return entry.kept

    async def find(
        self, plugin: str, handle: str, now: float, caller: str = "", holds: Holds = always
    ) -> Kept | None:
        """The same as `get`, wherever it is kept."""
        return self.get(plugin, handle, now, caller, holds)

    def settle(self, plugin: str) -> None:
        """Forget what could still grow: a plugin is replaced, and the pages to come would be had
        by the rules and with the credential that it had before."""
        with self._lock:
            for handle, entry in list(self._plugins.get(plugin, {}).items()):
                if entry.kept.onward is not None:
                    self._drop(plugin, handle)

    async def send(self) -> None:
        """Give other gateways what they may be asked for."""

    def _expire(self, now: float) -> None:
        """Drop what nobody used for too long: it stands first, since all live equally long."""
        for plugin, entries in list(self._plugins.items()):
            while entries and (first := next(iter(entries.items())))[1].expires <= now:
                self._drop(plugin, first[0])

    def _drop(self, plugin: str, handle: str) -> None:
        entries = self._plugins.get(plugin)
        entry = entries.pop(handle, None) if entries else None
        if entries is None or entry is None:
            return
        self._sizes[plugin] -= entry.size
        if not entries:
            del self._plugins[plugin], self._sizes[plugin]


def cost(kept: Kept) -> int:
    """The bytes charged for what is kept."""
    return OVERHEAD + len(kept.whole)
