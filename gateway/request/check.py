"""A call's arguments against their schemas: compiled once, asked with every call.

One validator for all arguments of an operation says whether a call is right, in a few
microseconds. Only where it is not are its faults looked for, each told of its argument.

A pattern is matched by an engine whose time is linear; only where that cannot read one (it looks
around, or refers back) by one that gives up after so many steps: what it could not decide is
taken as right, since the upstream will look at it, too. What cannot be compiled at all is not
checked, and the ledger says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import Draft202012Validator, ValidationError

from gateway.request.expected import told
from gateway.request.schemas import REFERENCE, Components
from gateway.request.strict import strict
from gateway.request.text import Unwritable, json_bytes, plain
from gateway.values import Argument, Schema

MOST_FAULTS = 1000
# Mappings and lists of what is compiled together, at some 2 KB each. The largest of Stripe's
# has 635; the validator would end the process where memory ends.
MOST_NODES = 50_000
BACKTRACKS = 100_000  # steps of a pattern that looks around: some milliseconds
_UNDECIDED = ("BacktrackLimitExceeded", "RegexEngineFailure")
_ENGINES = (
    jsonschema_rs.RegexOptions(),
    jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
)


class Checker:
    """Says of a value whether it is right, and if not, what is wrong."""

    def __init__(self, validator: Draft202012Validator, document: Schema) -> None:
        self._validator = validator
        self._document = document

    def valid(self, value: Any) -> bool:
        """Whether the value is right, as far as that can be decided.

        Values are as `decode_json` gives them. What JSON has no word for is not decided here.
        """
        try:
            return self._validator.is_valid(value)
        except ValueError:  # a number that keeps its text
            return not self.faults(value)

    def faults(self, value: Any) -> list[ValidationError]:
        """What is wrong with a value, as much of it as is ever told or mended."""
        try:
            found = self._validator.iter_errors(plain(value))
        except (ValueError, TypeError, RecursionError):
            return []
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
    for engine in _ENGINES:
        try:
            validator = Draft202012Validator(
                document, pattern_options=engine, validate_formats=True, retriever=_no_fetching
            )
        except (ValueError, TypeError, RecursionError):  # all it raises on what it cannot take
            continue
        return Checker(validator, document)
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
