"""What a plugin says beside what platforms take: the form of a finding, and OpenAI's figures.

For `gateway check`; nothing is ever cut. `platforms` has the other platforms, and knows them all.

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
from gateway.config.cascade import BUDGET
from gateway.faces.documents import Document
from gateway.faces.manifest import MANIFEST
from gateway.plugin import Operation, Plugin

CHATGPT = "chatgpt-plugin"
ACTIONS = "actions"

# Of the manifest's texts: the key of the YAML that gives it, and what is taken.
_MANIFEST_CHARACTERS = {
    "name_for_human": ("title", types.LENGTHS["title"]),
    "name_for_model": ("plugin", 50),
    "description_for_human": ("summary", types.LENGTHS["summary"]),
    "description_for_model": ("description", types.LENGTHS["description"]),
}
# Of an operation's summary and description, and of a parameter's description.
_SPEC_CHARACTERS = {CHATGPT: (200, 200), ACTIONS: (300, 700)}
_SOURCES = {
    CHATGPT: "OpenAI's plugin documentation, July 2023",
    ACTIONS: "OpenAI's production notes on Actions",
}
_REPORTED = "nobody documents it; see kovartravis/tripkit#12"
_SECONDS = 45
_ANSWER_CHARACTERS = 99_999  # they are "less than 100,000"
_OPERATIONS_REPORTED = 30
_SPEC_BYTES_REPORTED = 1_000_000
_NAMED = 2  # operations in one line

Path = tuple[str, ...]
Documents = Mapping[str, Document]
_Item = tuple[str, int, Path]  # what, how long it is, and where the YAML would say it


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing a platform bounds: how much there is of it, and how much it takes.

    `value` is None where there is no bound; `allowed` is 0 of what is not taken at all. `path`
    is where the YAML says it, or would; `source` says who gives the figure, `instead` what to
    write. What is `soft` a platform takes all the same, but worse.
    """

    platform: str
    item: str
    value: int | None
    allowed: int
    unit: str = "characters"
    path: Path = field(default=(), compare=False)
    source: str = field(default="", compare=False)
    instead: str = field(default="", compare=False)
    soft: bool = field(default=False, compare=False)

    @property
    def over(self) -> bool:
        """Whether the platform may refuse or ignore it."""
        return self.value is None or self.value > self.allowed

    @property
    def text(self) -> str:
        """What is over, by how much, who says so, and what to do."""
        if not self.allowed:
            told = f"{self.item} is not taken"
        elif self.value is None:
            told = f"{self.item} has no bound, at most {self.allowed:,} {self.unit} are taken"
        else:
            more = self.value - self.allowed
            told = (
                f"{self.item} is {self.value:,} {self.unit}, at most {self.allowed:,} are taken, "
                f"so {more:,} too many"
            )
        source = f" ({self.source})" if self.source else ""
        return f"{self.platform}: {told}{source}" + (f"; {self.instead}" if self.instead else "")


def chatgpt(plugin: Plugin, documents: Documents) -> Iterator[Limit]:
    """What ChatGPT's plugins took, and whoever still reads their documents may take."""
    manifest = msgspec.json.decode(documents[MANIFEST].body)
    for name, (key, allowed) in _MANIFEST_CHARACTERS.items():
        yield Limit(
            CHATGPT,
            name,
            len(manifest[name]),
            allowed,
            path=(key,),
            source=_SOURCES[CHATGPT],
            instead=f"write a shorter `{key}`",
        )
    yield from _of_spec(CHATGPT, plugin, documents)


def actions(plugin: Plugin, documents: Documents) -> Iterator[Limit]:
    """What GPT Actions take."""
    yield from _of_spec(ACTIONS, plugin, documents)
    spec = documents["/openapi.json"]
    many = sum(1 for _ in _operations(msgspec.json.decode(spec.body)))
    at = ("operations",)
    fewer = "choose fewer operations"
    yield Limit(
        ACTIONS, "operations (reported)", many, _OPERATIONS_REPORTED, "operations", at,
        _REPORTED, fewer,
    )  # fmt: skip
    yield Limit(
        ACTIONS, "size of the spec (reported)", len(spec.body), _SPEC_BYTES_REPORTED, "bytes", at,
        _REPORTED, fewer,
    )  # fmt: skip


def _of_spec(platform: str, plugin: Plugin, documents: Documents) -> Iterator[Limit]:
    """Both read the spec, and call what it describes."""
    operations = list(_operations(msgspec.json.decode(documents["/openapi.json"].body)))
    source = _SOURCES[platform]
    text, parameter = _SPEC_CHARACTERS[platform]
    for key in ("summary", "description"):
        items = [_text(one, key) for one in operations]
        yield from telling(platform, items, text, source, "write a shorter `description`")
    described = chain.from_iterable(map(_parameters, operations))
    yield from telling(platform, described, parameter, source, "write a shorter one")
    yield from seconds(platform, plugin, _SECONDS, source)
    yield from budgets(platform, plugin, _ANSWER_CHARACTERS, "characters", source)


# --- what several platforms bound -------------------------------------------------------------


def telling(
    platform: str,
    items: Iterable[_Item],
    allowed: int,
    source: str,
    instead: str = "",
    *,
    unit: str = "characters",
    soft: bool = False,
) -> list[Limit]:
    """Of many things of one kind those that are over, or else the longest."""
    rows = [
        Limit(platform, item, value, allowed, unit, path, source, instead, soft)
        for item, value, path in items
    ]
    return [row for row in rows if row.over] or sorted(rows, key=lambda row: -(row.value or 0))[:1]


def seconds(platform: str, plugin: Plugin, allowed: int, source: str) -> list[Limit]:
    """How long a call may take."""
    items = [
        (f"timeout of {one.name}", int(one.timeout), ("operations", one.name, "timeout"))
        for one in plugin.operations.values()
    ]
    return telling(platform, items, allowed, source, f"write timeout: {allowed}s", unit="seconds")


def budgets(platform: str, plugin: Plugin, allowed: int, unit: str, source: str) -> Iterator[Limit]:
    """How large an answer may be, by the budget that bounds it; those alike in one line."""
    alike: dict[int, list[Operation]] = {}
    whole = BUDGET if plugin.config.budget is None else plugin.config.budget
    for one in plugin.chosen:
        budget = one.shrinker.budget
        value = budget.tokens if unit == "tokens" else budget.chars
        alike.setdefault(value, []).append(one)
    over = [value for value in alike if not 0 < value <= allowed]
    for value in over or sorted(alike)[-1:]:
        names = [one.name for one in alike[value]]
        more = len(names) - _NAMED
        some = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        is_all = all(one.shrinker.budget == whole for one in alike[value])
        less = (allowed // 1000) * 1000
        instead = (
            f"write budget: {less}" if unit == "tokens" else f"write budget: {{chars: {less}}}"
        )
        yield Limit(
            platform, f"budget of {some}", value or None, allowed, unit,
            ("budget",) if is_all else ("operations", names[0], "budget"), source, instead,
        )  # fmt: skip


# --- the spec as it is served -----------------------------------------------------------------


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
