"""Schemas as they are served: without noise, shortened, under component names of our own.

Knows which keywords of JSON Schema 2020-12 hold schemas, so that a property called `example`
or `x-rate` is not taken for a keyword. Answers and requests have each their own form of a
component (an answer's is lenient), so both may be needed under one name: the answer keeps the
plain name, since a model reads more answers, and the request's is called `…Input`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Literal

from gateway.faces.texts import Words
from gateway.values import Schema

_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset(
    {
        "items", "additionalProperties", "not", "if", "then", "else", "contains",
        "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    }
)  # fmt: skip
# Says nothing of a value's form that a model needs; a discriminator names components by text.
_NOISE = frozenset(
    {
        "example", "examples", "xml", "externalDocs", "discriminator", "readOnly", "writeOnly",
        "$comment", "$schema", "$id", "$anchor",
    }
)  # fmt: skip
_REF = "#/components/schemas/"
_UNCLEAN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Rewriter:
    """How schemas of one side are rewritten. `names` maps upstream names to served ones.

    `left_out` is the keyword that takes a property out: `readOnly` of requests, `writeOnly` of
    answers. `shortened` counts the descriptions that were; `met` are the upstream's names of
    the components that were referred to, each once.
    """

    names: dict[str, str]
    left_out: Literal["readOnly", "writeOnly"]
    words: Words
    shortened: int = 0
    met: dict[str, None] = field(default_factory=dict)

    def schema(self, schema: Any) -> Any:
        """Rewrite a schema and those inside it; not the components it refers to."""
        if not isinstance(schema, dict):
            return schema  # true, false
        served: Schema = {}
        for key, value in schema.items():
            if key in _NOISE or key.startswith("x-"):
                continue
            if key == "$ref":
                name = _target(value)
                self.met[name] = None
                served[key] = _REF + self.names[name]
            elif key == "description":
                served[key] = self._text(value)
            elif key in _BY_NAME and isinstance(value, dict):
                served[key] = {
                    name: self.schema(each)
                    for name, each in value.items()
                    if not (isinstance(each, dict) and each.get(self.left_out) is True)
                }
            elif key in _LISTS and isinstance(value, list):
                served[key] = [self.schema(each) for each in value]
            elif key in _SINGLE:
                served[key] = self.schema(value)
            else:
                served[key] = value
        return self._without_missing(schema, served)

    def _text(self, text: Any) -> str:
        fitting = self.words.fit(str(text))
        self.shortened += fitting != str(text).strip()
        return fitting

    def _without_missing(self, schema: Schema, served: Schema) -> Schema:
        """Take properties that were left out off `required`."""
        properties, required = schema.get("properties"), served.get("required")
        if isinstance(properties, dict) and isinstance(required, list):
            gone = properties.keys() - served["properties"].keys()
            if gone:
                served["required"] = [name for name in required if name not in gone]
                if not served["required"]:
                    del served["required"]
        return served


def _target(reference: str) -> str:
    return reference.removeprefix(_REF).replace("~1", "/").replace("~0", "~")


def references(schema: Any) -> Iterator[str]:
    """Yield the names of the components a schema refers to directly, as written."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key == "$ref":
            yield _target(value)
        elif key in _BY_NAME and isinstance(value, dict):
            for each in value.values():
                yield from references(each)
        elif key in _LISTS and isinstance(value, list):
            for each in value:
                yield from references(each)
        elif key in _SINGLE:
            yield from references(value)


# By identity, and the component with it, so that no other one can take its identity.
Memo = dict[int, tuple[Schema, list[str]]]


def reached(
    schemas: Iterable[Any], components: Mapping[str, Schema], direct: Memo
) -> dict[str, Schema]:
    """Return the components that schemas reach, in the order they are met.

    `direct` remembers what each component refers to: operations share most of them.
    """
    found: dict[str, Schema] = {}
    waiting = [name for schema in schemas for name in references(schema)][::-1]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = component = components[name]
        if id(component) not in direct:
            direct[id(component)] = component, list(references(component))[::-1]
        waiting.extend(direct[id(component)][1])
    return found


@dataclass(slots=True)
class Names:
    """Hands out component names, each once."""

    taken: set[str] = field(default_factory=lambda: {"Error"})

    def give(self, names: Iterable[str], suffix: str = "") -> dict[str, str]:
        """Give each name a clean one; `suffix` is added only where the plain one is taken."""
        return {name: self._free(_UNCLEAN.sub("_", name) or "_", suffix) for name in names}

    def _free(self, plain: str, suffix: str) -> str:
        numbered = (f"{plain}{suffix}_{number}" for number in count(2))
        free = next(n for n in chain((plain, plain + suffix), numbered) if n not in self.taken)
        self.taken.add(free)
        return free
