"""One request and its reply, over the connections that aiohttp keeps.

aiohttp's pool, TLS, names, parser and writer do the work; its session does not stand between.
Of what a session adds (redirects, cookies, repeats, proxies, tracing, a copy of the headers,
the parsing of every URL) nothing is wanted here, and it costs a fifth of a proxied call. So
nothing can be sent twice, and nothing is kept of one call for the next.
"""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.errors import ReplyTooLarge

# Of a status line and of one header; servers commonly send 8 KiB at most.
MAX_LINE = 16 * 1024
_TRIES = 8  # connections that are looked at for one request
# The time of a call is bounded as a whole, by its caller.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)

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
        connection, protocol = await self._connected()
        try:
            protocol.set_response_params(
                skip_payload=method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
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
            message, payload = await protocol.read()
            while message.code < 200 and message.code != 101:  # interim (RFC 9110 section 15.2)
                message, payload = await protocol.read()
            status, received = message.code, b""
            if status >= 200 and not 300 <= status < 400 and method != "HEAD" and status != 204:
                received = await _read(payload, limit, message.headers)
            if body and writer.transport and writer.transport.get_write_buffer_size():
                protocol.force_close()  # the rest of the body would be read as the next request
        except BaseException:
            connection.close()
            raise
        connection.release()  # closes it where the reply was not read to its end
        return status, message.headers, received

    async def _connected(self) -> tuple[Connection, ResponseHandler]:
        """A connection on which nothing has come yet.

        aiohttp gives kept ones out unseen. On one where an upstream said more than it was asked,
        the rest would be the reply to the next request, which may be another caller's.
        """
        for _ in range(_TRIES):
            connection = await self._connector.connect(self._to, [], _NO_TIMEOUT)
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection, protocol
            connection.close()
        raise aiohttp.ClientConnectionError("the upstream speaks before it is asked")


async def _read(payload: StreamReader, limit: int, headers: CIMultiDictProxy[str]) -> bytes:
    length = headers.get(hdrs.CONTENT_LENGTH)
    if length is not None and int(length) > limit:
        raise too_large(limit)
    received = await payload.readany()
    if payload.at_eof() and len(received) <= limit:  # small ones come with the head
        return received
    chunks, size = [received], len(received)
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
