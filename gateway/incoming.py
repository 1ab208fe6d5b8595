"""The bodies of calls, bounded in size and time."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from gateway.errors import BodyTooLarge, BodyTooSlow, ExpectationFailed, UnsupportedBody

# aiohttp's own default, and nginx's: a call is arguments, not an upload. Files need more.
MAX_BODY = 1024 * 1024
# For the whole body of a call, for each MiB that it may have: Apache gives 20 s and more while it
# comes, nginx 60 s between two reads.
BODY_SECONDS = 20.0


def at_hand(request: web.BaseRequest, most: int) -> bytes | None:
    """A whole body, where it came with the head, as that of nearly every call; None where it is to
    be waited for. Raises: Refusal."""
    if not request.content.is_eof() or hdrs.EXPECT in request.headers:
        return None
    _refuse_coded(request)
    whole = request.content.read_nowait()
    if len(whole) > most:
        raise _too_large(most)
    return whole


async def whole(request: web.BaseRequest, most: int) -> bytes:
    """A whole body of at most so many bytes. Raises: Refusal."""
    found = at_hand(request, most)
    return await received(request, most) if found is None else found


async def received(request: web.BaseRequest, most: int) -> bytes:
    """A whole body that is waited for, of at most so many bytes. Raises: Refusal."""
    _refuse_coded(request)
    if (request.content_length or 0) > most:
        raise _too_large(most)
    expected = request.headers.get(hdrs.EXPECT)
    if expected is not None and request.version == HttpVersion11:
        if expected.strip().lower() != "100-continue":
            text = f"Expect: {expected[:40]!r} is not known here, only 100-continue."
            raise ExpectationFailed(text)
        # Some hold their body back until they are told (RFC 9110 section 10.1.1).
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    seconds = BODY_SECONDS * max(1.0, most / MAX_BODY)
    try:
        async with asyncio.timeout(seconds):
            pieces, size = [], 0
            while size <= most and (piece := await request.content.readany()):
                pieces.append(piece)
                size += len(piece)
    except TimeoutError:
        text = f"The request body did not arrive within {seconds:g} seconds."
        raise BodyTooSlow(text, headers=[("Connection", "close")]) from None
    if size > most:
        raise _too_large(most)
    return b"".join(pieces)


def _refuse_coded(request: web.BaseRequest) -> None:
    transfer = request.headers.get(hdrs.TRANSFER_ENCODING, "chunked").lower()
    if hdrs.CONTENT_ENCODING in request.headers or transfer != "chunked":
        raise UnsupportedBody("A coded request body is not read. Send it as plain JSON.")


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is larger than {most:,} bytes. Send less at once. The "
        "operator can take more with --max-body."
    )
