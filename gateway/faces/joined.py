"""Several portable schemas that hold at once, as one. Pure.

Where two of them cannot both be said without `allOf`, the later one's word is left out: what
comes of it may allow more, never less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.values import Schema

_SCALARS: list[Schema] = [{"type": one} for one in ("string", "number", "boolean", "object")]
# Every value but null and lists of lists: some clients take no schema that says nothing.
ANYTHING: list[Schema] = [*_SCALARS, {"type": "array", "items": {"anyOf": _SCALARS}}]
_LEAST = frozenset({"minimum", "minLength", "minItems", "minProperties"})
_MOST = frozenset({"maximum", "maxLength", "maxItems", "maxProperties"})


def joined(schemas: Sequence[Schema]) -> Schema:
    """One schema for values that fit all of them; of words, the first ones count."""
    out: Schema = {}
    for one in schemas:
        out = _both(out, one) if out else one
    return out


def _both(one: Schema, other: Schema) -> Schema:
    kinds = {one["type"], other["type"]} if "type" in one and "type" in other else set()
    if one is other or (len(kinds) == 2 and kinds != {"integer", "number"}):
        return one
    out = dict(one)
    for key, value in other.items():
        known: Any = out.get(key)
        if value is ANYTHING and ("type" in out or key in out):
            continue
        if key not in out or known is ANYTHING:
            out[key] = value
        elif key == "type":
            out[key] = "integer" if kinds == {"integer", "number"} else known
        elif key == "properties":
            out[key] = _properties(known, value)
        elif key == "required":
            out[key] = list(dict.fromkeys([*known, *value]))
        elif key == "enum":
            out[key] = [each for each in known if each in value] or known
        elif key == "items":
            out[key] = joined([known, value])
        elif key in _LEAST:
            out[key] = max(known, value)
        elif key in _MOST:
            out[key] = min(known, value)
    if "type" in out and out.get("anyOf") is ANYTHING:
        del out["anyOf"]
    rests = [
        each["additionalProperties"] for each in (one, other) if "additionalProperties" in each
    ]
    if rests:  # what one part closes has no more properties than all parts name
        out["additionalProperties"] = False if False in rests else rests[0]
    if "$ref" in out and len(out) > 1:  # it stands alone, or as the only form, or not at all
        rest = _without(out, "$ref")
        says = rest.keys() & {"type", "anyOf", "enum", "properties", "items"}
        return rest if says else {**rest, "anyOf": [{"$ref": out["$ref"]}]}
    return out


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def _properties(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    out = dict(known)
    for name, schema in more.items():
        out[name] = joined([out[name], schema]) if name in out else schema
    return out
