"""`fields` with `..`: what stands under a key anywhere below, with the containers that lead to it.

Such paths need the whole tree, and no key is renamed. What leads to nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from gateway.shrinking.exact import Tree, decode, encode, tidy
from gateway.shrinking.paths import PathError, parse
from gateway.shrinking.places import Place, compile_places, read_entries


def is_anywhere(text: str) -> bool:
    """Whether a path holds `..`."""
    try:
        leaves = parse(text, anywhere=True)
    except PathError:
        return False
    return any(step.anywhere for leaf in leaves for step in leaf.steps)


def compile_anywhere(
    fields: Sequence[str],
) -> tuple[Callable[[bytes], bytes] | None, list[tuple[int, str]]]:
    """Compile paths of which one or more hold `..`.

    Returns:
        What takes these parts of a JSON body, tidy (it raises ValueError where that is no JSON,
        RecursionError where it is nested too deeply); and by a path's number what is wrong with it.
    """
    entries, faults = read_entries(enumerate(fields))
    whole = [entry for entry in entries if not entry.steps]
    faults += [
        (one.index, "'$' takes the whole answer: leave `fields` out for that") for one in whole
    ]
    place, too_many = compile_places([entry for entry in entries if entry.steps])
    if place is None:
        return None, faults + too_many
    top = place

    def take(body: bytes) -> bytes:
        found = _only(decode(tidy(body)), top)
        return b"{}" if isinstance(found, UnsetType) else encode(found)

    return take, faults + too_many


def _only(value: Tree, place: Place) -> Tree:
    """The members at which a path ends, and what leads to them; UNSET where there are none."""
    if type(value) is dict:
        kept = {}
        for key, member in value.items():
            below = place.members.get(key, place.other)
            if below is None:
                continue
            part = member if below.ends else _only(member, below)
            if part is not UNSET:
                kept[key] = part
        return kept or UNSET
    if type(value) is list:
        return [part for item in value if (part := _only(item, place)) is not UNSET] or UNSET
    return UNSET
