"""Schemas of Swagger 2.0, OpenAPI 3.0 and 3.1 → JSON Schema 2020-12; faults mended. Pure.

The knowledge that lives only here: how the older dialects differ (`nullable`, boolean
`exclusiveMinimum`, formats `byte` and `binary`, `type: file`), and which faults public
specs have (SPECS: `required: true` beside a type, list-shaped `items`, `type: any`, null in an
enum, regular expressions nobody can compile). A fault is mended where its meaning is clear,
else the keyword is left out; either way there is a line for the ledger. The value of a faulty
keyword never raises.

Source: OpenAPI 3.0.3 §4.7.24, JSON Schema 2020-12 (validation §6, core §10).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs

from gateway.errors import shown
from gateway.values import Schema

Note = Callable[[str], None]  # takes a line for the ledger

REFS = "#/components/schemas/"
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_NOTHING: Any = object()
_NULL: Schema = {"type": "null"}
_ANNOTATIONS = ("title", "description", "default", "deprecated", "readOnly", "writeOnly")
_LARGEST = 1e300  # of bounds: what a validator can still divide
_TYPES = ("null", "boolean", "object", "array", "number", "integer", "string")
# Words that people write for types, lower case.
_MEANT = {
    "int": "integer", "int32": "integer", "int64": "integer", "long": "integer",
    "float": "number", "double": "number", "decimal": "number", "bool": "boolean",
    "str": "string", "text": "string", "date": "string", "datetime": "string",
    "date-time": "string", "uuid": "string", "uri": "string", "list": "array",
    "dict": "object", "map": "object", "none": "null",
}  # fmt: skip
_WORDS = {"true": True, "false": False}
_WORDLESS = frozenset({"integer", "number", "boolean", "null"})
# Bounds on patterns. Counted repeats are unrolled when they are compiled: 262,144 of them, as in
# Adyen's spec, take 50 ms to be refused.
_PATTERN_LENGTH = 2000
_JAVASCRIPT = re.compile(r"/(\^.*|.*\$)/[a-z]*", re.DOTALL)  # as code: nothing matches it as it is
_PATTERN_REPEATS = 10_000


def convert(raw: Any, note: Note) -> Schema:
    """One schema, as the filter leaves it (at most 100 levels deep), in 2020-12."""
    if raw is True:
        return {}
    if raw is False:
        return {"not": {}}
    if not isinstance(raw, dict):
        note(f"a schema is {shown(raw)}, no mapping; it is taken as any value")
        return {}
    out: Schema = {}
    for key, value in raw.items():
        read = _READERS.get(key)
        if read is not None:
            clean = read(value)
            if clean is _NOTHING:
                note(f"{key}: {shown(value)} in a schema is ignored")
            else:
                out[key] = clean
        elif key in _NESTED:
            _nested(out, key, raw, note)
    _mend_types(out, raw, note)
    _mend_bounds(out, raw)
    _mend_formats(out)
    _mend_required(out, raw)
    out = _with_null(out, raw)
    if out.get("enum") == [None]:  # how 3.0, which has no such type, says null and nothing else
        out = {**{key: out[key] for key in _SAYS if key in out}, "type": "null"}
    return out


_SAYS = ("title", "description", "default", "deprecated", "readOnly", "writeOnly")


# --- plain keywords: each reader gives the value, mended, or _NOTHING --------------------------


def _text(raw: Any) -> Any:
    return raw if isinstance(raw, str) else _NOTHING


def _flag(raw: Any) -> Any:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(raw, _NOTHING) if isinstance(raw, str) else _NOTHING


def _number(raw: Any) -> Any:
    if isinstance(raw, str) and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", raw):
        return float(raw) if "." in raw else int(raw)
    return raw if _is_number(raw) and abs(raw) < _LARGEST else _NOTHING


def _divisor(raw: Any) -> Any:
    number = _number(raw)
    return number if number is not _NOTHING and number > 0 else _NOTHING


def _count(raw: Any) -> Any:
    number = _number(raw)
    if number is _NOTHING or not 0 <= number < 2**63 or number != int(number):
        return _NOTHING
    return int(number)


def _bound(raw: Any) -> Any:
    """`exclusiveMinimum`; its boolean form is for `_mend_bounds`."""
    return None if isinstance(raw, bool) else _number(raw)


def _pattern(raw: Any) -> Any:
    if isinstance(raw, str) and (match := _JAVASCRIPT.fullmatch(raw)):
        raw = match[1]
    return raw if isinstance(raw, str) and _compiles(raw) else _NOTHING


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    """Whether the validator of calls can read a pattern; each is asked about once."""
    counts = (int(count) for count in re.findall(r"[{,](\d{1,9})\}", pattern))
    if len(pattern) > _PATTERN_LENGTH or math.prod(counts) > _PATTERN_REPEATS:
        return False
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _enum(raw: Any) -> Any:
    return list(raw) if isinstance(raw, list) and raw else _NOTHING


def _names(raw: Any) -> Any:
    if not isinstance(raw, list):
        return _NOTHING
    return list(dict.fromkeys(name for name in raw if isinstance(name, str)))


def _names_by_name(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return _NOTHING
    return {name: _names(one) for name, one in raw.items() if isinstance(one, list)}


def _any(raw: Any) -> Any:
    return raw


def _discriminator(raw: Any) -> Any:
    """As the filter leaves it: a property's name, and the values that mean a component."""
    if not isinstance(raw, dict) or not isinstance(raw.get("propertyName"), str):
        return _NOTHING
    mapping = {value: _ref(target) for value, target in raw.get("mapping", {}).items()}
    known = {value: target for value, target in mapping.items() if target is not _NOTHING}
    return {"propertyName": raw["propertyName"], "mapping": known}


def _ref(raw: Any) -> Any:
    """The filter leaves only references to components, under plain names."""
    return REFS + raw.rpartition("/")[2] if isinstance(raw, str) and "#/" in raw else _NOTHING


_READERS: dict[str, Callable[[Any], Any]] = {
    "$ref": _ref,
    "title": _text,
    "description": _text,
    "format": _text,
    "contentEncoding": _text,
    "contentMediaType": _text,
    "readOnly": _flag,
    "writeOnly": _flag,
    "deprecated": _flag,
    "uniqueItems": _flag,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _bound,
    "exclusiveMaximum": _bound,
    "multipleOf": _divisor,
    "minLength": _count,
    "maxLength": _count,
    "minItems": _count,
    "maxItems": _count,
    "minProperties": _count,
    "maxProperties": _count,
    "minContains": _count,
    "maxContains": _count,
    "pattern": _pattern,
    "enum": _enum,
    "required": _names,
    "dependentRequired": _names_by_name,
    "default": _any,
    "const": _any,
    "discriminator": _discriminator,
    "x-mcp-header": _any,
}

# --- keywords that hold schemas ---------------------------------------------------------------

_OPEN_OR_CLOSED = ("additionalProperties", "unevaluatedProperties", "unevaluatedItems")
_ONE = ("not", "if", "then", "else", "contains", "propertyNames", "contentSchema")
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_NESTED = frozenset((*_OPEN_OR_CLOSED, *_ONE, *_SEVERAL, *_NAMED, "items"))


def _nested(out: Schema, key: str, raw: Mapping[str, Any], note: Note) -> None:
    value = raw[key]
    if key == "items" and isinstance(value, list):
        note("a list-shaped items is taken as: one of these")
        choices = [convert(one, note) for one in value]
        # With a type they are the items'; without one they stand for the value itself, as in
        # Slack's spec, where a generator wrote `items` for every `anyOf`.
        if "type" in raw or not choices:
            out["items"] = {"anyOf": choices} if choices else {}
        else:
            out["anyOf"] = choices
    elif key in _OPEN_OR_CLOSED and isinstance(value, bool):
        out[key] = value
    elif key in _SEVERAL:
        if isinstance(value, list) and value:
            out[key] = [convert(one, note) for one in value]
        else:
            note(f"{key}: {shown(value)} in a schema is ignored")
    elif key in _NAMED:
        if isinstance(value, dict):
            bad = {n for n in value if key == "patternProperties" and not _compiles(n)}
            out[key] = {n: convert(one, note) for n, one in value.items() if n not in bad}
            for name in bad:
                note(f"patternProperties: {shown(name)} in a schema is ignored")
        else:
            note(f"{key}: {shown(value)} in a schema is ignored")
    else:
        out[key] = convert(value, note)


# --- keywords that belong together ------------------------------------------------------------


def _mend_types(out: Schema, raw: Mapping[str, Any], note: Note) -> None:
    """`type`, null in it and in `enum`."""
    types = _types(raw.get("type"), note)
    enum = out.get("enum")
    if _is_nullable(raw):
        if types and "null" not in types:
            types.append("null")
        if enum and None not in enum:
            out["enum"] = enum = [*enum, None]
    elif types and enum and None in enum and "null" not in types:
        note("an enum with null, but not of type null: null is taken as allowed")
        types.append("null")
    if enum and types == ["string"] and any(isinstance(one, int | float) for one in enum):
        note("an enum of type string with numbers or booleans: they are taken as text")
        out["enum"] = [json.dumps(one) if isinstance(one, int | float) else one for one in enum]
    if enum and types and not {*types} - _WORDLESS and any(isinstance(one, str) for one in enum):
        if meant := _as_values(enum, types):
            note(f"an enum of type {' or '.join(types)} with text: it is taken as what it says")
            out["enum"] = meant
        else:
            note(f"an enum of type {' or '.join(types)} with words only: the type is taken as text")
            types = ["string", *(one for one in types if one == "null")]
    if types:
        out["type"] = types[0] if len(types) == 1 else types
    if raw.get("type") == "file":
        out.update(BINARY)


def _as_values(enum: list[Any], types: list[str]) -> list[Any]:
    """The numbers or booleans that the texts of an enum say; a text that says none is left out."""
    meant: list[Any] = []
    for one in enum:
        if not isinstance(one, str):
            meant.append(one)
        elif "boolean" in types and one.lower() in _WORDS:
            meant.append(_WORDS[one.lower()])
        elif not {"integer", "number"}.isdisjoint(types) and (
            (number := _number(one)) is not _NOTHING
        ):
            meant.append(number)
    return meant if any(one is not None for one in meant) else []


def _is_nullable(raw: Mapping[str, Any]) -> bool:
    return any(raw.get(key) in (True, "true") for key in ("nullable", "x-nullable"))


def _with_null(out: Schema, raw: Mapping[str, Any]) -> Schema:
    """Null where the spec means it, also beside what by itself forbids it.

    By the letter `nullable` counts only beside `type`, and null must pass every `allOf`; but
    specs write it beside `$ref`, `allOf`, `anyOf` and `oneOf`, and their upstreams send null.
    """
    said = out.get("type")
    if not (_is_nullable(raw) or (isinstance(said, list) and "null" in said)):
        return out
    composed = out.keys() & {"$ref", "allOf", "anyOf", "oneOf"}
    if all(key in ("anyOf", "oneOf") and _NULL in out[key] for key in composed):
        return out
    outer = {key: out[key] for key in _ANNOTATIONS if key in out}
    rest = {key: value for key, value in out.items() if key not in outer}
    if isinstance(said, list):
        types = [one for one in said if one != "null"]
        rest["type"] = types[0] if len(types) == 1 else types
    choices = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    return {**outer, "anyOf": [*choices, dict(_NULL)]}


def _types(raw: Any, note: Note) -> list[str]:
    types: dict[str, None] = {}
    for one in raw if isinstance(raw, list) else [raw]:
        if one in _TYPES:
            types[one] = None
        elif isinstance(one, str) and (one.lower() in _TYPES or one.lower() in _MEANT):
            note(f"type: {shown(one)} in a schema is taken as {_meant(one)}")
            types[_meant(one)] = None
        elif one is not None and one != "file":
            note(f"type: {shown(one)} in a schema is ignored")
    return list(types)


def _meant(word: str) -> str:
    return _MEANT.get(word.lower(), word.lower())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mend_bounds(out: Schema, raw: Mapping[str, Any]) -> None:
    """Boolean `exclusiveMinimum` and `exclusiveMaximum` say of the bound that it is none."""
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if out.get(exclusive, _NOTHING) is None:
            del out[exclusive]
            if raw[exclusive] and plain in out:
                out[exclusive] = out.pop(plain)


def _mend_formats(out: Schema) -> None:
    """`byte` and `binary` are not formats of 2020-12 but encodings."""
    if out.get("format") == "byte":
        del out["format"]
        out.setdefault("contentEncoding", "base64")
    elif out.get("format") == "binary":
        del out["format"]
        out.setdefault("contentMediaType", "application/octet-stream")


def _mend_required(out: Schema, raw: Mapping[str, Any]) -> None:
    """`required: true` in a property is JSON Schema draft 3, and meant for its parent."""
    properties = raw.get("properties")
    if isinstance(properties, dict):
        meant = [
            name
            for name, one in properties.items()
            if isinstance(one, dict) and one.get("required") in (True, "true")
        ]
        if meant:
            out["required"] = list(dict.fromkeys([*out.get("required", ()), *meant]))
    if out.get("required") == []:
        del out["required"]
