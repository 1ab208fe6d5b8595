"""The place in an answer that a caller asks for: its path read, followed and, where it is wrong,
told what is there. `slices` says what paths mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from gateway.config.faults import nearest
from gateway.errors import BadArguments
from gateway.errors import shown as quoted
from gateway.shrinking.announce import Mark
from gateway.shrinking.exact import encode
from gateway.shrinking.paths import shown
from gateway.shrinking.squeeze import ARRAY, OBJECT, STRING, Node

Step: TypeAlias = str | int | Mark

_STEPS = 64  # in one path; answers that people make are not half as deep
_DUG = 20_000  # containers that are opened to find the parts of one slice: each takes some 20 µs
_NAMES, _LONGEST_NAME = 12, 40  # that a message lists, and characters of each
_SEARCHED = 500  # names that are compared with a wrong one: each takes some 10 µs
_TOO_MUCH = "path: there is too much to look through in one row; name a place in it by numbers"
TOO_DEEP = "path: arrays stand in arrays too deep to be looked through; name one by numbers"

# Looked for from where blanks begin only: from each of very many would take the square of it.
_UNIT = re.compile(r"(?<!\s)\s*\((?:characters|rows|keys)\)$")
_STEP = re.compile(
    r"""\[\s*(?P<number>\d{1,9})\s*\] | (?P<row>\[\s*\*?\s*\]) | (?P<below>\*\*) | (?P<any>\*)
    | \[\s*(?P<inside>"(?:[^"\\]|\\.)*" | '[^']*')\s*\]
    | (?P<text>"(?:[^"\\]|\\.)*") | (?P<name>[^.\[\]"]+)""",
    re.VERBOSE,
)


def read(path: str) -> list[Step]:
    """Read a path. Leniently: JSONPath's `$.`, `[*]` and `['key']`, and a unit behind it, too.

    Raises:
        BadArguments: with the place.
    """
    text = _UNIT.sub("", path.strip())
    at = 1 if re.match(r"\$(?=$|[.\[])", text) else 0
    steps: list[Step] = []
    while at < len(text):
        joined = at == 0 or text[at] in ".["
        at += bool(at) and text[at] == "."
        match = _STEP.match(text, at)
        if match is None or not joined:
            where = quoted(text[at : at + 20]) if text[at:] else "its end"
            raise BadArguments(
                f"path: {quoted(path)} cannot be read at {where}; write it as in _shrunk, "
                "such as data or data[3].body, or leave it off for the top of the answer"
            )
        steps.append(_step(match, path))
        at = match.end()
        if len(steps) > _STEPS:
            raise BadArguments(f"path: more than {_STEPS} steps; ask for a place above it")
    return steps


def _step(match: re.Match[str], path: str) -> Step:
    kind, text = match.lastgroup, match[0]
    if kind == "number":
        return int(match["number"])
    if kind in ("row", "any", "below"):
        return {"row": Mark.ROW, "any": Mark.ANY, "below": Mark.BELOW}[kind]
    if kind == "name":
        return text.strip()
    text = match["inside"] or text
    if text[0] == "'":
        return text[1:-1]
    try:
        return str(json.loads(text))
    except ValueError:
        raise BadArguments(
            f"path: {quoted(path)}: a quoted key takes JSON's escapes, so a backslash is \\\\"
        ) from None


def below(way: str, step: Step) -> str:
    """The path one step below `way`."""
    if isinstance(step, int) or step is Mark.ROW:
        return f"{'' if way == '$' else way}[{step if isinstance(step, int) else ''}]"
    name = step.value if isinstance(step, Mark) else shown(step)
    return name if way == "$" else f"{way}.{name}"


def found(node: Node, steps: Sequence[Step]) -> tuple[Node, str, Sequence[Step]]:
    """Go down to one place.

    Returns:
        What is there, its path, and what is wanted of each of its rows: nothing, for all of it.
    """
    way = "$"
    for number, step in enumerate(steps):
        if step is Mark.BELOW:
            break
        if node.kind == ARRAY:
            at = number_of(step)
            if at is None:  # of every row; a key looks through an array, as everywhere
                rest = steps[number + 1 :] if isinstance(step, Mark) else steps[number:]
                return node, way, _plain(rest)
            if at >= len(node):
                text = f"{quoted(way)} has {len(node):,} rows, counted from 0"
                raise BadArguments(f"path: there is no {below(way, at)}: {text}")
            node, way = node.child(at), below(way, at)
        elif node.kind == OBJECT:
            if step is Mark.ANY:
                return node, way, _plain(steps[number + 1 :])
            key = str(step) if not isinstance(step, Mark) else None
            if key is None or key not in node.places:
                raise BadArguments(missing(way, key, node.places))
            node, way = node.child(node.places[key]), below(way, key)
        elif step is Mark.ROW and number == len(steps) - 1:
            break
        else:
            raise BadArguments(
                f"path: {quoted(way)} is {_kind(node)}, with nothing below it; ask for it as it is"
            )
    return node, way, ()


def number_of(step: Step) -> int | None:
    """The row that a step leads to: `[3]`, or `.3` as other notations have it."""
    if isinstance(step, str) and re.fullmatch(r"[0-9]{1,9}", step):
        return int(step)
    return step if isinstance(step, int) else None


def _plain(rest: Sequence[Step]) -> Sequence[Step]:
    """What is wanted of each row, without what takes everything below."""
    end = rest.index(Mark.BELOW) if Mark.BELOW in rest else len(rest)
    while end and isinstance(rest[end - 1], Mark):
        end -= 1
    return rest[:end]


def missing(way: str, key: str | None, names: Mapping[str, int]) -> str:
    """What is said of a key that is not at `way`, where `names` are; None is no key at all."""
    if key is None:
        return f"path: {quoted(way)} is an object: name a key, or * for every one" + there(names)
    near = nearest(key, [name for name in islice(names, _SEARCHED) if len(name) < 200])
    hint = f"; did you mean {quoted(below(way, near))}?" if near is not None else there(names)
    return f"path: {quoted(below(way, key))} is not in this answer{hint}"


def there(names: Mapping[str, int]) -> str:
    """Some names of those that there are, for a message."""
    first = [shown(name[:_LONGEST_NAME]) for name in islice(names, _NAMES)]
    more = ", …" if len(names) > _NAMES else ""
    return f"; there: {', '.join(first)}{more}" if first else "; it is empty"


def _kind(node: Node) -> str:
    return {STRING: "a text", ord("n"): "null", ord("t"): "true", ord("f"): "false"}.get(
        node.kind, "a number"
    )


class TooMuch(BadArguments):
    """Looking for the parts of one row takes too long, or goes too deep."""


class Dig:
    """Finds a part of each row, for one slice: so much work and no more, whatever stands there."""

    __slots__ = ("_left", "_looking", "_rest")

    def __init__(self, rest: Sequence[Step], whole: Node) -> None:
        """Take the steps below a row of `whole`. One of digits is a key where there is such a key
        anywhere in it, and a row where there is none."""
        self._rest = [_row_or_key(step, whole) for step in rest]
        self._left = _DUG

    def part(self, row: Node) -> bytes | None:
        """The part of a row; arrays on the way are looked through. None where there is none.

        Raises:
            TooMuch: nothing more is looked for in this slice.
        """
        return self._dug(row, 0, 0)

    def _dug(self, node: Node, done: int, depth: int) -> bytes | None:
        for number in range(done, len(self._rest)):
            step = self._rest[number]
            if node.kind not in (ARRAY, OBJECT):
                return None
            self._left -= 1
            if self._left < 0 or depth > _STEPS:
                raise TooMuch(TOO_DEEP if depth > _STEPS else _TOO_MUCH)
            if node.kind == ARRAY:
                if not isinstance(step, int):
                    return self._through(node, number + isinstance(step, Mark), depth + 1)
                if step >= len(node):
                    return None
                node = node.child(step)
            elif step is Mark.ANY:
                return self._of_all(node, number + 1, depth + 1)
            elif isinstance(step, Mark):
                return None
            else:
                place = node.places.get(str(step))
                if place is None:
                    return None
                node = node.child(place)
        return bytes(node.raw)

    def _through(self, node: Node, done: int, depth: int) -> bytes:
        parts = []
        for one in range(len(node)):
            if done == len(self._rest) or node.opens(one):  # most are nothing to look into
                part = self._dug(node.child(one), done, depth)
                if part is not None:
                    parts.append(part)
        return b"[" + b",".join(parts) + b"]"

    def _of_all(self, node: Node, done: int, depth: int) -> bytes:
        members = []
        for one in range(len(node)):
            if done == len(self._rest) or node.opens(one):
                part = self._dug(node.child(one), done, depth)
                if part is not None:
                    members.append(node.head(one) + part)
        return b"{" + b",".join(members) + b"}"


def _row_or_key(step: Step, whole: Node) -> Step:
    row = number_of(step)
    if row is None or isinstance(step, int):
        return step
    is_key = re.search(re.escape(encode(step) + b":"), whole.raw)
    return step if is_key else row
