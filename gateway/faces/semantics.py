"""What an answer is about: where its rows are, and which of their members name them. Pure.

Read off the served schema, so it holds for the answer as the gateway sends it. Only what field
names say clearly is taken: a wrong title is worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gateway.plugin import Operation
from gateway.shrinking import Shapes
from gateway.shrinking.pages import Way
from gateway.values import Schema

# Of several lists, the one that holds the rows.
_ROWS = ("items", "data", "results", "records", "entries", "rows", "values")
# What each word of a platform's card is called in public APIs, the clearest name first.
_CALLED = {
    "title": ("title", "name", "full_name", "fullName", "display_name", "displayName", "headline",
              "subject"),
    "subtitle": ("subtitle", "description", "summary", "snippet"),
    "url": ("html_url", "htmlUrl", "web_url", "webUrl", "permalink", "url", "link"),
    "thumbnail_url": ("thumbnail_url", "thumbnailUrl", "thumbnail", "image_url", "imageUrl",
                      "avatar_url", "avatarUrl", "icon_url", "iconUrl"),
}  # fmt: skip
_ITSELF = frozenset(("id", *_CALLED["title"]))
_OTHER_TYPES = ("integer", "number", "boolean", "array", "object")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Meaning:
    """The keys that lead to the rows, () for the answer itself; and of a row, which member is
    its `title`, `subtitle`, `url` and `thumbnail_url`."""

    rows: Way = ()
    named: dict[str, str] = field(default_factory=dict)


def meaning(operation: Operation) -> Meaning:
    """Find out what an operation's answer is about."""
    shapes = Shapes(operation.shrinker.components)
    top = operation.shrinker.schema
    kind, row = _kind(top, shapes), top
    way: Way = ()
    if kind == "array":
        row = _any_of(shapes.items(top))
    elif kind == "object":
        lists = dict(_lists(top, shapes))
        way = _chosen(operation, list(lists), shapes.members(top))
        row = lists.get(way, top)
    members = shapes.members(row)
    named = {}
    for word, names in _CALLED.items():
        known = (name for name in names if name in members)
        found = next((one for one in known if _is_text(_any_of(members[one]), shapes)), None)
        if found is not None:
            named[word] = found
    return Meaning(way, named)


def _chosen(operation: Operation, ways: list[Way], members: Collection[str]) -> Way:
    """The list that holds the rows: the one that is paged, the one so called, or the only one.

    What has an id or a name itself is one thing, whose lists are only parts of it.
    """
    paging = operation.paging
    if paging is not None and paging.served in ways:
        return paging.served
    if not _ITSELF.isdisjoint(members):
        return ()
    for depth in (1, 2):
        here = [way for way in ways if len(way) == depth]
        called = [way for name in _ROWS for way in here if way[-1] == name]
        if here:
            return here[0] if len(here) == 1 else (called or [()])[0]
    return ()


def _lists(top: Schema, shapes: Shapes) -> Iterator[tuple[Way, Schema]]:
    """The lists of objects at the top and one object below it, each with the schema of a row."""
    level: list[tuple[Way, Schema]] = [((), top)]
    for _ in range(2):
        below: list[tuple[Way, Schema]] = []
        for way, schema in level:
            for name, several in shapes.members(schema).items():
                one = _any_of(several)
                kind = _kind(one, shapes)
                if kind == "object":
                    below.append(((*way, name), one))
                elif kind == "array":
                    row = _any_of(shapes.items(one))
                    if _kind(row, shapes) == "object":
                        yield (*way, name), row
        level = below


def _kind(schema: Schema, shapes: Shapes) -> str | None:
    """The one type that a value has, null aside; None where it may have several."""
    taken = (shapes.kinds(schema) or frozenset()) - {"null"}
    return next(iter(taken)) if len(taken) == 1 else None


def _is_text(schema: Schema, shapes: Shapes) -> bool:
    """Whether it may be a text: an answer's types may stand in its words alone."""
    said = shapes.resolve(schema).get("description")
    return _kind(schema, shapes) in (None, "string") and said not in _OTHER_TYPES


def _any_of(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def json_path(keys: Way) -> str:
    """A path as a query of RFC 9535, whose quoted names are texts of JSON."""
    return "$" + "".join(
        f".{key}" if _PLAIN.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
        for key in keys
    )
