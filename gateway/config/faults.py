"""What a check finds: a place in the YAML and a message; and the words that messages share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at `path`.

    `at_key`: it is the key that is wrong, not its value. `unknown`: nobody knows the key, so
    the message alone says whether it may be repeated.
    """

    path: Path
    message: str
    at_key: bool = False
    unknown: bool = False


def suggest(word: str, allowed: Iterable[str]) -> str:
    """The way out of a typing error: `; did you mean 'x'?`, or nothing."""
    near = nearest(word, allowed)
    return f"; did you mean {near!r}?" if near is not None else ""


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that was probably meant, whatever the case; None where none is near."""
    known = {one.lower(): one for one in allowed}
    close = difflib.get_close_matches(word[:200].lower(), known, n=1)
    return known[close[0]] if close else None


def dotted(path: Path) -> str:
    """A path as a person would say it; the place itself tells which item of a list is meant."""
    if path and isinstance(path[-1], int):
        path = path[:-1]
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step.isprintable() and step
            text += ("." if text else "") + _short(step if plain else repr(step))
    return text


def quoted(text: str) -> str:
    """A text in quotes, on one line, not too long."""
    return repr(_short(text))


def found(value: Any) -> str:
    """What stands there, in a person's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int() | float():
            return _short(str(value))
        case dict():
            return "a mapping" if value else "an empty mapping"
    return "a list" if value else "an empty list"


def found_hidden(value: Any) -> str:
    """The same for what no message may repeat."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text" if value else "empty text"
    return "a number" if isinstance(value, int | float) else found(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
