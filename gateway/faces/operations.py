"""One operation as an OpenAPI 3.1 Operation Object.

The operator's words are served as they are; the spec's own are shortened, and what changed
is a line of the ledger. Arguments stand where `Argument.served` says. An object in path or
query is a text of JSON, and so is each object in a list: models rarely get any other style
right. `calls` reads them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.faces.components import Components
from gateway.faces.schemas import Rewriter
from gateway.faces.texts import LONGEST
from gateway.media import kind
from gateway.plugin import Operation
from gateway.request.schemas import SCALARS, kinds, resolve
from gateway.values import Argument, Degraded, Schema

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
# Of an object's properties, in the description of a text of JSON; the words come before them.
_SHOWN_NAMES = 12
_SHOWN_CHARACTERS = 100
_LONGEST_EXAMPLE = 200  # characters of JSON; a longer one costs more than it shows
_NO_CONTENT = frozenset({"204", "205"})


def operation_object(
    operation: Operation, components: Components
) -> tuple[dict[str, Any], list[Degraded]]:
    """Write one operation.

    Returns:
        The object, and what was shortened or left out for it.
    """
    return _Writer(operation, components).write()


class _Writer:
    """Writes one operation and notes what it had to change."""

    def __init__(self, operation: Operation, components: Components) -> None:
        self._operation = operation
        self._components = components
        self._notes: list[str] = []

    def write(self) -> tuple[dict[str, Any], list[Degraded]]:
        """Write it; see `operation_object`."""
        operation = self._operation
        description = self._fit(operation.description, "its description")
        # Where the operator has said it better, the spec's line would only stand in the way:
        # some clients show a summary and never the description.
        summary = "" if operation.written else self._fit(operation.summary, "its summary")
        parameters = [
            self._parameter(each) for each in operation.arguments if each.served != "body"
        ]
        body = self._body([each for each in operation.arguments if each.served == "body"])
        responses = {
            **self._response(),
            "default": {"$ref": "#/components/responses/Error"},
        }
        served = {
            "operationId": operation.name,
            **({"summary": summary} if summary and summary != description else {}),
            **({"description": description} if description else {}),
            "x-openai-isConsequential": operation.consequential,
            **({"parameters": parameters} if parameters else {}),
            **({"requestBody": body} if body else {}),
            "responses": responses,
        }
        place = f"{operation.method} {operation.spec.key}"
        return served, [Degraded(place, note) for note in self._notes]

    def _fit(self, text: str, what: str, longest: int = LONGEST) -> str:
        short = self._components.words.fit(text, longest)
        if short != text.strip():
            self._notes.append(
                f"{what} is shortened from {len(text)} to {len(short)} characters "
                f"(at most {longest})"
            )
        return short

    def _parameter(self, argument: Argument) -> dict[str, Any]:
        schema, hint = self._text_form(argument)
        room = LONGEST - len(hint) - 1 if hint else LONGEST
        words = " ".join(filter(None, (self._words(argument, room), hint)))
        is_query_list = argument.served == "query" and schema.get("type") == "array"
        return {
            "name": argument.name,
            "in": argument.served,
            **({"description": words} if words else {}),
            **({"required": True} if argument.required or argument.served == "path" else {}),
            # The defaults of a query parameter, but readers differ in what they assume.
            **({"style": "form", "explode": True} if is_query_list else {}),
            "schema": {key: value for key, value in schema.items() if key != "description"},
            **self._example(argument, "example"),
        }

    def _text_form(self, argument: Argument) -> tuple[Schema, str]:
        """The schema of an argument in path or query, and a hint where it is a text of JSON."""
        upstream = self._components.upstream
        schema = _one_form(argument, upstream)
        taken = kinds(schema, upstream) - {"null"}
        if taken == {"object"}:
            return {"type": "string"}, f"JSON text of an object{_with(schema, upstream)}."
        if "object" in taken and taken & SCALARS and schema.keys() & {"anyOf", "oneOf"}:
            branch = next(one for one in _forms(schema, upstream) if "properties" in one)
            return {"type": "string"}, f"Or JSON text of an object{_with(branch, upstream)}."
        items = schema.get("items", True)
        if schema.get("type") == "array" and kinds(items, upstream) == {"object"}:
            hint = f"Each item is the JSON text of an object{_with(items, upstream)}."
            rest = {key: value for key, value in schema.items() if key != "items"}
            return {**self._schema(rest), "items": {"type": "string"}}, hint
        return self._schema(schema), ""

    def _words(self, argument: Argument, longest: int = LONGEST) -> str:
        words = argument.description or str(argument.schema.get("description") or "")
        return self._fit(words, f"the description of {argument.name!r}", longest)

    def _example(self, argument: Argument, key: str) -> dict[str, Any]:
        if argument.example is None:
            return {}
        length = len(json.dumps(argument.example, default=str))
        if length > _LONGEST_EXAMPLE:
            self._notes.append(f"the example of {argument.name!r} is left out: {length} characters")
            return {}
        return {key: [argument.example] if key == "examples" else argument.example}

    def _body(self, arguments: Sequence[Argument]) -> dict[str, Any] | None:
        """The request body: always JSON, whatever the upstream takes."""
        if not arguments:
            return None
        first = arguments[0]
        if first.source == ():
            schema = self._schema(first.schema)
            words = self._words(first)
            schema = {**schema, **self._example(first, "examples")}
        else:
            required = [each.name for each in arguments if each.required or each.together]
            schema = {
                "type": "object",
                "properties": {each.name: self._property(each) for each in arguments},
                **({"required": required} if required else {}),
            }
            words = ""
        return {
            **({"description": words} if words else {}),
            **({"required": True} if any(each.required for each in arguments) else {}),
            "content": {"application/json": {"schema": schema}},
        }

    def _property(self, argument: Argument) -> Schema:
        schema = self._schema(argument.schema)
        component = resolve(argument.schema, self._components.upstream)
        # A component that is referred to brings its own words.
        is_said = "$ref" in schema and argument.description == component.get("description")
        words = "" if is_said else self._words(argument)
        return {
            **schema,
            **({"description": words} if words else {}),
            **self._example(argument, "examples"),
        }

    def _schema(self, schema: Schema) -> Schema:
        """A request schema. Its own description is left to `_words`."""
        inner = {key: value for key, value in schema.items() if key != "description"}
        return self._rewritten(self._components.inputs, inner)

    def _rewritten(self, rewriter: Rewriter, schema: Schema) -> Schema:
        before = rewriter.shortened
        served: Schema = rewriter.schema(schema)
        if rewriter.shortened > before:
            count = rewriter.shortened - before
            self._notes.append(f"{count} descriptions in its schemas are shortened")
        return served

    def _response(self) -> dict[str, Any]:
        """The response of success: the answer as the gateway sends it."""
        operation, reply = self._operation, self._operation.spec.reply
        status = reply.status if re.fullmatch("2[0-9]{2}", reply.status) else "200"
        words = self._fit(reply.description, "the description of its answer") or "Success"
        if status in _NO_CONTENT or operation.method == "HEAD":
            return {status: {"description": words}}
        if kind(reply.content_type) == "json":
            rewriter = self._components.answers[operation.name]
            schema = self._rewritten(rewriter, operation.shrinker.schema)
            content = {"application/json": {"schema": schema}}
        elif kind(reply.content_type) == "binary" and operation.shrinker.budget.tokens:
            content = {"application/json": {"schema": _DESCRIBED}}
        else:
            # It passes as it is, under the type it has.
            essence = reply.content_type.partition(";")[0].strip().lower()
            text_type = essence if _MEDIA_TYPE.fullmatch(essence) else "text/plain"
            content = {text_type: {"schema": {"type": "string"}}}
        return {status: {"description": words, "content": content}}


# What stands for a binary answer (`shrinking.text`).
_DESCRIBED: Schema = {
    "type": "object",
    "properties": {
        "content_type": {"type": "string"},
        "bytes": {"type": "integer"},
        "note": {"type": "string"},
    },
}


def _one_form(argument: Argument, components: Mapping[str, Schema]) -> Schema:
    """An argument's schema without what no path or query can say: null, one value beside a list."""
    schema = argument.schema
    forms = [form for form in _forms(schema, components) if form.get("type") != "null"]
    chosen = [form for form in forms if form.get("type") == "array"] or forms
    if len(chosen) == 1:
        beside = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        schema = {**chosen[0], **beside}
    if isinstance(schema.get("type"), list):
        types = [each for each in schema["type"] if each != "null"]
        types = ["array"] if "array" in types else types
        schema = {**schema, "type": types[0] if len(types) == 1 else types}
        if "enum" in schema:
            schema["enum"] = [each for each in schema["enum"] if each is not None]
    return schema


def _forms(schema: Schema, components: Mapping[str, Schema]) -> list[Schema]:
    """The members of a union."""
    return [
        resolve(form, components) for form in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    ]


def _with(schema: Any, components: Mapping[str, Schema]) -> str:
    """Name the properties of an object, for a model that has to write its JSON."""
    declared = resolve(schema, components).get("properties")
    names = list(declared) if isinstance(declared, dict) else []
    shown = names[:_SHOWN_NAMES]
    while len(", ".join(shown)) > _SHOWN_CHARACTERS:
        shown.pop()
    more = ["…"] if len(names) > len(shown) else []
    return f" with {', '.join([*shown, *more])}" if shown else ""
