"""Handles that any gateway on the same store serves.

What a handle stands for stays where it was made, and a copy goes to the store before the handle
is given to anybody; whoever is asked for it takes the copy. So handles work while the store is
away, as far as callers come back to the same gateway. Further pages that are still the upstream's
are had of the gateway that made the handle; to others the list ends where it ends.

Whose credential the answer was made with is part of the copy's name, which the store keeps as a
digest: nothing in the store tells who may have it.
"""

from __future__ import annotations

from gateway.caching.handles import LIFE, Handles, Holds, Kept, always
from gateway.caching.stores import Store
from gateway.caching.stores.serial import dumped_kept, loaded_kept

# A copy lives from when it was last sent, a handle from when it was last used: so it is sent anew.
ANEW = LIFE / 4
# When what was sent is remembered of so many; beyond it they are sent anew.
_REMEMBERED = 10_000


class SharedHandles(Handles):
    """What handles stand for, here and in a store."""

    def __init__(self, max_bytes: int, store: Store) -> None:
        super().__init__(max_bytes)
        self._store = store
        self._unsent: dict[str, tuple[Kept, float]] = {}  # by name; and when it was used
        self._sent: dict[str, tuple[int, float]] = {}  # how long the whole was, and when

    @property
    def unsent(self) -> bool:  # type: ignore[override]
        """Whether the store is to have something."""
        return bool(self._unsent)

    def put(self, kept: Kept, now: float) -> bool:
        """Keep it, and note it for the store. For any thread."""
        if not super().put(kept, now):
            return False
        self.get(kept.plugin, kept.handle, now, kept.caller)  # there may have been more of it
        return True

    def get(
        self, plugin: str, handle: str, now: float, caller: str = "", holds: Holds = always
    ) -> Kept | None:
        """What this gateway keeps itself."""
        kept = super().get(plugin, handle, now, caller, holds)
        if kept is not None:
            self._note(kept, now)
        return kept

    async def find(
        self, plugin: str, handle: str, now: float, caller: str = "", holds: Holds = always
    ) -> Kept | None:
        """What this gateway keeps itself, else what another one made."""
        kept = self.get(plugin, handle, now, caller, holds)
        if kept is not None:
            return kept
        name = _name(plugin, handle, caller)
        data = await self._store.kept(name)
        if data is None:
            return None
        try:
            kept = loaded_kept(data, caller)
        except ValueError:
            return None
        if (kept.plugin, kept.handle) != (plugin, handle) or not holds(kept):
            return None
        self.put(kept, now)
        return kept

    async def send(self) -> None:
        """Copy what is new, or was sent long ago, to the store."""
        with self._lock:
            unsent, self._unsent = self._unsent, {}
        for name, (kept, now) in unsent.items():
            if await self._store.keep(name, dumped_kept(kept), LIFE + ANEW):
                if len(self._sent) >= _REMEMBERED:
                    self._sent.clear()
                self._sent[name] = len(kept.whole), now

    def _note(self, kept: Kept, now: float) -> None:
        name = _name(kept.plugin, kept.handle, kept.caller)
        size, when = self._sent.get(name, (0, 0.0))
        if len(kept.whole) > size or now - when > ANEW:
            with self._lock:
                self._unsent[name] = kept, now


def _name(plugin: str, handle: str, caller: str) -> str:
    return f"{plugin}/{handle}/{caller}"
