"""The plugins that are served: loaded at start, replaced when what they are made of changes.

A reload is whole or not at all: every config and every spec is read and compiled first, and one
mistake leaves everything as it is. What nobody has touched keeps its site, its client and its
connections. Calls that are under way end on what they began with; its memory is garbage then, and
its client is closed.

Besides reloads, two things replace a plugin by itself: a spec that could not be had yet comes, and
a spec that is to be got again (`spec.refresh`) is another one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gateway.clients import Clients
from gateway.compiling import Beside, beside
from gateway.config import Loaded, ReadMistakes, types
from gateway.errors import GatewayError, Mistake, Mistakes, SpecUnavailable
from gateway.garbage import Garbage
from gateway.held import Held, Reloaded, differs, readiness, same_config, tell, tell_warnings
from gateway.loading import Made, files_named, load, unchanged_files
from gateway.oauth import relay_of
from gateway.pipeline import Shared
from gateway.proxy import Door
from gateway.shrinking import count
from gateway.sites import fitting, waiting
from gateway.spec.source import TOTAL_SECONDS

log = logging.getLogger("gateway")

Read = Callable[[], Sequence[Loaded]]  # raises Mistakes

# For the first try to get a spec: the others are served meanwhile.
FIRST_WAIT = 5.0
# Between two tries to get a spec: each pause is a fifth longer than the one before, so that a
# plugin is there at most a fifth later than what it waited for (kubelet probes every 10 s, for
# comparison). Doubled, as most back-offs are, a service that takes 16 s is found after 31 s.
FIRST_RETRY, GROWTH, LAST_RETRY = 1.0, 1.2, 60.0
# Of a refresh interval, how much earlier or later: many gateways do not ask at the same moment.
JITTER = 0.1
# Between two tries to reload when files have changed: whoever writes them may not have finished.
MOMENT = 0.5


@dataclass(slots=True)
class Plugins:
    """All plugins of a gateway.

    Args:
        shared: What their plans share.
        door: Where they are served.
        state: The directory for what outlives a run.
        read: Reads all configs anew; None where they never change.
    """

    shared: Shared
    door: Door
    state: Path | None
    read: Read | None = None
    then: Callable[[], None] | None = None  # called when others are served
    refreshes: bool = True  # of several workers, their supervisor alone
    _held: dict[str, Held] = field(default_factory=dict)
    _refused: tuple[Mistake, ...] = ()  # of the last reload
    _tried: frozenset[Path] = frozenset()  # files that a refused reload has named
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _retry: asyncio.Task[None] | None = None
    _clients: Clients = field(default_factory=Clients)
    _garbage: Garbage = field(default_factory=Garbage)
    _beside: Beside = field(init=False)

    def __post_init__(self) -> None:
        self._beside = partial(beside, self.door.turns)

    async def start(self, configs: Iterable[Loaded]) -> None:
        """Load every plugin. Raises: Mistakes, all of all configs."""
        listed = list(configs)
        got = await asyncio.gather(*map(self._first, listed))
        mistakes = [one for error in got if isinstance(error, Mistakes) for one in error.mistakes]
        if mistakes:
            raise Mistakes(mistakes)
        held = [await self._hold(*one) for one in zip(listed, got, strict=True)]
        await self._place({one.name: one for one in held})
        self.shared.counts.loaded(time.time())

    async def stop(self) -> None:
        """End what is under way in the background; calls still have their clients."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close all clients."""
        await self._clients.close()

    def readiness(self) -> dict[str, dict[str, Any]]:
        """What `held.readiness` says of all of them."""
        return readiness(self._held.values(), self._refused)

    def configs(self) -> list[Loaded]:
        """Those of what is held."""
        return [held.loaded for held in self._held.values()]

    def files(self) -> frozenset[Path]:
        """The files that all of them are made of, and those that a refused reload has named."""
        files = set(self._tried)
        for held in self._held.values():
            files |= files_named(held.loaded)
            files |= set(held.inputs.files if held.inputs is not None else ())
        return frozenset(files)

    # --- reload -------------------------------------------------------------------------------

    async def reload(
        self, *, again: bool = False, tell: bool = True, wait: float = FIRST_WAIT
    ) -> Reloaded:
        """Take over what has changed, all of it or nothing.

        Args:
            again: Whether specs by URL are asked for, too, where nothing else has changed.
            tell: Whether mistakes are told and kept; else somebody tries again at once.
            wait: Seconds for the spec of a changed config; then the copy that was kept has to do,
                since the change may be a token that is to open nothing any more.
        """
        async with self._lock:
            if self._retry not in (None, asyncio.current_task()):
                self._retry.cancel()
                self._retry = None
            try:
                return await self._reload(again=again, tell=tell, wait=wait)
            except Exception:
                log.exception("a reload failed; what was served before goes on")
                self.shared.counts.reloads("failed")
                return Reloaded(failed=tuple(self._held))

    async def changed(self) -> None:
        """Reload, as files have changed. One that is half written is given another moment."""
        if (await self.reload(tell=False)).mistakes:
            await asyncio.sleep(MOMENT)
            await self.reload()

    async def _reload(self, *, again: bool, tell: bool, wait: float) -> Reloaded:
        if self.read is None:
            return Reloaded(same=tuple(self._held))
        try:
            configs = await asyncio.to_thread(self.read)
        except Mistakes as error:
            of_secrets = error.named if isinstance(error, ReadMistakes) else ()
            return self._refuse(error.mistakes, of_secrets, tell=tell)
        anew = (self._anew(one, again=again, wait=wait) for one in configs)
        got = await asyncio.gather(*anew)
        mistakes: list[Mistake] = []
        late: list[Mistake] = []
        for loaded, result in zip(configs, got, strict=True):
            if isinstance(result, Mistakes):
                mistakes += result.mistakes
            elif isinstance(result, SpecUnavailable) and self._serves(loaded.plugin.plugin):
                late.append(loaded.mistake(("spec",), f"{result}; it is tried again"))
        mistakes += late
        if mistakes:
            if late and self._retry is None:
                self._retry = self._spawn(self._reload_later())
            named = [file for one in configs for file in files_named(one)]
            return self._refuse(mistakes, named, tell=tell)
        return await self._take_over(configs, got)

    async def _anew(
        self, loaded: Loaded, *, again: bool, wait: float
    ) -> Held | Made | SpecUnavailable | Mistakes:
        """A plugin as it is now: the one that is held where it is still the same."""
        held = self._held.get(loaded.plugin.plugin)
        if held is not None and same_config(held.loaded, loaded):
            if held.inputs is None:
                if not again:
                    return held
            elif await unchanged_files(held.inputs):
                if again and await differs(held):
                    return await self._again(held)
                return held
        if held is None or held.inputs is None:
            return await self._first(loaded)
        try:
            return await self._load(loaded, wait)
        except (Mistakes, SpecUnavailable) as error:
            return error

    async def _again(self, held: Held) -> Made | Held:
        """A plugin whose spec is another one now. Its host's mistakes are no other plugin's."""
        try:
            made = await self._load(held.loaded)
            if not made.inputs.stale:
                return made
            held.doubt("it is another one now, but was not to be had as well")
        except Mistakes as error:
            if held.refuse(error.mistakes):
                self.shared.counts.reloads("failed", mistakes=len(error.mistakes))
        except SpecUnavailable as error:
            held.doubt(str(error))
        return held

    async def _load(self, loaded: Loaded, wait: float = TOTAL_SECONDS) -> Made:
        """Load one plugin. Raises: Mistakes, SpecUnavailable."""
        return await load(loaded, self.state, beside=self._beside, seconds=wait)

    async def _first(self, loaded: Loaded) -> Made | SpecUnavailable | Mistakes:
        try:
            async with asyncio.timeout(FIRST_WAIT):
                return await self._load(loaded)
        except (Mistakes, SpecUnavailable) as error:
            return error
        except TimeoutError:
            return SpecUnavailable(f"no answer within {FIRST_WAIT:g} seconds")

    async def _take_over(
        self, configs: Sequence[Loaded], got: Sequence[Held | Made | SpecUnavailable | Mistakes]
    ) -> Reloaded:
        old, held = self._held, {}
        try:
            for loaded, result in zip(configs, got, strict=True):
                own = result if isinstance(result, Held) else await self._hold(loaded, result)
                held[own.name] = own
        except BaseException:
            self._discard([one for name, one in held.items() if old.get(name) is not one])
            raise
        done = Reloaded(
            added=tuple(name for name in held if name not in old),
            removed=tuple(name for name in old if name not in held),
            changed=tuple(name for name in held if name in old and held[name] is not old[name]),
            same=tuple(name for name in held if held[name] is old.get(name)),
        )
        others = bool(done.added or done.removed or done.changed)
        if others:
            await self._place(held)
        elif self._refused:
            log.info("the mistakes are mended")
            if self.then is not None:  # who reads them as well may have met the mistakes, too
                self.then()
        if others or self._refused:
            self.shared.counts.reloads("ok", at=time.time())
        self._refused, self._tried = (), frozenset()
        for name in done.added:
            log.info("%s: added", name)
            tell_warnings(held[name])
        for name in done.removed:
            log.info("%s: removed", name)
        for name in done.changed:
            tell(old[name], held[name])
        self._retire([one for name, one in old.items() if held.get(name) is not one])
        return done

    def _refuse(
        self, mistakes: Sequence[Mistake], named: Iterable[Path], *, tell: bool
    ) -> Reloaded:
        """Leave everything as it is. The same mistakes are told once."""
        self._tried = frozenset(named)
        refused = Reloaded(failed=self._failed(mistakes), mistakes=tuple(mistakes))
        if not tell or self._refused == refused.mistakes:
            return refused
        self._refused = refused.mistakes
        for one in mistakes:
            log.error("%s", one)
        number = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        log.error("%s: nothing is taken over; what was served before goes on", number)
        self.shared.counts.reloads("failed", mistakes=len(mistakes))
        return refused

    def _failed(self, mistakes: Iterable[Mistake]) -> tuple[str, ...]:
        files = {one.file for one in mistakes}
        return tuple(held.name for held in self._held.values() if str(held.loaded.file) in files)

    async def _reload_later(self) -> None:
        """Reload until a spec is there that was missing."""
        for pause in pauses():
            await asyncio.sleep(pause)
            if not (await self.reload(wait=TOTAL_SECONDS)).mistakes:
                self._retry = None
                return

    # --- one plugin ---------------------------------------------------------------------------

    def _serves(self, name: str) -> bool:
        held = self._held.get(name)
        return held is not None and held.inputs is not None

    async def _hold(self, loaded: Loaded, result: Made | SpecUnavailable | Mistakes) -> Held:
        """Make of a plugin what is served; nothing of it is placed yet."""
        if not isinstance(result, Made):
            held = Held(loaded, waiting(loaded), reason=str(result))
            held.task = self._spawn(self._wait(held))
            return held
        plugin, inputs = result
        old = self._held.get(plugin.name)
        client = self._clients.of(plugin, None if old is None else old.client)
        auth = plugin.config.auth
        if old is not None and client is old.client and old.loaded.plugin.auth == auth:
            relay = old.site.relay  # it knows which codes have been used
        else:
            relay = relay_of(plugin.name, auth, client, self.shared.wall)
        site = await fitting(plugin, client, relay, self.shared, self._beside)
        reason = "its spec is the copy of an earlier run" if inputs.stale else ""
        held = Held(loaded, site, inputs, client, reason)
        spec = loaded.plugin.spec
        if self.refreshes and isinstance(spec, types.SpecSource) and spec.refresh is not None:
            held.task = self._spawn(self._refresh(held, spec.refresh))
        return held

    async def _wait(self, held: Held) -> None:
        """Try to get a plugin's spec until it is there; each new reason is logged once."""
        log.warning("%s waits: %s", held.name, held.reason)
        for pause in pauses():
            await asyncio.sleep(pause)
            try:
                made = await self._load(held.loaded)
                if await self._replace(held, made):
                    log.info("%s is ready", held.name)
            except GatewayError as error:
                if str(error) != held.reason:
                    held.reason = str(error)
                    log.warning("%s waits: %s", held.name, held.reason)
                continue
            except Exception:
                log.exception("%s: loading it failed; it is tried again", held.name)
                continue
            return

    async def _refresh(self, held: Held, seconds: float) -> None:
        """Get a plugin's spec again, now and then; take it over where it is another one."""
        dice = secrets.SystemRandom()
        while True:
            await asyncio.sleep(seconds * dice.uniform(1 - JITTER, 1 + JITTER))
            try:
                made = await self._again(held) if await differs(held) else held
                if isinstance(made, Held):
                    continue
                if await self._replace(held, made):
                    tell(held, self._held[held.name])
                    self.shared.counts.reloads("ok", at=time.time())
                return
            except Exception:
                log.exception("%s: its spec could not be taken over", held.name)

    async def _replace(self, held: Held, made: Made) -> bool:
        """Put a plugin in the place of another version, if that is still there."""
        async with self._lock:
            if self._held.get(held.name) is not held:
                return False
            new = await self._hold(held.loaded, made)
            held.task = None  # it is the one that runs
            every = self._held.items()
            await self._place({name: new if one is held else one for name, one in every})
            self._retire([held])
            return True

    # --- all of them --------------------------------------------------------------------------

    async def _place(self, held: dict[str, Held]) -> None:
        """Hold these from now on, and serve them."""
        sites = tuple(one.site for one in held.values())
        operations = [
            one for site in sites if site.plugin for one in site.plugin.operations.values()
        ]
        if any(one.shrinker.budget.tokens for one in operations):
            await asyncio.to_thread(count, "a")  # the tokenizer takes a moment to come up
        self._held = held
        self.door.place(sites)
        self.shared.counts.plugins({site.name: site.plugin is not None for site in sites})
        if self.then is not None:
            self.then()

    def _retire(self, old: Sequence[Held]) -> None:
        """Others are served now than were held before."""
        self._discard(old)
        if old:
            self._spawn(self._garbage.collect())

    def _discard(self, old: Iterable[Held]) -> None:
        """End what is under way for plugins that are not served; a client is closed after its last
        call."""
        used = {held.client for held in self._held.values()}
        for held in old:
            if held.task is not None:
                held.task.cancel()
            self.shared.handles.settle(held.name)
            if held.client is not None and held.client not in used:
                self._spawn(self._clients.retire(held.client, held.site.plugin))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try to get a spec, without end."""
    pause = FIRST_RETRY
    while True:
        yield pause
        pause = min(pause * GROWTH, LAST_RETRY)
