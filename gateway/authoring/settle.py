"""The document of some operations that trims to itself. Pure.

What the gateway serves is written for readers who see it once. Read as a spec and written again,
it may say the same in other words: keys in another order, a null that was allowed twice. `settled`
writes until nothing changes any more, so that a trimmed document can be kept, edited and trimmed
again without noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.authoring.catalogue import Entry, catalogue, in_memory, settings
from gateway.authoring.naming import plugin_name
from gateway.config import Loaded
from gateway.errors import Mistakes
from gateway.faces import openapi
from gateway.plugin import Plugin, build
from gateway.references import References
from gateway.spec.render import Version

# Never asked: what is written by `trim` is told where to send calls only by a config.
NOWHERE = "https://upstream.example"
_ROUNDS = 8  # the most that a public spec needed is 3


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A plugin as it was compiled of the spec, what it serves, and what that settles to."""

    plugin: Plugin
    first: openapi.Served
    settled: openapi.Served


def config_of(entries: Sequence[Entry], title: str) -> Loaded:
    """The config to compile for a document: of these operations, answers never cut."""
    return in_memory(
        settings(entries, as_said=True), plugin=plugin_name(title), url=NOWHERE, whole=True
    )


def settle(plugin: Plugin, version: Version) -> Trimmed:
    """Write a plugin's document until it trims to itself."""
    first = served = _served(plugin, version)
    for _ in range(_ROUNDS):
        again = _again(served.document, version)
        if again is None or again.text == served.text:
            break
        served = again
    return Trimmed(plugin, first, served)


def _again(document: dict[str, Any], version: Version) -> openapi.Served | None:
    references = References(document)
    try:
        entries = catalogue(document, references, "the document")
        loaded = config_of(entries, str(document["info"]["title"]))
        return _served(build(loaded, document, "openapi.yaml"), version)
    except Mistakes:  # what it serves cannot all be read back: it stays as it is
        return None


def _served(plugin: Plugin, version: Version) -> openapi.Served:
    return openapi.describe(plugin, f"https://gateway.example/{plugin.name}")[version]
