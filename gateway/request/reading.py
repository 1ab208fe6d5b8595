"""Text where a value is meant: what a query or a path says, and what models put into quotes. Pure.

A query carries text only, so `25` is the number 25 where the schema takes no text. `reader_of`
compiles that once for each argument; numbers keep the very text they came as.

A model that calls by name, with JSON, writes `"25"` for 25 and `5` for `[5]` all the same. `heal`
mends that, and only that: a value is changed only where it was wrong, and only into what is of
the right kind; else it is told as it was given. The body of a call at an operation's own address
is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from gateway.request.bounded import decode_text, refuse_beyond
from gateway.request.check import Checker, checker_of
from gateway.request.schemas import EMPTY, Components, kind_of, kinds, resolve
from gateway.request.text import json_bytes, text_of
from gateway.values import Argument

# The texts of an argument, one for each time it was said; exactly one where it is no list.
Reader = Callable[[list[str]], Any]

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_WORDS = {"true": True, "false": False}  # in any case: Python's models write `True`
_ROUNDS = 4  # a text that is a list whose items are texts, and one more
# A model writes some thousand tokens in a call; what is larger comes from programs.
_MOST_BYTES = 64 * 1024
_Path = tuple[str | int, ...]
# Faults of what is another value altogether; a text that is too short is still a text.
_OTHER = (
    ValidationErrorKind.Type,
    ValidationErrorKind.AnyOf,
    ValidationErrorKind.Enum,
    ValidationErrorKind.Constant,
)


def reader_of(argument: Argument, components: Components) -> Reader:
    """Compile how an argument is read from text."""
    schema = argument.schema
    one = _scalar_reader(schema, components)
    if not argument.is_list:
        return lambda texts: one(texts[0])
    item = _scalar_reader(_items(schema, components), components)
    as_json = "string" not in kinds(_items(schema, components), components)
    may_be_empty = schema.get("anyOf", ())[1:] == [EMPTY]

    def read(texts: list[str]) -> Any:
        if may_be_empty and texts == [""]:
            return ""
        if as_json and len(texts) == 1 and texts[0][:1] in ("[", "{"):
            return _parsed(texts[0])
        return [item(text) for text in texts]

    return read


def _scalar_reader(schema: Any, components: Components) -> Callable[[str], Any]:
    taken = kinds(schema, components)
    allowed = taken - {"null"}
    if "string" not in allowed:
        return _parsed if "null" in taken else _parsed_but_null
    if allowed == {"string"}:
        return _as_it_is
    known = checker_of(schema, components)
    if known is None:
        return _as_it_is
    check = known  # text, where it may be text; else what it says

    def read(text: str) -> Any:
        if check.valid(text):
            return text
        value = _parsed(text)
        return value if check.valid(value) else text

    return read


def _as_it_is(text: str) -> str:
    return text


def _parsed(text: str) -> Any:
    """What a text says as JSON; itself where that is nothing else than text."""
    try:
        value = decode_text(text)
    except ValueError:
        return _WORDS.get(text.lower(), text)
    return text if isinstance(value, str) else value


def _parsed_but_null(text: str) -> Any:
    """The word `null` is no way to give nothing where nothing says so: it stays a text."""
    value = _parsed(text)
    return text if value is None else value


def _items(schema: Any, components: Components) -> Any:
    """The schema of a list's items, in whichever form of the value is a list."""
    schema = resolve(schema, components)
    if "items" in schema:
        return schema["items"]
    forms = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    known = (resolve(form, components) for form in forms)
    return next((form["items"] for form in known if "items" in form), {})


# --- what is mended ---------------------------------------------------------------------------


def heal(
    arguments: Mapping[str, Any],
    faults: Sequence[ValidationError],
    check: Checker,
    typed: Collection[str],
) -> tuple[Mapping[str, Any], Sequence[ValidationError]]:
    """The arguments with what was written otherwise than it was meant, mended.

    Args:
        arguments: By name, as JSON.
        faults: What is wrong with them.
        check: Of all of them.
        typed: The names of those that go out as JSON, where a number is no text. Elsewhere the
            upstream gets text anyway.

    Returns:
        The arguments, mended as far as they can be, and what is still wrong with them.
    """
    if not _may_be_mended(arguments):
        return arguments, faults
    given: dict[_Path, Any] = {}  # what stood where something was changed
    done: set[tuple[_Path, str]] = set()  # nothing goes to and fro between two types
    for _ in range(_ROUNDS):
        changes: dict[_Path, Any] = {}
        for fault in faults:
            changes.update(_changes(fault, arguments, typed))
        kinds_at = {path: (path, kind_of(_at(arguments, path))) for path in changes}
        changes = {path: new for path, new in changes.items() if kinds_at[path] not in done}
        if not changes or not _may_be_mended(healed := _changed(arguments, changes)):
            break
        given = {path: _at(arguments, path) for path in changes} | given
        done.update(kinds_at.values())
        arguments, faults = healed, check.faults(healed)
        if not faults:
            return arguments, faults
    return _as_given(arguments, faults, given, check)


def _may_be_mended(arguments: Mapping[str, Any]) -> bool:
    """Whether the arguments are small, and no deeper than a body may be."""
    try:
        text = json_bytes(arguments)
        refuse_beyond(text)
    except (ValueError, TypeError):
        return False
    return len(text) <= _MOST_BYTES


def _as_given(
    arguments: Mapping[str, Any],
    faults: Sequence[ValidationError],
    given: Mapping[_Path, Any],
    check: Checker,
) -> tuple[Mapping[str, Any], Sequence[ValidationError]]:
    """Take back what is still of another kind: nobody shall be told of a value he never sent."""
    ends = {tuple(one.instance_path): one.kind for one in faults if isinstance(one.kind, _OTHER)}
    back = [
        path
        for path in given
        if path in ends
        or any(
            path[: len(end)] == end and isinstance(kind, ValidationErrorKind.AnyOf)
            for end, kind in ends.items()
        )
    ]
    for path in sorted(back, key=len, reverse=True):
        arguments = _changed(arguments, {path: given[path]})
    return arguments, check.faults(arguments) if back else faults


def _changes(
    fault: ValidationError, arguments: Mapping[str, Any], typed: Collection[str]
) -> dict[_Path, Any]:
    """Where to put what instead, as far as one fault is concerned."""
    path = tuple(fault.instance_path)
    value = _at(arguments, path)
    is_other = isinstance(fault.kind, _OTHER)
    if is_other and isinstance(value, str) and not isinstance(meant := _parsed(value), str):
        return {path: meant}
    if path[0] not in typed and isinstance(fault.kind, ValidationErrorKind.Type):
        takes = fault.kind.types
        if "string" in takes and isinstance(value, bool | int | Decimal):
            return {path: text_of(value)}
        if "array" in takes and kind_of(value) in _SCALARS:
            return {path: [value]}
    if isinstance(fault.kind, ValidationErrorKind.AnyOf):
        forms = [
            [_changes(inner, arguments, typed) for inner in form] for form in fault.kind.context
        ]
        mended = [
            {at: new for one in form for at, new in one.items()}
            for form in forms
            if form and all(form)
        ]
        return min(mended, key=len, default={})  # the form that the fewest changes make of it
    return {}


def _at(value: Any, path: _Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _changed(value: Any, changes: Mapping[_Path, Any]) -> Any:
    """A copy with other values at some places."""
    if () in changes:
        return changes[()]
    below: dict[str | int, dict[_Path, Any]] = {}
    for (step, *rest), new in changes.items():
        below.setdefault(step, {})[tuple(rest)] = new
    copy = value.copy()
    for step, inner in below.items():
        copy[step] = _changed(copy[step], inner)
    return copy
