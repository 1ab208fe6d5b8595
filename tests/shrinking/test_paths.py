"""The path language."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.paths import PathError, Step, join, parse


def read(text: str) -> list[str]:
    """Each leaf as base | rest as alias."""
    leaves = []
    for leaf in parse(text):
        alias = f" as {leaf.alias}" if leaf.alias else ""
        leaves.append(f"{join(leaf.base)} | {join(leaf.rest)}{alias}")
    return leaves


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("a", ["$ | a"]),
        ("a.b.c", ["$ | a.b.c"]),
        ("a.b as c", ["$ | a.b as c"]),
        ("a.{x,y}", ["a | x", "a | y"]),
        ("a.{x, y.z as w }", ["a | x", "a | y.z as w"]),
        ("{a,b.{c,d.{e}}}", ["$ | a", "b | c", "b.d | e"]),
        ("items[].id", ["$ | items[].id"]),
        ("m[][].x", ["$ | m[][].x"]),
        ("[].id", ["$ | id"]),
        ("$", ["$ | $"]),
        ("$[]", ["$ | $"]),
        ("$.data", ["$ | data"]),
        ("$[].data.{x}", ["data | x"]),
        ("rates.*", ["$ | rates.*"]),
        ("*.id", ["$ | *.id"]),
        ("a.*.{b,c}", ["a.* | b", "a.* | c"]),
        ('"a.b"."c d"', ['$ | "a.b"."c d"']),
        (r'"\u00e9".x', ["$ | é.x"]),
        ("@type.x-y.$ref", ["$ | @type.x-y.$ref"]),
        ('a as "b c"', ["$ | a as b c"]),
        ("as as as", ["$ | as as as"]),
        ("  a . b ", None),
        ("a .{ b }", None),
    ],
)
def test_a_path_is_read_as_it_looks(text: str, leaves: list[str] | None) -> None:
    if leaves is None:
        with pytest.raises(PathError):
            parse(text)
    else:
        assert read(text) == leaves


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'', character 1: expected a key; the text ends"),
        ("a.", "'a.', character 3: expected a key; the text ends"),
        (
            "a..b",
            "'a..b', character 3: `..` is not taken here; write the path from the top; found '.b'",
        ),
        (
            "..b",
            "'..b', character 1: `..` is not taken here; write the path from the top; found '..b'",
        ),
        (".b", "'.b', character 1: expected a key; found '.b'"),
        ("a.{b", "'a.{b', character 5: expected `,` or `}`; the text ends"),
        ("a.{}", "'a.{}', character 4: expected a key; found '}'"),
        (
            "a{b}",
            "'a{b}', character 2: expected the end, or `.` before a further step; found '{b}'",
        ),
        (
            "a[0]",
            (
                "'a[0]', character 3: expected `]`: items are taken all, not by their number; "
                "found '0]'"
            ),
        ),
        ("a b", "'a b', character 3: expected the end, or `.` before a further step; found 'b'"),
        ("a as *", "'a as *', character 7: expected a name after `as`; the text ends"),
        (r'"\x"', "'\"\\\\x\"', character 1: a quoted key takes JSON's escapes; found '\"\\\\x\"'"),
    ],
)
def test_what_is_no_path_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PathError) as caught:
        parse(text)
    assert str(caught.value) == message


@given(st.text(st.sampled_from('ab."{}[],* as$\\é'), max_size=25))
def test_any_text_is_read_or_blamed(text: str) -> None:
    with contextlib.suppress(PathError):
        assert parse(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_any_keys_can_be_written(keys: list[str]) -> None:
    steps = tuple(Step(key) for key in keys)
    assert parse(join(steps))[0].steps == steps


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("..self", ["..self"]),
        ("$..self", ["..self"]),
        ("[]..self", ["..self"]),
        ("a..b", ["a..b"]),
        ("a[]..b[]", ["a[]..b[]"]),
        ("..a..b.c", ["..a..b.c"]),
        ("..*", ["..*"]),
        ('.."x y"', ['.."x y"']),
        ("{..a,b.{c,..d}}", ["..a", "b.c", "b..d"]),
        ("$.a", ["a"]),
    ],
)
def test_a_key_anywhere_below_is_read_where_it_is_allowed(text: str, paths: list[str]) -> None:
    read = [leaf.steps for leaf in parse(text, anywhere=True)]
    assert [join(steps) for steps in read] == paths
    for path, steps in zip(paths, read, strict=True):
        assert parse(path, anywhere=True)[0].steps == steps
        assert any(step.anywhere for step in steps) is (".." in path)


@pytest.mark.parametrize("text", ["..", "$..", "a..", "...a", "$...a", "a...b", "..{a}", "a.. b{"])
def test_what_follows_two_dots_is_a_key(text: str) -> None:
    with pytest.raises(PathError):
        parse(text, anywhere=True)


@given(st.text(st.sampled_from('ab.."{}[],* as$'), max_size=25))
def test_any_text_with_dots_is_read_or_blamed(text: str) -> None:
    with contextlib.suppress(PathError):
        for leaf in parse(text, anywhere=True):
            assert leaf.alias or parse(join(leaf.steps), anywhere=True)[0].steps == leaf.steps


def test_braces_are_bounded() -> None:
    with pytest.raises(PathError, match="more than 16 braces"):
        parse("{" * 100_000)
