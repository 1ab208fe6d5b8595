"""Connections of callers: aiohttp's, with bounds, and with our own words for what is no request.

What aiohttp's parser refuses, and a head beyond its bounds, is answered as the door answers all
else, before the door sees it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from functools import partial
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong, TransferEncodingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.early import (
    ALIVE,
    BLANK,
    asks_health,
    may_ask_health,
    missing,
    overloaded,
    target_of,
)
from gateway.errors import BadArguments, HeadersTooLarge, Refusal, TargetTooLong
from gateway.outgoing import problem
from gateway.overload import RETRY_AFTER
from gateway.process import descriptors
from gateway.proxy import Door
from gateway.response import whole
from gateway.telemetry.lines import network_of
from gateway.turns import Turns

log = logging.getLogger("gateway")

# Connections of callers. nginx takes 512 a worker by default, HAProxy some thousands.
MAX_CALLERS = 4096
# Beyond them, for who asks how the gateway is: of these the oldest makes room for the next.
SPARE = 64
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


# Where aiohttp begins to quote a request.
_QUOTED = re.compile(r"b?['\"]|bytearray\(")
# Who calls over a unix socket is on this machine: --trusted-proxy may name it so.
_SELF = ("127.0.0.1", 0)
_CLOSES, _CLOSE = b"\r\nConnection: close" + BLANK, b"\r\nConnection: close\r\n"
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

    __slots__ = (
        "_before",
        "_head",
        "_is_wary",
        "_left",
        "_payload",
        "_skip",
        "_turns",
        "is_judged",
        "is_last",
        "is_taken",
    )
    _turns: Turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.is_last = False  # the answer to come is the connection's last one
        self.is_judged = False  # the request under way may begin, whatever the load is
        # Bytes until a request can begin that nothing is known of; below 0 where nobody counts.
        self._left = 0
        self._skip = 0  # bytes that are still to come of the body of a refused request
        self._is_wary = False  # there is something to skip, or the connection is a spare one
        self._payload: StreamReader = EMPTY_PAYLOAD  # of the request that came last
        self.is_taken = False  # a request was taken, and nobody has begun to answer it
        if not isinstance(transport.get_extra_info("peername"), tuple):  # a unix socket
            self._cache["peername"] = _SELF
        self._head = 0  # bytes of a request's head that have come, while nothing else is done
        self._before = 0  # bytes that came before that: they may have begun it
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what has come, of a head no more than is let through in the end."""
        if (self._is_wary or not self._turns.is_calm) and data and self._is_done(data):
            return
        waiter = self._waiter
        is_idle = waiter is not None and not waiter.done()
        known = len(self._messages)
        super().data_received(data)
        is_new = len(self._messages) > known
        if is_new:
            self._payload = self._messages[-1][1]
        left = self._left
        # What ends with a blank line, and is a whole request, ends with it.
        if data[-4:] == BLANK and self._payload.is_eof():
            self._left = 0
        elif left > 0 and not is_new:
            self._left = max(-1, left - len(data))
        elif data or is_new:
            self._left = -1
        if is_new:
            if is_idle and left <= 0 and not self._turns.is_calm:
                if len(self._messages) > known + 1:
                    self._left = -1
                elif self._left:
                    self._left = self._meets(data)
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

    # --- before anything is parsed ------------------------------------------------------------

    def _is_done(self, data: bytes) -> bool:
        """Whether nothing is left to do with what has come: it was refused, or belongs to what was.

        Only where the parser holds nothing back and nothing else is under way. All else it gets,
        and the door may refuse it then.
        """
        turns = self._turns
        turns.wake()
        if self._is_wary:
            return self._is_skipped(data)
        load, transport = turns.load, self.transport
        if (
            load.is_free
            or self._messages
            or self.is_taken
            or self._request_in_progress
            or transport is None
            or self._left
            or self.is_last
            or self._close
            or self._upgraded
            or transport.get_write_buffer_size()
        ):
            return False
        self.is_judged = False
        server = cast("Server", self._manager)
        if may_ask_health(data) and asks_health(target_of(data), server.door.names):
            return self._is_told(data, transport, server)
        if not load.is_shedding:
            return False
        left = missing(data)
        if left is None:
            return False
        if turns.admits():
            self.is_judged = True
            return False
        transport.write(self._refusal(data))
        self._next_keepalive_close_time = self._loop.time() + IDLE_SECONDS
        self._skip, self._is_wary = left, left > 0
        return True

    def _is_told(self, data: bytes, transport: asyncio.Transport, server: Server) -> bool:
        """Say at once that the gateway is alive: the door would need some turns for it."""
        plain = data.replace(_CLOSE, b"\r\n", 1)
        if target_of(data) != ALIVE or not data.startswith(b"GET") or missing(plain) != 0:
            return False
        is_last = plain != data
        end = b"\r\nDate: " + rfc822_formatted_time().encode() + (_CLOSES if is_last else BLANK)
        transport.write(server.alive.replace(BLANK, end, 1))
        if is_last:
            self.force_close()
        else:
            self._next_keepalive_close_time = self._loop.time() + IDLE_SECONDS
        return True

    def _refusal(self, data: bytes) -> bytes:
        """What is said to a request that is too much, which is counted."""
        server = cast("Server", self._manager)
        server.door.recorder.counts.shed("load")
        head, body = server.refusals[self._turns.load.retry_after]
        return head if data.startswith(b"HEAD") else head + body

    def _is_skipped(self, data: bytes) -> bool:
        """Leave out the rest of a body; let in what only asks how the gateway is."""
        if not self._skip:
            self._is_wary = False
            self.is_last = True
            transport = self.transport
            server = cast("Server", self._manager)
            if transport is None or asks_health(target_of(data), server.door.names):
                return False
            transport.write(self._refusal(data).replace(BLANK, _CLOSES, 1))
            self.force_close()
            return True
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._is_wary = self._skip > 0
        if skipped < len(data):
            self.data_received(data[skipped:])
        return True

    def _meets(self, data: bytes) -> int:
        """What of a request is still to come that was just parsed, where it is all of `data`."""
        left, (message, _) = missing(data), self._messages[-1]
        if left is None or isinstance(message, _ErrInfo) or message.path != target_of(data):
            return self._left
        return left

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on where reading was paused: else aiohttp parses nothing, with each body it reads."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, nor a part of one."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._head

    @property
    def is_called(self) -> bool:
        """Whether a request is answered just now, or waits for its turn."""
        return self._request_in_progress

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
        network = network_of(request.remote or "")
        log.debug("a request of %s is not valid HTTP: %s", network, _why(exc))
        self.close()  # what comes from now on is thrown away
        refusal, server = _refusal(exc), cast("Server", self._manager)
        server.door.recorder.counts.refused(refusal.code)
        refused = problem(refusal)
        response = _Refused(status=refused.status, body=refused.body, headers=refused.headers)
        response.force_close()
        return response


def _why(error: BaseException | None) -> str:
    """Why a request could not be read, without the piece of it that aiohttp quotes: it may be a
    credential."""
    if not isinstance(error, BadHttpMessage) or isinstance(error, TransferEncodingError):
        return type(error).__name__
    return " ".join(_QUOTED.split(error.message)[0].split()).rstrip(":")


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


class _Request(web.BaseRequest):
    """A request; of a gateway that stops, its answer says that the connection ends."""

    _protocol: _Handler

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays for another request."""
        return not (self._message.should_close or self._protocol.is_last)

    def _finish(self) -> None:
        """From now on it is answered, which the connection knows by itself."""
        self._protocol.is_taken = False
        if self._post is not None:
            super()._finish()


def server_of(door: Door) -> Server:
    """The server before a door."""
    # A caller who leaves stops what is done for him alone; shared fetches go on.
    # Coded bodies are refused, so nothing is decoded, and nothing fails while it is.
    return Server(
        door,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=IDLE_SECONDS,
        max_line_size=MAX_TARGET,
        max_field_size=MAX_FIELD,
        max_headers=MAX_FIELDS,
    )


class Server(web.Server):
    """aiohttp's server, bounded: connections beyond the bound are good for one question of how the
    gateway is."""

    _leaves = False

    def __init__(self, door: Door, **kwargs: Any) -> None:
        """As aiohttp's."""
        super().__init__(door, **kwargs)
        self.door = door
        self.turns = door.turns
        self.turns.began = partial(getattr, self, "requests_count")
        self.refusals = {one: whole(door.refusal(overloaded(one))) for one in RETRY_AFTER}
        self.alive = b"".join(whole(door.alive()))
        self._spare: dict[_Handler, None] = {}
        self._most = descriptors() // 2  # as many for upstreams, files and all else
        door.recorder.counts.gauge("connections", lambda: len(self.connections))

    def leave(self) -> None:
        """From now on each answer is the last one of its connection."""
        self._leaves = True
        for handler in self._handlers():
            handler.is_last = True

    def close_idle(self) -> None:
        """Close the connections on which nothing is under way."""
        for handler in self._handlers():
            if handler.is_idle:
                handler.force_close()

    def cut(self) -> int:
        """Cut all connections; gives on how many a request was being answered."""
        handlers = self._handlers()
        called = sum(handler.is_called for handler in handlers)
        for handler in handlers:
            if handler.transport is not None:
                handler.transport.abort()
        return called

    def _handlers(self) -> list[_Handler]:
        return [one for one in self.connections if isinstance(one, _Handler)]

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        cast("_Handler", protocol).is_taken = True
        return _Request(message, payload, protocol, writer, task, self._loop)

    def __call__(self) -> RequestHandler:
        """Make the handler of a new connection."""
        handler = _Handler(self, loop=self._loop, **self._kwargs)
        handler._turns = self.turns  # noqa: SLF001 - ours
        return handler

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection."""
        super().connection_made(handler, transport)
        if not isinstance(handler, _Handler):
            return
        if self._leaves:
            handler.is_last = True
        if len(self._connections) > min(MAX_CALLERS, self._most):
            handler._is_wary = True  # noqa: SLF001 - ours
            self._spare[handler] = None
            if len(self._spare) > SPARE:
                oldest = next(iter(self._spare))
                del self._spare[oldest]
                if oldest.transport is not None:
                    oldest.transport.abort()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """A connection is gone."""
        super().connection_lost(handler, exc)
        if self._spare and isinstance(handler, _Handler):
            self._spare.pop(handler, None)
