from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import read_configs
from gateway.errors import BadArguments
from gateway.loading import load_plugin
from gateway.request.check import checker
from gateway.request.sample import sample, sample_call
from gateway.values import Argument

COMPONENTS: dict[str, Any] = {
    "Tree": {"required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Tree"}}},
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "minLength": 8},
        {"type": "integer", "minimum": 5},
        {"type": "integer", "maximum": 0},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "integer"}},
        {"enum": ["a", "b"]},
        {"const": 7},
        {"type": "integer", "default": 3},
        {"type": "string", "examples": ["x"]},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"required": ["a"], "properties": {"a": {"type": "boolean"}, "b": {}}},
        {"type": "null"},
        {},
    ],
)
def test_a_sample_fits_its_schema(schema: Any) -> None:
    assert checker(schema, {})(sample(schema, {})) is None


@pytest.mark.parametrize(
    "schema", [{"$ref": "#/components/schemas/Tree"}, {"$ref": "#/gone"}, True]
)
def test_a_sample_of_anything_comes_to_an_end(schema: Any) -> None:
    sample(schema, COMPONENTS)


def test_a_sample_call_holds_what_is_required_else_the_first_that_has_an_example() -> None:
    arguments = [
        Argument("a", "query", ("a",), {"type": "integer"}, required=True),
        Argument("b", "query", ("b",), {"type": "integer"}, example=0),
        Argument("c", "query", ("c",), {"type": "integer"}),
        Argument("d", "query", ("d",), {"type": "string"}, example="x" * 1_000),
        Argument("e", "path", ("e",), {"type": "object"}, required=True),
    ]
    assert sample_call(arguments, {}) == {"a": 1, "e": {"name": "text"}}
    optional = [Argument(name, "query", (name,), {}, example=name) for name in "xyz"]
    assert sample_call([arguments[2], arguments[3], *optional], {}) == {"x": "x"}


@pytest.mark.parametrize(
    "name",
    ["adyen_terminal_noopid.json", "cafe_3.2.yaml", "alertmanager_swagger2.yaml",
     "spotify_fixed.yml", "spotify_restbench.json"],
)  # fmt: skip
async def test_no_refusal_of_a_real_operation_shows_an_example_that_is_refused(
    specs: Path, tmp_path: Path, name: str
) -> None:
    config = {"plugin": "t", "spec": str(specs / name), "operations": "all"}
    config["upstream"] = {"url": "https://h.example"}  # type: ignore[assignment]
    (tmp_path / "t.yaml").write_text(json.dumps(config))
    plugin = await load_plugin(read_configs([tmp_path / "t.yaml"], {})[0])
    shown = 0
    for operation in plugin.operations.values():
        with pytest.raises(BadArguments) as refusal:
            operation.build({"no such argument": 1}, {})
        if refusal.value.example is not None:
            operation.build(refusal.value.example, {})
            shown += 1
    assert shown > len(plugin.operations) * 2 / 3
