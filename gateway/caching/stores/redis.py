"""Stored replies in Redis (6.2 or later) or Valkey, for several gateways.

**Forgetting.** Each URL has a random token, made by whoever asks for it first. An entry carries
the token that was there when its fetch began, and counts only while that is still the URL's. To
forget is to delete the token: that reaches every partition, variant and gateway at once, needs no
list of them, cannot fail for want of room, and makes what is on its way worthless.

**The epoch** is a random value that all gateways of a store read with every answer. It keys the
digests that names are made of, so nothing is told by a name, and a new one forgets everything. It
names the run of the server that it was made in: a server that starts again from a copy on its disk,
or a replica that takes over, would bring back what was forgotten meanwhile, so neither is believed.

**Trouble** (`link`). What was to be forgotten while the store was away is told it before anything
is read; if that is too much to be remembered, everything is forgotten.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gateway.caching.entries import Entry
from gateway.caching.key import Address
from gateway.caching.stores import Found
from gateway.caching.stores.link import CONNECTIONS, PAUSE, TIMEOUT, Link, Other, Rubbish, Script
from gateway.caching.stores.serial import FORMAT, LONGEST, dumped, life, loaded

PREFIX: Final = "plugin-gateway:"
LARGEST: Final = 2 * 1024 * 1024
# Forgettings that are remembered while the store is away.
REMEMBERED: Final = 4096
# A token lives as long as what was stored with it, or so long from when it was last asked for.
_TOKEN_LIFE: Final = 6 * 3600.0
_AWAY: Final = b"away"  # in place of an epoch
_NAME_BYTES, _TOKEN_BYTES, _SEAL_BYTES = 18, 16, 16
_HEAD: Final = len(FORMAT) + _SEAL_BYTES
_AT_ONCE: Final = 1000  # names in one message


# Each is one round trip, and nothing comes between its lines. The first key is the epoch's.
_GET: Final = Script("""
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])
if found[1] == ARGV[1] and not found[2] then
  redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  found[2] = ARGV[2]
elseif redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) / 2 then
  redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
end
return found
""")
_PUT: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
if ARGV[4] == '' then redis.call('DEL', KEYS[3]) return 1 end
redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
""")
_FORGET: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('DEL', unpack(KEYS, 2))
return 1
""")
_RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")
# The epoch of this run of the server, made where there is none, or where all is to be forgotten.
_BEGIN: Final = Script("""
local epoch = redis.call('GET', KEYS[1])
if ARGV[4] == '' and epoch and string.sub(epoch, 1, #ARGV[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return epoch
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ARGV[2]
""")


class _Generation(NamedTuple):
    epoch: bytes
    token: bytes


class RedisStore:
    """Replies in Redis. Times in their facts are the wall clock's: gateways share no other."""

    steady = False

    def __init__(
        self, url: str, *, secret: bytes = b"", timeout: float = TIMEOUT, pause: float = PAUSE
    ) -> None:
        """
        Args:
            url: `redis://`, `rediss://` or `unix://`; `?prefix=` names what keys begin with.
            secret: Keys the digests of names beside what the store holds, so that who reads the
                store cannot try out what they are made of. All gateways of a store have the same.
            timeout: How long an answer is waited for, in seconds.
            pause: Between two tries while the store is not used, in seconds.

        Raises:
            ValueError: `url` is none of these.
        """
        url, prefix = _parted(url)
        self._prefix = prefix.encode()
        self._secret = secret
        self._link = Link(url, self._begin, timeout=timeout, pause=pause)
        self._forgetters = asyncio.Semaphore(CONNECTIONS)
        self._me = secrets.token_bytes(_TOKEN_BYTES)
        self._epoch, self._key = b"", b""
        self._pending: dict[bytes, int] = {}  # URLs to be forgotten, by digest: when it was noted
        self._notes = 0
        self._forgets_all = False

    # --- replies --------------------------------------------------------------------------------

    async def get(self, at: Address) -> Found:
        """What is stored at an address, in one round trip."""
        epoch, token = self._epoch, secrets.token_bytes(_TOKEN_BYTES)
        # No other's, so nothing is stored by it; the same until this gateway forgets something, so
        # that fetches are shared here at least.
        nothing = Found((), _Generation(_AWAY, self._notes.to_bytes(8, "big")))
        if not self._link.is_used:
            return nothing
        name = self._digest(b"e", *_parts(at))
        keys = (self._epoch_key, self._token_key(_of_url(at.url)), self._shown(b"e", name))
        got = await self._link.ask(
            lambda: self._link.run(_GET, keys, epoch, token, _ms(_TOKEN_LIFE)), None
        )
        if got is None:
            return nothing
        if not isinstance(got, list) or len(got) != 3:
            self._link.leave(Rubbish())
            return nothing
        current, token, value = got
        if current != epoch:
            self._link.again()
            return nothing
        if not isinstance(token, bytes):
            return nothing
        try:
            body = self._opened(value, name, token)
            entries = () if body is None else loaded(body)
        except (ValueError, TypeError):  # sealed by one of us, but by another version
            entries = ()
        return Found(entries, _Generation(epoch, token))

    async def put(self, at: Address, entries: tuple[Entry, ...], generation: Any) -> bool:
        """Store these, if nothing was forgotten since `generation` was read."""
        epoch = self._epoch
        if not isinstance(generation, _Generation) or generation.epoch != epoch:
            return False
        name, value = self._digest(b"e", *_parts(at)), b""
        if entries:
            try:
                value = self._sealed(dumped(entries), name, generation.token)
            except (ValueError, TypeError):
                return False
            if len(value) > LARGEST:
                return False
        keys = (self._epoch_key, self._token_key(_of_url(at.url)), self._shown(b"e", name))
        said = (epoch, generation.token, _ms(life(entries)), value, _ms(LONGEST))
        got = await self._link.ask(lambda: self._link.run(_PUT, keys, *said), 0, writes=True)
        if got == -1:
            self._link.again()
        return bool(got == 1)

    async def forget(self, urls: Iterable[str]) -> None:
        """Forget all of these URLs: now, or before the store is used again."""
        for url in urls:
            self._notes += 1
            self._pending[_of_url(url)] = self._notes
        if len(self._pending) > REMEMBERED:
            self._forgets_all = True
            self._pending.clear()
            self._link.again()
        async with self._forgetters:
            if not self._link.is_used or not self._pending:
                return
            try:
                await self._deliver(self._epoch)
            except asyncio.CancelledError:  # whether it arrived cannot be known
                self._link.again()
                raise
            except Exception as error:  # noqa: BLE001 - calls go on, whatever a store does
                self._link.leave(error)

    async def _deliver(self, epoch: bytes) -> None:
        """Forget what is noted. What is noted anew meanwhile stays: it may have come late."""
        while notes := tuple(islice(self._pending.items(), _AT_ONCE)):
            keys = (self._epoch_key, *(self._token_key(url) for url, _ in notes))
            if await self._link.run(_FORGET, keys, epoch) != 1:
                raise Other
            for url, note in notes:
                if self._pending.get(url) == note:
                    del self._pending[url]

    # --- leases and what is kept ----------------------------------------------------------------

    async def lease(self, name: bytes, seconds: float) -> bool:
        """Whether it is up to this gateway; True as well where nobody can be asked."""
        key = self._shown(b"l", self._digest(b"l", name))
        got = await self._link.ask(
            lambda: self._link.say("SET", key, self._me, "NX", "PX", _ms(seconds)),
            True,
            writes=True,
        )
        return bool(got)

    async def release(self, name: bytes) -> None:
        """Let others have it, if it is still ours."""
        key = self._shown(b"l", self._digest(b"l", name))
        await self._link.ask(lambda: self._link.run(_RELEASE, (key,), self._me), None)

    async def keep(self, name: str, value: bytes, seconds: float) -> bool:
        """Keep something for all gateways of the store."""
        if len(value) > LARGEST:
            return False
        digest = self._digest(b"h", name.encode())
        key, sealed = self._shown(b"h", digest), self._sealed(value, digest)
        got = await self._link.ask(
            lambda: self._link.say("SET", key, sealed, "PX", _ms(seconds)), False, writes=True
        )
        return bool(got)

    async def kept(self, name: str) -> bytes | None:
        """What any of them kept."""
        digest = self._digest(b"h", name.encode())
        value = await self._link.ask(lambda: self._link.say("GET", self._shown(b"h", digest)), None)
        return self._opened(value, digest)

    # --- what others keep here ------------------------------------------------------------------

    @property
    def epoch(self) -> bytes:
        """What every name depends on: with another one all is forgotten. Empty while the store is
        not used."""
        return self._epoch if self._link.is_used else b""

    async def run(
        self, script: Script, names: Iterable[tuple[bytes, ...]], *said: bytes | int
    ) -> Any:
        """What a script says; None where it cannot be asked.

        Its first key and its first argument are the epoch's, and it says -1 where they differ. A
        name is a word of one letter for its kind, and what is digested.
        """
        epoch = self._epoch
        shown = [self._shown(kind, self._digest(kind, *parts)) for kind, *parts in names]
        keys = (self._epoch_key, *shown)
        got = await self._link.ask(
            lambda: self._link.run(script, keys, epoch, *said), None, writes=True
        )
        if got == -1:
            self._link.again()
            return None
        return got

    # --- names ----------------------------------------------------------------------------------

    def _digest(self, kind: bytes, *parts: bytes) -> bytes:
        digest = hashlib.blake2b(kind, key=self._key, digest_size=_NAME_BYTES)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))  # where one part ends is part of it
            digest.update(part)
        return digest.digest()

    def _sealed(self, body: bytes, name: bytes, token: bytes = b"") -> bytes:
        """A value as it is stored: what it holds, for this name and token alone.

        An answer to another question would be another caller's reply; and who may write into the
        store, but does not know the secret, could say anything.
        """
        return FORMAT + self._seal(body, name, token) + body

    def _opened(self, value: Any, name: bytes, token: bytes = b"") -> bytes | None:
        if not isinstance(value, bytes) or not value.startswith(FORMAT):
            return None
        seal, body = value[len(FORMAT) : _HEAD], value[_HEAD:]
        return body if hmac.compare_digest(seal, self._seal(body, name, token)) else None

    def _seal(self, body: bytes, name: bytes, token: bytes) -> bytes:
        digest = hashlib.blake2b(name + token, key=self._key, digest_size=_SEAL_BYTES)
        digest.update(body)
        return digest.digest()

    def _shown(self, kind: bytes, digest: bytes) -> bytes:
        return self._prefix + kind + b":" + base64.urlsafe_b64encode(digest)

    def _token_key(self, url: bytes) -> bytes:
        return self._shown(b"t", self._digest(b"t", url))

    @property
    def _epoch_key(self) -> bytes:
        return self._prefix + b"epoch"

    # --- its life -------------------------------------------------------------------------------

    async def _begin(self, run: bytes) -> None:
        """Agree on the epoch, and catch up on what is to be forgotten."""
        new = run + b":" + secrets.token_hex(16).encode()
        force = b"1" if self._forgets_all else b""
        self._forgets_all = False
        try:
            epoch = await self._link.run(
                _BEGIN, (self._epoch_key,), run + b":", new, _ms(LONGEST), force
            )
        except BaseException:
            self._forgets_all |= bool(force)
            raise
        if not isinstance(epoch, bytes) or not epoch:
            raise Rubbish
        # At most 64 bytes key a digest, and a secret of any length counts as a whole.
        self._key = hashlib.blake2b(self._secret + b"\0" + epoch, digest_size=32).digest()
        self._epoch = epoch
        await self._deliver(epoch)
        if self._forgets_all:  # it has become too much meanwhile
            raise Other

    def status(self) -> str:
        """Why it is not used, or takes nothing new; "" where it does."""
        return self._link.status()

    async def open(self) -> None:
        """Connect: now, or later without anybody waiting for it."""
        await self._link.open()

    async def close(self) -> None:
        """End all connections."""
        await self._link.close()


def _parted(url: str) -> tuple[str, str]:
    """The address as the client reads it, and the prefix of keys that it names."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    prefix = dict(options).get("prefix", PREFIX)
    rest = urlencode([(name, value) for name, value in options if name != "prefix"])
    return urlunsplit(parts._replace(query=rest)), prefix


def _parts(at: Address) -> tuple[bytes, ...]:
    texts = (at.plugin, at.url, at.more)
    return (*(text.encode("utf-8", "surrogateescape") for text in texts), at.partition)


def _of_url(url: str) -> bytes:
    return hashlib.blake2b(url.encode("utf-8", "surrogateescape"), digest_size=32).digest()


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
