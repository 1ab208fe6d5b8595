"""Schemas in the plainest form: one type each, nothing composed, no references. Pure.

For platforms that take neither unions nor references, and no objects in what they send. An object
among arguments becomes the text of its JSON, which a call by name reads back
(`request.reading.heal`); of a union the form is shown that a model gets right. Answers are shown
as deep as is asked for. What is written is OpenAPI 3.0's dialect, which such platforms read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.request.schemas import ANYTHING, DEPTH, SCALARS, kind_of, kinds, resolve
from gateway.shrinking import Shapes
from gateway.values import Schema

_KEPT = ("format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_UNIONS = ("anyOf", "oneOf")
_MOST_VALUES = 60  # of an enum; of a longer one the first are told in words
_TOLD = 60  # characters of values in words
_MOST_NAMES = 12  # of an object's properties, in words

NULL = "nullable"  # whatever a cut or an upstream leaves out may be null

Fit = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Flat:
    """An argument in its plain form.

    `told` is what has to be said of it in words. `exact` is whether what a caller writes in this
    form is the value itself, and not the text of its JSON.
    """

    schema: Schema
    told: str = ""
    exact: bool = True


def flat(schema: Any, components: Mapping[str, Schema]) -> Flat:
    """An argument's schema as one of text, number, true or false, or a list of such."""
    values = [one for one in _values(schema, components) or () if one is not None]
    taken = kinds(schema, components) - {"null"}
    if values:  # `const` alone tells the type
        taken = taken & frozenset(map(kind_of, values)) or taken
    if "object" in taken:
        return _object(schema, taken, components)
    if "array" in taken:
        return _list(schema, components)
    if taken <= {"integer", "number"} and taken:
        kind = "number" if "number" in taken else "integer"
    else:
        kind = "boolean" if taken == {"boolean"} else "string"
    found = _said(schema, components)
    written: Schema = {"type": kind, **found}
    told = ""
    if values and kind == "string" and len(values) <= _MOST_VALUES and _all_texts(values):
        written["enum"] = values
    elif values:
        told = _choice(values)
    default = _default(schema, components)
    if default is not None and kind_of(default) in (kind, "integer" if kind == "number" else kind):
        written["default"] = default
    return Flat(written, told, exact=kind != "string" or "string" in taken)


def _object(schema: Any, taken: frozenset[str], components: Mapping[str, Schema]) -> Flat:
    """The text of an object, or of whatever else is taken beside it."""
    if taken >= ANYTHING - {"null"}:
        told = "A text, or the JSON text of any other value."
    elif taken == {"object"}:
        told = f"JSON text of an object{_with(schema, components)}."
    else:
        one = next(_objects(schema, components), {})
        or_ = "Or JSON text" if "string" in taken else "JSON text"
        told = f"{or_} of an object{_with(one, components)}."
    return Flat({"type": "string"}, told, exact=False)


def _list(schema: Any, components: Mapping[str, Schema]) -> Flat:
    known = _part(schema, "items", components)
    items = {} if known is None else known
    nested = "array" in kinds(items, components) and "object" not in kinds(items, components)
    of = Flat({"type": "array"}) if nested else flat(items, components)
    written: Schema = {"type": "array", **_said(schema, components)}
    default = _default(schema, components)
    if isinstance(default, list) and all(kind_of(one) in SCALARS for one in default):
        written["default"] = default
    if of.schema["type"] == "array":
        told = "Each item is the JSON text of a list."
        return Flat({**written, "items": {"type": "string"}}, told, exact=False)
    told = f"Each item: {of.told[:1].lower()}{of.told[1:]}" if of.told else ""
    if of.told.startswith("JSON"):
        told = f"Each item: {of.told}"
    inner = {key: value for key, value in of.schema.items() if key != "default"}
    return Flat({**written, "items": inner}, told, exact=of.exact)


# --- reading what is composed -----------------------------------------------------------------


def _parts(schema: Any, components: Mapping[str, Schema], depth: int = DEPTH) -> Iterator[Schema]:
    """A schema and what binds the same value: `allOf`, and a union of one form beside null."""
    known = resolve(schema, components)
    yield known
    if depth <= 0:
        return
    inner = _members(known, "allOf")
    for union in _UNIONS:
        forms = [one for one in _members(known, union) if not _is_null(one, components)]
        inner += forms if len(forms) == 1 else []
    for one in inner[:_MOST_NAMES]:
        yield from _parts(one, components, depth - 1 if len(inner) == 1 else depth // 2)


def _members(schema: Schema, keyword: str) -> list[Any]:
    members = schema.get(keyword)
    return list(members) if isinstance(members, list) else []


def _is_null(schema: Any, components: Mapping[str, Schema]) -> bool:
    return resolve(schema, components).get("type") == "null"


def _part(schema: Any, keyword: str, components: Mapping[str, Schema]) -> Any:
    """What a keyword says in whichever part, or form of a union, has it."""
    for one in _parts(schema, components):
        if keyword in one:
            return one[keyword]
        for union in _UNIONS:
            for form in _members(one, union):
                known = resolve(form, components)
                if keyword in known:
                    return known[keyword]
    return None


def _said(schema: Any, components: Mapping[str, Schema]) -> Schema:
    found: Schema = {}
    for one in _parts(schema, components):
        for key in _KEPT:
            if key in one and isinstance(one[key], str if key == "format" else int | float):
                found.setdefault(key, one[key])
    return found


def _default(schema: Any, components: Mapping[str, Schema]) -> Any:
    return next((p["default"] for p in _parts(schema, components) if "default" in p), None)


def _values(schema: Any, components: Mapping[str, Schema]) -> list[Any] | None:
    """The values that are allowed, where they are listed: also by the forms of a union together."""
    for one in _parts(schema, components):
        if isinstance(one.get("enum"), list):
            return list(one["enum"])
        if "const" in one:
            return [one["const"]]
        for union in _UNIONS:
            forms = [resolve(form, components) for form in _members(one, union)]
            listed = [
                form["enum"] if isinstance(form.get("enum"), list) else [form["const"]]
                for form in forms
                if isinstance(form.get("enum"), list) or "const" in form
            ]
            others = [form for form in forms if form.get("type") != "null"]
            if listed and len(listed) >= len(others):
                return [value for values in listed for value in values]
    return None


def _all_texts(values: list[Any]) -> bool:
    return all(isinstance(one, str) for one in values)


def _choice(values: list[Any]) -> str:
    texts: list[str] = []
    for one in values:
        text = one if isinstance(one, str) else json.dumps(one, default=str)
        if texts and len(", ".join([*texts, text])) > _TOLD:
            return f"One of {len(values)}, e.g. {', '.join(texts)}."
        texts.append(text[:_TOLD])
    return f"One of {', '.join(texts)}."


def _objects(schema: Any, components: Mapping[str, Schema]) -> Iterator[Schema]:
    for one in _parts(schema, components):
        for union in _UNIONS:
            for form in _members(one, union):
                if kinds(form, components) - {"null"} == {"object"}:
                    yield form


def _with(schema: Any, components: Mapping[str, Schema]) -> str:
    """Name an object's properties, for a model that has to write its JSON."""
    names: dict[str, None] = {}
    for one in _parts(schema, components):
        declared = one.get("properties")
        names.update(dict.fromkeys(declared if isinstance(declared, dict) else ()))
    shown = list(names)[:_MOST_NAMES]
    more = ["…"] if len(names) > len(shown) else []
    return f" with {', '.join([*shown, *more])}" if shown else ""


# --- answers ----------------------------------------------------------------------------------


class Full(Exception):
    """More is to be written than there is room for."""


def answer(schema: Any, shapes: Shapes, depth: int, fit: Fit, room: Iterator[object]) -> Schema:
    """An answer's schema down to a depth, objects and lists each counting as one.

    What may be of several types is shown without any. `fit` shortens the words. Each schema
    inside takes one of `room`: where each of a hundred objects has all others in it, three levels
    are a million.

    Raises: Full, where no room is left.
    """
    written = _answer(schema, shapes, depth, fit, room)
    return {key: one for key, one in written.items() if key != NULL}


def _answer(schema: Any, shapes: Shapes, depth: int, fit: Fit, room: Iterator[object]) -> Schema:
    if next(room, room) is room:
        raise Full
    words = fit(str(shapes.resolve(schema).get("description") or ""))
    served: Schema = {"description": words} if words else {}
    taken = (shapes.kinds(schema) or frozenset()) - {"null"}
    if "number" in taken:
        taken -= {"integer"}
    if len(taken) != 1:
        return served
    (kind,) = taken
    served = {**served, "type": kind, NULL: True}
    if kind == "array":
        served["items"] = {}
        if depth > 0:
            inner = _any_of(shapes.items(schema))
            served["items"] = _answer(inner, shapes, depth - 1, fit, room)
    elif kind == "object" and depth > 0:
        properties = {
            name: _answer(_any_of(several), shapes, depth - 1, fit, room)
            for name, several in shapes.members(schema).items()
        }
        if properties:
            served["properties"] = properties
    return served


def _any_of(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
