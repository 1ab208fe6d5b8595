"""Config entries for a property inside a body property: `body.address.country`.

They hide, pin, default, describe and tighten; they do not rename, map words or read headers,
since a caller's object keeps the upstream's own shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from gateway.config.types import Parameter
from gateway.request.entries import ABSENT, Fault, fitted
from gateway.request.schemas import Components, at, checker, edit
from gateway.request.text import Unwritable
from gateway.values import Schema

_NOT_NESTED = ("values", "header")


@dataclass(frozen=True, slots=True)
class Nested:
    """What is done to one property inside a caller's value: `withheld`, and sent as `value`."""

    path: tuple[str, ...]
    withheld: bool
    value: Any = ABSENT

    @property
    def pins(self) -> bool:
        """Whether the property is sent whatever the caller gives."""
        return self.withheld and self.value is not ABSENT

    def apply(self, value: Any) -> Any:
        """The caller's value with this done to it, in a copy. Raises: Unwritable."""
        return self._below(value, self.path)

    def _below(self, value: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(value, dict):
            if self.pins:
                raise Unwritable(f"must be an object, since {'.'.join(self.path)!r} is set in it")
            return value
        name = path[0]
        if len(path) > 1:
            if name in value or self.pins:
                return {**value, name: self._below(value.get(name, {}), path[1:])}
            return value
        if name in value:
            if self.withheld:
                raise Unwritable(f"must not hold {'.'.join(self.path)!r}: this plugin withholds it")
            return value
        return value if self.value is ABSENT else {**value, name: self.value}


def shown_below(
    entries: Iterable[tuple[str, tuple[str, ...], Literal["hide"] | Parameter]],
    schema: Schema,
    components: Components,
) -> tuple[tuple[Nested, ...], Schema, list[Fault]]:
    """What to do to a value, its schema as callers see it, and what is wrong with the entries."""
    found: list[Nested] = []
    faults: list[Fault] = []
    upstream = schema
    for key, path, entry in entries:
        known = at(upstream, path, components)
        if known is None:
            continue
        member, required = known
        if entry == "hide":
            if required and "default" not in member:
                faults.append(((key,), f"{path[-1]!r} is required upstream: pin it to a value"))
            found.append(Nested(path, withheld=True))
            schema = edit(schema, path, _remove, components) or schema
            continue
        faults += _check(key, entry, member, components)
        if entry.pin is not ABSENT:
            pin = fitted(entry.pin, member, components)
            found.append(Nested(path, withheld=True, value=pin))
            schema = edit(schema, path, _remove, components) or schema
            continue
        if entry.default is not ABSENT:
            found.append(Nested(path, withheld=False, value=entry.default))
        elif entry.required is False and required:
            faults.append(((key, "required"), "it is required upstream: give it a default"))
        schema = edit(schema, path, _described(entry), components) or schema
    return tuple(found), schema, faults


def _check(key: str, entry: Parameter, member: Schema, components: Components) -> list[Fault]:
    faults: list[Fault] = []
    if entry.source is not None:
        faults.append(((key, "from"), "a property inside another one cannot be renamed"))
    faults += [
        ((key, name), f"{name!r} does not reach a property inside another one")
        for name in _NOT_NESTED
        if getattr(entry, name) is not None
    ]
    check = checker(member, components)
    for name in ("pin", "default", "example"):
        value = getattr(entry, name)
        if name == "pin":
            value = fitted(value, member, components)
        if value is not ABSENT and (wrong := check(value)):
            faults.append(((key, name), wrong))
    return faults


def _remove(owner: Schema, name: str) -> None:
    del owner["properties"][name]
    owner["required"] = [other for other in owner["required"] if other != name]


def _described(entry: Parameter) -> Any:
    def change(owner: Schema, name: str) -> None:
        member = dict(owner["properties"][name])
        if entry.description is not None:
            member["description"] = entry.description
        if entry.default is not ABSENT:
            member["default"] = entry.default
        if entry.example is not ABSENT:
            member.pop("example", None)
            member["examples"] = [entry.example]
        owner["properties"][name] = member
        required = [other for other in owner["required"] if other != name]
        if entry.required or (entry.default is ABSENT and name in owner["required"]):
            required.append(name)
        owner["required"] = required

    return change
