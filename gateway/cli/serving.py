"""How `serve` runs as one process, and what it has in common with several (`several`)."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway import admin
from gateway.app import Gateway, Options
from gateway.cli.common import out, print_json
from gateway.config import Loaded
from gateway.listening import Tls, TlsError, close, held, tcp, unix
from gateway.reloading import Read
from gateway.telemetry import metrics, report
from gateway.telemetry.snapshots import Snapshot

log = logging.getLogger("gateway")

# Objects that come to be before garbage is looked for. A few calls make Python's own 700 of them:
# what is under way would be walked over and over, and calls leave nothing to be found.
COLLECTED_AFTER = 10_000
# Between two looks at the certificate. They are renewed weeks before they end.
_TLS_SECONDS = 10.0

PAGES: Mapping[str, admin.Page] = {"/metrics": metrics.exposed, "/report": report.told}


@dataclass(frozen=True, slots=True)
class Serving:
    """What `serve` was asked for, beside the gateway's own options.

    `read` reads `configs`, now or later. `admin_asked` is False where the admin's address is the
    default: then it may be taken.
    """

    options: Options
    read: Read
    configs: Sequence[Path]
    workers: int = 1
    unix: Path | None = None
    tls: Tls | None = None
    drain: float = 8.0
    admin: admin.Address | None = None
    admin_asked: bool = False
    as_json: bool = False


class CannotListen(Exception):
    """An address that cannot be listened on: the option that asks for it, and why not."""

    def __init__(self, option: str, host: str, port: int, error: OSError) -> None:
        super().__init__(option)
        self.option, self.host, self.port, self.error = option, host, port, error


class Signals:
    """The first SIGINT or SIGTERM asks for the end, a second one brings it at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.at_stop: list[Callable[[], None]] = []
        self.before_end: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_terminal = os.isatty(0)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._came, number)
        self.hangs_up(None)

    def hangs_up(self, then: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        """What SIGHUP does: by custom, it reads everything again. Of a terminal that was closed it
        is the end."""
        loop = asyncio.get_running_loop()
        one_by_one, waits = asyncio.Lock(), False

        async def again(then: Callable[[], Coroutine[Any, Any, None]]) -> None:
            nonlocal waits
            async with one_by_one:
                waits = False
                await then()

        def came() -> None:
            nonlocal waits
            if self._at_terminal and not os.isatty(0):
                self._begin()
            if then is None or waits:  # what is about to be read is read but once
                return
            waits = True
            task = loop.create_task(again(then))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, came)

    def _begin(self) -> None:
        for tidy in self.at_stop:
            tidy()
        self.stop.set()

    def _came(self, number: int) -> None:
        if not self.stop.is_set():
            self._begin()
            return
        for tidy in self.before_end:
            tidy()
        os._exit(128 + number)  # as a shell tells of a signal


# --- one process ------------------------------------------------------------------------------


async def serve_alone(loaded: Sequence[Loaded], serving: Serving) -> None:
    """Serve until a signal comes. Raises: Mistakes, CannotListen."""
    signals = Signals()
    async with AsyncExitStack() as stack:
        sockets = sockets_of(serving, stack, signals)
        options = options_of(serving, sockets)
        try:
            gateway = await stack.enter_async_context(Gateway(loaded, options, serving.read))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CannotListen("--port", options.host, options.port, error) from None

        def ready() -> tuple[bool, Mapping[str, Any]]:
            return said_of(gateway.readiness(), draining=gateway.door.draining)

        url = await open_admin(serving, ready, gateway.door.recorder.counts.snapshot, stack)
        keep_new(serving.tls, stack)

        async def reload() -> None:
            renew(serving.tls)
            await gateway.reload(again=True)

        signals.hangs_up(reload)
        gateway.watch(serving.configs)
        announce(gateway, serving, url)
        settle()
        await signals.stop.wait()
        say_stopping(serving)
        await drained(gateway, serving.drain)


def sockets_of(
    serving: Serving, stack: AsyncExitStack, signals: Signals, *, shared: bool = False
) -> Sequence[socket.socket]:
    """What is listened on, bound. Raises: CannotListen."""
    host, port = serving.options.host, serving.options.port
    if serving.unix is not None:
        try:
            one = unix(serving.unix)
        except OSError as error:
            raise CannotListen("--unix", str(serving.unix), 0, error) from None
        signals.at_stop.append(one.remove)  # workers end one by one: nobody shall wait for them
        stack.callback(one.close)
        return (one.socket,)
    try:
        sockets = held(host, port) if shared else tcp(host, port)
    except OSError as error:
        raise CannotListen("--port", host, port, error) from None
    stack.callback(close, sockets)
    return sockets


def options_of(serving: Serving, sockets: Sequence[socket.socket]) -> Options:
    """The gateway's options, to listen there."""
    context = None if serving.tls is None else serving.tls.context
    return replace(serving.options, sockets=tuple(sockets), tls=context)


async def drained(gateway: Gateway, within: float) -> None:
    """Let calls in flight end, and say how many did not."""
    cut = await gateway.drain(within)
    if cut:
        calls = "1 call was" if cut == 1 else f"{cut} calls were"
        log.warning("%s cut off: not finished within %g s", calls, within)


def settle() -> None:
    """What was loaded stays for the process's life: the collector need not walk it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)


async def open_admin(
    serving: Serving,
    ready: admin.Ready,
    snapshot: Callable[[], Snapshot],
    stack: AsyncExitStack,
) -> str:
    """Start the admin server; gives its address, or "" for none. Raises: CannotListen."""
    where = serving.admin
    if where is None:
        return ""
    server = admin.Admin(ready, snapshot, PAGES)
    try:
        await server.start(where)
    except OSError as error:
        if serving.admin_asked:
            raise CannotListen("--admin", where.host, where.port, error) from None
        reason = error.strerror or error
        log.warning("no metrics: %s cannot be listened on: %s; see --admin", where.shown, reason)
        return ""
    stack.push_async_callback(server.close)
    return server.url


def keep_new(tls: Tls | None, stack: AsyncExitStack) -> None:
    """Read the certificate again when it has changed, as long as anything is served."""

    async def look() -> None:
        while tls is not None:
            await asyncio.sleep(_TLS_SECONDS)
            await asyncio.to_thread(renew, tls)

    beside(look(), stack)


def renew(tls: Tls | None) -> None:
    """Read the certificate again if it has changed."""
    try:
        if tls is not None and tls.renew():
            log.info("the certificate was read anew")
    except TlsError as error:
        log.warning("the certificate before is kept: %s", error)


def beside(work: Coroutine[Any, Any, None], stack: AsyncExitStack) -> None:
    """Do something as long as the gateway runs."""
    stack.callback(asyncio.get_running_loop().create_task(work).cancel)


# --- what is said -----------------------------------------------------------------------------

Readiness = Mapping[str, Mapping[str, Any]]  # of each plugin: ready, reason, mistakes


def said_of(plugins: Readiness, *, draining: bool) -> tuple[bool, dict[str, Any]]:
    """Whether all is ready, and the body of /readyz."""
    is_ready = not draining and all(one["ready"] for one in plugins.values())
    return is_ready, {"ready": is_ready, "draining": draining, "plugins": plugins}


def say_stopping(serving: Serving) -> None:
    """Say that it stops: to the log, since whoever reads standard error may have stopped to, and
    calls are in flight."""
    text = "stopping: calls in flight have %g s; a second signal stops at once"
    log.info(text, serving.drain)


def announce(gateway: Gateway, serving: Serving, admin_url: str) -> None:
    """Say what is served where."""
    base = gateway.options.public_url.rstrip("/") or gateway.url
    if serving.as_json:
        sites = {
            site.name: {
                "url": f"{base}/{site.name}",
                "ready": site.plugin is not None,
                "operations": list(site.plugin.operations) if site.plugin else [],
            }
            for site in gateway.door.sites
        }
        print_json({"url": gateway.url, "admin": admin_url or None, "plugins": sites})
        return
    for site in gateway.door.sites:
        state = _counted(len(site.plugin.chosen), "operation") if site.plugin else site.waiting
        out.print(f"[bold]{site.name}[/bold]  {base}/{site.name}/  [dim]{state}[/dim]")
        if site.plugin is not None:
            for warning in site.plugin.warnings:
                log.warning("%s", warning)
    if admin_url:
        out.print(f"metrics and readiness  {admin_url}/", style="dim")
    workers = f", {_counted(serving.workers, 'worker')}" if serving.workers > 1 else ""
    out.print(f"listening on {gateway.url}{workers}", style="green")


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
