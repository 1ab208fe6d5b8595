"""The names on the wire that no object of a caller may bring in, for each slot. Pure, at load."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from gateway.request.entries import ABSENT
from gateway.request.schemas import Components, properties, resolve
from gateway.request.slots import Slot
from gateway.request.targets import METHOD_FIELD
from gateway.values import Place, SpecOperation

Names = Mapping[str, frozenset[str]]  # by place


def guarded_names(
    operation: SpecOperation,
    components: Components,
    slots: Sequence[Slot],
    taken: Collection[tuple[Place, str]],
) -> Callable[[int], Names]:
    """For the slot of an index: every name that is another parameter's, by place.

    An object that is withheld has the names of its members, too, where they stand alone on the
    wire: it may hold them itself, no other object may.
    """
    known = _names(operation, slots, taken)
    members = {
        index: names
        for index, slot in enumerate(slots)
        if slot.withheld is not None and (names := _members(slot, components))
    }
    every = {**known, "query": known["query"].union(*members.values())}
    own = {
        index: {
            **known,
            "query": known["query"].union(*(more for at, more in members.items() if at != index)),
        }
        for index in members
    }
    return lambda index: own.get(index, every)


def _names(
    operation: SpecOperation, slots: Sequence[Slot], taken: Collection[tuple[Place, str]]
) -> dict[str, frozenset[str]]:
    found = {
        place: {name for at, name in taken if at == place}
        | {one.name for one in operation.parameters if one.place == place}
        | {slot.target.wire for slot in slots if slot.target.place == place}
        for place in ("query", "cookie", "body")
    }
    found["query"] |= {name for name, _ in operation.fixed_query} | {METHOD_FIELD}
    found["body"] |= {METHOD_FIELD}
    return {place: frozenset(names) for place, names in found.items()}


def _members(slot: Slot, components: Components) -> frozenset[str]:
    """The members of an object that are parameters of their own."""
    parameter = slot.target.parameter
    if parameter is None or (parameter.place, parameter.style) != ("query", "form"):
        return frozenset()
    if not parameter.explode or parameter.content_type is not None:
        return frozenset()
    known = properties(slot.target.schema, components)
    declared = resolve(slot.target.schema, components).get("properties")
    names = set(known[0] if known else declared if isinstance(declared, dict) else ())
    pinned = slot.value if slot.value is not ABSENT else None
    return frozenset(names.union(pinned if isinstance(pinned, dict) else ()))
