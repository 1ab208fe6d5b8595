"""What is held of each plugin while it is served, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.changes import changes
from gateway.config import Loaded
from gateway.errors import GatewayError, Mistake
from gateway.loading import Inputs, unchanged_urls
from gateway.pipeline import mask_of
from gateway.site import Site

log = logging.getLogger("gateway")

CHANGED = "its API's description has changed, and does not fit the config any more"


@dataclass(slots=True, eq=False)
class Held:
    """One plugin that is served, or waits for its spec: then it has no `inputs`.

    `reason` says why it waits, or what of it may be out of date; `mistakes` are those that keep a
    newer spec from being taken over. `task` gets its spec, at all or again.
    """

    loaded: Loaded
    site: Site
    inputs: Inputs | None = None
    client: aiohttp.ClientSession | None = None
    reason: str = ""
    mistakes: tuple[Mistake, ...] = ()
    task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The plugin's."""
        return self.loaded.plugin.plugin

    def doubt(self, reason: str) -> None:
        """It may be out of date; each new reason is logged once."""
        if self.reason != reason:
            self.reason = reason
            log.warning("%s: its spec is not got again: %s; the last goes on", self.name, reason)

    def refuse(self, mistakes: tuple[Mistake, ...]) -> bool:
        """Its newer spec is not taken over. Whether that is new; then it is logged."""
        if self.mistakes == mistakes:
            return False
        self.mistakes, self.reason = mistakes, CHANGED
        for one in mistakes:
            log.error("%s", one)
        log.error("%s: the changed spec is not taken over", self.name)
        return True


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did, by the names of plugins. With `mistakes` it did nothing; `failed` are the
    plugins that stay as they were for that."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


async def differs(held: Held) -> bool:
    """Whether addresses give a plugin's spec otherwise now; where that cannot be told, no."""
    if held.inputs is None or not held.inputs.urls:
        return False
    try:
        same = await unchanged_urls(held.loaded, held.inputs)
    except GatewayError as error:
        held.doubt(str(error))
        return False
    if same:
        held.reason, held.mistakes = "", ()
    return not same


def same_config(one: Loaded, other: Loaded) -> bool:
    """Whether two readings of a config, with its secrets, are the same."""
    return bool(one.digest) and (one.file, one.digest) == (other.file, other.digest)


def readiness(every: Iterable[Held], refused: Iterable[Mistake]) -> dict[str, dict[str, Any]]:
    """Of each plugin `{"ready": bool, "reason": str, "mistakes": [str, …]}`: whether it is ready,
    what is to be said of it, and the mistakes that a newer form of it has. Where those are in a
    file that is no plugin's yet, they stand under its name."""
    found: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for held in every:
        names[str(held.loaded.file)] = held.name
        told = [str(one) for one in held.mistakes]
        ready = held.site.plugin is not None
        found[held.name] = {"ready": ready, "reason": held.reason, "mistakes": told}
    for one in refused:
        name = names.get(one.file, one.file)
        told = found.setdefault(name, {"ready": True, "reason": "", "mistakes": []})["mistakes"]
        if str(one) not in told:
            told.append(str(one))
    return found


def tell(old: Held, new: Held) -> None:
    """Log what callers will notice of a new version."""
    before, now = old.site.plugin, new.site.plugin
    if now is None:
        log.info("%s: changed; %s", new.name, new.reason)
        return
    if before is None:
        log.info("%s is ready", new.name)
        return
    masks = mask_of(before), mask_of(now)
    lines = changes(before, now)
    for line in lines:
        for mask in masks:
            line = mask.text(line)  # noqa: PLW2901 - without what either of them keeps secret
        log.info("%s: %s", new.name, line)
    if not lines:
        log.info("%s: changed; its operations are the same", new.name)
    tell_warnings(new)


def tell_warnings(held: Held) -> None:
    """Log the doubts about a plugin."""
    for warning in held.site.plugin.warnings if held.site.plugin is not None else ():
        log.warning("%s", warning)
