"""One request and its reply, over the connections that aiohttp keeps.

aiohttp's pool, TLS, names, parser and writer do the work; its session does not stand between.
Of what a session adds (redirects, cookies, repeats, proxies, tracing, a copy of the headers,
the parsing of every URL) nothing is wanted here, and it costs a fifth of a proxied call. So
nothing is kept of one call for the next, and nothing is sent twice but a read, once, that met a
kept connection as its upstream closed it.
"""

from __future__ import annotations

import asyncio
import select

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

# Of a status line and of one header; servers commonly send 8 KiB at most.
MAX_LINE = 16 * 1024
_MAX_DIGITS = 19  # a length of more is beyond every bound, and may be beyond what `int` reads
_MAX_INTERIM = 32  # before the final reply; Go's client takes five
_READS = ("GET", "HEAD")
# The time of a call is bounded as a whole, by its caller.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)
_KEPT = 0.0  # no timeout either; what a connection has after its first request, None before

Received = tuple[int, CIMultiDictProxy[str], bytes]


def host_of(base: str) -> str:
    """What Host says for a base URL (RFC 9110 section 7.2)."""
    return URL(base).host_port_subcomponent or ""


class _Destination(aiohttp.ClientRequest):
    """Where connections go to, in the form in which aiohttp's pool takes it."""

    def __init__(self, base: str, client: aiohttp.ClientSession) -> None:
        super().__init__("GET", URL(base), session=client)
        self._key = super().connection_key

    @property
    def connection_key(self) -> ConnectionKey:
        """What connections are pooled by; aiohttp makes it anew each time."""
        return self._key


class Exchange:
    """Sends requests to one origin, that of `base`, over the connections of `client`."""

    def __init__(self, client: aiohttp.ClientSession, base: str) -> None:
        assert client.connector is not None  # noqa: S101 - it has one until it is closed
        self._connector = client.connector
        self._to = _Destination(base, client)

    async def __call__(
        self, method: str, target: str, headers: CIMultiDict[str], body: bytes | None, limit: int
    ) -> Received:
        """Send a request and read the whole reply.

        Args:
            method: In capitals.
            target: Path and query as they go on the wire.
            headers: Host among them; those that frame the body are added here.
            body: None for none.
            limit: Bytes that the reply's body may have, coded as it comes.

        Returns:
            Status, headers and body. The body of a redirect is not read.

        Raises:
            ReplyTooLarge: the body is larger than `limit`.
            aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError: what went wrong.
        """
        if body is not None:
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        elif method not in ("GET", "HEAD", "OPTIONS"):
            headers[hdrs.CONTENT_LENGTH] = "0"  # RFC 9110 section 8.6
        connection, protocol, was_kept = await self._connected(new=False)
        try:
            try:
                message, payload = await _ask(protocol, method, target, headers, body)
            except (aiohttp.ClientConnectionError, OSError):
                # The close of an idle connection crosses the request. RFC 9112 section 9.3.1 lets
                # only what is safe to repeat be sent again, once.
                if not was_kept or body is not None or method not in _READS:
                    raise
                connection.close()
                connection, protocol, _ = await self._connected(new=True)
                message, payload = await _ask(protocol, method, target, headers, body)
            interim = 0
            while 100 <= message.code < 200 and message.code != 101:  # RFC 9110 section 15.2
                interim += 1
                if interim > _MAX_INTERIM:
                    raise HttpProcessingError(message="interim replies without end")
                message, payload = await protocol.read()
            status, received = message.code, b""
            if status >= 200 and not 300 <= status < 400 and method != "HEAD" and status != 204:
                if payload.is_eof():  # a small one comes with its head
                    received = payload.read_nowait()
                    if len(received) > limit:
                        raise too_large(limit)
                else:
                    received = await _read(payload, limit, message.headers)
                if message.should_close and _is_torn(message, protocol):
                    raise aiohttp.ClientPayloadError("reset before the end")
            if _more_may_come(message, protocol, body):
                protocol.force_close()
        except BaseException:
            connection.close()
            raise
        connection.release()  # closes it where the reply was not read to its end
        return status, message.headers, received

    async def _connected(self, *, new: bool) -> tuple[Connection, ResponseHandler, bool]:
        """A connection on which nothing has come yet, and whether it was kept; else it is new.

        aiohttp gives kept ones out unseen. One that the upstream closed would lose the request;
        on one where it said more than it was asked, the rest would be the reply to the next
        request, which may be another caller's.
        """
        while True:
            try:
                connection = await self._connector.connect(self._to, [], _NO_TIMEOUT)
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


async def _ask(
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
        read_timeout=_KEPT,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
    )
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    await writer.write_headers(f"{method} {target} HTTP/1.1", headers)
    if body:
        # Without waiting until it has left: a reply may come before.
        await writer.write(body, drain=False)
    else:
        writer.set_eof()
    return await protocol.read()


def _is_quiet(protocol: ResponseHandler) -> bool:
    """Whether nothing waits to be read, no end either: while a loop is busy it has not seen all
    that has come."""
    transport = protocol.transport
    if transport is None:
        return False
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return not poll.poll(0)


def _is_torn(message: RawResponseMessage, protocol: ResponseHandler) -> bool:
    """Whether a reply that lasts until its connection ends was cut off by a reset, not ended."""
    return (
        not message.chunked
        and hdrs.CONTENT_LENGTH not in message.headers
        and isinstance(protocol.exception(), OSError)
    )


def _more_may_come(
    message: RawResponseMessage, protocol: ResponseHandler, body: bytes | None
) -> bool:
    """Whether a connection cannot be kept, though its reply was read to the end.

    From here on nothing is expected: what comes is held, unread and bounded, until the connection
    is looked at for the next request (`should_close`).
    """
    parser, protocol._parser = protocol._parser, None  # noqa: SLF001
    if parser is None or message.code < 200:
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


async def _read(payload: StreamReader, limit: int, headers: CIMultiDictProxy[str]) -> bytes:
    length = headers.get(hdrs.CONTENT_LENGTH)
    if length is not None and (len(length) > _MAX_DIGITS or int(length) > limit):
        raise too_large(limit)
    chunks, size = [], 0
    while size <= limit and (chunk := await payload.readany()):
        size += len(chunk)
        chunks.append(chunk)
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


def too_large(limit: int) -> ReplyTooLarge:
    """The refusal of a reply beyond its bound."""
    return ReplyTooLarge(
        f"The upstream's reply is larger than {limit:,} bytes. Ask for less: a narrower query, "
        "a smaller page."
    )
