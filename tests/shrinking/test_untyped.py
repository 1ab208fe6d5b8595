"""Schemas of answers without types, in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shrinking.untyped import composed, untyped
from gateway.values import Schema

STRING: Schema = {"type": "string"}
SAID: Schema = {"description": "string"}
OBJECT: Schema = {"type": "object", "properties": {"a": STRING}}
UNTYPED: Schema = {"properties": {"a": SAID}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (STRING, SAID),
        ({"anyOf": [STRING, {"type": "integer"}]}, {"description": "string or integer"}),
        ({"anyOf": [STRING, OBJECT]}, {"anyOf": [UNTYPED, SAID]}),
        ({"anyOf": [OBJECT, {"nullable": True}]}, UNTYPED),
        ({"anyOf": [OBJECT, OBJECT], "title": "t"}, {**UNTYPED, "title": "t"}),
        ({"allOf": [OBJECT], "anyOf": [OBJECT, OBJECT]}, UNTYPED),
        ({"type": "object", "allOf": [OBJECT]}, UNTYPED),
        ({"type": "object", "allOf": [{}]}, {"description": "object"}),
        ({**OBJECT, "allOf": [{"title": "t"}]}, {**UNTYPED, "allOf": [{"title": "t"}]}),
    ],
)
def test_a_type_becomes_a_word_where_nothing_else_says_it(schema: Schema, expected: Schema) -> None:
    assert untyped(schema) == expected


WORDS = st.dictionaries(st.sampled_from(["title", "description"]), st.sampled_from("ab"))
SCHEMAS = st.recursive(
    WORDS,
    lambda inner: st.builds(
        composed, WORDS | st.builds(lambda one: {"items": one}, inner), st.lists(inner),
        st.lists(inner),
    ),
    max_leaves=12,
)  # fmt: skip


@given(SCHEMAS)
def test_what_has_the_form_keeps_it(schema: Schema) -> None:
    assert untyped(schema) == schema
