"""All numbers of a process, counted while it works.

An object for each operation and one for each upstream (`counted`), and the few of the process
itself. `snapshots` says what becomes of a snapshot, and how those of several workers become one.
All names are from configs and from the code, never from callers, and of each kind there is a most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from weakref import WeakValueDictionary

from gateway.telemetry.counted import OTHER, OperationCounts, UpstreamCounts, count_one
from gateway.telemetry.snapshots import Snapshot, added

# Operations and plugins: more than any configuration has.
MOST_COUNTED = 20_000


class Counts:
    """All numbers of a process."""

    __slots__ = (
        "_gauges",
        "_mistakes",
        "_operations",
        "_past",
        "_plugins",
        "_refusals",
        "_reloaded",
        "_reloads",
        "_shed",
        "_size",
        "_specs",
        "_upstreams",
    )

    def __init__(self) -> None:
        self._operations: dict[str, dict[str, OperationCounts]] = {}
        self._upstreams: WeakValueDictionary[tuple[str, str], UpstreamCounts] = (
            WeakValueDictionary()
        )
        self._past: dict[str, Snapshot] = {}  # of upstreams that nobody asks any more, by plugin
        self._size = 0
        self._refusals: dict[str, dict[str, int]] = {}
        self._reloads: dict[str, int] = {}
        self._reloaded = self._mistakes = 0
        self._shed: dict[str, int] = {}
        self._plugins: dict[str, bool] = {}
        self._specs: dict[str, dict[str, int]] = {}
        self._gauges: dict[str, Callable[[], int]] = {}

    def of(self, plugin: str, operation: str) -> OperationCounts:
        """The numbers of an operation, the same object at every time."""
        try:
            return self._operations[plugin][operation]
        except KeyError:
            if self._size >= MOST_COUNTED:
                plugin = operation = OTHER
            self._size += 1
            own = self._operations.setdefault(plugin, {})
            return own.setdefault(operation, OperationCounts())

    def upstream(self, plugin: str, base: str = "") -> UpstreamCounts:
        """The numbers of an upstream, the same object for as long as somebody has it; of a plugin
        with several, each by its address, and they are told as one."""
        known = self._upstreams.get((plugin, base))
        if known is None:
            known = self._upstreams[plugin, base] = UpstreamCounts(partial(self._ended, plugin))
        return known

    def _ended(self, plugin: str, snapshot: Snapshot) -> None:
        if plugin not in self._past and len(self._past) >= MOST_COUNTED:
            plugin = OTHER
        self._past[plugin] = added([*filter(None, [self._past.get(plugin)]), snapshot])

    def refused(self, code: str, plugin: str = "") -> None:
        """A call was refused before it was known which operation it is for. `plugin` is one that
        is served, or ""."""
        own = self._refusals.get(plugin)
        if own is None:
            if len(self._refusals) >= MOST_COUNTED:
                plugin = OTHER
            own = self._refusals.setdefault(plugin, {})
        count_one(own, code)

    def loaded(self, at: float) -> None:
        """What is served was loaded then, in wall-clock seconds."""
        self._reloaded = int(at)

    def reloads(self, result: str, *, mistakes: int = 0, at: float = 0.0) -> None:
        """A reload came out as `ok` or `failed`; `at` is wall-clock seconds, `mistakes` are those
        that it failed for."""
        count_one(self._reloads, result)
        if result == "ok":
            self._mistakes = 0
            self.loaded(at)
        elif mistakes:
            self._mistakes = mistakes

    def shed(self, why: str) -> None:
        """A call was not taken: there are too many."""
        count_one(self._shed, why)

    def plugins(self, ready: dict[str, bool]) -> None:
        """These plugins are served now, and whether each is ready."""
        self._plugins = dict(ready)
        self._specs = {name: told for name, told in self._specs.items() if name in ready}

    def spec(self, plugin: str, whole: int, served: int) -> None:
        """What the spec of a plugin costs, and the one that it serves: in tokens. A `whole` of 0
        is that of none."""
        self._specs[plugin] = {"whole": whole, "served": served} if whole else {"served": served}

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """A number that is read when it is asked for: `calls`, `connections`, `store_unused`."""
        self._gauges[name] = read

    def snapshot(self) -> Snapshot:
        """All of them, as they are now. From any thread: nothing is iterated that may grow."""
        now = {name: int(read()) for name, read in list(self._gauges.items())}
        unused = now.pop("store_unused", None)
        operations = [(plugin, list(own.items())) for plugin, own in list(self._operations.items())]
        upstreams: dict[str, list[UpstreamCounts]] = {}
        for (plugin, _), one in list(self._upstreams.items()):
            upstreams.setdefault(plugin, []).append(one)
        past = dict(self._past)
        return {
            "sum": {
                "operations": {
                    plugin: {name: one.snapshot() for name, one in own if _called(one)}
                    for plugin, own in operations
                },
                "upstreams": {
                    plugin: added(
                        [
                            *([past[plugin]] if plugin in past else ()),
                            *(one.snapshot() for one in upstreams.get(plugin, ())),
                        ]
                    )
                    for plugin in dict.fromkeys((*past, *upstreams))
                },
                "refusals": {plugin: dict(own) for plugin, own in list(self._refusals.items())},
                "reloads": dict(self._reloads),
                "shed": dict(self._shed),
            },
            "now": {
                "upstreams": {
                    plugin: added([one.now() for one in own]) for plugin, own in upstreams.items()
                },
                "workers": 1,
                **now,
            },
            "most": {
                **({"reloaded": self._reloaded} if self._reloaded else {}),
                "mistakes": self._mistakes,
                "waits": {name: int(not ready) for name, ready in self._plugins.items()},
                "specs": {name: dict(told) for name, told in self._specs.items()},
                **({} if unused is None else {"store_unused": unused}),
            },
        }


def _called(counts: OperationCounts) -> bool:
    return any(counts.calls.values())
