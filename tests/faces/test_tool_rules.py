"""Every tool of the project's configs and of public specs keeps to what all clients take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.faces.strict import MOST_CHARACTERS, MOST_PROPERTIES
from gateway.faces.tool import Tool, tools_of
from gateway.faces.tools import listing
from gateway.plugin import Plugin
from tests.draws import specs
from tests.oracles import rules
from tests.oracles.collecting import ROOT, configs, of_config, of_spec

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def check(plugin: Plugin) -> None:
    for tool in tools_of(plugin):
        assert faults(tool) == [], tool.name
    for one in listing(plugin, "openai").tools:
        if one.strict:
            assert strict_faults(one.form["parameters"]) == [], one.tool.name
    # What is written is JSON, whatever the spec brought.
    for target in ("openai", "anthropic", "gemini"):
        json.loads(listing(plugin, target).text.encode())


def faults(tool: Tool) -> list[str]:
    found = rules.faults(tool.portable)
    if tool.returns is not None:
        found += [f"its answer: {one}" for one in rules.faults(tool.returns, answer=True)]
    if not NAME.fullmatch(tool.name):
        found.append("its name")
    if not 0 < len(tool.title) <= 60 or "\n" in tool.title:
        found.append(f"its title {tool.title!r}")
    if not tool.description:
        found.append("no description")
    return found


def strict_faults(schema: dict[str, object]) -> list[str]:
    """By the rules of strict mode, written down once more."""
    found = []
    count = 0
    for node in rules.nodes(schema):
        if unknown := node.keys() - rules.STRICT:
            found.append(f"unknown {unknown}")
        if node.get("type") == "object":
            properties = list(node.get("properties", ()))
            count += len(properties)
            if node.get("additionalProperties") is not False or node.get("required") != properties:
                found.append(f"not closed: {properties}")
    if count > MOST_PROPERTIES or len(json.dumps(schema)) > 4 * MOST_CHARACTERS:
        found.append("too long")
    return found


@pytest.mark.parametrize("file", configs(), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_tools_of_the_projects_configs_keep_to_the_rules(file: Path) -> None:
    check(of_config(file))


@pytest.mark.parametrize("name", specs.names() or [None])
def test_the_tools_of_public_specs_keep_to_the_rules(name: str | None) -> None:
    if name is None:
        pytest.skip("the specs are not here")
    plugin = of_spec(name)
    if plugin is not None:
        check(plugin)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "null"]},
        {"type": "array"},
        {"type": "integer", "exclusiveMinimum": 1},
        {"anyOf": [True]},
        {"$ref": "#/$defs/A"},
        {"allOf": []},
        {},
    ],
)
def test_the_rules_see_what_breaks_them(schema: dict[str, object]) -> None:
    whole = {
        "type": "object",
        "properties": {"x": schema},
        "additionalProperties": False,
        **({"$defs": {"A": {"type": "string"}}} if "$ref" in schema else {}),
    }
    assert rules.faults(whole)
