"""What a schema wanted and what was found instead, in the words of the config's readers. Pure."""

from __future__ import annotations

from jsonschema_rs import ValidationError, ValidationErrorKind

from gateway.request.text import shown

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_MOST = 12  # words of an enum that are listed


def told(fault: ValidationError, *, shows: bool) -> str:
    """Say what is wrong; the value itself only if `shows`, since it may be a secret."""
    wanted = _wanted(fault.kind)
    if wanted is None:
        return fault.message
    where = ".".join(map(str, fault.instance_path)) if shows else ""
    found = f"found {shown(fault.instance)}" if shows else "found another value, not shown here"
    return f"{f'at {where!r}: ' if where else ''}expected {wanted}, {found}"


def _wanted(kind: ValidationErrorKind) -> str | None:
    """What a keyword asks for, None where the checker's own words have to do."""
    known = ValidationErrorKind
    match kind:
        case known.Type():
            return " or ".join(_TYPES.get(name, name) for name in kind.types)
        case known.Enum():
            words = [shown(option) for option in kind.options]
            return "one of " + ", ".join(words[:_MOST]) + (", …" if len(words) > _MOST else "")
        case known.Constant():
            return shown(kind.expected_value)
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
        case known.Pattern():
            return f"text that matches {kind.pattern}"
        case known.Required():
            return f"the property {shown(kind.property)}"
    return None
