"""What is wrong with a value that is too large to be told everything about it.

The validator finds all faults of a value at once, and keeps with each a copy of what it speaks
of: a list of 90,000 numbers that are too small costs 126 MB. Whether a value is right costs next
to nothing. So a large value that is wrong is halved until a part that is wrong is small enough,
and what is wrong with that part is told of the whole: of it, what is a fault only because
something was cut away is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

Valid = Callable[[Any], bool]
_STEPS = 12  # parts that are looked at; the seventeenth would be a single value
_MOST = 100  # faults that are told of
_FEW = 100  # members of an object that are kept beside those that are looked at

_AS_A_WHOLE = (
    "does not fit as a whole, though parts of it do: it may hold too much, or the same twice"
)
_UNREAD = "cannot be checked: it is nested too deeply, or holds too long a number"
_SOMEWHERE = "does not fit, and holds too much to tell where"
# What cutting never makes wrong.
_STAYS = (
    ValidationErrorKind.Type,
    ValidationErrorKind.MaxItems,
    ValidationErrorKind.MaxProperties,
    ValidationErrorKind.UniqueItems,
    ValidationErrorKind.AdditionalProperties,
    ValidationErrorKind.PropertyNames,
    ValidationErrorKind.FalseSchema,
)


@dataclass(slots=True)
class Search:
    """The search for a part of a value that is wrong, and small."""

    value: Any
    valid: Valid
    is_small: Callable[[Any], bool]
    faults: Callable[[Any], Iterable[ValidationError]]
    required: Collection[str]  # members that some object must have
    _steps: int = _STEPS
    # Of each list that lost its beginning, itself (so that its id lasts) and how many it lost.
    _lost: dict[int, tuple[list[Any], int]] = field(default_factory=dict)
    _whole: tuple[str | int, ...] | None = None
    is_unknown: bool = False  # whether nothing was found that is surely wrong

    def run(self) -> list[ValidationError]:
        """Some faults of the value; one that says little if no more can be said."""
        found = self._in(self.value)
        if found:
            return found
        self.is_unknown = True
        if self._whole is not None:
            return [_fault(_AS_A_WHOLE, self._whole, (), ValidationErrorKind.FalseSchema())]
        return [_fault(_SOMEWHERE, self._first(), (), ValidationErrorKind.FalseSchema())]

    def _in(self, part: Any) -> list[ValidationError]:
        if self.is_small(part):
            real = (one for one in self.faults(part) if self._is_real(one, part))
            return [self._moved(one, part) for one in islice(real, _MOST)]
        if not isinstance(part, dict | list):
            return []
        path = _middle(part)
        halves = self._halves(part, path)
        right = 0
        for half in halves:
            self._steps -= 1
            if self._steps < 0:
                return []
            if self.valid(half):
                right += 1
            elif found := self._in(half):
                return found
        if right and right == len(halves) and self._whole is None:
            self._whole = tuple(self._place(path, part))
        return []

    def _first(self) -> tuple[str | int, ...]:
        """The argument that is wrong, if it is clear which."""
        if isinstance(self.value, dict):
            for name, one in self.value.items():
                if not self.valid({name: one}):
                    return (name,)
        return ()

    def _halves(self, part: Any, path: Sequence[str | int]) -> list[Any]:
        owner = _at(part, path)
        if len(owner) < 2:
            return []
        if isinstance(owner, list):
            middle = len(owner) // 2
            halves: list[Any] = [owner[:middle], owner[middle:]]
            self._lose(halves[0], self._lost_of(owner))
            self._lose(halves[1], self._lost_of(owner) + middle)
        else:
            halves = [_kept(owner, names, self.required) for names in _parted(owner)]
        return [self._with(part, path, half) for half in halves]

    def _with(self, part: Any, path: Sequence[str | int], new: Any) -> Any:
        """A copy of a value with another one at a place."""
        if not path:
            return new
        copy = part.copy()
        if isinstance(part, list):
            self._lose(copy, self._lost_of(part))
        copy[path[0]] = self._with(part[path[0]], path[1:], new)
        return copy

    def _lose(self, owner: list[Any], count: int) -> None:
        if count:
            self._lost[id(owner)] = owner, count

    def _lost_of(self, owner: list[Any]) -> int:
        return self._lost.get(id(owner), (owner, 0))[1]

    def _place(self, path: Sequence[str | int], part: Any) -> list[str | int]:
        """Where in the whole value a place of a part is."""
        found: list[str | int] = []
        for step in path:
            found.append(step + self._lost_of(part) if isinstance(step, int) else step)
            part = part[step]
        return found

    def _moved(self, fault: ValidationError, part: Any) -> ValidationError:
        kind = fault.kind
        if isinstance(kind, ValidationErrorKind.AnyOf):
            moved = [[self._moved(one, part) for one in form] for form in kind.context]
            kind = ValidationErrorKind.AnyOf(moved)  # type: ignore[call-arg]  # its stub has no __init__
        place = self._place(fault.instance_path, part)
        return _fault(fault.message, place, fault.schema_path, kind)

    def _is_real(self, fault: ValidationError, part: Any) -> bool:
        """Whether something is wrong with the whole value, too."""
        given = _at(self.value, self._place(fault.instance_path, part))
        kind = fault.kind
        if given is _at(part, fault.instance_path) or isinstance(kind, _STAYS):
            return True
        if isinstance(kind, ValidationErrorKind.Required):
            return kind.property not in given
        return isinstance(kind, ValidationErrorKind.AnyOf) and all(
            any(self._is_real(one, part) for one in form) for form in kind.context
        )


def _fault(
    message: str, place: Sequence[str | int], schema_path: Sequence[str | int], kind: Any
) -> ValidationError:
    where = list(schema_path)
    return ValidationError(message, message, where, list(place), where, kind, None)


def unread(place: Sequence[str | int]) -> ValidationError:
    """The fault of what the validator cannot read: nothing is sent unchecked."""
    return _fault(_UNREAD, place, (), ValidationErrorKind.FalseSchema())


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def _middle(value: Any) -> list[str | int]:
    """Where the value lies that holds most, while none of its own holds more than half of it."""
    sizes: dict[int, int] = {}
    most = _size(value, sizes)
    path: list[str | int] = []
    while True:
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        heavy = next(((k, one) for k, one in inside if sizes.get(id(one), 1) * 2 > most), None)
        if heavy is None or not isinstance(heavy[1], dict | list) or len(heavy[1]) == 0:
            return path
        path.append(heavy[0])
        value = heavy[1]


def _size(value: Any, sizes: dict[int, int]) -> int:
    """How many values one holds; of each list and object by id."""
    inside = value.values() if isinstance(value, dict) else value
    size = 1 + len(value)
    for one in inside:
        if isinstance(one, dict | list):
            size += _size(one, sizes) - 1
    sizes[id(value)] = size
    return size


def _parted(owner: Mapping[str, Any]) -> list[set[str]]:
    names = list(owner)
    if len(names) <= _FEW:
        names.sort(key=lambda name: isinstance(owner[name], dict | list))  # stable
    middle = len(names) // 2
    return [set(names[:middle]), set(names[middle:])]


def _kept(owner: Mapping[str, Any], names: set[str], required: Collection[str]) -> dict[str, Any]:
    """Half of an object. Of the others, what says which form it is may be asked for."""
    few = len(owner) <= _FEW and any(isinstance(one, dict | list) for one in owner.values())
    return {
        name: one
        for name, one in owner.items()
        if name in names or ((few or name in required) and not isinstance(one, dict | list))
    }
