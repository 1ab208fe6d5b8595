"""Stored replies in this process; the least recently used go first.

Bounded in bytes, and nothing else is: each address is charged for its replies, for their headers
and for what lies beside them (`Reply.forms`, `Reply.kept`), when that comes. Beyond the bound goes
what was not used for longest of the plugin that holds most. So a plugin alone may use all of the
room, and one that holds no more than its share of it (the bound over the number of plugins that
have anything stored) loses nothing, whatever others do: while it is exceeded, another holds more.

Forgetting: a URL's generation changes, so a fetch that began before cannot be stored any more.
What is remembered of it is bounded, too: of a URL that was forgotten too long ago the generation
changes with that of every other one that is not remembered, which at worst stores a reply less.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from cachetools import LRUCache

from gateway.caching.entries import Entry
from gateway.caching.key import Address
from gateway.caching.stores import Found
from gateway.values import Answer, Reply

# Objects around what is counted, by measure: an address with its places in the indexes; a reply,
# its facts and dicts; a header; an answer or a whole beside it.
OF_ADDRESS: Final = 1024
OF_ENTRY: Final = 1024
OF_HEADER: Final = 192
OF_FORM: Final = 1024
# What fills more than this share of the room would push too much else out.
LARGEST_SHARE: Final = 8
# URLs whose last forgetting is remembered one by one.
REMEMBERED: Final = 4096


class MemoryStore:
    """Replies by address. None of its coroutines ever waits."""

    steady = True

    def __init__(self, max_bytes: int, largest: int | None = None) -> None:
        """`largest` bounds one address; by default it is an eighth of all."""
        self._max = max_bytes
        self._largest = max_bytes // LARGEST_SHARE if largest is None else min(largest, max_bytes)
        self._plugins: dict[str, LRUCache[Address, _Slot]] = {}
        # Addresses of each URL; nearly all URLs have one, and a set takes 216 bytes.
        self._of_url: dict[str, Address | set[Address]] = {}
        self._forgettings = 0
        # The number of the last forgetting, by hash: what shares one is forgotten with it.
        self._last: OrderedDict[int, int] = OrderedDict()
        self._unknown_before = 0

    def __len__(self) -> int:
        return sum(map(len, self._plugins.values()))

    @property
    def size(self) -> int:
        """The bytes charged for what is stored."""
        return sum(int(slots.currsize) for slots in self._plugins.values())

    def size_of(self, plugin: str) -> int:
        """The bytes charged for what is stored for a plugin."""
        slots = self._plugins.get(plugin)
        return 0 if slots is None else int(slots.currsize)

    async def get(self, at: Address) -> Found:
        """What is stored at an address, used last from now on."""
        generation = self._last.get(hash(at.url), self._unknown_before)
        try:
            return Found(self._plugins[at.plugin][at].entries, generation)
        except KeyError:
            return Found((), generation)

    async def put(self, at: Address, entries: tuple[Entry, ...], generation: Any) -> bool:
        """Store these; where they are too large, what was there is gone all the same: it is older.

        From now on what is put beside their replies is charged, too.
        """
        if generation != self._last.get(hash(at.url), self._unknown_before):
            return False
        self._drop(at)
        if not entries:
            return True
        slot = _Slot(self, at, entries)
        if slot.size > self._largest:
            slot.end()
            return False
        self._link(at)
        self._charge(slot)
        return slot.is_stored

    async def forget(self, urls: Iterable[str]) -> None:
        """Drop all that is stored for these URLs, and what is on its way for them."""
        for url in urls:
            self._forgettings += 1
            key = hash(url)
            self._last[key] = self._forgettings
            self._last.move_to_end(key)
            if len(self._last) > REMEMBERED:
                # All URLs not remembered change their generation: one of them was forgotten.
                self._unknown_before = self._last.popitem(last=False)[1]
            found = self._of_url.get(url)
            if found is not None:
                for at in tuple(found) if isinstance(found, set) else (found,):
                    self._drop(at)

    async def lease(self, name: bytes, seconds: float) -> bool:  # noqa: ARG002 - nobody to ask
        """True: there is no other gateway here."""
        return True

    async def release(self, name: bytes) -> None:
        """Nothing to do."""

    async def keep(self, name: str, value: bytes, seconds: float) -> bool:  # noqa: ARG002 - kept nowhere
        """False: there is no other gateway to keep it for; for itself it keeps the value."""
        return False

    async def kept(self, name: str) -> bytes | None:  # noqa: ARG002 - kept nowhere
        """None, always."""
        return None

    def status(self) -> str:
        """It is always there."""
        return ""

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    def grow(self, slot: _Slot, by: int) -> bool:
        """Charge for what comes beside a slot's replies; False: there is no room for it."""
        if not slot.is_stored or slot.size + by > self._largest:
            return False
        slot.size += by
        self._charge(slot)
        return True

    def _charge(self, slot: _Slot) -> None:
        """Count a slot by the size that it has now, and make room for it."""
        slots = self._plugins.get(slot.at.plugin)
        if slots is None:
            slots = self._plugins[slot.at.plugin] = LRUCache(math.inf, getsizeof=_size)
        slots[slot.at] = slot
        while self.size > self._max:
            plugin = max(self._plugins, key=self.size_of)
            self._unlink(*self._plugins[plugin].popitem())

    def _drop(self, at: Address) -> None:
        slots = self._plugins.get(at.plugin)
        slot = None if slots is None else slots.pop(at, None)
        if slot is not None:
            self._unlink(at, slot)

    def _link(self, at: Address) -> None:
        found = self._of_url.setdefault(at.url, at)
        if isinstance(found, set):
            found.add(at)
        elif found is not at:
            self._of_url[at.url] = {found, at}

    def _unlink(self, at: Address, slot: _Slot) -> None:
        """A slot has gone: nothing leads to it any more."""
        slot.end()
        if not self._plugins[at.plugin]:
            del self._plugins[at.plugin]
        found = self._of_url[at.url]
        if isinstance(found, set):
            found.discard(at)
        if not found or not isinstance(found, set):
            del self._of_url[at.url]


class _Slot:
    """What is stored at one address, and what is charged for it."""

    __slots__ = ("at", "entries", "is_stored", "size", "store")

    def __init__(self, store: MemoryStore, at: Address, entries: tuple[Entry, ...]) -> None:
        self.store, self.at, self.entries = store, at, entries
        self.is_stored = True
        self.size = OF_ADDRESS + 2 * sum(len(text) for text in (at.plugin, at.url, at.more))
        for entry in entries:
            self.size += cost(entry)
            self._watch(entry.reply)

    def end(self) -> None:
        """It is not stored any more. Its replies know it, so it lets go of them: a ring would stay
        until garbage is looked for, which a busy gateway seldom does."""
        self.is_stored, self.entries = False, ()

    def _watch(self, reply: Reply) -> None:
        """Charge for what lies beside a reply, and from now on for what comes there."""
        kept = _Kept(reply.kept)
        forms = _Forms(self, reply.body, kept, reply.forms)
        self.size += sum(map(_of_whole, kept.values())) + sum(map(forms.price, forms.values()))
        reply.kept, reply.forms = kept, forms


class _Kept(dict[str, Any]):
    """What the handles of answers stand for (`Reply.kept`).

    Long answers are made in threads, where nothing may be charged: the answer itself, which comes
    after it from the thread of the store, pays for both.
    """

    __slots__ = ("unpaid",)

    def __init__(self, kept: dict[str, Any]) -> None:
        super().__init__(kept)
        self.unpaid: dict[str, int] = {}

    def __setitem__(self, form: str, kept: Any) -> None:
        self.unpaid[form] = _of_whole(kept) - _of_whole(self.get(form))
        super().__setitem__(form, kept)


class _Forms(dict[str, Answer]):
    """The answers made of a stored reply: as many as there is room for."""

    __slots__ = ("_body", "_kept", "_slot")

    def __init__(self, slot: _Slot, body: bytes, kept: _Kept, forms: dict[str, Answer]) -> None:
        super().__init__(forms)
        self._slot, self._body, self._kept = slot, body, kept

    def price(self, answer: Answer) -> int:
        """The bytes charged for an answer; a body that is the reply's own costs nothing."""
        return OF_FORM + (0 if answer.body is self._body else len(answer.body))

    def __setitem__(self, form: str, answer: Answer) -> None:
        unpaid, self._kept.unpaid = self._kept.unpaid, {}
        before = self.get(form)
        by = self.price(answer) - (0 if before is None else self.price(before))
        if self._slot.store.grow(self._slot, by + sum(unpaid.values())):
            super().__setitem__(form, answer)
        else:  # neither the one nor the other: an answer with a handle needs what that stands for
            self.pop(form, None)
            for name in unpaid:
                self._kept.pop(name, None)


def _of_whole(kept: Any) -> int:
    return 0 if kept is None else OF_FORM + len(kept.whole)


def _size(slot: _Slot) -> int:
    return slot.size


def cost(entry: Entry) -> int:
    """The bytes charged for a stored reply, without what lies beside it."""
    reply, facts = entry.reply, entry.facts
    texts = [text for pair in reply.headers for text in pair]
    texts += [text for row in facts.vary for text in row if text is not None]
    size = OF_ENTRY + OF_HEADER * (len(reply.headers) + len(facts.vary)) + len(reply.body)
    size += sum(map(len, texts)) + len(facts.etag) + len(facts.modified_text)
    return size + len(repr(reply.notes)) if reply.notes else size
