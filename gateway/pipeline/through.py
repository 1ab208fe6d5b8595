"""A long reply whose body nothing is to be done with, on its way to the caller as it comes.

It is neither kept nor decoded, but where the plugin has secrets to look for, or the caller does
not take its coding. The upstream is read as fast as the caller reads; what can be said of a
reply that breaks once its answer has begun is only that it is cut.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress

import aiohttp
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy

from gateway.errors import UpstreamFailed
from gateway.media import charset, kind
from gateway.pipeline.coding import Inflater, coding_of, takes
from gateway.pipeline.exchange import Rest
from gateway.pipeline.mask import Mask, Search, is_bytes
from gateway.pipeline.passing import is_json
from gateway.plugin import Operation

# What is shorter is read whole, proved and answered at once. nginx holds as much of a reply.
HOLD = 64 * 1024
# Searched at once: some milliseconds of work, where all of it is escaped.
_SEARCHED = 64 * 1024
_UTF_8 = ("utf-8", "utf-8-sig")


def passes(
    operation: Operation, rest: Rest, headers: CIMultiDictProxy[str], *, searched: bool
) -> bool:
    """Whether a reply goes through as it is, where the rules of its operation change nothing.

    Text becomes JSON (`shrinking.text`), and what may be JSON under another name is tried as such.
    What is to be searched and is no ASCII text must be decoded first, so it must be whole.
    """
    content_type = headers.get("Content-Type", "")
    if not content_type.isprintable():  # it could not be written again
        return False
    if searched and not is_bytes(charset(content_type)):
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
            seconds: For all that is waited for the upstream; a caller who reads slowly has
                time.

        Raises: UpstreamFailed, for a coding that nobody asked for.
        """
        self._rest, self._left = rest, seconds
        self._loop = asyncio.get_running_loop()
        # Is told once that it has ended: whether it was the upstream who broke it off, and how
        # many bytes had come.
        self.ended: Callable[[bool, int], None] | None = None
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
        self._unsearched = memoryview(b"")
        self._is_json = is_json(headers.get("Content-Type", ""))

    async def begin(self) -> None:
        """Have the first piece ready: what is wrong with it can still be said.

        Raises: UpstreamFailed, also for JSON that is not UTF-8 (RFC 8259 section 8.1), though
        that is not said: its secrets would not be seen.
        """
        self._first = await self.read()
        is_searched_json = self._search is not None and self._is_json
        if is_searched_json and json.detect_encoding(self._first[:4]) not in _UTF_8:
            raise UpstreamFailed("The upstream's reply is JSON in another charset than UTF-8.")

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
            self._end(broken=True)
            raise UpstreamFailed("The upstream's reply was cut off.") from error
        finally:
            if not piece:
                self.close()
        return piece

    async def _next(self) -> bytes:
        if self._search is not None and self._unsearched:
            await asyncio.sleep(0)
            return self._searched(self._search)
        piece = self._inflater.take() if self._inflater is not None else b""
        if piece:
            await asyncio.sleep(0)  # a small part may hold much: others go on meanwhile
        else:
            clock = self._loop.time
            began = clock()
            piece = await self._rest.read(self._left)
            self._left = max(0.0, self._left - (clock() - began))
            self._is_at_end = not piece
            if self._inflater is not None:
                if piece:
                    self._inflater.feed(piece)
                    return b""
                self._inflater.end()
        if self._search is None:
            return piece
        if not piece:
            return self._search.end()
        self._unsearched = memoryview(piece)
        return self._searched(self._search)

    def _searched(self, search: Search) -> bytes:
        piece, self._unsearched = self._unsearched[:_SEARCHED], self._unsearched[_SEARCHED:]
        return search.feed(bytes(piece))

    def close(self) -> None:
        """Nobody wants the rest."""
        self._rest.close()
        self._end(broken=False)

    def _end(self, *, broken: bool) -> None:
        if self.ended is not None:
            ended, self.ended = self.ended, None
            ended(broken, self._rest.size)

    def __del__(self) -> None:
        """Whoever waited for it left as it came. The collector says so, in any thread."""
        if self.ended is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it is closed now
                self._loop.call_soon_threadsafe(self._rest.close)
                self._loop.call_soon_threadsafe(self.ended, False, self._rest.size)
