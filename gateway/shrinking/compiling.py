"""The YAML's shrink keys and the response schema → a Shrinker. Whatever can be wrong is told here.

Paths are checked against the schema: a key that it does not have is a typing error far more
often than not. Where the schema leaves a place open, any path is fine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any, Literal

from gateway.config.faults import nearest
from gateway.config.scalars import DROP_KINDS, Budget
from gateway.config.types import TextRule
from gateway.shrinking.anywhere import compile_anywhere, is_anywhere
from gateway.shrinking.choosing import compile_choice
from gateway.shrinking.drop_schema import without_dropped
from gateway.shrinking.drops import Change, compile_drop, dropping
from gateway.shrinking.exact import Tree, encode
from gateway.shrinking.fields import Level, compile_fields
from gateway.shrinking.limits import Limit
from gateway.shrinking.paths import Leaf, PathError, Step, join, parse
from gateway.shrinking.reshape import compile_reshape
from gateway.shrinking.schema import (
    any_of,
    cut_reference,
    lenient,
    projected,
    reached,
    with_announcement,
)
from gateway.shrinking.shapes import Shapes
from gateway.shrinking.shrinker import Clean, Names, Shrinker, Take
from gateway.shrinking.strings import compile_strings
from gateway.shrinking.table import tabled
from gateway.shrinking.table_schema import table_schema
from gateway.shrinking.typed import Projection
from gateway.shrinking.untrusted import compile_untrusted
from gateway.shrinking.untyped import untyped_answer, untyped_component
from gateway.values import Schema

_ANNOUNCEMENT = "_shrunk"
_VERSION = 5  # of what the rules do: another one gives all answers other ETags
_NO_BUDGET = Budget(0, 0)
_SEARCHED = 2000  # places that are looked at for what a wrong path could have meant
_DEEPEST = 6  # levels below which nobody looks


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one entry: `key` is the YAML key, `index` the entry's place in it, if
    it has entries."""

    key: str
    index: int | str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The YAML's keys of one operation, defaults filled in.

    `limit_items` and `hard` are the most items by path; of the latter the rest is not given on
    request either. `paged` says that it is a list whose pages are
    followed, `more` which operation gives the rest.
    """

    fields: Sequence[str] = ()
    jmespath: str | None = None
    choose: bool = False
    drop: Sequence[str] = ()
    strings: Mapping[str, TextRule] = field(default_factory=dict)
    untrusted: Sequence[str] | Literal["all"] = ()
    limit_items: Mapping[str, int] = field(default_factory=dict)
    hard: Sequence[str] = ()
    encode: Literal["json", "table"] = "json"
    budget: Budget = field(default_factory=lambda: Budget(0, 0))
    paged: bool = False
    more: str = ""

    @property
    def cuts(self) -> bool:
        """Whether something may be taken away that is announced."""
        texts = any(rule.max is not None for rule in self.strings.values())
        return bool(self.limit_items or texts or self.budget)

    @property
    def announces(self) -> bool:
        """Whether an answer may say that something is missing in it."""
        return self.cuts or self.paged or bool(self.untrusted)

    @property
    def withholds(self) -> bool:
        """Whether some of what is read is for no caller, or only for those who ask for it."""
        return bool(self.hard or self.choose or any(one not in DROP_KINDS for one in self.drop))


def compile_shrinker(
    schema: Schema | None,
    components: Mapping[str, Schema] | Shapes,
    rules: Rules,
    arguments: Sequence[str] = (),
) -> tuple[Shrinker, list[Fault]]:
    """Compile the rules of one operation.

    Args:
        schema: Of the upstream's reply; None where nothing is known of it. With `jmespath`, of
            what comes out.
        components: What its references point to; as `Shapes`, where several operations share it.
        rules: What the config says.
        arguments: The names of the operation's arguments.

    Returns:
        The shrinker, without the faulty entries, and the faults.
    """
    shapes = components if isinstance(components, Shapes) else Shapes(components)
    level: Level | None = None
    take: Take | None = None
    if any(map(is_anywhere, rules.fields)):
        take, told = compile_anywhere(rules.fields)
        faults = [Fault("fields", *fault) for fault in told]
    else:
        level, faults = _fields(rules.fields, schema, shapes)
        take = Projection(level) if level else None
    if rules.jmespath is not None:
        try:
            take = compile_reshape(rules.jmespath)
        except ValueError as error:
            faults.append(Fault("jmespath", None, str(error)))
    answer = _projected(schema, level, shapes)
    known = None if schema is None else answer  # of what is unknown not even the top is known
    limit, limit_faults = _limits(rules.limit_items, known, shapes)
    hard, _ = _limits({path: rules.limit_items[path] for path in rules.hard}, known, shapes)
    clean, untrusted, shorten, clean_faults = _cleaning(rules, known, shapes)
    names = _names(answer, shapes)
    # Whoever sees no schema sees arrays as they are served, and names them so.
    unknown = shapes.kinds(schema) is None
    choice = None
    if rules.choose:
        choice = compile_choice(
            answer,
            shapes,
            arguments,
            lambda steps: _wrong(steps, known, shapes),
            dropping(rules.drop),
        )
    bare = _is_bare(answer, shapes)
    left, less = without_dropped(answer, rules.drop, shapes)
    served = _served(left, names, less, bare=bare) if rules.announces else (left or {})
    if rules.encode == "table":
        served = table_schema(served, less)
    shrinker = Shrinker(
        schema=untyped_answer(served, is_object=rules.announces and not bare),
        components={
            name: untyped_component(one, less) for name, one in reached(served, less).items()
        },
        budget=rules.budget,
        take=take,
        clean=clean,
        untrusted=untrusted,
        shorten=shorten,
        limit=limit,
        hard=hard,
        rows=limit.members.get(names.items) if limit and unknown else None,
        hard_rows=hard.members.get(names.items) if hard and unknown else None,
        encode=tabled if rules.encode == "table" else None,
        names=names,
        bare=bare,
        announces=rules.announces,
        withholds=rules.withholds,
        choice=choice,
        more=rules.more,
        words=_words(rules),
        fingerprint=_fingerprint(rules, names, bare=bare),
        allows=_fingerprint(replace(rules, budget=_NO_BUDGET), names, bare=bare),
        recipe=(_remade, (rules, names, bare, unknown)),
    )
    return shrinker, faults + clean_faults + limit_faults


def _remade(rules: Rules, names: Names, bare: bool, unknown: bool) -> Shrinker:
    """The same shrinker of a schema that is not at hand: of it only this much is needed."""
    made, _ = compile_shrinker(None, {}, rules)
    return replace(
        made,
        names=names,
        bare=bare,
        rows=made.limit.members.get(names.items) if made.limit and unknown else None,
        hard_rows=made.hard.members.get(names.items) if made.hard and unknown else None,
        fingerprint=_fingerprint(rules, names, bare=bare),
        allows=_fingerprint(replace(rules, budget=_NO_BUDGET), names, bare=bare),
    )


def _cleaning(
    rules: Rules, known: Schema | None, shapes: Shapes
) -> tuple[Clean | None, Clean | None, Change | None, list[Fault]]:
    """What takes away what is not wanted, what of it is for any text, what shortens texts, and the
    faults of all."""
    drop, dropped, drop_faults = compile_drop(rules.drop, columns=rules.encode == "table")
    html, shorten, strings, string_faults = compile_strings(rules.strings)
    untrusted, cleaned, untrusted_faults = compile_untrusted(rules.untrusted)
    faults = [Fault("drop", *fault) for fault in drop_faults]
    faults += [Fault("strings", *fault) for fault in string_faults]
    faults += [Fault("untrusted", *fault) for fault in untrusted_faults]
    for key, entries in (("drop", dropped), ("strings", strings), ("untrusted", cleaned)):
        for entry in entries:
            if message := _wrong(entry.steps, known, shapes):
                faults.append(Fault(key, entry.index, message))

    def clean(tree: Tree) -> tuple[Tree, Mapping[str, Any]]:
        if drop:
            tree = drop(tree)
        if html:
            tree = html(tree)
        return visible(tree) if untrusted else (tree, {})

    def visible(tree: Tree) -> tuple[Tree, Mapping[str, Any]]:
        if not untrusted:
            return tree, {}
        tree, removed = untrusted(tree)
        return tree, {path: {"removed": number} for path, number in removed.items()}

    cleans = clean if drop or html or untrusted else None
    return cleans, visible if untrusted else None, shorten, faults


def _fingerprint(rules: Rules, names: Names, *, bare: bool) -> str:
    said = {one.name: getattr(rules, one.name) for one in dataclass_fields(rules)}
    said["budget"] = (rules.budget.tokens, rules.budget.chars)
    own = (names.announcement, names.items, bare)
    return hashlib.blake2b(encode((_VERSION, said, own)), digest_size=12).hexdigest()


def _words(rules: Rules) -> tuple[str, ...]:
    words = []
    if rules.fields:
        words.append(f"fields {', '.join(rules.fields)}")
    if rules.jmespath is not None:
        words.append(f"jmespath {rules.jmespath}")
    if rules.choose:
        words.append("the caller may choose fields")
    if rules.drop:
        words.append(f"drop {', '.join(rules.drop)}")
    if html := [path for path, rule in rules.strings.items() if rule.html]:
        words.append(f"HTML to text at {', '.join(html)}")
    if rules.untrusted:
        paths = rules.untrusted if isinstance(rules.untrusted, str) else ", ".join(rules.untrusted)
        words.append(f"untrusted {paths}")
    if rules.limit_items:
        items = (f"{path}: {most}{_hard(path, rules)}" for path, most in rules.limit_items.items())
        words.append("limit_items " + ", ".join(items))
    texts = [f"{path}: {rule.max}" for path, rule in rules.strings.items() if rule.max]
    if texts:
        words.append(f"strings {', '.join(texts)} characters")
    if rules.encode != "json":
        words.append(f"encode {rules.encode}")
    if budget := rules.budget:
        words.append(f"budget {budget.tokens:,} tokens, {budget.chars:,} characters")
    return tuple(words)


def _hard(path: str, rules: Rules) -> str:
    return " (hard)" if path in rules.hard else ""


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
    faults.sort(key=lambda fault: int(fault.index or 0))
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


def _wrong(steps: Sequence[Step], schema: Schema | None, shapes: Shapes) -> str | None:
    """What is wrong with a path, if anything can be known; what stands anywhere cannot."""
    if schema is None or any(step.anywhere for step in steps):
        return None
    return _unknown(steps, schema, shapes)


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
        return lenient(schema, shapes)
    found = projected(schema, level, shapes)
    if kinds and kinds - {"array", "null"} and "object" not in kinds:
        # Of a text or a number at the top nothing is taken, and an empty object is sent.
        found = any_of([found, {"type": "object"}])
    return found


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

    An object called `_shrunk` is another gateway's announcement, and already says what it is; where
    it is only named, it does so in the word that stands for an object.
    """

    def is_theirs(schema: Schema) -> bool:
        kinds = shapes.kinds(schema)
        if kinds is None:
            return shapes.resolve(schema).get("description") == "object"
        return kinds - {"null"} == {"object"}

    members = shapes.members(answer) if answer else {}

    def free(name: str) -> str:
        while name in members:
            name += "_"
        return name

    announced = members.get(_ANNOUNCEMENT, [])
    if not all(map(is_theirs, announced)):
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
            return {"type": "object", "properties": {**cut, names.items: answer}}
        if bare:
            whole = {"type": "object", "properties": {**cut, names.value: answer}}
            return any_of([answer, whole])
    own = names.announcement in (shapes.members(answer) if answer else ())
    return {"type": "object", "properties": {} if own else cut}
