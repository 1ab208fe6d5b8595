"""A flat object in a query, taken apart: each of its properties a parameter of its own. Pure.

`filter[status]=open` (`deepObject`) and `status=open` (`form`, exploded) are two spellings of one
property of `filter`; a model gets an argument `filter_status` or `status` right more often than
the JSON text of an object. What the upstream reads is the same. An object stays whole where it is
open, where a property is itself an object, where the config names it, and where a property would
be read as another parameter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from gateway.request.guard import guard
from gateway.request.schemas import SCALARS, Components, kinds, properties, resolve
from gateway.values import Schema, SpecOperation, SpecParameter

_MOST = 200  # names in one query: each is compared with all others


def spread(
    operation: SpecOperation,
    components: Components,
    named: Collection[str],
    taken: Collection[str],
) -> tuple[SpecParameter, ...]:
    """The operation's parameters, with the properties of flat objects in their stead.

    Args:
        operation: As the spec has it.
        components: The schemas that its references lead to.
        named: What the config's entries name; an object among them stays whole.
        taken: Names in the query that are sent anyway.
    """
    names = [one.name for one in operation.parameters if one.place == "query"]
    others = [*taken, *(name for name, _ in operation.fixed_query)]
    known: dict[str, _Flat | None] = {}
    found: list[SpecParameter] = []
    for one in operation.parameters:
        parts: tuple[SpecParameter, ...] = ()
        if one.place == "query" and not {one.name, f"query.{one.name}"} & set(named):
            parts = _properties(one, components, known)
        if not parts or len(names) + len(others) + len(parts) > _MOST:
            found.append(one)
            continue
        stands_in = guard([*others, *(name for name in names if name != one.name)])
        if any(stands_in(part.name) for part in parts):
            found.append(one)
            continue
        found += parts
        others += [part.name for part in parts]
    return tuple(found)


# The properties of a flat object, each with whether it is a list, and the required ones.
_Flat = tuple[dict[str, tuple[Schema, bool]], set[str]]


def _properties(
    one: SpecParameter, components: Components, known: dict[str, _Flat | None]
) -> tuple[SpecParameter, ...]:
    """The parameters that a flat object is on the wire; none where it is no such thing."""
    is_deep = one.style == "deepObject"
    if one.content_type is not None or not (is_deep or (one.style == "form" and one.explode)):
        return ()
    component = one.schema.get("$ref") if len(one.schema) == 1 else None
    flat = known[component] if component in known else _flat(one.schema, components)
    if isinstance(component, str):
        known[component] = flat  # many parameters may be of one component
    if flat is None or (is_deep and any("[" in name or "]" in name for name in flat[0])):
        return ()
    members, required = flat
    return tuple(
        replace(
            one,
            name=f"{one.name}[{name}]{'[]' if is_list else ''}" if is_deep else name,
            schema=schema,
            required=one.required and name in required,
            description="",
            style="form",
            explode=True,
            example=_example(one, name, components),
            allow_empty=False,
            within=(one.name, name),
            needed=not one.required and name in required,
        )
        for name, (schema, is_list) in members.items()
    )


def _flat(schema: Schema, components: Components) -> _Flat | None:
    """What is in an object, if all of it is plain values and lists of them."""
    known = properties(schema, components)
    if known is None or len(known[0]) > _MOST:
        return None
    lists = {name: _is_list(one, components) for name, one in known[0].items()}
    is_flat = all(
        name and (lists[name] or kinds(one, components) - {"null"} <= SCALARS)
        for name, one in known[0].items()
    )
    return (
        ({name: (one, lists[name]) for name, one in known[0].items()}, known[1])
        if is_flat
        else None
    )


def _is_list(schema: Any, components: Components) -> bool:
    """Whether it is a list of plain values."""
    if kinds(schema, components) - {"null"} != {"array"}:
        return False
    items = resolve(schema, components).get("items")
    return items is not None and kinds(items, components) - {"null"} <= SCALARS


def _example(one: SpecParameter, name: str, components: Components) -> Any:
    """The property's part of the object's example."""
    known = resolve(one.schema, components)
    given = one.example if one.example is not None else known.get("example")
    return given.get(name) if isinstance(given, dict) else None
