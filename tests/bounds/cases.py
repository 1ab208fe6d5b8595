"""What nobody should send: each a stream of any size, so that it costs nothing to make."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

Pieces = AsyncIterator[bytes]
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
_STEP = 64 * 1024


@dataclass(frozen=True)
class Case:
    """One call: what is asked, what the upstream answers, and what may come of it.

    `size` is that of the whole, `short` what does for a quick look; both in the case's own unit.
    """

    name: str
    statuses: tuple[int, ...]  # 0: cut off
    short: int
    size: int
    target: str = "/things"
    answer: Callable[[int], Pieces] | None = None
    sends: Callable[[int], Pieces] | None = None
    lines: tuple[str, ...] = ()
    dear: bool = False  # answered, and a work to read: it may cost more than a refusal
    slow: bool = False  # takes many seconds whatever its size

    async def head(self) -> Pieces:
        """The request's head, or all of it that is not sent piece by piece."""
        method = "POST" if CHUNKED in self.lines or self._has_length else "GET"
        lines = (f"{method} {self.target} HTTP/1.1", "Host: 127.0.0.1", *self.lines)
        yield ("\r\n".join(lines) + "\r\n" + ("" if self._goes_on else "\r\n")).encode()

    @property
    def _has_length(self) -> bool:
        return any(line.startswith("Content-Length") for line in self.lines)

    @property
    def _goes_on(self) -> bool:
        """Whether what is sent are more headers."""
        return self.sends is not None and CHUNKED not in self.lines and not self._has_length


def head(*lines: str) -> bytes:
    return ("\r\n".join(("HTTP/1.1 200 OK", *lines)) + "\r\n\r\n").encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def bomb(size: int) -> Pieces:
    """`size` MiB of zeros in gzip, a thousandth of it."""
    yield head(JSON, "Content-Encoding: gzip", CHUNKED)
    compress = zlib.compressobj(9, wbits=31)
    yield chunk(compress.compress(b"0" * 1024**2) + compress.flush(zlib.Z_FULL_FLUSH))
    again = chunk(compress.compress(b"0" * 1024**2) + compress.flush(zlib.Z_FULL_FLUSH))
    for _ in range(size - 2):  # behind a full flush a block is the same each time
        yield again
        await asyncio.sleep(0)
    yield chunk(compress.flush()) + b"0\r\n\r\n"


async def members(size: int) -> Pieces:
    """The text of an object with `size` members."""
    yield b'{"a":{"k":0'
    for start in range(0, size, 5000):
        yield b"".join(b',"k%07d":0' % number for number in range(start, start + 5000))
        await asyncio.sleep(0)
    yield b"}}"


async def many_members(size: int) -> Pieces:
    yield head(JSON, CHUNKED)
    async for piece in members(size):
        yield chunk(piece)
    yield b"0\r\n\r\n"


async def rows(size: int) -> Pieces:
    """An array of `size` small objects: the dearest thing to read within a bound."""
    yield head(JSON, CHUNKED)
    yield chunk(b'{"a":1,"items":[{"b":0}')
    for _ in range(0, size, 5000):
        yield chunk(b',{"b":0}' * 5000)
        await asyncio.sleep(0)
    yield chunk(b"]}") + b"0\r\n\r\n"


async def brackets(size: int) -> Pieces:
    yield head(JSON, CHUNKED)
    for _ in range(0, size, _STEP):
        yield chunk(b"[" * _STEP)
        await asyncio.sleep(0)
    yield b"0\r\n\r\n"


async def without_end(_: int) -> Pieces:
    yield head(JSON, CHUNKED) + chunk(b"[1")
    while True:
        yield chunk(b",1" * (_STEP // 2))
        await asyncio.sleep(0)


async def dripping(_: int) -> Pieces:
    yield head(JSON, CHUNKED) + chunk(b"[1")
    while True:
        yield chunk(b",1")
        await asyncio.sleep(0.05)


async def long_and_dripping(_: int) -> Pieces:
    yield head(JSON, CHUNKED) + chunk(b"[" + b"1," * _STEP)
    while True:
        yield chunk(b"1,")
        await asyncio.sleep(5)


async def many_headers(size: int) -> Pieces:
    yield head(JSON)[:-2]
    for start in range(0, size, 1000):
        yield b"".join(b"X-%d: y\r\n" % number for number in range(start, start + 1000))
        await asyncio.sleep(0)
    yield b"Content-Length: 2\r\n\r\n{}"


async def more_headers(size: int) -> Pieces:
    for start in range(0, size, 1000):
        yield b"".join(b"X-%d: y\r\n" % number for number in range(start, start + 1000))
        await asyncio.sleep(0)
    yield b"\r\n"


async def sent_members(size: int) -> Pieces:
    async for piece in members(size):
        yield chunk(piece)
    yield b"0\r\n\r\n"


async def sent_without_end(_: int) -> Pieces:
    yield chunk(b'{"a":[1')
    while True:
        yield chunk(b",1" * (_STEP // 2))
        await asyncio.sleep(0)


async def sent_dripping(_: int) -> Pieces:
    yield chunk(b'{"a":[1')
    while True:
        yield chunk(b",1")
        await asyncio.sleep(0.05)


CASES = (
    Case("a gzip bomb", (502,), 64, 1024, answer=bomb),
    Case("a gzip bomb, passed on", (502, 0), 64, 1024, "/passed", bomb),
    Case("an object of many members", (502,), 1_000_000, 10_000_000, answer=many_members),
    Case("the same, passed on", (502, 0), 1_000_000, 10_000_000, "/passed", many_members),
    Case("what the bound lets through", (200,), 100_000, 800_000, answer=many_members, dear=True),
    Case("the same, only read", (200,), 100_000, 800_000, "/whole", many_members),
    Case("rows that the bound lets through", (200,), 100_000, 1_300_000, answer=rows, dear=True),
    Case("the same, some of them", (200,), 100_000, 1_300_000, "/rows", rows, dear=True),
    Case("brackets without end", (502,), 1_000_000, 10_000_000, answer=brackets),
    Case("a reply without end", (502,), 0, 0, answer=without_end),
    Case("the same, passed on", (0,), 0, 0, "/passed", without_end),
    Case("a reply that drips", (504,), 0, 0, answer=dripping, slow=True),
    Case("the same, passed on", (504,), 0, 0, "/passed", dripping, slow=True),
    Case("a reply that stops", (0,), 0, 0, "/passed", long_and_dripping, slow=True),
    Case("a reply of many headers", (502,), 100_000, 100_000, answer=many_headers),
    Case("a request of many headers", (431,), 100_000, 100_000, sends=more_headers),
    Case(
        "a body of many members",
        (413,), 200_000, 10_000_000,
        sends=sent_members, lines=(JSON, CHUNKED),
    ),
    Case(
        "the same, with its length",
        (413,), 200_000, 10_000_000,
        sends=members, lines=(JSON, "Content-Length: 130000014"),
    ),
    Case(
        "as many as the bound lets through",
        (200, 400), 70_000, 70_000,
        sends=sent_members, lines=(JSON, CHUNKED),
    ),
    Case("a body without end", (413,), 0, 0, sends=sent_without_end, lines=(JSON, CHUNKED)),
    Case(
        "a body that drips",
        (408,), 0, 0,
        sends=sent_dripping, lines=(JSON, CHUNKED), slow=True,
    ),
)  # fmt: skip
