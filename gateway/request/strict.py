"""The schema of a request's value → the form in which calls are checked against it. Pure.

What the words of a schema say is left out: a validator reads only what binds. What binds is kept
as it stands, but for what means something else in a request:

- `readOnly` properties are never required (OpenAPI 3.1.1 §4.8.24.1; JSON Schema 2020-12 §9.4).
- `oneOf` is read as `anyOf`. Public specs write it for "one of these forms" and let the forms
  overlap (`integer` beside `number`, objects without `required`); a value that fits two of them
  is what the publisher meant, and no reason to send nothing.
- Where a `discriminator` says which form is meant, only that form is checked, so that what is
  told of a value is about the form it is.
- `int32` and `int64` are bounds of integers. Of the other formats those count that every API
  reads alike; what is a `uri` or a `hostname` differs from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.request.files import FILE
from gateway.request.schemas import DEPTH, REFERENCE, Components, resolve
from gateway.values import Schema

FORMATS = frozenset({"date", "date-time", "email", "ipv4", "ipv6", "uuid"})
_NOT_NULL = {"type": ["string", "number", "boolean", "array", "object"]}
_RANGES = {"int32": 2**31, "int64": 2**63}

_PLAIN = (
    "$ref", "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
    "maxProperties", "minProperties", "minContains", "maxContains", "dependentRequired",
)  # fmt: skip
_ONE = (
    "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "items",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_SEVERAL = ("allOf", "anyOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")


def strict(schema: Any, components: Components) -> Any:
    """A schema as it binds a request. Its references stay references to the components."""
    if not isinstance(schema, dict):
        return schema
    if FILE in schema:  # what it is written by says what may stand for a file
        return _NOT_NULL
    out: Schema = {key: schema[key] for key in _PLAIN if key in schema}
    for key in _ONE:
        if key in schema:
            out[key] = strict(schema[key], components)
    for key in _SEVERAL:
        if key in schema:
            out[key] = [strict(one, components) for one in schema[key]]
    for key in _NAMED:
        if key in schema:
            out[key] = {name: strict(one, components) for name, one in schema[key].items()}
    required = schema.get("required")
    if required:
        read_only = _read_only(schema, components, DEPTH)
        out["required"] = [name for name in required if name not in read_only]
    if isinstance(schema.get("oneOf"), list):
        _any_of(out, _forms(schema, components))
    form = schema.get("format")
    if form in FORMATS:
        out["format"] = form
    elif form in _RANGES and schema.get("type") == "integer":
        end = _RANGES[form]
        out["minimum"] = max(out.get("minimum", -end), -end)
        out["maximum"] = min(out.get("maximum", end - 1), end - 1)
    return out


def _any_of(out: Schema, forms: Schema) -> None:
    """Beside an `anyOf` of its own, both hold."""
    if out.keys().isdisjoint(forms):
        out.update(forms)
    else:
        out["allOf"] = [*out.get("allOf", ()), forms]


def _forms(schema: Schema, components: Components) -> Schema:
    """What a `oneOf` asks for: the form that the discriminator names, else any of them."""
    members = schema["oneOf"]
    forms = [strict(one, components) for one in members]
    discriminator = schema.get("discriminator")
    if not isinstance(discriminator, dict):
        return {"anyOf": forms}
    name, by_value = discriminator["propertyName"], _by_value(discriminator, members)
    chosen = [
        {"if": _says(name, [value]), "then": forms[index]} for value, index in by_value.items()
    ]
    return {"allOf": [*chosen, {"if": _says(name, list(by_value)), "else": {"anyOf": forms}}]}


def _says(name: str, values: list[str]) -> Schema:
    return {"type": "object", "properties": {name: {"enum": values}}, "required": [name]}


def _by_value(discriminator: Mapping[str, Any], members: list[Any]) -> dict[str, int]:
    """Which form each value of a discriminator means: by its mapping, else by its own name."""
    refs = [one.get("$ref") if isinstance(one, dict) else None for one in members]
    found = {
        ref.removeprefix(REFERENCE): index for index, ref in enumerate(refs) if isinstance(ref, str)
    }
    for value, ref in discriminator.get("mapping", {}).items():
        if ref in refs:
            found[value] = refs.index(ref)
    return found


def _read_only(schema: Schema, components: Components, depth: int) -> set[str]:
    """The properties of an object, and of what it is composed of, that only answers have."""
    found = {
        name
        for name, one in (schema.get("properties") or {}).items()
        if resolve(one, components).get("readOnly") is True
    }
    for member in schema.get("allOf", ()) if depth else ():
        found |= _read_only(resolve(member, components), components, depth - 1)
    return found
