"""Schemas as they are served: without noise, shortened, under component names of our own.

Knows which keywords of JSON Schema 2020-12 hold schemas, so that a property called `example`
or `x-rate` is not taken for a keyword. Answers and requests have each their own form of a
component (an answer's is lenient), so both may be needed under one name: the answer keeps the
plain name, since a model reads more answers, and the request's is called `…Input`.

How much is said is a `Scale`'s matter. An object below what is shown is only named: its type
stands there (in an answer, as a word), its members do not. Components are shown or named as a
whole and stay references, so none is written twice, but for one of an answer that is no longer
than the way to it; where they lead round in a circle, the reference that closes it is named as
well, since several readers follow references for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Literal

from gateway.faces.texts import LONGEST, Words, readable
from gateway.request.schemas import ANYTHING, kind_of, kinds, resolve
from gateway.shrinking.untyped import composed
from gateway.values import Schema

_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset(
    {
        "items", "additionalProperties", "not", "if", "then", "else", "contains",
        "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    }
)  # fmt: skip
# Says nothing of a value's form that a model needs; a discriminator names components by text.
_NOISE = frozenset(
    {
        "example", "examples", "xml", "externalDocs", "discriminator", "readOnly", "writeOnly",
        "$comment", "$schema", "$id", "$anchor",
    }
)  # fmt: skip
# Where something inside is allowed more, these allow less. A request must not be described as
# impossible, so they go, or become what allows more, wherever what is inside was loosened.
_SUBTLE = ("not", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties", "maxContains")
_IN_PLACE = frozenset({"$ref", "allOf", "anyOf", "oneOf"})  # schemas of the very same value
_WORDS = frozenset({"title", "description", "deprecated"})
# The type of what is only named, in words: on every scale, here or at a gateway before this one.
_CONTAINERS = frozenset({"object", "array"})
_ASIDES = ("title", "pattern", "default")
_LONGEST_ASIDE = 60  # characters of JSON
_REF = "#/components/schemas/"
_UNCLEAN = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_PARTS = 200  # of one value, by `allOf`: the most that are looked at
_EXAMPLES = 60  # characters of the values that are named of a shortened enum

Side = Literal["readOnly", "writeOnly"]  # the keyword that takes a property out of this side
Edge = tuple[str | None, str]
Changes = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is said: characters of the spec's own texts, values of its enums.

    `texts` bounds the words of operations and parameters, `inputs` those inside request
    schemas, `answers` those inside answers; `examples` keeps those of arguments, `asides`
    titles, long patterns and long defaults. What the operator wrote is not touched.
    """

    texts: int = LONGEST
    inputs: int = LONGEST
    answers: int = LONGEST
    values: int | None = None
    asides: bool = True
    examples: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """The components that one side's schemas may refer to: by the upstream's names.

    `names` maps those to served ones; `circles` are the references, from component to
    component, that close a circle.
    """

    components: dict[str, Schema]
    side: Side
    names: dict[str, str] = field(default_factory=dict)
    circles: set[Edge] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Instead:
    """What is written instead of a reference, what that refers to, and what was counted in it."""

    schema: Schema
    met: tuple[str, ...]
    changes: Changes


@dataclass(slots=True)
class Rewriter:
    """How schemas of one side are rewritten.

    `shown` are the identities of the objects whose members are shown, None is all.
    `shortened`, `named` and `told` count descriptions that were shortened, objects that were
    only named, and enums that were told in words; `met` are the upstream's names of the
    components that were referred to, each once.
    """

    world: World
    words: Words
    scale: Scale = Scale()
    shown: Collection[int] | None = None
    keeps: frozenset[str] = frozenset()  # of the keywords that begin with x-
    shortened: int = 0
    named: int = 0
    told: int = 0
    met: dict[str, None] = field(default_factory=dict)
    _home: str | None = None
    _tried: dict[str, _Instead | None] = field(default_factory=dict)
    _left: frozenset[str] = frozenset()  # names that are left out of the value's other parts

    @property
    def changes(self) -> Changes:
        """What was counted so far."""
        return self.shortened, self.named, self.told

    def component(self, name: str) -> Any:
        """Rewrite a component, by the upstream's name."""
        self._home = name
        try:
            # Some readers take `{}` for nothing.
            return self.schema(self.world.components[name]) or {"description": "any"}
        finally:
            self._home = None

    def schema(self, schema: Any, without: Collection[str] = ()) -> Any:
        """Rewrite a schema and those inside it, but for some keywords; not what it refers to."""
        if not isinstance(schema, dict):
            return schema  # true, false
        if self._is_hidden(schema):
            return self._named(schema, without)
        served: Schema = {}
        before = self.named
        loosened: set[str] = set()
        outer, gone = self._left, self._left | self._gone(schema)
        for key, value in schema.items():
            loose = self.named + self.told
            self._left = gone if key in _IN_PLACE else frozenset()
            if (
                key in _NOISE
                or key in without
                or (key.startswith("x-") and key not in self.keeps)
                or self._is_aside(key, value)
            ):
                continue
            if key == "$ref":
                served = {**self._reference(_target(value)), **served}
            elif key == "description":
                served.update(self._text(value))
            elif key == "title" and isinstance(value, str):
                served[key] = self.words.seen(value)
            elif key in _BY_NAME and isinstance(value, dict):
                served[key] = {
                    name: self.schema(each)
                    for name, each in value.items()
                    if not self._is_left_out(each)
                }
            elif key in _LISTS and isinstance(value, list):
                served[key] = [self.schema(each) for each in value]
            elif key in _SINGLE:
                served[key] = self.schema(value)
            else:
                served[key] = value
            if self.named + self.told > loose or (gone and key in _SUBTLE):
                loosened.add(key)
        self._left = outer
        if self._is_long(served.get("enum")):
            self._tell(served)
        if self.world.side == "writeOnly":
            if not served.keys().isdisjoint(("allOf", "anyOf")):
                rest = {key: each for key, each in served.items() if key not in ("allOf", "anyOf")}
                served = composed(rest, served.get("allOf", ()), served.get("anyOf", ()))
        elif self.named > before:
            served = _merged(served)
        if gone:
            _demand_less(served, gone)
        if self.world.side == "readOnly":
            _loosen(served, loosened, exact=self.shown is None and self.scale == Scale())
        return served

    # --- what is only named ---------------------------------------------------------------------

    def _is_hidden(self, schema: Schema) -> bool:
        return self.shown is not None and is_level(schema) and id(schema) not in self.shown

    def _reference(self, name: str) -> Schema:
        name, circular = self._behind(self._home, name)
        target = self.world.components[name]
        if circular or self._is_hidden(target):
            return self._named(target)
        instead = self._instead(name) if self.world.side == "writeOnly" else None
        if instead is None:
            self.met[name] = None
            return {"$ref": self._written(name)}
        self.met.update(dict.fromkeys(instead.met))
        self.shortened += instead.changes[0]
        self.named += instead.changes[1]
        self.told += instead.changes[2]
        return dict(instead.schema)

    def _written(self, name: str) -> str:
        return _REF + self.world.names[name]

    def _behind(self, home: str | None, name: str) -> tuple[str, bool]:
        """What a reference leads to, past those that are other names and nothing else, and
        whether one on the way closes a circle."""
        circular = (home, name) in self.world.circles
        while (target := self.world.components[name]).keys() == {"$ref"}:
            home, name = name, _target(target["$ref"])
            circular |= (home, name) in self.world.circles
        return name, circular

    def _instead(self, name: str) -> _Instead | None:
        """What is written where a component of an answer is used, if not the way to it.

        What a component is made of comes first: nothing calls itself, however long a chain is.
        """
        waiting = [name]
        while waiting:
            one = waiting[-1]
            made_of = () if one in self._tried else self._made_of(one)
            unknown = [each for each in made_of or () if each not in self._tried]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            if one not in self._tried:
                self._tried[one] = None if made_of is None else self._try(one)
        return self._tried[name]

    def _made_of(self, name: str) -> list[str] | None:
        """The components that one is made of; None where it shows members of its own."""
        found: list[str] = []
        waiting = [self.world.components[name]]
        while waiting:
            one = waiting.pop()
            if self._is_hidden(one):
                continue
            if one.keys() - _WORDS - _IN_PLACE:
                return None
            if "$ref" in one:
                target, circular = self._behind(name, _target(one["$ref"]))
                if not circular and not self._is_hidden(self.world.components[target]):
                    found.append(target)
            for key in ("allOf", "anyOf"):
                waiting += one.get(key, ())
        return found

    def _try(self, name: str) -> _Instead | None:
        """Few words cost less than the way to them, and some readers take `{}` for nothing. What
        became another name of a component is that one."""
        outer, home, before = self.met, self._home, self.changes
        self.met, self._home = {}, name
        schema = self.schema(self.world.components[name])
        met, changes = tuple(self.met), self.changes
        self.met, self._home = outer, home
        self.shortened, self.named, self.told = before
        way = {"$ref": self._written(name)}
        if schema.keys() == {"$ref"} or (
            schema.keys() <= _WORDS and len(json.dumps(schema)) < len(json.dumps(way))
        ):
            shortened, named, told = (new - old for old, new in zip(before, changes, strict=True))
            return _Instead(schema, met, (shortened, named, told))
        return None

    def _named(self, schema: Schema, without: Collection[str] = ()) -> Schema:
        """What stands for an object whose members are not shown."""
        self.named += 1
        words = schema.get("description") if "description" not in without else None
        said = self._text(words) if words else {}
        taken = kinds(schema, self.world.components)
        if self.world.side == "writeOnly":  # the only type in an answer is that of its top
            if "type" in schema:
                return {"type": schema["type"], **said}
            return said or {"description": "array" if taken == {"array"} else "object"}
        types = sorted(taken - {"integer"} if "number" in taken else taken, key=_null_last)
        if taken >= ANYTHING or not types:
            return said
        return {"type": _one_or_several(types), **said}

    # --- words ----------------------------------------------------------------------------------

    def _text(self, text: Any) -> Schema:
        longest = self.scale.inputs if self.world.side == "readOnly" else self.scale.answers
        said = str(text).strip()
        if said in _CONTAINERS and self.world.side == "writeOnly":
            return {"description": said}
        fitting = self.words.fit(said, longest)
        self.shortened += fitting not in (said, readable(said).strip())
        return {"description": fitting} if fitting else {}

    def _is_long(self, values: Any) -> bool:
        most = self.scale.values
        return (
            most is not None
            and isinstance(values, list)
            and len(values) > most
            and not self.words.owns(values)
        )

    def _tell(self, served: Schema) -> None:
        """Say a long enum in words, behind the description that there is."""
        values = served.pop("enum")
        types = sorted(set(map(kind_of, values)), key=_null_last)
        served.setdefault("type", types[0] if len(types) == 1 else types)
        told = _choice(values)
        words = self.words.fit(served.get("description", ""), LONGEST - len(told) - 1)
        served["description"] = f"{words} {told}".lstrip()
        self.told += 1

    def _is_aside(self, key: str, value: Any) -> bool:
        if self.scale.asides or key not in _ASIDES:
            return False
        return key == "title" or len(json.dumps(value, default=str)) > _LONGEST_ASIDE

    # --- what is left out -----------------------------------------------------------------------

    def _is_left_out(self, schema: Any) -> bool:
        if not isinstance(schema, dict):
            return False
        if "$ref" in schema:
            schema = resolve(schema, self.world.components)
        return schema.get(self.world.side) is True

    def _gone(self, schema: Schema) -> frozenset[str]:
        """The names of the properties that are left out of a value, whichever part has them."""
        if self.world.side == "writeOnly":
            return frozenset()  # a lenient schema demands nothing
        found: set[str] = set()
        waiting, seen = [schema], {id(schema)}
        while waiting:
            one = waiting.pop()
            properties = one.get("properties")
            if isinstance(properties, dict):
                found.update(name for name, each in properties.items() if self._is_left_out(each))
            for member in one.get("allOf") or ():
                target = resolve(member, self.world.components)
                if id(member) not in seen:
                    seen.add(id(member))
                    waiting.append(target)
            if len(seen) > _MOST_PARTS:
                break
        return frozenset(found)


def _choice(values: list[Any]) -> str:
    """A long enum in words: how many values, and the first few."""
    texts = (one if isinstance(one, str) else json.dumps(one, default=str) for one in values)
    some: list[str] = []
    for text in texts:
        if some and len(", ".join([*some, text])) > _EXAMPLES:
            break
        some.append(text[:_EXAMPLES])
    return f"One of {len(values)}, e.g. {', '.join(some)}."


def _demand_less(served: Schema, gone: Collection[str]) -> None:
    """Nothing may demand what is left out, nor count on it."""
    if isinstance(served.get("required"), list):
        served["required"] = [name for name in served["required"] if name not in gone]
        if not served["required"]:
            del served["required"]
    served.pop("minProperties", None)
    dependent = served.get("dependentRequired")
    if isinstance(dependent, dict):
        served["dependentRequired"] = {
            name: [one for one in names if one not in gone]
            for name, names in dependent.items()
            if name not in gone and isinstance(names, list)
        }


def _loosen(served: Schema, loosened: Collection[str], *, exact: bool) -> None:
    """Take what would now allow less than before; see `_SUBTLE`."""
    inside: dict[str, Collection[str]] = {  # what each of them looks at
        **dict.fromkeys(("then", "else"), ("if",)),
        **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), _IN_PLACE),
        "maxContains": ("contains",),
    }
    for key in _SUBTLE:
        looks_at = {key, *inside.get(key, ())}
        if not exact or not looks_at.isdisjoint(loosened):
            served.pop(key, None)
    if "oneOf" in served and (not exact or "oneOf" in loosened):
        members = served.pop("oneOf")
        if "anyOf" not in served:
            served["anyOf"] = members


def _one_or_several(types: list[str]) -> str | list[str]:
    return types[0] if len(types) == 1 else types


def is_level(schema: Schema) -> bool:
    """Whether a schema has members of its own: properties, or those of a map."""
    return (
        bool(schema.get("properties"))
        or isinstance(schema.get("additionalProperties"), dict)
        or "patternProperties" in schema
    )


def _merged(served: Schema) -> Schema:
    """Alternatives that became alike, once."""
    for key in ("allOf", "anyOf", "oneOf"):
        members = served.get(key)
        if not isinstance(members, list):
            continue
        unlike: list[Any] = []
        for one in members:
            if one not in unlike:
                unlike.append(one)
        if len(unlike) == len(members):
            continue
        rest = {name: value for name, value in served.items() if name != key}
        if len(unlike) == 1 and isinstance(unlike[0], dict):
            only = unlike[0]
            if all(rest[name] == only[name] for name in only.keys() & rest.keys()):
                served = {**only, **rest}
            else:  # both hold
                served = {**rest, "allOf": [*rest.get("allOf", ()), only]}
        elif key == "oneOf" and "anyOf" not in rest:
            served = {**rest, "anyOf": unlike}
        elif key != "oneOf":
            served = {**served, key: unlike}
    return served


def _null_last(kind: str) -> tuple[bool, str]:
    return kind == "null", kind


def _target(reference: str) -> str:
    return reference.removeprefix(_REF).replace("~1", "/").replace("~0", "~")


def parts(schema: Schema) -> Iterator[Any]:
    """Yield the schemas that stand directly inside one."""
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            yield from value.values()
        elif key in _LISTS and isinstance(value, list):
            yield from value
        elif key in _SINGLE:
            yield value


def references(schema: Any) -> Iterator[str]:
    """Yield the names of the components a schema refers to directly, as written."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield _target(schema["$ref"])
    for part in parts(schema):
        yield from references(part)


# By identity, and the component with it, so that no other one can take its identity.
Memo = dict[int, tuple[Schema, list[str]]]


def reached(
    schemas: Iterable[Any], components: Mapping[str, Schema], direct: Memo
) -> dict[str, Schema]:
    """Return the components that schemas reach, in the order they are met.

    `direct` remembers what each component refers to: operations share most of them.
    """
    found: dict[str, Schema] = {}
    waiting = [name for schema in schemas for name in references(schema)][::-1]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = component = components[name]
        waiting.extend(_direct(component, direct))
    return found


def circles(components: Mapping[str, Schema], direct: Memo) -> set[Edge]:
    """The references that lead back to a component that leads to them; without, none is circular.

    They are the back edges of one depth-first walk in the components' order.
    """
    found: set[Edge] = set()
    open_: set[str] = set()
    done: set[str] = set()
    for root in components:
        if root in done:
            continue
        open_.add(root)
        stack = [(root, iter(_direct(components[root], direct)[::-1]))]
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                stack.pop()
                open_.discard(name)
                done.add(name)
            elif target in open_:
                found.add((name, target))
            elif target not in done:
                open_.add(target)
                stack.append((target, iter(_direct(components[target], direct)[::-1])))
    return found


def _direct(component: Schema, memo: Memo) -> list[str]:
    """What a component refers to, the last first."""
    if id(component) not in memo:
        memo[id(component)] = component, list(references(component))[::-1]
    return memo[id(component)][1]


@dataclass(slots=True)
class Names:
    """Hands out component names, each once."""

    taken: set[str] = field(default_factory=lambda: {"Error"})

    def give(self, names: Iterable[str], suffix: str = "") -> dict[str, str]:
        """Give each name a clean one; `suffix` is added only where the plain one is taken."""
        return {name: self._free(_UNCLEAN.sub("_", name) or "_", suffix) for name in names}

    def _free(self, plain: str, suffix: str) -> str:
        numbered = (f"{plain}{suffix}_{number}" for number in count(2))
        free = next(n for n in chain((plain, plain + suffix), numbered) if n not in self.taken)
        self.taken.add(free)
        return free
