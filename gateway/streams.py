"""An answer that takes long, on a connection that says meanwhile that somebody is there.

What is fast is one JSON body. After some seconds of silence the answer becomes a stream of events
(WHATWG HTML, "Server-sent events"): a comment now and then, and the message as its one event, so
that no proxy on the way takes the connection for dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any, Generic, TypeVar

from aiohttp import web

from gateway.response import MAX_SECONDS, SERVER, reset

log = logging.getLogger("gateway")

# The reference SDK waits as long; nginx and most load balancers give up after 60.
QUIET_SECONDS = 15.0
# For each piece that is written, the last as well: who does not read holds its memory.
WRITE_SECONDS = MAX_SECONDS
EVENTS = "text/event-stream"
_COMMENT = b": still at it\n\n"

Made = TypeVar("Made")


class Patience(Generic[Made]):
    """Awaits what is made for one request, and keeps its connection alive where that is long."""

    def __init__(
        self,
        request: web.BaseRequest,
        dress: Callable[[web.StreamResponse], None],
    ) -> None:
        """`dress` adds the headers that every response has."""
        self._request = request
        self._dress = dress
        self._quiet = QUIET_SECONDS
        self._over: asyncio.Event | None = None
        self._keeping: asyncio.Task[web.StreamResponse] | None = None

    @coroutine
    def wait(self, making: Coroutine[Any, Any, Made], step: Any) -> Generator[Any, Any, Made]:
        """What `making` gives, or raises; `stream` then says whether events have begun.

        It has begun, and waits for `step`, and is driven on as `await` does: what is answered from
        memory waits for nothing, and is spared a timer.
        """
        timer = asyncio.get_running_loop().call_later(self._quiet, self._begin)
        try:
            while True:
                try:
                    came = yield step
                except BaseException as error:  # noqa: BLE001 - for whoever is awaited
                    step = making.throw(error)
                else:
                    step = making.send(came)
        except StopIteration as done:
            made: Made = done.value
            return made
        except asyncio.CancelledError:
            if self._keeping is not None:
                self._keeping.cancel()
            raise
        finally:
            timer.cancel()
            if self._over is not None:
                self._over.set()

    async def stream(self) -> web.StreamResponse | None:
        """The stream that has begun, to be ended with `say`; None where nothing was written."""
        return None if self._keeping is None else await self._keeping

    async def say(self, response: web.StreamResponse, message: bytes) -> web.StreamResponse:
        """Write a JSON message and end the stream."""
        event = b"event: message\ndata: " + one_line(message) + b"\n\n"
        await self._in_time(response.write(event))
        await self._in_time(response.write_eof())
        return response

    def _begin(self) -> None:
        self._over = asyncio.Event()
        self._keeping = asyncio.get_running_loop().create_task(self._keep(self._over))
        # Who has left is not waited for, nor what came of writing to him.
        self._keeping.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _keep(self, over: asyncio.Event) -> web.StreamResponse:
        headers = {"Content-Type": EVENTS, "Cache-Control": "no-store", "Server": SERVER}
        headers["X-Accel-Buffering"] = "no"  # nginx would hold the events back
        response = web.StreamResponse(headers=headers)
        self._dress(response)
        await self._in_time(response.prepare(self._request))
        while not over.is_set():
            await self._in_time(response.write(_COMMENT))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._quiet):
                    await over.wait()
        return response

    async def _in_time(self, writing: Awaitable[object]) -> None:
        """Write for a caller who reads; who does not is cut off. Raises: ConnectionError."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await writing
        except TimeoutError:
            log.info("a stream was cut off: not read in %g seconds", WRITE_SECONDS)
            raise reset(self._request) from None


def one_line(message: bytes) -> bytes:
    """A JSON text without line breaks, which stand between its tokens only."""
    return message.replace(b"\r", b" ").replace(b"\n", b" ")
