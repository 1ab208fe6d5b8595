"""What a check may cost: how often the same value is looked at, and by what. Pure.

Forms inside forms multiply: a component of two forms, each of two forms of the next, and so on,
is a few KB of a spec and a million ways to look at one value. The validator takes them all, and
where a value is wrong it keeps a fault of every one, each with a copy of what it speaks of. So
ways are counted before anything is checked, and never walked.

A `Place` is what one schema asks of one value, its references and forms folded in; where a value
is in fact looked at by several at once, they are counted together, with how often each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.request.bounded import MAX_DEPTH
from gateway.request.schemas import REFERENCE

# Ways to look at one value: some 10 µs. Public specs' most is below a tenth of it.
MOST_WAYS = 1_000
_MOST_STATES = 20_000  # of what is counted together; beyond, nobody knows
_MANY = 1 << 60  # ways; no number grows beyond
_FAULT = 10  # what a fault costs, in values copied

_Ways = dict[int, int]  # a place → how often
_IN_PLACE = ("allOf", "anyOf", "oneOf")
_ALSO_IN_PLACE = ("not", "if", "then", "else")
_ITEMS = ("items", "contains", "unevaluatedItems")
_NO_FAULT = frozenset(
    {"properties", "patternProperties", "prefixItems", "items", "allOf", "then", "else", "if",
     "dependentSchemas", "components", "required", "minContains", "maxContains"}
)  # fmt: skip
_OTHERS = ("propertyNames", "additionalProperties", "unevaluatedProperties")


@dataclass(slots=True)
class Place:
    """What is asked of one value, and of those inside it."""

    ways: int = 1
    faults: int = 0  # at most, of the value itself
    copied: int = 0  # values of the schema that its faults hold copies of
    named: dict[str, _Ways] = field(default_factory=dict)
    others: _Ways = field(default_factory=dict)  # of members that any name may have
    items: _Ways = field(default_factory=dict)
    folded: set[int] = field(default_factory=set)  # the places in it


class Effort:
    """The places of one document, found as they are needed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components: Mapping[str, Any] = document["components"]["schemas"]
        self._schemas: dict[int, Any] = {}  # of all places that are known; kept, so ids last
        self._places: dict[int, Place] = {}
        self.required: set[str] = set()  # names that objects anywhere in it must have
        self._root: _Ways = {self._known(document): 1}

    def ways(self) -> int:
        """How often one value can be looked at, wherever it stands; a large number if unknown.

        A component that holds itself counts once for each value: the validator remembers what it
        said of it.
        """
        worst = 0
        start = frozenset(self._root.items())
        seen = {start}
        level: list[tuple[frozenset[tuple[int, int]], tuple[frozenset[int], ...]]] = [(start, ())]
        for _ in range(MAX_DEPTH):  # deeper is no value
            deeper = []
            for state, above in level:
                worst = max(worst, sum(self._place(one).ways * times for one, times in state))
                if worst > MOST_WAYS or len(seen) > _MOST_STATES:
                    return _MANY
                here = (*above, frozenset(one for one, _ in state))
                for below in self._below(dict(state)):
                    each = frozenset(
                        (one, 1 if times > 1 and self._is_in(one, here) else times)
                        for one, times in below.items()
                    )
                    if each not in seen:
                        seen.add(each)
                        deeper.append((each, here))
            level = deeper
        return worst

    def _is_in(self, place: int, here: tuple[frozenset[int], ...]) -> bool:
        """Whether a place holds itself: it was looked at on the way here."""
        return any(place == one or place in self._place(one).folded for up in here for one in up)

    def cost(self, value: Any, most: int) -> int:
        """What all faults of a value may cost at most, as values copied; any more than `most`."""
        spent = 0

        def look(value: Any, ways: _Ways) -> int:
            nonlocal spent
            size = 1
            if isinstance(value, dict):
                for name, one in value.items():
                    if spent > most:
                        return size
                    size += look(one, self._at(ways, name))
            elif isinstance(value, list):
                inside = self._at(ways, None)
                for one in value:
                    if spent > most:
                        return size
                    size += look(one, inside)
            elif isinstance(value, str):
                size += len(value) // 64
            spent += size
            for one, times in ways.items():
                place = self._place(one)
                spent += times * (place.faults * (size + _FAULT) + place.copied)
            return size

        look(value, self._root)
        return spent

    @staticmethod
    def is_longer(value: Any, most: int) -> bool:
        """Whether there are more than `most` values in one."""
        left = most
        open_ = [value]
        while open_ and left > 0:
            one = open_.pop()
            left -= 1
            if isinstance(one, dict):
                open_.extend(one.values())
            elif isinstance(one, list):
                open_.extend(one)
        return bool(open_)

    def _below(self, state: _Ways) -> Iterator[_Ways]:
        names = {name for one in state for name in self._place(one).named}
        for name in (*names, "", None):
            if below := self._at(state, name):
                yield below

    def _at(self, state: _Ways, name: str | None) -> _Ways:
        """What looks at a member of that name, or at an item."""
        found: _Ways = {}
        for one, times in state.items():
            place = self._place(one)
            if name is None:
                _add(found, place.items, times)
            else:
                _add(found, place.named.get(name, {}), times)
                _add(found, place.others, times)
        return found

    def _known(self, schema: Any) -> int:
        while isinstance(schema, dict) and schema.keys() == {"$ref"}:  # the very same place
            name = schema["$ref"].removeprefix(REFERENCE)
            if name not in self._components or schema is self._components[name]:
                break
            schema = self._components[name]
        self._schemas[id(schema)] = schema
        return id(schema)

    def _place(self, key: int) -> Place:
        known = self._places.get(key)
        if known is None:
            # If it led back to itself (`gateway.spec.loops` sees to it that none does), it would
            # be too much.
            self._places[key] = Place(ways=_MANY)
            known = self._places[key] = self._folded(self._schemas[key])
        return known

    def _folded(self, schema: Any) -> Place:
        place = Place()
        if not isinstance(schema, dict):
            place.faults = 1
            return place
        options = schema.get("enum")
        place.copied = len(options) if isinstance(options, list) else 0
        self.required.update(schema.get("required", ()))
        place.faults = len(schema.keys() - _NO_FAULT) + len(schema.get("required", ()))
        for name, one in schema.get("properties", {}).items():
            _add(place.named.setdefault(name, {}), {self._known(one): 1}, 1)
        others = [schema[key] for key in _OTHERS if isinstance(schema.get(key), dict)]
        for one in (*others, *schema.get("patternProperties", {}).values()):
            _add(place.others, {self._known(one): 1}, 1)
        items = [schema[key] for key in _ITEMS if isinstance(schema.get(key), dict)]
        for one in (*items, *schema.get("prefixItems", ())):
            _add(place.items, {self._known(one): 1}, 1)
        for one in self._in_place(schema):
            key = self._known(one)
            _join(place, self._place(key))
            place.folded.add(key)
        return place

    def _in_place(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        """The schemas that look at the very same value."""
        ref = schema.get("$ref")
        if isinstance(ref, str):
            name = ref.removeprefix(REFERENCE)
            if name in self._components:
                yield self._components[name]
        for key in _IN_PLACE:
            yield from schema.get(key, ())
        yield from schema.get("dependentSchemas", {}).values()
        yield from (schema[key] for key in _ALSO_IN_PLACE if key in schema)


def _join(place: Place, other: Place) -> None:
    place.ways = min(place.ways + other.ways, _MANY)
    place.faults = min(place.faults + other.faults, _MANY)
    place.folded |= other.folded
    place.copied = min(place.copied + other.copied, _MANY)
    for name, ways in other.named.items():
        _add(place.named.setdefault(name, {}), ways, 1)
    _add(place.others, other.others, 1)
    _add(place.items, other.items, 1)


def _add(into: _Ways, ways: _Ways, times: int) -> None:
    for one, often in ways.items():
        into[one] = min(into.get(one, 0) + often * times, _MANY)
