"""How often a value is looked at, and what becomes of a schema that looks too often."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gateway.request.check import Checker, checker_of, checker_of_all
from gateway.request.effort import MOST_WAYS, Effort
from gateway.values import Argument

REF = "#/components/schemas/"


def chain(keyword: str, length: int, last: Any) -> dict[str, Any]:
    """Components of two forms, each of which is the next component."""
    found = {
        f"S{n}": {keyword: [{"$ref": f"{REF}S{n + 1}"}, {"$ref": f"{REF}S{n + 1}"}]}
        for n in range(length)
    }
    return {**found, f"S{length}": last}


def members(length: int) -> dict[str, Any]:
    """The same, but each further form is of a member of the value."""
    found = {
        f"S{n}": {"allOf": [{"properties": {"n": {"$ref": f"{REF}S{n + 1}"}}}] * 2}
        for n in range(length)
    }
    return {**found, f"S{length}": {"type": "string"}}


# Two forms that both look at `n`, which is of the same two forms.
TREE = {
    "E": {
        "anyOf": [
            {"properties": {"n": {"$ref": REF + "E"}, "a": {"const": a}}, "required": ["a"]}
            for a in range(2)
        ]
    }
}


def ways(schema: Any, components: Any) -> int:
    return Effort({**schema, "components": {"schemas": components}}).ways()


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_forms_of_forms_of_forms_are_not_checked(keyword: str) -> None:
    """A few KB of a spec, and 2²⁶ ways to look at one value."""
    arguments = [
        Argument("n", "body", ("n",), {"$ref": REF + "S0"}),
        Argument("m", "body", ("m",), {"type": "integer"}),
    ]
    checker, unchecked = checker_of_all(arguments, chain(keyword, 26, {"type": "string"}))
    assert unchecked == ("n",)
    assert checker is not None
    assert checker.valid({"n": {"a": 5}, "m": 1})
    assert not checker.valid({"m": "x"}), "what is beside it is checked"


@pytest.mark.parametrize("length", [26, 60])
def test_nor_are_forms_of_the_members_of_members(length: int) -> None:
    assert checker_of({"$ref": REF + "S0"}, members(length)) is None


def test_conditions_are_ways_as_well() -> None:
    both = {"then": {"$ref": REF + "S0"}, "else": {"$ref": REF + "S0"}}
    deep = {"if": {"$ref": REF + "S0"}, **both}
    few = chain("anyOf", 3, {"type": "string"})
    assert ways(deep, few) > 2 * ways({"$ref": REF + "S0"}, few)


def test_ways_are_counted_and_not_walked() -> None:
    assert ways({"$ref": REF + "S0"}, chain("anyOf", 4, {})) == 1 + 2**5 - 1
    assert ways({"$ref": REF + "S0"}, chain("anyOf", 60, {})) > MOST_WAYS


@pytest.mark.parametrize(
    ("schema", "components"),
    [
        ({"$ref": REF + "E"}, TREE),  # the validator remembers what it said of a value
        ({"$ref": REF + "S0"}, chain("anyOf", 6, {"type": "string"})),
        ({"anyOf": [{"const": n} for n in range(500)]}, {}),
        (
            {"$ref": REF + "U"},
            {
                "U": {
                    "anyOf": [
                        {
                            "properties": {
                                "kind": {"const": n},
                                "children": {"type": "array", "items": {"$ref": REF + "U"}},
                            }
                        }
                        for n in range(100)
                    ]
                }
            },
        ),
        (
            {"$ref": REF + "Schema"},
            {
                "Schema": {
                    "type": ["object", "boolean"],
                    "properties": {
                        "not": {"$ref": REF + "Schema"},
                        "anyOf": {"type": "array", "items": {"$ref": REF + "Schema"}},
                        "items": {
                            "anyOf": [
                                {"$ref": REF + "Schema"},
                                {"type": "array", "items": {"$ref": REF + "Schema"}},
                            ]
                        },
                        "properties": {"additionalProperties": {"$ref": REF + "Schema"}},
                    },
                }
            },
        ),
    ],
)
def test_what_public_specs_write_is_checked(schema: Any, components: Any) -> None:
    assert checker_of(schema, components) is not None


def compiled(schema: Any, components: Any) -> Checker:
    checker = checker_of(schema, components)
    assert checker is not None
    return checker


def test_a_form_in_itself_costs_what_its_value_makes_of_it() -> None:
    """Each further level doubles the faults; those of one too deep are not looked for."""
    effort = Effort({"$ref": REF + "E", "components": {"schemas": TREE}})
    value: Any = {"a": 5}
    costs = []
    for _ in range(8):
        value = {"n": value, "a": 1}
        costs.append(effort.cost(value, 10**9))
    assert all(more >= 2 * less for less, more in pairwise(costs[1:]))
    for _ in range(90):
        value = {"n": value, "a": 1}
    assert effort.cost(value, 1000) > 1000
    checker = compiled({"properties": {"e": {"$ref": REF + "E"}}}, TREE)
    assert not checker.valid({"e": value})
    (fault,) = checker.faults({"e": value})
    assert fault.instance_path == ["e"]
    assert "holds too much to tell where" in fault.message


def test_many_values_in_many_ways_are_taken_as_right() -> None:
    checker = compiled({"items": {"$ref": REF + "S0"}}, chain("allOf", 8, {"type": "string"}))
    assert not checker.valid(["a"] * 1000 + [5])
    assert checker.valid(["a"] * 90_000 + [5])
    assert checker.faults(["a"] * 90_000 + [5]) == []
