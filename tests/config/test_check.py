from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway import yaml12
from gateway.config.check import check
from gateway.config.schema import SCHEMA
from gateway.config.sound import convert
from gateway.errors import Unreadable
from tests.config.test_cases import CASES
from tests.config.test_read import LEAVES, TREES, VALID, changed, paths

EDITOR = Draft202012Validator(SCHEMA)
NEEDED = {"plugin": "a", "operations": "all"}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", sorted(CASES.glob("*.yaml")), ids=lambda file: file.stem)
def test_an_editor_finds_fault_with_the_same_files(file: Any) -> None:
    try:
        tree = yaml12.load(file.read_bytes())
    except Unreadable:
        return
    assert EDITOR.is_valid(tree) == (not check(tree))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_passes_the_check_can_be_converted(data: st.DataObject) -> None:
    tree = data.draw(st.sampled_from([NEEDED, *VALID]))
    path = data.draw(st.sampled_from(paths(tree)[1:]))
    tree = changed(tree, path, data.draw(LEAVES | TREES))
    if not check(tree):
        convert(tree)
        assert EDITOR.is_valid(tree)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"timeout": "3s"}, "stands under upstream or at an operation"),
        ({"auth": {"service": {}, "user": {}}}, "cannot go together"),
        ({"upstream": {"credential": {"bearer": 5}}}, "found a number"),
        ({"title": "a", "limit": True}, "expected a rate such as"),
        ({"cache": False}, "write no"),
        ({"plugin": "a\n"}, "letters and digits"),
        ({"budget": 8000.0}, "found 8000.0"),
    ],
)
def test_the_message_says_what_is_allowed(tree: dict[str, Any], message: str) -> None:
    assert message in " ".join(fault.message for fault in check({**NEEDED, **tree}))


def test_no_message_speaks_of_forms_that_were_not_meant() -> None:
    for tree in ({"auth": {"user": {"sheme": "basic"}}}, {"spec": {"url": 5}}):
        (fault,) = check({**NEEDED, **tree})
        assert "anyOf" not in fault.message
        assert "valid under" not in fault.message
