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
from gateway.request.guarded import guarded_names
from gateway.request.multipart import join
from gateway.request.refusals import Taker, Words
from gateway.request.schemas import Components
from gateway.request.slots import Slot
from gateway.request.targets import Target
from gateway.request.text import Unwritable, Write, escape, json_bytes
from gateway.request.writers import from_header, writer_of
from gateway.values import Headers, Place, SpecBody, SpecOperation

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
    guarded = guarded_names(operation, components, slots, taken)
    spans = {place: _span(slots, place) for place in ("query", "cookie", "body")}
    needs = _needs(slots, spans["body"])
    beside = _needs(slots, spans["query"])
    sent: list[Any] = []
    takers: dict[str, Taker] = {}
    filled: list[Taker] = []
    faults: list[tuple[Target, str]] = []
    for index, slot in enumerate(slots):
        write = writer_of(slot, operation, components, guarded(index))
        value, fault = _own(slot, write)
        sent.append(value)
        if fault:
            faults.append((slot.target, fault))
        if slot.argument is not None:
            called = f"{slot.argument.name!r}"
            takers[slot.argument.name] = _taker(index, slot, write, called, {**needs, **beside})
        elif slot.header is not None:
            called = f"the header {slot.header!r}"
            write = from_header(slot, write, components)
            filled.append(_taker(index, slot, write, called, {**needs, **beside}))
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
        beside=tuple(beside.items()),
        fixed_query=tuple(f"{escape(k)}={escape(v)}" for k, v in operation.fixed_query),
        headers=tuple(_indices(slots, "header").items()),
        cookies=spans["cookie"],
        body_from=body_span.start,
        body=_finish(body, slots, body_span, needs),
        json_body=body is not None and body.kind == "json",
    )
    words = Words(
        takers=takers,
        filled=tuple(filled),
        withheld=withheld,
        renamed=_renamed(slots),
        parts=_parts(slots),
        example=None,
        path_fault=_path_fault(path, takers, filled),
        check_json=json_bytes if body and body.kind == "json" else None,
    )
    return layout, words, faults


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
        name: slot.argument.name
        for slot in slots
        if slot.argument is not None
        for name in (slot.target.name, slot.target.wire)
        if slot.argument.name != name
    }


def _parts(slots: Sequence[Slot]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for slot in slots:
        if slot.argument is not None:
            for owner in slot.target.source[:-1]:
                found.setdefault(owner, []).append(slot.argument.name)
    return found


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
    known = [(index, slots[index].target) for index in range(span.start, span.stop)]
    for at, target in known:
        if (owner := target.beside) is not None:
            found[at] = tuple(i for i, one in known if one.source[: len(owner)] == owner)
    return found


def _finish(
    body: SpecBody | None, slots: Sequence[Slot], span: slice, needs: _Needs
) -> FinishBody | None:
    """What makes the body of a filled-in list; None where the operation takes none."""
    if body is None:
        return None
    parts = slots[span]
    whole = span.start if len(parts) == 1 and not parts[0].target.source else None
    if body.kind in ("text", "binary"):
        return None if whole is None else _typed(whole)
    if body.kind == "multipart":
        return _multipart(span, whole, body.required, tuple(needs))
    of = (("Content-Type", content_type(body)),)
    if whole is not None:
        return _whole_json(of, whole) if body.kind == "json" else _whole_form(of, whole)
    if any(len(slot.target.source) > 1 for slot in parts):
        return _nested_json(of, parts, span.start, body.required, needs)
    together = tuple(needs)
    if body.kind == "form":
        return _spread_form(of, span, body.required, together)
    members = tuple((slot.target.name, index) for index, slot in enumerate(parts, span.start))
    return _spread_json(of, members, body.required, together)


def _typed(index: int) -> FinishBody:
    """A body whose writer gives its media type, too."""

    def finish(out: list[Any]) -> tuple[Headers, bytes] | None:
        if out[index] is ABSENT:
            return None
        media, data = out[index]
        return (("Content-Type", media),), data

    return finish


def _multipart(
    span: slice, whole: int | None, required: bool, together: tuple[int, ...]
) -> FinishBody:
    def finish(out: list[Any]) -> tuple[Headers, bytes] | None:
        given = [parts for parts in out[span] if parts is not ABSENT]
        if not given and (whole is not None or not required):
            return None
        _need(out, together)
        media, data = join([part for parts in given for part in parts])
        return (("Content-Type", media),), data

    return finish


def _whole_json(of: Headers, index: int) -> FinishBody:
    return lambda out: None if out[index] is ABSENT else (of, json_bytes(out[index]))


def _whole_form(of: Headers, index: int) -> FinishBody:
    return lambda out: None if out[index] is ABSENT else (of, out[index])


def _spread_json(
    of: Headers, members: tuple[tuple[str, int], ...], required: bool, together: tuple[int, ...]
) -> FinishBody:
    def finish(out: list[Any]) -> tuple[Headers, bytes] | None:
        body = {name: out[index] for name, index in members if out[index] is not ABSENT}
        if not body and not required:
            return None
        _need(out, together)
        return of, json_bytes(body)

    return finish


def _nested_json(
    of: Headers, parts: Sequence[Slot], start: int, required: bool, needs: _Needs
) -> FinishBody:
    members = nest([slot.target for slot in parts], start)

    def finish(out: list[Any]) -> tuple[Headers, bytes] | None:
        body, given = put_together(members, out)
        if not given and not required:
            return None
        for index, beside in needs.items():
            if any(out[one] is not ABSENT for one in beside):
                _need(out, (index,))
        return of, json_bytes(body)

    return finish


def _spread_form(of: Headers, span: slice, required: bool, together: tuple[int, ...]) -> FinishBody:
    def finish(out: list[Any]) -> tuple[Headers, bytes] | None:
        given = [text for text in out[span] if text is not ABSENT]
        if not given and not required:
            return None
        _need(out, together)
        return of, "&".join(text for text in given if text).encode()

    return finish


def _need(out: list[Any], together: tuple[int, ...]) -> None:
    for index in together:
        if out[index] is ABSENT:
            raise Unwritable("is required beside what was given")
