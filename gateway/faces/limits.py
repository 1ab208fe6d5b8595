"""What platforms take, beside what a plugin says. For `gateway check`; nothing is ever cut.

Sources: OpenAI's plugin documentation of July to September 2023 (its later, stricter figures);
"Production notes" of GPT Actions. Both count characters. What nobody documents and many
repeat (thirty operations, a megabyte of spec) is marked as reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from gateway.faces.documents import Document
from gateway.faces.manifest import MANIFEST
from gateway.plugin import Plugin

CHATGPT = "chatgpt-plugin"
ACTIONS = "gpt-actions"
PLATFORMS = (CHATGPT, ACTIONS)

_MANIFEST_CHARACTERS = {
    "name_for_human": 20,
    "name_for_model": 50,
    "description_for_human": 100,
    "description_for_model": 8000,
}
# Of an operation's summary and description, and of a parameter's description.
_SPEC_CHARACTERS = {CHATGPT: (200, 200), ACTIONS: (300, 700)}
_SECONDS = 45
_OPERATIONS_REPORTED = 30
_SPEC_BYTES_REPORTED = 1_000_000

_Item = tuple[str, int]  # what, and how long it is


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing a platform bounds: how much there is of it, and how much it takes."""

    platform: str
    item: str
    value: int
    allowed: int
    unit: str = "characters"

    @property
    def over(self) -> bool:
        """Whether the platform may refuse or ignore it."""
        return self.value > self.allowed


def limits(plugin: Plugin, documents: Mapping[str, Document]) -> tuple[Limit, ...]:
    """Compare a plugin's served documents with what each platform takes.

    Of the many texts of one kind, those over the limit are listed, or else the longest.
    """
    manifest = msgspec.json.decode(documents[MANIFEST].body)
    spec = documents["/openapi.json"]
    operations = list(_operations(msgspec.json.decode(spec.body)))
    found = [
        Limit(CHATGPT, name, len(manifest[name]), allowed)
        for name, allowed in _MANIFEST_CHARACTERS.items()
    ]
    for platform, (text, parameter) in _SPEC_CHARACTERS.items():
        for key in ("summary", "description"):
            items = [
                (f"{key} of {one['operationId']}", len(one.get(key, ""))) for one in operations
            ]
            found += _telling(platform, items, text)
        items = list(chain.from_iterable(map(_parameters, operations)))
        found += _telling(platform, items, parameter)
        found += _telling(platform, _timeouts(plugin), _SECONDS, "seconds")
    many, size = len(operations), len(spec.body)
    found.append(Limit(ACTIONS, "operations (reported)", many, _OPERATIONS_REPORTED, "operations"))
    found.append(Limit(ACTIONS, "size of the spec (reported)", size, _SPEC_BYTES_REPORTED, "bytes"))
    return tuple(found)


def _telling(
    platform: str, items: Iterable[_Item], allowed: int, unit: str = "characters"
) -> list[Limit]:
    """Keep what is over, or else the longest."""
    rows = [Limit(platform, item, value, allowed, unit) for item, value in items]
    return [row for row in rows if row.over] or sorted(rows, key=lambda row: -row.value)[:1]


def _operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in spec["paths"].values():
        yield from item.values()


def _parameters(operation: dict[str, Any]) -> Iterator[_Item]:
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        yield (
            f"description of {parameter['name']!r} of {name}",
            len(parameter.get("description", "")),
        )
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for key, schema in media.get("schema", {}).get("properties", {}).items():
            words = schema.get("description", "") if isinstance(schema, dict) else ""
            yield f"description of {key!r} of {name}", len(words)


def _timeouts(plugin: Plugin) -> list[_Item]:
    return [(f"timeout of {one.name}", int(one.timeout)) for one in plugin.operations.values()]
