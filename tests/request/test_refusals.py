"""What a model reads when its call cannot be made."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.types import Parameter
from gateway.errors import BadArguments
from gateway.request import bind
from gateway.values import SpecBody, SpecOperation, SpecParameter

OPERATION = SpecOperation(
    "POST",
    "/teams/{id}",
    "/teams/{id}",
    parameters=(
        SpecParameter("id", "path", {"type": "integer"}, True, style="simple"),
        SpecParameter("season", "query", {"type": "string"}, True, example="2024"),
        SpecParameter("cursor", "query", {"type": "string"}),
    ),
    body=SpecBody("application/json", "json", {"required": ["n"], "properties": {"n": {}}}, True),
)
BUILD = bind(OPERATION, {}, {"cursor": "hide", "season": Parameter()}).build(
    "https://secret.example"
)


def refusal(call: dict[str, Any]) -> BadArguments:
    with pytest.raises(BadArguments) as caught:
        BUILD(call, {})
    return caught.value


def test_all_faults_are_told_at_once() -> None:
    told = refusal({"id": {"a": 1}, "saeson": "x", "cursor": "y", "n": "\ud800"})
    assert told.detail == (
        "'saeson' is not an argument of this operation; did you mean 'season'? "
        "'cursor' is not offered by this plugin. "
        "'id' expected an integer, found {\"a\":1}. "
        "'n' holds text that is not valid Unicode. "
        "'season' is required."
    )


def test_a_right_call_is_shown_and_is_right() -> None:
    example = refusal({}).example
    assert example == {"id": 1, "season": "2024", "n": "text"}
    assert BUILD(example, {}).url == "https://secret.example/teams/1?season=2024"


def test_a_refusal_never_tells_the_upstreams_address() -> None:
    assert "secret.example" not in refusal({"id": "..", "season": "x", "n": 1}).detail


def test_a_flood_of_names_is_told_shortly() -> None:
    told = refusal({"x" * 10_000 + str(number): 1 for number in range(1_000)})
    assert len(told.detail) < 2_000
    assert "992 more names" in told.detail


def test_an_operation_without_arguments_says_so() -> None:
    build = bind(SpecOperation("GET", "/", "/"), {}, {}).build("https://h")
    with pytest.raises(BadArguments, match="it takes none"):
        build({"x": 1}, {})
