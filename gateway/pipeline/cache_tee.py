"""A long reply that goes to its caller as it comes, and into the store when it has come whole.

It is read as fast as it comes, whoever reads it on: so those who want the same need not wait for a
slow caller. Beyond a bound nothing is collected any more, and it is read as fast as it is read on.
"""

from __future__ import annotations

import asyncio
from typing import Final

from gateway.errors import Refusal, UpstreamFailed
from gateway.values import Rest

# What is collected of a body. A store of 64 MiB takes no entry of more than 8.
MOST: Final = 4 * 1024 * 1024


class Tee:
    """A body for one caller, who reads or closes it; `whole` collects it."""

    def __init__(self, rest: Rest) -> None:
        self.coding, self.length, self.varies = rest.coding, rest.length, rest.varies
        self._rest = rest
        self._pieces: list[bytes] = []
        self._next = self._size = 0
        self._is_over = self._is_ended = self._is_left = False
        self._error: Refusal | None = None
        self._news = asyncio.Event()

    async def whole(self) -> bytes | None:
        """Read to the end. None where it is too long, or breaks off."""
        try:
            while piece := await self._rest.read():
                self._pieces.append(piece)
                self._size += len(piece)
                self._news.set()
                if self._size > MOST:
                    self._is_over = True
                    if self._is_left:
                        self._rest.close()
                    return None
            self._is_ended = True
            return b"".join(self._pieces)
        except Refusal as error:
            self._error = error
            return None
        except BaseException:
            self._error = UpstreamFailed("The gateway is stopping.")
            self._rest.close()
            raise
        finally:
            self._news.set()

    async def read(self) -> bytes:
        """The next piece; nothing at the end. Raises: Refusal."""
        while True:
            if self._next < len(self._pieces):
                piece = self._pieces[self._next]
                if self._is_over:
                    self._pieces[self._next] = b""
                self._next += 1
                if piece:
                    return piece
                continue
            if self._error is not None:
                raise self._error
            if self._is_over:
                return await self._rest.read()
            if self._is_ended:
                return b""
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """The caller does not want the rest; whoever waits for the whole may."""
        self._is_left = True
        if self._is_over:
            self._rest.close()


__all__ = ["MOST", "Tee"]
