"""The path language of every rule that names places in an answer.

    data.price                     a member of a member; arrays on the way are looked into
    data[].price                   the same, saying that data is an array
    data.{id,team.name as team}    several below one; `as` names the leaf where the brace stands
    rates.*  versions.*.license    every key of a map
    ..self  data..links            a key anywhere below, at any depth; not for every rule
    "odd.key".x                    a key that holds . { } [ ] , * " or a blank; JSON's escapes
    $  $.data                      the answer itself; `$.` in front says nothing

A path of `fields` stands as if in one outermost brace, so `data.price as p` gives `{"p": …}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r'[^\s.{}\[\],"*]+')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_DOLLAR = re.compile(r"\$(?=$|\s|\.|\[)")
_AS = re.compile(r"\s+as\s+")
_DEEPEST = 16  # braces inside braces; people write two


@dataclass(frozen=True, slots=True)
class Step:
    """One step down: a key (None is every key of a map), and how many `[]` follow it.

    With `anywhere` the step may go down any number of levels before it meets its key.
    """

    key: str | None
    arrays: int = 0
    anywhere: bool = False

    def __str__(self) -> str:
        name = "*" if self.key is None else shown(self.key)
        return name + "[]" * self.arrays


@dataclass(frozen=True, slots=True)
class Leaf:
    """One path, braces resolved: `base` leads to the brace, `rest` from there to the leaf."""

    base: tuple[Step, ...]
    rest: tuple[Step, ...]
    alias: str | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The whole way, from the answer to the leaf."""
        return self.base + self.rest


class PathError(ValueError):
    """A text that is no path; the message says where and why."""


def shown(key: str) -> str:
    """A key as it is written in a path."""
    plain = _NAME.fullmatch(key) and key != "$"
    return key if plain else json.dumps(key, ensure_ascii=False)


def join(steps: Sequence[Step]) -> str:
    """A path as a person would write it; no step at all is `$`."""
    text = ""
    for step in steps:
        text += (".." if step.anywhere else "." if text else "") + str(step)
    return text or "$"


def parse(text: str, *, anywhere: bool = False) -> list[Leaf]:
    """Read the path or the paths of one text.

    Args:
        text: As it stands in the YAML.
        anywhere: Whether it may hold `..`.

    Raises:
        PathError: with the place, counted in characters from 1.
    """
    parser = _Parser(text, anywhere=anywhere)
    leaves = parser.item((), 0)
    parser.end()
    return leaves


class _Parser:
    """Reads from left to right; `_at` is the next character."""

    def __init__(self, text: str, *, anywhere: bool) -> None:
        self._text = text
        self._at = 0
        self._anywhere = anywhere

    def item(self, base: tuple[Step, ...], depth: int) -> list[Leaf]:
        """Read one path with its alias, or with the brace that ends it.

        Only outside of braces is `$` the answer itself; inside it would be a key like others.
        """
        steps: list[Step] = []
        dots = ".."
        if depth == 0:
            dots = self._root()
            if not dots:
                return [Leaf((), ())]
        while True:
            self._blanks()
            anywhere = self._below(dots)
            if not anywhere and self._next("{"):
                return self._brace((*base, *steps), depth + 1)
            steps.append(Step(self._key(), self._arrays(), anywhere))
            dots = "."
            if not self._next("."):
                return [Leaf(base, tuple(steps), self._alias())]

    def end(self) -> None:
        """Make sure that nothing is left."""
        self._blanks()
        if self._at < len(self._text):
            raise self._wrong("expected the end, or `.` before a further step")

    def _root(self) -> str:
        """Read a `$` or `[]` in front.

        Returns:
            What makes the next step one to anywhere below: two dots, of which one may have
            been read. Nothing where the path is the answer itself.
        """
        self._blanks()
        dollar = _DOLLAR.match(self._text, self._at)
        if dollar:
            self._at = dollar.end()
        arrays = self._arrays()
        if not dollar and not arrays:
            return ".."
        return "." if self._next(".") else ""

    def _below(self, dots: str) -> bool:
        """Read the dots that let a step go anywhere below."""
        if not self._text.startswith(dots, self._at):
            return False
        if not self._anywhere:
            raise self._wrong("`..` is not taken here; write the path from the top")
        self._at += len(dots)
        return True

    def _brace(self, base: tuple[Step, ...], depth: int) -> list[Leaf]:
        if depth > _DEEPEST:
            raise self._wrong(f"more than {_DEEPEST} braces inside each other")
        leaves: list[Leaf] = []
        while True:
            leaves += self.item(base, depth)
            self._blanks()
            if self._next("}"):
                return leaves
            if not self._next(","):
                raise self._wrong("expected `,` or `}`")

    def _key(self) -> str | None:
        self._blanks()
        if self._next("*"):
            return None
        if match := _QUOTED.match(self._text, self._at):
            try:
                key = json.loads(match[0])
            except ValueError:
                raise self._wrong("a quoted key takes JSON's escapes") from None
            self._at = match.end()
            return str(key)
        if match := _NAME.match(self._text, self._at):
            self._at = match.end()
            return match[0]
        raise self._wrong("expected a key")

    def _arrays(self) -> int:
        count = 0
        while self._next("["):
            if not self._next("]"):
                raise self._wrong("expected `]`: items are taken all, not by their number")
            count += 1
        return count

    def _alias(self) -> str | None:
        match = _AS.match(self._text, self._at)
        if not match:
            return None
        self._at = match.end()
        key = self._key()
        if key is None:
            raise self._wrong("expected a name after `as`")
        return key

    def _blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _next(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def _wrong(self, message: str) -> PathError:
        rest = self._text[self._at : self._at + 20]
        found = f"found {rest!r}" if rest else "the text ends"
        return PathError(f"{self._text!r}, character {self._at + 1}: {message}; {found}")
