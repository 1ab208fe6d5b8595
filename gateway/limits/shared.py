"""Limits of all gateways on one Redis or Valkey.

**Counting** is one script and one round trip, by the server's clock: the same window as in memory,
so a limit over many gateways holds as that of one. Whoever was refused is not asked about again at
once: a flood of refused calls costs the server one question a second.

**Without it** (gone, slow, full) a call is counted here at once, against this gateway's share: the
limit divided by the gateways that were there when it was last known. Every gateway notes the calls
it has let in also while the server counts, so its share knows them.

**Afterwards** the server is told what was let in meanwhile, with the next call of each caller; and
one that starts anew and has forgotten everything (the store's epoch is another) is told all that
still counts.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Final

from gateway.caching.stores.link import Script
from gateway.caching.stores.redis import RedisStore
from gateway.config.scalars import Rate
from gateway.limits.callers import Callers
from gateway.limits.window import SLOTS, Taken, Window

# Between two signs of life of a gateway, and how many it may miss before it is not counted.
BEAT: Final = 5.0
MISSED: Final = 3
# A refusal is repeated for so long without asking.
REPEATED: Final = 1.0
LONGEST_PAUSE: Final = 86_400.0
_SECOND: Final = 1_000_000  # the scripts count microseconds

# Keys: the epoch, the caller's window, the scope's pause. Said: the epoch, the calls allowed, the
# length of a slot, and of what is told late how long ago it was and how many calls it were.
# A clock that goes back leaves slots ahead of it: they count, but for those that no window holds.
_TAKE: Final = Script(f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local at, count, length = redis.call('TIME'), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = at[1] * {_SECOND} + at[2]
local current = math.floor(now / length)
local first, last = current - {SLOTS}, current + {SLOTS}
local slots, calls, total, changed = {{}}, {{}}, 0, false
local function add(slot, n)
  if slot < first or slot > last then return end
  if not calls[slot] then slots[#slots + 1], calls[slot] = slot, 0 end
  calls[slot], total = calls[slot] + n, total + n
end
local packed = redis.call('GET', KEYS[2])
if packed then
  local known = cmsgpack.unpack(packed)
  for i = 1, #known, 2 do add(known[i], known[i + 1]) end
end
for i = 4, #ARGV, 2 do
  add(math.floor((now - tonumber(ARGV[i])) / length), tonumber(ARGV[i + 1]))
  changed = true
end
if changed then table.sort(slots) end
local wait, pause = 0, redis.call('PTTL', KEYS[3])
if pause > 0 then
  wait, count = pause * 1000, total
elseif total < count then
  add(math.max(current, slots[#slots] or current), 1)
  changed = true
else
  local rest = total
  for _, slot in ipairs(slots) do
    rest = rest - calls[slot]
    if rest < count then
      wait = math.max((slot + {SLOTS + 1}) * length - now, 1000)
      break
    end
  end
end
if changed then
  local kept = {{}}
  for _, slot in ipairs(slots) do
    kept[#kept + 1], kept[#kept + 2] = slot, calls[slot]
  end
  redis.call('SET', KEYS[2], cmsgpack.pack(kept), 'PX', math.ceil(length * {SLOTS + 2} / 1000))
end
local resets = slots[1] and (slots[1] + {SLOTS + 1}) * length - now or 0
return {{math.ceil(wait), math.max(count - total, 0), math.ceil(math.max(resets, wait))}}
""")
_PAUSE: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
end
return 1
""")
# How many gateways there are, this one with them.
_BEAT: Final = Script(f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local at = redis.call('TIME')
local now = at[1] * {_SECOND} + at[2]
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[2], math.ceil(ARGV[3] / 1000))
return redis.call('ZCARD', KEYS[2])
""")
_LEAVE: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
return redis.call('ZREM', KEYS[2], ARGV[2])
""")
_GATEWAYS: Final = ((b"g",),)  # the name of the set


class Own(Window):
    """The calls of one caller that this gateway has let in, and what the store was not told.

    `epoch` is the store's that was told. A caller who was refused is let in at `opens`, and not
    asked about before `asks`.
    """

    __slots__ = ("asks", "epoch", "opens", "untold")

    def __init__(self) -> None:
        super().__init__()
        self.untold: dict[int, int] = {}  # by slot
        self.epoch = b""
        self.asks = self.opens = 0.0

    def claim(self, epoch: bytes, seconds: float, now: float) -> dict[int, int]:
        """What the store is to be told, which it is not told again: a call that comes meanwhile
        shall not tell the same."""
        if epoch == self.epoch:
            told, self.untold = self.untold, {}
        else:
            told, self.untold = self.counted(seconds, now), {}
            self.epoch = epoch
        return told

    def unclaim(self, told: dict[int, int]) -> None:
        """It was not told."""
        for slot, calls in told.items():
            self.untold[slot] = self.untold.get(slot, 0) + calls

    def keep(self, slot: int) -> None:
        """The store is to be told of a call."""
        self.untold[slot] = self.untold.get(slot, 0) + 1
        if len(self.untold) > SLOTS + 1:
            del self.untold[min(self.untold)]


class SharedLimiter:
    """Counts in a store, and while that is away here. `steady` tells seconds that never go back."""

    def __init__(
        self, store: RedisStore, steady: Callable[[], float], *, beat: float = BEAT
    ) -> None:
        self._store, self._steady, self._beat_seconds = store, steady, beat
        self._scopes = defaultdict[str, Callers[Own]](lambda: Callers(Own))
        self._me = secrets.token_bytes(12)
        # As they were counted lately. The most of them counts: to a store that has forgotten
        # everything the others come one by one.
        self._counted: deque[int] = deque([1], maxlen=MISSED)
        self._beating: asyncio.Task[None] | None = None

    async def take(self, scope: str, who: str, rate: Rate) -> Taken:
        """Count one call, if there is room for it."""
        now, callers = self._steady(), self._scopes[scope]
        if now < callers.until:
            return Taken(callers.until - now, 0, callers.until - now)
        own = callers.window(who, rate, now)
        if now < own.asks:
            return Taken(own.opens - now, 0, own.opens - now)
        epoch = self._store.epoch
        taken = await self._ask(scope, who, rate, own, epoch, now) if epoch else None
        if taken is not None:
            return taken
        now = self._steady()
        taken = own.take(Rate(self.share(rate.count), rate.seconds), now)
        if not taken.wait:
            own.keep(int(now / (rate.seconds / SLOTS)))
        return taken

    async def _ask(
        self, scope: str, who: str, rate: Rate, own: Own, epoch: bytes, now: float
    ) -> Taken | None:
        """What the store says; None where it cannot be asked."""
        length = rate.seconds / SLOTS
        told = own.claim(epoch, rate.seconds, now)
        late = [
            number
            for slot, calls in told.items()
            for number in (_us(max(0.0, now - (slot + 1) * length)), calls)
        ]
        name = scope.encode("utf-8", "surrogateescape")
        names = (
            (b"w", name, repr(rate.seconds).encode(), who.encode("utf-8", "surrogateescape")),
            (b"p", name),
        )
        got: Any = None
        try:
            slot = repr(length * _SECOND).encode()
            got = await self._store.run(_TAKE, names, rate.count, slot, *late)
        finally:
            if got is None:
                own.unclaim(told)
        if not isinstance(got, list) or len(got) != 3:
            return None
        wait, left, resets = got
        taken = Taken(wait / _SECOND, left, resets / _SECOND)
        now = self._steady()
        if taken.wait:
            own.asks, own.opens = now + min(taken.wait, REPEATED), now + taken.wait
        else:
            own.note(rate, now)
        return taken

    def share(self, count: int) -> int:
        """What of a limit is this gateway's while it cannot ask: at least one call."""
        return max(1, count // max(self._counted))

    async def pause(self, scope: str, seconds: float) -> None:
        """Let nobody in under this scope for so long."""
        seconds = min(seconds, LONGEST_PAUSE)
        self._scopes[scope].pause(self._steady() + seconds)
        if self._store.epoch:
            name = (b"p", scope.encode("utf-8", "surrogateescape"))
            await self._store.run(_PAUSE, (name,), max(1, int(seconds * 1000)))

    # --- how many gateways there are ------------------------------------------------------------

    async def open(self) -> None:
        """Begin to be counted."""
        await self._beat()
        self._beating = asyncio.get_running_loop().create_task(self._beat_on())

    async def close(self) -> None:
        """Be counted no more."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            self._beating = None
        if self._store.epoch:
            await self._store.run(_LEAVE, _GATEWAYS, self._me)

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            await self._beat()

    async def _beat(self) -> None:
        if self._store.epoch:
            life = _us(self._beat_seconds * MISSED)
            got = await self._store.run(_BEAT, _GATEWAYS, self._me, life)
            if isinstance(got, int) and got > 0:
                self._counted.append(got)


def _us(seconds: float) -> int:
    return int(seconds * _SECOND)
