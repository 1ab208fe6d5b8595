"""What a JSON Schema allows, as far as writing a request needs to know it. Pure.

Schemas are 2020-12 and hostile: references may be circular or lead nowhere, so every walk
has a depth. `components` maps the NAME of `#/components/schemas/NAME` to its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.values import Schema

Components = Mapping[str, Schema]

# Deeper than any composition seen in public specs (9), shallow enough for a hostile one.
DEPTH = 24
REFERENCE = "#/components/schemas/"
ANYTHING = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
SCALARS = frozenset({"string", "integer", "number", "boolean"})
# The text that says nothing, where a parameter's `allowEmptyValue` lets it through.
EMPTY: Schema = {"type": "string", "const": ""}

_UNIONS = ("anyOf", "oneOf")
_ONLY_SAYS = {"required", "title", "description"}  # members that do not change which properties


def resolve(schema: Any, components: Components) -> Schema:
    """The schema behind a chain of `$ref`s, what stands beside one laid over it.

    A reference to nothing, a circle and a boolean schema all read as `{}`: anything goes.
    """
    beside: Schema = {}
    for _ in range(DEPTH):
        if not isinstance(schema, dict):
            return beside
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            return {**schema, **beside} if beside else schema
        beside = {**{key: schema[key] for key in schema if key != "$ref"}, **beside}
        schema = components.get(ref.removeprefix(REFERENCE).replace("~1", "/").replace("~0", "~"))
    return beside


def kinds(schema: Any, components: Components) -> frozenset[str]:
    """The JSON types that a schema lets through, `number` counting as `integer` too."""
    return _kinds(schema, components, DEPTH, {})


def _kinds(
    schema: Any, components: Components, depth: int, known: dict[str, frozenset[str]]
) -> frozenset[str]:
    """`known` are the components that were looked at: twenty of them, each of three of the next,
    are three thousand million ways."""
    name = schema.get("$ref") if isinstance(schema, dict) and len(schema) == 1 else None
    if isinstance(name, str) and name in known:
        return known[name]
    schema = resolve(schema, components)
    allowed = _own_kinds(schema)
    if depth > 0:
        for member in _members(schema, "allOf"):
            allowed &= _kinds(member, components, depth - 1, known)
        for union in _UNIONS:
            if members := _members(schema, union):
                allowed &= frozenset[str]().union(
                    *(_kinds(member, components, depth - 1, known) for member in members)
                )
    if isinstance(name, str):
        known[name] = allowed
    return allowed


def _own_kinds(schema: Schema) -> frozenset[str]:
    """What `type` says, or where it is missing, what the other keywords mean."""
    named = schema.get("type")
    if isinstance(named, str):
        named = [named]
    if isinstance(named, list):
        allowed = ANYTHING.intersection(name for name in named if isinstance(name, str))
        return allowed | {"integer"} if "number" in allowed else allowed
    if isinstance(schema.get("enum"), list):
        return frozenset(map(kind_of, schema["enum"]))
    if "properties" in schema:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema else ANYTHING


def _members(schema: Schema, keyword: str) -> list[Any]:
    members = schema.get(keyword)
    return members if isinstance(members, list) else []


def or_empty(schema: Schema, components: Components) -> Schema:
    """A schema that lets the empty text through, too, where it may not do so by itself.

    An object, whose empty text no style defines, is left as it is (OpenAPI 3.1.1 §4.8.12.2.1).
    """
    known = resolve(schema, components)
    allowed = kinds(known, components)
    binds = known.keys() & {"enum", "const", "minLength", "pattern", "format", *_UNIONS, "allOf"}
    if "object" in allowed or ("string" in allowed and not binds):
        return schema
    said: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    bare = {key: value for key, value in schema.items() if key not in said}
    return {**said, "anyOf": [bare, EMPTY]}


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case dict():
            return "object"
        case list() | tuple():
            return "array"
        case int():
            return "integer"
    return "number"


def properties(schema: Any, components: Components) -> tuple[dict[str, Schema], set[str]] | None:
    """The writable properties of an object that declares them all, and the required ones.

    None where it is something else, or open: with `additionalProperties`, or a choice between
    shapes. A choice that only says which properties are needed together is not one. What is
    `readOnly` is left out (OpenAPI 3.1 Schema Object); what is required but never declared
    is let in, since without it the call could not be made.
    """
    found: dict[str, Schema] = {}
    required: set[str] = set()
    if not _collect(schema, components, (found, required, set()), DEPTH) or not found:
        return None
    for name in required - found.keys():
        found[name] = {}
    hidden = {name for name in found if resolve(found[name], components).get("readOnly") is True}
    return {name: found[name] for name in found if name not in hidden}, required - hidden


def components_of(schema: Any, components: Components) -> frozenset[str]:
    """The components that an object is made of, by name: through `$ref` and `allOf`."""
    found: set[str] = set()
    open_ = [schema]
    while open_:
        node = open_.pop()
        if not isinstance(node, dict):
            continue
        open_ += _members(node, "allOf")
        ref = node.get("$ref")
        name = ref.removeprefix(REFERENCE) if isinstance(ref, str) else None
        if name is not None and name not in found:
            found.add(name)
            open_.append(components.get(name))
    return frozenset(found)


def _collect(
    schema: Any,
    components: Components,
    into: tuple[dict[str, Schema], set[str], set[str]],
    depth: int,
) -> bool:
    """Gather through `$ref` and `allOf`; False where the object is open or none.

    `into` are the properties, the required names, and the components that were looked at.
    """
    found, required, seen = into
    name = schema.get("$ref") if isinstance(schema, dict) and len(schema) == 1 else None
    if isinstance(name, str):
        if name in seen:
            return True  # or it has been said already that it is not
        seen.add(name)
    schema = resolve(schema, components)
    if depth <= 0 or "object" not in _own_kinds(schema) or _is_open(schema):
        return False
    declared = schema.get("properties")
    for name, written in declared.items() if isinstance(declared, dict) else ():
        member: Schema = written if isinstance(written, dict) else {}
        known = found.get(name)
        found[name] = member if known in (None, {}, member) else {"allOf": [known, member]}
    names = schema.get("required")
    required.update(name for name in (names if isinstance(names, list) else ()) if name != "")
    return all(
        _collect(member, components, into, depth - 1) for member in _members(schema, "allOf")
    )


def _is_open(schema: Schema) -> bool:
    """Whether it takes properties that it does not declare, or is one of several shapes."""
    if schema.get("additionalProperties", False) is not False or schema.get("patternProperties"):
        return True
    if "enum" in schema or "const" in schema:
        return True
    return any(
        not isinstance(member, dict) or not member.keys() <= _ONLY_SAYS
        for union in _UNIONS
        for member in _members(schema, union)
    )


def edit(
    schema: Any,
    path: tuple[str, ...],
    change: Callable[[Schema, str], None],
    components: Components,
) -> Schema | None:
    """A copy with `change(object schema, property)` done wherever `path` leads; None: nowhere.

    `change` may alter the `properties` and `required` of what it is given, both fresh copies.
    """
    return _edit(schema, path, change, components, DEPTH, set())


def _edit(
    schema: Any,
    path: tuple[str, ...],
    change: Callable[[Schema, str], None],
    components: Components,
    depth: int,
    missed: set[tuple[str, int]],
) -> Schema | None:
    """`missed` are components that hold nothing of a path so long: none is looked at twice."""
    name = schema.get("$ref") if isinstance(schema, dict) and len(schema) == 1 else None
    if depth <= 0 or (isinstance(name, str) and (name, len(path)) in missed):
        return None
    schema = resolve(schema, components)
    copy = dict(schema)
    hit = False
    declared = schema.get("properties")
    if isinstance(declared, dict) and path[0] in declared:
        copy["properties"] = inner = dict(declared)
        copy["required"] = list(schema.get("required") or ())
        if len(path) == 1:
            change(copy, path[0])
            hit = True
        elif changed := _edit(inner[path[0]], path[1:], change, components, depth - 1, missed):
            inner[path[0]] = changed
            hit = True
        if not copy["required"]:
            del copy["required"]
    for keyword in ("allOf", *_UNIONS):
        members = _members(schema, keyword)
        changes = [_edit(member, path, change, components, depth - 1, missed) for member in members]
        if any(changes):
            copy[keyword] = [new or old for new, old in zip(changes, members, strict=True)]
            hit = True
    if hit:
        return copy
    if isinstance(name, str):
        missed.add((name, len(path)))
    return None


def at(schema: Any, path: tuple[str, ...], components: Components) -> tuple[Schema, bool] | None:
    """The schema of a nested property and whether it is required; None where there is none."""
    seen: list[tuple[Schema, bool]] = []

    def look(owner: Schema, name: str) -> None:
        member = owner["properties"][name]
        seen.append((member if isinstance(member, dict) else {}, name in owner["required"]))

    edit(schema, path, look, components)
    return seen[0] if seen else None
