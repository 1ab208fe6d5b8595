"""A document of ours (OpenAPI 3.1, schemas 2020-12) → OpenAPI 3.0.3 or 3.1.1 as served. Pure.

3.0.3 is what every plugin client reads; its schemas are an older dialect, so some keywords have
another form there and some have none and are left out, which only ever allows more. 3.1.1 is
served without lists of types, which several clients cannot read: they become `anyOf`.

The knowledge that lives only here: what 3.0 can say, and what public validators refuse though
the dialect allows it. Source: OpenAPI 3.0.3 §4.7.24 and its clarification of `nullable` (it
counts only beside `type`), OpenAPI 3.1.1 §4.8.24.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import jsonschema
import jsonschema_rs
from referencing.exceptions import Unresolvable

from gateway.values import Schema

Document = dict[str, Any]
Convert = Callable[[Any], Schema]
Version = Literal["3.0", "3.1"]

_NULL: Schema = {"type": "null"}
# Only null, as 3.0 can say it: `nullable` needs a type beside it, and the enum takes the rest away.
_NULL_30: Schema = {"type": "object", "nullable": True, "enum": [None]}
_ANNOTATIONS = ("title", "description", "default", "example", "examples", "deprecated",
                "readOnly", "writeOnly")  # fmt: skip
_ONE = ("not", "if", "then", "else", "contains", "propertyNames", "contentSchema", "items",
        "additionalProperties", "unevaluatedItems", "unevaluatedProperties")  # fmt: skip
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_ONLY_31 = frozenset(
    {"if", "then", "else", "contains", "minContains", "maxContains", "propertyNames",
     "patternProperties", "dependentSchemas", "dependentRequired", "unevaluatedItems",
     "unevaluatedProperties", "contentSchema", "contentEncoding", "contentMediaType",
     "prefixItems", "const", "examples", "exclusiveMinimum", "exclusiveMaximum"}
)  # fmt: skip
# The keywords that go with a type; the others hold whatever the type.
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties",
               "patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas",
               "dependentRequired"),
    "array": ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems",
              "minContains", "maxContains", "unevaluatedItems"),
    "string": ("minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType",
               "contentSchema"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}  # fmt: skip
_OF_TYPE["integer"] = _OF_TYPE["number"]


def render(document: Mapping[str, Any], version: Version) -> Document:
    """Give a 3.1 document of ours in one version. The document is not changed.

    Args:
        document: Of our own making: schemas stand where OpenAPI 3.1 has them.
        version: "3.0" for 3.0.3, "3.1" for 3.1.1.
    """
    schemas = document.get("components", {}).get("schemas", {})

    def convert(raw: Any) -> Schema:
        tidy = _tidy(raw, schemas)
        return _as_30(tidy) if version == "3.0" else _as_31(tidy)

    left_out = ("jsonSchemaDialect", "webhooks") if version == "3.0" else ()
    out = {key: _walk(value, convert) for key, value in document.items() if key not in left_out}
    if version == "3.0":
        out.setdefault("paths", {})
    return {**out, "openapi": "3.0.3" if version == "3.0" else "3.1.1"}


def _walk(node: Any, convert: Convert) -> Any:
    """Convert the schemas of what is no schema itself. Examples and extensions are data."""
    if isinstance(node, list):
        return [_walk(one, convert) for one in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "schema":
            out[key] = convert(value)
        elif key == "schemas":
            out[key] = {name: convert(one) for name, one in value.items()}
        elif key in ("example", "examples") or key.startswith("x-"):
            out[key] = value
        else:
            out[key] = _walk(value, convert)
    return out


def _mapped(schema: Schema, convert: Convert) -> Schema:
    """A schema with the schemas inside it converted; yes and no stay where they may stand."""
    out: Schema = {}
    for key, value in schema.items():
        if key in _NAMED:
            out[key] = {name: convert(one) for name, one in value.items()}
        elif key in _SEVERAL:
            out[key] = [convert(one) for one in value]
        elif key in _ONE and not (isinstance(value, bool) and key != "not"):
            out[key] = convert(value)
        else:
            out[key] = value
    return out


# --- what validators refuse in either version -------------------------------------------------


def _tidy(raw: Any, schemas: Mapping[str, Schema]) -> Schema:
    """Leave out what would make the whole document invalid: it never changes what is meant."""
    if isinstance(raw, bool):
        return {} if raw else {"not": {}}
    out = _mapped(raw, lambda one: _tidy(one, schemas))
    if "default" in raw and not _fits(raw, schemas):
        del out["default"]
    if "pattern" in out and not _is_plain_regex(out["pattern"]):
        del out["pattern"]
    if "enum" in out:
        unlike: dict[Any, Any] = {}
        for one in out["enum"]:
            unlike.setdefault(_as_key(one), one)
        out["enum"] = list(unlike.values())
    for key in ("required", "enum", *_SEVERAL):
        if out.get(key) == []:
            del out[key]
    if "required" in out and not out.keys().isdisjoint(_SEVERAL):
        # Validators want each required name among the properties, which these may hide.
        rest = out.get("additionalProperties", True)
        unnamed = rest if isinstance(rest, dict) else {} if rest else {"not": {}}
        missing = [name for name in out["required"] if name not in out.get("properties", {})]
        if missing:
            out["properties"] = {**out.get("properties", {}), **dict.fromkeys(missing, unnamed)}
    return _narrowed(out)


def _narrowed(schema: Schema) -> Schema:
    """Of const and enum only one; only values of the types, and only types that have a value."""
    out = dict(schema)
    if "const" in out:
        values = [out["const"]]
        if "enum" in out and not _among(out["const"], out.pop("enum")):
            values = []
    elif "enum" in out:
        values = out["enum"]
    else:
        return {**out, "type": _one_or_several(out["type"])} if "type" in out else out
    if "type" in out:
        types = out["type"] if isinstance(out["type"], list) else [out["type"]]
        values = [value for value in values if any(_is_of(value, one) for one in types)]
        types = [one for one in types if any(_is_of(value, one) for value in values)]
        out["type"] = _one_or_several(types)
    if not values:
        return {**{key: out[key] for key in _ANNOTATIONS if key in out}, "not": {}}
    return {**out, "enum": values} if "enum" in out else out


def _one_or_several(types: Any) -> Any:
    return types[0] if isinstance(types, list) and len(types) == 1 else types


def _fits(schema: Schema, schemas: Mapping[str, Schema]) -> bool:
    """Whether the default is a value of its own schema."""
    if "contentEncoding" in schema:
        return False
    whole = {**schema, "components": {"schemas": schemas}}
    try:
        if schema.keys() & _MAY_MATCH and not jsonschema_rs.is_valid(whole, schema["default"]):
            return False
        return bool(_Validator(whole, format_checker=_FORMATS).is_valid(schema["default"]))
    except (Unresolvable, re.error, RecursionError, ValueError, ArithmeticError):
        return False


def _as_key(value: Any) -> Any:
    """A value as JSON tells it from others: 1 is 1.0, true is not 1."""
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=str)
    return isinstance(value, bool), value


# Python's expressions can run for ever over a text that a hostile spec chose. jsonschema-rs's
# cannot, so it looks at patterns and Python, which knows formats as public validators do, never.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {"pattern": lambda *_: None, "patternProperties": lambda *_: None},
)
# With these beside it, a default may meet a pattern.
_MAY_MATCH = frozenset(
    {"pattern", "patternProperties", "properties", "items", "$ref", *_SEVERAL, *_ONE}
)
_FORMATS = jsonschema.FormatChecker()
for _name, _bits in (("int32", 31), ("int64", 63)):
    _FORMATS.checks(_name)(
        lambda value, bits=_bits: not isinstance(value, int) or -(2**bits) <= value < 2**bits
    )


@_FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    try:
        return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


# What Python warns of, and what is Python's but not ECMA-262's: flags in the pattern, groups with
# `?P` or `?>`, possessive repeats, \A and \Z.
_DOUBTFUL = re.compile(r"\[\[|--|&&|~~|\|\||\(\?(?![:=!]|<[=!])|[*+?}]\+|\\[AZ]")


@lru_cache(maxsize=1024)
def _is_plain_regex(pattern: str) -> bool:
    """Whether Python, too, reads a pattern, and without doubts: validators check with it."""
    if _DOUBTFUL.search(pattern):
        return False
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


# --- 3.1.1: no lists of types -----------------------------------------------------------------


def _as_31(raw: Any) -> Schema:
    return _flat(_mapped(_split(raw), _as_31))


def _flat(schema: Schema) -> Schema:
    """A choice of choices is one choice, null the last of it."""
    choices = schema.get("anyOf", ())
    if not any(one.keys() == {"anyOf"} for one in choices):
        return schema
    inner = [
        each for one in choices for each in (one["anyOf"] if one.keys() == {"anyOf"} else [one])
    ]
    others = [one for i, one in enumerate(inner) if one != _NULL and not _among(one, inner[:i])]
    return {**schema, "anyOf": [*others, *([_NULL] if _NULL in inner else [])]}


def _split(schema: Schema) -> Schema:
    """A list of types as `anyOf`, each type with the keywords that go with it."""
    types = schema.get("type")
    if not isinstance(types, list):
        return schema
    typed = {key for one in types for key in _OF_TYPE.get(one, ())}
    moved = {"type", "enum", "const", "format", *typed}
    outer = {key: value for key, value in schema.items() if key not in moved}
    if "anyOf" in outer:
        outer["allOf"] = [*outer.get("allOf", ()), {"anyOf": outer.pop("anyOf")}]
    types = sorted(types, key=lambda one: bool(one == "null"))  # stable: null is the last
    return {**outer, "anyOf": [_choice(schema, one) for one in types]}


def _choice(schema: Schema, kind: str) -> Schema:
    """One type out of several."""
    if kind == "null":
        return dict(_NULL)
    keys = ("format", *_OF_TYPE.get(kind, ()))
    out = {"type": kind, **{key: schema[key] for key in keys if key in schema}}
    if "enum" in schema:
        out["enum"] = [one for one in schema["enum"] if _is_of(one, kind)]
    elif "const" in schema:
        out["const"] = schema["const"]
    return out


def _among(value: Any, values: list[Any]) -> bool:
    """Whether a value is in a list as JSON has it, where true is not 1."""
    yes_no = isinstance(value, bool)
    return any(value == one and yes_no == isinstance(one, bool) for one in values)


def _is_of(value: Any, kind: str) -> bool:
    """Whether a value is of a JSON type; 1.0 is an integer, true is no number."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        whole = isinstance(value, int) or value.is_integer()
        return kind == "number" or (kind == "integer" and whole)
    return {"null": value is None, "string": isinstance(value, str)}.get(
        kind, isinstance(value, dict if kind == "object" else list) and kind in ("object", "array")
    )


# --- 3.0.3 ------------------------------------------------------------------------------------


def _as_30(raw: Any) -> Schema:
    schema = _mapped(_typed_30(raw), _as_30)
    for key in ("anyOf", "oneOf"):
        if _NULL_30 in schema.get(key, ()):
            schema = _nullable(schema, key)
    out = {key: value for key, value in schema.items() if key not in _ONLY_31}
    _bounds_30(out, schema)
    _arrays_30(out, schema)
    if "patternProperties" in schema:
        out.pop("additionalProperties", None)  # `false` would now refuse those names
    _texts_30(out, schema)
    if schema.get("examples"):
        out["example"] = schema["examples"][0]
    ref = out.pop("$ref", None)
    if ref is not None:
        if not out:
            return {"$ref": ref}
        out["allOf"] = [{"$ref": ref}, *out.get("allOf", ())]
    return out


def _typed_30(schema: Schema) -> Schema:
    """One type, null as `nullable`; const as the enum that it is."""
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    types = schema.get("type")
    if types == "null":
        return {**schema, **_NULL_30}
    if isinstance(types, list) and len(types) == 2 and "null" in types:
        kind = types[0] if types[1] == "null" else types[1]
        return {**schema, "type": kind, "nullable": True}
    return _split(schema)


def _nullable(schema: Schema, key: str) -> Schema:
    """Take the choice of null into another one, where a type and nothing else stands against it."""
    choices = [one for one in schema[key] if one != _NULL_30]
    if len(schema[key]) - len(choices) > 1 and key == "oneOf":
        return schema  # null is two of them, and so none
    against = {"enum", "allOf", "anyOf", "oneOf", "not"}
    able = [i for i, one in enumerate(choices) if "type" in one and not against & one.keys()]
    if not able or any("nullable" in choices[i] for i in able):
        return schema
    for at in able if key == "anyOf" else able[:1]:
        choices[at] = {**choices[at], "nullable": True}
    outer = {name: value for name, value in schema.items() if name != key}
    if len(choices) == 1 and not outer.keys() - set(_ANNOTATIONS):
        return {**choices[0], **outer}
    return {**outer, key: choices}


def _bounds_30(out: Schema, schema: Schema) -> None:
    for plain, exclusive, stricter in (
        ("minimum", "exclusiveMinimum", max),
        ("maximum", "exclusiveMaximum", min),
    ):
        bound = schema.get(exclusive)
        if bound is not None and stricter(bound, schema.get(plain, bound)) == bound:
            out[plain] = bound
            out[exclusive] = True


def _arrays_30(out: Schema, schema: Schema) -> None:
    """An array has `items`; the places of a tuple become any of them."""
    if "prefixItems" in schema:
        places = schema["prefixItems"]
        rest = schema.get("items", True)
        if rest is False:
            out["maxItems"] = min(len(places), schema.get("maxItems", len(places)))
        choices = [*places, rest] if isinstance(rest, dict) else places
        out["items"] = {} if rest is True else {"anyOf": choices} if choices[1:] else choices[0]
    if isinstance(out.get("items"), bool):
        out["items"] = {} if out["items"] else {"not": {}}
    if out.get("type") == "array":
        out.setdefault("items", {})


def _texts_30(out: Schema, schema: Schema) -> None:
    """Encodings are formats in 3.0."""
    if schema.get("contentEncoding") in ("base64", "base64url"):
        out.setdefault("format", "byte")
    elif schema.get("contentMediaType") == "application/octet-stream":
        out.setdefault("format", "binary")
