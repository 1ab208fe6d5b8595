"""What a value is where only text is held: one text, a list of texts, or a mapping. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.request.bounded import decode_text
from gateway.request.schemas import SCALARS
from gateway.request.text import Unwritable, item_text, shown, text_of


def shaped(kinds: frozenset[str]) -> Callable[[Any], Any]:
    """Give a value the shape its schema asks for: text, a list without nulls, or a mapping.

    A query carries text only, so one text for a list is a list of one, and text for an object
    is its JSON; where a string may stand as well, text is that string. Raises: Unwritable, for
    a shape that the schema never has.
    """
    takes_text = bool(kinds & SCALARS)
    takes_list = "array" in kinds
    takes_object = "object" in kinds

    may_be_json = takes_object and "string" not in kinds

    def shape(value: Any) -> Any:
        if takes_text and isinstance(value, (str, int)):
            if may_be_json and isinstance(value, str) and value[:1] == "{":
                return _object(value)
            return text_of(value)
        if isinstance(value, dict):
            if not takes_object:
                raise Unwritable("takes a list" if takes_list and not takes_text else _ONE)
            return value
        if isinstance(value, (list, tuple)):
            if not takes_list:
                raise Unwritable(_OBJECT if takes_object and not takes_text else _ONE)
            return [item_text(item) for item in value if item is not None]
        if takes_text or not (takes_list or takes_object):
            return text_of(value)
        if not takes_object:
            return [text_of(value)]
        return _object(value) if not takes_list else _structure(value)

    return shape


_ONE = "takes one value, not a list or an object"
_OBJECT = "takes an object, or the JSON text of one"


def _structure(value: Any) -> Any:
    """Text where a list or an object may stand: JSON of either, else the only item of a list."""
    try:
        parsed = decode_text(value) if isinstance(value, str) else value
    except ValueError:
        return [text_of(value)]
    if isinstance(parsed, list):
        return [item_text(item) for item in parsed if item is not None]
    return parsed if isinstance(parsed, dict) else [text_of(value)]


def _object(value: Any) -> dict[str, Any]:
    try:
        parsed = decode_text(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Unwritable(f"{_OBJECT}, found {shown(value)}")
    return parsed


def pairs_of(value: dict[str, Any]) -> list[tuple[str, str]]:
    """The members of a mapping as texts; null is left out, what is nested becomes JSON."""
    return [(str(key), item_text(member)) for key, member in value.items() if member is not None]


def repeated(value: dict[str, Any]) -> list[tuple[str, str]]:
    """Members as parameters of their own: a list of plain values says its name several times."""
    found: list[tuple[str, str]] = []
    for key, member in value.items():
        is_plain = isinstance(member, (list, tuple)) and not any(
            isinstance(item, (dict, list, tuple)) for item in member
        )
        items = member if is_plain else [member]
        found += [(str(key), item_text(item)) for item in items if item is not None]
    return found
