"""Calls per caller: at most `count` in any `seconds`, by a window that slides in slots.

A window is kept as the counts of its slots, each 1/60 of it long, and a call counts until its
whole slot has left the window. So the promise holds in *any* window, at the price of up to one
slot more of waiting, and a caller costs at most 61 numbers whatever the limit. The callers are
kept in an LRU of bounded size: one who is pushed out starts anew.

`Window` is pure: seconds from any steady clock are an argument.
"""

from __future__ import annotations

import ipaddress
import math
from collections import deque

from cachetools import LRUCache

from gateway.config.scalars import Rate
from gateway.errors import LimitReached
from gateway.pipeline.call import Call, Clock, Plan
from gateway.plugin import Operation
from gateway.values import Answer

SLOTS = 60
# Per limit. 10,000 callers of 61 numbers are some 10 MB; nginx's usual zone holds 16,000 a MB.
MAX_CALLERS = 10_000
# Where ChatGPT documented its plugin calls to come from: many users behind few addresses, told
# apart by an id that its platform sets. From anywhere else that header is not believed.
_PLATFORM = (ipaddress.ip_network("23.102.140.112/28"),)
_EPHEMERAL = "openai-ephemeral-user-id"


class Window:
    """The calls of one caller."""

    __slots__ = ("slots", "total")

    def __init__(self) -> None:
        self.slots: deque[tuple[int, int]] = deque()  # (number of the slot, calls in it)
        self.total = 0

    def take(self, rate: Rate, now: float) -> float:
        """Count one call.

        Returns:
            Seconds to wait: 0.0 means the call may go on, above 0 that it may not, and that
            nothing was counted.
        """
        length = rate.seconds / SLOTS
        current = int(now / length)
        while self.slots and self.slots[0][0] < current - SLOTS:
            self.total -= self.slots.popleft()[1]
        if self.total >= rate.count:
            oldest = self.slots[0][0]
            return max((oldest + SLOTS + 1) * length - now, 0.001)
        if self.slots and self.slots[-1][0] == current:
            self.slots[-1] = (current, self.slots[-1][1] + 1)
        else:
            self.slots.append((current, 1))
        self.total += 1
        return 0.0


class Windows:
    """The windows of all callers, by what is limited."""

    def __init__(self) -> None:
        self._scopes: dict[str, LRUCache[str, Window]] = {}

    def of(self, scope: str) -> LRUCache[str, Window]:
        """The callers' windows under one limit."""
        return self._scopes.setdefault(scope, LRUCache(MAX_CALLERS))


def step(operation: Operation, windows: Windows, steady: Clock, inner: Plan) -> Plan:
    """Refuse a caller who calls too often."""
    rate = operation.limit
    if not rate:
        return inner
    callers = windows.of(operation.limit_scope)

    async def limit(call: Call) -> Answer:
        caller = who(call)
        window = callers.get(caller)
        if window is None:
            window = callers[caller] = Window()
        wait = window.take(rate, steady())
        if wait:
            seconds = math.ceil(wait)
            raise LimitReached(
                f"At most {rate.count} calls in {rate.seconds:g} seconds. "
                f"Wait {seconds} seconds, then call again.",
                retry_after=seconds,
            )
        return await inner(call)

    return limit


def who(call: Call) -> str:
    """What tells callers apart: who he proved to be, else where he calls from."""
    return call.caller.id if call.caller is not None else _address(call)


def _address(call: Call) -> str:
    """The address, and behind a platform's shared ones the user it tells apart."""
    user = call.headers.get(_EPHEMERAL)
    if user:
        try:
            address = ipaddress.ip_address(call.address)
        except ValueError:
            return call.address
        if any(address in network for network in _PLATFORM):
            return f"{call.address} {user[:128]}"
    return call.address
