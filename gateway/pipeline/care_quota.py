"""What may be asked of an upstream, by all callers of a plugin together (`upstream.limit`)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.config import types
from gateway.config.scalars import Rate
from gateway.limits import Limiter
from gateway.plugin import Plugin
from gateway.values import Reply

# A call waits so long for its turn, and at most this share of its time.
_WAIT, _SHARE = 1.0, 0.25
# An upstream that says "in a year" is asked again all the same: it may have been wrong. One that
# says 429 and not when is left alone for a moment.
_LONGEST_PAUSE, _UNTOLD = 300.0, 1.0


@dataclass(frozen=True, slots=True)
class Quota:
    """One bucket, counted by `limiter` under `scope`.

    `ours`: what the upstream says of a quota is about us all, and not about one caller's own key.
    """

    limiter: Limiter
    scope: str
    rate: Rate
    ours: bool

    async def take(self, seconds: float, until: float) -> float:
        """Take one of what may be asked, also the next one, if that comes soon.

        Args:
            seconds: How long the call may take.
            until: When it ends, by the loop's clock.

        Returns:
            0.0, or the seconds until there is another one.
        """
        clock = asyncio.get_running_loop().time
        patient = min(clock() + min(_WAIT, _SHARE * seconds), until)
        while wait := (await self.limiter.take(self.scope, "", self.rate)).wait:
            if clock() + wait > patient:
                return wait
            await asyncio.sleep(wait)
        return 0.0

    async def add(self) -> None:
        """Count one that is asked in any case: the call that it belongs to has had its turn."""
        await self.limiter.take(self.scope, "", self.rate)

    async def heed(self, reply: Reply, after: float | None) -> None:
        """Ask nothing for as long as the upstream said, `after` seconds if it did."""
        if self.ours and reply.status in (429, 503):
            untold = _UNTOLD if reply.status == 429 else 0.0
            seconds = min(untold if after is None else after, _LONGEST_PAUSE)
            if seconds:
                await self.limiter.pause(self.scope, seconds)


def quota_of(plugin: Plugin, limiter: Limiter) -> Quota | None:
    """The quota of a plugin's upstream; None where there is none."""
    rate, auth = plugin.config.upstream.limit, plugin.config.auth
    if not rate:
        return None
    is_ours = not isinstance(auth, types.Auth) or auth.service is not None
    return Quota(limiter, f"upstream {plugin.name}", rate, is_ours)
