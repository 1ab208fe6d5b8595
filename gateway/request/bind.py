"""Config + spec operation → what callers may send, and the request made of it. Pure.

Every key of `parameters` finds its target here, every target becomes a slot, every slot that
callers see becomes an argument. Nothing here runs per call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from gateway.config.types import Parameter
from gateway.media import essence
from gateway.request.apart import NotFlatError, clashes, flatten, take_apart
from gateway.request.build import compile_build
from gateway.request.check import Checker, checker_of, checker_of_all
from gateway.request.entries import ABSENT, Fault
from gateway.request.files import mark_files
from gateway.request.layout import lay_out
from gateway.request.multipart import MULTIPART
from gateway.request.reading import Reader, reader_of
from gateway.request.refusals import Words, explainer
from gateway.request.sample import sample_call
from gateway.request.schemas import Components
from gateway.request.slots import (
    Draft,
    Entry,
    Slot,
    own_value,
    shown_slot,
    steering,
    withheld_slot,
)
from gateway.request.spread import spread
from gateway.request.targets import (
    TEMPLATE,
    Ambiguous,
    Target,
    find,
    names_of,
    served_names,
    targets_of,
)
from gateway.request.text import Unwritable, nearest
from gateway.values import WHOLE_QUERY, Argument, Build, Place, SpecOperation

TAKEN = "is set by this plugin and cannot be sent"


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation under its config.

    `withheld` says of each pinned or hidden name why a caller may not send it, in words that
    follow the name. `readers` read arguments from text, `unchecked` are those whose schemas cannot
    be compiled. `faults` are paths inside the config's `parameters` with their messages.
    `used` are the keys that meant something here. `not_flat` says why `flatten` cannot be.
    `notes` are lines for the ledger, `lost` is why it cannot be served at all.
    `build(base_url)` compiles the request builder; it raises ValueError for a base URL that
    is none.
    """

    arguments: tuple[Argument, ...]
    withheld: Mapping[str, str]
    build: Callable[[str], Build]
    readers: Mapping[str, Reader] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    used: frozenset[str] = frozenset()
    not_flat: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lost: str | None = None


def bind(
    operation: SpecOperation,
    components: Components,
    parameters: Mapping[str, Entry],
    own: Collection[str] = (),
    taken: Collection[tuple[Place, str]] = (),
    secrets: Collection[str] | None = None,
    *,
    flat: bool = False,
) -> Bound:
    """Lay the config's `parameters` over an operation.

    Args:
        operation: As the spec has it.
        components: The schemas that its `$ref`s lead to.
        parameters: The plugin's and the operation's entries, merged by name.
        own: The keys that stand at the operation itself; only these must mean something.
        taken: What is sent anyway, such as the credential's query parameter, as (place, name):
            neither shown nor accepted, and no object may bring it in.
        secrets: Texts that no message may quote; None where they are not known, which keeps
            every pin out of messages.
        flat: Whether all objects inside a JSON body are taken apart (`flatten`).
    """
    meant = [_meant(key, entry) for key, entry in parameters.items()]
    lifted = [name for name, at in meant if at[1:] == ("from",)]
    sent_in_query = [name for place, name in taken if place == "query"]
    spread_out = spread(operation, components, [name for name, _ in meant], sent_in_query)
    targets = targets_of(replace(operation, parameters=spread_out), components)
    targets = take_apart(targets, lifted, operation.body, components)
    not_flat: list[str] = []
    if flat:
        try:
            targets = flatten(targets, operation.body, components)
        except NotFlatError as fault:
            not_flat.append(str(fault))
    targets = mark_files(targets, operation.body, components)
    drafts = [Draft(target, secrets=secrets) for target in targets]
    faults: list[Fault] = []
    used = _match(drafts, components, parameters, own, faults)
    _require_together(drafts)
    sent_anyway = {(place, _fold(place, name)) for place, name in taken}

    slots: dict[int, Slot] = {}
    shown: list[int] = []
    notes: list[str] = []
    lost = _lost(operation, sent_in_query)
    for index, draft in enumerate(drafts):
        if (draft.target.place, _fold(draft.target.place, draft.target.wire)) in sent_anyway:
            slots[index] = _taken_slot(draft, faults)
        elif draft.is_shown:
            shown.append(index)
        else:
            slots[index] = withheld_slot(draft, components, faults)
            if (note := steering(draft)) is not None:
                notes.append(note)
                if draft.target.required and own_value(draft.target) is ABSENT:
                    lost = lost or f"it requires a value: {note}"
    seen = [(drafts[index].target, drafts[index].renamed) for index in shown]
    not_flat += clashes(seen) if flat else ()
    names = served_names(seen)
    for index, name in zip(shown, names, strict=True):
        slots[index] = shown_slot(drafts[index], name, components, faults)
    found = [slots[index] for index in range(len(drafts))]

    arguments = tuple(slot.argument for slot in found if slot.argument is not None)
    withheld = _withheld(found, arguments)
    layout, words, unwritable = lay_out(operation, components, found, withheld, taken)
    faults += [((key,), f"the value {fault}") for key, fault in _keys_of(drafts, unwritable)]
    check, unchecked = checker_of_all(arguments, components)
    examples: list[dict[str, Any]] = [sample_call(arguments, components)]
    if not layout.required:
        examples.append({})
    right = next((one for one in examples if _is_right(one, check, words)), None)
    words = replace(words, example=right)
    unchecked += tuple(
        slot.header
        for slot in found
        if slot.header is not None and checker_of(slot.target.schema, components) is None
    )
    explain = explainer(words, layout.sent, check.schema_at if check else _nowhere)

    def build(base_url: str) -> Build:
        return compile_build(layout, base_url, explain, check)

    return Bound(
        arguments,
        withheld,
        build,
        readers={one.name: reader_of(one, components) for one in arguments},
        unchecked=unchecked,
        faults=tuple(faults),
        used=used,
        not_flat=tuple(not_flat),
        notes=tuple(notes),
        lost=lost,
    )


def _is_right(example: Mapping[str, Any], check: Checker | None, words: Words) -> bool:
    """Whether an example could be sent: better none than one that is refused as well."""
    if check is not None and not check.valid(example):
        return False
    try:
        for name, value in example.items():
            words.takers[name].write(value)
    except Unwritable:
        return False
    return True


def _nowhere(_: object) -> None:
    return None


def _keys_of(drafts: list[Draft], unwritable: list[tuple[Target, str]]) -> list[tuple[str, str]]:
    keys = {draft.target.full_name: draft.key for draft in drafts}
    return [(key, text) for target, text in unwritable if (key := keys[target.full_name])]


def _fold(place: Place, name: str) -> str:
    return name.lower() if place == "header" else name


def _match(
    drafts: list[Draft],
    components: Components,
    parameters: Mapping[str, Entry],
    own: Collection[str],
    faults: list[Fault],
) -> frozenset[str]:
    """Give each draft the entry that names it; the operation's own entries win."""
    targets = [draft.target for draft in drafts]
    used: set[str] = set()
    for key in sorted(parameters, key=lambda key: key in own):
        entry = parameters[key]
        name, at = _meant(key, entry)
        try:
            hit = find(name, targets, components)
        except Ambiguous as fault:
            used.add(key)
            faults.append((at, str(fault)))
            continue
        if hit is None:
            if key in own:
                faults.append((at, _unknown(name, targets)))
            continue
        used.add(key)
        target, below = hit
        draft = next(draft for draft in drafts if draft.target is target)
        if below:
            draft.below.append((key, below, entry))
        elif draft.key is not None and (draft.key in own) == (key in own):
            faults.append((at, f"{target.full_name} is already spoken of by {draft.key!r}"))
        else:
            draft.key, draft.entry = key, entry
    return frozenset(used)


def _require_together(drafts: list[Draft]) -> None:
    """Where the config puts something into an optional body or object, it is always sent."""
    sent = [draft.target for draft in drafts if draft.sends]
    for draft in drafts:
        owner, place = draft.target.beside, draft.target.place
        if owner is not None and any(
            one.place == place and one.source[: len(owner)] == owner for one in sent
        ):
            draft.target = replace(draft.target, required=True)


def _meant(key: str, entry: Entry) -> tuple[str, tuple[str, ...]]:
    """The upstream's name that an entry speaks of, and where it says so."""
    if isinstance(entry, Parameter) and entry.source is not None:
        return entry.source, (key, "from")
    return key, (key,)


def _unknown(name: str, targets: list[Target]) -> str:
    if not targets:
        return f"the operation takes no {name!r}, nor anything else"
    allowed = sorted({target.name for target in targets})
    listed = ", ".join(allowed[:20]) + (", …" if len(allowed) > 20 else "")
    hint = nearest(name, names_of(targets)) or f"; it takes {listed}"
    return f"the operation takes no {name!r}{hint}"


def _taken_slot(draft: Draft, faults: list[Fault]) -> Slot:
    if draft.key is not None and draft.entry != "hide":
        faults.append(((draft.key,), f"{draft.target.full_name} is sent by `upstream` already"))
    return Slot(draft.target, withheld=TAKEN, names=frozenset({draft.target.name}))


def _withheld(slots: list[Slot], arguments: tuple[Argument, ...]) -> Mapping[str, str]:
    """Why each name that is not shown is refused; a name that is shown means what is shown."""
    served = {argument.name for argument in arguments}
    return {
        name: slot.withheld
        for slot in slots
        if slot.withheld is not None
        for name in sorted(slot.names)
        if name not in served
    }


def _lost(operation: SpecOperation, sent_in_query: Collection[str]) -> str | None:
    """Why an operation cannot be called, if so."""
    if sent_in_query and any(one.style == WHOLE_QUERY for one in operation.parameters):
        return "its query string is one text, and cannot hold the credential, too"
    body = operation.body
    if body is not None and body.kind == "multipart" and essence(body.content_type) != MULTIPART:
        return f"its request body is {body.content_type}, which is not sent"
    for segment in operation.path.split("/"):
        if not TEMPLATE.search(segment) and unquote(segment) in (".", ".."):
            return "its path has a segment that is '.' or '..'"
    return None
