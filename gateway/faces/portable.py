"""JSON Schemas as every client of tools digests them: inlined, with the plainest keywords. Pure.

What stands here was seen in clients: some resolve no `$ref`, some refuse lists of types, `allOf`,
`const` or exclusive bounds, some arrays without `items`, some what has no type at all. So each
reference is replaced by what it leads to, unless it leads back to itself: those components stand
in the tool's own `$defs`. `allOf` is merged, `oneOf` is `anyOf`, null is one of several forms.

What cannot be said so is said in words, or not at all: a portable schema may allow more than the
one it was made of, since the gateway checks every call against that one. Of an answer, it never
allows less.

What a component becomes is made once and shared by all that refer to it, so a schema that leads
to the next one in ten ways, fifty times, costs fifty steps; its length is known before it is
written, and what is too long or too deep is only named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.faces.circular import groups, leads_back
from gateway.faces.joined import ANYTHING, joined
from gateway.faces.plainer import (
    BOUNDS,
    UNSAID,
    add_words,
    alternatives,
    needs_of,
    of_kind,
    set_bounds,
    types_of,
    walk,
    with_words,
)
from gateway.faces.schemas import references
from gateway.request.schemas import REFERENCE, kinds
from gateway.values import Schema

DEPTH = 32  # objects in objects: deeper than any spec whose bodies people write
DEFS = "#/$defs/"
HEADER = "x-mcp-header"  # which header repeats an argument, in MCP
_NULL: Schema = {"type": "null"}
_SAID = ("title", "description", "default", HEADER)  # of the value, whatever its form
_ANYTHING_SIZE = 180
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True, slots=True)
class Made:
    """A portable schema: characters that it takes, objects in objects; whether any component is
    in it, and of a recursive one, which others it refers to."""

    schema: Schema
    size: int
    height: int
    refers: bool
    uses: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Frame:
    size: int = 0
    height: int = 0
    refers: bool = False


class Portable:
    """Makes schemas portable that refer to some components.

    `named` counts what was only named, for its length or depth; `unsaid` the keywords that
    were left out, `header` is whether one was met that repeats an argument.
    """

    def __init__(self, components: Mapping[str, Schema], most: int, *, answers: bool) -> None:
        """`most` are the characters of the longest schema; `answers` may not be narrowed."""
        self.named = 0
        self.unsaid: dict[str, None] = {}
        self.header = False
        self.most = most
        self._answers = answers
        self._components = components
        self._done: dict[str, Made] = {}
        self._circular: set[str] = set()
        self._cut: set[str] = set()
        self._frame = _Frame()
        self._make_all(components, lambda name: references(components[name]))

    def _make_all(self, names: Collection[str], refers: Callable[[str], Iterable[str]]) -> None:
        for group in groups(names, refers):
            self._make(group, circular=len(group) > 1 or group[0] in set(refers(group[0])))

    def _make(self, group: Sequence[str], *, circular: bool) -> None:
        """Components that refer to one another, or one that refers to none of those to come."""
        self._circular.update(group if circular else ())
        made = {name: self.made(self._components[name]) for name in group}
        if circular and sum(one.size for one in made.values()) > self.most // 2:
            self._circular.difference_update(group)
            self._cut.update(group)
            made = {name: self.made(self._components[name]) for name in group}
            self._cut.difference_update(group)
        elif circular:
            uses = {name: frozenset(used_by(one.schema)) for name, one in made.items()}
            schemas = {name: one.schema for name, one in made.items()}
            aliases = {
                n: one["$ref"].removeprefix(DEFS) for n, one in schemas.items() if "$ref" in one
            }
            loops = {name for name in aliases if leads_back(name, aliases)}
            parts = list(groups(uses, lambda name: uses[name] - loops))
            if loops or len(parts) > 1 or (len(group) == 1 and group[0] not in uses[group[0]]):
                # What led round is gone: it stood among the members of what is a text, say.
                self._circular.difference_update(group)
                for name in loops:
                    self._done[name] = Made(self._filled({}), _ANYTHING_SIZE, 1, refers=True)
                self._make_all(uses.keys() - loops, lambda name: uses[name] - loops)
                return
            made = {name: replace(one, uses=uses[name]) for name, one in made.items()}
        self._done.update(made)

    def begin(self) -> None:
        """Count anew what is only named or left out, and whether a header is met."""
        self.named = 0
        self.unsaid = {}

    def notes(self) -> list[str]:
        """What was counted, for the ledger."""
        unsaid = ", ".join(self.unsaid)
        return [
            *([f"{self.named} schemas of its tool are only named"] if self.named else []),
            *([f"its tool does not say {unsaid}: few clients read that"] if unsaid else []),
        ]

    def made(self, schema: Any) -> Made:
        """Make a schema portable."""
        self._frame = frame = _Frame()
        converted = self._schema(schema, 1)
        return Made(converted, frame.size, frame.height, frame.refers)

    def definitions(self, schemas: Iterable[Schema]) -> tuple[dict[str, Schema], int]:
        """The recursive components that some use, and those that these use; their size."""
        found: dict[str, Schema] = {}
        waiting, size = sorted({use for one in schemas for use in used_by(one)}, reverse=True), 0
        while waiting:
            name = waiting.pop()
            if name not in found:
                one = self._done[name]
                found[name] = one.schema
                size += one.size + len(name)
                waiting += sorted(one.uses, reverse=True)
        return found, size

    def bare(self, schema: Schema) -> Schema:
        """A portable schema without its members: its types and its words."""
        said = {key: schema[key] for key in _SAID if key in schema}
        target = self._target(schema)
        forms = [target] if "type" in target else map(self._target, target.get("anyOf", ()))
        types = dict.fromkeys(form.get("type") for form in forms)
        if not types or None in types:  # one of them may be anything
            return self._filled(said)
        bare = [self._array({}) if one == "array" else {"type": one} for one in types]
        return {**said, **(bare[0] if len(bare) == 1 else {"anyOf": bare})}

    def _target(self, schema: Schema) -> Schema:
        made = self._done.get(schema.get("$ref", "").removeprefix(DEFS))
        return schema if made is None else made.schema

    # --- one schema -----------------------------------------------------------------------------

    def _schema(self, node: Any, depth: int, *, fill: bool = True) -> Schema:
        """`fill` says what is said of nothing: any value."""
        if not isinstance(node, dict):  # true; false stands where no value can
            node = {}
        self._frame.height = max(self._frame.height, depth)
        if depth > DEPTH:
            self.named += 1
            return self._filled({})
        for key in UNSAID:
            if key in node:
                self.unsaid[key] = None
        if "$ref" in node:
            out = self._reference(node, depth)
        elif isinstance(node.get("allOf"), list):
            rest = {key: value for key, value in node.items() if key != "allOf"}
            members = [one for one in node["allOf"] if isinstance(one, dict)]
            first = self._schema(rest, depth, fill=False)
            out = joined([first, *(self._part(one, depth) for one in members)])
        else:
            out = self._forms(node, depth)
        return self._filled(out) if fill else out

    def _part(self, member: Schema, depth: int) -> Schema:
        """What stands in an `allOf`: to be joined, it must not be a reference."""
        converted = self._schema(member, depth, fill=False)
        target = converted.get("$ref", "")
        made = self._done.get(target.removeprefix(DEFS))
        if made is None:
            return converted
        self._frame.size += made.size
        return made.schema

    def _filled(self, schema: Schema) -> Schema:
        if self._answers or schema.keys() & {"type", "anyOf", "$ref", "enum"}:
            return schema
        self._frame.size += _ANYTHING_SIZE
        return {**schema, "anyOf": ANYTHING}

    def _reference(self, node: Schema, depth: int) -> Schema:
        name = node["$ref"].removeprefix(REFERENCE)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        frame = self._frame
        frame.refers = True
        if name in self._circular and name not in self._cut:
            frame.size += len(DEFS) + len(name) + 12
            return with_words({"$ref": DEFS + name}, self._said(beside))
        made = self._done.get(name)
        if made is None:  # of the circle that is too long to be written
            self.named += 1
            return self._named(self._components[name], beside)
        if frame.size + made.size > self.most or depth + made.height > DEPTH:
            self.named += 1
            return {**self.bare(made.schema), **self._said(beside)}
        frame.size += made.size
        frame.height = max(frame.height, depth + made.height)
        if beside.keys() <= {*_SAID, "examples"}:
            return with_words(made.schema, self._said(beside))
        return joined([self._schema(beside, depth, fill=False), made.schema])

    def _named(self, component: Schema, beside: Schema) -> Schema:
        """What stands for a component whose members are not written."""
        kind = component.get("type")
        if not isinstance(kind, str):
            taken = frozenset[str]() if self._answers else kinds(component, self._components)
            known = taken - {"integer"} if "number" in taken else taken
            kind = next(iter(known)) if len(known) == 1 else None
        words = {"description": component["description"]} if "description" in component else {}
        bare = {} if kind is None else self._array({}) if kind == "array" else {"type": kind}
        return {**bare, **self._said({**words, **beside})}

    def _said(self, node: Schema) -> Schema:
        """What is said of a value beside its form; its examples as words."""
        said = {key: node[key] for key in _SAID if key in node}
        self.header = self.header or HEADER in said
        self._frame.size += sum(len(key) + len(str(value)) + 6 for key, value in said.items())
        examples = node.get("examples")
        if isinstance(examples, list) and examples:
            text = json.dumps(examples[0], ensure_ascii=False, default=str)
            if len(text) <= _LONGEST_EXAMPLE:
                add_words(said, f"Example: {text}.")
        return said

    def _forms(self, node: Schema, depth: int) -> Schema:
        """Null, and each of several types, are forms of their own."""
        said, values = self._said(node), node.get("enum")
        if "const" in node:
            values = [node["const"]]
        types = types_of(node, values, guess=not self._answers)
        if len(types) <= 1:
            return self._form(node, types[0] if types else None, values, said, depth)
        forms = [
            self._form(node, one, of_kind(values, one), {}, depth)
            for one in types
            if one != "null" and (values is None or of_kind(values, one))
        ]
        self._frame.size += 30 * len(types)
        spliced = [inner for form in forms for inner in alternatives(form)]
        if "null" in types and _NULL not in spliced:
            spliced.append(_NULL)
        if not spliced:  # an enum without a value of any of the types
            return self._form(node, types[0], None, said, depth)
        if len(spliced) == 1:
            return with_words(spliced[0], said)
        return {**said, "anyOf": spliced}

    def _form(
        self, node: Schema, kind: str | None, values: Any, said: Schema, depth: int
    ) -> Schema:
        out: Schema = {} if kind is None else {"type": kind}
        out.update(said)
        if isinstance(values, list) and kind != "null":
            out["enum"] = values
        for key in BOUNDS.get(kind or "", ()):
            if key in node:
                out[key] = node[key]
        if kind == "object" or (kind is None and "properties" in node):
            self._object(node, out, depth)
        elif kind == "array":
            out.update(self._array(node, depth))
        elif kind is None and isinstance(node.get("items"), dict) and "prefixItems" not in node:
            out["items"] = self._schema(node["items"], depth + 1)
        elif kind in ("number", "integer"):
            set_bounds(node, out, whole=kind == "integer")
        elif kind == "string" and node.get("contentEncoding") == "base64":
            add_words(out, "Base64.")
        plain = (value for key, value in out.items() if key not in ("properties", "items", *_SAID))
        self._frame.size += 12 + sum(len(str(value)) + 12 for value in plain if value is not None)
        return self._choices(node, out, depth) if kind != "null" else out

    def _object(self, node: Schema, out: Schema, depth: int) -> None:
        properties = node.get("properties")
        if isinstance(properties, dict) and properties:
            shown = {name: one for name, one in properties.items() if one is not False}
            self._frame.size += sum(len(name) + 8 for name in shown)
            out["properties"] = {name: self._schema(one, depth + 1) for name, one in shown.items()}
        required = node.get("required")
        if isinstance(required, list) and required:
            known = out.get("properties", {})
            # Some clients refuse what requires a property that it does not declare.
            names = [one for one in required if one in known or self._answers]
            if names:
                out["required"] = names
        rest = node.get("additionalProperties")
        patterns = node.get("patternProperties")
        if isinstance(patterns, dict) and patterns:
            open_ = self._answers and not isinstance(rest, dict) and rest is not False
            forms = [one for one in (rest, *patterns.values()) if isinstance(one, dict)]
            rest = {} if open_ else forms[0] if len(forms) == 1 else {"anyOf": forms}
        if rest is False:
            out["additionalProperties"] = False
        elif isinstance(rest, dict) and rest:
            out["additionalProperties"] = self._schema(rest, depth + 1)

    def _array(self, node: Schema, depth: int = 1) -> Schema:
        items, prefix = node.get("items"), node.get("prefixItems")
        if isinstance(prefix, list) and prefix:
            rest = [items] if isinstance(items, dict) else []
            items = {} if self._answers and items is not False else {"anyOf": [*prefix, *rest]}
        if not isinstance(items, dict):
            items = {}
        return {"type": "array", "items": self._schema(items, depth + 1)}

    def _choices(self, node: Schema, out: Schema, depth: int) -> Schema:
        """Add what is one of several; `oneOf` counts where there is no `anyOf`."""
        for key in ("anyOf", "oneOf"):
            members = node.get(key)
            if not isinstance(members, list) or not members or any(one is True for one in members):
                continue
            members = [one for one in members if isinstance(one, dict)]
            if not members:
                continue
            if needs := needs_of(members):
                add_words(out, needs)
                continue
            if "anyOf" in out:
                self.unsaid[key] = None
                continue
            out = self._with_choices(members, out, depth)
        return out

    def _with_choices(self, members: list[Schema], out: Schema, depth: int) -> Schema:
        kind = out.get("type")
        forms: list[Schema] = []
        for one in members:
            form = self._schema(one, depth, fill=kind is None)
            if kind is not None and not form.keys() & {"type", "anyOf", "$ref", "enum"}:
                form = {"type": kind, **form}
                if kind == "array" and "items" not in form:
                    form["items"] = out["items"]
            for each in alternatives(form):
                if not any(each is known or each == known == _NULL for known in forms):
                    forms.append(each)
        if any(not one for one in forms):  # of an answer: one of them is anything
            return out
        if len(forms) == 1:
            return joined([out, forms[0]])
        self._frame.size += 12 + 2 * len(forms)
        return {**out, "anyOf": forms} if forms else out


def used_by(schema: Schema) -> Iterator[str]:
    """Yield the recursive components that a portable schema refers to."""
    for node in walk(schema):
        if "$ref" in node:
            yield node["$ref"].removeprefix(DEFS)
