"""`choose`: the caller says which of the answer's fields are wanted.

What may be chosen is what the answer has after the operator's rules, so that nothing that these
hide comes back. The argument is the gateway's own: the upstream never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadArguments
from gateway.shrinking.fields import Level, compile_fields
from gateway.shrinking.paths import Leaf, PathError, Step, join, parse
from gateway.shrinking.shapes import Shapes
from gateway.values import Argument, Schema

NAME = "fields"
_MOST = 100  # paths of one call
_LONGEST = 500  # characters of one
_LISTED = 60  # fields that the argument's schema names
_DEEPEST = 6  # levels below which nobody looks
_WORDS = "Only these fields of the answer, as paths such as {}. All of them, if left out."


@dataclass(frozen=True, slots=True)
class Choice:
    """What a caller may choose from. `unknown` says what is wrong with a path, if anything."""

    argument: Argument
    unknown: Callable[[Sequence[Step]], str | None]

    def level(self, value: Any) -> Level | None:
        """What a call's argument takes; None is everything.

        Raises: BadArguments, with every fault.
        """
        name = self.argument.name
        texts = [value] if isinstance(value, str) else value
        if texts is None or texts == []:
            return None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadArguments(f"{name!r} expected a list of paths such as {self._example()}.")
        if len(texts) > _MOST or any(len(text) > _LONGEST for text in texts):
            text = f"{name!r} takes at most {_MOST} paths of at most {_LONGEST} characters."
            raise BadArguments(text)
        wrong: list[str] = []
        read: list[list[Leaf]] = []
        for text in dict.fromkeys(texts):
            try:
                leaves = parse(text)
            except PathError as error:
                wrong.append(str(error))
                continue
            if any(leaf.alias for leaf in leaves):
                # Under another name it would be no longer what the rules after this one name.
                wrong.append(f"{text!r}: fields keep their names here; leave `as` out")
                continue
            wrong += filter(None, (self.unknown(leaf.steps) for leaf in leaves))
            read.append(leaves)
        level, clashes = compile_fields(read)
        wrong += clashes.values()
        if wrong:
            end = "?" if wrong[-1].endswith("?") else "."
            raise BadArguments(f"{name!r}: {'; '.join(dict.fromkeys(wrong))}".rstrip("?") + end)
        return level

    def _example(self) -> str:
        return ", ".join(repr(one) for one in self.argument.example)


def compile_choice(
    answer: Schema | None,
    shapes: Shapes,
    taken: Sequence[str],
    unknown: Callable[[Sequence[Step]], str | None],
    is_dropped: Callable[[Sequence[Step]], bool],
) -> Choice:
    """Compile what a caller may choose from.

    Args:
        answer: The schema after the operator's rules; None where nothing is known of it.
        shapes: What its references point to.
        taken: The names of the operation's arguments.
        unknown: What is wrong with a path.
        is_dropped: Whether nothing of what stands at a path is ever in the answer.
    """

    def wrong(steps: Sequence[Step]) -> str | None:
        return f"{join(steps)!r} is not in the response" if is_dropped(steps) else unknown(steps)

    name = NAME
    while name in taken:
        name += "_"
    fields = _fields(answer, shapes, is_dropped) if answer is not None else []
    items: Schema = {"type": "string"}
    if fields and len(fields) <= _LISTED:
        items["enum"] = fields
    example = fields[:2] or ["data.id"]
    return Choice(
        Argument(
            name=name,
            place="query",
            source=(name,),
            schema={"type": "array", "items": items},
            description=_WORDS.format(" and ".join(example)),
            example=example,
        ),
        wrong,
    )


def _fields(
    answer: Schema, shapes: Shapes, is_dropped: Callable[[Sequence[Step]], bool]
) -> list[str]:
    """The paths of the answer's leaves, level by level; of too many, none."""
    found: list[str] = []
    waiting: list[tuple[tuple[Step, ...], Schema]] = [((), answer)]
    while waiting and len(found) <= _LISTED:
        way, place = waiting.pop(0)
        for key in dict.fromkeys(shapes.names(place)):
            steps = (*way, Step(key))
            if is_dropped(steps):
                continue
            below = shapes.below(place, key)
            inner = [one for one in below if shapes.names(one)]
            if inner and len(steps) < _DEEPEST:
                waiting += [(steps, one) for one in inner]
            else:
                found.append(join(steps))
    return list(dict.fromkeys(found)) if not waiting else []
