"""A tool's schema as OpenAI's strict mode takes it, or why that cannot be. Pure.

In strict mode a model cannot write anything that the schema does not allow. Every object is
closed and every property required, so what is optional takes null, which `request.build` reads as
"not given" wherever the upstream takes no null. A property that may be left out *or* be null is
told apart by no schema of this kind: there, null could empty a field that nobody meant to touch.

Source: OpenAI's guide to structured outputs, "Supported schemas".
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gateway.faces.joined import ANYTHING
from gateway.faces.plainer import add_words
from gateway.values import Schema

MOST_PROPERTIES, MOST_LEVELS, MOST_CHARACTERS, MOST_VALUES = 5_000, 10, 120_000, 1_000
LONG_ENUM, LONG_ENUM_CHARACTERS = 250, 15_000
_NULL: Schema = {"type": "null"}
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_KEPT = ("type", "enum", "minimum", "maximum", "minItems", "maxItems", "title", "$ref")
# What strict mode does not know is said in words.
_SAID = {
    "default": "Default: {}.",
    "maxLength": "At most {} characters.",
}


class NotStrictError(Exception):
    """A schema cannot be strict; the text says why."""


@dataclass(slots=True)
class _Counted:
    properties: int = 0
    characters: int = 0
    values: int = 0


def strict(schema: Schema, as_absent: Collection[str] = ()) -> Schema:
    """A strict form of a portable schema.

    Args:
        schema: Of all arguments of a tool.
        as_absent: The arguments for which null is the same as nothing.

    Raises: NotStrictError.
    """
    counted = _Counted()
    definitions = schema.get("$defs", {})
    out = _object(schema, "", 1, counted, definitions, as_absent)
    if definitions:
        out["$defs"] = {
            name: _strict(one, name, 1, counted, definitions) for name, one in definitions.items()
        }
    counted.characters += sum(map(len, definitions))
    for count, most, what in (
        (counted.properties, MOST_PROPERTIES, "properties"),
        (counted.characters, MOST_CHARACTERS, "characters of names and values"),
        (counted.values, MOST_VALUES, "values of enums"),
    ):
        if count > most:
            raise NotStrictError(f"{count:,} {what}, at most {most:,} are taken")
    return out


def _strict(
    node: Schema, path: str, level: int, counted: _Counted, definitions: dict[str, Schema]
) -> Schema:
    if level > MOST_LEVELS:
        raise NotStrictError(f"{path!r} is more than {MOST_LEVELS} levels deep")
    if node.get("anyOf") is ANYTHING or node.get("anyOf") == ANYTHING:
        raise NotStrictError(f"{path!r} takes any value")
    if node.get("type") == "object":
        return _object(node, path, level, counted, definitions, ())
    out = {key: node[key] for key in _KEPT if key in node}
    if node.get("format") in _FORMATS:
        out["format"] = node["format"]
    if "pattern" in node and "(?" not in node["pattern"]:
        out["pattern"] = node["pattern"]
    if "enum" in node:
        _count_enum(node["enum"], path, counted)
    if "items" in node:
        out["items"] = _strict(node["items"], f"{path}[]", level + 1, counted, definitions)
    if "anyOf" in node:
        out["anyOf"] = [_strict(one, path, level, counted, definitions) for one in node["anyOf"]]
    return _in_words(node, out)


def _object(
    node: Schema,
    path: str,
    level: int,
    counted: _Counted,
    definitions: dict[str, Schema],
    as_absent: Collection[str],
) -> Schema:
    called = repr(path) if path else "it"
    properties = node.get("properties", {})
    if node.get("additionalProperties", False) is not False:
        raise NotStrictError(f"{called} takes properties of any name")
    if not properties and "additionalProperties" not in node:
        raise NotStrictError(f"{called} is an object whose members are not described")
    if "anyOf" in node:
        raise NotStrictError(f"{called} is one of several forms that share properties")
    counted.properties += len(properties)
    counted.characters += sum(map(len, properties))
    required = node.get("required", ())
    served: dict[str, Schema] = {}
    for name, one in properties.items():
        below = f"{path}.{name}" if path else name
        inner = _strict(one, below, level + 1, counted, definitions)
        if name not in required:
            takes_null = _takes_null(one, definitions)
            if takes_null and name not in as_absent:
                raise NotStrictError(f"{below!r} may be null or left out, which differ")
            inner = inner if takes_null else _or_null(inner)
        served[name] = inner
    out: Schema = {"type": "object", "properties": served, "required": list(served)}
    out["additionalProperties"] = False
    return _in_words(node, out)


def _in_words(node: Schema, out: Schema) -> Schema:
    if node.get("description"):
        out["description"] = node["description"]
    for key, text in _SAID.items():
        if key in node and node[key] not in (None, ""):
            add_words(out, text.format(json.dumps(node[key], ensure_ascii=False, default=str)))
    return out


def _takes_null(node: Schema, definitions: dict[str, Schema]) -> bool:
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    forms = node.get("anyOf", ())
    return node.get("type") == "null" or any(one.get("type") == "null" for one in forms)


def _or_null(node: Schema) -> Schema:
    """Null as another form; the words stay with the value."""
    if "anyOf" in node and "type" not in node:
        return {**node, "anyOf": [*node["anyOf"], _NULL]}
    words: Schema = {key: node[key] for key in ("title", "description") if key in node}
    form = {key: value for key, value in node.items() if key not in words}
    return {**words, "anyOf": [form, _NULL]}


def _count_enum(values: list[Any], path: str, counted: _Counted) -> None:
    characters = sum(len(str(one)) for one in values)
    counted.values += len(values)
    counted.characters += characters
    if len(values) > LONG_ENUM and characters > LONG_ENUM_CHARACTERS:
        raise NotStrictError(f"the enum of {path!r} has {characters:,} characters")
