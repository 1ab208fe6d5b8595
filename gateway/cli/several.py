"""How `serve --workers N` runs: a supervisor, and its workers."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, replace
from typing import Any

from gateway.app import Gateway
from gateway.cli.serving import (
    Readiness,
    Serving,
    Signals,
    announce,
    beside,
    drained,
    keep_new,
    open_admin,
    options_of,
    renew,
    said_of,
    say_stopping,
    settle,
    sockets_of,
)
from gateway.config import Loaded
from gateway.errors import Mistakes
from gateway.held import CHANGED
from gateway.listening import close, port_of, tcp
from gateway.reloading import pauses
from gateway.telemetry.snapshots import Snapshot
from gateway.workers import FACTS_SECONDS, Channel, Place, Supervisor


async def supervise(loaded: Sequence[Loaded], serving: Serving) -> None:
    """Have workers serve until a signal comes. Raises: Mistakes, CannotListen, WorkerFailed."""
    signals = Signals()
    async with AsyncExitStack() as stack:
        sockets = sockets_of(serving, stack, signals, shared=True)
        # It listens to nothing: it finds mistakes before a worker does, and knows what is served.
        gateway = await Gateway(loaded, options_of(serving, sockets), serving.read).load()
        stack.push_async_callback(gateway.close)
        gateway.port = port_of(sockets)
        listener = None if serving.unix is None else sockets[0].fileno()
        supervisor = Supervisor(
            serving.workers, gateway.served, port=gateway.port, listener=listener
        )
        signals.before_end.append(supervisor.kill)
        if not await _until(signals.stop, supervisor.start()):
            await supervisor.stop(0.0)
            return

        def ready() -> tuple[bool, Mapping[str, Any]]:
            workers = supervisor.workers()
            told = [gateway.readiness(), *(one.pop("readiness") for one in workers)]
            is_ready, said = said_of(_joined(told), draining=signals.stop.is_set())
            is_ready = is_ready and supervisor.ready > 0
            return is_ready, {**said, "ready": is_ready, "workers": workers}

        def snapshot() -> Snapshot:
            return supervisor.snapshot(gateway.door.recorder.counts.snapshot())

        async def reload() -> None:
            if not (await gateway.reload(again=True)).mistakes:
                supervisor.reload()

        url = await open_admin(serving, ready, snapshot, stack)
        gateway.on_change(supervisor.reload)
        signals.hangs_up(reload)
        gateway.watch(serving.configs)
        announce(gateway, serving, url)
        settle()
        await signals.stop.wait()
        say_stopping(serving)
        await supervisor.stop(serving.drain)


async def _until(stop: asyncio.Event, starting: Coroutine[Any, Any, None]) -> bool:
    """Wait for what starts; gives whether it did before it was to stop."""
    loop = asyncio.get_running_loop()
    tasks = loop.create_task(starting), loop.create_task(stop.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
        return not stop.is_set()
    finally:
        for task in tasks:
            task.cancel()


async def work(serving: Serving, place: Place) -> None:
    """Serve as a worker, until the supervisor says so or is no more."""
    signals = Signals()
    async with AsyncExitStack() as stack:
        channel = await Channel.open(socket.socket(fileno=place.channel))
        stack.push_async_callback(channel.close)
        configs = await channel.configs()
        if configs is None:
            return
        orders = _Orders(signals.stop, serving.drain)
        beside(orders.hear(channel), stack)
        try:
            gateway = await _as_worker(configs, serving, place, stack)
        except (Mistakes, OSError) as error:
            known = error.mistakes if isinstance(error, Mistakes) else ()
            channel.tell("failed", error=str(error), mistakes=[asdict(one) for one in known])
            sys.exit(2 if known else 1)

        def tell() -> None:
            counts = gateway.door.recorder.counts.snapshot()
            channel.tell("facts", readiness=gateway.readiness(), counts=counts)

        async def reload() -> None:
            while await orders.reload.wait():
                renew(serving.tls)
                for pause in pauses():  # what was right a moment ago may not be to be had just now
                    orders.reload.clear()
                    await gateway.reload()  # what files say does not wait for a host
                    await gateway.reload(again=True)
                    tell()
                    if not _is_behind(gateway.readiness()):
                        break
                    with suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await orders.reload.wait()
                            break

        beside(reload(), stack)
        channel.tell("ready")
        while not signals.stop.is_set():
            tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(FACTS_SECONDS):
                    await signals.stop.wait()
        channel.tell("leaves")
        await drained(gateway, orders.within)
        tell()


class _Orders:
    """What a worker is told by its supervisor."""

    def __init__(self, stop: asyncio.Event, within: float) -> None:
        self.stop, self.within = stop, within
        self.reload = asyncio.Event()

    async def hear(self, channel: Channel) -> None:
        """Hear it, until it is to stop, or there is nobody any more to say so."""
        while (message := await channel.hear()) is not None:
            if message["is"] == "reload":
                self.reload.set()
            elif message["is"] == "stop":
                self.within = message["within"]
                break
        self.stop.set()


async def _as_worker(
    configs: Sequence[Loaded], serving: Serving, place: Place, stack: AsyncExitStack
) -> Gateway:
    """A gateway that listens together with others. Raises: Mistakes, OSError."""
    sockets = (
        tcp(serving.options.host, place.port, shared=True)
        if place.listener is None
        else [socket.socket(fileno=place.listener)]
    )
    stack.callback(close, sockets)
    options = options_of(serving, sockets)
    # Of what all together may take, each takes its part; the supervisor sees to specs for all.
    part = -(-options.max_calls // serving.workers)
    options = replace(options, max_calls=part, refreshes=False)
    gateway = await stack.enter_async_context(Gateway(configs, options, serving.read))
    keep_new(serving.tls, stack)
    settle()
    return gateway


def _joined(told: Sequence[Readiness]) -> Readiness:
    """Of several processes, for each plugin what the one says of it that is worst off."""
    found: dict[str, Mapping[str, Any]] = {}
    for readiness in told:
        for name, one in readiness.items():
            if name not in found or _lack(one) > _lack(found[name]):
                found[name] = one
    return found


def _lack(one: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    return not one["ready"], bool(one["mistakes"]), bool(one["reason"])


def _is_behind(readiness: Readiness) -> bool:
    """Whether something newer could not be had just now, which the supervisor has. A spec that was
    had, and does not fit, the supervisor does not have either."""
    return any(
        one["ready"] and one["reason"] != CHANGED and (one["mistakes"] or one["reason"])
        for one in readiness.values()
    )
