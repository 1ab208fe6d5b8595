"""A right call's arguments, made from examples, defaults and types, for refusals to show. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.request.expected import FORMATS
from gateway.request.schemas import Components, kinds, resolve
from gateway.values import Argument

_DEPTH = 6
_LONGEST = 500  # characters of one example in a refusal: a model needs a hint, not a document


def sample_call(arguments: Iterable[Argument], components: Components) -> dict[str, Any]:
    """The required arguments; where there are none, the first one that has an example.

    All of the optional ones together would be a call that nobody makes, and often a wrong one.
    """
    known = list(arguments)
    chosen = [argument for argument in known if argument.required or argument.together]
    chosen = chosen or [argument for argument in known if _is_short(argument.example)][:1]
    return {
        argument.name: _sample_of(argument, components)
        if argument.example is None
        else argument.example
        for argument in chosen
    }


def _sample_of(argument: Argument, components: Components) -> Any:
    value = sample(argument.schema, components)
    # Nothing in a path may be empty.
    return {"name": "text"} if value == {} and argument.place == "path" else value


def _is_short(example: Any) -> bool:
    return isinstance(example, (str, int, float)) and len(str(example)) <= _LONGEST


def sample(schema: Any, components: Components, depth: int = _DEPTH) -> Any:
    """One value that the schema most likely lets through."""
    schema = resolve(schema, components)
    given = _given(schema)
    if given is not None:
        return given
    for keyword in ("allOf", "oneOf", "anyOf"):
        members = schema.get(keyword)
        if depth > 0 and isinstance(members, list) and members and "properties" not in schema:
            return sample(members[0], components, depth - 1)
    allowed = kinds(schema, components)
    if "string" in allowed:
        return _text(schema)
    if "number" in allowed or "integer" in allowed:
        return _number(schema)
    if "boolean" in allowed:
        return True
    if "array" in allowed:
        return [sample(schema.get("items"), components, depth - 1)] if depth > 0 else []
    return _object(schema, components, depth) if "object" in allowed else None


def _given(schema: dict[str, Any]) -> Any:
    for keyword in ("examples", "enum"):
        values = schema.get(keyword)
        if isinstance(values, list) and values and values[0] is not None:
            return values[0]
    return next((schema[key] for key in ("example", "const", "default") if key in schema), None)


def _text(schema: dict[str, Any]) -> str:
    known = FORMATS.get(str(schema.get("format")))
    if known is not None:
        return known
    least = schema.get("minLength")
    return "text".ljust(min(least, _LONGEST) if isinstance(least, int) else 0, "x")


def _number(schema: dict[str, Any]) -> Any:
    least = schema.get("minimum", 1)
    most = schema.get("maximum", least)
    if not isinstance(least, (int, float)) or not isinstance(most, (int, float)):
        return 1
    return max(least, 1) if max(least, 1) <= most or "maximum" not in schema else most


def _object(schema: dict[str, Any], components: Components, depth: int) -> dict[str, Any]:
    members = schema.get("properties")
    required = schema.get("required")
    if depth <= 0 or not isinstance(members, dict) or not isinstance(required, list):
        return {}
    return {
        name: sample(members.get(name), components, depth - 1)
        for name in required
        if isinstance(name, str)
    }
