"""Large values that are wrong: something true is told of them, at a bounded cost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from gateway.request.check import checker_of, checker_of_all
from gateway.request.expected import told
from gateway.values import Argument

INTS = {"type": "array", "items": {"type": "integer", "minimum": 5}}
MANY = 90_000
PART = "holds too much to tell where"
WHOLE = "does not fit as a whole"


def wrong(schema: Any, value: Any) -> list[tuple[list[str | int], str]]:
    """Where the faults are, and what is told of them."""
    checker, unchecked = checker_of_all([Argument("c", "body", ("c",), schema)], {})
    assert checker is not None
    assert unchecked == ()
    given = {"c": value, "other": 1}
    assert not checker.valid(given)
    found = checker.faults(given)
    return [
        (one.instance_path, told(one, given, checker.schema_at, above=1)[:200]) for one in found
    ]


def test_what_is_small_is_told_whole() -> None:
    found = wrong(INTS, [1] * 300)
    assert [where for where, _ in found] == [["c", n] for n in range(300)]


@pytest.mark.parametrize(
    ("schema", "value", "where", "said"),
    [
        (INTS, [1] * MANY, ["c", 0], "expected at least 5, found 1"),
        (INTS, [7] * (MANY - 1) + ["x"], ["c", MANY - 1], "expected an integer, found 'x'"),
        ({"items": INTS}, [[7] * 300] * 299 + [[7] * 299 + [1]], ["c", 299, 299], "at least 5"),
        (
            {"properties": {"rows": {"items": INTS}}, "required": ["kind"]},
            {"kind": 1, "rows": [[7] * 300] * 200 + [[7] * 100 + [1] + [7] * 199] * 100},
            ["c", "rows", 200, 100],
            "expected at least 5",
        ),
        # The form that it is of; the text that is told names the very item.
        ({"anyOf": [INTS, {"type": "null"}]}, [7] * 60_000 + [1], ["c"], "at '60000': expected at"),
        ({"maxItems": 100}, [1] * MANY, ["c"], "expected at most 100 items"),
        (
            {"anyOf": [{"items": {"type": "string"}}, {"items": {}, "maxItems": 9}]},
            [1] * MANY,
            ["c"],
            "expected at most 9 items",
        ),
        ({"maxItems": 80_000}, [1] * MANY, ["c"], WHOLE),
        ({"uniqueItems": True}, [*range(MANY), 0], ["c"], WHOLE),
        # What only a part would lack is no fault.
        ({"minItems": 95_000}, [1] * MANY, ["c"], PART),
        ({"contains": {"const": 1}}, [0] * MANY, ["c"], PART),
        ({"required": ["a"]}, {f"a{n}": 1 for n in range(MANY)}, ["c"], "lacks 'a'"),
        (
            {"required": ["a9", "a80000"], "additionalProperties": {"type": "integer"}},
            {f"a{n}": 1 if n != 70_000 else "x" for n in range(MANY)},
            ["c", "a70000"],
            "expected an integer",
        ),
        ({"items": {"enum": [f"x{n}" for n in range(MANY)]}}, ["y"] * MANY, ["c"], PART),
        ({"allOf": [{"maxLength": n} for n in range(100)]}, "x" * 900_000, ["c"], PART),
    ],
)
def test_something_true_is_told_of_what_is_large(
    schema: Any, value: Any, where: list[str | int], said: str
) -> None:
    found = wrong(schema, value)
    assert 0 < len(found) <= 100
    assert found[0][0] == where
    assert said in found[0][1]


def test_of_an_argument_that_is_large_the_others_are_not_blamed() -> None:
    arguments = [
        Argument("a", "body", ("a",), {"minItems": 95_000}),
        Argument("b", "body", ("b",), {"minItems": 80_000}),
    ]
    checker, _ = checker_of_all(arguments, {})
    assert checker is not None
    (fault,) = checker.faults({"b": [1] * 85_000, "a": [1] * 90})
    assert fault.instance_path == ["a"]


def test_what_a_pattern_cannot_decide_makes_no_large_value_wrong() -> None:
    checker = checker_of({"items": {"pattern": r"^(?:(a+)+\1?)+(?=b)$"}}, {})
    assert checker is not None
    assert checker.faults(["a" * 40] * 2000) == []


PROGRAM = """
import json, resource, sys
from gateway.request.check import checker_of
schema, value = json.loads(sys.stdin.read())
checker = checker_of(schema, {})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not checker.valid(value)
assert checker.faults(value)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INTS, [1] * MANY),
        ({"anyOf": [INTS, {"type": "null"}]}, [1] * MANY),
        ({"items": {"required": [f"r{n}" for n in range(50)]}}, [{}] * 45_000),
        ({"required": [f"r{n}" for n in range(100)]}, {f"a{n}": 1 for n in range(50_000)}),
        ({"allOf": [{"maxLength": n} for n in range(100)]}, "x" * 900_000),
        ({"items": {"enum": [f"x{n}" for n in range(20_000)]}}, ["y"] * 5_000),
    ],
)
def test_what_is_told_of_a_large_value_needs_little_memory(schema: Any, value: Any) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([schema, value]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) <= 30 * 1024, "KB"
