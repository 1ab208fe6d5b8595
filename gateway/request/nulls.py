"""Null where no null may stand, in what a model wrote as JSON: nothing is given. Pure.

In the strict modes of models' APIs every property has to be written, and null is how one is left
out. Where the upstream's own schema takes null, it stays what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from gateway.request.check import Checker

_Path = tuple[str | int, ...]
_ROUNDS = 8  # behind what was left out, something else may be wrong


def without_nulls(
    arguments: Mapping[str, Any],
    faults: Sequence[ValidationError],
    check: Checker,
    needed: Collection[str],
) -> tuple[Mapping[str, Any], Sequence[ValidationError]]:
    """The arguments without the properties whose null is at fault, and what is still wrong.

    Args:
        arguments: By name, as JSON.
        faults: What is wrong with them.
        check: Of all of them.
        needed: The arguments that have to be there: of those, null is a fault like others.
    """
    for _ in range(_ROUNDS):
        paths = {path for fault in faults for path in _nulls(fault, arguments)}
        paths = {path for path in paths if len(path) > 1 or path[0] not in needed}
        if not paths:
            break
        fewer = _without(arguments, paths)
        left = check.faults(fewer)
        if any(isinstance(one.kind, ValidationErrorKind.Required) for one in left):
            break  # it is needed: that it is null says more than that it is missing
        arguments, faults = fewer, left
    return arguments, faults


def _nulls(fault: ValidationError, arguments: Any) -> list[_Path]:
    """The properties that a fault would not be without, all of them null."""
    path: _Path = tuple(fault.instance_path)
    if path and isinstance(path[-1], str) and _at(arguments, path) is None:
        return [path]
    if not isinstance(fault.kind, ValidationErrorKind.AnyOf):
        return []
    forms = [[_nulls(inner, arguments) for inner in form] for form in fault.kind.context]
    mended = [[path for one in form for path in one] for form in forms if form and all(form)]
    return min(mended, key=len, default=[])  # the form that the fewest are left out of


def _at(value: Any, path: _Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _without(value: Any, paths: Collection[_Path]) -> Any:
    """A copy without the properties at some places."""
    gone = {path[0] for path in paths if len(path) == 1}
    below: dict[str | int, list[_Path]] = {}
    for step, *rest in paths:
        if rest:
            below.setdefault(step, []).append(tuple(rest))
    if isinstance(value, list):
        return [_without(one, below[i]) if i in below else one for i, one in enumerate(value)]
    return {
        key: _without(one, below[key]) if key in below else one
        for key, one in value.items()
        if key not in gone
    }
