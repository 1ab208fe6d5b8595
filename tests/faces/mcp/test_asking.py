"""What a user is asked: every argument named, nothing hidden, however long or odd it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadArguments
from gateway.faces.mcp.asking import Subject, check, question
from gateway.faces.mcp.endpoint import Endpoint
from gateway.plugin import Operation
from tests.faces.mcp.conftest import MakePlugin

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=80), inner),
)


@pytest.fixture(scope="module")
def operation(endpoint: Endpoint) -> Operation:
    return endpoint.tools["deleteThing"].tool.operation


def message(operation: Operation, arguments: dict[str, Any], title: str = "Remove it") -> str:
    asked = question("things", Subject(operation, title, arguments))
    text = asked["params"]["message"]
    assert isinstance(text, str)
    return text


def test_short_arguments_stand_there_as_json(operation: Operation) -> None:
    given: dict[str, Any] = {"id": 7, "tags": ["a", None], "deep": {"yes": True, "what": "\u00fc"}}
    text = message(operation, given)
    assert text.startswith("things: Remove it. Do this? With {")
    assert json.loads(text.partition(" With ")[2]) == given


def test_a_long_argument_hides_none_behind_it(operation: Operation) -> None:
    text = message(operation, {"note": "x" * 5000, "everything": True})
    assert '"everything":true' in text
    assert '"note":"xxx' in text
    assert 'x"\u2026' in text  # outside of the quotes: no text can say that it was cut
    assert len(text) < 1200


def test_a_long_member_hides_none_behind_it_either(operation: Operation) -> None:
    text = message(operation, {"body": {"note": ["x" * 5000] * 90, "everything": True}})
    assert '"everything":true' in text
    assert "80 more" in text or "60 more" in text


def test_very_many_arguments_are_named_and_those_left_out_counted(operation: Operation) -> None:
    many = {f"argument{number}": {"a" * 50: ["x" * 100] * 9} for number in range(45)}
    text = message(operation, {**many, "everything": True})
    assert all(f'"{name}":' in text for name in many)
    assert '"everything":true' in text
    more = {f"argument{number}": "x" * 100 for number in range(7000)}
    assert "6,950 more" in message(operation, more)


@pytest.mark.parametrize(
    "odd", ["\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\x1b", "\x7f", "\u2028", "\u00a0",
            "\u3164", "\U000e0041", "\u0085"]
)  # fmt: skip
def test_what_nobody_sees_is_escaped(operation: Operation, odd: str) -> None:
    text = message(operation, {f"a{odd}b": f"c{odd}d"}, title=f"Remove{odd}it")
    assert odd not in text
    assert text.isprintable()
    assert json.loads(text.partition(" With ")[2]) == {f"a{odd}b": f"c{odd}d"}


@given(st.dictionaries(st.text(max_size=80), JSON, max_size=20))
def test_whatever_the_arguments_are_the_question_is_short_and_visible(
    operation: Operation, arguments: dict[str, Any]
) -> None:
    text = message(operation, arguments)
    assert text.isprintable()
    assert len(text) < 20_000
    for name in arguments:
        assert name[:60] in text or not (name.isascii() and name.isalnum())


def test_what_is_deep_is_only_named(operation: Operation) -> None:
    value: Any = "deepest"
    for _ in range(400):
        value = [value]
    text = message(operation, {"deep": value, "id": 7})
    assert "[\u2026]" in text
    assert '"id":7' in text


def test_the_choice_of_fields_is_no_argument_of_the_upstream(plugin_of: MakePlugin) -> None:
    plugin = plugin_of(
        """
        plugin: things
        contact: a@example.com
        upstream: {url: "http://127.0.0.1:1"}
        operations:
          removeThing:
            call: DELETE /things
            description: Remove it.
            confirm: true
            choose: true
            returns: {type: object, properties: {id: {type: integer}, name: {type: string}}}
        """
    )
    operation = plugin.operations["removeThing"]
    assert operation.shrinker.choice is not None
    name = operation.shrinker.choice.argument.name
    check(operation, {name: ["id"]}, {})
    with pytest.raises(BadArguments, match="nope"):
        check(operation, {name: ["nope"]}, {})
