"""Config entries for a property inside a body property: `body.address.country`.

They hide, pin, default, describe and tighten; they do not map words or read headers, since a
caller's object keeps the upstream's own shape. With `from` the object is taken apart instead
(`apart`), and the entry never comes here, unless that cannot be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from gateway.config.types import Parameter
from gateway.request.check import checker
from gateway.request.entries import ABSENT, Fault, fitted, may_be_shown
from gateway.request.guard import folded
from gateway.request.schemas import Components, at, edit, kinds
from gateway.request.text import Unwritable, shown
from gateway.values import Schema

_NOT_NESTED = ("values", "header")


@dataclass(frozen=True, slots=True)
class Nested:
    """What is done to one property inside a caller's value: `withheld`, and sent as `value`.

    `lists` says for each part of the path whether its owner may be a list, or anything but an
    object: only then may a call send one in its stead.
    """

    path: tuple[str, ...]
    withheld: bool
    lists: tuple[bool, ...]
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
            return self._instead(value, path)
        name = path[0]
        if self.withheld:
            self._refuse_twins(value, name)
        if len(path) > 1:
            if name in value or self.pins:
                return {**value, name: self._below(value.get(name, {}), path[1:])}
            return value
        if name in value:
            if self.withheld:
                raise Unwritable(f"must not hold {self._called}: this plugin withholds it")
            return value
        return value if self.value is ABSENT else {**value, name: self.value}

    def _instead(self, value: Any, path: tuple[str, ...]) -> Any:
        """What is no object where the property's owner is expected."""
        if not self.withheld or (value is None and not self.pins):
            return value
        if self.pins or not self.lists[len(self.path) - len(path)]:
            raise Unwritable(
                f"must be an object: this plugin sets or withholds {self._called} in it"
            )
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    self._below(item, path)
        return value

    @property
    def _called(self) -> str:
        return repr(".".join(self.path))

    def _refuse_twins(self, value: dict[str, Any], name: str) -> None:
        """Refuse other spellings of a name: many servers bind without regard to case."""
        same = folded(name)
        for key in value:
            if key != name and folded(key) == same:
                raise Unwritable(
                    f"must not hold {shown(key)}: this plugin withholds {self._called}"
                )


def shown_below(
    entries: Iterable[tuple[str, tuple[str, ...], Literal["hide"] | Parameter]],
    schema: Schema,
    components: Components,
    secrets: Collection[str] | None = None,
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
        lists = _lists(upstream, path, components)
        if entry == "hide":
            if required and "default" not in member:
                faults.append(((key,), f"{path[-1]!r} is required upstream: pin it to a value"))
            found.append(Nested(path, True, lists))
            schema = edit(schema, path, _remove, components) or schema
            continue
        faults += _check(key, entry, member, components, secrets)
        if entry.pin is not ABSENT:
            pin = fitted(entry.pin, member, components)
            found.append(Nested(path, True, lists, pin))
            schema = edit(schema, path, _remove, components) or schema
            continue
        if entry.default is not ABSENT:
            found.append(Nested(path, False, lists, entry.default))
        elif entry.required is False and required:
            faults.append(((key, "required"), "it is required upstream: give it a default"))
        schema = edit(schema, path, _described(entry), components) or schema
    return tuple(found), schema, faults


def _lists(schema: Schema, path: tuple[str, ...], components: Components) -> tuple[bool, ...]:
    """For each part of a path whether its owner may be something else than an object."""
    owners = [schema, *(at(schema, path[:end], components) for end in range(1, len(path)))]
    schemas = [owner[0] if isinstance(owner, tuple) else owner for owner in owners]
    return tuple(not kinds(one, components) <= {"object", "null"} for one in schemas)


def _check(
    key: str,
    entry: Parameter,
    member: Schema,
    components: Components,
    secrets: Collection[str] | None,
) -> list[Fault]:
    faults: list[Fault] = []
    if entry.source is not None:
        text = "it is inside of what does not declare all its properties, and so stays whole"
        faults.append(((key, "from"), f"cannot be an argument of its own: {text}"))
    faults += [
        ((key, name), f"{name!r} does not reach a property inside another one")
        for name in _NOT_NESTED
        if getattr(entry, name) is not None
    ]
    for name in ("pin", "default", "example"):
        value = getattr(entry, name)
        shows = name != "pin" or may_be_shown(value, secrets)
        check = checker(member, components, shows=shows)
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
