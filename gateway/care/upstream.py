"""The state of every upstream, by plugin."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from gateway.care.breaker import Breaker
from gateway.care.bulkhead import Places
from gateway.care.retries import Budget

W = TypeVar("W")


class Upstream(Generic[W]):
    """What is known of one upstream, whichever operation asks it.

    `passing` says how many long bodies are passed on to each address.
    """

    __slots__ = ("__weakref__", "breaker", "budget", "passing", "places")

    def __init__(self, in_flight: int) -> None:
        self.breaker = Breaker()
        self.budget = Budget()
        self.places: Places[W] = Places(in_flight)
        self.passing: dict[str, int] = {}


class Upstreams(Generic[W]):
    """The upstreams that any plan asks.

    A plugin that is loaded again finds the same state while it asks the same origin with the same
    settings; what no plan asks any more is forgotten.
    """

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[str, str, int], Upstream[W]] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, plugin: str, origin: str, in_flight: int) -> Upstream[W]:
        """The state of a plugin's upstream."""
        return self._known.setdefault((plugin, origin, in_flight), Upstream(in_flight))
