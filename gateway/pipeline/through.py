"""A long reply whose body nothing is to be done with, on its way to the caller as it comes.

It is neither kept nor decoded, but where the plugin has secrets to look for, or the caller does
not take its coding. The upstream is read as fast as the caller reads; what can be said of a
reply that breaks once its answer has begun is only that it is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy

from gateway.errors import UpstreamFailed
from gateway.media import kind
from gateway.pipeline.coding import Inflater, coding_of, takes
from gateway.pipeline.exchange import Rest
from gateway.pipeline.mask import Mask, Search
from gateway.pipeline.passing import is_json
from gateway.plugin import Operation

# What is shorter is read whole, proved and answered at once. nginx holds as much of a reply.
HOLD = 64 * 1024


def passes(operation: Operation, rest: Rest, headers: CIMultiDictProxy[str]) -> bool:
    """Whether a reply goes through as it is, where the rules of its operation change nothing.

    Text becomes JSON (`shrinking.text`), and what may be JSON under another name is tried as such.
    """
    content_type = headers.get("Content-Type", "")
    if not content_type.isprintable():  # it could not be written again
        return False
    if is_json(content_type):
        return True
    if not content_type or kind(content_type) != "binary":
        return False
    coded = "Content-Encoding" in headers
    may_be_json = coded or rest.first.lstrip()[:1] in (b"{", b"[")
    return not (may_be_json and is_json(operation.spec.reply.content_type))


class Through:
    """What is sent on of a reply."""

    def __init__(
        self,
        rest: Rest,
        headers: CIMultiDictProxy[str],
        asked: Mapping[str, str],
        mask: Mask,
        limit: int,
        seconds: float,
    ) -> None:
        """Decide what must be done with the body.

        Args:
            rest: The body.
            headers: The reply's.
            asked: The caller's headers.
            mask: Of the plugin.
            limit: Bytes that the body may have, decoded where it is.
            seconds: For each wait for more.

        Raises: UpstreamFailed, for a coding that nobody asked for.
        """
        self._rest, self._seconds = rest, seconds
        coding = coding_of(", ".join(headers.getall("Content-Encoding", ())))
        as_it_is = not mask.searches and (
            not coding or takes(asked.get("Accept-Encoding", ""), coding)
        )
        self.coding = coding if as_it_is else ""
        self.varies = bool(coding) and not mask.searches
        is_framed = as_it_is and "Transfer-Encoding" not in headers
        length = headers.get("Content-Length") if is_framed else None
        self.length = int(length) if length is not None else None
        self._inflater = Inflater(coding, limit) if coding and not as_it_is else None
        self._search: Search | None = mask.search() if mask.searches else None
        self._first, self._is_at_end = b"", False

    async def begin(self) -> None:
        """Have the first piece ready: what is wrong with it can still be said."""
        self._first = await self.read()

    async def read(self) -> bytes:
        """The next piece; nothing at the end.

        Raises:
            ReplyTooLarge: a bound is reached.
            UpstreamFailed: it is cut off, damaged or does not go on.
        """
        piece, self._first = self._first, b""
        try:
            while not piece and not self._is_at_end:
                piece = await self._next()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:  # or a TimeoutError
            raise UpstreamFailed("The upstream's reply was cut off.") from error
        finally:
            if not piece:
                self.close()
        return piece

    async def _next(self) -> bytes:
        piece = self._inflater.take() if self._inflater is not None else b""
        if piece:
            await asyncio.sleep(0)  # a small part may hold much: others go on meanwhile
        else:
            piece = await self._rest.read(self._seconds)
            self._is_at_end = not piece
            if self._inflater is not None:
                if piece:
                    self._inflater.feed(piece)
                    return b""
                self._inflater.end()
        if self._search is None:
            return piece
        return self._search.feed(piece) if piece else self._search.end()

    def close(self) -> None:
        """Nobody wants the rest."""
        self._rest.close()
