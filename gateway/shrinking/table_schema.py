"""The served schema where `encode: table` may write tables: an array is an array or a table.

Components are shared by the operations of a spec, and only some of these write tables. So a
component in which something may be a table has a twin, under a name of its own; whatever refers
to it from there refers to the twin, and the component stays as it is for the others.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.shrinking.schema import cut_component, reached
from gateway.shrinking.shapes import Shapes, reference, target
from gateway.shrinking.untable import HEADER
from gateway.values import Schema

_MAP = 8  # members that are objects, from which on an object may be a table by its key
_NESTED = ("properties", "patternProperties")
_SINGLE = ("items", "additionalProperties")
_SEVERAL = ("prefixItems", "allOf", "anyOf")
TABLE: Final[Schema] = {
    "type": "object",
    "description": "Objects that are alike, as a table. The places of a row are named in "
    "`columns`; `a.b` is member b of object a. Every row also has the members in `each`, with "
    "the row's own cell for {column}. A cell equal to `absent` is no member. Cells of a column in "
    "`tables` are rows themselves. Where `rows` is an object, its keys are the objects' keys.",
    "properties": {
        "count": {"type": "integer"},
        "columns": {"type": "array", "items": {"type": "string"}},
        "each": {"type": "object"},
        "order": {"type": "array", "items": {"type": "integer"}},
        "separator": {"type": "string"},
        "absent": {},
        "tables": {"type": "object"},
        "rows": {"type": ["array", "object"]},
    },
}


def table_schema(schema: Schema, shapes: Shapes) -> Schema:
    """The schema of an answer after `tabled`; also that of one in which nothing was tabled.

    Takes a schema as it would be served, and is the last to change it: the twins that it refers
    to are known to `reached`, not to `shapes.components`.
    """
    found = reached(schema, shapes)
    users: dict[str, list[str]] = {}
    for name in found:
        for used in shapes.served[name][1]:
            users.setdefault(used, []).append(name)
    waiting = [
        name
        for name, one in found.items()
        if name != cut_component(shapes) and _differs(one, shapes)
    ]
    twins: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name not in twins:
            twins[name] = _free(f"{name}_tabled", shapes)
            waiting += users.get(name, ())
    table = _free("Table", shapes)
    shapes.served[table] = TABLE, []
    for name, twin in twins.items():
        if twin not in shapes.served:
            further = [twins.get(one, one) for one in shapes.served[name][1]]
            made = _tabled(found[name], twins, table, shapes)
            shapes.served[twin] = made, [*further, table]
    return _tabled(schema, twins, table, shapes)


def _free(name: str, shapes: Shapes) -> str:
    while name in shapes.components:
        name += "_"
    return name


def _tabled(schema: Schema, twins: dict[str, str], table: str, shapes: Shapes) -> Schema:
    def inner(one: Any) -> Any:
        return _tabled(one, twins, table, shapes) if isinstance(one, dict) else one

    out = dict(schema)
    name = target(str(schema.get("$ref", "")))
    if name in twins:
        out["$ref"] = reference(twins[name])
    for keyword in _NESTED:
        if keyword in out:
            out[keyword] = {key: inner(one) for key, one in out[keyword].items()}
    for keyword in _SINGLE:
        if keyword in out:
            out[keyword] = inner(out[keyword])
    for keyword in _SEVERAL:
        if keyword in out:
            out[keyword] = [inner(one) for one in out[keyword]]
    if not _may_be_table(schema, shapes):
        return out
    words: Schema = {key: out.pop(key) for key in ("title", "description") if key in out}
    return {**words, "anyOf": [out, {"$ref": reference(table)}]}


def _differs(schema: Any, shapes: Shapes) -> bool:
    """Whether something in a schema itself may be a table."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        if _may_be_table(one, shapes):
            return True
        for keyword in _NESTED:
            waiting += one.get(keyword, {}).values()
        waiting += [one.get(keyword) for keyword in _SINGLE]
        for keyword in _SEVERAL:
            waiting += one.get(keyword, ())
    return False


def _may_be_table(schema: Schema, shapes: Shapes) -> bool:
    """Whether what this allows, compositions aside, may be written as what it does not allow."""
    if "array" in schema.get("type", ()) and _may_hold(schema.get("items", {}), shapes):
        return True
    others = [schema["additionalProperties"]] if "additionalProperties" in schema else []
    others += schema.get("patternProperties", {}).values()
    if any(_may_hold(one, shapes) for one in others):
        return True
    members = schema.get("properties", {})
    objects = sum(_may_hold(one, shapes) for one in members.values())
    named = not members.keys().isdisjoint(HEADER)
    return (objects > 0 and named) or (objects >= _MAP and bool(others))


def _may_hold(schema: Any, shapes: Shapes) -> bool:
    kinds = shapes.kinds(schema)
    return kinds is None or "object" in kinds
