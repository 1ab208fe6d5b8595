"""Bytes behind a reply that is complete: left away, as RFC 9112 section 6.3 allows.

aiohttp's parser takes what comes behind the body that Content-Length says for the next reply, and
loses the one before it. To an upstream of ours that is a fault (502): whoever can write behind a
reply could write the next caller's. A plugin that passes everything on leaves the bytes away and
closes the connection. Stands before aiohttp's own parser, whose place is private: a test watches
it.
"""

from __future__ import annotations

from typing import Any, Protocol


class Parser(Protocol):
    """What is used of aiohttp's."""

    def feed_data(self, data: bytes) -> tuple[list[Any], bool, bytes]:
        """Messages that are complete, whether the connection is another's now, what is left."""

    def feed_eof(self) -> Any:
        """The connection has ended."""


def leniently(protocol: Any) -> None:
    """Put it before the parser of a protocol of aiohttp's client that is to read a reply."""
    protocol._parser = Lenient(protocol._parser)  # noqa: SLF001


class Lenient:
    """Feeds a parser the head of a reply and as much of its body as it says; the next reply is
    another parser's."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._head = b""
        self._left: int | None = None  # bytes of the body; None before the head is whole
        self.has_more = False

    def feed_data(self, data: bytes) -> tuple[list[Any], bool, bytes]:
        """As the parser's own."""
        if not data:  # it goes on after a pause
            return self._parser.feed_data(data)
        if self._left is not None:
            given = data[: self._left]
            self._left -= len(given)
            self.has_more = self.has_more or len(given) < len(data)
            return self._parser.feed_data(given) if given else ([], False, b"")
        before = len(self._head)
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return self._parser.feed_data(data)
        size = end + 4 - before
        messages, upgraded, tail = self._parser.feed_data(data[:size])
        self._head = b""
        message = messages[-1][0] if messages else None
        if message is not None and message.code >= 200:
            length = message.headers.get("Content-Length", "")
            is_framed = length.isdecimal() and not message.chunked
            self._left = int(length) if is_framed else 1 << 62
        if upgraded or not data[size:]:
            return messages, upgraded, tail
        more, upgraded, tail = self.feed_data(data[size:])
        return [*messages, *more], upgraded, tail

    def __getattr__(self, name: str) -> Any:
        """The rest is as it is."""
        return getattr(self._parser, name)
