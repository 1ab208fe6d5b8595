"""The config types as JSON Schema (2020-12): what editors read and what the reader checks.

msgspec writes it; here the types' own meaning is added: a kind has exactly one key, an optional
key is left out rather than null, our scalars say how they are written.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import fields

from gateway.config import types

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"


def _build() -> Schema:
    (root,), definitions = msgspec.json.schema_components(
        [types.Plugin], schema_hook=_scalar, ref_template=_REFERENCE + "{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": {name: _fitted(name, schema) for name, schema in definitions.items()},
    }


def _scalar(kind: Any) -> Schema:
    if not hasattr(kind, "schema"):
        raise NotImplementedError(f"{kind} has no schema")
    schema: Schema = kind.schema()
    return schema


def _fitted(name: str, schema: Schema) -> Schema:
    """The schema of one struct, with what msgspec does not know of it."""
    struct: type[msgspec.Struct] = getattr(types, name)
    for field in fields(struct):
        key = field.encode_name
        schema["properties"][key] = _without_null(schema["properties"][key])
        if key in types.SHORT:
            schema["properties"][key] = _with_short(schema["properties"][key], key)
        if field.default_factory is not msgspec.NODEFAULT:
            value = field.default_factory()
            if hasattr(value, "written"):
                schema["properties"][key]["default"] = value.written
    if issubclass(struct, types.Kind):
        schema["minProperties"] = schema["maxProperties"] = 1
    if not schema["required"]:
        del schema["required"]
    return schema


def _with_short(schema: Schema, key: str) -> Schema:
    """A mapping, or what is short for one."""
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return {**rest, "anyOf": [types.SHORT[key][1].schema(), {"$ref": schema["$ref"]}]}


def _without_null(schema: Schema) -> Schema:
    """An optional key is left out: nothing behind it is a mistake, not a value."""
    options = schema.get("anyOf")
    if options is None or {"type": "null"} not in options:
        return schema
    left = [option for option in options if option != {"type": "null"}]
    if left == [{"type": "number"}, {"type": "integer"}]:
        left = left[:1]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **left[0]} if len(left) == 1 else {**rest, "anyOf": left}


SCHEMA = _build()


def resolve(schema: Schema) -> Schema:
    """The definition a `$ref` of our schema leads to; any other schema as it is."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Schema = SCHEMA["$defs"][reference.removeprefix(_REFERENCE)]
    return definition


def kinds(schema: Schema) -> list[str]:
    """The keys of a kind, of which exactly one is given; empty for every other schema."""
    return list(schema["properties"]) if schema.get("maxProperties") == 1 else []


def words(schema: Schema) -> str:
    """A schema's type in a person's words, one line, for messages and the reference page."""
    schema = resolve(schema)
    if "anyOf" in schema:
        return join([words(option) for option in schema["anyOf"]], "or")
    if "enum" in schema:
        return join([str(word) for word in schema["enum"]], "or")
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if kinds(schema):
        return f"a mapping with one of {join(kinds(schema), 'or')}"
    match schema.get("type"):
        case "array":
            inner = resolve(schema.get("items", {}))
            return f"a list of {join(inner['enum'], 'or')}" if "enum" in inner else "a list"
        case "object" if 0 < len(schema.get("properties", ())) <= _FEW:
            return f"a mapping of {join(list(schema['properties']), 'and')}"
        case name:
            return _NAMES.get(str(name), "any value")


_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "null": "nothing",
}
_FEW = 4


def join(parts: list[str], last: str) -> str:
    """`a, b or c`."""
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}" if len(parts) > 1 else "".join(parts)
