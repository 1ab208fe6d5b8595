"""Slots → the layout of a request, and the words for what is wrong with a call. At load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from gateway.request.apart import nest, put_together
from gateway.request.body import content_type
from gateway.request.build import (
    Filled,
    FinishBody,
    Layout,
    chunks_of,
    join_path,
    segment_of,
)
from gateway.request.entries import ABSENT
from gateway.request.refusals import Taker, Words
from gateway.request.schemas import Components
from gateway.request.slots import Slot
from gateway.request.targets import Target
from gateway.request.text import Unwritable, Write, escape, json_bytes
from gateway.request.writers import writer_of
from gateway.values import Place, SpecBody, SpecOperation

# The index of what something else needs → the indices of that else: of all of it in the body,
# or in an object that was taken apart.
_Needs = Mapping[int, tuple[int, ...]]


def lay_out(
    operation: SpecOperation,
    components: Components,
    slots: Sequence[Slot],
    withheld: Mapping[str, str],
    taken: Collection[tuple[Place, str]],
) -> tuple[Layout, Words, list[tuple[Target, str]]]:
    """The layout, what refusals say, and which pins and defaults cannot be written."""
    guarded = _guarded(operation, slots, taken)
    spans = {place: _span(slots, place) for place in ("query", "cookie", "body")}
    needs = _needs(slots, spans["body"])
    sent: list[Any] = []
    takers: dict[str, Taker] = {}
    filled: list[Taker] = []
    faults: list[tuple[Target, str]] = []
    for index, slot in enumerate(slots):
        write = writer_of(slot, operation, components, guarded)
        value, fault = _own(slot, write)
        sent.append(value)
        if fault:
            faults.append((slot.target, fault))
        if slot.argument is not None:
            called = f"{slot.argument.name!r}"
            takers[slot.argument.name] = _taker(index, slot, write, called, needs)
        elif slot.header is not None:
            filled.append(_taker(index, slot, write, f"the header {slot.header!r}", needs))
    path = chunks_of(operation.path, _indices(slots, "path"))
    body, body_span = operation.body, spans["body"]
    layout = Layout(
        method=operation.method,
        sent=tuple(sent),
        takes={name: (taker.index, taker.write) for name, taker in takers.items()},
        required=tuple(one.index for one in (*takers.values(), *filled) if one.required),
        filled=tuple(Filled(one.header, one.index, one.write) for one in filled if one.header),
        path=path,
        query=spans["query"],
        fixed_query=tuple(f"{escape(k)}={escape(v)}" for k, v in operation.fixed_query),
        headers=tuple(_indices(slots, "header").items()),
        cookies=spans["cookie"],
        body_from=body_span.start,
        body=_finish(body, slots, body_span, needs),
        content_type=content_type(body) if body else "",
        json_body=body is not None and body.kind == "json",
    )
    words = Words(
        takers=takers,
        filled=tuple(filled),
        withheld=withheld,
        renamed=_renamed(slots),
        example=None,
        path_fault=_path_fault(path, takers, filled),
        check_json=json_bytes if body and body.kind == "json" else None,
    )
    return layout, words, faults


def _guarded(
    operation: SpecOperation, slots: Sequence[Slot], taken: Collection[tuple[Place, str]]
) -> dict[str, frozenset[str]]:
    """Names on the wire that belong to one parameter each, by place."""
    query = {name for place, name in taken if place == "query"}
    query.update(name for name, _ in operation.fixed_query)
    query.update(one.name for one in operation.parameters if one.place == "query")
    body = {slot.target.name for slot in slots if slot.target.place == "body"}
    return {"query": frozenset(query), "body": frozenset(body)}


def _own(slot: Slot, write: Write) -> tuple[Any, str | None]:
    """What is sent when the call says nothing, as written, and why it cannot be."""
    if slot.value is ABSENT:
        return ABSENT, None
    try:
        return write(slot.value), None
    except Unwritable as fault:
        return ABSENT, str(fault)


def _taker(index: int, slot: Slot, write: Write, called: str, needs: _Needs) -> Taker:
    return Taker(
        index,
        write,
        called,
        required=slot.required and slot.value is ABSENT,
        beside=needs.get(index, ()),
        header=slot.header.lower() if slot.header is not None else None,
        in_body=slot.target.place == "body",
    )


def _span(slots: Sequence[Slot], place: str) -> slice:
    """Where the slots of a place lie; they are sorted by place."""
    indices = [index for index, slot in enumerate(slots) if slot.target.place == place]
    return slice(indices[0], indices[-1] + 1) if indices else slice(len(slots), len(slots))


def _indices(slots: Sequence[Slot], place: str) -> dict[str, int]:
    return {s.target.name: index for index, s in enumerate(slots) if s.target.place == place}


def _renamed(slots: Sequence[Slot]) -> dict[str, str]:
    return {
        slot.target.name: slot.argument.name
        for slot in slots
        if slot.argument is not None and slot.argument.name != slot.target.name
    }


def _path_fault(
    path: Sequence[Any], takers: Mapping[str, Taker], filled: Sequence[Taker]
) -> Callable[[list[Any]], str | None]:
    """Say which values make a segment that would climb."""
    called = {taker.index: taker.called for taker in (*takers.values(), *filled)}

    def fault(out: list[Any]) -> str | None:
        for chunk in path:
            try:
                join_path([chunk], out)
            except Unwritable as wrong:
                indices = chunk if isinstance(chunk, tuple) else (chunk,)
                names = [called[i] for i in indices if isinstance(i, int) and i in called]
                return f"{' and '.join(names)} {wrong}, found {segment_of(chunk, out)!r}"
        return None

    return fault


# --- bodies -----------------------------------------------------------------------------------


def _needs(slots: Sequence[Slot], span: slice) -> _Needs:
    found: dict[int, tuple[int, ...]] = {}
    body = [(index, slots[index].target) for index in range(span.start, span.stop)]
    for at, target in body:
        if (owner := target.beside) is not None:
            found[at] = tuple(i for i, one in body if one.source[: len(owner)] == owner)
    return found


def _finish(
    body: SpecBody | None, slots: Sequence[Slot], span: slice, needs: _Needs
) -> FinishBody | None:
    """What makes the body of a filled-in list; None where the operation takes none."""
    if body is None or body.kind not in ("json", "form"):
        return None
    parts = slots[span]
    if len(parts) == 1 and not parts[0].target.source:
        index = span.start
        return _whole_json(index) if body.kind == "json" else _whole_form(index)
    if any(len(slot.target.source) > 1 for slot in parts):
        return _nested_json(parts, span.start, body.required, needs)
    together = tuple(needs)
    if body.kind == "form":
        return _spread_form(span, body.required, together)
    members = tuple((slot.target.name, index) for index, slot in enumerate(parts, span.start))
    return _spread_json(members, body.required, together)


def _whole_json(index: int) -> FinishBody:
    return lambda out: None if out[index] is ABSENT else json_bytes(out[index])


def _whole_form(index: int) -> FinishBody:
    return lambda out: None if out[index] is ABSENT else out[index]


def _spread_json(
    members: tuple[tuple[str, int], ...], required: bool, together: tuple[int, ...]
) -> FinishBody:
    def finish(out: list[Any]) -> bytes | None:
        body = {name: out[index] for name, index in members if out[index] is not ABSENT}
        if not body and not required:
            return None
        _need(out, together)
        return json_bytes(body)

    return finish


def _nested_json(parts: Sequence[Slot], start: int, required: bool, needs: _Needs) -> FinishBody:
    members = nest([slot.target for slot in parts], start)

    def finish(out: list[Any]) -> bytes | None:
        body, given = put_together(members, out)
        if not given and not required:
            return None
        for index, beside in needs.items():
            if any(out[one] is not ABSENT for one in beside):
                _need(out, (index,))
        return json_bytes(body)

    return finish


def _spread_form(span: slice, required: bool, together: tuple[int, ...]) -> FinishBody:
    def finish(out: list[Any]) -> bytes | None:
        given = [text for text in out[span] if text is not ABSENT]
        if not given and not required:
            return None
        _need(out, together)
        return "&".join(text for text in given if text).encode()

    return finish


def _need(out: list[Any], together: tuple[int, ...]) -> None:
    for index in together:
        if out[index] is ABSENT:
            raise Unwritable("is required beside what was given")
