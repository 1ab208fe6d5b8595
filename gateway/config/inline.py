"""Operations written in place, where there is no OpenAPI document; and the keys only they have.

Every operation then says `call: METHOD /path`, every `{name}` of the path is a parameter with
`in: path`, and `body`, `returns` and the parameters are JSON Schema (2020-12).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from msgspec.structs import fields

from gateway.config import types
from gateway.config.entries import lacks, operations
from gateway.config.faults import Fault, Path, found, quoted, suggest

_CALL = re.compile(rf"({'|'.join(types.METHODS)}) +(/\S*)", re.IGNORECASE)
_HOLE = re.compile(r"\{([^{}]*)\}")
_ATTRIBUTES = {
    one.encode_name: one.name
    for one in fields(types.Parameter)
    if one.encode_name in types.IN_PLACE_KEYS
}
_SCHEMAS = Draft202012Validator(Draft202012Validator.META_SCHEMA)


def check(plugin: types.Plugin, given: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of operations written in place, or of keys that only they may have.

    `given` is the tree as it was written: `plugin` lacks what of it could not be read.
    """
    yield from _out_of_place(("parameters",), plugin.parameters)
    for name, operation in operations(plugin):
        path: Path = ("operations", name)
        for key, schema in (("body", operation.body), ("returns", operation.returns)):
            if schema is not None:
                yield from _schema((*path, key), schema)
        if "spec" in given:
            yield from _out_of_place((*path, "parameters"), operation.parameters)
            if operation.body is not None:
                text = "the spec describes the body; this key is for operations without a spec"
                yield Fault((*path, "body"), text, at_key=True)
    if lacks(given, "spec", types.Plugin):
        yield from _without_spec(plugin, given)


def _out_of_place(path: Path, parameters: types.Parameters) -> Iterator[Fault]:
    for name, entry in parameters.items():
        for key in _given_keys(entry):
            text = f"{key!r} is for operations written in place; the spec describes this one"
            yield Fault((*path, name, key), text, at_key=True)


def _given_keys(entry: str | types.Parameter) -> list[str]:
    """The keys of an entry that only parameters written in place have."""
    if isinstance(entry, str):
        return []
    return [key for key, name in _ATTRIBUTES.items() if getattr(entry, name) is not None]


def _without_spec(plugin: types.Plugin, given: Mapping[str, Any]) -> Iterator[Fault]:
    if lacks(given.get("upstream", {}), "url", types.Upstream):
        text = "without `spec`, write where the API is: upstream: {url: https://…}"
        yield Fault(("upstream",), text)
    written = given.get("operations", {})
    if not isinstance(written, dict):
        text = "without `spec`, operations are a mapping, each with its `call: METHOD /path`"
        yield Fault(("operations",), text)
        return
    for name, one in written.items():
        if one is None or lacks(one, "call", types.Operation):
            text = "without `spec`, write what it calls: `call: METHOD /path`"
            yield Fault(("operations", name), text, at_key=True)
    places: dict[tuple[str, str], str] = {}
    for name, operation in operations(plugin):
        if operation.call is not None:
            inner = written[name].get("parameters", {})
            yield from _operation(name, operation, operation.call, places, inner)


def _operation(
    name: str,
    operation: types.Operation,
    call: str,
    places: dict[tuple[str, str], str],
    written: Mapping[str, Any],
) -> Iterator[Fault]:
    """One operation; `places` are those that the ones before it call, `written` its parameters."""
    path: Path = ("operations", name)
    match = _CALL.fullmatch(call.strip())
    if match is None:
        text = f"expected METHOD /path such as 'GET /items/{{id}}', found {quoted(call)}"
        yield Fault((*path, "call"), text)
        return
    place = match[1].upper(), _HOLE.sub("{}", match[2])
    if place in places:
        yield Fault((*path, "call"), f"{quoted(places[place])} calls the same already")
    places.setdefault(place, name)
    yield from _parameters(path, match[2], operation.parameters, written)


def _parameters(
    path: Path, template: str, parameters: types.Parameters, written: Mapping[str, Any]
) -> Iterator[Fault]:
    """The path's `{names}` and the parameters with `in: path` are the same."""
    holes = _HOLE.findall(template)
    if re.search(r"[{}]", _HOLE.sub("", template)) or "" in holes or len(set(holes)) < len(holes):
        yield Fault((*path, "call"), "each {name} of a path is closed, has a name, stands once")
        return
    declared = set()
    for name, entry in parameters.items():
        where = (*path, "parameters", name)
        if isinstance(entry, str):
            continue
        yield from _parameter(where, entry, written.get(name))
        upstream_name = entry.source or name
        if entry.place == "path":
            declared.add(upstream_name)
            if upstream_name not in holes:
                text = f"the path has no {{{upstream_name}}}{suggest(upstream_name, holes)}"
                yield Fault((*where, "in"), text)
            if entry.required is False:
                text = "a path cannot do without one of its parameters; leave this out"
                yield Fault((*where, "required"), text)
    for hole in holes:
        if hole not in declared:
            near = suggest(hole, parameters.keys() - {hole})
            yield Fault((*path, "call"), f"{{{hole}}} is no parameter with `in: path`{near}")


def _parameter(path: Path, entry: types.Parameter, written: Any) -> Iterator[Fault]:
    keys = _given_keys(entry)
    if keys and lacks(written, "in", types.Parameter):
        yield Fault(path, f"`in` is missing: {keys[0]!r} describes a new parameter", at_key=True)
    for key in ("items", "properties"):
        schema = getattr(entry, key)
        if schema is not None:
            yield from _schema((*path, key), schema, inner=key == "properties")
    if entry.pattern is not None and not _is_regular(entry.pattern):
        yield Fault((*path, "pattern"), "this is no regular expression")


def _is_regular(pattern: str) -> bool:
    """ECMA 262's regular expressions are not Python's: ask who will run it."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _schema(path: Path, schema: dict[str, Any], *, inner: bool = False) -> Iterator[Fault]:
    """What is wrong with a JSON Schema; `inner` where it is the value of `properties`."""
    prefix = ("properties",) if inner else ()
    for error in _SCHEMAS.iter_errors({"properties": schema} if inner else schema):
        leaf = error
        while leaf.context:  # of a choice, what looks at the innermost value says most
            leaf = max(leaf.context, key=lambda one: (len(one.path), one.validator == "enum"))
        below = tuple(leaf.absolute_path)[len(prefix) :]
        yield Fault((*path, *below), f"this is no JSON Schema: {_words(leaf)}")


def _words(error: Any) -> str:
    value, allowed = error.instance, error.validator_value
    if error.validator == "enum":
        near = suggest(value, allowed) if isinstance(value, str) else ""
        return f"{found(value)} is not one of {', '.join(allowed)}{near}"
    if error.validator == "type":
        names = [allowed] if isinstance(allowed, str) else allowed
        return f"expected {' or '.join(names)}, found {found(value)}"
    return str(error.message)[:200]
