"""What nobody should send: each a stream of any size, so that it costs nothing to make."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

Pieces = AsyncIterator[bytes]
JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"
CHUNKED = "Transfer-Encoding: chunked"
MIB = 1024 * 1024
_STEP = 64 * 1024
ROW = b"""
,{"id":4711,"name":"A thing","url":"https://example.com/things/4711","none":null,"price":19.90,
"a":"<p>What it is for, &amp; how it is used.</p> It is used by many.","tags":["new","small"],
"where":{"lat":52.5163,"lon":13.3777},"by":{"id":12,"name":"Somebody","mail":""}}"""


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
    slow: bool = False  # takes many seconds whatever its size
    shrunk: bool = False  # answered, so that there is much to do
    may_be: tuple[int, ...] = ()  # the statuses of the short form, where they are others

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


def told(
    name: str,
    statuses: tuple[int, ...],
    begin: bytes,
    part: bytes,
    end: bytes,
    most: int,
    *,
    cleaned: tuple[int, ...] | None = None,
    kind: str = JSON,
) -> list[Case]:
    """An answer that says one thing over and over: to be cut, and to be cleaned and cut.

    In short the same in a fifteenth, which is more than a thread would do.
    """

    async def answer(size: int) -> Pieces:
        number = max(0, size - len(begin) - len(end)) // len(part)
        yield head(kind, CHUNKED)
        if begin:
            yield chunk(begin)
        step = max(1, _STEP // len(part))
        for start in range(0, number, step):
            yield chunk(part * min(step, number - start))
            await asyncio.sleep(0)
        yield (chunk(end) if end else b"") + b"0\r\n\r\n"

    short, both = max(most // 15, 10_000), (200, 502)  # a refusal in short is an answer in length
    return [
        Case(name, statuses, short, most, "/things", answer, shrunk=True, may_be=both),
        Case(
            f"{name}, cleaned",
            cleaned or both,
            short,
            most,
            "/clean",
            answer,
            shrunk=True,
            may_be=both,
        ),
    ]


CASES = (
    Case("a gzip bomb", (502,), 64, 1024, answer=bomb),
    Case("a gzip bomb, passed on", (502, 0), 64, 1024, "/passed", bomb),
    Case("an object of many members", (502,), 1_000_000, 10_000_000, answer=many_members),
    Case("the same, passed on", (502, 0), 1_000_000, 10_000_000, "/passed", many_members),
    Case("what the bound lets through", (200,), 100_000, 800_000, answer=many_members),
    Case("the same, only read", (200,), 100_000, 800_000, "/whole", many_members),
    Case("the same, cleaned too", (200,), 100_000, 800_000, "/clean", many_members),
    Case("rows that the bound lets through", (200,), 100_000, 1_300_000, answer=rows),
    Case("the same, some of them", (200,), 100_000, 1_300_000, "/rows", rows),
    Case("the same, cleaned", (200,), 100_000, 1_300_000, "/clean", rows),
    *told("ordinary rows", (200,), b'{"items":[{}', ROW, b"]}", 10 * MIB, cleaned=(200,)),
    *told("one string", (200,), b'{"a":"', b"x", b'"}', 10 * MIB),
    *told("a million items", (200,), b"[1", b",1", b"]", 2 * MIB),
    *told("as many as can be", (200,), b"[1", b",1", b"]", 10 * MIB, cleaned=(200,)),
    *told("nothing but arrays", (200,), b"[[]", b",[]", b"]", 10 * MIB, cleaned=(200,)),
    *told("rows of arrays", (200,), b"[[1", b"1," * 20_000 + b"1],[1", b"]]", 10 * MIB),
    *told("arrays in one another", (200,), b"[" * 50 + b"[]", b",[]", b"]" * 50, 10 * MIB),
    *told("nothing but numbers", (200,), b"[1.5", b",1.5", b"]", 10 * MIB, cleaned=(200,)),
    *told("nothing but NaN", (200,), b"[NaN", b",NaN", b"]", 10 * MIB, cleaned=(200,)),
    *told("lone surrogates", (200, 502), b'["', rb"\ud800", b'"]', 10 * MIB),
    *told("escapes", (200,), b'["', rb"\u0041", b'"]', 10 * MIB),
    *told("rows of escapes", (200,), b"[1", rb',"\/a\u00e9"', b"]", 10 * MIB, cleaned=(200,)),
    *told("no UTF-8", (200, 502), b'["', b"\xff", b'"]', 10 * MIB),
    *told("one key again and again", (200,), b'{"a":1', b',"a":1', b"}", 10 * MIB),
    *told("it ends too soon", (502,), b"[1", b",1", b"", 10 * MIB),
    *told("a byte order mark", (200,), b'\xef\xbb\xbf["', b"x", b'"]', 10 * MIB),
    *told("long numbers", (200,), b"[1", b"," + b"1" * 5000, b"]", 10 * MIB),
    *told("tags that nobody closes", (200,), b'{"a":"', b"<div>", b'"}', 10 * MIB),
    *told("links and entities", (200,), b'{"a":"', b"<a href='x'>b</a>&amp;", b'"}', 10 * MIB),
    *told("a page of tags", (200,), b"<p>", b"<div><p>Hi &amp; you", b"", 10 * MIB, kind=HTML),
    *told("deep", (502,), b"[" * 10_000, b"1", b"]" * 10_000, 20_001),
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
