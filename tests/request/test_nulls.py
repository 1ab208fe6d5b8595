"""Null for what is left out, as strict modes of models' APIs have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Loaded
from gateway.config.sound import convert
from gateway.errors import BadArguments
from gateway.plugin import build

NAMED = {
    "type": "object",
    "properties": {"h": {"type": "integer"}, "i": {"type": "string"}},
    "required": ["i"],
}
BODY = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": "string"},
        "b": {"type": "integer"},
        "c": {"type": ["string", "null"]},
        "d": NAMED,
        "e": {"type": "array", "items": NAMED},
        "f": {"anyOf": [NAMED, {"type": "boolean"}]},
        "g": {"type": "array", "items": {"type": "string"}},
    },
}


def sent(arguments: dict[str, Any], *, heals: bool = True) -> Any:
    operation = {"call": "POST /x", "body": BODY}
    tree = {
        "plugin": "p",
        "upstream": {"url": "https://api.example.com"},
        "operations": {"x": operation},
    }
    plugin = build(Loaded(Path("p.yaml"), convert(tree)), None)
    body = plugin.operations["x"].build(arguments, {}, heals=heals).body
    return json.loads(body or b"null")


@pytest.mark.parametrize(
    ("given", "upstream"),
    [
        ({"b": None}, {}),
        ({"c": None}, {"c": None}),
        ({"d": None, "e": None, "f": None}, {}),
        ({"d": {"h": None, "i": "x"}}, {"d": {"i": "x"}}),
        (
            {"e": [{"h": None, "i": "x"}, {"h": 1, "i": "y"}]},
            {"e": [{"i": "x"}, {"h": 1, "i": "y"}]},
        ),
        ({"f": {"h": None, "i": "x"}}, {"f": {"i": "x"}}),
        ({"d": {"h": None, "i": "x"}, "b": "7"}, {"d": {"i": "x"}, "b": 7}),
    ],
)
def test_a_null_that_cannot_be_is_left_out(given: dict[str, Any], upstream: dict[str, Any]) -> None:
    assert sent({"a": "x", **given}) == {"a": "x", **upstream}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"a": None}, "'a' expected text, found null"),
        ({"a": "x", "d": {"i": None}}, "'d' at 'i'"),
        ({"a": "x", "g": [None]}, "'g'"),
        ({"a": "x", "b": None, "d": {"i": 1}}, "'d' at 'i'"),
    ],
)
def test_where_something_is_needed_null_is_a_fault(given: dict[str, Any], told: str) -> None:
    with pytest.raises(BadArguments) as caught:
        sent(given)
    assert told in caught.value.detail
    assert "'b'" not in caught.value.detail


def test_only_what_a_model_wrote_as_json_is_read_so() -> None:
    with pytest.raises(BadArguments):
        sent({"a": "x", "b": None}, heals=False)
