"""Stored replies in memory, the least recently used go first. No clock: time is an argument.

Bounded in bytes, in all and for one reply. A reply is charged twice its body and a flat sum on
top, because the answers that shrinking makes of it are kept beside it (`Reply.forms`) after it
was stored, and a size is taken only once: what does not fit into that (text of control
characters is six times as long as JSON) is made anew each time. Sizes of keys and headers count.

Forgetting: a write drops everything stored for its URL, whoever asked for it. A GET that was
under way meanwhile may bring what was true before the write; `put` refuses it by the `mark`
its fetch began with.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from gateway.caching.key import Key
from gateway.values import Answer, Reply

# Objects around a reply and its forms, measured at about 1.5 KiB for ten headers.
OVERHEAD = 2048
# Of these, for what a short body becomes: `{"text": …}` is longer.
FORM = 512
# A body that fills more than this share of the store would push too much else out.
LARGEST_SHARE = 8
# URLs whose last forgetting is remembered one by one. Beyond it, fetches under way that need
# not be refused are.
REMEMBERED = 4096


class _Forms(dict[str, Answer]):
    """Answers made of a stored reply, no more than was charged for them."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body, self._room = body, len(body) + FORM

    def __setitem__(self, form: str, answer: Answer) -> None:
        size = 0 if answer.body is self._body else len(answer.body)
        if size <= self._room and form not in self:
            self._room -= size
            super().__setitem__(form, answer)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored reply. `expires` is in seconds of the steady clock."""

    reply: Reply
    expires: float
    size: int


class _Entries(LRUCache[Key, Entry]):
    """The entries, and the keys of each URL, kept in step by the one way an entry goes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda entry: entry.size)
        self.of_url: dict[str, set[Key]] = {}

    def __setitem__(self, key: Key, entry: Entry) -> None:
        super().__setitem__(key, entry)
        self.of_url.setdefault(key.url, set()).add(key)

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        keys = self.of_url[key.url]
        keys.discard(key)
        if not keys:
            del self.of_url[key.url]


class MemoryStore:
    """Replies by key, fresh ones only."""

    def __init__(self, max_bytes: int, max_entry_bytes: int | None = None) -> None:
        self._entries = _Entries(max_bytes)
        self._largest = min(
            max_bytes, max_bytes // LARGEST_SHARE if max_entry_bytes is None else max_entry_bytes
        )
        self._forgettings = 0
        self._last: OrderedDict[str, int] = OrderedDict()  # URL → number of its last forgetting
        self._unknown_before = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """The bytes charged for what is stored."""
        return int(self._entries.currsize)

    def get(self, key: Key, now: float) -> Reply | None:
        """The reply stored under a key, if it is fresh at `now`, strictly (section 4.2)."""
        try:
            entry = self._entries[key]
        except KeyError:
            return None
        if entry.expires <= now:
            del self._entries[key]
            return None
        return entry.reply

    def generation(self, url: str) -> int:
        """Changes when what is stored for a URL is forgotten. Taken before a fetch, for `put`."""
        return self._last.get(url, self._unknown_before)

    def put(self, key: Key, reply: Reply, ttl: float, now: float, generation: int) -> bool:
        """Store a reply for `ttl` seconds. False where it is not: too large, or overtaken.

        What was stored under the key before is gone in any case: it is older.
        """
        self._entries.pop(key, None)  # cachetools keeps the old value when the new is too large
        if generation != self.generation(key.url):
            return False
        size = cost(key, reply)
        if ttl <= 0 or size > self._largest:
            return False
        reply.forms = _Forms(reply.body)
        self._entries[key] = Entry(reply, now + ttl, size)
        return True

    def forget(self, urls: Iterable[str]) -> None:
        """Drop all that is stored for these URLs, and what is on its way for them."""
        for url in urls:
            self._forgettings += 1
            self._last[url] = self._forgettings
            self._last.move_to_end(url)
            if len(self._last) > REMEMBERED:
                # All URLs not remembered change their generation: one of them was forgotten.
                self._unknown_before = self._last.popitem(last=False)[1]
            for key in tuple(self._entries.of_url.get(url, ())):
                del self._entries[key]


def cost(key: Key, reply: Reply) -> int:
    """The bytes charged for a reply."""
    pairs = (*reply.headers, *key.headers)
    text = sum(len(name) + len(value) for name, value in pairs)
    text += len(key.url) + sum(len(value or "") for value in key.forwarded)
    return OVERHEAD + 2 * len(reply.body) + 2 * text
