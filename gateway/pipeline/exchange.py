"""One request and its reply, over the connections that aiohttp keeps.

aiohttp's pool, TLS, names, parser and writer do the work; its session does not stand between.
Of what a session adds (redirects, cookies, repeats, proxies, tracing, a copy of the headers,
the parsing of every URL) nothing is wanted here, and it costs a fifth of a proxied call. So
nothing is kept of one call for the next, and nothing is sent twice but a read, once, that met a
kept connection as its upstream closed it.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Callable

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage, StreamWriter
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.errors import ReplyTooLarge
from gateway.pipeline.coding import too_large
from gateway.pipeline.lenient import leniently
from gateway.values import Headers

# Of a status line and of one header; servers commonly send 8 KiB at most.
MAX_LINE = 16 * 1024
MAX_FIELDS = 128  # aiohttp's own; Apache takes 100 of a request
_MAX_DIGITS = 19  # a length of more is beyond every bound, and may be beyond what `int` reads
_MAX_INTERIM = 32  # before the final reply; Go's client takes five
_READS = ("GET", "HEAD")
# With what a call is cancelled while it has no connection: nothing of it was sent.
UNSENT = "unsent"


class Rest:
    """A reply's body that has not all come yet. Read it to its end, or close it.

    The connection belongs to it: at the end it is given back, otherwise it is closed.
    """

    def __init__(
        self,
        connection: Connection,
        protocol: ResponseHandler,
        message: RawResponseMessage,
        payload: StreamReader,
        sent: bytes | None,
        first: bytes,
        limit: int,
    ) -> None:
        self.first = first  # what has come; `read` gives it once more
        self._connection: Connection | None = connection
        self._protocol, self._message, self._payload = protocol, message, payload
        self._sent, self._limit, self._size = sent, limit, 0

    async def read(self, seconds: float | None = None) -> bytes:
        """The next piece, waited for as long as is said; nothing at the end.

        Raises:
            ReplyTooLarge, TimeoutError: a bound is reached.
            aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError: it was cut off.
        """
        if self._connection is None:
            return b""
        try:
            if self.first:
                piece, self.first = self.first, b""
            else:
                async with asyncio.timeout(seconds):
                    piece = await self._payload.readany()
            self._size += len(piece)
            if self._size > self._limit:
                raise too_large(self._limit)
            if not piece:
                _refuse_torn(self._message, self._protocol)
                _end(self._connection, self._protocol, self._message, self._sent)
                self._connection = None
        except BaseException:
            self.close()
            raise
        return piece

    @property
    def size(self) -> int:
        """Bytes that were read."""
        return self._size

    async def whole(self) -> bytes:
        """All of it. Raises: as `read`."""
        pieces = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Nobody wants the rest."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


Interim = Callable[[int, Headers], None]
Received = tuple[int, CIMultiDictProxy[str], bytes | Rest]


def host_of(base: str) -> str:
    """What Host says for a base URL (RFC 9110 section 7.2)."""
    return URL(base).host_port_subcomponent or ""


class _Destination(aiohttp.ClientRequest):
    """Where connections go to, in the form in which aiohttp's pool takes it."""

    def __init__(self, base: str, client: aiohttp.ClientSession) -> None:
        # Plans are made in threads, too, which have no loop that it could look for.
        super().__init__("GET", URL(base), session=client, loop=client._loop)  # noqa: SLF001
        self._key = super().connection_key

    @property
    def connection_key(self) -> ConnectionKey:
        """What connections are pooled by; aiohttp makes it anew each time."""
        return self._key


class Exchange:
    """Sends requests to one origin, that of `base`, over the connections of `client`.

    `verbatim`: nothing is sent twice, the bodies of redirects are read, too, and what comes behind
    a reply is left away. `connect` bounds the making of a connection in seconds, `read` every
    silence while a reply is waited for; a call as a whole is bounded by its caller.
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        base: str,
        *,
        verbatim: bool = False,
        connect: float | None = None,
        read: float | None = None,
    ) -> None:
        self._verbatim = verbatim
        # aiohttp would round what is longer than 5 seconds up to whole ones.
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect, ceil_threshold=math.inf)
        # None is what a connection has before its first request, so it is 0.0 for none.
        self._silence = read or 0.0
        assert client.connector is not None  # noqa: S101 - it has one until it is closed
        self._connector = client.connector
        self._to = _Destination(base, client)

    async def __call__(
        self,
        method: str,
        target: str,
        headers: CIMultiDict[str],
        body: bytes | None,
        limit: int,
        hold: int = 0,
        interim: Interim | None = None,
    ) -> Received:
        """Send a request and read the reply.

        Args:
            method: In capitals.
            target: Path and query as they go on the wire.
            headers: Host among them; those that frame the body are added here.
            body: None for none.
            limit: Bytes that the reply's body may have, coded as it comes.
            hold: Bytes of a body of success that are waited for; 0 for the whole.
            interim: Is told of interim replies that say something, as they come.

        Returns:
            Status, headers and body, or its `Rest` where there is more than `hold`. The body of a
            redirect is not read.

        Raises:
            ReplyTooLarge: the body is larger than `limit`.
            aiohttp.ConnectionTimeoutError: no connection was made in time; nothing was sent.
            aiohttp.SocketTimeoutError: the upstream fell silent.
            aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError: what went wrong.
            asyncio.CancelledError: with `UNSENT` where there was no connection yet.
        """
        if body is not None:
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        elif method not in ("GET", "HEAD", "OPTIONS"):
            headers[hdrs.CONTENT_LENGTH] = "0"  # RFC 9110 section 8.6
        connection, protocol, was_kept = await self._connected(new=False)
        try:
            try:
                message, payload = await self._ask(protocol, method, target, headers, body)
            except aiohttp.SocketTimeoutError:
                raise
            except (aiohttp.ClientConnectionError, OSError):
                # The close of an idle connection crosses the request. RFC 9112 section 9.3.1 lets
                # only what is safe to repeat be sent again, once.
                is_safe = was_kept and body is None and method in _READS
                if not is_safe or self._verbatim:
                    raise
                connection.close()
                connection, protocol, _ = await self._connected(new=True)
                message, payload = await self._ask(protocol, method, target, headers, body)
            count = 0
            while 100 <= message.code < 200 and message.code != 101:  # RFC 9110 section 15.2
                count += 1
                if count > _MAX_INTERIM:
                    raise HttpProcessingError(message="interim replies without end")
                if interim is not None and message.code != 100:
                    interim(message.code, tuple(message.headers.items()))
                protocol.start_timeout()  # which ended with that reply
                message, payload = await protocol.read()
            status, received, is_whole = message.code, b"", True
            is_redirect = 300 <= status < 400 and (status == 304 or not self._verbatim)
            if status >= 200 and not is_redirect and method != "HEAD" and status != 204:
                if payload.is_eof():  # a small one comes with its head
                    received = payload.read_nowait()
                    if len(received) > limit:
                        raise too_large(limit)
                else:
                    enough = min(hold, limit) if hold and status < 300 else limit
                    received = await _read(payload, limit, enough, message.headers)
                    is_whole = len(received) <= enough
                if is_whole:
                    _refuse_torn(message, protocol)
            if is_whole:
                _end(connection, protocol, message, body)
        except BaseException:
            connection.close()
            raise
        if is_whole:
            return status, message.headers, received
        rest = Rest(connection, protocol, message, payload, body, received, limit)
        return status, message.headers, rest

    async def _ask(
        self,
        protocol: ResponseHandler,
        method: str,
        target: str,
        headers: CIMultiDict[str],
        body: bytes | None,
    ) -> tuple[RawResponseMessage, StreamReader]:
        """Write a request and read the head of the first reply."""
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._silence,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_FIELDS,
        )
        if self._verbatim and method != "HEAD":
            leniently(protocol)
        writer = StreamWriter(protocol, asyncio.get_running_loop())
        await writer.write_headers(f"{method} {target} HTTP/1.1", headers)
        if body:
            # Without waiting until it has left: a reply may come before.
            await writer.write(body, drain=False)
        else:
            writer.set_eof()
        if self._silence:
            protocol.start_timeout()
        return await protocol.read()

    async def _connected(self, *, new: bool) -> tuple[Connection, ResponseHandler, bool]:
        """A connection on which nothing has come yet, and whether it was kept; else it is new.

        aiohttp gives kept ones out unseen. One that the upstream closed would lose the request;
        on one where it said more than it was asked, the rest would be the reply to the next
        request, which may be another caller's.
        """
        while True:
            try:
                connection = await self._connector.connect(self._to, [], self._timeout)
            except TimeoutError:
                raise aiohttp.ConnectionTimeoutError from None
            except asyncio.CancelledError as error:
                error.args = (UNSENT,)
                raise
            except UnicodeError:  # resolvers take no name with an empty or overlong part
                key = self._to.connection_key
                raise aiohttp.ClientConnectorDNSError(key, OSError("no host's name")) from None
            protocol = connection.protocol
            if protocol is not None:
                # What the client itself has used still has a parser.
                was_kept = protocol.read_timeout is not None or protocol._parser is not None  # noqa: SLF001
                is_usable = not protocol.should_close
                if is_usable and (not was_kept or (not new and _is_quiet(protocol))):
                    return connection, protocol, was_kept
            connection.close()
            if protocol is None or not was_kept:
                raise aiohttp.ClientConnectionError("the upstream speaks before it is asked")


def _is_quiet(protocol: ResponseHandler) -> bool:
    """Whether nothing waits to be read, no end either: while a loop is busy it has not seen all
    that has come."""
    transport = protocol.transport
    if transport is None:
        return False
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return not poll.poll(0)


def _end(
    connection: Connection,
    protocol: ResponseHandler,
    message: RawResponseMessage,
    body: bytes | None,
) -> None:
    """Give a connection back after a reply, or close it where that was not its end."""
    if _more_may_come(message, protocol, body):
        protocol.force_close()
    connection.release()  # closes it where the reply was not read to its end


def _refuse_torn(message: RawResponseMessage, protocol: ResponseHandler) -> None:
    """Refuse a reply that lasts until its connection ends and was cut off by a reset, not ended."""
    if (
        message.should_close
        and not message.chunked
        and hdrs.CONTENT_LENGTH not in message.headers
        and isinstance(protocol.exception(), OSError)
    ):
        raise aiohttp.ClientPayloadError("reset before the end")


def _more_may_come(
    message: RawResponseMessage, protocol: ResponseHandler, body: bytes | None
) -> bool:
    """Whether a connection cannot be kept, though its reply was read to the end.

    From here on nothing is expected: what comes is held, unread and bounded, until the connection
    is looked at for the next request (`should_close`).
    """
    parser, protocol._parser = protocol._parser, None  # noqa: SLF001
    if parser is None or message.code < 200 or getattr(parser, "has_more", False):
        return True
    try:
        if parser.feed_eof() is not None:  # it holds the beginning of one more reply
            return True
    except Exception:  # noqa: BLE001 - whatever it says, it was not at an end
        return True
    if message.code == 204 and (
        message.chunked or message.headers.get(hdrs.CONTENT_LENGTH, "0") != "0"
    ):
        return True  # RFC 9110 section 8.6: neither may be, so a body may follow
    transport = protocol.transport
    # The rest of a body that has not left would be read as the next request.
    return bool(body and transport and transport.get_write_buffer_size())


async def _read(
    payload: StreamReader, limit: int, enough: int, headers: CIMultiDictProxy[str]
) -> bytes:
    """A body to its end, or until there is more than enough of it."""
    length = headers.get(hdrs.CONTENT_LENGTH)
    if length is not None and (len(length) > _MAX_DIGITS or int(length) > limit):
        raise too_large(limit)
    chunks, size = [], 0
    while size <= enough and (chunk := await payload.readany()):
        size += len(chunk)
        chunks.append(chunk)
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


def headers_too_large() -> ReplyTooLarge:
    """The refusal of a reply whose headers are beyond their bounds."""
    return ReplyTooLarge(
        f"The upstream's reply has more than {MAX_FIELDS} headers, or one of more than "
        f"{MAX_LINE:,} bytes. This is for the operator to mend: no call can change it."
    )
