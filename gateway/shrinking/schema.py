"""The schema of an answer, made from the same rules as the answer.

It is lenient, because upstreams lie and because whatever a cut leaves must still be valid:
nothing is required, there are no enums, bounds, patterns or closed objects, null is not told
from other values, and `oneOf` is `anyOf`, since without those its branches overlap. Words stay,
and types and formats, which say what paths may lead to; `untyped` takes them out at last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway.shrinking.fields import Level, Pick
from gateway.shrinking.shapes import REF, Shapes, reference, target
from gateway.values import Schema

WORDS = ("title", "description", "deprecated")
_FORMAT = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,29}")
CUT: Schema = {
    "description": "What was cut from this answer: by path, how many rows, keys or characters "
    "were kept of how many.",
    "additionalProperties": {"properties": {"kept": {}, "total": {}}},
}


def cut_component(shapes: Shapes) -> str:
    """The name of the component that describes cuts: one for all operations of a spec."""
    name = "Shrunk"
    while name in shapes.components:
        name += "_"
    return name


def cut_reference(shapes: Shapes) -> Schema:
    """What stands for `CUT` in a served schema."""
    return {"$ref": reference(cut_component(shapes))}


# --- lenient ----------------------------------------------------------------------------------


def lenient(schema: Any, shapes: Shapes) -> Schema:
    """A schema that holds for whatever the given one holds for, and for what a cut leaves."""
    if not isinstance(schema, dict):
        return {}
    out: Schema = {key: schema[key] for key in WORDS if key in schema}
    if "$ref" in schema:
        name = target(str(schema["$ref"]))
        if name in shapes.components:
            out["$ref"] = reference(name)
        return out
    kinds = _kinds(schema)
    if kinds:
        out["type"] = kinds[0] if len(kinds) == 1 else kinds
        if form := _form(schema):
            out["format"] = form
    _containers(schema, out, shapes)
    parts = [lenient(part, shapes) for part in schema.get("allOf", ())]
    unions = []
    for keyword in ("anyOf", "oneOf"):
        # Null is not told from other values.
        every = schema.get(keyword, ())
        branches = [one for one in every if not _is_null(one)] or every
        if branches and branches[1:]:
            unions.append([lenient(branch, shapes) for branch in branches])
        elif branches:
            only = lenient(branches[0], shapes)
            if only.keys() <= {"type", "format"} and "type" not in out:
                out.update(only)
            else:
                parts.append(only)
    if len(unions) == 1:
        out["anyOf"] = unions[0]
    else:
        parts += [{"anyOf": union} for union in unions]
    if len(parts) == 1 and not out.keys() - set(WORDS):
        return {**parts[0], **out}
    if parts:
        out["allOf"] = parts
    return out


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _kinds(schema: Schema) -> list[str]:
    """The types but null, if there is another; none where the schema does not say."""
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else list(kind or ())
    return [one for one in kinds if one != "null"] or kinds


def _form(schema: Schema) -> str:
    """The format, if it is a word; encodings are formats as well."""
    form = schema.get("contentEncoding") or schema.get("format")
    return form if isinstance(form, str) and _FORMAT.fullmatch(form) else ""


def _containers(schema: Schema, out: Schema, shapes: Shapes) -> None:
    hidden = False
    if "properties" in schema:
        out["properties"] = {}
        for key, value in schema["properties"].items():
            if shapes.resolve(value).get("writeOnly") is True:
                hidden = True
            else:
                out["properties"][key] = lenient(value, shapes)
    # Where a written-only property was left out, its name falls under the others' schema.
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and not hidden:
        out["additionalProperties"] = lenient(others, shapes)
    if "patternProperties" in schema and not hidden:
        out["patternProperties"] = {
            pattern: lenient(value, shapes)
            for pattern, value in schema["patternProperties"].items()
        }
    if "prefixItems" in schema:
        out["prefixItems"] = [lenient(value, shapes) for value in schema["prefixItems"]]
    if "items" in schema:
        out["items"] = lenient(schema["items"], shapes)


# --- projected --------------------------------------------------------------------------------


def projected(schema: Any, level: Level, shapes: Shapes) -> Schema:
    """The lenient schema of what a level takes of a value."""
    kinds = shapes.kinds(schema)
    if kinds is None:
        return {}
    forms: list[Schema] = []
    if "object" in kinds:
        forms.append({"type": "object", **_members(schema, level, shapes)})
    if "array" in kinds:
        items = [projected(item, level, shapes) for item in shapes.items(schema)]
        forms.append({"type": "array", "items": any_of(items)})
    if not forms:
        return {"type": "null"} if kinds == {"null"} else {}
    found = any_of(forms)
    words = shapes.resolve(schema).get("description")
    return {"description": words, **found} if words else found


def _members(schema: Any, level: Level, shapes: Shapes) -> Schema:
    if level.every:
        every = level.every
        members = {
            key: found
            for key, values in shapes.members(schema).items()
            if (found := _taken(values, every, (), shapes)) is not None
        }
        out: Schema = {"properties": members} if members else {}
        found = _taken(shapes.others(schema), every, (), shapes)
        if found:
            out["additionalProperties"] = found
        return out
    found_members = {}
    for name, pick in level.picks.items():
        found = _taken([schema], pick, pick.source, shapes)
        if found is not None:
            found_members[name] = found
    return {"properties": found_members}


def _taken(
    values: Iterable[Schema], pick: Pick, keys: tuple[str | None, ...], shapes: Shapes
) -> Schema | None:
    """What a pick takes of values that have one of these schemas; None where nothing."""
    if keys:
        forms = [one for value in values if (one := _dug(value, pick, keys, shapes)) is not None]
        return any_of(forms) if forms else None
    if pick.tree is None:
        return any_of([lenient(value, shapes) for value in values]) if values else None
    tree = pick.tree
    reached = [value for value in values if _holds(value, shapes)]
    return any_of([projected(value, tree, shapes) for value in reached]) if reached else None


def _holds(schema: Schema, shapes: Shapes) -> bool:
    kinds = shapes.kinds(schema)
    return kinds is None or bool(kinds & {"object", "array", "null"})


def _dug(schema: Schema, pick: Pick, keys: tuple[str | None, ...], shapes: Shapes) -> Schema | None:
    """What stands below the keys, in the arrays and maps that are met on the way."""
    kinds = shapes.kinds(schema)
    if kinds is None:
        return {}
    forms: list[Schema] = []
    if "object" in kinds:
        key, rest = keys[0], keys[1:]
        if key is None:
            values = [one for several in shapes.members(schema).values() for one in several]
            found = _taken(values + shapes.others(schema), pick, rest, shapes)
            if found is not None:
                forms.append({"type": "object", "additionalProperties": found})
        else:
            known = shapes.members(schema).get(key) or shapes.others(schema)
            found = _taken(known, pick, rest, shapes)
            if found is not None:
                forms.append(found)
    if "array" in kinds:
        inner = [_dug(item, pick, keys, shapes) for item in shapes.items(schema)]
        present = [one for one in inner if one is not None]
        if present:
            forms.append({"type": "array", "items": any_of(present)})
    return any_of(forms) if forms else None


def any_of(schemas: Iterable[Schema]) -> Schema:
    """One schema for values of any of several."""
    distinct: list[Schema] = []
    for schema in schemas:
        if not schema:
            return {}
        if schema not in distinct:
            distinct.append(schema)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct} if distinct else {}


# --- the top ----------------------------------------------------------------------------------


def with_announcement(schema: Schema, name: str, shapes: Shapes) -> Schema:
    """The lenient schema of an object, with a place for the announcement.

    Where the object has a member of that name, here or in what it is composed of, that is it.
    """
    own = {} if name in shapes.members(schema) else {name: cut_reference(shapes)}
    schema = _inlined(schema, shapes)
    return {**schema, "type": "object", "properties": {**own, **schema.get("properties", {})}}


def _inlined(schema: Schema, shapes: Shapes) -> Schema:
    """The schema itself instead of a reference; the words beside the reference win."""
    for _ in range(40):
        if "$ref" not in schema:
            break
        words = {key: schema[key] for key in WORDS if key in schema}
        schema = {**lenient(shapes.components[target(schema["$ref"])], shapes), **words}
    return schema


def reached(schema: Any, shapes: Shapes) -> dict[str, Schema]:
    """The lenient components that a served schema leads to, and the one that describes cuts."""
    cut = cut_component(shapes)
    found: dict[str, Schema] = {}
    waiting = _references(schema)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in shapes.served:
            made = CUT if name == cut else lenient(shapes.components[name], shapes)
            shapes.served[name] = made, _references(made)
        found[name], further = shapes.served[name]
        waiting += further
    return dict(sorted(found.items()))


def _references(schema: Any) -> list[str]:
    """The names of the components that a schema refers to."""
    found: dict[str, None] = {}
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            text = one.get("$ref")
            if isinstance(text, str) and text.startswith(REF):
                found[target(text)] = None
            waiting += one.values()
    return list(found)
