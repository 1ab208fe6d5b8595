"""Single keywords of JSON Schema in their plainest form, or as words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gateway.request.schemas import kind_of
from gateway.values import Schema

# What a portable schema keeps as it stands, by type.
BOUNDS = {
    "object": ("minProperties", "maxProperties"),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "string": ("format", "minLength", "maxLength", "pattern"),
    "number": ("format",),
    "integer": ("format",),
}
# What it cannot say, nor anybody in few words.
UNSAID = (
    "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "contains",
    "propertyNames", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_SHOWN_NEEDS = 6
_MEANS = {  # what a schema without a type is about
    "object": ("properties", "required", "additionalProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def types_of(node: Schema, values: Any, *, guess: bool) -> list[str]:
    """The types that a schema names, or means; none where it says nothing of them."""
    named = node.get("type")
    named = [named] if isinstance(named, str) else named
    if isinstance(named, list) and named:
        types = list(dict.fromkeys(one for one in named if isinstance(one, str)))
    elif isinstance(values, list):
        types = list(dict.fromkeys(map(kind_of, values)))
    elif guess and not node.keys() & {"anyOf", "oneOf"}:
        types = [one for one, keys in _MEANS.items() if node.keys() & set(keys)]
        types = [one for one in types if one != "number" or len(types) == 1]
    else:
        types = []
    if "number" in types and "integer" in types:
        types.remove("integer")
    return types


def of_kind(values: Any, kind: str) -> list[Any] | None:
    """Of the values of an enum, those of a type; None where there is no enum."""
    if not isinstance(values, list):
        return None
    kinds = {"integer", "number"} if kind == "number" else {kind}
    return [one for one in values if kind_of(one) in kinds]


def alternatives(form: Schema) -> list[Schema]:
    """What a form is one of, where it is nothing else."""
    inner = form.get("anyOf")
    return inner if isinstance(inner, list) and len(form) == 1 else [form]


def needs_of(members: list[Schema]) -> str:
    """In words, which properties are needed together; "" where the members say more."""
    needs = [one.get("required") for one in members]
    told = {"required", "title", "description"}
    if not all(isinstance(one, list) and one for one in needs):
        return ""
    if any(one.keys() - told for one in members):
        return ""
    texts = [" and ".join(map(str, one or ())) for one in needs]
    shown = ", or ".join(texts[:_SHOWN_NEEDS]) + (", …" if len(texts) > _SHOWN_NEEDS else "")
    return f"Needs {shown}."


def set_bounds(node: Schema, out: Schema, *, whole: bool) -> None:
    """Inclusive bounds. Of what is not whole, that a bound is none is said in words."""
    for plain, exclusive, sign, than in (
        ("minimum", "exclusiveMinimum", 1, "More"),
        ("maximum", "exclusiveMaximum", -1, "Less"),
    ):
        bounds = [node[plain]] if _is_number(node.get(plain)) else []
        beyond: Any = node.get(exclusive)
        if _is_number(beyond):
            if whole:
                floor = math.floor(beyond) if sign > 0 else math.ceil(beyond)
                bounds.append(floor + sign)
            else:
                bounds.append(beyond)
                add_words(out, f"{than} than {beyond}.")
        if bounds:
            out[plain] = max(bounds) if sign > 0 else min(bounds)
    if _is_number(node.get("multipleOf")) and node["multipleOf"] not in (0, 1):
        add_words(out, f"A multiple of {node['multipleOf']}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def add_words(out: Schema, words: str) -> None:
    """Say something more of a value."""
    said = out.get("description", "").rstrip()
    said += "." if said and said[-1].isalnum() else ""
    out["description"] = f"{said} {words}".lstrip()


def with_words(schema: Schema, said: Schema) -> Schema:
    """A schema with what is said of the value, which counts. A reference stands alone.

    Some readers replace it by its target wherever something stands beside it, and never end.
    """
    if said and "$ref" in schema:
        return {**said, "anyOf": [schema]}
    return {**schema, **said}


def walk(schema: Any) -> Iterator[Schema]:
    """Yield every schema in a portable one, itself included."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        yield node
        for key in ("properties", "$defs"):
            waiting += node.get(key, {}).values()
        waiting += [node[key] for key in ("items", "additionalProperties") if key in node]
        waiting += node.get("anyOf", [])
