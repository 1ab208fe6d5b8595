"""What becomes of each target under the config: shown, pinned, hidden, filled from a header.

The rules of `pin default required values example header from hide` (and which of them go
together) are here and nowhere else; `faults` tells the operator where one is broken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gateway.config.types import Parameter
from gateway.request.check import checker
from gateway.request.entries import (
    ABSENT,
    Fault,
    Values,
    fitted,
    idle_keys,
    may_be_shown,
)
from gateway.request.nested import Nested, shown_below
from gateway.request.schemas import Components, resolve
from gateway.request.targets import FORBIDDEN_HEADERS, Target
from gateway.values import Argument, Schema

Entry = Literal["hide"] | Parameter

# Why a caller may not send a name; the words follow the name.
PINNED = "is set by this plugin and cannot be sent"
HIDDEN = "is not offered by this plugin"
FILLED = "is filled in by the gateway and cannot be sent"


@dataclass(frozen=True, slots=True)
class Slot:
    """What is done for one target with every call.

    `argument` is what callers see, None where they see nothing. `value` is what is sent when
    they (or the header) give nothing; with `withheld` it is the only thing ever sent.
    """

    target: Target
    argument: Argument | None = None
    required: bool = False
    value: Any = ABSENT
    words: Mapping[str, Any] | None = None
    header: str | None = None
    nested: tuple[Nested, ...] = ()
    withheld: str | None = None
    names: frozenset[str] = frozenset()  # by which a caller might try to send what is withheld


@dataclass(slots=True)
class Draft:
    """A target and the config entries that name it."""

    target: Target
    key: str | None = None
    entry: Entry | None = None
    secrets: Collection[str] | None = None  # what messages never quote; None: no pin at all
    below: list[tuple[str, tuple[str, ...], Entry]] = field(default_factory=list)

    @property
    def renamed(self) -> str | None:
        """The name the config gives it, if any."""
        entry = self.entry
        return self.key if isinstance(entry, Parameter) and entry.source is not None else None

    @property
    def is_shown(self) -> bool:
        """Whether callers see it."""
        entry, target = self.entry, self.target
        if entry is None and self.target.steers:
            return False
        if entry is None:
            return target.place not in ("header", "cookie") or (
                target.required and own_value(target) is ABSENT
            )
        return isinstance(entry, Parameter) and entry.pin is ABSENT and entry.header is None

    @property
    def sends(self) -> bool:
        """Whether something is sent that no caller gives."""
        return any(
            isinstance(entry, Parameter)
            and (entry.pin is not ABSENT or (top and entry.default is not ABSENT))
            for entry, top in ((self.entry, True), *((entry, False) for *_, entry in self.below))
        )


def own_value(target: Target) -> Any:
    """What the upstream's schema itself says is sent: its default, or the only value there is."""
    schema = target.schema
    if "default" in schema:
        return schema["default"]
    if "const" in schema:
        return schema["const"]
    values = schema.get("enum")
    return values[0] if isinstance(values, list) and len(values) == 1 else ABSENT


def steering(draft: Draft) -> str | None:
    """Why a target that steers is not sent: the config does not speak of it."""
    if draft.entry is not None or not draft.target.steers:
        return None
    return (
        f"{draft.target.full_name} is not sent: it may change the call itself. If it shall be, "
        f"name it in `parameters`"
    )


def withheld_slot(draft: Draft, components: Components, faults: list[Fault]) -> Slot:
    """The slot of a target that callers do not see."""
    target, key, entry = draft.target, draft.key, draft.entry
    names = frozenset({target.name, target.wire, *([key] if key and draft.renamed else [])})
    if (key is None or entry is None) and target.steers:
        return Slot(target, withheld=HIDDEN, names=names)
    if key is None or entry is None:
        return Slot(target, value=own_value(target) if target.required else ABSENT)
    if target.place == "header" and target.name.lower() in FORBIDDEN_HEADERS:
        faults.append(((key,), _forbidden(target)))
    if entry == "hide":
        # The upstream fills its own default in, but a path cannot be left out.
        default = own_value(target)
        if (target.required or target.beside is not None) and default is ABSENT:
            faults.append(((key,), f"{target.name!r} is required upstream: pin it to a value"))
        value = default if target.place == "path" else ABSENT
        return Slot(target, value=value, withheld=HIDDEN, names=names)
    if entry.pin is not ABSENT:
        idle_keys(key, entry, "pin", faults)
        value = fitted(entry.pin, target.schema, components)
        shows = may_be_shown(entry.pin, draft.secrets)
        if wrong := checker(target.schema, components, shows=shows)(value):
            faults.append(((key, "pin"), wrong))
        return Slot(target, value=value, withheld=PINNED, names=names)
    idle_keys(key, entry, "header", faults)
    values = Values(target, key, entry, components, faults)
    return Slot(
        target,
        required=values.required,
        value=values.default,
        words=entry.values,
        header=entry.header,
        withheld=FILLED,
        names=names,
    )


def shown_slot(draft: Draft, name: str, components: Components, faults: list[Fault]) -> Slot:
    """The slot of a target that callers see under `name`."""
    target, key, entry = draft.target, draft.key, draft.entry
    required, value, words = target.required, ABSENT, None
    schema, example, description = target.schema, target.example, target.description
    if key is not None and isinstance(entry, Parameter):
        values = Values(target, key, entry, components, faults)
        required, value, words = values.required, values.default, entry.values
        schema = values.shown_schema(schema)
        example = entry.example if entry.example is not ABSENT else values.example(example)
        description = entry.description or description
    nested, schema, below_faults = shown_below(draft.below, schema, components, draft.secrets)
    faults += below_faults
    slot = Slot(target, None, required, value, words, nested=nested)
    if any(one.pins for one in nested):
        slot = _with_pins_below(slot, schema, components)
        if slot.withheld:
            return slot
    argument = Argument(
        name=name,
        place=target.place,
        source=target.source,
        schema=_without_description(schema),
        required=slot.required,
        description=description,
        example=example,
        served=_served(target),
        together=target.together and slot.value is ABSENT,
    )
    return replace(slot, argument=argument)


def _with_pins_below(slot: Slot, schema: Schema, components: Components) -> Slot:
    """Pins inside a value are sent even when the value is not; shown only if more is left."""
    value: Any = {} if slot.value is ABSENT else slot.value  # the writer puts the pins in
    known = resolve(schema, components)
    is_open = known.get("additionalProperties", False) is not False or "patternProperties" in known
    if known.get("properties") == {} and not is_open:
        names = frozenset({slot.target.name})
        return replace(slot, required=False, value=value, withheld=PINNED, names=names)
    return slot if slot.required else replace(slot, value=value)


def _served(target: Target) -> Literal["path", "query", "body"]:
    if target.place == "path":
        return "path"
    return "body" if target.place == "body" else "query"


def _without_description(schema: Schema) -> Schema:
    """The argument carries the description; said twice, it would cost twice."""
    return {key: value for key, value in schema.items() if key != "description"}


def _forbidden(target: Target) -> str:
    return f"{target.name!r} is written by the gateway itself; see upstream.headers"
