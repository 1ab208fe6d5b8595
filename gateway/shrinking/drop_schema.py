"""The schema of an answer without the properties that paths of `drop` take away.

Kinds of `drop` go by values, so whatever they may take stays described. Components are shared by
the operations of a spec, and of one component not every place may lose the same: so operations
with the same paths have components of their own. A component keeps its name where it is first
met, and is a twin under another name where something else of it is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.config.scalars import DROP_KINDS
from gateway.shrinking.drops import place_of
from gateway.shrinking.places import Place
from gateway.shrinking.shapes import COMPOSED, Shapes, reference, target
from gateway.values import Schema


def without_dropped(
    schema: Schema | None, entries: Sequence[str], shapes: Shapes
) -> tuple[Schema | None, Shapes]:
    """The schema without what the paths among the entries take away; None stays None.

    Returns:
        The schema, and what its references point to.
    """
    paths = tuple(entry for entry in entries if entry not in DROP_KINDS)
    place = place_of(paths)
    if schema is None or place is None:
        return schema, shapes
    if paths not in shapes.less:
        shapes.less[paths] = _Less(shapes, place)
    less: _Less = shapes.less[paths]
    return less.schema(schema), less.shapes


class _Less:
    """What is left of schemas, and of the components that they lead to."""

    def __init__(self, shapes: Shapes, root: Place) -> None:
        self._root = root
        self._whole = shapes.components
        self._components = dict(shapes.components)
        self._names: dict[tuple[str, int], str] = {}
        self._given: set[str] = set()
        self._waiting: list[tuple[str, str, Place | None]] = []
        self.shapes = Shapes(self._components)

    def schema(self, schema: Schema) -> Schema:
        """What is left of the schema of a whole answer."""
        left: Schema = self._left(schema, self._root)
        while self._waiting:
            given, name, place = self._waiting.pop()
            self._components[given] = self._left(self._whole[name], place)
        return left

    def _left(self, schema: Any, place: Place | None) -> Any:
        """What is left of a schema at a place, None being one below which nothing is dropped."""
        if not isinstance(schema, dict):
            return schema
        out = dict(schema)
        name = target(str(schema.get("$ref", "")))
        if name in self._whole:
            out["$ref"] = reference(self._name(name, place))
        if "properties" in schema:
            out["properties"] = self._members(schema["properties"], place)
        other = place.other if place else None
        for keyword in ("additionalProperties", "patternProperties"):
            if keyword in schema and other and other.ends:
                del out[keyword]
        if "additionalProperties" in out:
            out["additionalProperties"] = self._left(schema["additionalProperties"], other)
        if "patternProperties" in out:
            out["patternProperties"] = {
                pattern: self._left(one, other)
                for pattern, one in schema["patternProperties"].items()
            }
        if "items" in schema:
            out["items"] = self._left(schema["items"], place)
        for keyword in ("prefixItems", *COMPOSED):
            if keyword in schema:
                out[keyword] = [self._left(one, place) for one in schema[keyword]]
        return out

    def _members(self, members: dict[str, Any], place: Place | None) -> dict[str, Any]:
        if place is None:
            return {key: self._left(one, None) for key, one in members.items()}
        found = {}
        for key, one in members.items():
            below = place.members.get(key, place.other)
            if below is None or not below.ends:
                found[key] = self._left(one, below)
        return found

    def _name(self, name: str, place: Place | None) -> str:
        """What a component is called at a place."""
        known = self._names.get((name, id(place)))
        if known is not None:
            return known
        given = name
        while given in self._given or (given != name and given in self._whole):
            given += "_less"
        self._given.add(given)
        self._names[name, id(place)] = given
        self._waiting.append((given, name, place))
        return given
