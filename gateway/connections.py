"""Connections of callers: aiohttp's, with bounds, and with our own words for what is no request.

What aiohttp's parser refuses, and a head beyond its bounds, is answered as the door answers all
else, before the door sees it.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.errors import BadArguments, HeadersTooLarge, Refusal, TargetTooLong
from gateway.proxy import Door, problem

log = logging.getLogger("gateway")

# Connections of callers. nginx takes 512 a worker by default, HAProxy some thousands.
MAX_CALLERS = 4096
# One field of a request: nginx's buffer. How many: Apache's LimitRequestFields.
MAX_FIELD, MAX_FIELDS = 8 * 1024, 100
# Of names and values together: as much as nginx takes in its four buffers; node.js takes half.
MAX_HEADERS = 32 * 1024
# What a request asks for, path and query: Apache's LimitRequestLine. It must differ from the one
# above: of what is too long aiohttp says only the bound.
MAX_TARGET = 8190
# For a connection without a request, the first one too: nginx's keepalive_timeout. So a head that
# comes slowly holds a connection no longer than that.
IDLE_SECONDS = 75.0
# For a caller to read why its request was refused, while it may still be sending: nginx waits 5.
LINGER_SECONDS = 2.0


_TOO_LONG = (
    _ErrInfo(
        431,
        HeadersTooLarge(
            f"The headers of the request are larger than {MAX_HEADERS:,} bytes. Send fewer and "
            "shorter ones; arguments go into the query or the body."
        ),
        "",
    ),
    EMPTY_PAYLOAD,
)


class _Refused(web.Response):
    """An answer to a request that was not read to its end."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write it, and wait for the caller to have it.

        To close a connection on which there is something unread resets it, and the caller may
        lose the answer over that (RFC 9112 section 9.6).
        """
        await super().write_eof(data)
        await asyncio.sleep(LINGER_SECONDS)  # a caller who closes before ends it


class _Handler(RequestHandler):
    """aiohttp's connection, which answers what is no HTTP as the door answers everything else.

    aiohttp's own answer is plain text with the caller's bytes and its version in it, and a trace
    in the log for whoever sends rubbish.
    """

    __slots__ = ("_before", "_head")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._head = 0  # bytes of a request's head that have come, while nothing else is done
        self._before = 0  # bytes that came before that: they may have begun it
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what has come, of a head no more than is let through in the end."""
        waiter = self._waiter
        is_idle = waiter is not None and not waiter.done()
        known = len(self._messages)
        super().data_received(data)
        if len(self._messages) > known:
            if self._before + self._head + len(data) > MAX_HEADERS:
                self._refuse_long()
            self._head = 0
            if data:  # else the parser had held it back, and may hold more
                self._before = len(data)
        elif not is_idle:
            self._before += len(data)
        else:
            self._head += len(data)
            if self._head > MAX_TARGET + MAX_HEADERS and waiter is not None:
                self._messages.append(_TOO_LONG)
                waiter.set_result(None)

    def _refuse_long(self) -> None:
        """Put a refusal in the place of every request whose headers are too long together."""
        for number, (message, _) in enumerate(self._messages):
            if not isinstance(message, _ErrInfo):
                size = sum(len(name) + len(value) for name, value in message.raw_headers)
                if size > MAX_HEADERS:
                    self._messages[number] = _TOO_LONG

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse a request that could not be read."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        log.debug("a request of %s is not valid HTTP: %s", request.remote, exc)
        self.close()  # what comes from now on is thrown away
        refused = problem(_refusal(exc))
        response = _Refused(status=refused.status, body=refused.body, headers=refused.headers)
        response.force_close()
        return response


def _refusal(error: BaseException | None) -> Refusal:
    """What a request is refused with that aiohttp could not read, or was not let to."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, LineTooLong):
        if error.args[1] == MAX_TARGET:
            return TargetTooLong(
                f"The address is longer than {MAX_TARGET:,} bytes. Send less at once, or call by "
                "name: POST /call/<operation> with the arguments as a JSON object."
            )
        return HeadersTooLarge(
            f"A header of the request is larger than {MAX_FIELD:,} bytes. Send it shorter; "
            "arguments go into the query or the body."
        )
    if isinstance(error, BadHttpMessage) and error.message.startswith("Too many headers"):
        return HeadersTooLarge(f"The request has more than {MAX_FIELDS} headers. Send fewer.")
    return BadArguments("The request is not valid HTTP.")


def server_of(door: Door) -> web.Server:
    """The server before a door."""
    # A caller who leaves stops what is done for him alone; shared fetches go on.
    # Coded bodies are refused, so nothing is decoded, and nothing fails while it is.
    return _Server(
        door,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=IDLE_SECONDS,
        max_line_size=MAX_TARGET,
        max_field_size=MAX_FIELD,
        max_headers=MAX_FIELDS,
    )


class _Server(web.Server):
    """aiohttp's server, bounded: connections beyond the bound are closed at once."""

    def __call__(self) -> RequestHandler:
        """Make the handler of a new connection."""
        return _Handler(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection."""
        super().connection_made(handler, transport)
        if len(self._connections) > MAX_CALLERS:
            transport.abort()
