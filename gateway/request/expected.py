"""What a schema wanted and what was found instead, in words for operators and models. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from gateway.request.text import nearest, shown

# The schema at a fault's `schema_path`, or at the beginning of one.
Look = Callable[[Sequence[str | int]], Any]

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
# RFC 3339 and friends: what the formats of OpenAPI's registry look like.
FORMATS = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
}
_MOST = 12  # words of an enum, and names of properties, that are listed
_FORMS = 4  # of a value that may be several things
_LONGEST = 200  # characters of one pattern, or of the validator's own words


def told(
    fault: ValidationError, root: Any, look: Look, *, shows: bool = True, above: int = 0
) -> str:
    """Say what is wrong.

    Args:
        fault: As the validator gives it.
        root: The whole value, whose numbers have the text that they came with.
        look: Finds the schemas that the fault speaks of.
        shows: Whether the value itself may be told; it may be a secret.
        above: How much of the fault's path is said already.
    """
    kind = fault.kind
    value = root
    for step in fault.instance_path:
        value = value[step]
    if isinstance(kind, ValidationErrorKind.AnyOf):
        if shows and (unknown := _unknown_form(fault, value, look)):
            where = ".".join(map(str, [*fault.instance_path[above:], unknown[0]]))
            return f"at {shown(where)}: {unknown[1]}"
        inner = _meant(kind.context, fault.instance_path)
        if inner is not None:
            return told(inner, root, look, shows=shows, above=above)
    where = ".".join(map(str, fault.instance_path[above:])) if shows else ""
    at = f"at {shown(where)}: " if where else ""
    if isinstance(kind, ValidationErrorKind.Required):
        return f"{at}lacks {shown(kind.property)}"
    if isinstance(
        kind, ValidationErrorKind.AdditionalProperties | ValidationErrorKind.UnevaluatedProperties
    ):
        return at + _unknown(kind.unexpected, fault, look) if shows else "holds an unknown property"
    wanted = _wanted(kind)
    forms = [form for form in getattr(kind, "context", ()) if form]
    if wanted is None and forms:
        closest = min(forms, key=lambda form: (_is_another(form[0]), len(form)))
        said = told(closest[0], root, look, shows=shows, above=above)
        return f"{at}fits none of {len(forms)} forms; the nearest: {said}"
    if wanted is None:
        return at + _cut(fault.message) if shows else "does not fit, and is not shown here"
    found = f"found {shown(value)}" if shows else "found another value, not shown here"
    return f"{at}expected {wanted}, {found}"


def _unknown_form(fault: ValidationError, value: Any, look: Look) -> tuple[str, str] | None:
    """The property whose value should say which form is meant, and what is wrong with it.

    `strict` writes a discriminator as an `if` with the values that are known.
    """
    owner = look(fault.schema_path[:-2]) if "else" in fault.schema_path[-2:] else None
    condition = owner.get("if") if isinstance(owner, dict) else None
    for name, one in condition.get("properties", {}).items() if isinstance(condition, dict) else ():
        if isinstance(value, dict) and name in value and isinstance(one, dict) and "enum" in one:
            wanted = _one_of(one["enum"])
            return name, f"expected {wanted}, found {shown(value[name])}"
    return None


def _one_of(options: Sequence[Any]) -> str:
    words = [shown(option) for option in options[: _MOST + 1]]
    return "one of " + ", ".join(words[:_MOST]) + (", …" if len(words) > _MOST else "")


def _meant(
    forms: Sequence[Sequence[ValidationError]], path: Sequence[str | int]
) -> ValidationError | None:
    """The fault of the one form that the value is of, if it is clear which."""
    close = [
        form
        for form in forms
        if form and not any(_is_another(one) and one.instance_path == path for one in form)
    ]
    close.sort(key=len)
    if len(close) == 1 or (len(close) > 1 and len(close[0]) < len(close[1])):
        return close[0][0]
    return None


def _is_another(fault: ValidationError) -> bool:
    """Whether a form is of another type, or nothing but the text that says nothing."""
    kind = fault.kind
    return isinstance(kind, ValidationErrorKind.Type) or (
        isinstance(kind, ValidationErrorKind.Constant) and kind.expected_value == ""
    )


def _unknown(names: Iterable[str], fault: ValidationError, look: Look) -> str:
    found = list(names)
    owner = look(fault.schema_path[:-1])
    known = list(owner.get("properties", ())) if isinstance(owner, dict) else []
    takes = ", ".join(known[:_MOST]) + (", …" if len(known) > _MOST else "")
    given = ", ".join(map(shown, found[:_FORMS])) + (", …" if len(found) > _FORMS else "")
    hint = nearest(found[0], known) if found else ""
    return f"takes no {given}{hint or (f'; it takes {takes}' if takes else '')}"


def _wanted(kind: ValidationErrorKind) -> str | None:
    """What a keyword asks for, None where the validator's own words have to do."""
    known = ValidationErrorKind
    match kind:
        case known.Type():
            return " or ".join(_TYPES.get(name, name) for name in kind.types)
        case known.AnyOf():
            wanted = [_wanted(form[0].kind) for form in kind.context if form]
            said = list(dict.fromkeys(one for one in wanted if one))
            return " or ".join(said) if 0 < len(said) <= _FORMS else None
        case known.Enum():
            return _one_of(kind.options)
        case known.Constant():
            return shown(kind.expected_value)
        case known.Format():
            example = FORMATS.get(kind.format)
            return f"{kind.format} text" + (f" such as {example}" if example else "")
        case known.Maximum():
            return f"at most {kind.limit}"
        case known.Minimum():
            return f"at least {kind.limit}"
        case known.ExclusiveMaximum():
            return f"less than {kind.limit}"
        case known.ExclusiveMinimum():
            return f"more than {kind.limit}"
        case known.MultipleOf():
            return f"a multiple of {kind.multiple_of}"
        case known.MaxLength():
            return f"at most {kind.limit} characters"
        case known.MinLength():
            return f"at least {kind.limit} characters"
        case known.MaxItems():
            return f"at most {kind.limit} items"
        case known.MinItems():
            return f"at least {kind.limit} items"
        case known.MaxProperties():
            return f"at most {kind.limit} members"
        case known.MinProperties():
            return f"at least {kind.limit} members"
        case known.UniqueItems():
            return "no item twice"
        case known.Pattern():
            return f"text that matches {_cut(kind.pattern)}"
        case known.Required():
            return f"the property {shown(kind.property)}"
    return None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
