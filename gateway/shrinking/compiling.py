"""The YAML's shrink keys and the response schema → a Shrinker. Whatever can be wrong is told here.

Paths are checked against the schema: a key that it does not have is a typing error far more
often than not. Where the schema leaves a place open, any path is fine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.config.faults import nearest
from gateway.config.scalars import Budget
from gateway.shrinking.exact import encode
from gateway.shrinking.fields import Level, compile_fields
from gateway.shrinking.limits import Limit
from gateway.shrinking.paths import Leaf, PathError, Step, join, parse
from gateway.shrinking.schema import (
    any_of,
    cut_reference,
    lenient,
    projected,
    reached,
    top,
    with_announcement,
)
from gateway.shrinking.shapes import Shapes
from gateway.shrinking.shrinker import Names, Shrinker
from gateway.shrinking.typed import Projection
from gateway.values import Schema

_ANNOUNCEMENT = "_shrunk"
_VERSION = 3  # of what the rules do: another one gives all answers other ETags
_SEARCHED = 2000  # places that are looked at for what a wrong path could have meant
_DEEPEST = 6  # levels below which nobody looks


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one entry: `key` is the YAML key, `index` the entry's place in it."""

    key: str
    index: int | str
    message: str


def compile_shrinker(
    schema: Schema | None,
    components: Mapping[str, Schema] | Shapes,
    *,
    fields: Sequence[str],
    drop: Sequence[str],
    limit_items: Mapping[str, int],
    budget: Budget,
) -> tuple[Shrinker, list[Fault]]:
    """Compile the rules of one operation.

    Args:
        schema: Of the upstream's reply; None where nothing is known of it.
        components: What its references point to; as `Shapes`, where several operations share it.
        fields: Paths; none takes everything.
        drop: Kinds of what is left out.
        limit_items: The most items, by path.
        budget: What an answer may cost.

    Returns:
        The shrinker, without the faulty entries, and the faults.
    """
    shapes = components if isinstance(components, Shapes) else Shapes(components)
    level, faults = _fields(fields, schema, shapes)
    answer = _projected(schema, level, shapes)
    # Of what is unknown not even the top is known: nothing to check the limits against.
    limit, limit_faults = _limits(limit_items, None if schema is None else answer, shapes)
    cuts = bool(limit or budget)
    names = _names(answer, shapes)
    # Whoever sees no schema sees arrays as they are served, and names them so.
    unknown = shapes.kinds(schema) is None
    rows = limit.members.get(names.items) if limit and unknown else None
    bare = _is_bare(answer, shapes)
    served = _served(answer, names, shapes, bare=bare) if cuts else (answer or {})
    rules = (_VERSION, list(fields), list(drop), list(limit_items.items()),
             (budget.tokens, budget.chars), names.announcement, names.items, bare)  # fmt: skip
    shrinker = Shrinker(
        schema=served,
        components=reached(served, shapes),
        budget=budget,
        projection=Projection(level) if level else None,
        drop=tuple(drop),
        limit=limit,
        rows=rows,
        names=names,
        bare=bare,
        words=_words(fields, drop, limit_items, budget),
        fingerprint=hashlib.blake2b(encode(rules), digest_size=12).hexdigest(),
    )
    return shrinker, faults + limit_faults


def _words(
    fields: Sequence[str], drop: Sequence[str], limit_items: Mapping[str, int], budget: Budget
) -> tuple[str, ...]:
    words = []
    if fields:
        words.append(f"fields {', '.join(fields)}")
    if drop:
        words.append(f"drop {', '.join(drop)}")
    if limit_items:
        words.append("limit_items " + ", ".join(f"{path}: {n}" for path, n in limit_items.items()))
    if budget:
        words.append(f"budget {budget.tokens:,} tokens, {budget.chars:,} characters")
    return tuple(words)


# --- fields -----------------------------------------------------------------------------------


def _fields(
    fields: Sequence[str], schema: Schema | None, shapes: Shapes
) -> tuple[Level | None, list[Fault]]:
    """Read and check the paths. Without one that is right, nothing is projected."""
    faults: list[Fault] = []
    numbers: list[int] = []
    read: list[list[Leaf]] = []
    for number, text in enumerate(fields):
        try:
            leaves = parse(text)
        except PathError as error:
            faults.append(Fault("fields", number, str(error)))
            continue
        wrong = [
            message
            for leaf in leaves
            if schema is not None and (message := _unknown(leaf.steps, schema, shapes))
        ]
        faults += [Fault("fields", number, message) for message in dict.fromkeys(wrong)]
        numbers.append(number)
        read.append(leaves)
    level, clashes = compile_fields(read)
    faults += [Fault("fields", numbers[place], text) for place, text in clashes.items()]
    faults.sort(key=lambda fault: int(fault.index))
    return (level if level.picks or level.every else None), faults


def _unknown(steps: Sequence[Step], schema: Schema, shapes: Shapes) -> str | None:
    """What is wrong with a path by the schema; None where it is right, or nobody knows."""
    places = [schema]
    for number, step in enumerate(steps):
        below = [one for place in places for one in shapes.below(place, step.key)]
        way = steps[: number + 1]
        if not below:
            meant = _meant(steps, number, places, schema, shapes)
            return f"{join(way)!r} is not in the response{meant}"
        if step.arrays and not any(_may_be(one, "array", shapes) for one in below):
            bare = (*way[:-1], Step(step.key, step.arrays - 1))
            return f"{join(way)!r}: this is no array in the response; write {join(bare)!r}"
        places = below
    return None


def _may_be(schema: Schema, kind: str, shapes: Shapes) -> bool:
    kinds = shapes.kinds(schema)
    return kinds is None or kind in kinds


def _meant(
    steps: Sequence[Step], number: int, places: Iterable[Schema], schema: Schema, shapes: Shapes
) -> str:
    """What a wrong path could have meant: a near name there, else the same name elsewhere."""
    before, wrong = steps[:number], steps[number].key
    names = list(dict.fromkeys(name for place in places for name in shapes.names(place)))
    if wrong is not None:
        near = nearest(wrong, names)
        if near is not None:
            return f"; did you mean {join((*before, Step(near)))!r}?"
        elsewhere = _elsewhere(wrong, schema, shapes)
        if elsewhere:
            return f"; did you mean {elsewhere!r}?"
    if not names:
        return f"; {join(before)!r} has no keys" if before else ""
    more = ", …" if len(names) > 12 else ""
    return f"; there: {', '.join(names[:12])}{more}"


def _elsewhere(name: str, schema: Schema, shapes: Shapes) -> str | None:
    """The path of the first place, level by level, that has the name."""
    level: list[tuple[tuple[Step, ...], Schema]] = [((), schema)]
    seen = 0
    for _ in range(_DEEPEST):
        below: list[tuple[tuple[Step, ...], Schema]] = []
        for way, place in level:
            for key in dict.fromkeys(shapes.names(place)):
                if key == name:
                    return join((*way, Step(key)))
                seen += 1
                if seen < _SEARCHED:
                    below += [((*way, Step(key)), one) for one in shapes.below(place, key)]
        level = below
    return None


def _projected(schema: Schema | None, level: Level | None, shapes: Shapes) -> Schema | None:
    """The answer's schema after `fields`, lenient; None where nothing is known."""
    if schema is None:
        if level is None or level.every:
            return None
        # Whether it is an object or an array is not known; if an object, this is in it.
        return {"properties": {name: {} for name in level.picks}}
    kinds = shapes.kinds(schema)
    if level is None:
        return top(lenient(schema, shapes), kinds)
    found = projected(schema, level, shapes)
    if kinds and kinds - {"array", "null"} and "object" not in kinds:
        # Of a text or a number at the top nothing is taken, and an empty object is sent.
        found = any_of([found, {"type": "object"}])
    return top(found, kinds)


# --- limit_items ------------------------------------------------------------------------------


def _limits(
    limit_items: Mapping[str, int], answer: Schema | None, shapes: Shapes
) -> tuple[Limit | None, list[Fault]]:
    """Read and check the limits; their paths are those of the answer, after `fields`."""
    root = Limit()
    faults: list[Fault] = []
    for text, items in limit_items.items():
        message = _add_limit(root, text, items, answer, shapes)
        if message:
            faults.append(Fault("limit_items", text, message))
    return (root if limit_items else None), faults


def _add_limit(
    root: Limit, text: str, items: int, answer: Schema | None, shapes: Shapes
) -> str | None:
    try:
        leaves = parse(text)
    except PathError as error:
        return str(error)
    if len(leaves) != 1 or leaves[0].alias:
        return f"{text!r}: one path for each limit, without a brace or `as`"
    steps = leaves[0].steps
    if answer is not None:
        unknown = _unknown(steps, answer, shapes)
        if unknown and steps[0].key == "items" and _is_array(answer, shapes):
            return f"{text!r}: the answer itself is the array; write '$'"
        if unknown:
            return unknown
        places = [answer]
        for step in steps:
            places = [one for place in places for one in shapes.below(place, step.key)]
        if not any(_may_be(one, "array", shapes) for one in places):
            return f"{text!r} is not an array in the response" + _arrays(answer, shapes)
    place = root.at(steps)
    if place.items is not None:
        return f"{text!r}: there is already a limit for this array"
    place.items = items
    return None


def _arrays(answer: Schema, shapes: Shapes) -> str:
    found = [
        join((Step(name),))
        for name in dict.fromkeys(shapes.names(answer))
        if any(_is_array(one, shapes) for one in shapes.below(answer, name))
    ]
    return f"; arrays are: {', '.join(found[:12])}" if found else ""


def _is_array(schema: Schema, shapes: Shapes) -> bool:
    kinds = shapes.kinds(schema)
    return kinds is not None and "array" in kinds


# --- the served schema ------------------------------------------------------------------------


def _names(answer: Schema | None, shapes: Shapes) -> Names:
    """Names of our own that the answer's schema does not use.

    An object called `_shrunk` is another gateway's announcement, and already says what it is.
    """
    members = shapes.members(answer) if answer else {}

    def free(name: str) -> str:
        while name in members:
            name += "_"
        return name

    announced = members.get(_ANNOUNCEMENT, [])
    if any((shapes.kinds(one) or frozenset()) - {"null"} != {"object"} for one in announced):
        return Names(free(_ANNOUNCEMENT), free("items"), free("value"))
    return Names(_ANNOUNCEMENT, free("items"), free("value"))


def _is_bare(answer: Schema | None, shapes: Shapes) -> bool:
    """Whether an answer is neither an object nor an array, by the schema."""
    kinds = shapes.kinds(answer) if answer is not None else None
    return kinds is not None and not kinds & {"object", "array"}


def _served(answer: Schema | None, names: Names, shapes: Shapes, *, bare: bool) -> Schema:
    """The schema of an answer that can be cut: of an object, but for scalars that fit."""
    kinds = shapes.kinds(answer) if answer is not None else None
    cut = {names.announcement: cut_reference(shapes)}
    if answer is not None and kinds is not None:
        if kinds <= {"object", "null"}:
            return with_announcement(answer, names.announcement, shapes)
        if kinds <= {"array", "null"}:
            rows = (
                {**answer, "type": ["array", "null"]} if answer.get("type") == "array" else answer
            )
            return {"type": "object", "properties": {**cut, names.items: rows}}
        if bare:
            whole = {"type": "object", "properties": {**cut, names.value: answer}}
            return any_of([answer, whole])
    own = names.announcement in (shapes.members(answer) if answer else ())
    return {"type": "object", "properties": {} if own else cut}
