"""The composition root: opens and closes everything.

`Gateway` owns the listening socket, the store, what plans share and the background tasks; its
plugins are brought up and replaced by `reloading`.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from gateway.caching.flights import Flights
from gateway.caching.stores import store_of
from gateway.caching.stores.handles import SharedHandles
from gateway.config import Loaded
from gateway.config.read import SUFFIXES
from gateway.connections import server_of
from gateway.faces.mcp import Confirmations, key_of
from gateway.garbage import trimmer
from gateway.held import Reloaded
from gateway.incoming import MAX_BODY
from gateway.limits import limiter_of
from gateway.listening import BACKLOG, drain, port_of, tcp
from gateway.pipeline import HANDLE_BYTES, Mask, Shared
from gateway.proxy import CHAT_ORIGINS, MAX_CALLS, Door
from gateway.reloading import Plugins, Read
from gateway.request import prove
from gateway.telemetry.logs import Log
from gateway.telemetry.traces import Traces
from gateway.watching import Watched, watch

STORE_BYTES = 64 * 1024 * 1024
# Between two times that free memory is given back: some milliseconds each, in which whoever wants
# memory waits.
TRIM_SECONDS = 30.0
# For calls in flight. `docker stop` kills after 10 s, Kubernetes after 30 s.
SHUTDOWN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of the process; `serve` has an option for each."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    state: Path | None = None
    store: str = ""
    store_key: str = ""
    key: str = ""  # what all who share callers have: the store's key, or that of several workers
    max_body: int = MAX_BODY
    max_calls: int = MAX_CALLS
    refreshes: bool = True  # asks again for specs, as `refresh` says
    # Bound already, instead of host and port; they are the gateway's to close.
    sockets: tuple[socket.socket, ...] = ()
    tls: ssl.SSLContext | None = None
    log: Log | None = None  # gets a line of each call
    traces: Traces | None = None  # closed with the gateway


@dataclass(slots=True)
class Gateway:
    """A running gateway: `async with Gateway(loaded, options) as gateway: gateway.url`.

    `read` reads all configs anew, for reloads.
    """

    configs: Sequence[Loaded]
    options: Options = field(default_factory=Options)
    read: Read | None = None
    door: Door = field(init=False)
    port: int = 0
    _shared: Shared = field(init=False)
    _plugins: Plugins = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _runner: web.ServerRunner | None = None
    _sockets: Sequence[socket.socket] = ()
    _hidden: frozenset[str] = frozenset()  # secrets of the configs

    def __post_init__(self) -> None:
        options = self.options
        secret = options.store_key.encode()
        store = store_of(options.store, STORE_BYTES, secret)
        confirmations = Confirmations(time.monotonic)
        key = options.key.encode() or secret
        if key and not store.steady:  # any gateway on it takes what another one asked
            confirmations = Confirmations(time.time, key_of(key), store.lease)
        self.door = Door(
            public_url=options.public_url.rstrip("/"),
            origins=frozenset((*CHAT_ORIGINS, *options.origins)),
            trusted=tuple(ipaddress.ip_network(one) for one in options.trusted_proxies),
            max_body=options.max_body,
            max_calls=options.max_calls,
            confirmations=confirmations,
        )
        recorder = self.door.recorder
        recorder.log, recorder.traces = options.log, options.traces
        recorder.trusted = self.door.trusted
        counts = recorder.counts
        self._shared = Shared(
            wall=time.time, steady=time.monotonic, store=store, flights=Flights(), counts=counts
        )
        counts.gauge("calls", lambda: self.door.calls)
        if options.store:
            counts.gauge("store_unused", lambda: int(bool(store.status())))
        if not store.steady:  # others are on it as well
            self._shared.key = hashlib.blake2b(secret, digest_size=32).digest()
            self._shared.handles = SharedHandles(HANDLE_BYTES, store)
            self._shared.limiter = limiter_of(store, time.monotonic)
        self._hide(self.configs)
        read = self._read_anew if self.read is not None else None
        self._plugins = Plugins(self._shared, self.door, options.state, read)
        self._plugins.refreshes = options.refreshes

    @property
    def url(self) -> str:
        """Where it listens."""
        host = self.options.host
        if not self.port and self.options.sockets:
            return f"unix:{self.options.sockets[0].getsockname()}"
        scheme = "http" if self.options.tls is None else "https"
        shown = "127.0.0.1" if host in ("0.0.0.0", "") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
        return f"{scheme}://{shown}:{self.port}"

    async def start(self) -> Self:
        """Load every plugin, then listen.

        Raises:
            Mistakes: all that is wrong in all configs; nothing is left open.
            OSError: the address cannot be listened on.
        """
        await self.load()
        try:
            trim = trimmer()
            if trim is not None:
                self._spawn(self._trim(trim))
            await self._listen()
        except BaseException:
            await self.close()
            raise
        return self

    async def load(self) -> Self:
        """Load every plugin, for who listens elsewhere.

        Raises:
            Mistakes: all that is wrong in all configs; nothing is left open.
        """
        try:
            await self._load()
        except BaseException:
            await self.close()
            raise
        return self

    async def drain(self, within: float) -> int:
        """Be not ready, stop listening and let calls in flight end, before `close`.

        Returns:
            How many were not finished within so many seconds.
        """
        self.door.draining = True
        if self._runner is None:
            return 0
        return await drain(self._runner, self._sockets, self.options.tls, within)

    async def close(self) -> None:
        """Stop listening, let calls in flight end, close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._plugins.stop()
        await self._shared.flights.close()
        await self._shared.limiter.close()
        await self._shared.store.close()
        await asyncio.to_thread(self._shared.aside.close)
        await self._plugins.close()
        if self.options.traces is not None:
            await asyncio.to_thread(self.options.traces.close)

    def _read_anew(self) -> Sequence[Loaded]:
        if self.read is None:
            raise AssertionError("is asked for only where there is something to read")
        return self._hide(self.read(), self.served())

    def _hide(self, configs: Sequence[Loaded], served: Sequence[Loaded] = ()) -> Sequence[Loaded]:
        """Keep what these keep secret out of the log, what is served, which they may not replace,
        and what that has replaced."""
        if self.options.log is not None:
            held = {secret for one in (*configs, *served) for secret in one.secrets}
            for one in (*configs, *served):
                held.update(prove(one.plugin.upstream.credential).composed)
            if self.options.store_key:
                held.add(self.options.store_key)
            self.options.log.mask = Mask(held | self._hidden).text
            self._hidden = frozenset(held)
        return configs

    async def reload(self, *, again: bool = False) -> Reloaded:
        """Take over what has changed in configs, specs and the files beside them, or nothing where
        there is a mistake. `again`: specs by URL are asked for, too, where nothing else changed."""
        return await self._plugins.reload(again=again)

    def watch(self, paths: Sequence[Path]) -> None:
        """Reload whenever files change, from now on: `paths`, as `read` reads them, and all that
        the configs name."""
        self._spawn(watch(partial(self._watched, paths), self._plugins.changed))

    def on_change(self, then: Callable[[], None]) -> None:
        """Call this whenever other plugins are served from now on, or others in their place."""
        self._plugins.then = then

    def served(self) -> list[Loaded]:
        """The configs of what is served now: those of the last reload that was not refused."""
        return self._plugins.configs()

    def _watched(self, paths: Sequence[Path]) -> Watched:
        folders = frozenset(path for path in paths if path.is_dir())
        files = self._plugins.files() | (frozenset(paths) - folders)
        return Watched(files, folders, SUFFIXES)

    def readiness(self) -> dict[str, dict[str, Any]]:
        """Of each plugin `{"ready": bool, "reason": str, "mistakes": [str, …]}`: what keeps it from
        being ready, or up to date, and the mistakes of a reload that was refused for it. A mistake
        in a file that holds none of the plugins stands under the file's name."""
        return self._plugins.readiness()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _load(self) -> None:
        await self._shared.store.open()
        await self._shared.limiter.open()
        await self._plugins.start(self.configs)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _trim(self, trim: Callable[[int], int]) -> None:
        """Give free memory back, now and then.

        Bodies of all sizes leave holes between small objects that stay: without this a busy
        gateway holds half as much again after some minutes, none of it in use.
        """
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            await asyncio.to_thread(trim, 0)

    async def _listen(self) -> None:
        self._runner = web.ServerRunner(server_of(self.door), shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        options = self.options
        self._sockets = options.sockets or tcp(options.host, options.port)
        self.port = port_of(self._sockets)
        for one in self._sockets:
            # Bound means little: somebody else may listen by now, which uvloop would not tell.
            one.listen(BACKLOG)
            await web.SockSite(self._runner, one, ssl_context=options.tls, backlog=BACKLOG).start()
