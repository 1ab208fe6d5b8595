from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.request.templates import HOLE, template


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("/a", "/a", []),
        ("/{x}", "/1", ["1"]),
        ("/{x}", "/", None),
        ("/{x}.{ext}", "/a.b.json", ["a.b", "json"]),
        ("/{x}-{y}", "/---", ["-", "-"]),
        ("/{x}-{y}", "/--", None),
        ("/{x}{y}", "/abc", ["ab", "c"]),
        ("/a{x}a", "/aa", None),
        ("/v{v}/{x}", "/v1/2", ["1", "2"]),
    ],
)
def test_the_earlier_hole_takes_as_much_as_it_can(
    text: str, path: str, values: list[str] | None
) -> None:
    assert template(text).match(path.split("/")) == values


PIECES = st.lists(st.sampled_from(["{x}", "{y}", "-", "a", "--", ".j", "/"]), max_size=7)


@given(PIECES, st.text("-a.j/", max_size=12))
def test_a_template_matches_as_its_regular_expression_would(pieces: list[str], path: str) -> None:
    text = "/" + "".join(pieces)
    parts = re.split(r"(\{[^{}]*\})", text)
    pattern = "".join("([^/]+)" if part[:1] == "{" else re.escape(part) for part in parts)
    found = re.fullmatch(pattern, "/" + path)
    assert template(text).match(["", *path.split("/")]) == (list(found.groups()) if found else None)
    assert template(text).names == tuple(HOLE.findall(text))
