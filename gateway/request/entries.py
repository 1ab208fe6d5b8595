"""One config entry against one target: what it says of the value, and whether that can hold."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from gateway.config.types import IDLE_BESIDE, Parameter
from gateway.request.bounded import decode_text
from gateway.request.check import checker
from gateway.request.schemas import Components, kinds, resolve
from gateway.request.targets import Target
from gateway.values import Schema

ABSENT: Final = msgspec.UNSET

# The place inside the config's `parameters`, and what is wrong there.
Fault = tuple[tuple[str, ...], str]


def fitted(value: Any, schema: Schema, components: Components) -> Any:
    """A pin as the schema's type: what comes from `${NAME}` is always text."""
    if not isinstance(value, str) or "string" in kinds(schema, components):
        return value
    try:
        return decode_text(value)
    except ValueError:
        return value


def may_be_shown(pin: Any, secrets: Collection[str] | None) -> bool:
    """Whether a message may quote a pin: only if no `${…}` has gone into it.

    Of a list or an object it is never sure, since JSON writes some characters differently.
    """
    if not secrets:
        return secrets is not None
    is_scalar = isinstance(pin, (str, int, float))
    return is_scalar and not any(secret in str(pin) for secret in secrets)


def idle_keys(key: str, entry: Parameter, beside: str, faults: list[Fault]) -> None:
    """A key either acts or is a fault."""
    faults += [
        ((key, name), f"{name!r} has no effect beside {beside!r}")
        for name in IDLE_BESIDE[beside]
        if getattr(entry, name) not in (None, ABSENT)
    ]


class Values:
    """What one entry says of a value, checked: required, default and the model's words."""

    def __init__(
        self,
        target: Target,
        key: str,
        entry: Parameter,
        components: Components,
        faults: list[Fault],
    ) -> None:
        self.words = entry.values
        self.many = kinds(target.schema, components) - {"null"} == {"array"}
        self.default: Any = ABSENT
        self.required = bool(target.required or entry.required)
        check = checker(target.schema, components)
        self._check_words(key, target, components, faults)
        if entry.default is not ABSENT:
            if entry.required:
                faults.append(((key, "required"), "a default makes it optional: leave one out"))
            self.required = False
            if wrong := self._wrong(entry.default, check):
                faults.append(((key, "default"), wrong))
            else:
                self.default = entry.default
        elif entry.required is False and target.required:
            faults.append(
                ((key, "required"), f"{target.name!r} is required upstream: give it a default")
            )
        if entry.example is not ABSENT and (wrong := self._wrong(entry.example, check)):
            faults.append(((key, "example"), wrong))
        self._given_example = entry.example is not ABSENT

    def _check_words(
        self, key: str, target: Target, components: Components, faults: list[Fault]
    ) -> None:
        schema = resolve(target.schema, components)
        items = schema.get("items") if self.many else target.schema
        check = checker(items, components) if isinstance(items, dict) else _fits
        if self.words is not None and not self.words:
            faults.append(((key, "values"), "needs at least one word"))
        for word, value in (self.words or {}).items():
            if wrong := check(value):
                faults.append(((key, "values", word), wrong))

    def _wrong(self, value: Any, check: Callable[[Any], str | None]) -> str | None:
        if not self.words:
            return check(value)
        for word in value if self.many and isinstance(value, list) else [value]:
            if not isinstance(word, str) or word not in self.words:
                return f"{word!r} is not one of the words in values: {', '.join(self.words)}"
        return None

    def shown_schema(self, schema: Schema) -> Schema:
        """The schema as callers see it: words for values, the default, no other example."""
        if self.words:
            words: Schema = {"type": "string", "enum": list(self.words)}
            schema = {"type": "array", "items": words} if self.many else words
        if self._given_example:
            schema = {k: v for k, v in schema.items() if k not in ("example", "examples")}
        return schema if self.default is ABSENT else {**schema, "default": self.default}

    def example(self, given: Any) -> Any:
        """The spec's own example, unless words have taken its place."""
        if not self.words:
            return given
        word = next(iter(self.words))
        return [word] if self.many else word


def _fits(_: Any) -> None:
    return None
