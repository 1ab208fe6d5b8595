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
from gateway.telemetry.ids import HEADER
from gateway.values import Answer, Headers, Rest

log = logging.getLogger("gateway")

SERVER = "plugin-gateway"
# From the first byte of an answer to its last, however slow the upstream or the caller: what
# Cloud Run gives a request.
MAX_SECONDS = 300.0
# A body up to here is given to the transport whole, without a wait where nothing stands before it:
# asyncio's own mark for a full buffer.
SMALL = 60 * 1024
# Heads of stored answers that are remembered as bytes, and what each may have: some megabytes,
# with the fields that they are remembered by.
MAX_HEADS, MAX_HEAD, MAX_FIXED = 1024, 1024, 24
_heads: dict[tuple[int, Headers, str, str], bytes] = {}
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
            or not isinstance(body, bytes)
            or self.ended is not None
            or self._keep_alive is False
            or self._eof_sent
            or not _is_usual(request, body)
        ):
            return await self._written_by_aiohttp(request)
        headers = self._headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        head = _serialize_headers(f"HTTP/1.1 {self._status} {self._reason}", headers)
        transport.write(head + body)
        self._keep_alive = self._eof_sent = True
        return request.writer

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


class Ready(web.StreamResponse):
    """A response to a usual request, as the bytes that are written: nothing is added to it."""

    _keep_alive = _eof_sent = True

    def __init__(self, whole: bytes) -> None:  # aiohttp's own makes headers
        self._whole = whole

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the response."""
        if (transport := request.transport) is not None:
            transport.write(self._whole)
        return request.writer


def ready(request: web.BaseRequest, head: bytes, own: Headers, body: bytes) -> Ready | None:
    """A response of which most of the head is bytes already.

    Args:
        request: What is answered.
        head: The line of the status and the fields that are always the same, as of `head_of`.
        own: The other ones, of our own words and numbers.
        body: Whole.

    Returns:
        None where the request is none of the usual ones, or a page's, and a response has to be
        put together.
    """
    if hdrs.ORIGIN in request.headers or not _is_usual(request, body):
        return None
    fields = ""
    for name, value in own:
        if not value.isprintable():  # somebody else's words
            return None
        fields += f"{name}: {value}\r\n"
    date, length = rfc822_formatted_time(), len(body)
    rest = f"{fields}Content-Length: {length}\r\nDate: {date}\r\n\r\n"
    return Ready(head + rest.encode() + body)


def head_of(status: int, headers: CIMultiDict[str]) -> bytes:
    """The part of a head that is the same each time, for requests that are no page's."""
    varies_by(headers, hdrs.ORIGIN)
    reason = http.HTTPStatus(status).phrase if status in _KNOWN else ""
    return _serialize_headers(f"HTTP/1.1 {status} {reason}", headers).removesuffix(b"\r\n")


def varies_by(headers: CIMultiDict[str], names: str) -> None:
    """Say that a response is another one for other values of these headers, too."""
    said = headers.getall(hdrs.VARY) if hdrs.VARY in headers else ()
    headers[hdrs.VARY] = ", ".join((*said, names)) if said else names


def _is_usual(request: web.BaseRequest, body: bytes) -> bool:
    """Whether a body can be written at once, in the plainest way."""
    transport = request.transport
    return (
        transport is not None
        and 0 < len(body) <= SMALL
        and request.method != "HEAD"
        and request.version == HttpVersion11
        and request.keep_alive
        and not transport.is_closing()
        and not transport.get_write_buffer_size()
    )


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
    headers = _dressed(answer.headers, prefix, varies)
    if answer.rest is not None:
        return Passed(answer.status, headers, answer.rest, ended)
    response = Written(status=answer.status, body=answer.body, headers=headers)
    response.frees(ended)
    return response


def from_store(
    request: web.BaseRequest, answer: Answer, prefix: str, varies: str, call_id: str
) -> Ready | None:
    """An answer out of the store as `written` would write it, with the id of its call; None where
    that has to."""
    fixed = answer.fixed
    if not fixed:
        return None
    key = answer.status, fixed, prefix, varies
    head = _heads.get(key)
    if head is None:
        try:
            head = head_of(answer.status, _dressed(fixed, prefix, varies))
        except ValueError:  # it cannot be written, nor can any other way
            return None
        if len(head) <= MAX_HEAD and len(fixed) <= MAX_FIXED:
            if len(_heads) >= MAX_HEADS:
                _heads.clear()
            _heads[key] = head
    return ready(request, head, (*answer.headers[len(fixed) :], (HEADER, call_id)), answer.body)


def _dressed(headers: Headers, prefix: str, varies: str) -> CIMultiDict[str]:
    """The headers of an answer, and ours."""
    made = CIMultiDict(headers)
    made[hdrs.SERVER] = SERVER
    made[_NOSNIFF] = "nosniff"  # no browser shall think it knows better
    if varies:
        varies_by(made, varies)
    if hdrs.LOCATION in made:
        made[hdrs.LOCATION] = prefix + made[hdrs.LOCATION]
    return made
