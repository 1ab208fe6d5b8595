"""What a response schema says of an answer's shape: its kinds, its keys, what is below a key.

References are followed, `allOf` is taken together, and of `anyOf` and `oneOf` any branch will
do. Arrays are looked through, as paths do. A place that the schema leaves open may hold
anything; a property that is only ever written is not in an answer.

Schemas are JSON Schema 2020-12 with references to `#/components/schemas/NAME` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.values import Schema

REF = "#/components/schemas/"
ANYTHING: Schema = {}
COMPOSED = ("allOf", "anyOf", "oneOf")
_LONGEST = 60  # references to references, and arrays in arrays; the spec's reader allows 50
_DEEPEST = 200  # schemas in one another, of what is composed of them
_IMPLIED = {
    "object": ("properties", "additionalProperties", "patternProperties"),
    "array": ("items", "prefixItems"),
}
_TYPES = {
    dict: "object", list: "array", str: "string", bool: "boolean", int: "integer",
    float: "number", type(None): "null",
}  # fmt: skip


def reference(name: str) -> str:
    """The text of a reference to a component."""
    return REF + name.replace("~", "~0").replace("/", "~1")


def target(text: str) -> str:
    """The name of the component that a reference points to."""
    return text.removeprefix(REF).replace("~1", "/").replace("~0", "~")


class Shapes:
    """Reads schemas against one set of components."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self.components = components
        # Lenient components, and what these refer to: operations share most of them.
        self.served: dict[str, tuple[Schema, list[str]]] = {}
        # What is left of the components, by the paths that are dropped.
        self.less: dict[tuple[str, ...], Any] = {}
        # Lenient components without types. By identity, beside the schema itself, so that the
        # identity stays its own.
        self.untyped: dict[int, tuple[Schema, Schema]] = {}
        self._kinds: dict[int, tuple[Schema, frozenset[str] | None]] = {}
        self._members: dict[int, tuple[Any, dict[str, list[Schema]]]] = {}

    def resolve(self, schema: Any) -> Schema:
        """Follow a schema's references; what leads nowhere may be anything."""
        for _ in range(_LONGEST):
            if not isinstance(schema, dict):
                return ANYTHING
            if "$ref" not in schema:
                return schema
            schema = self.components.get(target(str(schema["$ref"])), ANYTHING)
        return ANYTHING

    def kinds(self, schema: Any, depth: int = _DEEPEST) -> frozenset[str] | None:
        """The JSON types that a value may have; None where the schema does not say, or only so
        many schemas deep."""
        schema = self.resolve(schema)
        if depth <= 0:
            return None
        known = self._kinds.get(id(schema))
        if known is not None:
            return known[1]
        found = _own_kinds(schema)
        self._kinds[id(schema)] = schema, found  # what leads back here sees this much
        for part in _list(schema, "allOf"):
            found = _both(found, self.kinds(part, depth - 1))
        for keyword in ("anyOf", "oneOf"):
            branches = [self.kinds(part, depth - 1) for part in _list(schema, keyword)]
            said = [one for one in branches if one is not None]
            if said and len(said) == len(branches):
                found = _both(found, frozenset().union(*said))
        self._kinds[id(schema)] = schema, found
        return found

    def parts(self, schema: Any) -> list[Schema]:
        """The schema and whatever it is composed of, references followed, each once."""
        found: dict[int, Schema] = {}
        waiting = [schema]
        while waiting:
            part = self.resolve(waiting.pop())
            if id(part) not in found:
                found[id(part)] = part
                composed = [_list(part, keyword) for keyword in COMPOSED]
                waiting += [one for several in composed for one in several][::-1]
        return list(found.values())

    def items(self, schema: Any) -> list[Schema]:
        """What the items of an array may be."""
        found = []
        for part in self.parts(schema):
            found += [self._dict(one) for one in _list(part, "prefixItems")]
            if "items" in part:
                found.append(self._dict(part["items"]))
        return _distinct(found) or [ANYTHING]

    def members(self, schema: Any) -> dict[str, list[Schema]]:
        """The keys that the schema names, each with what may stand there."""
        known = self._members.get(id(schema))
        if known is not None:
            return known[1]
        found: dict[str, list[Schema]] = {}
        for part in self.parts(schema):
            for key, value in part.get("properties", {}).items():
                if self.resolve(value).get("writeOnly") is not True:
                    found.setdefault(key, []).append(self._dict(value))
        members = {key: _distinct(values) for key, values in found.items()}
        self._members[id(schema)] = schema, members  # asked for each of a thousand names
        return members

    def others(self, schema: Any) -> list[Schema]:
        """What may stand at a key that the schema does not name; nothing where it is closed.

        An object that names keys and is silent about others is taken as closed: a path to
        another key is a typing error far more often than not.
        """
        found: list[Schema] = []
        named = False
        for part in self.parts(schema):
            more = part.get("additionalProperties")
            if more is True or isinstance(more, dict):
                found.append(self._dict(more))
            found += [self._dict(one) for one in part.get("patternProperties", {}).values()]
            named |= "properties" in part or more is False
        branches = [
            branch
            for part in self.parts(schema)
            for keyword in ("anyOf", "oneOf")
            for branch in _list(part, keyword)
        ]
        silent = any(not _says_something(self.resolve(one)) for one in branches)
        if not found and (silent or not named):
            kinds = self.kinds(schema)
            return [ANYTHING] if kinds is None or "object" in kinds else []
        return _distinct(found)

    def below(self, schema: Any, key: str | None, depth: int = 0) -> list[Schema]:
        """What may stand at a key (None: at any); arrays on the way are looked through.

        Returns:
            The schemas that may hold there; none where there is no such key.
        """
        kinds = self.kinds(schema)
        found: list[Schema] = []
        if kinds is None or "object" in kinds:
            members = self.members(schema)
            if key is None:
                found = [one for values in members.values() for one in values]
                found += self.others(schema)
            else:
                found = members.get(key) or self.others(schema)
        if kinds is not None and "array" in kinds and depth < _LONGEST:
            for item in self.items(schema):
                found += self.below(item, key, depth + 1)
        return _distinct(found)

    def names(self, schema: Any, depth: int = 0) -> list[str]:
        """The keys that could have been meant, arrays looked through."""
        kinds = self.kinds(schema)
        found = list(self.members(schema))
        if kinds is not None and "array" in kinds and depth < _LONGEST:
            found += [name for one in self.items(schema) for name in self.names(one, depth + 1)]
        return found

    @staticmethod
    def _dict(schema: Any) -> Schema:
        return schema if isinstance(schema, dict) else ANYTHING


def _own_kinds(schema: Schema) -> frozenset[str] | None:
    kind = schema.get("type")
    if kind is not None:
        return frozenset([kind] if isinstance(kind, str) else kind)
    values = schema.get("enum")
    if values is None and "const" in schema:
        values = [schema["const"]]
    if values is not None:
        return frozenset(_TYPES[type(one)] for one in values)
    for implied, keywords in _IMPLIED.items():
        if any(keyword in schema for keyword in keywords):
            return frozenset([implied])
    return None


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return (one & other) or one  # a schema that contradicts itself: the first word counts


def _says_something(schema: Schema) -> bool:
    said = ("type", "enum", "const", "allOf", "anyOf", "oneOf", *sum(_IMPLIED.values(), ()))
    if schema.get("type") == "object":
        return any(key in schema for key in said[1:])
    return any(key in schema for key in said)


def _list(schema: Schema, keyword: str) -> list[Any]:
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


def _distinct(schemas: list[Schema]) -> list[Schema]:
    """Without repetitions; what may be anything makes the others needless."""
    if any(not one for one in schemas):
        return [ANYTHING]
    found: list[Schema] = []
    for one in schemas:
        if one not in found:
            found.append(one)
    return found
