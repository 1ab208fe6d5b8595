"""An answer on its way out: head and body written at once, or a long body as it comes.

aiohttp prepares a response in half a dozen small steps, since anything may still be changed on
the way (chunks, codings, cookies, hooks). Of an answer everything is known, and the steps cost a
tenth of a stored one. What is unusual still goes aiohttp's way.

A caller who does not read what was written to him holds its memory: a body beyond what the kernel
and one buffer take is waited for, bounded in time, and its call is under way until then.

A body that comes from the upstream meanwhile is written as fast as the caller reads. If it breaks
off, so does the connection to the caller: a part never looks like a whole.
"""

from __future__ import annotations

import asyncio
import http
import logging
import socket
import struct
from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11
from aiohttp.http_writer import _serialize_headers
from multidict import CIMultiDict, istr

from gateway.caching.directives import members
from gateway.caching.fields import storable_headers
from gateway.errors import Refusal
from gateway.values import Answer, Headers, Rest

log = logging.getLogger("gateway")

SERVER = "plugin-gateway"
# From the first byte of an answer to its last, however slow the upstream or the caller: what
# Cloud Run gives a request.
MAX_SECONDS = 300.0
# A body up to here is given to the transport whole, without a wait where nothing stands before it:
# asyncio's own mark for a full buffer.
SMALL = 60 * 1024
_NOSNIFF = istr("X-Content-Type-Options")
_KNOWN = frozenset(status.value for status in http.HTTPStatus)
# RFC 9110 section 15.4.5, and what says where the answer is from and what is left to the caller.
_OF_304 = frozenset(
    ("etag", "cache-control", "expires", "vary", "age", "cache-status", "last-modified",
     "ratelimit-policy", "ratelimit")
)  # fmt: skip
_RESET = struct.pack("ii", 1, 0)  # what SO_LINGER takes: on, and no second of it


class Written(web.Response):
    """A response whose body is whole, or empty. `ended` is called once it is written, or is not,
    and must be given for a body that is not small."""

    ended: Callable[[], None] | None = None
    seconds = MAX_SECONDS

    def frees(self, free: Callable[[], None]) -> None:
        """Call `free` at once, or where the body is not small, once it is written: until then it
        holds memory."""
        if isinstance(self._body, bytes) and len(self._body) > SMALL:
            self.ended = free
        else:
            free()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the response."""
        transport, body = request.transport, self._body
        if (
            transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size()
            or not isinstance(body, bytes)
            or not 0 < len(body) <= SMALL
            or not self._is_usual(request)
        ):
            return await self._written_by_aiohttp(request)
        headers = self._headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        head = _serialize_headers(f"HTTP/1.1 {self._status} {self._reason}", headers)
        transport.write(head + body)
        self._keep_alive = self._eof_sent = True
        return request.writer

    def _is_usual(self, request: web.BaseRequest) -> bool:
        return (
            self.ended is None
            and request.keep_alive
            and request.version == HttpVersion11
            and request.method != hdrs.METH_HEAD
            and self._keep_alive is not False
            and not self._eof_sent
        )

    async def _written_by_aiohttp(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write it step by step, waiting for a caller who does not read, but not for ever."""
        try:
            async with asyncio.timeout(self.seconds):
                writer = await super().prepare(request)
                await self.write_eof()
        except TimeoutError:
            log.info("an answer was cut off: not read in %g seconds", self.seconds)
            raise reset(request) from None
        finally:
            if self.ended is not None:
                self.ended()
        return writer


class Passed(web.StreamResponse):
    """A response whose body comes from the upstream while it is written."""

    _send_headers_immediately = False  # but with the first piece

    def __init__(
        self,
        status: int,
        headers: CIMultiDict[str],
        rest: Rest,
        ended: Callable[[], None],
        seconds: float = MAX_SECONDS,
    ) -> None:
        super().__init__(status=status, headers=headers)
        self._rest, self._ended, self._seconds = rest, ended, seconds
        if rest.length is not None:
            self.content_length = rest.length

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the response."""
        try:
            writer = await super().prepare(request)
            async with asyncio.timeout(self._seconds):
                while piece := await self._rest.read():
                    await self.write(piece)
            await self.write_eof()
        except (Refusal, TimeoutError) as error:
            log.info("an answer was cut off: %s", error or f"not done in {self._seconds:g} seconds")
            raise reset(request) from None
        except ConnectionError:  # nobody reads any more
            raise
        except Exception:
            log.exception("an answer was cut off")
            raise reset(request) from None
        finally:
            self._rest.close()
            self._ended()
        return writer


class Verbatim(web.Response):
    """A response of a plugin that passes everything on: what the upstream said, nothing of ours."""

    def __init__(self, answer: Answer, ended: Callable[[], None]) -> None:
        super().__init__(status=answer.status)
        self._answer = answer
        ended()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the response."""
        status, body, transport = self._answer.status, self._answer.body, request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("nobody reads any more")
        headers = CIMultiDict(self._answer.headers)
        if request.method != hdrs.METH_HEAD and status not in (204, 304):
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        self._keep_alive = request.keep_alive
        if not self._keep_alive:
            headers[hdrs.CONNECTION] = "close"
        reason = http.HTTPStatus(status).phrase if status in _KNOWN else ""
        transport.write(_serialize_headers(f"HTTP/1.1 {status} {reason}", headers) + body)
        self._eof_sent = True
        return request.writer


def interim_to(request: web.BaseRequest) -> Callable[[int, Headers], None]:
    """What takes interim replies to a caller, as they come (RFC 9110 section 15.2)."""

    def interim(status: int, headers: Headers) -> None:
        transport = request.transport
        if (
            transport is not None
            and not transport.is_closing()
            and request.version >= HttpVersion11
        ):
            reason = http.HTTPStatus(status).phrase if status in _KNOWN else ""
            line = f"HTTP/1.1 {status} {reason}"
            transport.write(_serialize_headers(line, CIMultiDict(storable_headers(headers))))

    return interim


def whole(response: web.Response) -> tuple[bytes, bytes]:
    """The head and the body of a response that is always the same, as they are written."""
    body, headers = response.body, CIMultiDict(response.headers)
    if not isinstance(body, bytes):
        raise TypeError("the body of a response that is always the same is bytes")
    headers[hdrs.CONTENT_LENGTH] = str(len(body))
    return _serialize_headers(f"HTTP/1.1 {response.status} {response.reason}", headers), body


def unless_known(answer: Answer, tags: str) -> Answer:
    """An answer to If-None-Match: 304 where the caller has it (RFC 9110 section 13.1.2).

    What is compared is our own tag, that of the answer after shrinking.
    """
    etag = next((value for name, value in answer.headers if name == "ETag"), "")
    if answer.status != 200 or not etag:
        return answer
    own = etag.removeprefix("W/")
    if tags.strip() != "*" and own not in (one.removeprefix("W/") for one in members(tags)):
        return answer
    if answer.rest is not None:
        answer.rest.close()
    kept = tuple(pair for pair in answer.headers if pair[0].lower() in _OF_304)
    return Answer(304, kept, b"")


def reset(request: web.BaseRequest) -> ConnectionError:
    """Cut a connection so that no caller takes what it has for the whole, not even one that
    reads to the end of the connection; gives what tells aiohttp so."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return ConnectionResetError("the answer was cut off")


def written(
    answer: Answer, prefix: str, ended: Callable[[], None] = lambda: None, varies: str = ""
) -> web.StreamResponse:
    """An answer as an HTTP response, for a plugin whose root is at `prefix`.

    `ended` is called at once for a small body, else when it has been written, or has not.
    `varies` are the headers of the caller that the upstream may have been shown.
    """
    headers = CIMultiDict(answer.headers)
    headers[hdrs.SERVER] = SERVER
    headers[_NOSNIFF] = "nosniff"  # no browser shall think it knows better
    if varies:
        headers[hdrs.VARY] = ", ".join([*headers.getall(hdrs.VARY, ()), varies])
    if hdrs.LOCATION in headers:
        headers[hdrs.LOCATION] = prefix + headers[hdrs.LOCATION]
    if answer.rest is not None:
        return Passed(answer.status, headers, answer.rest, ended)
    response = Written(status=answer.status, body=answer.body, headers=headers)
    response.frees(ended)
    return response
