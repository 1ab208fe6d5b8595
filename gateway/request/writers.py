"""For each slot, how its value is written: from the caller's word to the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.media import kind
from gateway.request.body import (
    binary_writer,
    form_writer,
    part_writer,
    text_writer,
    whole_form,
    whole_multipart,
)
from gateway.request.check import checker_of
from gateway.request.expected import told
from gateway.request.files import FILE
from gateway.request.reading import reader_of
from gateway.request.schemas import Components, kinds
from gateway.request.slots import Slot
from gateway.request.styles import (
    content_text,
    cookie_writer,
    header_writer,
    path_writer,
    query_writer,
    whole_query,
)
from gateway.request.targets import Target
from gateway.request.text import Unwritable, Write, shown, text_of
from gateway.values import WHOLE_QUERY, Argument, SpecOperation, SpecParameter


def writer_of(
    slot: Slot,
    operation: SpecOperation,
    components: Components,
    guarded: Mapping[str, frozenset[str]],
) -> Write:
    """How a value of this slot is written, from the caller's word to the wire."""
    target = slot.target
    if target.parameter is not None:
        write: Write = _of_parameter(target.parameter, target, components, guarded)
    else:
        write = _of_body(slot, operation, components, guarded)
    if slot.nested:
        write = _after(write, [one.apply for one in slot.nested])
    return write if slot.words is None else _worded(slot.words, write)


def from_header(slot: Slot, write: Write, components: Components) -> Write:
    """How a slot is filled from the text of a caller's header: read and checked as any argument.

    The words of `values` are checked where they are taken for what they mean.
    """
    target = slot.target
    if slot.words is not None:
        return write
    name = str(slot.header)
    read = reader_of(Argument(name, target.place, (name,), target.schema), components)
    check = checker_of(target.schema, components)

    def filled(text: str) -> Any:
        value = read([text])
        if check is not None and (faults := check.faults(value)):
            raise Unwritable(told(faults[0], value, check.schema_at))
        return write(text if value is None and target.place != "body" else value)

    return filled


def _of_parameter(
    parameter: SpecParameter,
    target: Target,
    components: Components,
    guarded: Mapping[str, frozenset[str]],
) -> Write:
    style, explode = parameter.style, parameter.explode
    allowed = kinds(target.schema, components)
    if parameter.content_type is not None and kind(parameter.content_type) == "json":
        as_json = content_text(allowed)
        allowed = frozenset({"string"})
        inner = _of_place(parameter, style, explode, allowed, guarded)
        return lambda value: inner(as_json(value))
    return _of_place(parameter, style, explode, allowed, guarded)


def _of_place(
    parameter: SpecParameter,
    style: str,
    explode: bool,
    allowed: frozenset[str],
    guarded: Mapping[str, frozenset[str]],
) -> Write:
    name = parameter.name
    match parameter.place:
        case "path":
            return path_writer(name, style, explode, allowed)
        case "header":
            return header_writer(style, explode, allowed)
        case "cookie":
            return cookie_writer(name, style, explode, allowed, guarded["cookie"])
    if style == WHOLE_QUERY:
        return whole_query
    return query_writer(
        name,
        style,
        explode,
        allowed,
        reserved=parameter.allow_reserved,
        guarded=guarded["query"],
    )


def _of_body(
    slot: Slot,
    operation: SpecOperation,
    components: Components,
    guarded: Mapping[str, frozenset[str]],
) -> Write:
    target, body = slot.target, operation.body
    if body is None or body.kind == "json":
        return _as_it_is
    if body.kind == "text":
        return text_writer(body.content_type)
    if body.kind == "binary":
        return binary_writer(target.schema[FILE])
    withheld = [one.path[0] for one in slot.nested if one.withheld]
    own, known = guarded["body"], (target.name, target.schema, components, body.encoding)
    if body.kind == "multipart":
        return part_writer(*known, own) if target.source else whole_multipart(*known[1:], withheld)
    if not target.source:
        return whole_form(body.encoding, withheld)
    write = form_writer(*known, own, required=slot.required)
    return lambda value: "" if value is None else write(value)


def _as_it_is(value: Any) -> Any:
    return value


def _after(write: Write, before: Sequence[Write]) -> Write:
    def changed(value: Any) -> Any:
        for change in before:
            value = change(value)
        return write(value)

    return changed


def _worded(words: Mapping[str, Any], write: Write) -> Write:
    """Take the model's words, one or a list of them, for the upstream's values."""
    listed = ", ".join(words)

    def one(word: Any) -> Any:
        try:
            return words[text_of(word)]
        except KeyError:
            raise Unwritable(f"must be one of {listed}, found {shown(word)}") from None

    def changed(value: Any) -> Any:
        return write([one(word) for word in value] if isinstance(value, list) else one(value))

    return changed
