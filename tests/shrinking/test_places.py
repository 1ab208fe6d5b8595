"""Many paths at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.paths import Step, join
from gateway.shrinking.places import Entry, Place, compile_places, read_entries, with_texts

KEY = st.sampled_from(["a", "b", "c", "a.b", "..a", "*", "$"])
STEPS = st.lists(
    st.builds(Step, st.one_of(KEY, st.none()), st.just(0), st.booleans()), max_size=4
).map(tuple)
TREES = st.recursive(
    st.sampled_from(["x", "y", None, 1, True]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEY, inner, max_size=3)),
    max_leaves=25,
)


def compiled(*texts: str) -> Place | None:
    entries, faults = read_entries(enumerate(texts))
    place, too_many = compile_places(entries)
    assert not faults
    assert not too_many
    return place


def means(steps: Sequence[Step], keys: Sequence[str]) -> bool:
    """Whether a path means the place that keys lead to; slow, and without a graph."""
    if not steps or not keys:
        return not steps and not keys
    step = steps[0]
    if step.key in (None, keys[0]) and means(steps[1:], keys[1:]):
        return True
    return step.anywhere and means(steps, keys[1:])


@given(st.lists(STEPS, max_size=5), st.lists(KEY, max_size=5))
def test_a_place_is_an_end_where_a_path_means_it_and_the_nearest_last_entry_holds(
    paths: list[tuple[Step, ...]], keys: list[str]
) -> None:
    place, faults = compile_places([Entry(number, steps) for number, steps in enumerate(paths)])
    assert not faults
    holds = None
    for length in range(len(keys) + 1):
        here = [number for number, steps in enumerate(paths) if means(steps, keys[:length])]
        holds = here[-1] if here else holds
    for key in keys:
        place = place.members.get(key, place.other) if place else None
    assert (place.entry if place else None) == holds
    assert (place.ends if place else False) == bool(here)


def test_where_nothing_is_meant_there_is_no_place() -> None:
    place = compiled("data.body", "*.x")
    assert place is not None
    assert place.other is not None  # x may stand below any key
    assert place.other.members.get("y", place.other.other) is None
    assert compiled() is None


def shouted(value: Any, *texts: str, keys: bool = False) -> Any:
    return with_texts(value, compiled(*texts), lambda text, _: text.upper(), keys=keys)


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("a", {"a": ["X", {"b": "Y"}], "b": {"a": "z"}}),
        ("a.b", {"a": ["x", {"b": "Y"}], "b": {"a": "z"}}),
        ("..a", {"a": ["X", {"b": "Y"}], "b": {"a": "Z"}}),
        ("b..a", {"a": ["x", {"b": "y"}], "b": {"a": "Z"}}),
        ("*.a", {"a": ["x", {"b": "y"}], "b": {"a": "Z"}}),
        ("$", {"a": ["X", {"b": "Y"}], "b": {"a": "Z"}}),
        ("c", {"a": ["x", {"b": "y"}], "b": {"a": "z"}}),
    ],
)
def test_texts_at_and_below_a_path_are_changed(path: str, changed: Any) -> None:
    assert shouted({"a": ["x", {"b": "y"}], "b": {"a": "z"}}, path) == changed


def test_the_nearest_entry_counts_and_of_two_at_one_place_the_last() -> None:
    def marked(*paths: str) -> Any:
        tree = {"a": {"b": "", "c": ""}}
        return with_texts(tree, compiled(*paths), lambda _, entry: str(entry))["a"]

    assert marked("a.b", "$") == {"b": "0", "c": "1"}
    assert marked("..b", "a.b") == {"b": "1", "c": ""}
    assert marked("a.b", "..b") == {"b": "1", "c": ""}
    assert marked("a.{b,c}") == {"b": "0", "c": "1"}  # a path each


def test_a_text_at_the_top_is_changed_and_what_is_no_text_is_not() -> None:
    assert shouted("x", "$") == "X"
    assert shouted("x", "a") == "x"
    assert shouted([1, None, True, "x"], "$") == [1, None, True, "X"]


@given(TREES)
def test_what_stays_as_it_is_is_not_copied_and_what_came_is_not_changed(tree: Any) -> None:
    before = repr(tree)
    assert with_texts(tree, compiled("..a", "b"), lambda text, _: text, keys=True) is tree
    shouted(tree, "$", keys=True)
    assert repr(tree) == before


def test_keys_change_in_their_order_and_none_is_lost() -> None:
    tree = {"A": 1, "a": 2, "z": {"Z": 3}, "A2": 4, "AA": 5}
    assert list(shouted(tree, "$", keys=True).items()) == [
        ("A", 1),
        ("A3", 2),
        ("Z", {"Z": 3}),
        ("A2", 4),
        ("AA", 5),
    ]
    assert shouted({"a": {"b": {"c": 1}}}, "a", keys=True) == {"a": {"B": {"C": 1}}}


def test_keys_that_look_like_paths_are_keys() -> None:
    tree = {"a.b": "x", "a": {"b": "y"}, "..a": "z", "*": "w", "$": "v"}
    assert shouted(tree, '"a.b"', '"..a"', '"*"', "$.$") == {
        "a.b": "X",
        "a": {"b": "y"},
        "..a": "Z",
        "*": "W",
        "$": "V",
    }


def test_what_is_nested_too_deeply_is_told() -> None:
    deep: Any = "x"
    for _ in range(10_000):
        deep = [{"a": deep}]
    with pytest.raises(ValueError, match="nested too deeply"):
        shouted(deep, "..a")


@pytest.mark.parametrize(
    "texts", [["..a" + ".*" * 40], [f"..k{number}" for number in range(500)]], ids=["stars", "dots"]
)
def test_a_rule_that_would_need_too_many_places_is_refused(texts: list[str]) -> None:
    entries, _ = read_entries(enumerate(["a.b", *texts]))
    place, faults = compile_places(entries)
    assert place is not None
    (fault,) = faults
    number, message = fault
    assert message == (
        f"{join(entries[number].steps)!r}: with this there are too many `..` and `*` in one rule"
    )


def test_many_plain_paths_are_no_trouble() -> None:
    assert compiled(*[f"data.k{number}.x" for number in range(5000)])


def test_an_entry_without_a_path_is_told() -> None:
    entries, faults = read_entries([(0, "a..b"), (1, "a."), (2, "a as b"), (3, "{c,d}")])
    assert [(entry.index, join(entry.steps)) for entry in entries] == [
        (0, "a..b"),
        (3, "c"),
        (3, "d"),
    ]
    assert faults == [
        (1, "'a.', character 3: expected a key; the text ends"),
        (2, "'a as b': `as` gives no name here; write the path alone"),
    ]
