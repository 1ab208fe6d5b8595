"""What platforms take, beside what a plugin says. For `gateway check`; nothing is ever cut.

Sources: OpenAI's plugin documentation of July to September 2023 (its later, stricter figures);
"Production notes" of GPT Actions. Both count characters. What nobody documents and many
repeat (thirty operations, a megabyte of spec) is marked as reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from gateway.config import types
from gateway.faces.documents import Document
from gateway.faces.manifest import MANIFEST
from gateway.plugin import Plugin

CHATGPT = "chatgpt-plugin"
ACTIONS = "gpt-actions"
PLATFORMS = (CHATGPT, ACTIONS)

# Of the manifest's texts: the key of the YAML that gives it, and what is taken.
_MANIFEST_CHARACTERS = {
    "name_for_human": ("title", types.LENGTHS["title"]),
    "name_for_model": ("plugin", 50),
    "description_for_human": ("summary", types.LENGTHS["summary"]),
    "description_for_model": ("description", types.LENGTHS["description"]),
}
# Of an operation's summary and description, and of a parameter's description.
_SPEC_CHARACTERS = {CHATGPT: (200, 200), ACTIONS: (300, 700)}
_SECONDS = 45
_OPERATIONS_REPORTED = 30
_SPEC_BYTES_REPORTED = 1_000_000

Path = tuple[str, ...]
_Item = tuple[str, int, Path]  # what, how long it is, and where the YAML would say it


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing a platform bounds: how much there is of it, and how much it takes.

    `path` is where the YAML says it, or would.
    """

    platform: str
    item: str
    value: int
    allowed: int
    unit: str = "characters"
    path: Path = field(default=(), compare=False)

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
        Limit(CHATGPT, name, len(manifest[name]), allowed, path=(key,))
        for name, (key, allowed) in _MANIFEST_CHARACTERS.items()
    ]
    for platform, (text, parameter) in _SPEC_CHARACTERS.items():
        for key in ("summary", "description"):
            found += _telling(platform, [_text(one, key) for one in operations], text)
        items = chain.from_iterable(map(_parameters, operations))
        found += _telling(platform, items, parameter)
        found += _telling(platform, _timeouts(plugin), _SECONDS, "seconds")
    many, size = len(operations), len(spec.body)
    at = ("operations",)
    found += [
        Limit(ACTIONS, "operations (reported)", many, _OPERATIONS_REPORTED, "operations", at),
        Limit(ACTIONS, "size of the spec (reported)", size, _SPEC_BYTES_REPORTED, "bytes", at),
    ]
    return tuple(found)


def _telling(
    platform: str, items: Iterable[_Item], allowed: int, unit: str = "characters"
) -> list[Limit]:
    """Keep what is over, or else the longest."""
    rows = [Limit(platform, item, value, allowed, unit, path) for item, value, path in items]
    return [row for row in rows if row.over] or sorted(rows, key=lambda row: -row.value)[:1]


def _operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in spec["paths"].values():
        yield from item.values()


def _text(operation: dict[str, Any], key: str) -> _Item:
    name = operation["operationId"]
    return f"{key} of {name}", len(operation.get(key, "")), ("operations", name, key)


def _parameters(operation: dict[str, Any]) -> Iterator[_Item]:
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        yield (
            f"description of {parameter['name']!r} of {name}",
            len(parameter.get("description", "")),
            ("operations", name, "parameters", parameter["name"], "description"),
        )
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for key, schema in media.get("schema", {}).get("properties", {}).items():
            words = schema.get("description", "") if isinstance(schema, dict) else ""
            at = ("operations", name, "parameters", key, "description")
            yield f"description of {key!r} of {name}", len(words), at


def _timeouts(plugin: Plugin) -> list[_Item]:
    return [
        (f"timeout of {one.name}", int(one.timeout), ("operations", one.name, "timeout"))
        for one in plugin.operations.values()
    ]
