"""A call's arguments against their schemas: compiled once, asked with every call.

One validator for all arguments of an operation says whether a call is right, in a few
microseconds. Only where it is not are its faults looked for, each told of its argument.

A pattern is matched by an engine whose time is linear; only where that cannot read one (it looks
around, or refers back) by one that gives up after so many steps: what it could not decide is
taken as right, since the upstream will look at it, too. What cannot be compiled at all, or looks
at one value in more ways than any spec means (`effort`), is not checked, and the ledger says so.

Of a value that is wrong and large only some of what is wrong is told (`large`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import Draft202012Validator, ValidationError

from gateway.request.bounded import MAX_VALUES
from gateway.request.effort import MOST_WAYS, Effort
from gateway.request.expected import told
from gateway.request.large import Search, unread
from gateway.request.schemas import REFERENCE, Components
from gateway.request.strict import strict
from gateway.request.text import Unwritable, json_bytes, plain
from gateway.values import Argument, Schema

MOST_FAULTS = 1000
# Mappings and lists of what is compiled together, at some 2 KB each. The largest of Stripe's
# has 635; the validator would end the process where memory ends.
MOST_NODES = 50_000
# What the faults of one value may cost while all are told, as values copied: some 70 ms and 30 MB
# if everything that could be wrong were. The longest calls of models are a hundredth of it.
MOST_COST = 150_000
# Looks at values that one check may take: some 150 ms. Only what more than a hundred ways lead to
# can need as many; what would is taken as right.
MOST_LOOKS = 10_000_000
BACKTRACKS = 100_000  # steps of a pattern that looks around: some milliseconds
_UNDECIDED = ("BacktrackLimitExceeded", "RegexEngineFailure")
_ENGINES = (
    jsonschema_rs.RegexOptions(),
    jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
)


class Checker:
    """Says of a value whether it is right, and if not, what is wrong."""

    def __init__(
        self, validator: Draft202012Validator, document: Schema, effort: Effort, *, decides: bool
    ) -> None:
        self._validator = validator
        self._document = document
        self._effort = effort
        longest = MOST_LOOKS // max(effort.ways(), 1)
        self._longest = longest if longest < MAX_VALUES else None
        self._decides = decides  # whether there is no pattern that it may give up on

    def valid(self, value: Any) -> bool:
        """Whether the value is right, as far as that can be decided.

        Nothing is decided of what is larger than its many forms allow to look at.
        Values are as `decode_json` gives them. What the validator cannot read is not right.
        """
        try:
            return self._decided(value)
        except (ValueError, TypeError, RecursionError):
            return False

    def _decided(self, value: Any) -> bool:
        if self._longest is not None and self._effort.is_longer(value, self._longest):
            return True
        try:
            return self._validator.is_valid(value)
        except ValueError:  # a number that keeps its text
            return self._validator.is_valid(plain(value))

    def _fits(self, value: Any) -> bool:
        try:
            return self._validator.is_valid(value)
        except (ValueError, TypeError, RecursionError):
            return True

    def faults(self, value: Any) -> list[ValidationError]:
        """What is wrong with a value, as much of it as is ever told or mended."""
        try:
            value = plain(value)
            if self._is_small(value):
                return self._all(value)
            if self._decided(value):
                return []
        except (ValueError, TypeError, RecursionError):
            return [unread(name) for name in self._unread(value)]
        search = Search(
            value, self._fits, self._is_small, self._all, required=self._effort.required
        )
        found = search.run()
        return found if self._decides or not search.is_unknown else []

    def _unread(self, value: Any) -> list[tuple[str, ...]]:
        """Which arguments the validator cannot read; `()` for the value itself."""
        found: list[tuple[str, ...]] = []
        for name, one in value.items() if isinstance(value, dict) else ():
            try:
                alone = {name: plain(one)}
                _ = self._all(alone) if self._is_small(alone) else self._decided(alone)
            except (ValueError, TypeError, RecursionError):
                found.append((name,))
        return found or [()]

    def _is_small(self, value: Any) -> bool:
        return self._effort.cost(value, MOST_COST) <= MOST_COST

    def _all(self, value: Any) -> list[ValidationError]:
        found = self._validator.iter_errors(value)
        decided = (one for one in found if type(one.kind).__name__ not in _UNDECIDED)
        return list(islice(decided, MOST_FAULTS))

    def schema_at(self, path: Sequence[str | int]) -> Any:
        """The schema that a fault's `schema_path` begins with."""
        node: Any = self._document
        for step in path:
            node = node[step]
        return node


def checker(
    schema: Schema, components: Components, *, shows: bool = True
) -> Callable[[Any], str | None]:
    """A check of what an operator wrote: None where it fits, else what was expected, and found.

    What may be a secret is not to be shown (`shows`). A schema that cannot be compiled checks
    nothing: upstreams are served although their specs are odd.
    """
    compiled = checker_of(schema, components)

    def check(value: Any) -> str | None:
        try:
            json_bytes(value)
        except (Unwritable, TypeError):
            return "the value cannot be written as JSON"
        faults = compiled.faults(value) if compiled else ()
        return (
            told(faults[0], value, compiled.schema_at, shows=shows) if compiled and faults else None
        )

    return check


def checker_of(schema: Schema, components: Components) -> Checker | None:
    """Compile a schema as it binds requests; None where that cannot be done."""
    return _compiled(strict(schema, components), components)


def checker_of_all(
    arguments: Iterable[Argument], components: Components
) -> tuple[Checker | None, tuple[str, ...]]:
    """Compile one check of all arguments, by name, and the names of those it leaves out.

    What is missing or unknown is not its matter. None where nothing is left to check.
    """
    properties = {one.name: strict(one.schema, components) for one in arguments}
    whole = _compiled({"properties": properties}, components)
    if whole is not None:
        return (whole if any(properties.values()) else None), ()
    sound = {n: one for n, one in properties.items() if _compiled(one, components)}
    unsound = tuple(name for name in properties if name not in sound)
    return _compiled({"properties": sound}, components), unsound


def _compiled(schema: Schema, components: Components) -> Checker | None:
    reached = _reached(schema, components)
    if reached is None:
        return None
    document = {**schema, "components": {"schemas": reached}}
    effort = Effort(document)
    if effort.ways() > MOST_WAYS:
        return None
    for engine in _ENGINES:
        try:
            validator = Draft202012Validator(
                document, pattern_options=engine, validate_formats=True, retriever=_no_fetching
            )
        except (ValueError, TypeError, RecursionError):  # all it raises on what it cannot take
            continue
        return Checker(validator, document, effort, decides=engine is _ENGINES[0])
    return None


def _no_fetching(address: str) -> Any:
    raise ValueError(f"{address} is not fetched")


def _reached(schema: Schema, components: Components) -> Mapping[str, Any] | None:
    """The components that a schema leads to, as they bind: a spec may hold thousands of others.

    None where that is more than anybody should compile.
    """
    reached: dict[str, Any] = {}
    open_: list[Any] = [schema]
    nodes = 0
    while open_:
        node = open_.pop()
        nodes += 1
        if nodes > MOST_NODES:
            return None
        if isinstance(node, list):
            open_.extend(one for one in node if isinstance(one, dict | list))
        elif isinstance(node, dict):
            open_.extend(one for one in node.values() if isinstance(one, dict | list))
            ref = node.get("$ref")
            name = ref.removeprefix(REFERENCE) if isinstance(ref, str) else ""
            if name in components and name not in reached:
                reached[name] = strict(components[name], components)
                open_.append(reached[name])
    return reached
