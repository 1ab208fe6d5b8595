"""The last thing that is done to the schema of an answer: types become words.

An upstream that says `integer` and sends a text is wrong, yet a client that checks answers throws
the whole of one away for it. So a served schema has no type that the upstream could break: what
stands under `properties` holds for objects and `items` for arrays alone, and says by itself what
is expected; a leaf without words has its type as its description. Without types `nullable` means
nothing and null needs no place of its own, so OpenAPI 3.0 and 3.1 have the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from gateway.shrinking.schema import WORDS
from gateway.shrinking.shapes import Shapes
from gateway.values import Schema

_BY_NAME = ("properties", "patternProperties")
_SINGLE = ("additionalProperties", "items")
_SAYS = {"object": (*_BY_NAME, "additionalProperties"), "array": ("items", "prefixItems")}
_BARE = {"type", "format"}
_SIZES = ("int32", "int64", "float", "double")  # as numbers come in JSON, these say nothing


def untyped(schema: Schema) -> Schema:
    """A lenient schema that accepts every value. Types are told in words, where nothing else
    tells them."""
    out: Schema = {key: schema[key] for key in (*WORDS, "$ref") if key in schema}
    for keyword in _BY_NAME:
        if schema.get(keyword):
            out[keyword] = {name: untyped(one) for name, one in schema[keyword].items()}
    for keyword in _SINGLE:
        if keyword in schema:
            out[keyword] = untyped(schema[keyword])
    if "prefixItems" in schema:
        out["prefixItems"] = [untyped(one) for one in schema["prefixItems"]]
    said = [] if "$ref" in out else [one for one in _types(schema) if not _is_said(one, out)]
    parts = [untyped(one) for one in schema.get("allOf", ())]
    branches = schema.get("anyOf", ())
    choices = [untyped(one) for one in branches if not one.keys() <= _BARE]
    bare = [word for one in branches if one.keys() <= _BARE for word in _types(one)]
    if not any(choices):
        said = said or bare
    elif bare:
        choices.append({"description": _or(bare)})
    if said and "description" not in out and not any((*parts, *choices)):
        out["description"] = _or(said)
    return composed(out, parts, choices)


def composed(schema: Schema, parts: Iterable[Schema], choices: Iterable[Schema]) -> Schema:
    """The schema of an answer with these as `allOf` and `anyOf`: each once, none that says
    nothing, no choice of one, and nothing composed of one thing alone.

    What is served has this form, and so stays as it is where a gateway reads it again.
    """
    one_of = _distinct(choices)
    several = len(one_of) > 1
    every = _distinct(parts if several else [*parts, *one_of])
    made = {**schema, "anyOf": one_of} if several else schema
    if len(every) == 1 and not made.keys() - set(WORDS):
        return {**every[0], **made}
    return {**made, "allOf": every} if every else made


def untyped_component(schema: Schema, shapes: Shapes) -> Schema:
    """The same of a component, made once: operations share most of them."""
    known = shapes.untyped.get(id(schema))
    if known is None:
        known = shapes.untyped[id(schema)] = schema, untyped(schema)
    return known[1]


def untyped_answer(schema: Schema, *, is_object: bool) -> Schema:
    """The same of a whole answer. Of one that is an object whatever the upstream sends, that is
    said."""
    if not is_object:
        return untyped(schema)
    rest = untyped({key: one for key, one in schema.items() if key != "type"})
    return {"type": "object", **rest}


def _distinct(schemas: Iterable[Schema]) -> list[Schema]:
    """Those that say something, each once. By their text: of ten thousand each would else be
    compared with all before it."""
    found = [one for one in schemas if one]
    if len(found) < 2:  # as nearly all are
        return found
    return list({json.dumps(one, sort_keys=True, default=str): one for one in found}.values())


def _types(schema: Schema) -> list[str]:
    """The types in words; of one alone with the format, where that says more."""
    kind = schema.get("type", ())
    kinds = [kind] if isinstance(kind, str) else list(kind)
    form = schema.get("format", "")
    if len(kinds) == 1 and kinds[0] not in _SAYS and form and form not in _SIZES:
        return [f"{form} {kinds[0]}"]
    return kinds


def _is_said(word: str, schema: Schema) -> bool:
    return any(schema.get(keyword) is not None for keyword in _SAYS.get(word, ()))


def _or(words: list[str]) -> str:
    return " or ".join(dict.fromkeys(words))
