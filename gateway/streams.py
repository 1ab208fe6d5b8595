"""An answer that takes long, on a connection that says meanwhile that somebody is there.

What is fast is one JSON body. After some seconds of silence the answer becomes a stream of events
(WHATWG HTML, "Server-sent events"): a comment now and then, and the message as its one event, so
that no proxy on the way takes the connection for dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any, Generic, TypeVar

from aiohttp import web

from gateway.response import SERVER

# The reference SDK waits as long; nginx and most load balancers give up after 60.
QUIET_SECONDS = 15.0
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
    def wait(self, making: Coroutine[Any, Any, Made]) -> Generator[Any, Any, Made]:
        """What `making` gives, or raises; `stream` then says whether events have begun.

        It is driven as `await` does, with a timer where it does not end at once: what is answered
        from memory needs none, and one costs a twentieth of that.
        """
        timer: asyncio.TimerHandle | None = None
        try:
            step = making.send(None)
            timer = asyncio.get_running_loop().call_later(self._quiet, self._begin)
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
            if timer is not None:
                timer.cancel()
            if self._over is not None:
                self._over.set()

    async def stream(self) -> web.StreamResponse | None:
        """The stream that has begun, to be ended with `say`; None where nothing was written."""
        return None if self._keeping is None else await self._keeping

    def _begin(self) -> None:
        self._over = asyncio.Event()
        self._keeping = asyncio.get_running_loop().create_task(self._keep(self._over))

    async def _keep(self, over: asyncio.Event) -> web.StreamResponse:
        headers = {"Content-Type": EVENTS, "Cache-Control": "no-store", "Server": SERVER}
        headers["X-Accel-Buffering"] = "no"  # nginx would hold the events back
        response = web.StreamResponse(headers=headers)
        self._dress(response)
        await response.prepare(self._request)
        while not over.is_set():
            await response.write(_COMMENT)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._quiet):
                    await over.wait()
        return response


def one_line(message: bytes) -> bytes:
    """A JSON text without line breaks, which stand between its tokens only."""
    return message.replace(b"\r", b" ").replace(b"\n", b" ")


async def say(response: web.StreamResponse, message: bytes) -> web.StreamResponse:
    """Write a JSON message and end the stream."""
    await response.write(b"event: message\ndata: " + one_line(message) + b"\n\n")
    await response.write_eof()
    return response
