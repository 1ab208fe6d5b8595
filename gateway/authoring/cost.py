"""What operations would cost a model, each for itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.authoring.catalogue import Entry
from gateway.faces import openapi
from gateway.plugin import Operation, Plugin

_BASE = "https://gateway.example/plugin"


@dataclass(frozen=True, slots=True)
class Cost:
    """The tokens of an operation in the served spec, and what was degraded for it.

    `tokens` is None where it cannot be served; `degraded` says why.
    """

    tokens: int | None
    degraded: tuple[str, ...] = ()


def costs(plugin: Plugin, entries: Sequence[Entry]) -> dict[str, Cost]:
    """The cost of each by its place, beyond what a plugin without operations costs."""
    bare = _served(plugin, {}).tokens
    found: dict[str, Cost] = {}
    for entry in entries:
        own = tuple(line.what for line in plugin.ledger if line.operation == entry.place)
        operation = plugin.operations.get(entry.name)
        if operation is None:
            found[entry.place] = Cost(None, own or ("cannot be served",))
            continue
        served = _served(plugin, {operation.name: operation})
        shortened = tuple(line.what for line in served.ledger)
        found[entry.place] = Cost(served.tokens - bare, (*own, *shortened))
    return found


def _served(plugin: Plugin, operations: Mapping[str, Operation]) -> openapi.Served:
    return openapi.describe(replace(plugin, operations=operations), _BASE)["3.0"]
