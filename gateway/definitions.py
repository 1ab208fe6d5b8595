"""The `$defs` of schemas that are written in place, as the components of a document. Pure.

Every schema there is a document of its own (JSON Schema 2020-12 §8.2), whose references lead to
its own `$defs`, by path or by anchor. In one OpenAPI document they are components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from gateway.values import Schema

_DEFS = "#/$defs/"
_COMPONENTS = "#/components/schemas/"
# What holds no schemas, so that a reference in it is data.
_DATA = frozenset({"enum", "const", "default", "examples", "example"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})


class Definitions:
    """Collects definitions; `schemas` are the components, by name."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def lifted(self, schema: Schema, owner: str) -> Schema:
        """A schema without its `$defs`, whose references lead to the components.

        `owner` is what they are called after, where their own name is taken.
        """
        definitions = schema.get("$defs")
        if not isinstance(definitions, dict) or not definitions:
            return schema
        targets: dict[str, str] = {}
        for name, one in definitions.items():
            component = name if name not in self.schemas else f"{owner}_{name}"
            while component in self.schemas:
                component += "_"
            self.schemas[component] = {}
            targets[_DEFS + name] = component
            if isinstance(one, dict) and isinstance(one.get("$anchor"), str):
                targets["#" + one["$anchor"]] = component
        for name, one in definitions.items():
            self.schemas[targets[_DEFS + name]] = _redirected(one, targets)
        rest = {key: value for key, value in schema.items() if key != "$defs"}
        redirected: Schema = _redirected(rest, targets)
        return redirected


def _redirected(node: Any, targets: Mapping[str, str]) -> Any:
    """A copy in which references to definitions lead to components."""
    if isinstance(node, list):
        return [_redirected(one, targets) for one in node]
    if not isinstance(node, dict):
        return node
    out: Schema = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            out[key] = _redirect(value, targets)
        elif key in _DATA:
            out[key] = value
        elif key in _NAMED and isinstance(value, dict):
            out[key] = {name: _redirected(one, targets) for name, one in value.items()}
        else:
            out[key] = _redirected(value, targets)
    return out


def _redirect(reference: str, targets: Mapping[str, str]) -> str:
    plain = unquote(reference).replace("~1", "/").replace("~0", "~")
    if plain in targets:
        name = targets[plain].replace("~", "~0").replace("/", "~1")
        return _COMPONENTS + name
    return reference


def reaches_out(schema: Schema) -> bool:
    """Whether a schema refers to anything but itself, its `$defs` and its anchors."""
    return any(not one.startswith("#") or one.startswith(_COMPONENTS) for one in _targets(schema))


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _targets(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            elif key in _NAMED and isinstance(value, dict):
                yield from _targets(list(value.values()))
            elif key not in _DATA:
                yield from _targets(value)
