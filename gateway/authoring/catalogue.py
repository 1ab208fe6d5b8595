"""A spec's operations with what people know them by. Pure, one pass, linear in the spec.

Names are those that the model would see if all were served (`choose`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.choose import Chosen, choose
from gateway.config import Loaded, types
from gateway.config.scalars import Budget
from gateway.errors import SpecError
from gateway.listing import ADDITIONAL, Listed, listed, why_empty
from gateway.references import References

_PATH = re.compile("/[^\x00-\x1f\x7f\ud800-\udfff]*")  # what an address can be made of
_CONSEQUENTIAL = "x-openai-isConsequential"
_MOST_NAMES = 200  # parameters and properties of one operation that can be searched by


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of a spec. `names` are its parameters' and its body's properties'.

    `security` are its own requirements, raw; None where the document's hold. `consequential` is
    what it says of itself, as specs for GPT Actions do.
    """

    name: str
    method: str
    path: str
    operation_id: str | None
    summary: str
    description: str
    tags: tuple[str, ...]
    names: tuple[str, ...]
    deprecated: bool
    security: Any = None
    consequential: bool | None = None

    @property
    def place(self) -> str:
        """`METHOD /path`."""
        return f"{self.method} {self.path}"

    @property
    def is_servable(self) -> bool:
        """Whether a config can name it: a method that is served, at a path that is one."""
        return self.method in types.METHODS and _PATH.fullmatch(self.path) is not None


def catalogue(
    document: Mapping[str, Any], references: References, location: str
) -> tuple[Entry, ...]:
    """All operations of a spec, in its order.

    Raises:
        WantedError: other files of the spec are to be read first.
        SpecError: it has no operations.
    """
    every = listed(document, references)
    references.check()
    if not every:
        raise SpecError(f"{location}: {why_empty(document, references)}")
    chosen, _ = choose(in_memory("all"), every)
    paths = references.followed(document.get("paths"))
    entries = []
    items: dict[str, tuple[Mapping[str, Any], str]] = {}
    for one in chosen:
        path = one.listed.path
        if path not in items:
            item = references.followed(paths.items.get(path), paths.base_of(path))
            items[path] = item.items, item.target
        entries.append(_entry(one, *items[path], references))
    references.check()
    return tuple(entries)


def in_memory(
    operations: Any, *, plugin: str = "plugin", url: str | None = None, whole: bool = False
) -> Loaded:
    """A config that stands in no file. `whole`: answers are never cut."""
    config = types.Plugin(
        plugin=plugin,
        spec="spec",
        upstream=types.Upstream(url=url),
        budget=Budget(0) if whole else Budget(8000),
        operations=operations,
    )
    return Loaded(Path("config"), config)


def pick(entries: Sequence[Entry], wanted: Iterable[str]) -> tuple[list[Entry], list[str]]:
    """The operations that are named: by our name, operationId, `METHOD /path`, glob, or `all`.

    Returns:
        The operations, each once, in the order of the names; and what is wrong with names.
    """
    by_name = {one.name: one for one in entries}
    by_place = {(one.method, one.path): one for one in entries}
    every = [Listed(one.method, one.path, one.operation_id) for one in entries]
    found: dict[str, Entry] = {}
    faults = []
    for word in wanted:
        if word in by_name:
            found[by_name[word].place] = by_name[word]
            continue
        if word == "all":
            found |= {one.place: one for one in entries if one.is_servable}
            continue
        chosen, mistakes = choose(in_memory([word]), every)
        faults += [mistake.message for mistake in mistakes]
        for one in chosen:
            entry = by_place[one.listed.method, one.listed.path]
            found[entry.place] = entry
    return list(found.values()), faults


def settings(
    entries: Iterable[Entry], *, as_said: bool = False
) -> dict[str, types.Operation | None]:
    """The `operations` of a config that serves these, under their names.

    A spec may say of a call that it is consequential. That one is not is for the operator to say,
    so it counts only with `as_said`.
    """
    return {
        one.name: types.Operation(
            call=call_of(one), confirm=one.consequential if as_said else one.consequential or None
        )
        for one in entries
    }


def call_of(entry: Entry) -> str:
    """What a config calls an operation by."""
    return entry.place


def _entry(chosen: Chosen, item: Mapping[str, Any], base: str, references: References) -> Entry:
    one = chosen.listed
    raw = _operation(item, one.method)
    parameters = [*_list(item.get("parameters")), *_list(raw.get("parameters"))]
    names = dict.fromkeys(_names(parameters, raw, base, references))
    return Entry(
        name=chosen.name,
        method=one.method,
        path=one.path,
        operation_id=one.operation_id,
        summary=one.summary.strip(),
        description=_text(raw.get("description")).strip(),
        tags=one.tags,
        names=tuple(names)[:_MOST_NAMES],
        deprecated=raw.get("deprecated") is True,
        security=raw.get("security"),
        consequential=said if isinstance(said := raw.get(_CONSEQUENTIAL), bool) else None,
    )


def _operation(item: Mapping[str, Any], method: str) -> Mapping[str, Any]:
    for word, operation in item.items():
        if word.upper() == method and isinstance(operation, dict):
            return operation
    return _map(_map(item.get(ADDITIONAL)).get(method))


def _names(
    parameters: list[Any], raw: Mapping[str, Any], base: str, references: References
) -> Iterator[str]:
    bodies = []
    for parameter in parameters[:_MOST_NAMES]:
        said = references.followed(parameter, base)
        if said.items.get("in") == "body":  # Swagger 2
            bodies.append((said.items.get("schema"), said.base_of("schema")))
        else:
            yield _text(said.items.get("name"))
    body = references.followed(raw.get("requestBody"), base)
    content = _map(body.items.get("content")).values()
    bodies += [(_map(media).get("schema"), body.base_of("content")) for media in content]
    for schema, where in bodies:
        yield from map(str, _map(references.followed(schema, where).items.get("properties")))


def _map(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""
