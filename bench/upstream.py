"""The upstream behind the proxies: answers every GET with the fixed body of its path, and counts.

It speaks just enough HTTP/1.1 on a raw asyncio protocol, some ten times cheaper than a server
of a library, so that it is never what limits a rival. `GET /count` says how many calls it
got, which shows whether a call was really carried to the upstream.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from bench.payload import BODIES, BODY

END = b"\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


def _answer(body: bytes) -> bytes:
    return HEAD % (len(body), body)


ANSWER = _answer(BODY)
ANSWERS = {b"GET " + path.encode(): _answer(body) for path, body in BODIES.items()}


class Upstream(asyncio.Protocol):
    """One connection."""

    calls = 0  # of all connections

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        while (end := data.find(END)) >= 0:
            if data.startswith(b"GET /count "):
                text = b"%d" % Upstream.calls
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text)
                self._transport.write(head + text)
            else:
                Upstream.calls += 1
                # Up to the query, which every target here has.
                self._transport.write(ANSWERS.get(data[: data.find(b"?")], ANSWER))
            data = data[end + len(END) :]
        self._received = data


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
