"""Asking before a call that does something: MCP 2026-07-28, "Multi Round-Trip Requests".

The first round answers with a question and a state; the client asks its user, and calls again with
what was said and the state. The state goes through the client's hands, so it is signed, and bound
to who calls, what is called and with which arguments; it lives some minutes, and works once.

Used states are remembered until they expire. Should there be too many, all states of that age are
void, whoever has one: then the user is asked once more, but none works twice. Gateways that share a
key ask each other besides, by `alone`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

SECONDS = 600.0
MOST = 10_000
KEY = "confirm"  # of the one question

_HEAD = struct.Struct(">d16s")  # when it was made, and what makes it one of a kind


class Forged(Exception):
    """A state that was not made here for this call."""


# Whether nobody else has taken what this names; for so many seconds nobody else may.
Alone = Callable[[bytes, float], Awaitable[bool]]


def key_of(secret: bytes) -> bytes:
    """The key of all gateways that have a secret in common, of no use for anything else."""
    return hmac.new(secret, b"confirmations", hashlib.sha256).digest()


async def _nobody_else(name: bytes, seconds: float) -> bool:  # noqa: ARG001 - there is nobody
    return True


@dataclass(slots=True)
class Confirmations:
    """Makes states and takes them back.

    `clock` tells seconds: steadily, or since 1970 where other gateways have the `key`, too.
    """

    clock: Callable[[], float]
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    alone: Alone = _nobody_else
    most: int = MOST
    _used: dict[bytes, float] = field(default_factory=dict)  # the oldest use first
    _void: float = float("-inf")  # states made until then do not work any more

    def state(self, bound: bytes) -> str:
        """A new state for what `bound` says: the caller, the operation, its arguments."""
        head = _HEAD.pack(self.clock(), secrets.token_bytes(16))
        return base64.urlsafe_b64encode(head + self._sign(head, bound)).decode()

    async def claim(self, state: Any, bound: bytes) -> bool:
        """Use a state up, here and wherever else it would work.

        Returns:
            Whether it still works: not when it is too old or was used before.

        Raises:
            Forged: it is none of ours, or was made for another call.
        """
        made, nonce = self._read(state, bound)
        # Other clocks may go a little before ours.
        return self._take(made, nonce) and await self.alone(b"confirm" + nonce, 2 * SECONDS)

    def take(self, state: Any, bound: bytes) -> bool:
        """Use a state up that nobody else would take; see `claim`."""
        return self._take(*self._read(state, bound))

    def _read(self, state: Any, bound: bytes) -> tuple[float, bytes]:
        """When a state was made, and what makes it one of a kind. Raises: Forged."""
        try:
            raw = base64.b64decode(state.encode("ascii"), b"-_", validate=True)
            head, signature = raw[: _HEAD.size], raw[_HEAD.size :]
            made, nonce = _HEAD.unpack(head)
        except (AttributeError, ValueError, binascii.Error, struct.error):
            raise Forged from None
        if not hmac.compare_digest(signature, self._sign(head, bound)):
            raise Forged
        return made, nonce

    def _take(self, made: float, nonce: bytes) -> bool:
        now = self.clock()
        if made <= max(self._void, now - SECONDS) or nonce in self._used:
            return False
        self._remember(nonce, made, now)
        return True

    def _remember(self, nonce: bytes, made: float, now: float) -> None:
        if len(self._used) >= self.most:
            self._used = {one: when for one, when in self._used.items() if when > now - SECONDS}
        if len(self._used) >= self.most:
            self._void = max(self._used.values())
            self._used.clear()
        self._used[nonce] = made

    def _sign(self, head: bytes, bound: bytes) -> bytes:
        return hmac.new(self.key, head + hashlib.sha256(bound).digest(), hashlib.sha256).digest()
