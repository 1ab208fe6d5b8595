"""An upstream that keeps every byte it is sent, and says what a case wants it to say."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import NamedTuple


class Received(NamedTuple):
    """A request as it stood on the wire: header lines in their order, nothing folded together."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of all lines of one header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def parts(self) -> list[tuple[str, str | None, bytes]]:
        """Name, file name and data of each part of a multipart body, as `email` reads it."""
        head = f"Content-Type: {self.values('content-type')[0]}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body)
        assert message.is_multipart()
        assert not message.defects
        found = []
        for part in message.get_payload():
            assert not part.defects
            data = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            found.append((str(name), part.get_filename(), data))
        return found


class Reply(NamedTuple):
    """What the upstream says. `@N@` is the number of the request, `@URL@` and `@CANARY@` are
    where the upstream and the canary are, `@ECHO@` is all that was received, as JSON."""

    body: str | bytes = '{"n": @N@}'
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    after: bytes = b""  # bytes behind the reply, which nobody asked for
    closes: bool = False  # hangs up instead


Script = Callable[[Received, int], Reply]


@dataclass
class Recorder:
    """A server on a free port; `async with Recorder() as recorder`."""

    script: Script = lambda _received, _number: Reply()
    words: dict[str, str] = field(default_factory=dict)  # placeholders of replies
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def netloc(self) -> str:
        """What Host says."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.netloc}"

    async def __aenter__(self) -> Recorder:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def take(self) -> list[Received]:
        """What was received since the last time."""
        taken, self.received = self.received, []
        return taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while True:
                received = await self._read(reader)
                self.received.append(received)
                reply = self.script(received, len(self.received))
                if reply.closes:
                    break
                writer.write(self._written(reply, received))
                await writer.drain()
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
        first, *lines = head[:-4].split("\r\n")
        method, _, rest = first.partition(" ")
        target, _, version = rest.rpartition(" ")
        assert version == "HTTP/1.1", first
        headers = tuple((k, v.strip(" \t")) for k, _, v in (one.partition(":") for one in lines))
        received = Received(method, target, headers, b"")
        assert not received.values("transfer-encoding"), "the gateway knows every length"
        length = sum(map(int, received.values("content-length")))
        return received._replace(body=await reader.readexactly(length))

    def _written(self, reply: Reply, received: Received) -> bytes:
        def filled(text: str) -> str:
            for word, meaning in {**self.words, "@N@": str(len(self.received))}.items():
                text = text.replace(word, meaning)
            return text

        body = reply.body
        if isinstance(body, str):
            if "@ECHO@" in body:
                said = {"target": received.target, "headers": [list(h) for h in received.headers]}
                body = body.replace("@ECHO@", json.dumps(said))
            body = filled(body).encode("utf-8", "surrogateescape")
        lines = [f"HTTP/1.1 {reply.status} Said"]
        lines += [f"{name}: {filled(value)}" for name, value in reply.headers]
        if reply.status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")
        return head + (body if received.method != "HEAD" else b"") + reply.after
