"""The way to a Redis: asking in time, and doing without it until it is back.

Calls never fail because of a store, and wait for it a moment only. When it is gone, or slow several
times in a row, it is not asked any more, but tried by one task until it answers again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis import exceptions as wrong
from redis.asyncio.connection import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

log = logging.getLogger("gateway")

TIMEOUT: Final = 0.05  # for one answer
CONNECTING: Final = 1.0  # for all that has to be said before a store is used
PAUSE: Final = 1.0  # between two tries
SLOW_IN_A_ROW: Final = 3
CONNECTIONS: Final = 32


class Rubbish(Exception):
    """An answer that no store gives."""


class Other(wrong.ConnectionError):
    """Another server answers than the one that was asked before."""


class Script:
    """A script that the server runs, and the digest it is called by once the server knows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# Agrees on what there is to agree on with this run of the server, before it is used.
Begin = Callable[[bytes], Awaitable[None]]


class Link:
    """Connections to one server. `is_used` tells whether it is asked at the moment."""

    def __init__(self, url: str, begin: Begin, *, timeout: float, pause: float) -> None:
        """Raises: ValueError, where `url` is none of a Redis."""
        self._begin, self._timeout, self._pause = begin, timeout, pause
        self._pool = ConnectionPool.from_url(
            url,
            max_connections=2 * CONNECTIONS + 1,  # to ask, to forget, and one to try with
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # all is timed here
            socket_connect_timeout=None,
            driver_info=None,
            redis_connect_func=self._connected,
        )
        settings = self._pool.connection_kwargs
        host = settings.get("path") or f"{settings.get('host')}:{settings.get('port', 6379)}"
        self._where = f"{host}/{settings.get('db', 0)}"
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._server = b""  # which run of it; "" where that is not known
        self._why = "not connected yet"
        self._refuses = ""  # why it takes nothing new
        self._slow = 0
        self._trying: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._closed = False

    @property
    def is_used(self) -> bool:
        """Whether it is asked at the moment."""
        return not self._why

    def status(self) -> str:
        """Why it is not used, or takes nothing new; "" where it does."""
        return self._why or self._refuses

    async def ask(
        self, ask: Callable[[], Awaitable[Any]], otherwise: Any, *, writes: bool = False
    ) -> Any:
        """The store's answer, else `otherwise`. Who has to wait for his turn too long goes without:
        that says nothing of the store."""
        if self._why:
            return otherwise
        try:
            async with _within(CONNECTING):
                await self._slots.acquire()
        except TimeoutError:
            return otherwise
        try:
            if not self.is_used:  # meanwhile
                return otherwise
            got = await ask()
        except wrong.ResponseError as error:
            if not (writes and _is_full(error)):
                self.leave(error)
            elif not self._refuses:
                self._refuses = _reason(error, self._timeout)
                log.warning("store %s takes nothing new: %s", self._where, self._refuses)
            return otherwise
        except Exception as error:  # noqa: BLE001 - calls go on, whatever a store does
            self._slow += 1
            if not isinstance(error, TimeoutError) or self._slow >= SLOW_IN_A_ROW:
                self.leave(error)
            return otherwise
        finally:
            self._slots.release()
        self._slow = 0
        if writes and got in (1, b"OK") and self._refuses:
            self._refuses = ""
            log.info("store %s takes new things again", self._where)
        return got

    async def run(self, script: Script, keys: Sequence[bytes], *said: bytes | int) -> Any:
        """A script's answer; the server learns it where it does not know it. Raises: as `say`."""
        try:
            return await self.say("EVALSHA", script.digest, len(keys), *keys, *said)
        except wrong.NoScriptError:
            return await self.say("EVAL", script.text, len(keys), *keys, *said)

    async def say(self, *command: str | bytes | int) -> Any:
        """One command and its answer.

        Raises:
            TimeoutError: it does not answer in time.
            RedisError: it refuses, or cannot be reached.
        """
        async with _within(4 * self._timeout):  # a connection takes some answers, if there is none
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            async with _within(self._timeout):
                await connection.send_command(*command)
                return await connection.read_response()
        finally:  # where the answer was not read, it is closed already
            await self._pool.release(connection)

    def leave(self, error: Exception) -> None:
        """Do without the store until it answers again."""
        if self.is_used and not self._closed:
            self._why = _reason(error, self._timeout)
            log.warning("store %s is not used: %s; calls go on without it", self._where, self._why)
            self._try_again(aloud=True)

    def again(self) -> None:
        """Find out what is true now; nothing is wrong with the store."""
        if self.is_used and not self._closed:
            self._why = "it was emptied"
            self._try_again(aloud=False)

    def _try_again(self, *, aloud: bool) -> None:
        self._trying = asyncio.get_running_loop().create_task(self._try(aloud=aloud))

    async def _try(self, *, aloud: bool) -> None:
        """Try until it answers, then use it: in time, or it is not back yet."""
        while True:
            try:
                async with asyncio.timeout(max(CONNECTING, 8 * self._timeout)):
                    await self._pool.disconnect(inuse_connections=False)
                    await self._begun()
            except Exception as error:  # noqa: BLE001 - as above
                self._why = _reason(error, self._timeout)
                if not aloud:
                    aloud = True
                    log.warning(
                        "store %s is not used: %s; calls go on without it", self._where, self._why
                    )
                self._tried.set()
                await asyncio.sleep(self._pause)
                continue
            self._why, self._slow = "", 0
            self._tried.set()
            if aloud:
                log.info("store %s is used again", self._where)
            return

    async def _begun(self) -> None:
        self._server = b""
        run = run_of(await self._information())
        self._server = run
        await self._begin(run)  # nothing waits between its end and the use of the store

    async def _information(self) -> Any:
        try:
            return await self.say("INFO", "server")
        except wrong.NoPermissionError:
            return None  # then another run cannot be told from this one

    async def _connected(self, connection: Connection) -> None:
        """Each new connection may lead to another server, or to another run of the same."""
        await connection.on_connect()
        if self._server:
            await connection.send_command("INFO", "server")
            if run_of(await connection.read_response()) != self._server:
                raise Other

    async def open(self) -> None:
        """Connect: now, or later without anybody waiting for it."""
        self._try_again(aloud=False)
        await self._tried.wait()

    async def close(self) -> None:
        """End all connections."""
        self._closed, self._why = True, "closed"
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)
        await self._pool.disconnect()


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError after this time; but what has arrived by then is read first.

    A loop that had much else to do comes to both at once, and then it is not the store that was
    slow.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        # Whoever is woken by what has arrived stands in line by now: before what this puts there.
        timer = loop.call_later(seconds, lambda: limit.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()


def run_of(information: Any) -> bytes:
    """Which run of the server this is: `run_id` of INFO."""
    lines = information.split(b"\r\n") if isinstance(information, bytes) else ()
    return next((one[7:] for one in lines if one.startswith(b"run_id:")), b"")


def _is_full(error: wrong.ResponseError) -> bool:
    """Whether it still can be read: it is full, a replica, or cannot write its disk."""
    return _code(error) in _FULL


def _code(error: wrong.ResponseError) -> str:
    """Which of the server's own codes this is; the client takes some away, scripts hide others."""
    for kind, code in _KINDS:
        if isinstance(error, kind):
            return code
    return next((code for code in _FULL if f"{code} " in str(error)), "")


def _reason(error: BaseException, timeout: float) -> str:
    """What is wrong, in our own words: theirs may hold the password that they were told."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate does not hold: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, wrong.ResponseError) and _is_full(error):
        return _FULL[_code(error)]
    for kinds, text in _REASONS:
        if isinstance(error, kinds):
            return text.format(timeout * 1000)
    return f"it answers what no store says ({type(error).__name__})"


_KINDS: Final = ((wrong.OutOfMemoryError, "OOM"), (wrong.ReadOnlyError, "READONLY"))
_FULL: Final = {
    "OOM": "it is full",
    "READONLY": "it is read-only",
    "MISCONF": "it cannot save what it has",
    "NOREPLICAS": "it has too few replicas",
}
_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((TimeoutError, wrong.TimeoutError), "no answer within {:g} ms"),
    ((Other,), "another server answers, or the same one anew"),
    ((wrong.AuthenticationError, wrong.NoPermissionError), "it refuses the credential"),
    ((wrong.BusyLoadingError,), "it is still loading"),
    ((wrong.ConnectionError,), "the connection is lost"),
)
